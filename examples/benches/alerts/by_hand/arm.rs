//! Alerts of Defender for Cloud, written by hand: resource identifiers by their tag, the open parts as maps.

#![allow(dead_code)] // decoded in full, as an application would

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub struct Alert {
    id: String,
    name: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    properties: Properties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    version: Option<String>,
    alert_type: Option<String>,
    system_alert_id: Option<String>,
    product_component_name: Option<String>,
    alert_display_name: Option<String>,
    description: Option<String>,
    severity: Option<String>,
    intent: Option<String>,
    start_time_utc: Option<DateTime<Utc>>,
    end_time_utc: Option<DateTime<Utc>>,
    time_generated_utc: Option<DateTime<Utc>>,
    processing_end_time_utc: Option<DateTime<Utc>>,
    resource_identifiers: Option<Vec<ResourceIdentifier>>,
    remediation_steps: Option<Vec<String>>,
    vendor_name: Option<String>,
    status: Option<String>,
    extended_links: Option<Vec<HashMap<String, Option<String>>>>,
    alert_uri: Option<String>,
    product_name: Option<String>,
    entities: Option<Vec<Entity>>,
    is_incident: Option<bool>,
    correlation_key: Option<String>,
    extended_properties: Option<HashMap<String, Value>>,
    compromised_entity: Option<String>,
    techniques: Option<Vec<String>>,
    sub_techniques: Option<Vec<String>>,
    supporting_evidence: Option<HashMap<String, Value>>,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum ResourceIdentifier {
    #[serde(rename_all = "camelCase")]
    AzureResource { azure_resource_id: Option<String>, azure_resource_tenant_id: Option<String> },
    #[serde(rename_all = "camelCase")]
    LogAnalytics {
        workspace_id: Option<String>,
        workspace_subscription_id: Option<String>,
        workspace_resource_group: Option<String>,
        agent_id: Option<String>,
    },
    #[serde(rename = "AAD", rename_all = "camelCase")]
    Aad { aad_tenant_id: Option<String> },
    #[serde(other)]
    Other,
}

/// As the service's own description has it: a type, and whatever else.
#[derive(Deserialize)]
struct Entity {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(flatten)]
    more: HashMap<String, Value>,
}
