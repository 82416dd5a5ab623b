//! The same by calls: what the template sets up, one resource after the other.

use pocketsoc_model::{Error, ErrorKind, Result};
use pocketsoc_transport::{Call, Endpoint, Replay, Route, Secret, quota};
use serde::Deserialize;
use serde_json::json;

use super::{CONNECTION, PushSetup, PushTrigger};
use crate::automations::{
    Automation, AutomationEvent, AutomationName, AutomationPlace, AutomationSource, AutomationTarget,
    Automations, NewAutomation,
};
use crate::client::DefenderCloudClient;
use crate::scope::{ResourceGroup, SubscriptionId};

const CONTRIBUTOR: &str = "the role Logic App Contributor on the resource group";
const PUT_WORKFLOW: Route = Route::put(
    "write the Logic App",
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Logic/workflows/{name}",
    CONTRIBUTOR,
    &quota::ARM_WRITE,
)
.with_query("api-version", "2019-05-01");
const CALLBACK: Route = Route::post(
    "get the address of the Logic App's trigger",
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Logic/workflows/{name}/triggers/{trigger}/listCallbackUrl",
    CONTRIBUTOR,
    &quota::ARM_WRITE,
)
.with_query("api-version", "2019-05-01");
const PUT_CONNECTION: Route = Route::put(
    "write the connection",
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Web/connections/{name}",
    "the role Contributor on the resource group",
    &quota::ARM_WRITE,
)
.with_query("api-version", "2016-06-01");

/// Where the push is set up: a resource group, and the region that it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushPlace {
    /// The subscription whose alerts are pushed.
    pub subscription: SubscriptionId,
    /// The resource group that holds the Logic App and the automation.
    pub resource_group: ResourceGroup,
    /// The resource group's region, such as `westeurope`.
    pub location: String,
}

impl PushPlace {
    /// A place.
    pub fn new(
        subscription: SubscriptionId,
        resource_group: ResourceGroup,
        location: impl Into<String>,
    ) -> Self {
        Self { subscription, resource_group, location: location.into() }
    }

    /// The id of a resource there.
    pub(super) fn id(&self, kind: &str, name: &str) -> String {
        let (subscription, group) = (&self.subscription, &self.resource_group);
        format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/{kind}/{name}")
    }

    /// The id of Defender for Cloud's connector there.
    pub(super) fn connector_id(&self) -> String {
        let (subscription, location) = (&self.subscription, &self.location);
        format!(
            "/subscriptions/{subscription}/providers/Microsoft.Web/locations/{location}/managedApis/ascalert"
        )
    }
}

/// The push as it was set up.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeployedPush {
    /// The automation.
    pub automation: Automation,
    /// Where it stands.
    pub place: AutomationPlace,
    /// The Logic App's id.
    pub logic_app_id: String,
}

#[derive(Deserialize)]
struct Callback {
    value: String,
}

impl DefenderCloudClient {
    /// Sets the push up, as [`PushSetup::template`] does: the Logic App, the connection where its trigger needs one, and the
    /// automation, which is validated first. A Logic App and an automation of these names that are there are replaced: doing
    /// it twice is doing it once, and what fails in between is done again by doing it again.
    ///
    /// Needs Contributor on the resource group, and Security Admin or Owner for the automation.
    ///
    /// # Errors
    /// `InvalidRequest` for an address that is not https, or when the service holds the automation for invalid; what it says otherwise.
    pub async fn deploy_push(&self, place: &PushPlace, setup: &PushSetup) -> Result<DeployedPush> {
        setup.check()?;
        let endpoint = self.endpoint();
        if setup.trigger == PushTrigger::Connector {
            endpoint.bytes(&connection(place)?).await?;
        }
        endpoint.bytes(&workflow(place, setup)?).await?;
        let address = callback(endpoint, place, setup).await?;
        let (subscription, group) = (place.subscription.clone(), place.resource_group.clone());
        let logic_app_id = place.id("Microsoft.Logic/workflows", &setup.logic_app);
        let alerts = AutomationSource::new(AutomationEvent::Alerts, setup.rule_sets());
        let automation = NewAutomation::on(&*place.location, alerts)
            .with_description("Pushes alerts of Defender for Cloud.")
            .described_within("The subscription", format!("/subscriptions/{subscription}"))
            .running(AutomationTarget::logic_app(&*logic_app_id, address));
        let automations: Automations = self.automations();
        let name = AutomationName::new(setup.automation.as_str())?;
        let place = AutomationPlace::new(subscription, group, name);
        let validation = automations.validate(&place, &automation).await?;
        if validation.is_valid == Some(false) {
            let why = validation.message.unwrap_or_else(|| "the service does not say why".into());
            return Err(Error::new(ErrorKind::InvalidRequest, "validate the automation").with_message(why));
        }
        // The one that is there is changed, and no other than the one that was seen.
        let automation = match automations.get(&place).await {
            Ok(Automation { etag: Some(etag), .. }) => automation.with_etag(etag),
            Ok(_) => automation,
            Err(error) if error.kind() == ErrorKind::NotFound => automation,
            Err(error) => return Err(error),
        };
        let automation = automations.put(&place, &automation).await?;
        Ok(DeployedPush { automation, place, logic_app_id })
    }
}

/// The address that runs the Logic App: a secret.
async fn callback(endpoint: &Endpoint, place: &PushPlace, setup: &PushSetup) -> Result<Secret> {
    let [subscription, group] = ids(place);
    let call = CALLBACK.call(&[subscription, group, &setup.logic_app, setup.trigger.name()])?;
    let callback: Callback = endpoint.json(&call.with_replay(Replay::Once)).await?;
    Ok(Secret::new(callback.value))
}

fn ids(place: &PushPlace) -> [&str; 2] {
    [place.subscription.as_str(), place.resource_group.as_str()]
}

fn connection(place: &PushPlace) -> Result<Call> {
    let [subscription, group] = ids(place);
    let body = json!({
        "location": place.location,
        "properties": {
            "displayName": CONNECTION,
            "customParameterValues": {},
            "api": {"id": place.connector_id()}
        }
    });
    PUT_CONNECTION.call(&[subscription, group, CONNECTION])?.with_replay(Replay::Always).with_json(&body)
}

fn workflow(place: &PushPlace, setup: &PushSetup) -> Result<Call> {
    let [subscription, group] = ids(place);
    let body = json!({
        "location": place.location,
        "properties": {"state": "Enabled", "definition": setup.definition(), "parameters": setup.parameters(place)}
    });
    let call = PUT_WORKFLOW.call(&[subscription, group, &setup.logic_app])?;
    call.with_replay(Replay::Always).with_json(&body)
}
