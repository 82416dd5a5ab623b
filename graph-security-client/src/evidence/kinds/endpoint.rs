//! Machines and what is on them, as evidence.

use chrono::{DateTime, Utc};

use super::{AzureResourceEvidence, IpEvidence, NicEvidence, ResourceAccessEvent, UrlEvidence, UserAccount};
use crate::evidence::Part;
use crate::evidence::reading::{
    AllWithin, Flag, Integer, Object, Objects, Text, Texts, Time, Within, Word, fields,
};
use crate::evidence::words::{
    DefenderAvStatus, DetectionStatus, DeviceHealthStatus, DeviceRiskScore, FileHashAlgorithm,
    IotDeviceImportance, OnboardingStatus, VmCloudProvider,
};

fields! {
    /// A machine. Page: "deviceEvidence".
    pub struct DeviceEvidence {
        /// Defender for Endpoint's id of it.
        mde_device_id: Option<String> = "mdeDeviceId" as Text,
        /// The Entra device id.
        azure_ad_device_id: Option<String> = "azureAdDeviceId" as Text,
        /// The fully qualified name.
        device_dns_name: Option<String> = "deviceDnsName" as Text,
        /// The name without domain.
        host_name: Option<String> = "hostName" as Text,
        /// The Windows domain.
        nt_domain: Option<String> = "ntDomain" as Text,
        /// The DNS domain.
        dns_domain: Option<String> = "dnsDomain" as Text,
        /// The operating system.
        os_platform: Option<String> = "osPlatform" as Text,
        /// The build of the operating system.
        os_build: Option<i64> = "osBuild" as Integer,
        /// The version of the operating system.
        version: Option<String> = "version" as Text,
        /// When it was first seen.
        first_seen_date_time: Option<DateTime<Utc>> = "firstSeenDateTime" as Time,
        /// How well its sensor reports.
        health_status: Option<DeviceHealthStatus> = "healthStatus" as Word<DeviceHealthStatus>,
        /// How exposed to risk it is.
        risk_score: Option<DeviceRiskScore> = "riskScore" as Word<DeviceRiskScore>,
        /// Its device group's number; 0 for none.
        rbac_group_id: Option<i64> = "rbacGroupId" as Integer,
        /// Its device group.
        rbac_group_name: Option<String> = "rbacGroupName" as Text,
        /// Whether it is onboarded.
        onboarding_status: Option<OnboardingStatus> = "onboardingStatus" as Word<OnboardingStatus>,
        /// How its antivirus is doing.
        defender_av_status: Option<DefenderAvStatus> = "defenderAvStatus" as Word<DefenderAvStatus>,
        /// Its last internal address.
        last_ip_address: Option<String> = "lastIpAddress" as Text,
        /// Its last external address.
        last_external_ip_address: Option<String> = "lastExternalIpAddress" as Text,
        /// All its addresses.
        ip_interfaces: Vec<String> = "ipInterfaces" as Texts,
        /// Who was logged on.
        logged_on_users: Vec<LoggedOnUser> = "loggedOnUsers" as Objects<LoggedOnUser>,
        /// The virtual machine it is, if it is one.
        vm_metadata: Option<VmMetadata> = "vmMetadata" as Object<VmMetadata>,
        /// What was accessed from it.
        resource_access_events: Vec<ResourceAccessEvent> = "resourceAccessEvents" as Objects<ResourceAccessEvent>,
    }

    /// A file. Page: "fileEvidence".
    pub struct FileEvidence {
        /// What the sensor did about it.
        detection_status: Option<DetectionStatus> = "detectionStatus" as Word<DetectionStatus>,
        /// The file.
        file_details: Option<FileDetails> = "fileDetails" as Object<FileDetails>,
        /// The machine it is on.
        mde_device_id: Option<String> = "mdeDeviceId" as Text,
    }

    /// A hash. Page: "fileHashEvidence".
    pub struct FileHashEvidence {
        /// How it was made.
        algorithm: Option<FileHashAlgorithm> = "algorithm" as Word<FileHashAlgorithm>,
        /// The hash, hexadecimal.
        value: Option<String> = "value" as Text,
    }

    /// A process. Page: "processEvidence".
    pub struct ProcessEvidence {
        /// The process id.
        process_id: Option<i64> = "processId" as Integer,
        /// The command line.
        process_command_line: Option<String> = "processCommandLine" as Text,
        /// When it started.
        process_creation_date_time: Option<DateTime<Utc>> = "processCreationDateTime" as Time,
        /// Its image.
        image_file: Option<FileDetails> = "imageFile" as Object<FileDetails>,
        /// The parent's process id.
        parent_process_id: Option<i64> = "parentProcessId" as Integer,
        /// When the parent started.
        parent_process_creation_date_time: Option<DateTime<Utc>> = "parentProcessCreationDateTime" as Time,
        /// The parent's image.
        parent_process_image_file: Option<FileDetails> = "parentProcessImageFile" as Object<FileDetails>,
        /// What the sensor did about it.
        detection_status: Option<DetectionStatus> = "detectionStatus" as Word<DetectionStatus>,
        /// The machine it ran on.
        mde_device_id: Option<String> = "mdeDeviceId" as Text,
        /// The account it ran as.
        user_account: Option<UserAccount> = "userAccount" as Object<UserAccount>,
    }

    /// Malware. Page: "malwareEvidence".
    pub struct MalwareEvidence {
        /// The name.
        name: Option<String> = "name" as Text,
        /// What kind it is.
        category: Option<String> = "category" as Text,
        /// Its files.
        files: Vec<Part<FileEvidence>> = "files" as AllWithin<FileEvidence>,
        /// Its processes.
        processes: Vec<Part<ProcessEvidence>> = "processes" as AllWithin<ProcessEvidence>,
    }

    /// A registry key. Page: "registryKeyEvidence".
    pub struct RegistryKeyEvidence {
        /// The hive.
        registry_hive: Option<String> = "registryHive" as Text,
        /// The key.
        registry_key: Option<String> = "registryKey" as Text,
    }

    /// A registry value. Page: "registryValueEvidence".
    pub struct RegistryValueEvidence {
        /// The hive.
        registry_hive: Option<String> = "registryHive" as Text,
        /// The key.
        registry_key: Option<String> = "registryKey" as Text,
        /// The value's name.
        registry_value_name: Option<String> = "registryValueName" as Text,
        /// The value's type.
        registry_value_type: Option<String> = "registryValueType" as Text,
        /// The value.
        registry_value: Option<String> = "registryValue" as Text,
        /// The machine it is on.
        mde_device_id: Option<String> = "mdeDeviceId" as Text,
    }

    /// A device of the Internet of Things. Page: "ioTDeviceEvidence".
    pub struct IotDeviceEvidence {
        /// The device's id.
        device_id: Option<String> = "deviceId" as Text,
        /// The name.
        device_name: Option<String> = "deviceName" as Text,
        /// Its page in the portal.
        device_page_link: Option<String> = "devicePageLink" as Text,
        /// What it is.
        device_type: Option<String> = "deviceType" as Text,
        /// What it is, more closely.
        device_sub_type: Option<String> = "deviceSubType" as Text,
        /// How much it matters.
        importance: Option<IotDeviceImportance> = "importance" as Word<IotDeviceImportance>,
        /// The hub it is connected to.
        iot_hub: Option<Box<Part<AzureResourceEvidence>>> = "ioTHub" as Within<AzureResourceEvidence>,
        /// The id of its security agent.
        iot_security_agent_id: Option<String> = "ioTSecurityAgentId" as Text,
        /// Its address.
        ip_address: Option<Box<Part<IpEvidence>>> = "ipAddress" as Within<IpEvidence>,
        /// The hardware address.
        mac_address: Option<String> = "macAddress" as Text,
        /// Its network cards.
        nics: Vec<Part<NicEvidence>> = "nics" as AllWithin<NicEvidence>,
        /// Who made it.
        manufacturer: Option<String> = "manufacturer" as Text,
        /// The model.
        model: Option<String> = "model" as Text,
        /// The serial number.
        serial_number: Option<String> = "serialNumber" as Text,
        /// The operating system.
        operating_system: Option<String> = "operatingSystem" as Text,
        /// Whether it may be there.
        is_authorized: Option<bool> = "isAuthorized" as Flag,
        /// Whether it programs others.
        is_programming: Option<bool> = "isProgramming" as Flag,
        /// Whether it scans the network.
        is_scanner: Option<bool> = "isScanner" as Flag,
        /// Its owners.
        owners: Vec<String> = "owners" as Texts,
        /// What it speaks.
        protocols: Vec<String> = "protocols" as Texts,
        /// Its layer in the plant.
        purdue_layer: Option<String> = "purdueLayer" as Text,
        /// The sensor that sees it.
        sensor: Option<String> = "sensor" as Text,
        /// The site.
        site: Option<String> = "site" as Text,
        /// The zone.
        zone: Option<String> = "zone" as Text,
        /// Who told of it.
        source: Option<String> = "source" as Text,
        /// Where that is.
        source_ref: Option<Box<Part<UrlEvidence>>> = "sourceRef" as Within<UrlEvidence>,
    }

    /// A file, wherever one is named.
    pub struct FileDetails {
        /// The file's name.
        file_name: Option<String> = "fileName" as Text,
        /// The folder, without the name.
        file_path: Option<String> = "filePath" as Text,
        /// Who published it.
        file_publisher: Option<String> = "filePublisher" as Text,
        /// Size in bytes.
        file_size: Option<i64> = "fileSize" as Integer,
        /// Who issued the certificate.
        issuer: Option<String> = "issuer" as Text,
        /// Who signed it.
        signer: Option<String> = "signer" as Text,
        /// MD5, hexadecimal.
        md5: Option<String> = "md5" as Text,
        /// SHA-1, hexadecimal.
        sha1: Option<String> = "sha1" as Text,
        /// SHA-256, hexadecimal.
        sha256: Option<String> = "sha256" as Text,
        /// SHA-256 by Authenticode, hexadecimal.
        sha256_ac: Option<String> = "sha256Ac" as Text,
    }

    /// Somebody who was logged on to a machine.
    pub struct LoggedOnUser {
        /// The account name.
        account_name: Option<String> = "accountName" as Text,
        /// The domain.
        domain_name: Option<String> = "domainName" as Text,
    }

    /// The virtual machine that a machine is.
    pub struct VmMetadata {
        /// Its id.
        vm_id: Option<String> = "vmId" as Text,
        /// The cloud it runs in.
        cloud_provider: Option<VmCloudProvider> = "cloudProvider" as Word<VmCloudProvider>,
        /// Its full id in that cloud.
        resource_id: Option<String> = "resourceId" as Text,
        /// The subscription.
        subscription_id: Option<String> = "subscriptionId" as Text,
    }
}
