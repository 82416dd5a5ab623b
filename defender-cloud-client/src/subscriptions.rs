//! Subscriptions: which of them the credential sees.

use pocketsoc_model::{Lane, Properties, RawJson, Result, open_enum};
use pocketsoc_transport::{Call, Endpoint, KeepRaw, Method, PagePlan, Replay, Route, Walk, lenient, quota};
use serde::Deserialize;

use crate::scope::SubscriptionId;

const API_VERSION: &str = "2022-12-01";
const REGISTER: Route = Route::post(
    "register Defender for Cloud on the subscription",
    "/subscriptions/{subscription}/providers/Microsoft.Security/register",
    "the role Contributor on the subscription",
    &quota::ARM_WRITE,
)
.with_query("api-version", "2021-04-01");

/// The subscriptions that the credential sees.
#[derive(Debug, Clone)]
pub struct Subscriptions {
    endpoint: Endpoint,
}

impl Subscriptions {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }

    /// Walks over the subscriptions on which the credential has any role; none is no failure. Page: "Subscriptions -
    /// List".
    ///
    /// Needs any role on a subscription, such as Security Reader.
    pub fn list(&self) -> Walk<Subscription> {
        self.walk(Lane::Feed)
    }

    /// Sets Defender for Cloud up on a subscription, where calls answer `MissingSubscriptionRegistration`; it takes a few
    /// minutes. Page: "Providers - Register". Needs Contributor (`Microsoft.Security/register/action`).
    ///
    /// # Errors
    /// What the service says.
    pub async fn register(&self, subscription: &SubscriptionId) -> Result<()> {
        let call = REGISTER.call(&[subscription.as_str()])?.with_replay(Replay::Always);
        self.endpoint.bytes(&call).await.map(drop)
    }

    pub(crate) fn walk(&self, lane: Lane) -> Walk<Subscription> {
        self.endpoint.walk(list(lane), PagePlan::by_links())
    }
}

/// The call behind [`Subscriptions::list`].
fn list(lane: Lane) -> Call {
    Call::fixed(Method::Get, "list subscriptions", "/subscriptions", &quota::ARM_READ)
        .with_query("api-version", API_VERSION)
        .with_permission("any role on a subscription")
        .with_lane(lane)
}

/// A subscription. Page: "Subscriptions - List".
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Subscription {
    /// The id.
    pub subscription_id: SubscriptionId,
    /// The display name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub display_name: Option<String>,
    /// Whether it is in use.
    #[serde(default, deserialize_with = "lenient::word")]
    pub state: Option<SubscriptionState>,
    /// The Entra tenant that it belongs to.
    #[serde(default, deserialize_with = "lenient::text")]
    pub tenant_id: Option<String>,
    /// How the credential came to its role.
    #[serde(default, deserialize_with = "lenient::text")]
    pub authorization_source: Option<String>,
    /// Its full id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub id: Option<String>,
    /// What it may be used for.
    #[serde(default, deserialize_with = "lenient::object")]
    pub subscription_policies: Option<SubscriptionPolicies>,
    /// The tenants that manage it for its owner.
    #[serde(default, deserialize_with = "lenient::objects")]
    pub managed_by_tenants: Vec<ManagingTenant>,
    /// Its labels: each name with its text.
    #[serde(default, deserialize_with = "lenient::properties")]
    pub tags: Properties,
    #[serde(skip)]
    raw: Option<RawJson>,
}

/// What a subscription may be used for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SubscriptionPolicies {
    /// Where its resources may stand.
    #[serde(default, deserialize_with = "lenient::text")]
    pub location_placement_id: Option<String>,
    /// The offer that it was bought under.
    #[serde(default, deserialize_with = "lenient::text")]
    pub quota_id: Option<String>,
    /// Whether spending is limited.
    #[serde(default, deserialize_with = "lenient::text")]
    pub spending_limit: Option<String>,
}

/// A tenant that manages a subscription for its owner.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ManagingTenant {
    /// Its id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub tenant_id: Option<String>,
}

impl Subscription {
    /// Whether it can have alerts: all but those that are disabled or deleted; a state unknown to us hides none.
    pub fn is_in_use(&self) -> bool {
        use SubscriptionState::{Deleted, Disabled};
        !matches!(self.state, Some(Disabled | Deleted))
    }

    /// The subscription's JSON as it came, byte for byte.
    pub fn raw(&self) -> Option<&RawJson> {
        self.raw.as_ref()
    }
}

impl KeepRaw for Subscription {
    fn keep_raw(&mut self, raw: RawJson) {
        self.raw = Some(raw);
    }
}

open_enum! {
    /// Whether a subscription is in use.
    pub enum SubscriptionState {
        /// It is.
        Enabled = "Enabled",
        /// It is, and will be disabled.
        Warned = "Warned",
        /// It is, and has not been paid.
        PastDue = "PastDue",
        /// It can only be read.
        Disabled = "Disabled",
        /// It is gone.
        Deleted = "Deleted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscriptions_are_asked_for_by_their_own_version() {
        assert_eq!(list(Lane::Feed).target(), "/subscriptions?api-version=2022-12-01");
    }

    #[test]
    fn a_state_that_nobody_knows_hides_no_alerts() {
        let in_use = |state: &str| {
            let text = format!(r#"{{"subscriptionId":"s","state":{state}}}"#);
            serde_json::from_str::<Subscription>(&text).unwrap().is_in_use()
        };
        assert!(["\"Enabled\"", "\"Warned\"", "\"PastDue\"", "\"Odd\"", "null"].into_iter().all(in_use));
        assert!(!["\"Disabled\"", "\"Deleted\""].into_iter().any(in_use));
    }
}
