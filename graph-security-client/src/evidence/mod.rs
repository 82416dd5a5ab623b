//! Evidence: what an alert involves. All types of the schema have fields of their own; a type that is newer is open, and
//! whole.
//!
//! Page: "alertEvidence resource type" and its descendants.

mod kinds;
mod part;
mod reading;
mod words;

use std::fmt;

use chrono::{DateTime, Utc};
use pocketsoc_model::{Error, ErrorKind, RawJson, Result};
use pocketsoc_transport::lenient::{self, Name};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

pub use kinds::*;
pub use part::Part;
pub(crate) use reading::{Fields, Told};
use reading::{Kept, Reader as _, Text, Texts, Time, Word, Words, fields};
pub use words::*;

use crate::words::{EvidenceRole, EvidenceVerdict, RemediationStatus};

/// Deeper than that evidence does not lie within evidence.
const DEEPEST: u32 = 100;

/// One piece of evidence.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Evidence {
    /// What every piece has.
    pub common: EvidenceCommon,
    /// What is its own type's.
    pub detail: EvidenceDetail,
    /// Members that are not typed, under the service's names, as they came: of an unknown type all that is its own. What
    /// is new within a typed member is in the [`Part`]'s own, else in the alert's [`raw`](crate::Alert::raw) only.
    pub more: Vec<(String, RawJson)>,
}

fields! {
    /// What every piece of evidence has.
    pub struct EvidenceCommon {
        /// When it became evidence.
        created_date_time: Option<DateTime<Utc>> = "createdDateTime" as Time,
        /// The automated investigation's verdict.
        verdict: Option<EvidenceVerdict> = "verdict" as Word<EvidenceVerdict>,
        /// What has been done about it.
        remediation_status: Option<RemediationStatus> = "remediationStatus" as Word<RemediationStatus>,
        /// More on what has been done about it.
        remediation_status_details: Option<String> = "remediationStatusDetails" as Text,
        /// Its parts in the attack.
        roles: Vec<EvidenceRole> = "roles" as Words<EvidenceRole>,
        /// Its parts in the attack, in free text.
        detailed_roles: Vec<String> = "detailedRoles" as Texts,
        /// The customer's labels.
        tags: Vec<String> = "tags" as Texts,
    }
}

/// Declares the types of evidence that have fields of their own.
macro_rules! details {
    ($($(#[$meta:meta])* $variant:ident($type:ident) = $word:literal,)+) => {
        /// What is of one type of evidence.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum EvidenceDetail {
            $($(#[$meta])* $variant(Box<$type>),)+
            /// A type that this version does not know, by the service's name for it; [`Evidence::more`] has everything.
            Other(String),
        }

        impl EvidenceDetail {
            /// Of a type by the service's name for it.
            fn of(name: &str) -> Self {
                let name = name.rsplit('.').next().unwrap_or_default().trim_start_matches('#');
                // What ends otherwise may begin alike: a rule's mapping of evidence is none.
                let Some(word) = name.strip_suffix("Evidence") else { return Self::Other(name.to_owned()) };
                match word {
                    $($word => Self::$variant(Box::default()),)+
                    // One early page has a capital there.
                    $(other if other.eq_ignore_ascii_case($word) => Self::$variant(Box::default()),)+
                    other => Self::Other(other.to_owned()),
                }
            }

            /// The service's name of the type, such as `device`.
            pub fn type_name(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $word,)+
                    Self::Other(name) => name,
                }
            }

            fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> std::result::Result<bool, A::Error> {
                match self {
                    $(Self::$variant(detail) => detail.take(name, map),)+
                    Self::Other(_) => Ok(false),
                }
            }

            fn tell(self, to: &mut Told<'_>) {
                match self {
                    $(Self::$variant(detail) => detail.tell(to),)+
                    Self::Other(_) => {}
                }
            }
        }
    };
}

details! {
    /// A resource in Amazon's cloud.
    AmazonResource(AmazonResourceEvidence) = "amazonResource",
    /// A message.
    AnalyzedMessage(AnalyzedMessageEvidence) = "analyzedMessage",
    /// A resource in Azure.
    AzureResource(AzureResourceEvidence) = "azureResource",
    /// A container of blobs.
    BlobContainer(BlobContainerEvidence) = "blobContainer",
    /// A blob in Azure storage.
    Blob(BlobEvidence) = "blob",
    /// A cloud application.
    CloudApplication(CloudApplicationEvidence) = "cloudApplication",
    /// A sign-in to the cloud.
    CloudLogonRequest(CloudLogonRequestEvidence) = "cloudLogonRequest",
    /// A session in the cloud.
    CloudLogonSession(CloudLogonSessionEvidence) = "cloudLogonSession",
    /// A container.
    Container(ContainerEvidence) = "container",
    /// An image.
    ContainerImage(ContainerImageEvidence) = "containerImage",
    /// A registry of images.
    ContainerRegistry(ContainerRegistryEvidence) = "containerRegistry",
    /// A machine.
    Device(DeviceEvidence) = "device",
    /// A name that was looked up.
    Dns(DnsEvidence) = "dns",
    /// A file.
    File(FileEvidence) = "file",
    /// A hash.
    FileHash(FileHashEvidence) = "fileHash",
    /// An organization on GitHub.
    GitHubOrganization(GitHubOrganizationEvidence) = "gitHubOrganization",
    /// A repository on GitHub.
    GitHubRepo(GitHubRepoEvidence) = "gitHubRepo",
    /// An account of GitHub.
    GitHubUser(GitHubUserEvidence) = "gitHubUser",
    /// A resource in Google's cloud.
    GoogleCloudResource(GoogleCloudResourceEvidence) = "googleCloudResource",
    /// A session on a machine.
    HostLogonSession(HostLogonSessionEvidence) = "hostLogonSession",
    /// A device of the Internet of Things.
    IotDevice(IotDeviceEvidence) = "ioTDevice",
    /// An IP address.
    Ip(IpEvidence) = "ip",
    /// A cluster.
    KubernetesCluster(KubernetesClusterEvidence) = "kubernetesCluster",
    /// A controller.
    KubernetesController(KubernetesControllerEvidence) = "kubernetesController",
    /// A namespace.
    KubernetesNamespace(KubernetesNamespaceEvidence) = "kubernetesNamespace",
    /// A pod.
    KubernetesPod(KubernetesPodEvidence) = "kubernetesPod",
    /// A secret.
    KubernetesSecret(KubernetesSecretEvidence) = "kubernetesSecret",
    /// A service account.
    KubernetesServiceAccount(KubernetesServiceAccountEvidence) = "kubernetesServiceAccount",
    /// A service.
    KubernetesService(KubernetesServiceEvidence) = "kubernetesService",
    /// Messages that are alike.
    MailCluster(MailClusterEvidence) = "mailCluster",
    /// A setting of a mailbox, such as a rule.
    MailboxConfiguration(MailboxConfigurationEvidence) = "mailboxConfiguration",
    /// A mailbox.
    Mailbox(MailboxEvidence) = "mailbox",
    /// Malware.
    Malware(MalwareEvidence) = "malware",
    /// A connection.
    NetworkConnection(NetworkConnectionEvidence) = "networkConnection",
    /// A network card.
    Nic(NicEvidence) = "nic",
    /// An application that users consent to.
    OauthApplication(OauthApplicationEvidence) = "oauthApplication",
    /// A process.
    Process(ProcessEvidence) = "process",
    /// A registry key.
    RegistryKey(RegistryKeyEvidence) = "registryKey",
    /// A registry value.
    RegistryValue(RegistryValueEvidence) = "registryValue",
    /// A signature that opens Azure storage.
    SasToken(SasTokenEvidence) = "sasToken",
    /// A group.
    SecurityGroup(SecurityGroupEvidence) = "securityGroup",
    /// A service principal.
    ServicePrincipal(ServicePrincipalEvidence) = "servicePrincipal",
    /// A message that a user reported.
    SubmissionMail(SubmissionMailEvidence) = "submissionMail",
    /// A message in Teams.
    TeamsMessage(TeamsMessageEvidence) = "teamsMessage",
    /// A web address.
    Url(UrlEvidence) = "url",
    /// An account.
    User(UserEvidence) = "user",
}

impl Default for EvidenceDetail {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

impl Evidence {
    /// Tells all that it has, its type included.
    fn tell(self, to: &mut Told<'_>) {
        to.set("type", self.detail.type_name());
        self.detail.tell(to);
        self.common.tell(to);
        to.set_raw(&self.more);
    }
}

/// Reads a list of evidence; what is no object is passed over.
pub(crate) fn read(text: &str) -> Result<Vec<Evidence>> {
    lenient::objects(&mut serde_json::Deserializer::from_str(text)).map_err(|e| {
        Error::new(ErrorKind::Decode, "read the alert's evidence")
            .with_message("it cannot be read")
            .with_source(e)
    })
}

/// Reads a list of evidence piece by piece; how many pieces cannot be read.
pub(crate) fn read_what_can_be(text: &str) -> (Vec<Evidence>, usize) {
    if let Ok(all) = read(text) {
        return (all, 0);
    }
    let Ok(pieces) = serde_json::from_str::<Vec<&RawValue>>(text) else { return (Vec::new(), 1) };
    let (mut all, mut unreadable) = (Vec::new(), 0);
    for piece in pieces.into_iter().filter(|piece| piece.get().starts_with('{')) {
        match serde_json::from_str(piece.get()) {
            Ok(evidence) => all.push(evidence),
            Err(_) => unreadable += 1,
        }
    }
    (all, unreadable)
}

impl<'de> Deserialize<'de> for Evidence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Piece;
        impl<'de> Visitor<'de> for Piece {
            type Value = Evidence;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a piece of evidence")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Evidence, A::Error> {
                let mut evidence = Evidence::default();
                // The type stands first, nearly always; what stands before it is kept until it is known.
                let mut kept_until = 0;
                while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
                    if name == "@odata.type" {
                        let name = map.next_value::<Text>()?.value().unwrap_or_default();
                        evidence.detail = EvidenceDetail::of(&name);
                        kept_until = evidence.more.len();
                    } else if !evidence.common.take(&name, &mut map)?
                        && !evidence.detail.take(&name, &mut map)?
                    {
                        evidence.more.push((name.into_owned(), map.next_value()?));
                    }
                }
                evidence.sort_out(kept_until);
                Ok(evidence)
            }
        }
        deserializer.deserialize_map(Piece)
    }
}

impl Evidence {
    /// Gives what came before the type to the type.
    fn sort_out(&mut self, kept_until: usize) {
        let detail = &mut self.detail;
        let mut index = 0;
        self.more.retain(|(name, value)| {
            index += 1;
            let may = index <= kept_until && !is_deep(value.as_str());
            !may || !detail.take(name, &mut Kept(value.as_str())).unwrap_or_default()
        });
    }
}

/// Whether a value is nested deeper than anything that is read: the parser, which counts anew for what was kept, would not
/// notice.
fn is_deep(value: &str) -> bool {
    let (mut depth, mut within_text, mut escaped) = (0_u32, false, false);
    for byte in value.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if within_text => escaped = true,
            b'"' => within_text = !within_text,
            b'{' | b'[' if !within_text => depth += 1,
            b'}' | b']' if !within_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_may_stand_anywhere() {
        let first = r##"[{"@odata.type":"#microsoft.graph.security.ipEvidence","ipAddress":"192.0.2.1","verdict":"malicious"}]"##;
        let last = r##"[{"ipAddress":"192.0.2.1","verdict":"malicious","@odata.type":"#microsoft.graph.security.ipEvidence"}]"##;
        let (first, last) = (read(first).unwrap(), read(last).unwrap());
        assert_eq!(first, last);
        let EvidenceDetail::Ip(ip) = &first[0].detail else { panic!("{first:?}") };
        assert_eq!(ip.ip_address.as_deref(), Some("192.0.2.1"));
        assert_eq!(first[0].common.verdict, Some(EvidenceVerdict::Malicious));
        assert!(first[0].more.is_empty());
    }

    #[test]
    fn a22_evidence_within_evidence_without_end_is_kept_unread() {
        let kind = r##""@odata.type":"#microsoft.graph.security.kubernetesClusterEvidence""##;
        let (open, close) = (r#"{"cloudResource":"#.repeat(100_000), format!(",{kind}}}").repeat(100_000));
        let list = format!("[{open}{{}}{close}]");
        let all =
            std::thread::Builder::new().stack_size(512 << 10).spawn(move || read(&list)).unwrap().join();
        let all = all.unwrap().unwrap();
        assert_eq!((all[0].detail.type_name(), all[0].more.len()), ("kubernetesCluster", 1));
        assert!(!is_deep(r#"{"a":"[[[[\"[[[["}"#) && is_deep(&"[".repeat(101)));
    }

    #[test]
    fn what_is_not_known_is_kept_whole() {
        let list = r##"[{"@odata.type":"#microsoft.graph.security.aiAgentEvidence","name":"web-7","labels":{"a":"b"},"verdict":"odd"},
            {"@odata.type":"#microsoft.graph.security.urlEvidence","url":"http://x.example/","novelty":[1, 2]},
            {"name":"without type"}, 5, null, "x"]"##;
        let list = read(list).unwrap();
        assert_eq!(list.len(), 3);
        assert_eq!(list[0].detail.type_name(), "aiAgent");
        assert_eq!(list[0].more[1].1.as_str(), r#"{"a":"b"}"#);
        assert_eq!(list[0].common.verdict.as_ref().map(EvidenceVerdict::as_str), Some("odd"));
        assert_eq!((list[1].detail.type_name(), list[1].more[0].1.as_str()), ("url", "[1, 2]"));
        assert_eq!((list[2].detail.type_name(), list[2].more[0].1.as_str()), ("", r#""without type""#));
        assert!(read("[{").is_err());
        assert!(read("null").unwrap().is_empty());
    }
}
