//! An incident as a detection.

use std::collections::HashSet;

use pocketsoc_model::{
    CorrelationKey, Detail, Detection, DetectionId, Product, Result, Status, TransitionTable,
};

use super::gathered::{Gathered, Resources};
use super::{alert, set_assessment};
use crate::comment;
use crate::incidents::Incident;
use crate::words::IncidentStatus;

/// Turns an incident into a detection seen through a profile.
pub(crate) fn detection(
    mut incident: Incident,
    profile: &str,
    table: &TransitionTable,
    detail: Detail,
) -> Result<Detection> {
    let raw = incident.take_raw();
    let id = DetectionId::new(incident.id.as_str())?;
    let title = incident.display_name.take().unwrap_or_default();
    let mut detection = Detection::new(id, Product::GRAPH_INCIDENT, title);

    detection.description = incident.description.take();
    let (verdict, reason) = (incident.classification.as_ref(), incident.determination.as_ref());
    set_assessment(&mut detection, incident.severity.as_ref(), verdict, reason);
    detection.status = status(incident.status.as_ref());
    detection.native_status = incident.status.as_ref().map(|word| word.as_str().to_owned());
    if detection.status == Status::Merged {
        let target = incident.redirect_incident_id.as_deref();
        detection.merged_into = target.and_then(|id| DetectionId::new(id).ok());
    }
    detection.assigned_to = incident.assigned_to.take();
    detection.created_at = incident.created_date_time;
    detection.updated_at = incident.last_update_date_time;
    detection.url = incident.incident_web_url.take();
    // Incidents are numbered within a tenant.
    let key = |tenant: &String| CorrelationKey::named("incident", &format!("{tenant}/{}", incident.id));
    detection.correlation_keys = incident.tenant_id.iter().filter(|t| !t.is_empty()).map(key).collect();
    detection.tenant_id = incident.tenant_id.take();
    detection.comments = comment::normalized(std::mem::take(&mut incident.comments));
    detection.tags = std::mem::take(&mut incident.custom_tags);
    detection.tags.append(&mut incident.system_tags);
    let properties = &mut detection.properties;
    properties.set_some("summary", incident.summary.take());
    properties.set_some("resolvingComment", incident.resolving_comment.take());
    properties.set_some("lastModifiedBy", incident.last_modified_by.take());
    properties.set_some("priorityScore", incident.priority_score.map(|score| score.to_string()));
    if detail == Detail::Full {
        add_alerts(&mut detection, &incident);
    }
    detection.raw = raw;
    Ok(detection.seen_through(profile, table))
}

fn status(word: Option<&IncidentStatus>) -> Status {
    match word {
        Some(IncidentStatus::Active) => Status::Active,
        Some(IncidentStatus::InProgress) => Status::InProgress,
        Some(IncidentStatus::Resolved) => Status::Resolved,
        Some(IncidentStatus::Redirected) => Status::Merged,
        Some(IncidentStatus::AwaitingAction) => Status::AwaitingAction,
        Some(IncidentStatus::Unrecognized(_)) | None => Status::Unknown,
    }
}

/// What the incident's alerts say, each thing once; of alerts that cannot be read, that there are some.
fn add_alerts(detection: &mut Detection, incident: &Incident) {
    if incident.alerts.is_none() {
        let failed = incident.lacks_its_alerts();
        detection
            .properties
            .set_some("unreadableAlerts", failed.then_some("all: the service failed to give them"));
        return;
    }
    let (mut ids, mut unreadable) = (Vec::new(), 0_u32);
    let (mut gathered, mut resources) = (Gathered::default(), Resources::default());
    let mut techniques = HashSet::new();
    for one in incident.whole_alerts() {
        // Profile and transitions are the incident's own.
        let one = one.and_then(|one| alert::detection(one, "", &TransitionTable::new()));
        let Ok(one) = one else {
            unreadable += 1;
            continue;
        };
        ids.push(one.id.to_string());
        for tactic in one.tactics {
            if !detection.tactics.contains(&tactic) {
                detection.tactics.push(tactic);
            }
        }
        detection.techniques.extend(one.techniques.into_iter().filter(|id| techniques.insert(id.clone())));
        detection.first_activity_at =
            [detection.first_activity_at, one.first_activity_at].into_iter().flatten().min();
        detection.last_activity_at =
            [detection.last_activity_at, one.last_activity_at].into_iter().flatten().max();
        one.resources.into_iter().for_each(|resource| resources.add(resource));
        detection.provider = detection.provider.take().or(one.provider);
        detection.machine_group = detection.machine_group.take().or(one.machine_group);
        for entity in one.entities {
            gathered.add(entity);
        }
    }
    detection.entities = gathered.entities;
    detection.resources = resources.list;
    detection.properties.set_some("alerts", (!ids.is_empty()).then(|| ids.join(", ")));
    detection.properties.set_some("unreadableAlerts", (unreadable > 0).then(|| unreadable.to_string()));
}
