//! Suppression rules: alerts that are dismissed as they come.

use chrono::{DateTime, SecondsFormat, Utc};
use pocketsoc_model::{Error, ErrorKind, RawJson, Result, id_type, open_enum};
use pocketsoc_transport::{Call, Endpoint, KeepRaw, PagePlan, Replay, Route, Walk, lenient, quota};
use serde::{Deserialize, Deserializer, Serialize};

use crate::scope::SubscriptionId;

const VERSION: &str = "2019-01-01-preview";
const READ: &str = "the role Security Reader";
const WRITE: &str = "the role Security Admin";
const RULES: &str = "/subscriptions/{subscription}/providers/Microsoft.Security/alertsSuppressionRules";
const RULE: &str = "/subscriptions/{subscription}/providers/Microsoft.Security/alertsSuppressionRules/{rule}";
const LIST: Route =
    Route::get("list suppression rules", RULES, READ, &quota::ARM_READ).with_query("api-version", VERSION);
const GET: Route =
    Route::get("get the suppression rule", RULE, READ, &quota::ARM_READ).with_query("api-version", VERSION);
const PUT: Route = Route::put("write the suppression rule", RULE, WRITE, &quota::ARM_WRITE)
    .with_query("api-version", VERSION);
const DELETE: Route = Route::delete("delete the suppression rule", RULE, WRITE, &quota::ARM_DELETE)
    .with_query("api-version", VERSION);

id_type! {
    /// The name of a suppression rule: 2 to 50 letters, digits, `-` and `_`, the first a letter or digit.
    pub struct RuleName("suppression rule");
}

open_enum! {
    /// Whether a rule is at work.
    pub enum RuleState {
        /// It is.
        Enabled = "Enabled",
        /// It is not.
        Disabled = "Disabled",
        /// It has ended; set by the service.
        Expired = "Expired",
    }
}

/// The suppression rules of subscriptions. An alert that a rule fits is still created, with the status `Dismissed`.
///
/// A rule works for alert types that the subscription has had already. Deleting one reopens nothing. Limits: reads 25 a
/// second, writes and deletes 10 a second.
#[derive(Debug, Clone)]
pub struct SuppressionRules {
    endpoint: Endpoint,
}

impl SuppressionRules {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }

    /// Walks over the rules, or over those for one alert type. Page: "Alerts Suppression Rules - List". Needs Security
    /// Reader (`Microsoft.Security/alertsSuppressionRules/read`).
    pub fn list(&self, subscription: &SubscriptionId, alert_type: Option<&str>) -> Walk<SuppressionRule> {
        match LIST.call(&[subscription.as_str()]) {
            Ok(call) => {
                let call = match alert_type {
                    // With a capital letter.
                    Some(alert_type) => call.with_query("AlertType", alert_type),
                    None => call,
                };
                self.endpoint.walk(call, PagePlan::by_links())
            }
            Err(error) => Walk::failed(error),
        }
    }

    /// One rule. Page: "Alerts Suppression Rules - Get". Needs Security Reader.
    ///
    /// # Errors
    /// `NotFound` when there is none with this name.
    pub async fn get(&self, subscription: &SubscriptionId, name: &RuleName) -> Result<SuppressionRule> {
        self.endpoint.element(&GET.call(&[subscription.as_str(), name.as_str()])?).await
    }

    /// Creates a rule or takes the place of the one with its name; doing it twice is doing it once. Page: "Alerts
    /// Suppression Rules - Update". Needs Security Admin (`Microsoft.Security/alertsSuppressionRules/write`).
    ///
    /// # Errors
    /// `InvalidRequest` for what the service would refuse.
    pub async fn put(
        &self,
        subscription: &SubscriptionId,
        name: &RuleName,
        rule: &NewSuppressionRule,
    ) -> Result<SuppressionRule> {
        self.endpoint.element(&put(subscription, name, rule)?).await
    }

    /// Deletes a rule; what it has dismissed stays dismissed. Page: "Alerts Suppression Rules - Delete". Needs Security
    /// Admin (`Microsoft.Security/alertsSuppressionRules/delete`).
    ///
    /// # Errors
    /// What the service says.
    pub async fn delete(&self, subscription: &SubscriptionId, name: &RuleName) -> Result<()> {
        self.endpoint.bytes(&DELETE.call(&[subscription.as_str(), name.as_str()])?).await.map(drop)
    }
}

/// The call behind [`SuppressionRules::put`].
fn put(subscription: &SubscriptionId, name: &RuleName, rule: &NewSuppressionRule) -> Result<Call> {
    #[derive(Serialize)]
    struct Body<'a> {
        properties: &'a NewSuppressionRule,
    }
    let refuse = |message: &str| {
        Err(Error::new(ErrorKind::InvalidRequest, "write the suppression rule").with_message(message))
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let text = name.as_str();
    if !(2..=50).contains(&text.len())
        || !text.chars().all(plain)
        || !text.starts_with(|c: char| c.is_ascii_alphanumeric())
    {
        return refuse("a rule's name has 2 to 50 letters, digits, `-` and `_`, the first a letter or digit");
    }
    if rule.alert_type.trim().is_empty() || rule.reason.trim().is_empty() {
        return refuse("alert type and reason are needed; `*` stands for every alert type");
    }
    if rule.scope.as_ref().is_some_and(|scope| scope.all_of.iter().any(|c| c.field.trim().is_empty())) {
        return refuse("a condition needs a field, such as `entities.ip.address`");
    }
    PUT.call(&[subscription.as_str(), text])?
        .with_replay(Replay::Always)
        .with_json(&Body { properties: rule })
}

/// A rule to be written.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use]
pub struct NewSuppressionRule {
    alert_type: String,
    reason: String,
    state: RuleState,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_date_utc: Option<String>,
    #[serde(rename = "suppressionAlertsScope", skip_serializing_if = "Option::is_none")]
    scope: Option<AllOf>,
}

impl NewSuppressionRule {
    /// For alerts of this type (`*` for all), with a reason such as `FalsePositive`, `Noise` or `Other`.
    pub fn new(alert_type: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            alert_type: alert_type.into(),
            reason: reason.into(),
            state: RuleState::Enabled,
            comment: None,
            expiration_date_utc: None,
            scope: None,
        }
    }

    /// The same as one that was read, to be changed and written again.
    ///
    /// # Errors
    /// `Unsupported` for one with a condition that this version does not know: without it, more alerts would fit.
    pub fn like(rule: &SuppressionRule) -> Result<Self> {
        let strange = |condition: &Condition| condition.one_of.is_none() && condition.contains.is_none();
        if rule.conditions().iter().any(strange) {
            return Err(Error::new(ErrorKind::Unsupported, "write the suppression rule")
                .with_message("the rule has a condition that is not known here"));
        }
        let said = &rule.properties;
        Ok(Self {
            alert_type: said.alert_type.clone().unwrap_or_default(),
            reason: said.reason.clone().unwrap_or_default(),
            state: said.state.clone().unwrap_or(RuleState::Enabled),
            comment: said.comment.clone(),
            expiration_date_utc: said
                .expiration_date_utc
                .map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            scope: said.scope.clone(),
        })
    }

    /// Only where a field has one of these values, such as `entities.ip.address`. All conditions must fit.
    pub fn where_in(
        self,
        field: impl Into<String>,
        values: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        self.with(Condition { field: field.into(), one_of: Some(values), contains: None })
    }

    /// Only where a field contains a text, such as `entities.process.commandline`. All conditions must fit.
    pub fn where_contains(self, field: impl Into<String>, text: impl Into<String>) -> Self {
        self.with(Condition { field: field.into(), one_of: None, contains: Some(text.into()) })
    }

    fn with(mut self, condition: Condition) -> Self {
        self.scope.get_or_insert_with(AllOf::default).all_of.push(condition);
        self
    }

    /// Why, in more words.
    pub fn with_comment(mut self, text: impl Into<String>) -> Self {
        self.comment = Some(text.into());
        self
    }

    /// When it ends; half a year from now unless said.
    pub fn with_expiration(mut self, at: DateTime<Utc>) -> Self {
        self.expiration_date_utc = Some(at.to_rfc3339_opts(SecondsFormat::AutoSi, true));
        self
    }

    /// Written, and not at work.
    pub fn disabled(mut self) -> Self {
        self.state = RuleState::Disabled;
        self
    }
}

/// Conditions that must all fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AllOf {
    #[serde(default, deserialize_with = "lenient::objects")]
    all_of: Vec<Condition>,
}

/// A condition of a rule. One with an operator that this version does not know has neither; the rule's
/// [`raw`](SuppressionRule::raw) has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Condition {
    /// The field, such as `entities.ip.address`.
    #[serde(default, deserialize_with = "field")]
    pub field: String,
    /// It has one of these values.
    #[serde(default, rename = "in", deserialize_with = "values", skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<String>>,
    /// It contains this text.
    #[serde(default, deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
}

fn field<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<String, D::Error> {
    lenient::text(deserializer).map(Option::unwrap_or_default)
}

fn values<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<Vec<String>>, D::Error> {
    lenient::texts(deserializer).map(|all| (!all.is_empty()).then_some(all))
}

fn said<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<RuleProperties, D::Error> {
    lenient::object(deserializer).map(Option::unwrap_or_default)
}

/// A suppression rule. Page: "Alerts Suppression Rules - Get".
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct SuppressionRule {
    /// Its name.
    pub name: RuleName,
    /// Its full id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub id: Option<String>,
    /// Its type.
    #[serde(default, rename = "type", deserialize_with = "lenient::text")]
    pub kind: Option<String>,
    /// What it says.
    #[serde(default, deserialize_with = "said")]
    pub properties: RuleProperties,
    #[serde(skip)]
    raw: Option<RawJson>,
}

/// What a suppression rule says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RuleProperties {
    /// The alert type, `*` for all.
    #[serde(default, deserialize_with = "lenient::text")]
    pub alert_type: Option<String>,
    /// Why.
    #[serde(default, deserialize_with = "lenient::text")]
    pub reason: Option<String>,
    /// Why, in more words.
    #[serde(default, deserialize_with = "lenient::text")]
    pub comment: Option<String>,
    /// Whether it is at work.
    #[serde(default, deserialize_with = "lenient::word")]
    pub state: Option<RuleState>,
    /// When it ends. The service writes the name in two ways.
    #[serde(default, alias = "expirationDateUTC", deserialize_with = "lenient::time")]
    pub expiration_date_utc: Option<DateTime<Utc>>,
    /// When it was last changed.
    #[serde(default, alias = "lastModifiedUTC", deserialize_with = "lenient::time")]
    pub last_modified_utc: Option<DateTime<Utc>>,
    #[serde(default, rename = "suppressionAlertsScope", deserialize_with = "lenient::object")]
    scope: Option<AllOf>,
}

impl SuppressionRule {
    /// Its conditions, which must all fit; without any, every alert of the type fits.
    pub fn conditions(&self) -> &[Condition] {
        self.properties.scope.as_ref().map_or(&[], |scope| &scope.all_of)
    }

    /// Its JSON as it came, byte for byte.
    pub fn raw(&self) -> Option<&RawJson> {
        self.raw.as_ref()
    }
}

impl KeepRaw for SuppressionRule {
    fn keep_raw(&mut self, raw: RawJson) {
        self.raw = Some(raw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_written_as_the_page_has_it() {
        let (subscription, name) = (SubscriptionId::new("s-1").unwrap(), RuleName::new("noisy-vm").unwrap());
        let rule = NewSuppressionRule::new("IpAnomaly", "FalsePositive")
            .where_in("entities.ip.address", ["192.0.2.1"])
            .where_contains("entities.process.commandline", "POWERSHELL.EXE")
            .with_comment("a test machine")
            .with_expiration("2027-01-01T00:00:00Z".parse().unwrap());
        let call = put(&subscription, &name, &rule).unwrap();
        assert_eq!(
            (call.method().as_str(), call.target().as_str()),
            (
                "PUT",
                "/subscriptions/s-1/providers/Microsoft.Security/alertsSuppressionRules/noisy-vm?api-version=2019-01-01-preview"
            )
        );
        assert_eq!(
            std::str::from_utf8(call.body().unwrap()).unwrap(),
            r#"{"properties":{"alertType":"IpAnomaly","reason":"FalsePositive","state":"Enabled","comment":"a test machine","expirationDateUtc":"2027-01-01T00:00:00Z","suppressionAlertsScope":{"allOf":[{"field":"entities.ip.address","in":["192.0.2.1"]},{"field":"entities.process.commandline","contains":"POWERSHELL.EXE"}]}}}"#
        );
        assert_eq!(call.replay(), Replay::Always);
        for bad in ["x", "-ab", "a b", "a/b", &"a".repeat(51)] {
            assert!(put(&subscription, &RuleName::new(bad).unwrap(), &rule).is_err(), "{bad}");
        }
        assert!(put(&subscription, &name, &NewSuppressionRule::new(" ", "Noise")).is_err());
    }
}
