//! An alert as a detection.

use pocketsoc_model::{
    CorrelationKey, Detection, DetectionId, IncidentRef, Link, Product, Result, Status, Tactic, TechniqueId,
    TransitionTable,
};

use super::{evidence, set_assessment};
use crate::alerts::{Alert, WholeAlert};
use crate::comment;
use crate::words::{AlertStatus, DetectionOrigin, InvestigationState, ServiceSource};

/// What ids of alerts of Defender for Cloud begin with.
const CLOUD: &str = "dc";

/// Turns an alert with its evidence into a detection seen through a profile.
pub(crate) fn detection(whole: WholeAlert, profile: &str, table: &TransitionTable) -> Result<Detection> {
    let WholeAlert { mut alert, evidence, unreadable } = whole;
    let mut detection = head(&mut alert)?;
    evidence::set_entities(&mut detection, evidence, unreadable);
    set_properties(&mut detection, &alert);
    Ok(detection.seen_through(profile, table))
}

/// The same without entities and extras.
pub(crate) fn summary(mut alert: Alert, profile: &str, table: &TransitionTable) -> Result<Detection> {
    Ok(head(&mut alert)?.seen_through(profile, table))
}

fn head(alert: &mut Alert) -> Result<Detection> {
    let raw = alert.take_raw();
    let id = DetectionId::new(alert.id.as_str())?;
    let title = alert.title.take().unwrap_or_default();
    let mut detection = Detection::new(id, Product::GRAPH_ALERT, title);

    detection.description = alert.description.take();
    let (verdict, reason) = (alert.classification.as_ref(), alert.determination.as_ref());
    set_assessment(&mut detection, alert.severity.as_ref(), verdict, reason);
    detection.status = status(alert.status.as_ref());
    detection.native_status = alert.status.as_ref().map(|word| word.as_str().to_owned());
    detection.assigned_to = alert.assigned_to.take();
    for category in alert.category.iter().chain(&alert.categories) {
        detection.tactics.extend(Tactic::from_category(category).filter(|t| !detection.tactics.contains(t)));
    }
    detection.category = alert.category.take();
    let (techniques, strange) = TechniqueId::parse_all(alert.mitre_techniques.iter().map(String::as_str));
    detection.techniques = techniques;
    detection.properties.set_some("mitreTechniques", (!strange.is_empty()).then(|| strange.join(", ")));
    detection.created_at = alert.created_date_time;
    detection.updated_at = alert.last_update_date_time;
    detection.first_activity_at = alert.first_activity_date_time;
    detection.last_activity_at = alert.last_activity_date_time;
    detection.resolved_at = alert.resolved_date_time;
    detection.url = alert.alert_web_url.take();
    detection.links =
        alert.incident_web_url.take().map(|url| Link::new("Incident", url)).into_iter().collect();
    detection.incident_id = alert.incident_id.take().filter(|id| !id.is_empty()).map(IncidentRef::new);
    detection.correlation_keys = correlation_keys(alert);
    detection.tenant_id = alert.tenant_id.take();
    detection.comments = comment::normalized(std::mem::take(&mut alert.comments));
    detection.tags = std::mem::take(&mut alert.system_tags);
    detection.raw = raw;
    Ok(detection)
}

fn status(word: Option<&AlertStatus>) -> Status {
    match word {
        Some(AlertStatus::New) => Status::Active,
        Some(AlertStatus::InProgress) => Status::InProgress,
        Some(AlertStatus::Resolved) => Status::Resolved,
        Some(AlertStatus::Unknown | AlertStatus::Unrecognized(_)) | None => Status::Unknown,
    }
}

/// The alert's id is the one that its product knows it by, with the product's prefix; for Defender for Cloud the name
/// of the alert in Azure stands behind the prefix, or apart.
fn correlation_keys(alert: &Alert) -> Vec<CorrelationKey> {
    let id = alert.id.as_str();
    let mut keys = vec![CorrelationKey::alert(id)];
    let of_cloud = alert.service_source == Some(ServiceSource::MicrosoftDefenderForCloud);
    let prefixed =
        id.get(..CLOUD.len()).filter(|start| start.eq_ignore_ascii_case(CLOUD)).map(|_| &id[CLOUD.len()..]);
    // Another product's id may begin with the same letters: the service is asked as well, where it is named.
    let cloud_names = [
        prefixed.filter(|_| of_cloud || alert.service_source.is_none()),
        alert.provider_alert_id.as_deref().filter(|_| of_cloud),
    ];
    for key in
        cloud_names.into_iter().flatten().filter(|n| !n.is_empty()).flat_map(CorrelationKey::cloud_alert)
    {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// What has no field of its own, under the service's names.
fn set_properties(detection: &mut Detection, alert: &Alert) {
    let properties = &mut detection.properties;
    properties.set_some("serviceSource", alert.service_source.as_ref().map(ServiceSource::as_str));
    properties.set_some("detectionSource", alert.detection_origin.as_ref().map(DetectionOrigin::as_str));
    properties.set_some("productName", alert.product_name.as_deref());
    properties.set_some("detectorId", alert.detector_id.as_deref());
    properties.set_some("alertPolicyId", alert.alert_policy_id.as_deref());
    properties.set_some("providerAlertId", alert.provider_alert_id.as_deref());
    properties.set_some("actorDisplayName", alert.actor_display_name.as_deref());
    properties.set_some("threatDisplayName", alert.threat_display_name.as_deref());
    properties.set_some("threatFamilyName", alert.threat_family_name.as_deref());
    properties
        .set_some("investigationState", alert.investigation_state.as_ref().map(InvestigationState::as_str));
    properties.set_some("recommendedActions", alert.recommended_actions.as_deref());
    let categories = &alert.categories;
    properties.set_some("categories", (!categories.is_empty()).then(|| categories.join(", ")));
    properties.adopt("customDetails", &alert.custom_details);
    properties.adopt("additionalData", &alert.additional_data);
}
