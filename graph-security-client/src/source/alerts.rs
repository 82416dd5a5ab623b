//! Alerts of all Defender products as a source of detections.

use async_trait::async_trait;
use pocketsoc_model::{
    Capabilities, DEFAULT_LANE, Detail, Detection, DetectionChange, DetectionId, DetectionQuery,
    DetectionSource, DetectionStream, Error, ErrorKind, Product, Result, Severity, Status, TransitionTable,
    USUAL_LOOKS, read_back,
};
use pocketsoc_transport::Endpoint;
use pocketsoc_transport::odata::{self, Filter};

use super::change::{Plan, capabilities, unsupported};
use crate::alerts::{Alert, AlertId, AlertQuery, AlertUpdate, Alerts, WholeAlert, fields};
use crate::normalize;
use crate::words::AlertStatus;

const UPDATE: &str = "update the alert";

/// The alerts of Graph security as normalized detections.
///
/// Needs `SecurityAlert.Read.All`; to change them `SecurityAlert.ReadWrite.All`. The service filters by update time,
/// status and severity; the device group is filtered here. A comment is a write of its own, after the others.
#[derive(Debug, Clone)]
pub struct GraphAlertDetections {
    name: String,
    endpoint: Endpoint,
    alerts: Alerts,
    transitions: TransitionTable,
}

impl GraphAlertDetections {
    pub(crate) fn new(name: String, endpoint: Endpoint, transitions: TransitionTable) -> Self {
        let alerts = Alerts::new(endpoint.clone());
        Self { name, endpoint, alerts, transitions }
    }
}

#[async_trait]
impl DetectionSource for GraphAlertDetections {
    fn name(&self) -> &str {
        &self.name
    }

    fn product(&self) -> Product {
        Product::GRAPH_ALERT
    }

    async fn capabilities(&self) -> Result<Capabilities> {
        capabilities(&self.endpoint, &self.product(), &self.transitions).await
    }

    fn list(&self, query: &DetectionQuery) -> DetectionStream {
        let (filter, exact) = filter(query);
        let mut native = AlertQuery::new().with_filter(filter);
        // Only where the service filters everything is a page of the limit's size sure to hold as many.
        if let (Some(limit), true) = (query.limit, exact) {
            native = native.with_page_size(u32::try_from(limit).unwrap_or(u32::MAX));
        }
        let lane = query.lane.unwrap_or(DEFAULT_LANE);
        let (look_ahead, resume, source) = (query.limit.is_none(), query.resume.clone(), self.clone());
        if query.detail == Detail::Full {
            let walk = self.alerts.walk::<WholeAlert>(&native, lane, look_ahead, resume);
            return walk.detections(query, move |alert| {
                normalize::alert_detection(alert, &source.name, &source.transitions)
            });
        }
        let walk = self.alerts.walk::<Alert>(&native, lane, look_ahead, resume);
        walk.detections(query, move |alert| {
            normalize::alert_summary(alert, &source.name, &source.transitions)
        })
    }

    async fn get(&self, id: &DetectionId) -> Result<Detection> {
        if id.is_azure_resource() {
            return Err(Error::new(ErrorKind::NotFound, "get the alert")
                .with_message("an Azure resource is no alert of Microsoft Graph"));
        }
        let alert = self.alerts.get(&AlertId::new(id.as_str())?).await?;
        normalize::alert_detection(alert.into(), &self.name, &self.transitions)
    }

    async fn update(&self, id: &DetectionId, change: &DetectionChange) -> Result<Detection> {
        let current = &self.get(id).await?;
        let plan = Plan::of(UPDATE, &self.transitions, current, change)?;
        if plan.is_empty() {
            return Ok(current.clone());
        }
        let alert = AlertId::new(id.as_str())?;
        if plan.writes() {
            let mut update = AlertUpdate::new();
            update.status = plan.status.map(native_status).transpose()?;
            update.classification.clone_from(&plan.classification);
            update.determination.clone_from(&plan.determination);
            update.assigned_to = plan.assigned_to.clone().map(Some);
            self.alerts.write(&alert, &update).await?;
        }
        if let Some(text) = &plan.comment {
            self.alerts.remark(&alert, text).await.map_err(|error| plan.after_the_write(error))?;
        }
        let clock = self.endpoint.connection().clock();
        read_back(|| self.get(&current.id), &**clock, USUAL_LOOKS, UPDATE, change, current).await
    }
}

/// What the service can filter of a query, and whether that is all of it.
fn filter(query: &DetectionQuery) -> (Option<Filter>, bool) {
    let status = |status| native_status(status).ok().map(|word| fields::STATUS.eq(&word));
    let not = |severity: Severity| fields::SEVERITY.ne(&severity.as_str().into());
    odata::of_query(query, &fields::LAST_UPDATE_DATE_TIME, status, not)
}

fn native_status(status: Status) -> Result<AlertStatus> {
    match status {
        Status::Active => Ok(AlertStatus::New),
        Status::InProgress => Ok(AlertStatus::InProgress),
        Status::Resolved => Ok(AlertStatus::Resolved),
        other => Err(unsupported(UPDATE, &format!("the status {other} on alerts"))),
    }
}
