//! The push, set up as code instead of a page of portal clicks.

mod deploy;
mod template;

pub use deploy::{DeployedPush, PushPlace};
pub use template::automation_template;

use pocketsoc_model::{Error, ErrorKind, Result};
use pocketsoc_transport::Secret;
use serde_json::{Value, json};

use crate::alerts::AlertSeverity;
use crate::automations::{Rule, RuleSet};

/// The names that the guides use.
const LOGIC_APP: &str = "pocketsoc-defender-alerts";
const AUTOMATION: &str = "pocketsoc-push-notifications";
const CONNECTION: &str = "pocketsoc-defender-connection";
/// The parameter that holds the address to push to.
const WEBHOOK: &str = "pocketsocWebhookUrl";

/// How a Logic App is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum PushTrigger {
    /// By an HTTP request: nothing else is needed. The portal does not offer such Logic Apps when an automation is made by
    /// hand.
    #[default]
    Http,
    /// By the connector of Defender for Cloud, which needs a connection.
    Connector,
}

impl PushTrigger {
    /// The trigger's name, which the address that runs it contains.
    fn name(self) -> &'static str {
        match self {
            Self::Http => "manual",
            Self::Connector => "When_a_Microsoft_Defender_for_Cloud_Alert_is_created_or_triggered",
        }
    }
}

/// The push as it is to be set up: a Logic App that forwards alerts to an address, and an automation that runs it.
///
/// As a [`template`](Self::template) for `az deployment group create`, as the
/// [`logic_app_code`](Self::logic_app_code) for the portal's code view, or by
/// [`DefenderCloudClient::deploy_push`](crate::DefenderCloudClient::deploy_push).
#[derive(Debug, Clone)]
#[must_use]
pub struct PushSetup {
    webhook: Secret,
    severities: Vec<AlertSeverity>,
    trigger: PushTrigger,
    logic_app: String,
    automation: String,
}

impl PushSetup {
    /// Alerts of high and medium severity are pushed to this address, which is a secret: whoever has it can push.
    pub fn new(webhook: Secret) -> Self {
        Self {
            webhook,
            severities: vec![AlertSeverity::High, AlertSeverity::Medium],
            trigger: PushTrigger::default(),
            logic_app: LOGIC_APP.to_owned(),
            automation: AUTOMATION.to_owned(),
        }
    }

    /// Alerts of these severities; of all, when none is given.
    pub fn with_severities(mut self, severities: impl IntoIterator<Item = AlertSeverity>) -> Self {
        self.severities = severities.into_iter().collect();
        self
    }

    /// Run by this trigger.
    pub fn with_trigger(mut self, trigger: PushTrigger) -> Self {
        self.trigger = trigger;
        self
    }

    /// With another name for the automation than `pocketsoc-push-notifications`.
    pub fn with_automation_name(mut self, name: impl Into<String>) -> Self {
        self.automation = name.into();
        self
    }

    /// With another name for the Logic App than `pocketsoc-defender-alerts`.
    pub fn with_logic_app_name(mut self, name: impl Into<String>) -> Self {
        self.logic_app = name.into();
        self
    }

    /// Checks what could not work: the address must be https, or on this machine for trying things out, and the names such
    /// as Azure takes.
    ///
    /// # Errors
    /// `InvalidRequest` for another address, which is not repeated, or another name.
    pub fn check(&self) -> Result<()> {
        let address = self.webhook.expose().trim_start_matches('\u{feff}');
        let host = |rest: &str| rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned();
        let fits = match (address.strip_prefix("https://"), address.strip_prefix("http://")) {
            (Some(rest), _) => !host(rest).is_empty(),
            (None, Some(rest)) => {
                let host = host(rest);
                let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
                ["127.0.0.1", "localhost", "[::1]"].contains(&name)
            }
            _ => false,
        };
        let plain = |name: &str, also: &str| {
            (1..=80).contains(&name.len())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c))
        };
        if !plain(&self.logic_app, "-_.()") || !plain(&self.automation, "-_") {
            return Err(Error::new(ErrorKind::InvalidRequest, "set up the push")
                .with_message("a name is not one that Azure takes")
                .with_hint("names have 1 to 80 letters, digits, `-` and `_`"));
        }
        if fits && !address.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::InvalidRequest, "set up the push")
            .with_message("the address to push to is no https:// address")
            .with_hint("give the webhook's whole address, as its owner shows it"))
    }

    /// Which alerts run it: one of these must fit; without any, all do.
    fn rule_sets(&self) -> Vec<RuleSet> {
        // The event says them in lower case.
        let one = |severity: &AlertSeverity| Rule::equals("Severity", severity.as_str().to_ascii_lowercase());
        self.severities.iter().map(|severity| RuleSet::new([one(severity)])).collect()
    }

    /// The Logic App's definition: forwards what runs it. Its address is a parameter, and its runs do not show it.
    fn definition(&self) -> Value {
        let mut parameters = json!({WEBHOOK: {"type": "securestring"}});
        let trigger = match self.trigger {
            PushTrigger::Http => json!({"type": "Request", "kind": "Http", "inputs": {"schema": {}}}),
            PushTrigger::Connector => {
                parameters["$connections"] = json!({"type": "Object", "defaultValue": {}});
                json!({
                    "type": "ApiConnectionWebhook",
                    "inputs": {
                        "host": {"connection": {"name": "@parameters('$connections')['ascalert']['connectionId']"}},
                        "body": {"callback_url": "@{listCallbackUrl()}"},
                        "path": "/Microsoft.Security/Alert/subscribe"
                    }
                })
            }
        };
        json!({
            "$schema": "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#",
            "contentVersion": "1.0.0.0",
            "parameters": parameters,
            "triggers": {self.trigger.name(): trigger},
            "actions": {
                "Forward_the_alert": {
                    "type": "Http",
                    "runAfter": {},
                    "inputs": {
                        "method": "POST",
                        "uri": format!("@parameters('{WEBHOOK}')"),
                        "headers": {"Content-Type": "application/json"},
                        "body": "@triggerBody()"
                    },
                    // An answer of 202 is an answer, and no operation to follow.
                    "operationOptions": "DisableAsyncPattern",
                    "runtimeConfiguration": {"secureData": {"properties": ["inputs"]}}
                }
            },
            "outputs": {}
        })
    }

    /// The Logic App alone, for the portal's code view: its definition and its parameters. It holds the address.
    ///
    /// The portal offers only Logic Apps that are run by the connector when an automation is made by hand: take
    /// [`PushTrigger::Connector`] for that, and make the connection `pocketsoc-defender-connection` in the same place.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn logic_app_code(&self, place: &PushPlace) -> Result<String> {
        self.check()?;
        Ok(pretty(&json!({"definition": self.definition(), "parameters": self.parameters(place)})))
    }

    /// What the definition's parameters are at a place.
    fn parameters(&self, place: &PushPlace) -> Value {
        let mut parameters = json!({WEBHOOK: {"value": self.webhook.expose()}});
        if self.trigger == PushTrigger::Connector {
            parameters["$connections"] = json!({"value": {"ascalert": {
                "connectionId": place.id("Microsoft.Web/connections", CONNECTION),
                "connectionName": CONNECTION,
                "id": place.connector_id()
            }}});
        }
        parameters
    }
}

/// JSON for people: two spaces a level, a line break at the end.
fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
