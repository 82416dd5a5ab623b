//! Alerts of Graph security, written by hand: evidence by its tag.

#![allow(dead_code)] // decoded in full, as an application would

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

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
    comments: Option<Vec<Comment>>,
    evidence: Option<Vec<Evidence>>,
    system_tags: Option<Vec<String>>,
    alert_policy_id: Option<String>,
    additional_data: Option<HashMap<String, Value>>,
    custom_details: Option<HashMap<String, String>>,
    investigation_state: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Comment {
    comment: Option<String>,
    created_by_display_name: Option<String>,
    created_date_time: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[allow(clippy::large_enum_variant)] // as it is commonly written
#[serde(tag = "@odata.type")]
enum Evidence {
    #[serde(rename = "#microsoft.graph.security.deviceEvidence")]
    Device(Device),
    #[serde(rename = "#microsoft.graph.security.userEvidence")]
    User(User),
    #[serde(rename = "#microsoft.graph.security.processEvidence")]
    Process(Process),
    #[serde(rename = "#microsoft.graph.security.fileEvidence")]
    File(File),
    #[serde(rename = "#microsoft.graph.security.ipEvidence")]
    Ip(Ip),
    #[serde(rename = "#microsoft.graph.security.urlEvidence")]
    Url(Url),
    #[serde(rename = "#microsoft.graph.security.registryValueEvidence")]
    RegistryValue(RegistryValue),
    #[serde(other)]
    Other,
}

macro_rules! evidence {
    ($($name:ident { $($field:ident: $type:ty,)* })+) => {
        $(#[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct $name {
            created_date_time: Option<DateTime<Utc>>,
            verdict: Option<String>,
            remediation_status: Option<String>,
            remediation_status_details: Option<String>,
            roles: Option<Vec<String>>,
            detailed_roles: Option<Vec<String>>,
            tags: Option<Vec<String>>,
            $($field: Option<$type>,)*
        })+
    };
}

evidence! {
    Device {
        mde_device_id: String, azure_ad_device_id: String, device_dns_name: String, host_name: String, nt_domain: String,
        dns_domain: String, os_platform: String, os_build: i64, version: String, first_seen_date_time: DateTime<Utc>,
        health_status: String, risk_score: String, rbac_group_id: i32, rbac_group_name: String, onboarding_status: String,
        defender_av_status: String, last_ip_address: String, last_external_ip_address: String, ip_interfaces: Vec<String>,
        logged_on_users: Vec<LoggedOn>, vm_metadata: Value,
    }
    User { user_account: Account, }
    File { detection_status: String, mde_device_id: String, file_details: Details, }
    Process {
        process_id: i64, parent_process_id: i64, process_command_line: String, process_creation_date_time: DateTime<Utc>,
        parent_process_creation_date_time: DateTime<Utc>, detection_status: String, mde_device_id: String,
        image_file: Details, parent_process_image_file: Details, user_account: Account,
    }
    Ip { ip_address: String, country_letter_code: String, location: Location, }
    Url { url: String, }
    RegistryValue {
        registry_hive: String, registry_key: String, registry_value_name: String, registry_value_type: String,
        registry_value: String, mde_device_id: String,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LoggedOn {
    account_name: Option<String>,
    domain_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    account_name: Option<String>,
    domain_name: Option<String>,
    display_name: Option<String>,
    user_principal_name: Option<String>,
    user_sid: Option<String>,
    azure_ad_user_id: Option<String>,
    active_directory_object_guid: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    file_name: Option<String>,
    file_path: Option<String>,
    file_publisher: Option<String>,
    file_size: Option<i64>,
    issuer: Option<String>,
    signer: Option<String>,
    md5: Option<String>,
    sha1: Option<String>,
    sha256: Option<String>,
    sha256_ac: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    city: Option<String>,
    state: Option<String>,
    country_name: Option<String>,
    latitude: Option<f64>,
    longitude: Option<f64>,
}
