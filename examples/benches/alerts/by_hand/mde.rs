//! Alerts of Defender for Endpoint, written by hand.

use chrono::{DateTime, Utc};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)] // decoded in full, as an application would
pub struct Alert {
    id: String,
    incident_id: Option<i64>,
    investigation_id: Option<i64>,
    investigation_state: Option<String>,
    assigned_to: Option<String>,
    severity: Option<String>,
    status: Option<String>,
    classification: Option<String>,
    determination: Option<String>,
    detection_source: Option<String>,
    detector_id: Option<String>,
    category: Option<String>,
    threat_family_name: Option<String>,
    threat_name: Option<String>,
    title: Option<String>,
    description: Option<String>,
    alert_creation_time: Option<DateTime<Utc>>,
    first_event_time: Option<DateTime<Utc>>,
    last_event_time: Option<DateTime<Utc>>,
    last_update_time: Option<DateTime<Utc>>,
    resolved_time: Option<DateTime<Utc>>,
    machine_id: Option<String>,
    computer_dns_name: Option<String>,
    rbac_group_name: Option<String>,
    aad_tenant_id: Option<String>,
    mitre_techniques: Option<Vec<String>>,
    related_user: Option<RelatedUser>,
    comments: Option<Vec<Comment>>,
    evidence: Option<Vec<Evidence>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)]
struct RelatedUser {
    user_name: Option<String>,
    domain_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)]
struct Comment {
    comment: Option<String>,
    created_by: Option<String>,
    created_time: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)]
struct Evidence {
    entity_type: Option<String>,
    evidence_creation_time: Option<DateTime<Utc>>,
    sha1: Option<String>,
    sha256: Option<String>,
    file_name: Option<String>,
    file_path: Option<String>,
    process_id: Option<i64>,
    process_command_line: Option<String>,
    process_creation_time: Option<DateTime<Utc>>,
    parent_process_id: Option<i64>,
    parent_process_creation_time: Option<DateTime<Utc>>,
    parent_process_file_name: Option<String>,
    parent_process_file_path: Option<String>,
    ip_address: Option<String>,
    url: Option<String>,
    registry_key: Option<String>,
    registry_hive: Option<String>,
    registry_value_type: Option<String>,
    registry_value: Option<String>,
    registry_value_name: Option<String>,
    account_name: Option<String>,
    domain_name: Option<String>,
    user_sid: Option<String>,
    aad_user_id: Option<String>,
    user_principal_name: Option<String>,
    detection_status: Option<String>,
}
