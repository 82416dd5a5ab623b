//! Incidents as a source of detections.

use async_trait::async_trait;
use pocketsoc_model::{
    Capabilities, DEFAULT_LANE, Detail, Detection, DetectionChange, DetectionId, DetectionQuery,
    DetectionSource, DetectionStream, Error, ErrorKind, Lane, Product, Result, Severity, Status,
    TransitionTable, read_back,
};
use pocketsoc_transport::odata::{self, Filter};
use pocketsoc_transport::{Endpoint, Walk};

use super::change::{Plan, capabilities, unsupported};
use crate::incidents::{Incident, IncidentId, IncidentQuery, IncidentUpdate, Incidents, fields};
use crate::normalize;
use crate::words::IncidentStatus;

const UPDATE: &str = "update the incident";
const GET: &str = "get the incident";
/// What a list does without when the service fails to give it.
const WITHOUT_ALERTS: &str = "the incidents' alerts: the service failed to give them along";

/// The incidents of Graph security as normalized detections, with what their alerts involve unless only a summary is
/// asked for.
///
/// Needs `SecurityIncident.Read.All`; to change them `SecurityIncident.ReadWrite.All`. The service filters by update
/// time, status and severity; the device group is filtered here. A merged incident cannot be changed, only the one that
/// it was merged into. On large tenants the service may fail to give incidents with their alerts: the list then goes on
/// without them, and its report says so. A comment is a write of its own, after the others.
#[derive(Debug, Clone)]
pub struct GraphIncidentDetections {
    name: String,
    endpoint: Endpoint,
    incidents: Incidents,
    transitions: TransitionTable,
}

impl GraphIncidentDetections {
    pub(crate) fn new(name: String, endpoint: Endpoint, transitions: TransitionTable) -> Self {
        let incidents = Incidents::new(endpoint.clone());
        Self { name, endpoint, incidents, transitions }
    }

    fn walk(&self, native: IncidentQuery, query: &DetectionQuery, lane: Lane) -> Walk<Incident> {
        let look_ahead = query.limit.is_none();
        let walk = |native: &IncidentQuery, resume| self.incidents.walk(native, lane, look_ahead, resume);
        if query.detail == Detail::Summary {
            return walk(&native, query.resume.clone());
        }
        let plain = walk(&native, None);
        let key = |incident: &Incident| incident.id.to_string();
        walk(&native.with_alerts(), query.resume.clone()).falling_back_to(
            plain,
            WITHOUT_ALERTS,
            too_much,
            key,
        )
    }
}

/// How the service fails when an incident's alerts are too much for it.
fn too_much(error: &Error) -> bool {
    error.kind() == ErrorKind::Timeout || error.status().is_some_and(|status| status >= 500)
}

#[async_trait]
impl DetectionSource for GraphIncidentDetections {
    fn name(&self) -> &str {
        &self.name
    }

    fn product(&self) -> Product {
        Product::GRAPH_INCIDENT
    }

    async fn capabilities(&self) -> Result<Capabilities> {
        let (read, write) = ("SecurityIncident.Read.All", "SecurityIncident.ReadWrite.All");
        capabilities(&self.endpoint, &self.transitions, read, write).await
    }

    fn list(&self, query: &DetectionQuery) -> DetectionStream {
        let (filter, exact) = filter(query);
        let mut native = IncidentQuery::new().with_filter(filter);
        // Only where the service filters everything is a page of the limit's size sure to hold as many.
        if let (Some(limit), true) = (query.limit, exact) {
            native = native.with_page_size(u32::try_from(limit).unwrap_or(u32::MAX));
        }
        let walk = self.walk(native, query, query.lane.unwrap_or(DEFAULT_LANE));
        let (source, detail) = (self.clone(), query.detail);
        walk.detections(query, move |incident| {
            normalize::incident_detection(incident, &source.name, &source.transitions, detail)
        })
    }

    async fn get(&self, id: &DetectionId) -> Result<Detection> {
        if !id.as_str().bytes().all(|b| b.is_ascii_digit()) {
            return Err(Error::new(ErrorKind::NotFound, GET)
                .with_message(format!("there is no incident {id}: incidents are numbered")));
        }
        let id = IncidentId::new(id.as_str())?;
        let (incident, whole) = match self.incidents.get_with_alerts(&id).await {
            Err(error) if too_much(&error) => (self.incidents.get(&id).await?, false),
            outcome => (outcome?, true),
        };
        let mut detection =
            normalize::incident_detection(incident, &self.name, &self.transitions, Detail::Full)?;
        if !whole {
            detection.properties.set("unreadableAlerts", "all: the service failed to give them along");
        }
        Ok(detection)
    }

    async fn update(&self, id: &DetectionId, change: &DetectionChange) -> Result<Detection> {
        let current = &self.get(id).await?;
        let plan = Plan::of(UPDATE, &self.transitions, current, change)?;
        if plan.is_empty() {
            return Ok(current.clone());
        }
        let incident = IncidentId::new(id.as_str())?;
        if plan.writes() {
            let mut update = IncidentUpdate::new();
            update.status = plan.status.map(native_status).transpose()?;
            update.classification.clone_from(&plan.classification);
            update.determination.clone_from(&plan.determination);
            update.assigned_to = plan.assigned_to.clone().map(Some);
            self.incidents.write(&incident, &update).await?;
        }
        if let Some(text) = &plan.comment {
            self.incidents.comment(&incident, text).await.map_err(|error| plan.after_the_write(error))?;
        }
        read_back(self, &**self.endpoint.connection().clock(), UPDATE, change, current).await
    }
}

/// What the service can filter of a query, and whether that is all of it.
fn filter(query: &DetectionQuery) -> (Option<Filter>, bool) {
    let status = |status| {
        let word = match status {
            Status::Merged => Some(IncidentStatus::Redirected),
            // A word that came after the first version: whether a filter may name it is not documented.
            other => native_status(other).ok(),
        };
        word.map(|word| fields::STATUS.eq(&word))
    };
    let not = |severity: Severity| fields::SEVERITY.ne(&severity.as_str().into());
    odata::of_query(query, &fields::LAST_UPDATE_DATE_TIME, status, not)
}

fn native_status(status: Status) -> Result<IncidentStatus> {
    match status {
        Status::Active => Ok(IncidentStatus::Active),
        Status::InProgress => Ok(IncidentStatus::InProgress),
        Status::Resolved => Ok(IncidentStatus::Resolved),
        other => Err(unsupported(UPDATE, &format!("the status {other} as one to be written on incidents"))),
    }
}
