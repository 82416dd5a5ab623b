//! What a detection involves: devices, users, files, processes and the rest.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::Properties;

/// One thing that a detection involves.
///
/// In JSON: `type` (the kind), `name`, and the kind's own fields, flat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Entity {
    /// What it is, with the fields of its kind.
    #[serde(flatten)]
    pub kind: EntityKind,
    /// What to call it; empty when the source gave nothing to name it by.
    pub name: String,
    /// What the source's sensors say about it, such as `Detected` or `Blocked`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detection_status: Option<String>,
    /// The source's verdict on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// What has been done about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
    /// Its part in the attack.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// When it became evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<DateTime<Utc>>,
    /// The source's own extras.
    #[serde(default, skip_serializing_if = "Properties::is_empty")]
    pub properties: Properties,
}

impl Entity {
    /// A thing with a name.
    pub fn new(kind: EntityKind, name: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
            detection_status: None,
            verdict: None,
            remediation: None,
            roles: Vec::new(),
            seen_at: None,
            properties: Properties::default(),
        }
    }

    /// The word of its kind, as in JSON.
    pub fn type_name(&self) -> &'static str {
        match &self.kind {
            EntityKind::Device(_) => "device",
            EntityKind::User(_) => "user",
            EntityKind::File(_) => "file",
            EntityKind::Process(_) => "process",
            EntityKind::Ip(_) => "ip",
            EntityKind::Url(_) => "url",
            EntityKind::Domain(_) => "domain",
            EntityKind::Mailbox(_) => "mailbox",
            EntityKind::Email(_) => "email",
            EntityKind::Registry(_) => "registry",
            EntityKind::CloudResource(_) => "cloud_resource",
            EntityKind::Application(_) => "application",
            EntityKind::Container(_) => "container",
            EntityKind::Other(_) => "other",
        }
    }
}

/// What an [`Entity`] is. Large kinds are boxed, so that a list of entities stays small.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EntityKind {
    /// A machine.
    Device(Box<Device>),
    /// An account.
    User(Box<User>),
    /// A file.
    File(Box<File>),
    /// A process.
    Process(Box<Process>),
    /// An IP address.
    Ip(Ip),
    /// A web address.
    Url(Url),
    /// A DNS name.
    Domain(DomainName),
    /// A mailbox.
    Mailbox(Mailbox),
    /// A message.
    Email(Box<Email>),
    /// A registry key or value.
    Registry(Box<RegistryValue>),
    /// A cloud resource.
    CloudResource(CloudResource),
    /// A cloud or OAuth application.
    Application(Application),
    /// A container.
    Container(Box<Container>),
    /// Anything else, by the source's own name for its kind.
    Other(OtherEntity),
}

/// Declares the plain structs of this file: public optional fields, skipped in JSON when absent.
macro_rules! entity_struct {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty),* $(,)? })+) => {
        $($(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_meta])*
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub $field: Option<$type>,)*
        })+
    };
}

entity_struct! {
    /// A machine.
    Device {
        /// The product's own id of the machine.
        id: String,
        /// The fully qualified name.
        dns_name: String,
        /// The Entra device id.
        aad_device_id: String,
        /// The operating system.
        os: String,
        /// How exposed to risk the product thinks it is.
        risk: String,
        /// How well its sensor reports.
        health: String,
        /// Its device group.
        group: String,
    }
    /// An account.
    User {
        /// The account name without domain.
        account: String,
        /// The domain.
        domain: String,
        /// The user principal name.
        upn: String,
        /// The Windows security identifier.
        sid: String,
        /// The Entra object id.
        aad_id: String,
    }
    /// A file.
    File {
        /// The folder, without the file's name.
        path: String,
        /// SHA-1, hexadecimal.
        sha1: String,
        /// SHA-256, hexadecimal.
        sha256: String,
        /// MD5, hexadecimal.
        md5: String,
        /// Size in bytes.
        size: i64,
    }
    /// A process, with its parent where the source gives one.
    Process {
        /// The process id.
        pid: i64,
        /// The command line.
        command_line: String,
        /// When it started.
        started_at: DateTime<Utc>,
        /// The folder of its image, without the file's name.
        path: String,
        /// SHA-1 of its image, hexadecimal.
        sha1: String,
        /// SHA-256 of its image, hexadecimal.
        sha256: String,
        /// The process that started it; in JSON an object with `name` and the fields of a process.
        parent: Box<ParentProcess>,
    }
    /// An IP address; the address is the entity's name.
    Ip {
        /// Where it is, by the source's knowledge.
        country: String,
    }
    /// A web address; the address is the entity's name.
    Url {
        /// Its host, where the source gives it apart.
        host: String,
    }
    /// A DNS name; it is the entity's name.
    DomainName {
        /// The address it resolved to.
        resolved_ip: String,
    }
    /// A mailbox.
    Mailbox {
        /// The primary address.
        address: String,
        /// The display name.
        display_name: String,
    }
    /// A message.
    Email {
        /// The subject.
        subject: String,
        /// The sender's address.
        sender: String,
        /// The recipient's address.
        recipient: String,
        /// The network message id.
        message_id: String,
    }
    /// A registry key or value.
    RegistryValue {
        /// The hive.
        hive: String,
        /// The key.
        key: String,
        /// The value's name.
        value_name: String,
        /// The value's type.
        value_type: String,
        /// The value.
        value: String,
    }
    /// A cloud resource.
    CloudResource {
        /// The provider's full id.
        id: String,
        /// Its type.
        kind: String,
    }
    /// A cloud or OAuth application.
    Application {
        /// The application's id.
        id: String,
        /// Its publisher.
        publisher: String,
    }
    /// A container.
    Container {
        /// The container's id.
        id: String,
        /// Its image.
        image: String,
        /// The pod.
        pod: String,
        /// The namespace.
        namespace: String,
        /// The cluster.
        cluster: String,
    }
    /// Anything else.
    OtherEntity {
        /// The source's own name for its kind.
        kind: String,
    }
}

/// The process that started another one.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ParentProcess {
    /// The name of its image.
    pub name: String,
    /// The process itself.
    #[serde(flatten)]
    pub process: Process,
}

impl ParentProcess {
    /// A parent by the name of its image.
    pub fn new(name: impl Into<String>, process: Process) -> Self {
        Self { name: name.into(), process }
    }
}
