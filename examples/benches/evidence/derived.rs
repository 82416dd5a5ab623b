//! Alerts with every type of evidence as derived structs: strings for words, no types but those known, nothing kept.

#![allow(dead_code, clippy::box_collection)] // decoded in full, as an application would

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

/// A page of a list.
#[derive(Deserialize)]
pub struct Page {
    pub value: Vec<Alert>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    id: String,
    provider_alert_id: Option<String>,
    incident_id: Option<String>,
    status: Option<String>,
    severity: Option<String>,
    classification: Option<String>,
    determination: Option<String>,
    service_source: Option<String>,
    detection_source: Option<String>,
    product_name: Option<String>,
    detector_id: Option<String>,
    tenant_id: Option<String>,
    title: Option<String>,
    description: Option<String>,
    recommended_actions: Option<String>,
    category: Option<String>,
    assigned_to: Option<String>,
    alert_web_url: Option<String>,
    incident_web_url: Option<String>,
    actor_display_name: Option<String>,
    threat_display_name: Option<String>,
    threat_family_name: Option<String>,
    mitre_techniques: Option<Vec<String>>,
    created_date_time: Option<DateTime<Utc>>,
    last_update_date_time: Option<DateTime<Utc>>,
    resolved_date_time: Option<DateTime<Utc>>,
    first_activity_date_time: Option<DateTime<Utc>>,
    last_activity_date_time: Option<DateTime<Utc>>,
    comments: Option<Vec<Remark>>,
    pub evidence: Option<Vec<Evidence>>,
    system_tags: Option<Vec<String>>,
    alert_policy_id: Option<String>,
    additional_data: Option<HashMap<String, Value>>,
    custom_details: Option<HashMap<String, String>>,
    investigation_state: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Remark {
    comment: Option<String>,
    created_by_display_name: Option<String>,
    created_date_time: Option<DateTime<Utc>>,
}

/// Evidence by its tag, boxed: the cheaper of the two usual forms.
#[derive(Deserialize)]
#[serde(tag = "@odata.type")]
pub enum Evidence {
    #[serde(rename = "#microsoft.graph.security.amazonResourceEvidence")]
    AmazonResource(Box<AmazonResourceEvidence>),
    #[serde(rename = "#microsoft.graph.security.analyzedMessageEvidence")]
    AnalyzedMessage(Box<AnalyzedMessageEvidence>),
    #[serde(rename = "#microsoft.graph.security.azureResourceEvidence")]
    AzureResource(Box<AzureResourceEvidence>),
    #[serde(rename = "#microsoft.graph.security.blobContainerEvidence")]
    BlobContainer(Box<BlobContainerEvidence>),
    #[serde(rename = "#microsoft.graph.security.blobEvidence")]
    Blob(Box<BlobEvidence>),
    #[serde(rename = "#microsoft.graph.security.cloudApplicationEvidence")]
    CloudApplication(Box<CloudApplicationEvidence>),
    #[serde(rename = "#microsoft.graph.security.cloudLogonRequestEvidence")]
    CloudLogonRequest(Box<CloudLogonRequestEvidence>),
    #[serde(rename = "#microsoft.graph.security.cloudLogonSessionEvidence")]
    CloudLogonSession(Box<CloudLogonSessionEvidence>),
    #[serde(rename = "#microsoft.graph.security.containerEvidence")]
    Container(Box<ContainerEvidence>),
    #[serde(rename = "#microsoft.graph.security.containerImageEvidence")]
    ContainerImage(Box<ContainerImageEvidence>),
    #[serde(rename = "#microsoft.graph.security.containerRegistryEvidence")]
    ContainerRegistry(Box<ContainerRegistryEvidence>),
    #[serde(rename = "#microsoft.graph.security.deviceEvidence")]
    Device(Box<DeviceEvidence>),
    #[serde(rename = "#microsoft.graph.security.dnsEvidence")]
    Dns(Box<DnsEvidence>),
    #[serde(rename = "#microsoft.graph.security.fileEvidence")]
    File(Box<FileEvidence>),
    #[serde(rename = "#microsoft.graph.security.fileHashEvidence")]
    FileHash(Box<FileHashEvidence>),
    #[serde(rename = "#microsoft.graph.security.gitHubOrganizationEvidence")]
    GitHubOrganization(Box<GitHubOrganizationEvidence>),
    #[serde(rename = "#microsoft.graph.security.gitHubRepoEvidence")]
    GitHubRepo(Box<GitHubRepoEvidence>),
    #[serde(rename = "#microsoft.graph.security.gitHubUserEvidence")]
    GitHubUser(Box<GitHubUserEvidence>),
    #[serde(rename = "#microsoft.graph.security.googleCloudResourceEvidence")]
    GoogleCloudResource(Box<GoogleCloudResourceEvidence>),
    #[serde(rename = "#microsoft.graph.security.hostLogonSessionEvidence")]
    HostLogonSession(Box<HostLogonSessionEvidence>),
    #[serde(rename = "#microsoft.graph.security.ioTDeviceEvidence")]
    IotDevice(Box<IotDeviceEvidence>),
    #[serde(rename = "#microsoft.graph.security.ipEvidence")]
    Ip(Box<IpEvidence>),
    #[serde(rename = "#microsoft.graph.security.kubernetesClusterEvidence")]
    KubernetesCluster(Box<KubernetesClusterEvidence>),
    #[serde(rename = "#microsoft.graph.security.kubernetesControllerEvidence")]
    KubernetesController(Box<KubernetesControllerEvidence>),
    #[serde(rename = "#microsoft.graph.security.kubernetesNamespaceEvidence")]
    KubernetesNamespace(Box<KubernetesNamespaceEvidence>),
    #[serde(rename = "#microsoft.graph.security.kubernetesPodEvidence")]
    KubernetesPod(Box<KubernetesPodEvidence>),
    #[serde(rename = "#microsoft.graph.security.kubernetesSecretEvidence")]
    KubernetesSecret(Box<KubernetesSecretEvidence>),
    #[serde(rename = "#microsoft.graph.security.kubernetesServiceAccountEvidence")]
    KubernetesServiceAccount(Box<KubernetesServiceAccountEvidence>),
    #[serde(rename = "#microsoft.graph.security.kubernetesServiceEvidence")]
    KubernetesService(Box<KubernetesServiceEvidence>),
    #[serde(rename = "#microsoft.graph.security.mailClusterEvidence")]
    MailCluster(Box<MailClusterEvidence>),
    #[serde(rename = "#microsoft.graph.security.mailboxConfigurationEvidence")]
    MailboxConfiguration(Box<MailboxConfigurationEvidence>),
    #[serde(rename = "#microsoft.graph.security.mailboxEvidence")]
    Mailbox(Box<MailboxEvidence>),
    #[serde(rename = "#microsoft.graph.security.malwareEvidence")]
    Malware(Box<MalwareEvidence>),
    #[serde(rename = "#microsoft.graph.security.networkConnectionEvidence")]
    NetworkConnection(Box<NetworkConnectionEvidence>),
    #[serde(rename = "#microsoft.graph.security.nicEvidence")]
    Nic(Box<NicEvidence>),
    #[serde(rename = "#microsoft.graph.security.oauthApplicationEvidence")]
    OauthApplication(Box<OauthApplicationEvidence>),
    #[serde(rename = "#microsoft.graph.security.processEvidence")]
    Process(Box<ProcessEvidence>),
    #[serde(rename = "#microsoft.graph.security.registryKeyEvidence")]
    RegistryKey(Box<RegistryKeyEvidence>),
    #[serde(rename = "#microsoft.graph.security.registryValueEvidence")]
    RegistryValue(Box<RegistryValueEvidence>),
    #[serde(rename = "#microsoft.graph.security.sasTokenEvidence")]
    SasToken(Box<SasTokenEvidence>),
    #[serde(rename = "#microsoft.graph.security.securityGroupEvidence")]
    SecurityGroup(Box<SecurityGroupEvidence>),
    #[serde(rename = "#microsoft.graph.security.servicePrincipalEvidence")]
    ServicePrincipal(Box<ServicePrincipalEvidence>),
    #[serde(rename = "#microsoft.graph.security.submissionMailEvidence")]
    SubmissionMail(Box<SubmissionMailEvidence>),
    #[serde(rename = "#microsoft.graph.security.teamsMessageEvidence")]
    TeamsMessage(Box<TeamsMessageEvidence>),
    #[serde(rename = "#microsoft.graph.security.urlEvidence")]
    Url(Box<UrlEvidence>),
    #[serde(rename = "#microsoft.graph.security.userEvidence")]
    User(Box<UserEvidence>),
}

/// Types with what every piece of evidence has.
macro_rules! evidence {
    ($($name:ident { $($(#[$meta:meta])* $field:ident: $type:ty,)* })+) => {
        $(#[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            created_date_time: Option<DateTime<Utc>>,
            verdict: Option<String>,
            remediation_status: Option<String>,
            remediation_status_details: Option<String>,
            roles: Option<Vec<String>>,
            detailed_roles: Option<Vec<String>>,
            tags: Option<Vec<String>>,
            $($(#[$meta])* $field: Option<$type>,)*
        })+
    };
}

/// Types without.
macro_rules! object {
    ($($name:ident { $($(#[$meta:meta])* $field:ident: $type:ty,)* })+) => {
        $(#[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            $($(#[$meta])* $field: Option<$type>,)*
        })+
    };
}

evidence! {
    IpEvidence {
        ip_address: String, country_letter_code: String, location: GeoLocation, stream: NamedStream,
    }
    UrlEvidence { url: String, }
    DnsEvidence {
        domain_name: String, ip_addresses: Vec<IpEvidence>, dns_server_ip: Box<IpEvidence>, host_ip_address:
        Box<IpEvidence>,
    }
    NetworkConnectionEvidence {
        source_address: Box<IpEvidence>, source_port: i64, destination_address: Box<IpEvidence>,
        destination_port: i64, protocol: String,
    }
    NicEvidence { mac_address: String, ip_address: Box<IpEvidence>, vlans: Vec<String>, }
    DeviceEvidence {
        mde_device_id: String, azure_ad_device_id: String, device_dns_name: String, host_name: String,
        nt_domain: String, dns_domain: String, os_platform: String, os_build: i64, version: String,
        first_seen_date_time: DateTime<Utc>, health_status: String, risk_score: String, rbac_group_id: i64,
        rbac_group_name: String, onboarding_status: String, defender_av_status: String, last_ip_address:
        String, last_external_ip_address: String, ip_interfaces: Vec<String>, logged_on_users:
        Vec<LoggedOnUser>, vm_metadata: VmMetadata, resource_access_events: Vec<ResourceAccessEvent>,
    }
    FileEvidence { detection_status: String, file_details: FileDetails, mde_device_id: String, }
    FileHashEvidence { algorithm: String, value: String, }
    ProcessEvidence {
        process_id: i64, process_command_line: String, process_creation_date_time: DateTime<Utc>,
        image_file: FileDetails, parent_process_id: i64, parent_process_creation_date_time: DateTime<Utc>,
        parent_process_image_file: FileDetails, detection_status: String, mde_device_id: String,
        user_account: UserAccount,
    }
    MalwareEvidence {
        name: String, category: String, files: Vec<FileEvidence>, processes: Vec<ProcessEvidence>,
    }
    RegistryKeyEvidence { registry_hive: String, registry_key: String, }
    RegistryValueEvidence {
        registry_hive: String, registry_key: String, registry_value_name: String, registry_value_type:
        String, registry_value: String, mde_device_id: String,
    }
    IotDeviceEvidence {
        device_id: String, device_name: String, device_page_link: String, device_type: String,
        device_sub_type: String, importance: String, #[serde(rename = "ioTHub")] iot_hub:
        Box<AzureResourceEvidence>, #[serde(rename = "ioTSecurityAgentId")] iot_security_agent_id: String,
        ip_address: Box<IpEvidence>, mac_address: String, nics: Vec<NicEvidence>, manufacturer: String,
        model: String, serial_number: String, operating_system: String, is_authorized: bool, is_programming:
        bool, is_scanner: bool, owners: Vec<String>, protocols: Vec<String>, purdue_layer: String, sensor:
        String, site: String, zone: String, source: String, source_ref: Box<UrlEvidence>,
    }
    UserEvidence { user_account: UserAccount, stream: NamedStream, }
    SecurityGroupEvidence {
        security_group_id: String, display_name: String, friendly_name: String, distinguished_name: String,
        sid: String, active_directory_object_guid: String,
    }
    ServicePrincipalEvidence {
        service_principal_object_id: String, service_principal_name: String, service_principal_type: String,
        app_id: String, app_owner_tenant_id: String, tenant_id: String,
    }
    OauthApplicationEvidence { app_id: String, object_id: String, display_name: String, publisher: String, }
    CloudApplicationEvidence {
        app_id: i64, display_name: String, instance_id: i64, instance_name: String, saas_app_id: i64,
        stream: NamedStream,
    }
    HostLogonSessionEvidence {
        session_id: String, account: Box<UserEvidence>, host: Box<DeviceEvidence>, start_utc_date_time:
        DateTime<Utc>, end_utc_date_time: DateTime<Utc>,
    }
    CloudLogonSessionEvidence {
        session_id: String, account: Box<UserEvidence>, browser: String, user_agent: String, device_name:
        String, operating_system: String, protocol: String, start_utc_date_time: DateTime<Utc>,
        previous_logon_date_time: DateTime<Utc>,
    }
    CloudLogonRequestEvidence { request_id: String, }
    GitHubUserEvidence { user_id: String, login: String, name: String, email: String, web_url: String, }
    GitHubOrganizationEvidence {
        org_id: String, login: String, display_name: String, company: String, email: String, web_url:
        String,
    }
    GitHubRepoEvidence {
        repo_id: String, login: String, owner: String, owner_type: String, base_url: String,
    }
    AnalyzedMessageEvidence {
        subject: String, p1_sender: MessageSender, p2_sender: MessageSender, sender_ip: String,
        recipient_email_address: String, network_message_id: String, internet_message_id: String,
        received_date_time: DateTime<Utc>, attachments_count: i64, url_count: i64, urls: Vec<String>,
        language: String, delivery_action: String, delivery_location: String, anti_spam_direction: String,
        threats: Vec<String>, threat_detection_methods: Vec<String>, urn: String,
    }
    MailboxEvidence {
        primary_address: String, display_name: String, upn: String, user_account: UserAccount,
    }
    MailboxConfigurationEvidence {
        configuration_id: String, configuration_type: String, display_name: String,
        external_directory_object_id: String, mailbox_primary_address: String, upn: String,
    }
    MailClusterEvidence {
        cluster_by: String, cluster_by_value: String, email_count: i64, network_message_ids: Vec<String>,
        query: String, urn: String,
    }
    SubmissionMailEvidence {
        submission_id: String, submission_date_time: DateTime<Utc>, submitter: String, report_type: String,
        network_message_id: String, subject: String, sender: String, sender_ip: String, recipient: String,
    }
    TeamsMessageEvidence {
        message_id: String, parent_message_id: String, subject: String, sender_from_address: String,
        #[serde(rename = "senderIP")] sender_ip: String, recipients: Vec<String>, suspicious_recipients:
        Vec<String>, received_date_time: DateTime<Utc>, last_modified_date_time: DateTime<Utc>,
        message_direction: String, delivery_action: String, delivery_location: String, is_external: bool,
        is_owned: bool, owning_tenant_id: String, campaign_id: String, channel_id: String, group_id: String,
        thread_id: String, thread_type: String, source_app_name: String, source_id: String, files:
        Vec<FileEvidence>, urls: Vec<UrlEvidence>,
    }
    AzureResourceEvidence { resource_id: String, resource_name: String, resource_type: String, }
    AmazonResourceEvidence {
        amazon_account_id: String, amazon_resource_id: String, resource_name: String, resource_type: String,
    }
    GoogleCloudResourceEvidence {
        full_resource_name: String, location: String, location_type: String, project_id: String,
        project_number: i64, resource_name: String, resource_type: String,
    }
    BlobEvidence {
        name: String, url: String, etag: String, file_hashes: Vec<FileHash>, blob_container:
        Box<BlobContainerEvidence>,
    }
    BlobContainerEvidence { name: String, url: String, storage_resource: Box<AzureResourceEvidence>, }
    SasTokenEvidence {
        allowed_ip_addresses: String, allowed_resource_types: Vec<String>, allowed_services: Vec<String>,
        permissions: Vec<String>, protocol: String, start_date_time: DateTime<Utc>, expiry_date_time:
        DateTime<Utc>, signature_hash: String, signed_with: String, storage_resource:
        Box<AzureResourceEvidence>,
    }
    ContainerEvidence {
        container_id: String, name: String, image: Box<ContainerImageEvidence>, pod:
        Box<KubernetesPodEvidence>, args: Vec<String>, command: Vec<String>, is_privileged: bool,
    }
    ContainerImageEvidence {
        image_id: String, digest_image: Box<ContainerImageEvidence>, registry:
        Box<ContainerRegistryEvidence>,
    }
    ContainerRegistryEvidence { registry: String, }
    KubernetesClusterEvidence {
        name: String, cloud_resource: Value, platform: String, distribution: String, version: String,
    }
    KubernetesControllerEvidence {
        name: String, #[serde(rename = "type")] kind: String, labels: HashMap<String, String>, namespace:
        Box<KubernetesNamespaceEvidence>,
    }
    KubernetesNamespaceEvidence {
        name: String, labels: HashMap<String, String>, cluster: Box<KubernetesClusterEvidence>,
    }
    KubernetesPodEvidence {
        name: String, namespace: Box<KubernetesNamespaceEvidence>, pod_ip: Box<IpEvidence>, labels:
        HashMap<String, String>, containers: Vec<ContainerEvidence>, init_containers:
        Vec<ContainerEvidence>, ephemeral_containers: Vec<ContainerEvidence>, controller:
        Box<KubernetesControllerEvidence>, service_account: Box<KubernetesServiceAccountEvidence>,
    }
    KubernetesSecretEvidence { name: String, secret_type: String, namespace: Box<KubernetesNamespaceEvidence>, }
    KubernetesServiceEvidence {
        name: String, service_type: String, namespace: Box<KubernetesNamespaceEvidence>, labels:
        HashMap<String, String>, selector: HashMap<String, String>, #[serde(rename = "clusterIP")]
        cluster_ip: Box<IpEvidence>, #[serde(rename = "externalIPs")] external_ips: Vec<IpEvidence>,
        service_ports: Vec<KubernetesServicePort>,
    }
    KubernetesServiceAccountEvidence { name: String, namespace: Box<KubernetesNamespaceEvidence>, }
}

object! {
    GeoLocation {
        city: String, state: String, country_name: String, latitude: String, longitude: String,
    }
    FileDetails {
        file_name: String, file_path: String, file_publisher: String, file_size: i64, issuer: String,
        signer: String, md5: String, sha1: String, sha256: String, sha256_ac: String,
    }
    LoggedOnUser { account_name: String, domain_name: String, }
    VmMetadata {
        vm_id: String, cloud_provider: String, resource_id: String, subscription_id: String,
    }
    UserAccount {
        account_name: String, domain_name: String, display_name: String, user_principal_name: String,
        user_sid: String, azure_ad_user_id: String, active_directory_object_guid: String,
        resource_access_events: Vec<ResourceAccessEvent>,
    }
    ResourceAccessEvent {
        access_date_time: DateTime<Utc>, account_id: String, ip_address: String, resource_identifier:
        String,
    }
    NamedStream { name: String, }
    MessageSender { email_address: String, display_name: String, domain_name: String, }
    FileHash { algorithm: String, value: String, }
    KubernetesServicePort {
        name: String, port: i64, target_port: String, node_port: i64, protocol: String, app_protocol:
        String,
    }
}
