//! From native to normalized: alerts, incidents, evidence. Pure, total, by value.

mod alert;
mod entities;
mod evidence;
mod gathered;
mod incident;

use std::sync::LazyLock;

use pocketsoc_model::{
    Classification, Detail, Detection, Determination, Product, Result, Severity, TransitionTable,
};

use crate::alerts::Alert;
use crate::incidents::Incident;
use crate::words::{AlertClassification, AlertDetermination, AlertSeverity};

pub(crate) use alert::{detection as alert_detection, summary as alert_summary};
pub(crate) use incident::detection as incident_detection;

/// Turns an alert into a detection.
///
/// The profile is left empty and the statuses that may follow come from the product's own table; a
/// [`DetectionSource`](crate::DetectionSource) sets both.
///
/// # Errors
/// Never for an alert that was read: its id has been checked.
pub fn normalize_alert(alert: Alert) -> Result<Detection> {
    alert_detection(alert.into(), "", &ALERT_TRANSITIONS)
}

/// Turns an incident into a detection; what its alerts involve is among its entities, where the alerts came along.
///
/// The profile is left empty and the statuses that may follow come from the product's own table; a
/// [`DetectionSource`](crate::DetectionSource) sets both.
///
/// # Errors
/// Never for an incident that was read: its id has been checked.
pub fn normalize_incident(incident: Incident) -> Result<Detection> {
    incident_detection(incident, "", &INCIDENT_TRANSITIONS, Detail::Full)
}

static ALERT_TRANSITIONS: LazyLock<TransitionTable> =
    LazyLock::new(|| TransitionTable::for_product(&Product::GRAPH_ALERT));
static INCIDENT_TRANSITIONS: LazyLock<TransitionTable> =
    LazyLock::new(|| TransitionTable::for_product(&Product::GRAPH_INCIDENT));

/// Severity and verdict, which alerts and incidents have in the same words; unknown words are kept as properties.
fn set_assessment(
    detection: &mut Detection,
    severity: Option<&AlertSeverity>,
    classification: Option<&AlertClassification>,
    determination: Option<&AlertDetermination>,
) {
    if let Some(word) = severity {
        detection.severity = Severity::from_native(word.as_str());
        detection.native_severity = (!word.is_known()).then(|| word.to_string());
    }
    detection.classification = classification.map(|word| Classification::from_native(word.as_str()));
    detection.determination = determination.map(|word| Determination::from_native(word.as_str()));
    let strange = classification.filter(|word| !word.is_known()).map(ToString::to_string);
    detection.properties.set_some("classification", strange);
    let strange = determination.filter(|word| !word.is_known()).map(ToString::to_string);
    detection.properties.set_some("determination", strange);
}
