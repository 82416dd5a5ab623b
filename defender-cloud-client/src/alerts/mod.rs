//! Alerts: list, get, change the status.

mod alert;
mod entities;
mod id;
mod simulate;
mod words;

pub use alert::{Alert, AlertProperties, ExtendedLink, ResourceIdentifier};
pub(crate) use entities::Value;
pub use entities::{AlertEntities, AlertEntity};
pub use id::AlertId;
pub use simulate::SampleBundle;
pub use words::{AlertAction, AlertSeverity, AlertStatus, ResourceIdentifierKind};

use pocketsoc_model::{Error, ErrorKind, Lane, Result, ResumePoint};
use pocketsoc_transport::{Call, Endpoint, Method, PagePlan, Replay, Walk, quota};

use crate::scope::{AlertScope, Location, ResourceGroup};

const API_VERSION: &str = "2022-01-01";
const READ: &str = "the role Security Reader";
const WRITE: &str = "the role Security Admin";

/// The alerts of subscriptions.
///
/// The service filters nothing: every list is whole. Limits: reads 25 a second after a burst of 250, changes 10 a
/// second after a burst of 200.
#[derive(Debug, Clone)]
pub struct Alerts {
    endpoint: Endpoint,
}

impl Alerts {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }

    /// Walks over the alerts of a scope, in no promised order; all statuses, entities included. Pages: "Alerts - List"
    /// and its three companions by resource group and by region.
    ///
    /// Needs Security Reader on the scope.
    pub fn list(&self, scope: &AlertScope) -> Walk<Alert> {
        self.walk(scope, Lane::Feed, true)
    }

    pub(crate) fn walk(&self, scope: &AlertScope, lane: Lane, look_ahead: bool) -> Walk<Alert> {
        let plan = if look_ahead { PagePlan::by_links() } else { PagePlan::by_links().without_look_ahead() };
        match list(scope) {
            Ok(call) => self.endpoint.walk(call.with_lane(lane), plan),
            Err(error) => Walk::failed(error),
        }
    }

    /// Goes on with a list that ended early; the point says with which, which must be one of the scope.
    pub(crate) fn resume(
        &self,
        point: ResumePoint,
        scope: Option<&AlertScope>,
        lane: Lane,
        look_ahead: bool,
    ) -> Walk<Alert> {
        let path = |target: &str| target.split('?').next().unwrap_or_default().to_ascii_lowercase();
        let call = match scope.map(list) {
            None => Call::fixed(Method::Get, LIST, WHOLE, &quota::ARM_READ).with_permission(READ),
            Some(Ok(call)) if path(&call.target()) == path(point.as_str()) => call,
            Some(Ok(_)) => {
                let error = Error::new(ErrorKind::InvalidRequest, LIST);
                return Walk::failed(error.with_message("the resume point is of another scope's list"));
            }
            Some(Err(error)) => return Walk::failed(error),
        };
        let plan = PagePlan::by_links().with_resume(Some(point));
        let plan = if look_ahead { plan } else { plan.without_look_ahead() };
        self.endpoint.walk(call.with_lane(lane), plan)
    }

    /// One alert. Pages: "Alerts - Get Subscription Level" and "Alerts - Get Resource Group Level".
    ///
    /// Needs Security Reader.
    ///
    /// # Errors
    /// `NotFound` when there is none with this id; `InvalidRequest` when it is no alert's id.
    pub async fn get(&self, id: &AlertId) -> Result<Alert> {
        self.get_in(Lane::Triage, id).await
    }

    pub(crate) async fn get_in(&self, lane: Lane, id: &AlertId) -> Result<Alert> {
        self.endpoint.element(&get(id)?.with_lane(lane)).await
    }

    /// Changes an alert's status; the service answers with nothing, which proves nothing. The
    /// [`DetectionSource`](crate::DetectionSource) reads back. Pages: "Alerts - Update Resource Group Level State To
    /// Dismiss" and its companions.
    ///
    /// Each action sets a status, whichever the alert has: it may be repeated. Needs Security Admin.
    ///
    /// # Errors
    /// `NotFound` when there is none with this id; `InvalidRequest` when it is no alert's id.
    pub async fn act(&self, id: &AlertId, action: AlertAction) -> Result<()> {
        self.act_in(Lane::Triage, id, action).await
    }

    pub(crate) async fn act_in(&self, lane: Lane, id: &AlertId, action: AlertAction) -> Result<()> {
        self.endpoint.bytes(&act(id, action)?.with_lane(lane)).await.map(drop)
    }
}

const LIST: &str = "list alerts";
const WHOLE: &str = "/subscriptions/{subscription}/providers/Microsoft.Security/alerts";

/// The call behind [`Alerts::list`].
fn list(scope: &AlertScope) -> Result<Call> {
    let subscription = scope.subscription.as_str();
    let group = scope.resource_group.as_ref().map(ResourceGroup::as_str);
    let location = scope.location.as_ref().map(Location::as_str);
    let (template, ids) = match (group, location) {
        (None, None) => (WHOLE, vec![subscription]),
        (Some(group), None) => (
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security/alerts",
            vec![subscription, group],
        ),
        (None, Some(location)) => (
            "/subscriptions/{subscription}/providers/Microsoft.Security/locations/{location}/alerts",
            vec![subscription, location],
        ),
        (Some(group), Some(location)) => (
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security/locations/{location}/alerts",
            vec![subscription, group, location],
        ),
    };
    let call = Call::new(Method::Get, LIST, template, &ids, &quota::ARM_READ)?;
    Ok(call.with_query("api-version", API_VERSION).with_permission(READ))
}

/// The call behind [`Alerts::get`].
fn get(id: &AlertId) -> Result<Call> {
    let place = id.place("get the alert")?;
    let call = Call::new(Method::Get, "get the alert", place.template(), &place.ids(), &quota::ARM_READ)?;
    Ok(call.with_query("api-version", API_VERSION).with_permission(READ))
}

/// The call behind [`Alerts::act`].
fn act(id: &AlertId, action: AlertAction) -> Result<Call> {
    let place = id.place(action.operation())?;
    let mut ids = place.ids();
    ids.push(action.as_str());
    let call = Call::new(Method::Post, action.operation(), place.action_template(), &ids, &quota::ARM_WRITE)?;
    Ok(call.with_query("api-version", API_VERSION).with_permission(WRITE).with_replay(Replay::Always))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SubscriptionId;

    const SUBSCRIPTION: &str = "11111111-2222-4333-8444-555555555555";

    #[test]
    fn each_scope_has_its_own_list() {
        let whole = AlertScope::subscription(SubscriptionId::new(SUBSCRIPTION).unwrap());
        let group = whole.clone().with_resource_group(ResourceGroup::new("rg (1)").unwrap());
        let location = Location::new("westeurope").unwrap();
        let target = |scope: &AlertScope| list(scope).unwrap().target();
        let (s, p) = (format!("/subscriptions/{SUBSCRIPTION}"), "/providers/Microsoft.Security");
        let v = "alerts?api-version=2022-01-01";
        assert_eq!(target(&whole), format!("{s}{p}/{v}"));
        assert_eq!(target(&group), format!("{s}/resourceGroups/rg%20%281%29{p}/{v}"));
        assert_eq!(
            target(&whole.with_location(location.clone())),
            format!("{s}{p}/locations/westeurope/{v}")
        );
        assert_eq!(
            target(&group.with_location(location)),
            format!("{s}/resourceGroups/rg%20%281%29{p}/locations/westeurope/{v}")
        );
    }

    #[test]
    fn an_action_goes_to_the_alerts_own_id_without_a_body_and_may_be_repeated() {
        let id = format!(
            "/SUBSCRIPTIONS/{SUBSCRIPTION}/RESOURCEGROUPS/RG/providers/Microsoft.Security/locations/westeurope/alerts/2_x"
        );
        for (action, word) in [
            (AlertAction::Activate, "activate"),
            (AlertAction::Dismiss, "dismiss"),
            (AlertAction::Resolve, "resolve"),
            (AlertAction::InProgress, "inProgress"),
        ] {
            let call = act(&AlertId::new(id.as_str()).unwrap(), action).unwrap();
            assert_eq!(
                call.target(),
                format!(
                    "/subscriptions/{SUBSCRIPTION}/resourceGroups/RG/providers/Microsoft.Security/locations/westeurope/alerts/2_x/{word}?api-version=2022-01-01"
                )
            );
            assert_eq!((call.method(), call.body(), call.replay()), (Method::Post, None, Replay::Always));
        }
        let without_group = format!(
            "/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Security/locations/centralus/alerts/n"
        );
        let call = get(&AlertId::new(without_group.as_str()).unwrap()).unwrap();
        assert_eq!(call.target(), format!("{without_group}?api-version=2022-01-01"));
    }
}
