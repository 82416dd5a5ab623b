//! The words of evidence. All are open: what this version does not know is kept.

use pocketsoc_model::open_enum;

use super::reading::OpenWord;
use crate::words::{EvidenceRole, EvidenceVerdict, RemediationStatus};

/// Declares open enums whose words speak for themselves.
macro_rules! words {
    ($($(#[$meta:meta])* $name:ident { $($variant:ident = $word:literal,)+ })+) => {
        $(open_enum! {
            $(#[$meta])*
            #[allow(missing_docs)] // the words are the documentation
            pub enum $name { $($variant = $word,)+ }
        })+

        readable! { EvidenceRole, EvidenceVerdict, RemediationStatus, $($name),+ }
    };
}

macro_rules! readable {
    ($($name:ident),+) => {
        $(impl OpenWord for $name {
            fn text(&self) -> &str {
                self.as_str()
            }
        })+
    };
}

words! {
    /// What the sensor did about a file or a process.
    DetectionStatus { Detected = "detected", Blocked = "blocked", Prevented = "prevented", }
    /// How a machine's antivirus is doing.
    DefenderAvStatus {
        NotReporting = "notReporting", Disabled = "disabled", NotUpdated = "notUpdated", Updated = "updated",
        Unknown = "unknown", NotSupported = "notSupported",
    }
    /// How well a machine's sensor reports.
    DeviceHealthStatus {
        Active = "active", Inactive = "inactive", ImpairedCommunication = "impairedCommunication",
        NoSensorData = "noSensorData", NoSensorDataImpairedCommunication = "noSensorDataImpairedCommunication",
        Unknown = "unknown",
    }
    /// How exposed to risk a machine is.
    DeviceRiskScore { None = "none", Informational = "informational", Low = "low", Medium = "medium", High = "high", }
    /// Whether a machine is onboarded.
    OnboardingStatus {
        InsufficientInfo = "insufficientInfo", Onboarded = "onboarded", CanBeOnboarded = "canBeOnboarded",
        Unsupported = "unsupported",
    }
    /// The cloud that a virtual machine runs in.
    VmCloudProvider { Unknown = "unknown", Azure = "azure", }
    /// How a hash was made.
    FileHashAlgorithm {
        Unknown = "unknown", Md5 = "md5", Sha1 = "sha1", Sha256 = "sha256", Sha256Ac = "sha256ac",
    }
    /// What a location in Google Cloud is.
    GoogleCloudLocationType { Unknown = "unknown", Regional = "regional", Zonal = "zonal", Global = "global", }
    /// What a Kubernetes cluster runs on.
    KubernetesPlatform { Unknown = "unknown", Aks = "aks", Eks = "eks", Gke = "gke", Arc = "arc", }
    /// How a Kubernetes service can be reached.
    KubernetesServiceType {
        Unknown = "unknown", ClusterIp = "clusterIP", ExternalName = "externalName", NodePort = "nodePort",
        LoadBalancer = "loadBalancer",
    }
    /// What carries a connection.
    TransportProtocol { Tcp = "tcp", Udp = "udp", Sctp = "sctp", }
    /// How much an IoT device matters.
    IotDeviceImportance { Unknown = "unknown", Low = "low", Normal = "normal", High = "high", }
    /// What of a mailbox was set up.
    MailboxConfigurationType {
        MailForwardingRule = "mailForwardingRule", OwaSettings = "owaSettings", EwsSettings = "ewsSettings",
        MailDelegation = "mailDelegation", UserInboxRule = "userInboxRule",
    }
    /// What a service principal stands for.
    ServicePrincipalType {
        Unknown = "unknown", Application = "application", ManagedIdentity = "managedIdentity", Legacy = "legacy",
    }
    /// What became of a Teams message.
    TeamsDeliveryAction {
        Unknown = "unknown", DeliveredAsSpam = "deliveredAsSpam", Delivered = "delivered", Blocked = "blocked",
        Replaced = "replaced",
    }
    /// Where a Teams message is.
    TeamsDeliveryLocation { Unknown = "unknown", Teams = "teams", Quarantine = "quarantine", Failed = "failed", }
    /// Which way a Teams message went.
    TeamsDirection { Unknown = "unknown", Inbound = "inbound", Outbound = "outbound", Intraorg = "intraorg", }
}
