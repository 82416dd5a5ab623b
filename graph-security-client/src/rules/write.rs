//! What is written of a detection rule, in the form of 2026.

use std::collections::BTreeMap;
use std::time::Duration;

use pocketsoc_model::{Error, ErrorKind, Result};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::rule::{RuleId, RuleStatus};
use crate::words::AlertSeverity;

const KIND: &str = "#microsoft.graph.security.detectionRule";

/// A rule to be created.
///
/// ```
/// use std::time::Duration;
/// use graph_security_client::{AlertSeverity, NewAlertTemplate, NewDetectionRule, RuleId};
/// let alert = NewAlertTemplate::new("Encoded PowerShell", AlertSeverity::High)
///     .with_entity("hosts", [("deviceIdColumn", "DeviceId"), ("nameColumn", "DeviceName")])
///     .with_tactic("Execution", ["T1059.001"]);
/// let rule = NewDetectionRule::new(RuleId::new("encoded-powershell")?, "Encoded PowerShell", alert)
///     .looking_for("DeviceProcessEvents | where ProcessCommandLine has '-enc'", Duration::from_secs(3600))
///     .doing("isolateDevices", [("deviceIdColumn", "DeviceId"), ("isolationType", "full")]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct NewDetectionRule {
    id: RuleId,
    said: DetectionRuleUpdate,
}

impl NewDetectionRule {
    /// A rule under an id of yours, at work at once, and the alert that it raises.
    pub fn new(id: RuleId, display_name: impl Into<String>, alert: NewAlertTemplate) -> Self {
        let said = DetectionRuleUpdate::new().with_display_name(display_name);
        Self { id, said: said.with_status(RuleStatus::Enabled).raising(alert) }
    }

    /// What it looks for, in KQL, and how often.
    pub fn looking_for(mut self, kql: impl Into<String>, every: Duration) -> Self {
        self.said = self.said.looking_for(kql).every(every);
        self
    }

    /// What it is for.
    pub fn with_description(mut self, text: impl Into<String>) -> Self {
        self.said = self.said.with_description(text);
        self
    }

    /// Something that it does by itself with what it finds, such as `isolateDevices`, by the columns of the query. May be
    /// said several times.
    pub fn doing<N: Into<String>, C: Into<String>>(
        mut self,
        action: impl Into<String>,
        columns: impl IntoIterator<Item = (N, C)>,
    ) -> Self {
        self.said = self.said.doing(action, columns);
        self
    }

    /// Not at work yet.
    pub fn disabled(mut self) -> Self {
        self.said = self.said.with_status(RuleStatus::Disabled);
        self
    }

    /// What is sent; what the service would refuse is refused here.
    pub(super) fn body(&self) -> Result<Value> {
        let mut body = self.said.body().map_err(|error| error.with_operation("create the detection rule"))?;
        let missing = ["displayName", "queryCondition", "schedule", "detectionAction"]
            .into_iter()
            .find(|name| body.get(*name).is_none_or(Value::is_null));
        if let Some(name) = missing {
            return Err(Error::new(ErrorKind::InvalidRequest, "create the detection rule")
                .with_message(format!("the rule has no {name}"))
                .with_hint("say what it looks for and how often with `looking_for`"));
        }
        body["@odata.type"] = KIND.into();
        body["id"] = self.id.as_str().into();
        Ok(body)
    }
}

/// What to change on a rule; what is not set stays. The alert that it raises and what it does by itself are one object of
/// the service's, and whether it keeps the half that is left out is not documented: where one of them changes, give both.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct DetectionRuleUpdate {
    display_name: Option<String>,
    description: Option<String>,
    status: Option<RuleStatus>,
    query: Option<String>,
    every: Option<Duration>,
    alert: Option<NewAlertTemplate>,
    actions: BTreeMap<String, Vec<BTreeMap<String, String>>>,
}

impl DetectionRuleUpdate {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also another name.
    pub fn with_display_name(mut self, name: impl Into<String>) -> Self {
        self.display_name = Some(name.into());
        self
    }

    /// Also another description.
    pub fn with_description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Also puts it to work, or to rest.
    pub fn with_status(mut self, status: RuleStatus) -> Self {
        self.status = Some(status);
        self
    }

    /// Also another query, in KQL.
    pub fn looking_for(mut self, kql: impl Into<String>) -> Self {
        self.query = Some(kql.into());
        self
    }

    /// Also how often it looks.
    pub fn every(mut self, time: Duration) -> Self {
        self.every = Some(time);
        self
    }

    /// Also another alert.
    pub fn raising(mut self, alert: NewAlertTemplate) -> Self {
        self.alert = Some(alert);
        self
    }

    /// Also something that it does by itself; see [`NewDetectionRule::doing`].
    pub fn doing<N: Into<String>, C: Into<String>>(
        mut self,
        action: impl Into<String>,
        columns: impl IntoIterator<Item = (N, C)>,
    ) -> Self {
        self.actions.entry(action.into()).or_default().push(mapped(columns));
        self
    }

    pub(super) fn body(&self) -> Result<Value> {
        let refuse = |message: &str| {
            Err(Error::new(ErrorKind::InvalidRequest, "update the detection rule").with_message(message))
        };
        let mut body = Map::new();
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                body.insert(name.to_owned(), value);
            }
        };
        let text = |text: &Option<String>| text.as_deref().map(Value::from);
        if [&self.display_name, &self.query].into_iter().flatten().any(|text| text.trim().is_empty()) {
            return refuse("name and query must not be empty");
        }
        set("displayName", text(&self.display_name));
        set("description", text(&self.description));
        set("status", self.status.as_ref().map(|status| status.as_str().into()));
        set("queryCondition", self.query.as_ref().map(|query| json!({"queryText": query})));
        let Some(frequency) = self.every.map(iso).transpose()? else {
            set("detectionAction", self.action()?);
            return if body.is_empty() { refuse("nothing is to be changed") } else { Ok(body.into()) };
        };
        set("schedule", Some(json!({"frequency": frequency})));
        set("detectionAction", self.action()?);
        Ok(body.into())
    }

    fn action(&self) -> Result<Option<Value>> {
        if self.alert.is_none() && self.actions.is_empty() {
            return Ok(None);
        }
        let mut action = Map::new();
        if let Some(alert) = &self.alert {
            if alert.title.trim().is_empty() {
                return Err(Error::new(ErrorKind::InvalidRequest, "update the detection rule")
                    .with_message("the alert has no title"));
            }
            action.insert("alertTemplate".to_owned(), json!(alert));
        }
        if !self.actions.is_empty() {
            action.insert("automatedActions".to_owned(), json!(self.actions));
        }
        Ok(Some(action.into()))
    }
}

/// The alert that a rule raises.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use]
pub struct NewAlertTemplate {
    title: String,
    severity: AlertSeverity,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recommended_actions: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    entity_mappings: BTreeMap<String, Vec<BTreeMap<String, String>>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tactics: Vec<Value>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    custom_details: BTreeMap<String, String>,
}

impl NewAlertTemplate {
    /// Its title and how bad it is.
    pub fn new(title: impl Into<String>, severity: AlertSeverity) -> Self {
        Self {
            title: title.into(),
            severity,
            description: None,
            recommended_actions: None,
            entity_mappings: BTreeMap::new(),
            tactics: Vec::new(),
            custom_details: BTreeMap::new(),
        }
    }

    /// What it says.
    pub fn with_description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// What to do.
    pub fn with_recommended_actions(mut self, text: impl Into<String>) -> Self {
        self.recommended_actions = Some(text.into());
        self
    }

    /// What is involved: a kind such as `accounts`, `hosts` or `files`, and the columns of the query that name it. May be
    /// said several times.
    pub fn with_entity<N: Into<String>, C: Into<String>>(
        mut self,
        kind: impl Into<String>,
        columns: impl IntoIterator<Item = (N, C)>,
    ) -> Self {
        self.entity_mappings.entry(kind.into()).or_default().push(mapped(columns));
        self
    }

    /// An ATT&CK tactic with its techniques.
    pub fn with_tactic(
        mut self,
        tactic: impl Into<String>,
        techniques: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let techniques: Vec<Value> =
            techniques.into_iter().map(|technique| json!({"technique": technique.into()})).collect();
        self.tactics.push(json!({"tactic": tactic.into(), "techniques": techniques}));
        self
    }

    /// A detail of your own, by a column of the query.
    pub fn with_custom_detail(mut self, name: impl Into<String>, column: impl Into<String>) -> Self {
        self.custom_details.insert(name.into(), column.into());
        self
    }
}

fn mapped<N: Into<String>, C: Into<String>>(
    columns: impl IntoIterator<Item = (N, C)>,
) -> BTreeMap<String, String> {
    columns.into_iter().map(|(name, column)| (name.into(), column.into())).collect()
}

/// A time as the service writes it, such as `PT1H`; `PT0S` is as soon as data comes.
fn iso(time: Duration) -> Result<String> {
    let seconds = time.as_secs();
    Ok(match seconds {
        0 => "PT0S".to_owned(),
        _ if seconds.is_multiple_of(86_400) => format!("P{}D", seconds / 86_400),
        _ if seconds.is_multiple_of(3600) => format!("PT{}H", seconds / 3600),
        _ if seconds.is_multiple_of(60) => format!("PT{}M", seconds / 60),
        _ => {
            return Err(Error::new(ErrorKind::InvalidRequest, "update the detection rule")
                .with_message("a rule looks every so many whole minutes"));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_could_not_work_is_not_sent() {
        let alert = || NewAlertTemplate::new("t", AlertSeverity::High);
        let rule = |alert| NewDetectionRule::new(RuleId::new("r").unwrap(), "name", alert);
        let error = rule(alert()).body().unwrap_err();
        assert!(error.message().contains("queryCondition"), "{error}");
        assert!(rule(alert()).looking_for("T", Duration::from_secs(90)).body().is_err(), "half a minute");
        assert!(rule(alert()).looking_for(" ", Duration::from_secs(60)).body().is_err());
        assert!(
            rule(NewAlertTemplate::new("", AlertSeverity::Low))
                .looking_for("T", Duration::ZERO)
                .body()
                .is_err()
        );
        assert!(DetectionRuleUpdate::new().body().is_err());
        for (seconds, text) in [(0, "PT0S"), (60, "PT1M"), (3600, "PT1H"), (10_800, "PT3H"), (86_400, "P1D")]
        {
            assert_eq!(iso(Duration::from_secs(seconds)).unwrap(), text);
        }
        let rest = DetectionRuleUpdate::new().with_status(RuleStatus::Disabled).body().unwrap();
        assert_eq!(rest, json!({"status": "disabled"}));
    }
}
