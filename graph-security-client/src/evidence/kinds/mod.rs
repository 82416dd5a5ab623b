//! The types of evidence, each with fields of its own, by what they are about. Each page is named after its type.

mod cloud;
mod containers;
mod endpoint;
mod identity;
mod mail;
mod network;

pub use cloud::{
    AmazonResourceEvidence, AzureResourceEvidence, BlobContainerEvidence, BlobEvidence, FileHash,
    GoogleCloudResourceEvidence, SasTokenEvidence,
};
pub use containers::{
    ContainerEvidence, ContainerImageEvidence, ContainerRegistryEvidence, KubernetesClusterEvidence,
    KubernetesControllerEvidence, KubernetesNamespaceEvidence, KubernetesPodEvidence,
    KubernetesSecretEvidence, KubernetesServiceAccountEvidence, KubernetesServiceEvidence,
    KubernetesServicePort,
};
pub use endpoint::{
    DeviceEvidence, FileDetails, FileEvidence, FileHashEvidence, IotDeviceEvidence, LoggedOnUser,
    MalwareEvidence, ProcessEvidence, RegistryKeyEvidence, RegistryValueEvidence, VmMetadata,
};
pub use identity::{
    CloudApplicationEvidence, CloudLogonRequestEvidence, CloudLogonSessionEvidence,
    GitHubOrganizationEvidence, GitHubRepoEvidence, GitHubUserEvidence, HostLogonSessionEvidence,
    NamedStream, OauthApplicationEvidence, ResourceAccessEvent, SecurityGroupEvidence,
    ServicePrincipalEvidence, UserAccount, UserEvidence,
};
pub use mail::{
    AnalyzedMessageEvidence, MailClusterEvidence, MailboxConfigurationEvidence, MailboxEvidence,
    MessageSender, SubmissionMailEvidence, TeamsMessageEvidence,
};
pub use network::{
    DnsEvidence, GeoLocation, IpEvidence, NetworkConnectionEvidence, NicEvidence, UrlEvidence,
};
