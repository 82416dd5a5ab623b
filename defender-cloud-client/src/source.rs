//! Defender for Cloud as a source of detections.

use std::time::Duration;

use async_trait::async_trait;
use pocketsoc_model::{
    Capabilities, ChangePart, DEFAULT_LANE, Detection, DetectionChange, DetectionId, DetectionQuery,
    DetectionSource, DetectionStream, Error, ErrorKind, Lane, Principal, Product, Result, Status, Step,
    TransitionTable, read_back,
};
use pocketsoc_transport::{Endpoint, Walk};

use crate::alerts::{Alert, AlertAction, AlertId, Alerts};
use crate::normalize;
use crate::permissions::{Permissions, TRIAGE, VIEW};
use crate::scope::AlertScope;
use crate::subscriptions::Subscriptions;

const UPDATE: &str = "update the alert";
const GET: &str = "get the alert";
/// How long a change may take to show: it has been seen after seven seconds, and is looked for up to half a minute.
const LOOKS: &[Duration] = &[
    Duration::ZERO,
    Duration::from_secs(1),
    Duration::from_secs(4),
    Duration::from_secs(9),
    Duration::from_secs(14),
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

    /// What it covers: the scope, or the subscriptions in use that the credential sees, by their names.
    async fn scopes(&self) -> Result<Vec<(String, AlertScope)>> {
        if let Some(scope) = &self.scope {
            return Ok(vec![(scope.subscription.to_string(), scope.clone())]);
        }
        let mut walk = Subscriptions::new(self.endpoint.clone()).walk(Lane::Triage);
        let mut scopes = Vec::new();
        while let Some(subscription) = walk.next().await {
            let subscription = subscription?;
            if subscription.is_in_use() {
                let id = subscription.subscription_id;
                scopes.push((
                    subscription.display_name.unwrap_or_else(|| id.to_string()),
                    AlertScope::subscription(id),
                ));
            }
        }
        Ok(scopes)
    }

    /// What the credential may do on a scope; unknown where Azure does not say.
    async fn roles_on(&self, name: &str, scope: &AlertScope) -> Result<Option<Roles>> {
        match Permissions::of(&self.endpoint, scope).await {
            Ok(permissions) => {
                let view = permissions.allow(VIEW);
                Ok(Some(Roles { view, triage: view && permissions.allow(TRIAGE) }))
            }
            // Nobody is signed in: that holds for all of them.
            Err(error) if error.status() == Some(401) || error.operation() == "sign in" => Err(error),
            Err(error) => {
                tracing::debug!(subscription = name, %error, "its permissions are unknown");
                Ok(None)
            }
        }
    }

    /// The alert's full id; a bare name is looked for.
    async fn find(&self, lane: Lane, id: &DetectionId) -> Result<AlertId> {
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
        let mut walk = self.walk(lane, false);
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

impl DefenderCloudDetections {
    pub(crate) fn transitions(&self) -> &TransitionTable {
        &self.transitions
    }

    /// One alert, asked for as urgently as this.
    pub(crate) async fn get_in(&self, lane: Lane, id: &DetectionId) -> Result<Detection> {
        let alert = self.alerts.get_in(lane, &self.find(lane, id).await?).await?;
        normalize::detection(alert, &self.name, &self.transitions, pocketsoc_model::Detail::Full)
    }

    /// Changes an alert that was just read, as urgently as this, and reads it back; whether anything was written.
    pub(crate) async fn change_in(
        &self,
        lane: Lane,
        current: &Detection,
        change: &DetectionChange,
    ) -> Result<(Detection, bool)> {
        let Some(action) = self.plan(current, change)? else { return Ok((current.clone(), false)) };
        self.alerts.act_in(lane, &AlertId::new(current.id.as_str())?, action).await.map_err(turned_down)?;
        let clock = self.endpoint.connection().clock();
        let look = || self.get_in(lane, &current.id);
        let now = read_back(look, &**clock, LOOKS, UPDATE, change, current).await?;
        Ok((now, true))
    }
}

/// What the credential may do on one subscription.
#[derive(Debug, Clone, Copy)]
struct Roles {
    view: bool,
    triage: bool,
}

const READER: &str = "Security Reader";
const ADMIN: &str = "Security Admin";

/// Whether a role's work can be done: seeing, where any subscription can be seen; triage, where each that can be seen
/// can be triaged.
fn together(roles: &[(String, Option<Roles>)], role: &str) -> Option<bool> {
    let known = || roles.iter().filter_map(|(_, roles)| *roles);
    let all_known = known().count() == roles.len();
    match role {
        READER if known().any(|roles| roles.view) => Some(true),
        ADMIN if known().any(|roles| roles.view && !roles.triage) => Some(false),
        ADMIN if known().any(|roles| roles.triage) => all_known.then_some(true),
        _ => all_known.then_some(false),
    }
}

/// The role that each subscription lacks, the lesser one where triage is not asked for.
fn lacking(roles: &[(String, Option<Roles>)]) -> impl Iterator<Item = (&str, &str)> {
    roles.iter().filter_map(|(name, roles)| match roles {
        Some(Roles { triage: true, .. }) | None => None,
        Some(_) => Some((name.as_str(), ADMIN)),
    })
}

/// The roles that are missing, and where.
fn missing(roles: &[(String, Option<Roles>)]) -> Vec<String> {
    lacking(roles).map(|(name, role)| format!("{role} on the subscription {name}")).collect()
}

/// What to assign where.
fn advice(roles: &[(String, Option<Roles>)]) -> Option<String> {
    let names: Vec<&str> = lacking(roles).map(|(name, _)| name).collect();
    (!names.is_empty()).then(|| {
        format!(
            "assign {ADMIN} (to view only, {READER}) under Access control (IAM) of the subscriptions {}",
            names.join(", ")
        )
    })
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
        let mut roles = Vec::new();
        for (name, scope) in self.scopes().await? {
            let found = self.roles_on(&name, &scope).await?;
            roles.push((name, found));
        }
        let principal = self.endpoint.grants().await?.map_or(Principal::Application, |g| g.principal());
        let mut can = Capabilities::of(&self.product(), principal, |role| together(&roles, role));
        if roles.len() > 1 {
            can.missing = missing(&roles);
            can.advice = advice(&roles);
        }
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
        self.get_in(Lane::Triage, id).await
    }

    async fn update(&self, id: &DetectionId, change: &DetectionChange) -> Result<Detection> {
        let current = &self.get(id).await?;
        self.change_in(Lane::Triage, current, change).await.map(|(now, _)| now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_subscriptions_are_told_together() {
        let admin = Some(Roles { view: true, triage: true });
        let reader = Some(Roles { view: true, triage: false });
        let nobody = Some(Roles { view: false, triage: false });
        let seen = |roles: &[Option<Roles>]| {
            let roles: Vec<_> = roles.iter().map(|roles| ("Production".to_owned(), *roles)).collect();
            (together(&roles, READER), together(&roles, ADMIN), missing(&roles).len())
        };
        assert_eq!(seen(&[]), (Some(false), Some(false), 0));
        assert_eq!(seen(&[admin, admin]), (Some(true), Some(true), 0));
        assert_eq!(seen(&[admin, reader]), (Some(true), Some(false), 1));
        assert_eq!(
            seen(&[admin, nobody]),
            (Some(true), Some(true), 1),
            "what cannot be seen need not be triaged"
        );
        assert_eq!(seen(&[nobody, nobody]), (Some(false), Some(false), 2));
        assert_eq!(seen(&[admin, None]), (Some(true), None, 0));
        assert_eq!(seen(&[nobody, None]), (None, None, 1));
        assert_eq!(seen(&[None]), (None, None, 0));
        assert_eq!(seen(&[reader, None]), (Some(true), Some(false), 1));
    }
}
