//! From the native alert to the normalized detection: pure, total, by value.

mod entities;

use std::collections::HashSet;
use std::sync::LazyLock;

use pocketsoc_model::{
    CorrelationKey, Detail, Detection, DetectionId, Link, Product, RawJson, Resource, Result, Severity,
    Status, Tactic, TechniqueId, TransitionTable,
};

use crate::alerts::{Alert, AlertProperties, AlertStatus, ResourceIdentifier};

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
    detection.native_status = said.status.as_ref().map(|word| word.as_str().to_owned());
    for tactic in said.intents().filter_map(Tactic::from_category) {
        if !detection.tactics.contains(&tactic) {
            detection.tactics.push(tactic);
        }
    }
    detection.category = said.intent.take();
    set_techniques(&mut detection, &said);
    detection.created_at = said.time_generated;
    detection.updated_at = said.latest_time();
    detection.first_activity_at = said.start_time;
    detection.last_activity_at = said.end_time;
    detection.url = said.alert_uri.take();
    detection.links = links(&mut said);
    detection.correlation_keys = keys;
    set_identifiers(&mut detection, std::mem::take(&mut said.resource_identifiers));
    detection.provider = Some(if detail == Detail::Full { "Azure" } else { provider(&said) }.into());
    if detail == Detail::Full {
        entities::set_entities(&mut detection, &said);
        set_properties(&mut detection, &said);
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

/// The cloud, as far as a glance at the entities shows it.
fn provider(said: &AlertProperties) -> &'static str {
    let text = said.entities.as_ref().map_or("", RawJson::as_str);
    let kinds = ["gcp-resource", "google-resource", "aws-resource", "amazon-resource"];
    let other = kinds.into_iter().find(|kind| text.contains(&format!("\"{kind}\"")));
    other.and_then(entities::other_cloud).unwrap_or("Azure")
}

/// Techniques and sub-techniques, each once; what is no id is kept as a property.
fn set_techniques(detection: &mut Detection, said: &AlertProperties) {
    let (techniques, subs) = (&said.techniques, &said.sub_techniques);
    let (ids, strange) = TechniqueId::parse_all(techniques.iter().chain(subs).map(String::as_str));
    detection.techniques = ids;
    detection.properties.set_some("techniques", (!strange.is_empty()).then(|| strange.join(", ")));
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
    let resources = identifiers.iter().filter_map(|identifier| {
        let kind = identifier.kind.as_ref().map(|kind| kind.as_str().to_owned());
        Some((identifier.azure_resource_id.clone()?, kind))
    });
    add_resources(detection, resources);
    for identifier in identifiers {
        // The resource's own tenant counts before that of the workspace that reported.
        let own = identifier.azure_resource_tenant_id.clone().or_else(|| identifier.aad_tenant_id.clone());
        detection.tenant_id = detection.tenant_id.take().or(own);
        for (name, text) in [
            ("azureResourceTenantId", identifier.azure_resource_tenant_id),
            ("aadTenantId", identifier.aad_tenant_id),
            ("workspaceId", identifier.workspace_id),
            ("workspaceSubscriptionId", identifier.workspace_subscription_id),
            ("workspaceResourceGroup", identifier.workspace_resource_group),
            ("workspaceTenantId", identifier.workspace_tenant_id),
            ("agentId", identifier.agent_id),
        ] {
            let Some(text) = text.filter(|text| !text.is_empty()) else { continue };
            // Of several identifiers each is kept.
            let known = detection.properties.get(name).unwrap_or_default();
            if known.is_empty() {
                detection.properties.set(name, text);
            } else if known.len() < entities::LONGEST_LIST && !known.split(", ").any(|k| k == text) {
                let both = format!("{known}, {text}");
                detection.properties.set(name, both);
            }
        }
    }
    if detection.tenant_id.is_none() {
        detection.tenant_id = detection.properties.get("workspaceTenantId").map(str::to_owned);
    }
}

/// So many resources are compared with one another one by one.
const FEW: usize = 16;

/// Adds affected resources with their kinds, each once.
fn add_resources(detection: &mut Detection, resources: impl Iterator<Item = (String, Option<String>)>) {
    let mut resources = resources.peekable();
    if resources.peek().is_none() {
        return;
    }
    // Nearly always one or two; an alert that names thousands is not compared with itself.
    let mut known: HashSet<String> = HashSet::new();
    for (id, kind) in resources {
        let known_already = if detection.resources.len() < FEW {
            detection.resources.iter().any(|resource| resource.id.eq_ignore_ascii_case(&id))
        } else {
            if known.is_empty() {
                known = detection.resources.iter().map(|r| r.id.to_ascii_lowercase()).collect();
            }
            !known.insert(id.to_ascii_lowercase())
        };
        if id.is_empty() || known_already {
            continue;
        }
        let name = last_part(&id);
        let mut resource = Resource::new(id);
        (resource.kind, resource.name) = (kind, name);
        detection.resources.push(resource);
    }
}

/// The last part of a resource's id: its name.
fn last_part(id: &str) -> Option<String> {
    id.trim_end_matches('/').rsplit('/').next().filter(|name| !name.is_empty()).map(str::to_owned)
}

/// What has no field of its own, under the service's names.
fn set_properties(detection: &mut Detection, said: &AlertProperties) {
    let properties = &mut detection.properties;
    properties.reserve(12 + said.extended_properties.len(), 1024);
    properties.set_some("alertType", said.alert_type.as_deref());
    properties.set_some("systemAlertId", said.system_alert_id.as_deref());
    properties.set_some("productName", said.product_name.as_deref());
    properties.set_some("productComponentName", said.product_component_name.as_deref());
    properties.set_some("vendorName", said.vendor_name.as_deref());
    properties.set_some("compromisedEntity", said.compromised_entity.as_deref());
    properties.set_some("isIncident", said.is_incident.map(|flag| if flag { "true" } else { "false" }));
    properties.set_some("correlationKey", said.correlation_key.as_deref().filter(|key| !key.is_empty()));
    properties.set_some("version", said.version.as_deref());
    let steps = &said.remediation_steps;
    properties.set_some("remediationSteps", (!steps.is_empty()).then(|| steps.join("\n")));
    properties.set_some("supportingEvidence", said.supporting_evidence.as_ref().map(RawJson::compact));
    properties.adopt("extendedProperties", &said.extended_properties);
}
