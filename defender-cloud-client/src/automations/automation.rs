//! The automation as the service has it.

use pocketsoc_model::{Properties, RawJson};
use pocketsoc_transport::{KeepRaw, lenient};
use serde::{Deserialize, Serialize};

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
    #[serde(default)]
    pub properties: AutomationProperties,
    #[serde(skip)]
    raw: Option<RawJson>,
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
    /// The kind, such as `Alerts` or `Assessments`.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub event_source: Option<String>,
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
    /// `String`, `Integer`, `Number` or `Boolean`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub property_type: Option<String>,
    /// What it is compared with: always a text; letter case does not matter.
    #[serde(default, deserialize_with = "lenient::text")]
    pub expected_value: Option<String>,
    /// How it is compared, such as `Equals` or `Contains`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub operator: Option<String>,
}

impl Rule {
    /// A text equals this one.
    pub fn equals(property: impl Into<String>, value: impl Into<String>) -> Self {
        Self::text(property, "Equals", value)
    }

    /// A text contains this one.
    pub fn contains(property: impl Into<String>, value: impl Into<String>) -> Self {
        Self::text(property, "Contains", value)
    }

    fn text(property: impl Into<String>, operator: &str, value: impl Into<String>) -> Self {
        Self {
            property: Some(property.into()),
            property_type: Some("String".into()),
            expected_value: Some(value.into()),
            operator: Some(operator.into()),
        }
    }
}

/// What an automation does. Secrets never come back: neither the address of a Logic App nor a connection string.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AutomationAction {
    /// `LogicApp`, `EventHub` or `Workspace`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub action_type: Option<String>,
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
