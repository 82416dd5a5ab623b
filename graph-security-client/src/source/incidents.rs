//! Incidents as a source of detections.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use pocketsoc_model::{
    Capabilities, DEFAULT_LANE, Detail, Detection, DetectionChange, DetectionId, DetectionQuery,
    DetectionSource, DetectionStream, Error, ErrorKind, Lane, Product, Result, ResumePoint, Severity, Status,
    TransitionTable, USUAL_LOOKS, WalkLog, read_back,
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
const AT_ONCE: &str = "incidents and their alerts at once: each incident's alerts were asked for apart";
/// So long a list with alerts is not asked for again after it has failed.
const TRUST_AGAIN: Duration = Duration::from_secs(3600);

/// The incidents of Graph security as normalized detections, with what their alerts involve unless only a summary is
/// asked for.
///
/// Needs `SecurityIncident.Read.All`; to change them `SecurityIncident.ReadWrite.All`. The service filters by update
/// time, status and severity; the device group is filtered here. A merged incident cannot be changed, only the one that
/// it was merged into. On large tenants the service may fail to give incidents with their alerts: each incident is then
/// asked for apart, which the report says; one that fails even so comes without its alerts and with the property
/// `unreadableAlerts`. A comment is a write of its own, after the others.
#[derive(Debug, Clone)]
pub struct GraphIncidentDetections {
    name: String,
    endpoint: Endpoint,
    incidents: Incidents,
    transitions: TransitionTable,
    /// Since when lists with alerts fail.
    failing_since: Arc<Mutex<Option<Duration>>>,
}

impl GraphIncidentDetections {
    pub(crate) fn new(name: String, endpoint: Endpoint, transitions: TransitionTable) -> Self {
        let incidents = Incidents::new(endpoint.clone());
        Self { name, endpoint, incidents, transitions, failing_since: Arc::default() }
    }

    fn walk(&self, native: IncidentQuery, query: &DetectionQuery, lane: Lane) -> Walk<Incident> {
        let look_ahead = query.limit.is_none();
        let walk = |native: &IncidentQuery, resume| self.incidents.walk(native, lane, look_ahead, resume);
        if query.detail == Detail::Summary {
            return walk(&native, query.resume.clone());
        }
        let plainly = query.resume.as_ref().map(without_alerts);
        // What is taken up again had perhaps been going on without them.
        let was_plain = query.resume.is_some() && plainly == query.resume;
        let plain = walk(&native, plainly);
        let source = self.clone();
        if was_plain || self.is_failing() {
            plain.log().update(|report| report.degraded.push(AT_ONCE.to_owned()));
            return plain.then(move |incident, log| source.clone().with_alerts(incident, lane, log));
        }
        // A newer version of an incident is not one that was given already.
        let key = |incident: &Incident| format!("{} {:?}", incident.id, incident.last_update_date_time);
        let whole = walk(&native.with_alerts(), query.resume.clone());
        whole.falling_back_to(plain, AT_ONCE, too_much, key).then(move |(incident, is_plain), log| {
            let source = source.clone();
            async move { if is_plain { source.with_alerts(incident, lane, log).await } else { Ok(incident) } }
        })
    }

    /// An incident of the plain list, with its alerts as far as they can be had.
    async fn with_alerts(self, incident: Incident, lane: Lane, log: WalkLog) -> Result<Incident> {
        // The plain list is given, so it was not the service as a whole that failed.
        if !self.is_failing() {
            *self.failing() = Some(self.endpoint.connection().clock().monotonic());
        }
        match self.incidents.expanded(&incident.id, lane).await {
            Ok((incident, missing)) => {
                log.update(|report| {
                    let new: Vec<_> =
                        missing.into_iter().filter(|one| !report.partial.contains(one)).collect();
                    report.partial.extend(new);
                });
                Ok(incident)
            }
            Err(error) if is_about_the_credential(&error) => Err(error),
            // The incident itself is here, and it was there a moment ago.
            Err(error) => {
                tracing::info!(incident = %incident.id, %error, "its alerts cannot be had");
                if error.kind() == ErrorKind::RateLimited {
                    log.update(|report| {
                        report.partial.push(format!("the alerts of incident {}: {error}", incident.id));
                    });
                }
                Ok(incident.without_alerts())
            }
        }
    }

    fn failing(&self) -> MutexGuard<'_, Option<Duration>> {
        self.failing_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether lists with alerts have failed not long ago, while those without did not.
    fn is_failing(&self) -> bool {
        let now = self.endpoint.connection().clock().monotonic();
        self.failing().is_some_and(|since| now < since + TRUST_AGAIN)
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

/// How the service fails when an incident's alerts are too much for it, or for us: an answer that breaks off, or is larger
/// than allowed, or is no list. An incident that cannot be read is one incident.
fn too_much(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Timeout | ErrorKind::Unavailable => true,
        ErrorKind::Decode => error.position().is_none_or(|at| at.offset.is_some() || at.index.is_none()),
        _ => false,
    }
}

/// What would fail for every other incident as well.
fn is_about_the_credential(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied | ErrorKind::Unauthenticated | ErrorKind::InteractionRequired
    )
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
        let incident = match self.incidents.get_with_alerts(&id).await {
            Err(error) if too_much(&error) => self.incidents.get(&id).await?.without_alerts(),
            outcome => outcome?,
        };
        normalize::incident_detection(incident, &self.name, &self.transitions, Detail::Full)
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
