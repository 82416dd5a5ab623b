//! Defender for Cloud as a source of detections.

use std::time::Duration;

use async_trait::async_trait;
use pocketsoc_model::{
    Capabilities, ChangePart, DEFAULT_LANE, Detection, DetectionChange, DetectionId, DetectionQuery,
    DetectionSource, DetectionStream, Error, ErrorKind, Lane, Product, Result, Status, Step, TransitionTable,
    read_back,
};
use pocketsoc_transport::{Endpoint, Walk};

use crate::alerts::{Alert, AlertAction, AlertId, Alerts};
use crate::normalize;
use crate::scope::AlertScope;
use crate::subscriptions::Subscriptions;

const UPDATE: &str = "update the alert";
const GET: &str = "get the alert";
/// How long a change may take to show: it has been seen after seven seconds.
const LOOKS: &[Duration] = &[
    Duration::ZERO,
    Duration::from_millis(500),
    Duration::from_millis(1500),
    Duration::from_secs(3),
    Duration::from_secs(5),
];

/// The alerts of Defender for Cloud as normalized detections: of all subscriptions in use that the credential sees, or of
/// [one scope](Self::within).
///
/// Needs Security Reader on each subscription; to change a status, Security Admin. The service filters nothing: every
/// list is read whole and filtered here, and since the service has no time of the last change, the window of a query
/// applies to the latest of an alert's own times: that a status has changed is not seen through it.
///
/// An alert is known by its full resource id; [`get`](DetectionSource::get) and [`update`](DetectionSource::update)
/// take its bare name as well, at the price of a list.
#[derive(Debug, Clone)]
pub struct DefenderCloudDetections {
    name: String,
    endpoint: Endpoint,
    alerts: Alerts,
    transitions: TransitionTable,
    scope: Option<AlertScope>,
}

impl DefenderCloudDetections {
    pub(crate) fn new(name: String, endpoint: Endpoint, transitions: TransitionTable) -> Self {
        let alerts = Alerts::new(endpoint.clone());
        Self { name, endpoint, alerts, transitions, scope: None }
    }

    /// Only the alerts of a scope.
    #[must_use]
    pub fn within(mut self, scope: AlertScope) -> Self {
        self.scope = Some(scope);
        self
    }

    fn walk(&self, lane: Lane, look_ahead: bool) -> Walk<Alert> {
        if let Some(scope) = &self.scope {
            return self.alerts.walk(scope, lane, look_ahead);
        }
        let alerts = self.alerts.clone();
        Subscriptions::new(self.endpoint.clone()).walk(lane).flat_map(move |subscription| {
            let name = subscription.display_name.as_deref().unwrap_or(subscription.subscription_id.as_str());
            let operation = format!("list alerts of the subscription {name}");
            let scope =
                subscription.is_in_use().then(|| AlertScope::subscription(subscription.subscription_id));
            scope.map(|scope| alerts.walk(&scope, lane, look_ahead).named(operation))
        })
    }

    /// The alert's full id; a bare name is looked for.
    async fn find(&self, id: &DetectionId) -> Result<AlertId> {
        let stranger = |what: String| Error::new(ErrorKind::NotFound, GET).with_message(what);
        let full = AlertId::new(id.as_str())?;
        if id.is_azure_resource() {
            let place = full.place(GET)?;
            return match &self.scope {
                Some(scope) if !place.is_within(scope) => {
                    Err(stranger("the alert lies outside of the subscription or scope of this source".into()))
                }
                _ => Ok(full),
            };
        }
        let mut walk = self.walk(Lane::Triage, false);
        let (mut found, mut failure): (Vec<AlertId>, _) = (Vec::new(), None);
        while let Some(item) = walk.next().await {
            match item {
                Ok(alert) if alert.id.name().eq_ignore_ascii_case(id.as_str()) => {
                    // A list that shifts while it is read may show it twice.
                    if !found.iter().any(|known| known.as_str().eq_ignore_ascii_case(alert.id.as_str())) {
                        found.push(alert.id);
                    }
                }
                Ok(_) => {}
                // An alert that cannot be read may be the one; where another is the one, that does not matter.
                Err(error) => failure = Some(error),
            }
        }
        match (found.len(), failure) {
            (1, _) => Ok(found.swap_remove(0)),
            (0, Some(error)) => Err(error.with_operation(GET)),
            (0, None) => Err(stranger(format!("no alert is named {id}"))),
            _ => Err(Error::new(ErrorKind::Ambiguous, GET)
                .with_message(format!("several alerts are named {id}"))
                .with_candidates(found.iter().map(ToString::to_string))
                .with_hint("give the full resource id")),
        }
    }

    /// The action that takes `current` to what `change` asks for; `None` when it already is that.
    fn plan(&self, current: &Detection, change: &DetectionChange) -> Result<Option<AlertAction>> {
        if let Some(part) = change.parts().find(|part| *part != ChangePart::Status) {
            return Err(Error::new(ErrorKind::Unsupported, UPDATE)
                .with_message(format!("Defender for Cloud does not hold {part}; it holds the status only"))
                .with_hint("change the alert's sighting in Microsoft Graph, which holds the rest"));
        }
        let Some(status) = change.status else { return Ok(None) };
        match self.transitions.check(UPDATE, current.status, status)? {
            Step::Write => action(status).map(Some),
            _ => Ok(None),
        }
    }
}

fn action(status: Status) -> Result<AlertAction> {
    match status {
        Status::Active => Ok(AlertAction::Activate),
        Status::InProgress => Ok(AlertAction::InProgress),
        Status::Resolved => Ok(AlertAction::Resolve),
        Status::Dismissed => Ok(AlertAction::Dismiss),
        other => Err(Error::new(ErrorKind::Unsupported, UPDATE)
            .with_message(format!("Defender for Cloud does not hold the status {other}"))),
    }
}

/// A change that the service turns down: it has its own view of what may follow what. What is known to have another
/// cause, and what may have happened all the same, stays as it is.
fn turned_down(error: Error) -> Error {
    let plain = error.hint().is_none() && error.kind() != ErrorKind::OutcomeUnknown;
    if plain && matches!(error.status(), Some(400 | 409)) {
        return error
            .with_kind(ErrorKind::Conflict)
            .with_hint("the service turned the change down: look at the alert as it now is");
    }
    error
}

#[async_trait]
impl DetectionSource for DefenderCloudDetections {
    fn name(&self) -> &str {
        &self.name
    }

    fn product(&self) -> Product {
        Product::DEFENDER_FOR_CLOUD
    }

    async fn capabilities(&self) -> Result<Capabilities> {
        // Azure's roles are not in the token: whether it may view or triage is not known without asking.
        self.endpoint.grants().await?;
        let mut can = Capabilities::unknown();
        (can.classify, can.assign, can.comment) = (Some(false), Some(false), Some(false));
        (can.isolate, can.hunt) = (Some(false), Some(false));
        can.statuses = self.transitions.writable();
        Ok(can)
    }

    fn list(&self, query: &DetectionQuery) -> DetectionStream {
        let lane = query.lane.unwrap_or(DEFAULT_LANE);
        let walk = match query.resume.clone() {
            Some(point) => self.alerts.resume(point, self.scope.as_ref(), lane, query.limit.is_none()),
            None => self.walk(lane, query.limit.is_none()),
        };
        let (source, detail) = (self.clone(), query.detail);
        walk.detections(query, move |alert| {
            normalize::detection(alert, &source.name, &source.transitions, detail)
        })
    }

    async fn get(&self, id: &DetectionId) -> Result<Detection> {
        let alert = self.alerts.get(&self.find(id).await?).await?;
        normalize::detection(alert, &self.name, &self.transitions, pocketsoc_model::Detail::Full)
    }

    async fn update(&self, id: &DetectionId, change: &DetectionChange) -> Result<Detection> {
        let current = &self.get(id).await?;
        let Some(action) = self.plan(current, change)? else { return Ok(current.clone()) };
        self.alerts.act(&AlertId::new(current.id.as_str())?, action).await.map_err(turned_down)?;
        let clock = self.endpoint.connection().clock();
        read_back(|| self.get(&current.id), &**clock, LOOKS, UPDATE, change, current).await
    }
}
