//! From the native alert to the normalized detection: pure, total, by value.

mod entities;

use std::sync::LazyLock;

use pocketsoc_model::{
    Classification, Comment, CorrelationKey, Detection, DetectionId, Determination, IncidentRef, Product,
    Result, Severity, Status, Tactic, TechniqueId, TransitionTable,
};

use crate::alerts::{
    Alert, AlertClassification, AlertDetermination, AlertSeverity, AlertStatus, InvestigationState,
};

/// Turns an alert into a detection.
///
/// The profile is left empty and the statuses that may follow come from the product's own table; a
/// [`DetectionSource`](crate::DetectionSource) sets both.
///
/// # Errors
/// Never for an alert that was read: its id has been checked.
pub fn normalize(alert: Alert) -> Result<Detection> {
    detection(alert, "", &TRANSITIONS)
}

/// The product's own table.
static TRANSITIONS: LazyLock<TransitionTable> =
    LazyLock::new(|| TransitionTable::for_product(&Product::DEFENDER_ENDPOINT));

/// Turns an alert into a detection seen through a profile.
pub(crate) fn detection(mut alert: Alert, profile: &str, table: &TransitionTable) -> Result<Detection> {
    let raw = alert.take_raw();
    let id = DetectionId::new(alert.id.as_str())?;
    let key = CorrelationKey::alert(alert.id.as_str());
    let title = alert.title.take().unwrap_or_default();
    let mut detection = Detection::new(id, Product::DEFENDER_ENDPOINT, title);

    detection.description = alert.description.take();
    detection.severity = severity(alert.severity.as_ref());
    detection.native_severity = alert.severity.as_ref().filter(|s| !s.is_known()).map(ToString::to_string);
    detection.status = status(alert.status.as_ref());
    detection.native_status = alert.status.as_ref().map(|word| word.as_str().to_owned());
    detection.classification = alert.classification.as_ref().map(classification);
    detection.determination = alert.determination.as_ref().map(determination);
    detection.assigned_to = alert.assigned_to.take();
    // Some records spell an absent category as the word.
    detection.category = alert.category.take().filter(|c| c != "null" && !c.is_empty());
    detection.tactics = detection.category.as_deref().and_then(Tactic::from_category).into_iter().collect();
    detection.techniques = TechniqueId::parse_all(techniques(&alert.mitre_techniques)).0;
    detection.created_at = alert.alert_creation_time;
    detection.updated_at = alert.last_update_time;
    detection.first_activity_at = alert.first_event_time;
    detection.last_activity_at = alert.last_event_time;
    detection.resolved_at = alert.resolved_time;
    detection.url = portal(detection.id.as_str());
    detection.incident_id = alert.incident_id.map(|n| IncidentRef::new(n.to_string()));
    detection.correlation_keys = vec![key];
    detection.machine_group.clone_from(&alert.rbac_group_name);
    detection.tenant_id = alert.aad_tenant_id.take();
    detection.comments = comments(&mut alert);
    set_properties(&mut detection, &mut alert);
    detection.entities = entities::entities(&mut alert);
    detection.raw = raw;
    Ok(detection.seen_through(profile, table))
}

/// The alert's page in the portal of the commercial cloud; none for an id that would need escaping.
fn portal(id: &str) -> Option<String> {
    let plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    plain.then(|| format!("https://security.microsoft.com/alerts/{id}"))
}

fn severity(word: Option<&AlertSeverity>) -> Severity {
    match word {
        Some(AlertSeverity::Informational) => Severity::Informational,
        Some(AlertSeverity::Low) => Severity::Low,
        Some(AlertSeverity::Medium) => Severity::Medium,
        Some(AlertSeverity::High) => Severity::High,
        Some(AlertSeverity::Unspecified | AlertSeverity::Unrecognized(_)) | None => Severity::Unknown,
    }
}

fn status(word: Option<&AlertStatus>) -> Status {
    match word {
        Some(AlertStatus::New) => Status::Active,
        Some(AlertStatus::InProgress) => Status::InProgress,
        Some(AlertStatus::Resolved) => Status::Resolved,
        Some(AlertStatus::Unknown | AlertStatus::Unrecognized(_)) | None => Status::Unknown,
    }
}

fn classification(word: &AlertClassification) -> Classification {
    match word {
        AlertClassification::TruePositive => Classification::TruePositive,
        AlertClassification::InformationalExpectedActivity => Classification::InformationalExpected,
        AlertClassification::FalsePositive => Classification::FalsePositive,
        AlertClassification::Unknown | AlertClassification::Unrecognized(_) => Classification::Unknown,
    }
}

fn determination(word: &AlertDetermination) -> Determination {
    match word {
        AlertDetermination::MultiStagedAttack => Determination::MultiStagedAttack,
        AlertDetermination::MaliciousUserActivity => Determination::MaliciousUserActivity,
        AlertDetermination::CompromisedUser => Determination::CompromisedAccount,
        AlertDetermination::Malware => Determination::Malware,
        AlertDetermination::Phishing => Determination::Phishing,
        AlertDetermination::UnwantedSoftware => Determination::UnwantedSoftware,
        AlertDetermination::SecurityTesting => Determination::SecurityTesting,
        AlertDetermination::LineOfBusinessApplication => Determination::LineOfBusinessApplication,
        AlertDetermination::ConfirmedActivity => Determination::ConfirmedActivity,
        AlertDetermination::NotMalicious => Determination::NotMalicious,
        AlertDetermination::InsufficientData => Determination::InsufficientData,
        AlertDetermination::Apt => Determination::Apt,
        AlertDetermination::SecurityPersonnel => Determination::SecurityPersonnel,
        AlertDetermination::Other => Determination::Other,
        AlertDetermination::NotAvailable | AlertDetermination::Unrecognized(_) => Determination::Unknown,
    }
}

/// The service documents one text and sends a list; of either, the single words.
fn techniques(list: &[String]) -> impl Iterator<Item = &str> {
    list.iter().flat_map(|text| text.split([',', ';', ' '])).map(str::trim).filter(|text| !text.is_empty())
}

fn comments(alert: &mut Alert) -> Vec<Comment> {
    let said = |c: crate::alerts::AlertComment| Some(Comment::new(c.comment?, c.created_by, c.created_time));
    std::mem::take(&mut alert.comments).into_iter().filter_map(said).collect()
}

/// What has no field of its own, under the service's names; unknown words are kept here as well.
fn set_properties(detection: &mut Detection, alert: &mut Alert) {
    let properties = &mut detection.properties;
    properties.set_some("detectionSource", alert.detection_source.as_deref());
    properties.set_some("detectorId", alert.detector_id.as_deref());
    properties.set_some("threatName", alert.threat_name.as_deref());
    properties.set_some("threatFamilyName", alert.threat_family_name.as_deref());
    properties
        .set_some("investigationState", alert.investigation_state.as_ref().map(InvestigationState::as_str));
    properties.set_some("investigationId", alert.investigation_id.map(|n| n.to_string()));
    properties.set_some("recommendedAction", alert.recommended_action.as_deref());
    let (_, strange) = TechniqueId::parse_all(techniques(&alert.mitre_techniques));
    properties.set_some("mitreTechniques", (!strange.is_empty()).then(|| strange.join(", ")));
    let unknown = alert.classification.as_ref().filter(|c| !c.is_known());
    properties.set_some("classification", unknown.map(ToString::to_string));
    let unknown = alert.determination.as_ref().filter(|d| !d.is_known());
    properties.set_some("determination", unknown.map(ToString::to_string));
}
