//! Indicators of compromise: list, write, import, delete.

mod indicator;
mod submission;

pub use indicator::{Indicator, IndicatorAction, IndicatorId, IndicatorKind};
pub use submission::{ImportOutcome, NewIndicator};

use pocketsoc_model::{Error, ErrorKind, Lane, Result};
use pocketsoc_transport::odata::Filter;
use pocketsoc_transport::{Call, Endpoint, Replay, Route, Walk, lenient, quota};
use serde::{Deserialize, Serialize};

use crate::route::{self, LARGEST_PAGE};

const WRITE: &str =
    "Ti.ReadWrite (application: own indicators; delegated) or Ti.ReadWrite.All (application: all indicators)";
const DELETE_GRANT: &str = "Ti.ReadWrite (own indicators) or Ti.ReadWrite.All, both application only";
const LIST: Route = route::get("list indicators", "/api/indicators", WRITE);
const SUBMIT: Route = route::post("write an indicator", "/api/indicators", WRITE);
const IMPORT: Route =
    route::post("import indicators", "/api/indicators/import", WRITE).counted(&quota::MDE_INDICATOR_IMPORT);
const DELETE: Route = route::delete("delete the indicator", "/api/indicators/{id}", DELETE_GRANT);
const DELETE_MANY: Route = route::post("delete indicators", "/api/indicators/BatchDelete", DELETE_GRANT)
    .counted(&quota::MDE_INDICATOR_DELETE);

/// So many are written or deleted in one call.
const MOST: usize = 500;

/// The fields that indicators can be filtered by. Page: "List Indicators API".
pub mod fields {
    use chrono::{DateTime, Utc};
    use pocketsoc_transport::odata::{Field, ListField};

    use super::{IndicatorAction, IndicatorKind};
    use crate::alerts::AlertSeverity;

    /// The application.
    pub const APPLICATION: Field<str> = Field::new("application");
    /// Who created it, by the display name.
    pub const CREATED_BY_DISPLAY_NAME: Field<str> = Field::new("createdByDisplayName");
    /// When it ends.
    pub const EXPIRATION_TIME: Field<DateTime<Utc>> = Field::new("expirationTime");
    /// Whether it raises alerts.
    pub const GENERATE_ALERT: Field<bool> = Field::new("generateAlert");
    /// Its device groups. How the service wants lists filtered is not documented: this is OData's own way.
    pub const RBAC_GROUP_NAMES: ListField = ListField::new("rbacGroupNames");
    /// Their numbers.
    pub const RBAC_GROUP_IDS: ListField = ListField::new("rbacGroupIds");
    /// The title.
    pub const TITLE: Field<str> = Field::new("title");
    /// The value.
    pub const INDICATOR_VALUE: Field<str> = Field::new("indicatorValue");
    /// What it is.
    pub const INDICATOR_TYPE: Field<IndicatorKind> = Field::new("indicatorType");
    /// When it was created.
    pub const CREATION_TIME: Field<DateTime<Utc>> = Field::new("creationTimeDateTimeUtc");
    /// Who created it.
    pub const CREATED_BY: Field<str> = Field::new("createdBy");
    /// What is done.
    pub const ACTION: Field<IndicatorAction> = Field::new("action");
    /// How bad.
    pub const SEVERITY: Field<AlertSeverity> = Field::new("severity");
}

/// The indicators of a tenant: with `Ti.ReadWrite` the application's own, with `Ti.ReadWrite.All` all of them.
///
/// Limits: 100 calls a minute and 1,500 an hour, together with the other calls; imports and batch deletes 30 a minute;
/// 15,000 indicators in a tenant.
#[derive(Debug, Clone)]
pub struct Indicators {
    endpoint: Endpoint,
}

/// What an import answers.
#[derive(Deserialize)]
struct Imported {
    #[serde(default, deserialize_with = "lenient::objects")]
    value: Vec<ImportOutcome>,
}

impl Indicators {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }

    /// Walks over indicators, in no particular order. Page: "List Indicators API". Needs `Ti.ReadWrite`, for
    /// those of others `Ti.ReadWrite.All` (application).
    pub fn list(&self, filter: Option<Filter>) -> Walk<Indicator> {
        LIST.pages(Lane::Feed, &self.endpoint, LARGEST_PAGE, filter.map(|filter| filter.to_string()))
    }

    /// Writes an indicator, in place of the one with the same value and type if there is one; doing it twice is doing it
    /// once. Page: "Submit or Update Indicator API". Needs `Ti.ReadWrite` or `Ti.ReadWrite.All` (application).
    ///
    /// # Errors
    /// `InvalidRequest` for what the service would refuse.
    pub async fn submit(&self, indicator: &NewIndicator) -> Result<Indicator> {
        self.endpoint.element(&submit(indicator)?).await
    }

    /// Writes up to 500 indicators. The call succeeds although some fail: look at each outcome. Page: "Import Indicators
    /// API". Needs `Ti.ReadWrite` or `Ti.ReadWrite.All` (application). Limits: 30 calls a minute.
    ///
    /// # Errors
    /// `InvalidRequest` for what the service would refuse, naming the indicator by its place, or more than 500;
    /// `OutcomeUnknown` when the service does not say what became of each.
    pub async fn import(&self, indicators: &[NewIndicator]) -> Result<Vec<ImportOutcome>> {
        let imported: Imported = self.endpoint.json(&import(indicators)?).await?;
        if imported.value.len() == indicators.len() {
            return Ok(imported.value);
        }
        let (told, asked) = (imported.value.len(), indicators.len());
        Err(Error::new(ErrorKind::OutcomeUnknown, "import indicators")
            .with_message(format!("the service told what became of {told} of {asked} indicators"))
            .with_hint("list the indicators; importing them again is safe"))
    }

    /// Deletes an indicator. Page: "Delete Indicator API". Needs `Ti.ReadWrite` for own ones or `Ti.ReadWrite.All`
    /// (application only).
    ///
    /// # Errors
    /// `NotFound` when there is none with this id.
    pub async fn delete(&self, id: &IndicatorId) -> Result<()> {
        self.endpoint.bytes(&DELETE.call(&[id.as_str()])?).await.map(drop)
    }

    /// Deletes up to 500 indicators: all or, where an id is unknown, none. Page: "Batch Delete Indicators API". Needs
    /// `Ti.ReadWrite` for own ones or `Ti.ReadWrite.All` (application only). Limits: 30 calls a minute.
    ///
    /// # Errors
    /// `NotFound` when any id is unknown; `InvalidRequest` for none or more than 500.
    pub async fn delete_many(&self, ids: &[IndicatorId]) -> Result<()> {
        self.endpoint.bytes(&delete_many(ids)?).await.map(drop)
    }
}

/// The call behind [`Indicators::submit`]. An absolute state may be written twice.
fn submit(indicator: &NewIndicator) -> Result<Call> {
    indicator.check()?;
    SUBMIT.call(&[])?.with_replay(Replay::Always).with_json(indicator)
}

/// The call behind [`Indicators::import`].
fn import(indicators: &[NewIndicator]) -> Result<Call> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Body<'a> {
        indicators: &'a [NewIndicator],
    }
    counted("import indicators", indicators.len())?;
    for (place, indicator) in indicators.iter().enumerate() {
        indicator.check().map_err(|error| {
            let text = format!("indicator {place}: {}", error.message());
            error.with_operation("import indicators").with_message(text)
        })?;
    }
    IMPORT.call(&[])?.with_replay(Replay::Always).with_json(&Body { indicators })
}

/// The call behind [`Indicators::delete_many`]. What is gone is not known any more: it is not sent twice.
fn delete_many(ids: &[IndicatorId]) -> Result<Call> {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Body<'a> {
        indicator_ids: Vec<&'a str>,
    }
    counted("delete indicators", ids.len())?;
    DELETE_MANY.call(&[])?.with_json(&Body { indicator_ids: ids.iter().map(IndicatorId::as_str).collect() })
}

fn counted(operation: &'static str, count: usize) -> Result<()> {
    if (1..=MOST).contains(&count) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidRequest, operation)
        .with_message(format!("{count} are given; the service takes 1 to {MOST} in one call")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::AlertSeverity;

    const SHA1: &str = "6ed11b70af4ccae3c2a3c6bd5ad4b0a3f3c8a1c7";

    fn file(value: &str) -> NewIndicator {
        NewIndicator::new(&IndicatorKind::FileSha1, value, &IndicatorAction::Block, "bad", "very bad")
    }

    #[test]
    fn members_stand_in_the_case_that_each_address_wants() {
        let body = |call: &Call| String::from_utf8(call.body().unwrap().to_vec()).unwrap();
        let one = file(SHA1).with_severity(&AlertSeverity::High).with_machine_groups(["Servers"]);
        assert_eq!(
            body(&submit(&one).unwrap()),
            format!(
                r#"{{"indicatorValue":"{SHA1}","indicatorType":"FileSha1","action":"Block","title":"bad","description":"very bad","severity":"High","rbacGroupNames":["Servers"]}}"#
            )
        );
        assert!(body(&import(&[file(SHA1)]).unwrap()).starts_with(r#"{"Indicators":[{"indicatorValue":"#));
        let ids = [IndicatorId::new("995").unwrap(), IndicatorId::new("996").unwrap()];
        assert_eq!(body(&delete_many(&ids).unwrap()), r#"{"IndicatorIds":["995","996"]}"#);
        assert_eq!(delete_many(&ids).unwrap().replay(), Replay::Never);
        assert_eq!(submit(&one).unwrap().replay(), Replay::Always);
    }

    #[test]
    fn what_the_service_would_refuse_is_not_sent() {
        for bad in ["", "abc", &SHA1[1..], "zz11b70af4ccae3c2a3c6bd5ad4b0a3f3c8a1c7z"] {
            assert!(submit(&file(bad)).is_err(), "{bad}");
        }
        let ip = |value: &str| {
            NewIndicator::new(&IndicatorKind::IpAddress, value, &IndicatorAction::Audit, "t", "d")
        };
        assert!(submit(&ip("192.0.2.1")).is_ok() && submit(&ip("192.0.2.0/24")).is_err(), "no ranges");
        assert!(submit(&ip("192.0.2.1").with_alerts(false)).is_err(), "what is audited raises alerts");
        assert!(import(&[]).is_err() && import(&vec![file(SHA1); 501]).is_err() && delete_many(&[]).is_err());
    }
}
