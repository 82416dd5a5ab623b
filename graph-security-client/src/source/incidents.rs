//! Incidents as a source of detections.

use async_trait::async_trait;
use pocketsoc_model::{
    Capabilities, DEFAULT_LANE, Detail, Detection, DetectionChange, DetectionId, DetectionQuery,
    DetectionSource, DetectionStream, Error, ErrorKind, Lane, Product, Result, ResumePoint, Severity, Status,
    TransitionTable, USUAL_LOOKS, read_back,
};
use pocketsoc_transport::odata::{self, Filter};
use pocketsoc_transport::{Endpoint, Walk};

use super::change::{Plan, capabilities, led_on, unsupported};
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
        let plainly = query.resume.as_ref().map(without_alerts);
        if query.resume.is_some() && plainly == query.resume {
            // What is taken up again had been going on without them.
            let plain = walk(&native, plainly);
            plain.log().update(|report| report.degraded.push(WITHOUT_ALERTS.to_owned()));
            return plain;
        }
        let plain = walk(&native, plainly);
        let key = |incident: &Incident| incident.id.to_string();
        walk(&native.with_alerts(), query.resume.clone()).falling_back_to(
            plain,
            WITHOUT_ALERTS,
            too_much,
            key,
        )
    }

    /// The incident without its alerts: what a change needs.
    async fn plain(&self, id: &DetectionId) -> Result<Detection> {
        let incident = self.incidents.get(&numbered(id)?).await?;
        normalize::incident_detection(incident, &self.name, &self.transitions, Detail::Summary)
    }

    /// What a write has answered: a merged incident says yes, and stays what it is.
    fn check(&self, id: &DetectionId, answer: Option<Incident>) -> Result<()> {
        let Some(answer) = answer.filter(|i| i.status == Some(IncidentStatus::Redirected)) else {
            return Ok(());
        };
        let now = normalize::incident_detection(answer, &self.name, &self.transitions, Detail::Summary)?;
        let error = Error::new(ErrorKind::NotApplied, UPDATE)
            .with_message(
                "the service answered success and changed nothing: it has been merged into another one",
            )
            .with_detection(id.clone());
        Err(led_on(error, &now))
    }
}

/// The point of the same list without the incidents' alerts.
fn without_alerts(point: &ResumePoint) -> ResumePoint {
    let (path, query) = point.as_str().split_once('?').unwrap_or((point.as_str(), ""));
    let is_expand = |option: &&str| {
        let name = option.split('=').next().unwrap_or_default().to_ascii_lowercase();
        name == "$expand" || name == "%24expand"
    };
    let options: Vec<&str> = query.split('&').filter(|option| !is_expand(option)).collect();
    ResumePoint::new(format!("{path}?{}", options.join("&")))
}

/// Incidents are numbered: no other id is one of theirs.
fn numbered(id: &DetectionId) -> Result<IncidentId> {
    if !id.as_str().bytes().all(|b| b.is_ascii_digit()) {
        return Err(Error::new(ErrorKind::NotFound, GET)
            .with_message(format!("there is no incident {id}: incidents are numbered")));
    }
    Ok(IncidentId::new(id.as_str())?)
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
        capabilities(&self.endpoint, &self.product(), &self.transitions).await
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
        let id = numbered(id)?;
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
        let current = &self.plain(id).await?;
        let plan = Plan::of(UPDATE, &self.transitions, current, change)?;
        if plan.is_empty() {
            return self.get(id).await;
        }
        let incident = numbered(id)?;
        if plan.writes() {
            let mut update = IncidentUpdate::new();
            update.status = plan.status.map(native_status).transpose()?;
            update.classification.clone_from(&plan.classification);
            update.determination.clone_from(&plan.determination);
            update.assigned_to = plan.assigned_to.clone().map(Some);
            self.check(id, self.incidents.write(&incident, &update).await?)?;
        }
        if let Some(text) = &plan.comment {
            self.incidents.remark(&incident, text).await.map_err(|error| plan.after_the_write(error))?;
        }
        let clock = self.endpoint.connection().clock();
        let now = read_back(|| self.plain(id), &**clock, USUAL_LOOKS, UPDATE, change, current).await?;
        // With what its alerts involve, as far as that can be had; the change is known to be made.
        Ok(self.get(id).await.unwrap_or(now))
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
