//! The detection rule as the service has it, in the form of 2026 and in the older one.

use chrono::{DateTime, Utc};
use pocketsoc_model::{Properties, RawJson, id_type, open_enum};
use pocketsoc_transport::odata::{Literal, quote};
use pocketsoc_transport::{KeepRaw, lenient};
use serde::Deserialize;

use crate::words::AlertSeverity;

id_type! {
    /// The id of a detection rule: a name of yours, or digits of the service's in the older form.
    pub struct RuleId("detection rule id");
}

open_enum! {
    /// Whether a rule is at work.
    pub enum RuleStatus {
        /// It is.
        Enabled = "enabled",
        /// It is not.
        Disabled = "disabled",
        /// The service has switched it off.
        AutoDisabled = "autoDisabled",
    }
}

impl Literal for RuleStatus {
    fn literal(&self) -> String {
        quote(self.as_str())
    }
}

/// A custom detection rule. Page: "detectionRule resource type".
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DetectionRule {
    /// The id.
    pub id: RuleId,
    /// The name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub display_name: Option<String>,
    /// What it is for.
    #[serde(default, deserialize_with = "lenient::text")]
    pub description: Option<String>,
    /// Whether it is at work.
    #[serde(default, deserialize_with = "lenient::word")]
    pub status: Option<RuleStatus>,
    /// The same, in the older form.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub is_enabled: Option<bool>,
    /// What it looks for.
    #[serde(default, deserialize_with = "lenient::object")]
    pub query_condition: Option<QueryCondition>,
    /// When it looks.
    #[serde(default, deserialize_with = "lenient::object")]
    pub schedule: Option<RuleSchedule>,
    /// What it does with what it finds.
    #[serde(default, deserialize_with = "lenient::object")]
    pub detection_action: Option<DetectionAction>,
    /// Who created it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub created_by: Option<String>,
    /// When.
    #[serde(default, deserialize_with = "lenient::time")]
    pub created_date_time: Option<DateTime<Utc>>,
    /// Who changed it last.
    #[serde(default, deserialize_with = "lenient::text")]
    pub last_modified_by: Option<String>,
    /// When.
    #[serde(default, deserialize_with = "lenient::time")]
    pub last_modified_date_time: Option<DateTime<Utc>>,
    /// What its alerts name as their detector, in the older form.
    #[serde(default, deserialize_with = "lenient::text")]
    pub detector_id: Option<String>,
    /// How it last ran, in the older form.
    #[serde(default, deserialize_with = "lenient::object")]
    pub last_run_details: Option<LastRun>,
    #[serde(skip)]
    raw: Option<RawJson>,
}

impl DetectionRule {
    /// Whether it is at work, in whichever form that is said.
    pub fn is_at_work(&self) -> Option<bool> {
        self.status.as_ref().map(|status| *status == RuleStatus::Enabled).or(self.is_enabled)
    }

    /// Its JSON as it came, byte for byte.
    pub fn raw(&self) -> Option<&RawJson> {
        self.raw.as_ref()
    }
}

impl KeepRaw for DetectionRule {
    fn keep_raw(&mut self, raw: RawJson) {
        self.raw = Some(raw);
    }
}

/// What a rule looks for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct QueryCondition {
    /// The query, in KQL.
    #[serde(default, deserialize_with = "lenient::text")]
    pub query_text: Option<String>,
    /// When it was last changed.
    #[serde(default, deserialize_with = "lenient::time")]
    pub last_modified_date_time: Option<DateTime<Utc>>,
}

/// When a rule looks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RuleSchedule {
    /// How often, such as `PT1H`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub frequency: Option<String>,
    /// The same in the older form, such as `12H`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub period: Option<String>,
    /// When next.
    #[serde(default, deserialize_with = "lenient::time")]
    pub next_run_date_time: Option<DateTime<Utc>>,
}

/// What a rule does with what it finds. What it does to machines, accounts and mails is as the service has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DetectionAction {
    /// The alert that it raises.
    #[serde(default, deserialize_with = "lenient::object")]
    pub alert_template: Option<AlertTemplate>,
    /// What it does by itself: lists by the name of the action.
    #[serde(default)]
    pub automated_actions: Option<RawJson>,
    /// The same in the older form: one list.
    #[serde(default)]
    pub response_actions: Option<RawJson>,
    /// The device groups that it is about.
    #[serde(default)]
    pub organizational_scope: Option<RawJson>,
}

/// The alert that a rule raises.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AlertTemplate {
    /// Its title.
    #[serde(default, deserialize_with = "lenient::text")]
    pub title: Option<String>,
    /// Its description.
    #[serde(default, deserialize_with = "lenient::text")]
    pub description: Option<String>,
    /// How bad it is.
    #[serde(default, deserialize_with = "lenient::word")]
    pub severity: Option<AlertSeverity>,
    /// What to do.
    #[serde(default, deserialize_with = "lenient::text")]
    pub recommended_actions: Option<String>,
    /// Which columns of the query name what is involved: lists by the kind of entity.
    #[serde(default)]
    pub entity_mappings: Option<RawJson>,
    /// ATT&CK tactics with their techniques.
    #[serde(default, deserialize_with = "lenient::objects")]
    pub tactics: Vec<RuleTactic>,
    /// Details of the customer's own, by the columns of the query.
    #[serde(default, deserialize_with = "lenient::properties")]
    pub custom_details: Properties,
    /// The category, in the older form.
    #[serde(default, deserialize_with = "lenient::text")]
    pub category: Option<String>,
    /// ATT&CK techniques, in the older form.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub mitre_techniques: Vec<String>,
    /// What is involved, in the older form.
    #[serde(default)]
    pub impacted_assets: Option<RawJson>,
}

/// A tactic with its techniques.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct RuleTactic {
    /// The tactic, such as `Execution`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub tactic: Option<String>,
    #[serde(default, deserialize_with = "lenient::objects")]
    techniques: Vec<Technique>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Technique {
    #[serde(default, deserialize_with = "lenient::text")]
    technique: Option<String>,
}

impl RuleTactic {
    /// Its techniques, such as `T1059.001`.
    pub fn techniques(&self) -> impl Iterator<Item = &str> {
        self.techniques.iter().filter_map(|one| one.technique.as_deref())
    }
}

/// How a rule last ran.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LastRun {
    /// When.
    #[serde(default, deserialize_with = "lenient::time")]
    pub last_run_date_time: Option<DateTime<Utc>>,
    /// How it ended.
    #[serde(default, deserialize_with = "lenient::text")]
    pub status: Option<String>,
    /// Why it failed.
    #[serde(default, deserialize_with = "lenient::text")]
    pub failure_reason: Option<String>,
    /// The same, in a code.
    #[serde(default, deserialize_with = "lenient::text")]
    pub error_code: Option<String>,
}
