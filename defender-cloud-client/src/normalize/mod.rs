//! From the native alert to the normalized detection: pure, total, by value.

mod entities;

use std::sync::LazyLock;

use pocketsoc_model::{
    CorrelationKey, Detail, Detection, DetectionId, Link, Product, Resource, Result, Severity, Status,
    Tactic, TechniqueId, TransitionTable,
};

use crate::alerts::{
    Alert, AlertProperties, AlertStatus, ResourceIdentifier, ResourceIdentifierKind as Kind,
};

/// Turns an alert into a detection.
///
/// The service keeps neither verdict nor assignee nor comments, and no time of the last change: `updated_at` is the
/// latest of the alert's own times. The profile is left empty and the statuses that may follow come from the product's
/// own table; a [`DetectionSource`](crate::DetectionSource) sets both.
///
/// # Errors
/// Never for an alert that was read: its id has been checked.
pub fn normalize(alert: Alert) -> Result<Detection> {
    detection(alert, "", &TRANSITIONS, Detail::Full)
}

/// The product's own table.
static TRANSITIONS: LazyLock<TransitionTable> =
    LazyLock::new(|| TransitionTable::for_product(&Product::DEFENDER_FOR_CLOUD));

/// Turns an alert into a detection seen through a profile.
pub(crate) fn detection(
    mut alert: Alert,
    profile: &str,
    table: &TransitionTable,
    detail: Detail,
) -> Result<Detection> {
    let raw = alert.take_raw();
    let id = DetectionId::new(alert.id.as_str())?;
    let keys = CorrelationKey::cloud_alert(alert.id.name());
    let mut said = alert.properties;
    let title = said.alert_display_name.take().unwrap_or_default();
    let mut detection = Detection::new(id, Product::DEFENDER_FOR_CLOUD, title);

    detection.description = said.description.take();
    if let Some(word) = &said.severity {
        detection.severity = Severity::from_native(word.as_str());
        detection.native_severity = (!word.is_known()).then(|| word.to_string());
    }
    detection.status = status(said.status.as_ref());
    detection.native_status = said.status.as_ref().map(ToString::to_string);
    detection.tactics = said.intents().filter_map(Tactic::from_category).collect();
    detection.category = said.intent.take();
    set_techniques(&mut detection, &mut said);
    detection.created_at = said.time_generated;
    detection.updated_at = said.latest_time();
    detection.first_activity_at = said.start_time;
    detection.last_activity_at = said.end_time;
    detection.url = said.alert_uri.take();
    detection.links = links(&mut said);
    detection.correlation_keys = keys;
    set_identifiers(&mut detection, std::mem::take(&mut said.resource_identifiers));
    detection.provider = Some("Azure".into());
    if detail == Detail::Full {
        entities::set_entities(&mut detection, &said);
        set_properties(&mut detection, &mut said);
    }
    detection.raw = raw;
    Ok(detection.seen_through(profile, table))
}

fn status(word: Option<&AlertStatus>) -> Status {
    match word {
        Some(AlertStatus::Active) => Status::Active,
        Some(AlertStatus::InProgress) => Status::InProgress,
        Some(AlertStatus::Resolved) => Status::Resolved,
        Some(AlertStatus::Dismissed) => Status::Dismissed,
        Some(AlertStatus::Unrecognized(_)) | None => Status::Unknown,
    }
}

/// Techniques and sub-techniques, each once; what is no id is kept as a property.
fn set_techniques(detection: &mut Detection, said: &mut AlertProperties) {
    for (name, texts) in [("techniques", &said.techniques), ("subTechniques", &said.sub_techniques)] {
        let mut strange = Vec::new();
        for text in texts {
            match TechniqueId::parse(text) {
                Some(id) if detection.techniques.contains(&id) => {}
                Some(id) => detection.techniques.push(id),
                None => strange.push(text.as_str()),
            }
        }
        detection.properties.set_some(name, (!strange.is_empty()).then(|| strange.join(", ")));
    }
}

fn links(said: &mut AlertProperties) -> Vec<Link> {
    let link = |link: crate::alerts::ExtendedLink| {
        let url = link.href?;
        Some(Link::new(link.label.or(link.category).unwrap_or_default(), url))
    };
    std::mem::take(&mut said.extended_links).into_iter().filter_map(link).collect()
}

/// Affected resources become resources; the workspace and the tenant that the alert came by, properties.
fn set_identifiers(detection: &mut Detection, identifiers: Vec<ResourceIdentifier>) {
    for identifier in identifiers {
        let kind = identifier.kind.as_ref().map(ToString::to_string);
        if let Some(id) = identifier.azure_resource_id {
            add_resource(detection, id, kind);
        }
        let tenant = identifier
            .azure_resource_tenant_id
            .or_else(|| identifier.aad_tenant_id.clone())
            .or_else(|| identifier.workspace_tenant_id.clone());
        detection.tenant_id = detection.tenant_id.take().or(tenant);
        let properties = &mut detection.properties;
        properties.set_some("workspaceId", identifier.workspace_id);
        properties.set_some("workspaceSubscriptionId", identifier.workspace_subscription_id);
        properties.set_some("workspaceResourceGroup", identifier.workspace_resource_group);
        properties.set_some("workspaceTenantId", identifier.workspace_tenant_id);
        properties.set_some("agentId", identifier.agent_id);
        if identifier.kind == Some(Kind::Aad) {
            properties.set_some("aadTenantId", identifier.aad_tenant_id);
        }
    }
}

/// Adds an affected resource, unless it is there already.
fn add_resource(detection: &mut Detection, id: String, kind: Option<String>) {
    if id.is_empty() || detection.resources.iter().any(|r| r.id.eq_ignore_ascii_case(&id)) {
        return;
    }
    let name = last_part(&id);
    let mut resource = Resource::new(id);
    (resource.kind, resource.name) = (kind, name);
    detection.resources.push(resource);
}

/// The last part of a resource's id: its name.
fn last_part(id: &str) -> Option<String> {
    id.trim_end_matches('/').rsplit('/').next().filter(|name| !name.is_empty()).map(str::to_owned)
}

/// What has no field of its own, under the service's names.
fn set_properties(detection: &mut Detection, said: &mut AlertProperties) {
    let extended = said.extended_properties();
    let properties = &mut detection.properties;
    properties.set_some("alertType", said.alert_type.take());
    properties.set_some("systemAlertId", said.system_alert_id.take());
    properties.set_some("productName", said.product_name.take());
    properties.set_some("productComponentName", said.product_component_name.take());
    properties.set_some("vendorName", said.vendor_name.take());
    properties.set_some("compromisedEntity", said.compromised_entity.take());
    properties.set_some("isIncident", said.is_incident.map(|flag| flag.to_string()));
    properties.set_some("correlationKey", said.correlation_key.take().filter(|key| !key.is_empty()));
    properties.set_some("version", said.version.take());
    let steps = std::mem::take(&mut said.remediation_steps);
    properties.set_some("remediationSteps", (!steps.is_empty()).then(|| steps.join("\n")));
    properties.set_some("supportingEvidence", said.supporting_evidence.take().map(|json| json.compact()));
    properties.adopt("extendedProperties", extended);
}
