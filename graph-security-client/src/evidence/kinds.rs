//! The types of evidence that have fields of their own. Each page is named after its type.

use chrono::{DateTime, Utc};
use pocketsoc_model::RawJson;
use pocketsoc_transport::lenient;
use serde::Deserialize;

use super::reading::{Integer, Object, Objects, Text, Texts, Time, fields};

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
        health_status: Option<String> = "healthStatus" as Text,
        /// How exposed to risk it is.
        risk_score: Option<String> = "riskScore" as Text,
        /// Its device group's number; 0 for none.
        rbac_group_id: Option<i64> = "rbacGroupId" as Integer,
        /// Its device group.
        rbac_group_name: Option<String> = "rbacGroupName" as Text,
        /// Whether it is onboarded.
        onboarding_status: Option<String> = "onboardingStatus" as Text,
        /// How its antivirus is doing.
        defender_av_status: Option<String> = "defenderAvStatus" as Text,
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
    }

    /// An account. Page: "userEvidence".
    pub struct UserEvidence {
        /// The account.
        user_account: Option<UserAccount> = "userAccount" as Object<UserAccount>,
    }

    /// A file. Page: "fileEvidence".
    pub struct FileEvidence {
        /// Whether it was detected, blocked or prevented.
        detection_status: Option<String> = "detectionStatus" as Text,
        /// The file.
        file_details: Option<FileDetails> = "fileDetails" as Object<FileDetails>,
        /// The machine it is on.
        mde_device_id: Option<String> = "mdeDeviceId" as Text,
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
        /// Whether it was detected, blocked or prevented.
        detection_status: Option<String> = "detectionStatus" as Text,
        /// The machine it ran on.
        mde_device_id: Option<String> = "mdeDeviceId" as Text,
        /// The account it ran as.
        user_account: Option<UserAccount> = "userAccount" as Object<UserAccount>,
    }

    /// An IP address. Page: "ipEvidence".
    pub struct IpEvidence {
        /// The address, of either version.
        ip_address: Option<String> = "ipAddress" as Text,
        /// The country, in two letters.
        country_letter_code: Option<String> = "countryLetterCode" as Text,
        /// Where it is.
        location: Option<GeoLocation> = "location" as Object<GeoLocation>,
    }

    /// A web address. Page: "urlEvidence".
    pub struct UrlEvidence {
        /// The address.
        url: Option<String> = "url" as Text,
    }

    /// A mailbox. Page: "mailboxEvidence".
    pub struct MailboxEvidence {
        /// The primary address.
        primary_address: Option<String> = "primaryAddress" as Text,
        /// The display name.
        display_name: Option<String> = "displayName" as Text,
        /// The user principal name.
        upn: Option<String> = "upn" as Text,
        /// Whose it is.
        user_account: Option<UserAccount> = "userAccount" as Object<UserAccount>,
    }

    /// A message. Page: "analyzedMessageEvidence".
    pub struct AnalyzedMessageEvidence {
        /// The subject.
        subject: Option<String> = "subject" as Text,
        /// The sender of the envelope.
        p1_sender: Option<MessageSender> = "p1Sender" as Object<MessageSender>,
        /// The sender that readers see.
        p2_sender: Option<MessageSender> = "p2Sender" as Object<MessageSender>,
        /// The address it was sent from.
        sender_ip: Option<String> = "senderIp" as Text,
        /// The recipient's address.
        recipient_email_address: Option<String> = "recipientEmailAddress" as Text,
        /// The message's id in the service.
        network_message_id: Option<String> = "networkMessageId" as Text,
        /// The message's own id.
        internet_message_id: Option<String> = "internetMessageId" as Text,
        /// When it arrived.
        received_date_time: Option<DateTime<Utc>> = "receivedDateTime" as Time,
        /// How many attachments it has.
        attachments_count: Option<i64> = "attachmentsCount" as Integer,
        /// How many addresses it has.
        url_count: Option<i64> = "urlCount" as Integer,
        /// The addresses in it.
        urls: Vec<String> = "urls" as Texts,
        /// Its language.
        language: Option<String> = "language" as Text,
        /// Whether it was delivered.
        delivery_action: Option<String> = "deliveryAction" as Text,
        /// Where it was delivered to.
        delivery_location: Option<String> = "deliveryLocation" as Text,
        /// Which way it went.
        anti_spam_direction: Option<String> = "antiSpamDirection" as Text,
        /// The threats in it.
        threats: Vec<String> = "threats" as Texts,
        /// How they were found.
        threat_detection_methods: Vec<String> = "threatDetectionMethods" as Texts,
        /// The name of the automated investigation's record.
        urn: Option<String> = "urn" as Text,
    }

    /// A resource in Azure. Page: "azureResourceEvidence".
    pub struct AzureResourceEvidence {
        /// The full id.
        resource_id: Option<String> = "resourceId" as Text,
        /// The name.
        resource_name: Option<String> = "resourceName" as Text,
        /// The type.
        resource_type: Option<String> = "resourceType" as Text,
    }

    /// A cloud application. Page: "cloudApplicationEvidence".
    pub struct CloudApplicationEvidence {
        /// The application's number.
        app_id: Option<i64> = "appId" as Integer,
        /// The display name.
        display_name: Option<String> = "displayName" as Text,
        /// The instance's number.
        instance_id: Option<i64> = "instanceId" as Integer,
        /// The instance's name.
        instance_name: Option<String> = "instanceName" as Text,
        /// The number of the software as a service.
        saas_app_id: Option<i64> = "saasAppId" as Integer,
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
}

/// Declares the plain structs within evidence: every field an optional text or number, read leniently.
macro_rules! plain {
    ($($(#[$meta:meta])* pub struct $name:ident {
        $($(#[$field_meta:meta])* $field:ident: $type:ty = $read:literal,)*
    })+) => {
        $($(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, Deserialize)]
        #[serde(rename_all = "camelCase")]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_meta])*
            #[serde(default, deserialize_with = $read)]
            pub $field: Option<$type>,)*
        })+
    };
}

plain! {
    /// A file, wherever one is named.
    pub struct FileDetails {
        /// The file's name.
        file_name: String = "lenient::text",
        /// The folder, without the name.
        file_path: String = "lenient::text",
        /// Who published it.
        file_publisher: String = "lenient::text",
        /// Size in bytes.
        file_size: i64 = "lenient::integer",
        /// Who issued the certificate.
        issuer: String = "lenient::text",
        /// Who signed it.
        signer: String = "lenient::text",
        /// MD5, hexadecimal.
        md5: String = "lenient::text",
        /// SHA-1, hexadecimal.
        sha1: String = "lenient::text",
        /// SHA-256, hexadecimal.
        sha256: String = "lenient::text",
        /// SHA-256 by Authenticode, hexadecimal.
        sha256_ac: String = "lenient::text",
    }

    /// Somebody who was logged on to a machine.
    pub struct LoggedOnUser {
        /// The account name.
        account_name: String = "lenient::text",
        /// The domain.
        domain_name: String = "lenient::text",
    }

    /// The virtual machine that a machine is.
    pub struct VmMetadata {
        /// Its id.
        vm_id: String = "lenient::text",
        /// The cloud it runs in.
        cloud_provider: String = "lenient::text",
        /// Its full id in that cloud.
        resource_id: String = "lenient::text",
        /// The subscription.
        subscription_id: String = "lenient::text",
    }

    /// Where an address is.
    pub struct GeoLocation {
        /// The city.
        city: String = "lenient::text",
        /// The state.
        state: String = "lenient::text",
        /// The country.
        country_name: String = "lenient::text",
        /// Degrees north, as the service wrote them.
        latitude: String = "lenient::text",
        /// Degrees east, as the service wrote them.
        longitude: String = "lenient::text",
    }

    /// Who sent a message.
    pub struct MessageSender {
        /// The address.
        email_address: String = "lenient::text",
        /// The display name.
        display_name: String = "lenient::text",
        /// The domain.
        domain_name: String = "lenient::text",
    }
}

/// An account, wherever one is named.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UserAccount {
    /// The account name without domain.
    #[serde(default, deserialize_with = "lenient::text")]
    pub account_name: Option<String>,
    /// The domain.
    #[serde(default, deserialize_with = "lenient::text")]
    pub domain_name: Option<String>,
    /// The display name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub display_name: Option<String>,
    /// The user principal name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub user_principal_name: Option<String>,
    /// The Windows security identifier; may be an empty text.
    #[serde(default, deserialize_with = "lenient::text")]
    pub user_sid: Option<String>,
    /// The Entra object id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub azure_ad_user_id: Option<String>,
    /// The Active Directory object id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub active_directory_object_guid: Option<String>,
    /// What it has accessed, as it came.
    #[serde(default)]
    pub resource_access_events: Option<RawJson>,
}
