//! What is written of an automation. Its secrets go into a request's body and nowhere else: none of these types can be
//! printed or serialized by others.

use std::collections::BTreeMap;
use std::fmt;

use pocketsoc_transport::{Secret, lenient};
use serde::{Deserialize, Serialize};

use super::automation::{AutomationScope, AutomationSource, Rule, RuleSet};
use super::words::AutomationEvent;
use crate::alerts::AlertSeverity;

/// An automation to be written.
#[derive(Debug, Clone)]
#[must_use]
pub struct NewAutomation {
    location: String,
    said: AutomationPatch,
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
        Self::on(location, AutomationSource::new(AutomationEvent::Alerts, severities.into_iter().map(one)))
    }

    /// On events of a source, in a region: that of its resource group.
    pub fn on(location: impl Into<String>, source: AutomationSource) -> Self {
        Self { location: location.into(), said: AutomationPatch::new().enabled(true).on(source) }
    }

    /// On events of this source as well.
    pub fn and_on(mut self, source: AutomationSource) -> Self {
        self.said = self.said.on(source);
        self
    }

    /// Of a subscription, or a resource group of one, by its path.
    pub fn within(mut self, scope_path: impl Into<String>) -> Self {
        self.said = self.said.within(AutomationScope::new(scope_path));
        self
    }

    /// The same, with a word on what that is.
    pub fn described_within(mut self, description: impl Into<String>, scope_path: impl Into<String>) -> Self {
        self.said = self.said.within(AutomationScope::new(scope_path).with_description(description));
        self
    }

    /// What is done.
    pub fn running(mut self, target: AutomationTarget) -> Self {
        self.said = self.said.running(target);
        self
    }

    /// What it is for.
    pub fn with_description(mut self, text: impl Into<String>) -> Self {
        self.said = self.said.with_description(text);
        self
    }

    /// With a label; one that is not given when an automation is written again is lost.
    pub fn with_tag(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.said = self.said.with_tag(name, text);
        self
    }

    /// Not at work yet.
    pub fn disabled(mut self) -> Self {
        self.said = self.said.enabled(false);
        self
    }

    /// Only in place of this version of it, as it was read.
    pub fn with_etag(mut self, etag: impl Into<String>) -> Self {
        self.said = self.said.with_etag(etag);
        self
    }

    pub(super) fn body(&self) -> impl Serialize + '_ {
        let Body { etag, tags, properties, .. } = self.said.wire();
        Body { location: Some(&self.location), etag, tags, properties }
    }
}

/// What to change on an automation; what is not set stays.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct AutomationPatch {
    etag: Option<String>,
    tags: BTreeMap<String, String>,
    description: Option<String>,
    enabled: Option<bool>,
    scopes: Vec<AutomationScope>,
    sources: Vec<AutomationSource>,
    targets: Vec<AutomationTarget>,
}

impl AutomationPatch {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts it to work, or to rest.
    pub fn enabled(mut self, on: bool) -> Self {
        self.enabled = Some(on);
        self
    }

    /// What it is for.
    pub fn with_description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// One of the sources that it looks at, in place of those that it looked at.
    pub fn on(mut self, source: AutomationSource) -> Self {
        self.sources.push(source);
        self
    }

    /// One of its scopes, in place of those that it had.
    pub fn within(mut self, scope: AutomationScope) -> Self {
        self.scopes.push(scope);
        self
    }

    /// One of the things that it does, in place of what it did.
    pub fn running(mut self, target: AutomationTarget) -> Self {
        self.targets.push(target);
        self
    }

    /// One of its labels, in place of those that it had.
    pub fn with_tag(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.tags.insert(name.into(), text.into());
        self
    }

    /// Only this version of it, as it was read.
    pub fn with_etag(mut self, etag: impl Into<String>) -> Self {
        self.etag = Some(etag.into());
        self
    }

    fn wire(&self) -> Body<'_> {
        Body {
            location: None,
            etag: self.etag.as_deref(),
            tags: &self.tags,
            properties: Properties {
                description: self.description.as_deref(),
                is_enabled: self.enabled,
                scopes: &self.scopes,
                sources: &self.sources,
                actions: self.targets.iter().map(AutomationTarget::wire).collect(),
            },
        }
    }

    pub(super) fn body(&self) -> impl Serialize + '_ {
        self.wire()
    }
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: &'a BTreeMap<String, String>,
    properties: Properties<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_enabled: Option<bool>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    scopes: &'a [AutomationScope],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    sources: &'a [AutomationSource],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    actions: Vec<Action<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "actionType")]
enum Action<'a> {
    #[serde(rename_all = "camelCase")]
    LogicApp { logic_app_resource_id: &'a str, uri: &'a str },
    #[serde(rename_all = "camelCase")]
    EventHub { event_hub_resource_id: &'a str, connection_string: &'a str, is_trusted_service_enabled: bool },
    #[serde(rename_all = "camelCase")]
    Workspace { workspace_resource_id: &'a str },
}

/// What an automation does, its secrets included.
#[derive(Clone)]
pub struct AutomationTarget(Target);

#[derive(Clone)]
enum Target {
    LogicApp(String, Secret),
    EventHub(String, Secret, bool),
    Workspace(String),
}

impl AutomationTarget {
    /// Runs a Logic App, by the address of its trigger: whoever has it can run the app.
    pub fn logic_app(resource_id: impl Into<String>, trigger: Secret) -> Self {
        Self(Target::LogicApp(resource_id.into(), trigger))
    }

    /// Writes to an event hub.
    pub fn event_hub(resource_id: impl Into<String>, connection_string: Secret) -> Self {
        Self(Target::EventHub(resource_id.into(), connection_string, false))
    }

    /// Writes to an event hub, as a service that it trusts.
    pub fn trusting_event_hub(resource_id: impl Into<String>, connection_string: Secret) -> Self {
        Self(Target::EventHub(resource_id.into(), connection_string, true))
    }

    /// Writes to a workspace.
    pub fn workspace(resource_id: impl Into<String>) -> Self {
        Self(Target::Workspace(resource_id.into()))
    }

    fn wire(&self) -> Action<'_> {
        match &self.0 {
            Target::LogicApp(id, uri) => Action::LogicApp { logic_app_resource_id: id, uri: uri.expose() },
            Target::EventHub(id, connection, trusted) => Action::EventHub {
                event_hub_resource_id: id,
                connection_string: connection.expose(),
                is_trusted_service_enabled: *trusted,
            },
            Target::Workspace(id) => Action::Workspace { workspace_resource_id: id },
        }
    }
}

impl fmt::Debug for AutomationTarget {
    /// Without its secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, id) = match &self.0 {
            Target::LogicApp(id, _) => ("LogicApp", id),
            Target::EventHub(id, ..) => ("EventHub", id),
            Target::Workspace(id) => ("Workspace", id),
        };
        f.debug_struct(kind).field("resource_id", id).finish_non_exhaustive()
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
