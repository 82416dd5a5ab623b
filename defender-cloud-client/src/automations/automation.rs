//! The automation as the service has it.

use pocketsoc_model::{Properties, RawJson};
use pocketsoc_transport::{KeepRaw, lenient};
use serde::{Deserialize, Deserializer, Serialize};

use super::words::{ActionKind, AutomationEvent, RuleOperator, RuleType};

/// A workflow automation or continuous export. Page: "Automations - Get".
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Automation {
    /// Its full id.
    pub id: String,
    /// Its name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub name: Option<String>,
    /// The region in which it stands.
    #[serde(default, deserialize_with = "lenient::text")]
    pub location: Option<String>,
    /// Its type.
    #[serde(default, rename = "type", deserialize_with = "lenient::text")]
    pub kind: Option<String>,
    /// Which version of it this is, quotes included; to be sent when it is changed.
    #[serde(default, deserialize_with = "lenient::text")]
    pub etag: Option<String>,
    /// Its labels: each name with its text.
    #[serde(default, deserialize_with = "lenient::properties")]
    pub tags: Properties,
    /// What it says.
    #[serde(default, deserialize_with = "said")]
    pub properties: AutomationProperties,
    #[serde(skip)]
    raw: Option<RawJson>,
}

fn said<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<AutomationProperties, D::Error> {
    lenient::object(deserializer).map(Option::unwrap_or_default)
}

/// What an automation says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AutomationProperties {
    /// What it is for.
    #[serde(default, deserialize_with = "lenient::text")]
    pub description: Option<String>,
    /// Whether it is at work.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub is_enabled: Option<bool>,
    /// Subscriptions, or resource groups of them.
    #[serde(default, deserialize_with = "lenient::objects")]
    pub scopes: Vec<AutomationScope>,
    /// What it looks at.
    #[serde(default, deserialize_with = "lenient::objects")]
    pub sources: Vec<AutomationSource>,
    /// What it does.
    #[serde(default, deserialize_with = "lenient::objects")]
    pub actions: Vec<AutomationAction>,
}

/// A subscription, or a resource group of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AutomationScope {
    /// What it is.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its path.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub scope_path: Option<String>,
}

/// What an automation looks at: events of a kind, of which one set of rules must fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AutomationSource {
    /// The kind of events.
    #[serde(default, deserialize_with = "lenient::word", skip_serializing_if = "Option::is_none")]
    pub event_source: Option<AutomationEvent>,
    /// One of them must fit; without any, everything fits.
    #[serde(default, deserialize_with = "lenient::objects", skip_serializing_if = "Vec::is_empty")]
    pub rule_sets: Vec<RuleSet>,
}

/// Rules that must all fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RuleSet {
    /// The rules.
    #[serde(default, deserialize_with = "lenient::objects")]
    pub rules: Vec<Rule>,
}

impl RuleSet {
    /// These rules.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        Self { rules: rules.into_iter().collect() }
    }
}

/// A rule over the event as it is pushed, whose names begin with capitals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Rule {
    /// The property, such as `Severity`.
    #[serde(default, rename = "propertyJPath", deserialize_with = "lenient::text")]
    pub property: Option<String>,
    /// What it is.
    #[serde(default, deserialize_with = "lenient::word")]
    pub property_type: Option<RuleType>,
    /// What it is compared with: always a text; letter case does not matter.
    #[serde(default, deserialize_with = "lenient::text")]
    pub expected_value: Option<String>,
    /// How it is compared.
    #[serde(default, deserialize_with = "lenient::word")]
    pub operator: Option<RuleOperator>,
}

impl Rule {
    /// A rule: a property, what it is, how it is compared, and with what.
    pub fn new(
        property: impl Into<String>,
        property_type: RuleType,
        operator: RuleOperator,
        value: impl Into<String>,
    ) -> Self {
        Self {
            property: Some(property.into()),
            property_type: Some(property_type),
            expected_value: Some(value.into()),
            operator: Some(operator),
        }
    }

    /// A text equals this one.
    pub fn equals(property: impl Into<String>, value: impl Into<String>) -> Self {
        Self::new(property, RuleType::String, RuleOperator::Equals, value)
    }

    /// A text contains this one.
    pub fn contains(property: impl Into<String>, value: impl Into<String>) -> Self {
        Self::new(property, RuleType::String, RuleOperator::Contains, value)
    }
}

impl AutomationSource {
    /// Events of a kind of which one of these sets of rules fits; all of them, when none is given.
    pub fn new(event_source: AutomationEvent, rule_sets: impl IntoIterator<Item = RuleSet>) -> Self {
        Self { event_source: Some(event_source), rule_sets: rule_sets.into_iter().collect() }
    }
}

impl AutomationScope {
    /// A subscription, or a resource group of one, by its path.
    pub fn new(path: impl Into<String>) -> Self {
        Self { description: None, scope_path: Some(path.into()) }
    }

    /// With a word on what it is.
    #[must_use]
    pub fn with_description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }
}

/// What an automation does. Secrets never come back: neither the address of a Logic App nor a connection string.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AutomationAction {
    /// Which of them.
    #[serde(default, deserialize_with = "lenient::word")]
    pub action_type: Option<ActionKind>,
    /// The Logic App that is run.
    #[serde(default, deserialize_with = "lenient::text")]
    pub logic_app_resource_id: Option<String>,
    /// The event hub that is written to.
    #[serde(default, deserialize_with = "lenient::text")]
    pub event_hub_resource_id: Option<String>,
    /// The event hub's policy.
    #[serde(default, deserialize_with = "lenient::text")]
    pub sas_policy_name: Option<String>,
    /// Whether the event hub trusts the service as such.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub is_trusted_service_enabled: Option<bool>,
    /// The workspace that is written to.
    #[serde(default, deserialize_with = "lenient::text")]
    pub workspace_resource_id: Option<String>,
}

impl Automation {
    /// Its JSON as it came, byte for byte: the metadata included.
    pub fn raw(&self) -> Option<&RawJson> {
        self.raw.as_ref()
    }
}

impl KeepRaw for Automation {
    fn keep_raw(&mut self, raw: RawJson) {
        self.raw = Some(raw);
    }
}
