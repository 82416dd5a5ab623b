//! The template for Azure Resource Manager that sets the push up in one deployment.

use pocketsoc_model::Result;
use pocketsoc_transport::Secret;
use serde_json::{Value, json};

use super::{CONNECTION, PushSetup, PushTrigger, WEBHOOK, pretty};
use crate::alerts::AlertSeverity;

const WORKFLOWS: &str = "Microsoft.Logic/workflows";
const WORKFLOW_ID: &str = "resourceId('Microsoft.Logic/workflows', parameters('logicAppName'))";
const CONNECTOR_ID: &str =
    "subscriptionResourceId('Microsoft.Web/locations/managedApis', parameters('location'), 'ascalert')";
const CONNECTION_ID: &str = "resourceId('Microsoft.Web/connections', parameters('connectionName'))";

/// The template that pushes alerts of these severities to an address; see [`PushSetup::template`].
///
/// ```
/// use defender_cloud_client::{AlertSeverity, Secret, automation_template};
/// let template = automation_template(Secret::new("https://soc.example/0f6a41cd"), [AlertSeverity::High])?;
/// assert!(template.contains("\"pocketsocWebhookUrl\""));
/// # Ok::<(), defender_cloud_client::Error>(())
/// ```
///
/// # Errors
/// As [`PushSetup::check`].
pub fn automation_template(
    webhook: Secret,
    severities: impl IntoIterator<Item = AlertSeverity>,
) -> Result<String> {
    PushSetup::new(webhook).with_severities(severities).template()
}

fn expression(text: &str) -> String {
    format!("[{text}]")
}

impl PushSetup {
    /// The template for `az deployment group create`: the Logic App, the automation that runs it, and the connection where
    /// the trigger needs one. Parameters: `pocketsocWebhookUrl`, a secure string whose default is the address;
    /// `logicAppName`, `automationName`, `location`, and `connectionName` where there is a connection.
    ///
    /// Who deploys it needs Contributor on the resource group, and Security Admin or Owner for the automation. With the
    /// defaults it is:
    ///
    /// ```json
    #[doc = include_str!("pocketsoc-defender-automation.json")]
    /// ```
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn template(&self) -> Result<String> {
        self.check()?;
        let name = |text: &str, what: &str| json!({"type": "string", "defaultValue": text, "metadata": {"description": what}});
        let mut parameters = json!({
            WEBHOOK: {
                "type": "securestring",
                "defaultValue": self.webhook.expose(),
                "metadata": {"description": "Where alerts are pushed to."}
            },
            "logicAppName": name(&self.logic_app, "The Logic App that forwards alerts."),
            "automationName": name(&self.automation, "The automation that runs it."),
            "location": name("[resourceGroup().location]", "The region of both."),
        });
        let mut resources = vec![self.workflow(), self.automation()];
        if self.trigger == PushTrigger::Connector {
            parameters["connectionName"] = name(CONNECTION, "The connection to Defender for Cloud.");
            resources.insert(0, connection());
        }
        Ok(pretty(&json!({
            "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
            "contentVersion": "1.0.0.0",
            "parameters": parameters,
            "resources": resources
        })))
    }

    fn workflow(&self) -> Value {
        let mut values = json!({WEBHOOK: {"value": expression(&format!("parameters('{WEBHOOK}')"))}});
        let mut depends_on: Vec<String> = Vec::new();
        if self.trigger == PushTrigger::Connector {
            values["$connections"] = json!({"value": {"ascalert": {
                "connectionId": expression(CONNECTION_ID),
                "connectionName": "[parameters('connectionName')]",
                "id": expression(CONNECTOR_ID)
            }}});
            depends_on.push(expression(CONNECTION_ID));
        }
        json!({
            "type": WORKFLOWS,
            "apiVersion": "2019-05-01",
            "name": "[parameters('logicAppName')]",
            "location": "[parameters('location')]",
            "dependsOn": depends_on,
            "properties": {"state": "Enabled", "definition": self.definition(), "parameters": values}
        })
    }

    fn automation(&self) -> Value {
        let trigger = self.trigger.name();
        let address =
            format!("listCallbackUrl(concat({WORKFLOW_ID}, '/triggers/{trigger}'), '2019-05-01').value");
        json!({
            "type": "Microsoft.Security/automations",
            "apiVersion": "2019-01-01-preview",
            "name": "[parameters('automationName')]",
            "location": "[parameters('location')]",
            "dependsOn": [expression(WORKFLOW_ID)],
            "properties": {
                "description": "Pushes alerts of Defender for Cloud.",
                "isEnabled": true,
                "scopes": [{"description": "The subscription", "scopePath": "[subscription().id]"}],
                "sources": [{"eventSource": "Alerts", "ruleSets": self.rule_sets()}],
                "actions": [{
                    "actionType": "LogicApp",
                    "logicAppResourceId": expression(WORKFLOW_ID),
                    "uri": expression(&address)
                }]
            }
        })
    }
}

/// The connection to Defender for Cloud; it holds no secret.
fn connection() -> Value {
    json!({
        "type": "Microsoft.Web/connections",
        "apiVersion": "2016-06-01",
        "name": "[parameters('connectionName')]",
        "location": "[parameters('location')]",
        "properties": {
            "displayName": "[parameters('connectionName')]",
            "customParameterValues": {},
            "api": {"id": expression(CONNECTOR_ID)}
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_in_the_documentation_is_the_one_that_is_rendered() {
        let setup = PushSetup::new(Secret::new("https://soc.example/your-webhook"));
        assert_eq!(setup.template().unwrap(), include_str!("pocketsoc-defender-automation.json"));
    }
}
