//! Custom detection rules: queries that raise alerts.

mod rule;
mod write;

pub use rule::{
    AlertTemplate, DetectionAction, DetectionRule, LastRun, QueryCondition, RuleId, RuleSchedule, RuleStatus,
    RuleTactic,
};
pub use write::{DetectionRuleUpdate, NewAlertTemplate, NewDetectionRule};

use pocketsoc_model::{Error, ErrorKind, Result};
use pocketsoc_transport::odata::Filter;
use pocketsoc_transport::{Cloud, Endpoint, PagePlan, Replay, Route, Walk, quota};

const READ: &str = "CustomDetection.Read.All";
const WRITE: &str = "CustomDetection.ReadWrite.All";
const ONE: &str = "/beta/security/rules/detectionRules/{id}";
const LIST: Route =
    Route::get("list detection rules", "/beta/security/rules/detectionRules", READ, &quota::GRAPH_SECURITY);
const GET: Route = Route::get("get the detection rule", ONE, READ, &quota::GRAPH_SECURITY);
const CREATE: Route = Route::post(
    "create the detection rule",
    "/beta/security/rules/detectionRules",
    WRITE,
    &quota::GRAPH_SECURITY,
);
const UPDATE: Route = Route::patch("update the detection rule", ONE, WRITE, &quota::GRAPH_SECURITY);
const DELETE: Route = Route::delete("delete the detection rule", ONE, WRITE, &quota::GRAPH_SECURITY);

/// The fields that rules can be filtered by. Page: "List detectionRules".
pub mod fields {
    use chrono::{DateTime, Utc};
    use pocketsoc_transport::odata::Field;

    use super::RuleStatus;

    /// The id.
    pub const ID: Field<str> = Field::new("id");
    /// The name.
    pub const DISPLAY_NAME: Field<str> = Field::new("displayName");
    /// Who created it.
    pub const CREATED_BY: Field<str> = Field::new("createdBy");
    /// When it was created.
    pub const CREATED_DATE_TIME: Field<DateTime<Utc>> = Field::new("createdDateTime");
    /// When it was last changed.
    pub const LAST_MODIFIED_DATE_TIME: Field<DateTime<Utc>> = Field::new("lastModifiedDateTime");
    /// Whether it is at work.
    pub const STATUS: Field<RuleStatus> = Field::new("status");
}

/// Custom detection rules, which only the beta version of the service has, in the global cloud only. They are written in the
/// form of 2026; rules of the older form are read as well. Limits: 150 calls a minute.
#[derive(Debug, Clone)]
pub struct DetectionRules {
    endpoint: Endpoint,
}

impl DetectionRules {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }

    /// Walks over the rules. Page: "List detectionRules". Needs `CustomDetection.Read.All`.
    pub fn list(&self, filter: Option<Filter>) -> Walk<DetectionRule> {
        match self.offered().and_then(|()| LIST.call(&[])) {
            Ok(call) => {
                let call = match filter {
                    Some(filter) => call.with_query("$filter", filter.to_string()),
                    None => call,
                };
                self.endpoint.walk(call, PagePlan::by_links())
            }
            Err(error) => Walk::failed(error),
        }
    }

    /// One rule. Page: "Get detectionRule". Needs `CustomDetection.Read.All`.
    ///
    /// # Errors
    /// `NotFound` when there is none with this id.
    pub async fn get(&self, id: &RuleId) -> Result<DetectionRule> {
        self.offered()?;
        self.endpoint.element(&GET.call(&[id.as_str()])?).await
    }

    /// Creates a rule under an id of yours. Page: "Create detectionRule". Needs `CustomDetection.ReadWrite.All`.
    ///
    /// # Errors
    /// `InvalidRequest` for what the service would refuse; `Conflict` when there is one with its id; `OutcomeUnknown` when
    /// it may have been created: get it by its id.
    pub async fn create(&self, rule: &NewDetectionRule) -> Result<DetectionRule> {
        self.offered()?;
        self.endpoint.element(&CREATE.call(&[])?.with_replay(Replay::Never).with_json(&rule.body()?)?).await
    }

    /// Changes parts of a rule. Page: "Update detectionRule". Needs `CustomDetection.ReadWrite.All`.
    ///
    /// # Errors
    /// `NotFound` when there is none with this id.
    pub async fn update(&self, id: &RuleId, change: &DetectionRuleUpdate) -> Result<DetectionRule> {
        self.offered()?;
        let call = UPDATE.call(&[id.as_str()])?.with_replay(Replay::Always);
        self.endpoint.element(&call.with_json(&change.body()?)?).await
    }

    /// Deletes a rule. Page: "Delete detectionRule". Needs `CustomDetection.ReadWrite.All`.
    ///
    /// # Errors
    /// `NotFound` when there is none with this id.
    pub async fn delete(&self, id: &RuleId) -> Result<()> {
        self.offered()?;
        self.endpoint.bytes(&DELETE.call(&[id.as_str()])?).await.map(drop)
    }

    /// The sovereign clouds do not have them.
    fn offered(&self) -> Result<()> {
        let cloud = self.endpoint.connection().cloud();
        if matches!(cloud, Cloud::UsGov | Cloud::UsGovDod | Cloud::China) {
            return Err(Error::new(ErrorKind::Unsupported, "detection rules")
                .with_message(format!("detection rules are not offered in the cloud {cloud}")));
        }
        Ok(())
    }
}
