//! Workflow automations and continuous exports: what is done when something happens.

mod automation;
mod words;
mod write;

pub use automation::{
    Automation, AutomationAction, AutomationProperties, AutomationScope, AutomationSource, Rule, RuleSet,
};
pub use words::{ActionKind, AutomationEvent, RuleOperator, RuleType};
pub use write::{AutomationPatch, AutomationTarget, NewAutomation, Validation};

use pocketsoc_model::{Result, id_type};
use pocketsoc_transport::{Call, Endpoint, Replay, Route, Walk, quota};

use crate::scope::{ResourceGroup, SubscriptionId};

const VERSION: &str = "2023-12-01-preview";
const READ: &str = "the role Security Reader";
const WRITE: &str =
    "the role Security Admin or Owner, and Logic App Contributor on the Logic App that is run";
const DELETE_ROLE: &str = "the role Security Admin or Owner";
const ONE: &str =
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security/automations/{name}";
const LIST: Route = Route::get(
    "list automations",
    "/subscriptions/{subscription}/providers/Microsoft.Security/automations",
    READ,
    &quota::ARM_READ,
)
.with_query("api-version", VERSION);
const LIST_OF_GROUP: Route = Route::get(
    "list automations",
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security/automations",
    READ,
    &quota::ARM_READ,
)
.with_query("api-version", VERSION);
const GET: Route =
    Route::get("get the automation", ONE, READ, &quota::ARM_READ).with_query("api-version", VERSION);
const PUT: Route =
    Route::put("write the automation", ONE, WRITE, &quota::ARM_WRITE).with_query("api-version", VERSION);
const PATCH: Route =
    Route::patch("update the automation", ONE, WRITE, &quota::ARM_WRITE).with_query("api-version", VERSION);
const DELETE: Route = Route::delete("delete the automation", ONE, DELETE_ROLE, &quota::ARM_DELETE)
    .with_query("api-version", VERSION);
const VALIDATE: Route = Route::post(
    "validate the automation",
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security/automations/{name}/validate",
    WRITE,
    &quota::ARM_WRITE,
)
.with_query("api-version", VERSION);

id_type! {
    /// The name of an automation, such as `pocketsoc-push-notifications`.
    pub struct AutomationName("automation");
}

/// Where an automation stands: its subscription, its resource group and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutomationPlace {
    /// The subscription.
    pub subscription: SubscriptionId,
    /// The resource group.
    pub resource_group: ResourceGroup,
    /// The name.
    pub name: AutomationName,
}

impl AutomationPlace {
    /// A place.
    pub fn new(subscription: SubscriptionId, resource_group: ResourceGroup, name: AutomationName) -> Self {
        Self { subscription, resource_group, name }
    }

    fn ids(&self) -> [&str; 3] {
        [self.subscription.as_str(), self.resource_group.as_str(), self.name.as_str()]
    }
}

/// Workflow automations and continuous exports. Limits: reads 25 a second, writes and deletions 10 a second; the service
/// has been seen to begin its own counter for lists at 100.
#[derive(Debug, Clone)]
pub struct Automations {
    endpoint: Endpoint,
}

impl Automations {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }

    /// Walks over those of a subscription. Page: "Automations - List". Needs Security Reader
    /// (`Microsoft.Security/automations/read`).
    pub fn list(&self, subscription: &SubscriptionId) -> Walk<Automation> {
        LIST.list(&self.endpoint, &[subscription.as_str()])
    }

    /// Walks over those of a resource group. Page: "Automations - List By Resource Group". Needs Security Reader.
    pub fn list_of_group(&self, subscription: &SubscriptionId, group: &ResourceGroup) -> Walk<Automation> {
        LIST_OF_GROUP.list(&self.endpoint, &[subscription.as_str(), group.as_str()])
    }

    /// One of them. What it runs comes without its address, which is a secret. Page: "Automations - Get". Needs Security
    /// Reader.
    ///
    /// # Errors
    /// `NotFound` when there is none at this place.
    pub async fn get(&self, place: &AutomationPlace) -> Result<Automation> {
        self.endpoint.element(&GET.call(&place.ids())?).await
    }

    /// Creates an automation or takes the place of the one there; doing it twice is doing it once. Page: "Automations -
    /// Create Or Update". Needs Security Admin or Owner on the resource group (`Microsoft.Security/automations/write`), and
    /// Logic App Contributor on the Logic App that is run.
    ///
    /// # Errors
    /// `Conflict` when it was changed meanwhile (its `etag` is another one); what the service says.
    pub async fn put(&self, place: &AutomationPlace, automation: &NewAutomation) -> Result<Automation> {
        self.endpoint.element(&put(place, automation)?).await
    }

    /// Changes parts of an automation. Page: "Automations - Update". Needs what [`put`](Self::put) needs.
    ///
    /// # Errors
    /// `NotFound` when there is none at this place; `Conflict` when it was changed meanwhile.
    pub async fn patch(&self, place: &AutomationPlace, change: &AutomationPatch) -> Result<Automation> {
        let call = PATCH.call(&place.ids())?.with_replay(Replay::Always);
        self.endpoint.element(&call.with_json(&change.body())?).await
    }

    /// Deletes an automation. Page: "Automations - Delete". Needs Security Admin or Owner
    /// (`Microsoft.Security/automations/delete`).
    ///
    /// # Errors
    /// What the service says.
    pub async fn delete(&self, place: &AutomationPlace) -> Result<()> {
        self.endpoint.bytes(&DELETE.call(&place.ids())?).await.map(drop)
    }

    /// Asks whether an automation could be written; nothing is. The service answers success for one that could not be:
    /// look at [`Validation::is_valid`]. Page: "Automations - Validate". Needs Security Admin or Owner
    /// (`Microsoft.Security/automations/validate/action`).
    ///
    /// # Errors
    /// What the service says.
    pub async fn validate(&self, place: &AutomationPlace, automation: &NewAutomation) -> Result<Validation> {
        let call = VALIDATE.call(&place.ids())?.with_replay(Replay::Once);
        self.endpoint.json(&call.with_json(&automation.body())?).await
    }
}

/// The call behind [`Automations::put`].
fn put(place: &AutomationPlace, automation: &NewAutomation) -> Result<Call> {
    PUT.call(&place.ids())?.with_replay(Replay::Always).with_json(&automation.body())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AlertSeverity;
    use pocketsoc_transport::Secret;

    #[test]
    fn an_automation_is_written_as_the_page_has_it() {
        let place = AutomationPlace::new(
            SubscriptionId::new("s-1").unwrap(),
            ResourceGroup::new("rg").unwrap(),
            AutomationName::new("push@home").unwrap(),
        );
        let automation = NewAutomation::on_alerts("westeurope", [AlertSeverity::High, AlertSeverity::Medium])
            .within("/subscriptions/s-1")
            .running(AutomationTarget::logic_app(
                "/subscriptions/s-1/resourceGroups/rg/providers/Microsoft.Logic/workflows/app",
                Secret::new("https://app.example/?sig=hush"),
            ));
        let call = put(&place, &automation).unwrap();
        assert_eq!(
            call.target(),
            "/subscriptions/s-1/resourceGroups/rg/providers/Microsoft.Security/automations/push%40home?api-version=2023-12-01-preview"
        );
        assert_eq!(call.method().as_str(), "PUT");
        assert_eq!(
            std::str::from_utf8(call.body().unwrap()).unwrap(),
            r#"{"location":"westeurope","properties":{"isEnabled":true,"scopes":[{"scopePath":"/subscriptions/s-1"}],"sources":[{"eventSource":"Alerts","ruleSets":[{"rules":[{"propertyJPath":"Severity","propertyType":"String","expectedValue":"high","operator":"Equals"}]},{"rules":[{"propertyJPath":"Severity","propertyType":"String","expectedValue":"medium","operator":"Equals"}]}]}],"actions":[{"actionType":"LogicApp","logicAppResourceId":"/subscriptions/s-1/resourceGroups/rg/providers/Microsoft.Logic/workflows/app","uri":"https://app.example/?sig=hush"}]}}"#
        );
        assert!(!format!("{automation:?} {call:?}").contains("hush"), "a secret");
    }
}
