//! What is written of an automation.

use std::fmt;

use pocketsoc_transport::{Secret, lenient};
use serde::{Deserialize, Serialize, Serializer};

use super::automation::{AutomationScope, AutomationSource, Rule, RuleSet};
use crate::alerts::AlertSeverity;

/// An automation to be written.
#[derive(Debug, Clone, Serialize)]
#[must_use]
pub struct NewAutomation {
    location: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    properties: AutomationPatchProperties,
}

impl NewAutomation {
    /// On alerts of these severities (on all, when none is given), in a region: that of its resource group.
    pub fn on_alerts(
        location: impl Into<String>,
        severities: impl IntoIterator<Item = AlertSeverity>,
    ) -> Self {
        // The event says them in lower case.
        let one = |severity: AlertSeverity| {
            RuleSet::new([Rule::equals("Severity", severity.as_str().to_ascii_lowercase())])
        };
        Self::on(location, "Alerts", severities.into_iter().map(one))
    }

    /// On events of a kind of which one of these sets of rules fits; all of them, when none is given.
    pub fn on(
        location: impl Into<String>,
        event_source: impl Into<String>,
        rule_sets: impl IntoIterator<Item = RuleSet>,
    ) -> Self {
        let source = AutomationSource {
            event_source: Some(event_source.into()),
            rule_sets: rule_sets.into_iter().collect(),
        };
        let properties = AutomationPatchProperties {
            is_enabled: Some(true),
            sources: Some(vec![source]),
            ..AutomationPatchProperties::default()
        };
        Self { location: location.into(), etag: None, properties }
    }

    /// Of a subscription, or a resource group of one, by its path.
    pub fn within(mut self, scope_path: impl Into<String>) -> Self {
        let scope = AutomationScope { description: None, scope_path: Some(scope_path.into()) };
        self.properties.scopes.get_or_insert_with(Vec::new).push(scope);
        self
    }

    /// What is done.
    pub fn running(mut self, target: AutomationTarget) -> Self {
        self.properties.actions.get_or_insert_with(Vec::new).push(target);
        self
    }

    /// What it is for.
    pub fn with_description(mut self, text: impl Into<String>) -> Self {
        self.properties.description = Some(text.into());
        self
    }

    /// Only in place of this version of it, as it was read.
    pub fn with_etag(mut self, etag: impl Into<String>) -> Self {
        self.etag = Some(etag.into());
        self
    }
}

/// What to change on an automation; what is not set stays.
#[derive(Debug, Clone, Default, Serialize)]
#[must_use]
pub struct AutomationPatch {
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    properties: AutomationPatchProperties,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct AutomationPatchProperties {
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<AutomationScope>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sources: Option<Vec<AutomationSource>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actions: Option<Vec<AutomationTarget>>,
}

impl AutomationPatch {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts it to work, or to rest.
    pub fn enabled(mut self, on: bool) -> Self {
        self.properties.is_enabled = Some(on);
        self
    }

    /// What it is for.
    pub fn with_description(mut self, text: impl Into<String>) -> Self {
        self.properties.description = Some(text.into());
        self
    }

    /// What it does, in place of what it did.
    pub fn running(mut self, targets: impl IntoIterator<Item = AutomationTarget>) -> Self {
        self.properties.actions = Some(targets.into_iter().collect());
        self
    }

    /// Only this version of it, as it was read.
    pub fn with_etag(mut self, etag: impl Into<String>) -> Self {
        self.etag = Some(etag.into());
        self
    }
}

/// What an automation does, its secrets included: `Debug` does not show them.
#[derive(Clone, Serialize)]
#[serde(tag = "actionType")]
#[non_exhaustive]
pub enum AutomationTarget {
    /// Runs a Logic App.
    #[serde(rename_all = "camelCase")]
    LogicApp {
        /// The Logic App's id.
        logic_app_resource_id: String,
        /// The address of its trigger, which whoever has it can run it by.
        #[serde(serialize_with = "exposed")]
        uri: Secret,
    },
    /// Writes to an event hub.
    #[serde(rename_all = "camelCase")]
    EventHub {
        /// The event hub's id.
        event_hub_resource_id: String,
        /// How to reach it.
        #[serde(serialize_with = "exposed")]
        connection_string: Secret,
    },
    /// Writes to a workspace.
    #[serde(rename_all = "camelCase")]
    Workspace {
        /// The workspace's id.
        workspace_resource_id: String,
    },
}

impl AutomationTarget {
    /// Runs a Logic App by the address of its trigger.
    pub fn logic_app(resource_id: impl Into<String>, trigger: Secret) -> Self {
        Self::LogicApp { logic_app_resource_id: resource_id.into(), uri: trigger }
    }
}

/// Into a request's body, and nowhere else.
fn exposed<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

impl fmt::Debug for AutomationTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LogicApp { logic_app_resource_id, .. } => f
                .debug_struct("LogicApp")
                .field("logic_app_resource_id", logic_app_resource_id)
                .finish_non_exhaustive(),
            Self::EventHub { event_hub_resource_id, .. } => f
                .debug_struct("EventHub")
                .field("event_hub_resource_id", event_hub_resource_id)
                .finish_non_exhaustive(),
            Self::Workspace { workspace_resource_id } => {
                f.debug_struct("Workspace").field("workspace_resource_id", workspace_resource_id).finish()
            }
        }
    }
}

/// Whether an automation could be written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Validation {
    /// Whether it could; absent where the service does not say.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub is_valid: Option<bool>,
    /// Why not.
    #[serde(default, deserialize_with = "lenient::text")]
    pub message: Option<String>,
}
