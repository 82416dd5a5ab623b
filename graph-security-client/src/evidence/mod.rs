//! Evidence: what an alert involves. The types that matter most have fields of their own; the others are open, and whole.
//!
//! Page: "alertEvidence resource type" and its descendants.

mod kinds;
mod reading;

use std::fmt;

use chrono::{DateTime, Utc};
use pocketsoc_model::{Error, ErrorKind, Properties, RawJson, Result};
use pocketsoc_transport::lenient::{self, Name};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

pub use kinds::{
    AnalyzedMessageEvidence, AzureResourceEvidence, CloudApplicationEvidence, DeviceEvidence, FileDetails,
    FileEvidence, GeoLocation, IpEvidence, LoggedOnUser, MailboxEvidence, MessageSender, ProcessEvidence,
    RegistryKeyEvidence, RegistryValueEvidence, UrlEvidence, UserAccount, UserEvidence, VmMetadata,
};
use reading::{Fields, Kept, Text, Texts, Time, Word, Words, fields};

use crate::words::{EvidenceRole, EvidenceVerdict, RemediationStatus};

/// One piece of evidence.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Evidence {
    /// What every piece has.
    pub common: EvidenceCommon,
    /// What is its own type's.
    pub detail: EvidenceDetail,
    /// Members that are not typed, under the service's names, as they came: of an unknown type all that is its own. What
    /// is new within a typed member is in the alert's [`raw`](crate::Alert::raw) only.
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
            /// A type without fields of its own here, by the service's name for it, such as `kubernetesPod`;
            /// [`Evidence::more`] has everything.
            Other(String),
        }

        impl EvidenceDetail {
            /// Of a type by its name without prefix and suffix.
            fn of(word: &str) -> Self {
                match word {
                    $($word => Self::$variant(Box::default()),)+
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
        }
    };
}

details! {
    /// A machine.
    Device(DeviceEvidence) = "device",
    /// An account.
    User(UserEvidence) = "user",
    /// A file.
    File(FileEvidence) = "file",
    /// A process.
    Process(ProcessEvidence) = "process",
    /// An IP address.
    Ip(IpEvidence) = "ip",
    /// A web address.
    Url(UrlEvidence) = "url",
    /// A mailbox.
    Mailbox(MailboxEvidence) = "mailbox",
    /// A message.
    AnalyzedMessage(AnalyzedMessageEvidence) = "analyzedMessage",
    /// A resource in Azure.
    AzureResource(AzureResourceEvidence) = "azureResource",
    /// A cloud application.
    CloudApplication(CloudApplicationEvidence) = "cloudApplication",
    /// A registry key.
    RegistryKey(RegistryKeyEvidence) = "registryKey",
    /// A registry value.
    RegistryValue(RegistryValueEvidence) = "registryValue",
}

impl Default for EvidenceDetail {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

impl Evidence {
    /// What is not typed, as texts: of a nested object its JSON.
    pub fn properties(&self) -> Properties {
        let text = |(name, value): &(String, RawJson)| {
            let text = match value.as_str().as_bytes().first() {
                Some(b'"') => serde_json::from_str::<String>(value.as_str()).ok()?,
                Some(b'n') => return None,
                _ => value.compact(),
            };
            Some((name.clone(), text))
        };
        self.more.iter().filter_map(text).collect()
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

/// The name of a type without what all have before and behind it.
fn bare(kind: &str) -> &str {
    let kind = kind.rsplit('.').next().unwrap_or_default().trim_start_matches('#');
    kind.strip_suffix("Evidence").unwrap_or(kind)
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
                        let kind = map.next_value::<Text>()?.0.unwrap_or_default();
                        evidence.detail = EvidenceDetail::of(bare(&kind));
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
            index > kept_until || !detail.take(name, &mut Kept(value.as_str())).unwrap_or_default()
        });
    }
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
    fn what_is_not_known_is_kept_whole() {
        let list = r##"[{"@odata.type":"#microsoft.graph.security.kubernetesPodEvidence","name":"web-7","labels":{"a":"b"},"verdict":"odd"},
            {"@odata.type":"#microsoft.graph.security.urlEvidence","url":"http://x.example/","novelty":[1, 2]},
            {"name":"without type"}, 5, null, "x"]"##;
        let list = read(list).unwrap();
        assert_eq!(list.len(), 3);
        assert_eq!(list[0].detail.type_name(), "kubernetesPod");
        assert_eq!(list[0].properties().get("labels"), Some(r#"{"a":"b"}"#));
        assert_eq!(list[0].common.verdict.as_ref().map(EvidenceVerdict::as_str), Some("odd"));
        assert_eq!((list[1].detail.type_name(), list[1].properties().get("novelty")), ("url", Some("[1,2]")));
        assert_eq!(
            (list[2].detail.type_name(), list[2].properties().get("name")),
            ("", Some("without type"))
        );
        assert!(read("[{").is_err());
        assert!(read("null").unwrap().is_empty());
    }
}
