//! Many alerts changed in one call, and alerts raised by a reference to an event.

use pocketsoc_model::{Error, ErrorKind, HuntRow, Result};
use pocketsoc_transport::{Call, quota};
use serde::Serialize;

use super::{
    Alert, AlertClassification, AlertDetermination, AlertId, AlertSeverity, AlertStatus, AlertUpdate, Alerts,
    WRITE,
};
use crate::machines::MachineId;
use crate::route::Route;

const UPDATE_MANY: Route =
    Route::post("update alerts", "/api/alerts/batchUpdate", WRITE).counted(&quota::MDE_ALERT_BATCH);
const CREATE: Route = Route::post("create an alert", "/api/alerts/CreateAlertByReference", WRITE)
    .counted(&quota::MDE_ALERT_CREATE);

/// The page states no limit; so many have been seen to work for its siblings.
const MOST: usize = 500;

/// How one alert stands after a change of many.
#[derive(Debug)]
#[non_exhaustive]
pub struct Updated {
    /// The alert.
    pub id: AlertId,
    /// It, read back; or why it could not be. `NotApplied` where the change does not show.
    pub outcome: Result<Alert>,
}

/// An alert to be raised about an event that hunting has found. Page: "Create alert API".
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use]
pub struct NewAlert {
    machine_id: String,
    event_time: String,
    report_id: String,
    severity: String,
    title: String,
    description: String,
    recommended_action: String,
    category: String,
}

impl NewAlert {
    /// About an event: the machine, and the event's `Timestamp` and `ReportId` digit for digit as hunting gave them.
    pub fn about(machine: &MachineId, event_time: impl Into<String>, report_id: impl Into<String>) -> Self {
        Self {
            machine_id: machine.as_str().to_owned(),
            event_time: event_time.into(),
            report_id: report_id.into(),
            severity: AlertSeverity::Medium.as_str().to_owned(),
            title: String::new(),
            description: String::new(),
            recommended_action: String::new(),
            category: "SuspiciousActivity".to_owned(),
        }
    }

    /// About an event that hunting has found: a row with `DeviceId`, `Timestamp` and `ReportId`.
    ///
    /// # Errors
    /// `InvalidRequest` for a row without one of them.
    pub fn about_row(row: &HuntRow) -> Result<Self> {
        let missing = |column: &str| {
            Error::new(ErrorKind::InvalidRequest, "create an alert")
                .with_message(format!("the row has no {column}"))
                .with_hint("let the query keep DeviceId, Timestamp and ReportId")
        };
        let text = |column: &'static str| match row.text(column) {
            Some(text) => Ok(text.to_owned()),
            None => row
                .get(column)
                .map(|value| value.to_string())
                .filter(|text| !text.is_empty())
                .ok_or_else(|| missing(column)),
        };
        let machine = MachineId::new(text("DeviceId")?)?;
        Ok(Self::about(&machine, text("Timestamp")?, text("ReportId")?))
    }

    /// What it says: all three are shown to the analyst.
    pub fn saying(
        mut self,
        title: impl Into<String>,
        description: impl Into<String>,
        recommended_action: impl Into<String>,
    ) -> Self {
        (self.title, self.description) = (title.into(), description.into());
        self.recommended_action = recommended_action.into();
        self
    }

    /// How bad: low, medium (unless said) or high.
    pub fn with_severity(mut self, severity: &AlertSeverity) -> Self {
        severity.as_str().clone_into(&mut self.severity);
        self
    }

    /// The category, such as `Exploit`; `SuspiciousActivity` unless said.
    pub fn with_category(mut self, category: impl Into<String>) -> Self {
        self.category = category.into();
        self
    }
}

impl Alerts {
    /// Changes up to 500 alerts in one call, and reads each back: the service answers with nothing, which proves nothing.
    /// Page: "Batch update alerts".
    ///
    /// With a comment it is never sent twice. Needs `Alert.ReadWrite.All` (application) or `Alert.ReadWrite` (delegated).
    /// Limits: 10 calls a minute and 500 an hour, and one more call an alert to read it back.
    ///
    /// # Errors
    /// `InvalidRequest` for none or too many; `OutcomeUnknown` when a change with a comment may have happened.
    pub async fn update_many(&self, ids: &[AlertId], update: &AlertUpdate) -> Result<Vec<Updated>> {
        self.check(update)?;
        self.endpoint.bytes(&update_many(ids, update)?).await?;
        let mut all = Vec::with_capacity(ids.len());
        for id in ids {
            let outcome = self.get(id).await.and_then(|alert| {
                if shows(&alert, update) {
                    return Ok(alert);
                }
                Err(Error::new(ErrorKind::NotApplied, "update alerts")
                    .with_message(format!("the service answered success and did not change the alert {id}")))
            });
            all.push(Updated { id: id.clone(), outcome });
        }
        Ok(all)
    }

    /// Raises an alert about an event. It is never sent twice; an open alert with the same title on the same machine takes
    /// it in, and is what is returned then. An automated investigation begins by itself. Page: "Create alert API".
    ///
    /// Needs `Alert.ReadWrite.All` (application) or `Alert.ReadWrite` (delegated). Limits: 15 calls a minute.
    ///
    /// # Errors
    /// `NotFound` when no event fits time, report and machine; `InvalidRequest` for what the service would refuse;
    /// `OutcomeUnknown` when it may have been raised.
    pub async fn create(&self, alert: &NewAlert) -> Result<Alert> {
        self.endpoint.element(&create(alert)?).await
    }
}

/// The call behind [`Alerts::update_many`].
fn update_many(ids: &[AlertId], update: &AlertUpdate) -> Result<Call> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        alert_ids: Vec<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        assigned_to: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        classification: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        determination: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        comment: Option<&'a str>,
    }
    if ids.is_empty() || ids.len() > MOST {
        return Err(Error::new(ErrorKind::InvalidRequest, "update alerts")
            .with_message(format!("{} alerts are given; 1 to {MOST} go in one call", ids.len())));
    }
    let body = Body {
        alert_ids: ids.iter().map(AlertId::as_str).collect(),
        status: update.status.as_ref().map(AlertStatus::as_str),
        assigned_to: update.assigned_to.as_deref(),
        classification: update.classification.as_ref().map(AlertClassification::as_str),
        // This address spells two of them otherwise than the one for a single alert.
        determination: update.determination.as_ref().map(|word| match word {
            AlertDetermination::ConfirmedActivity => "ConfirmedUserActivity",
            AlertDetermination::NotMalicious => "Clean",
            other => other.as_str(),
        }),
        comment: update.comment.as_deref(),
    };
    UPDATE_MANY.call(&[])?.with_replay(update.replay()).with_json(&body)
}

/// The call behind [`Alerts::create`].
fn create(alert: &NewAlert) -> Result<Call> {
    let refuse =
        |message: &str| Err(Error::new(ErrorKind::InvalidRequest, "create an alert").with_message(message));
    let said = [&alert.title, &alert.description, &alert.recommended_action];
    if said.iter().any(|text| text.trim().is_empty()) {
        return refuse("title, description and recommended action are needed");
    }
    if !["Low", "Medium", "High"].contains(&alert.severity.as_str()) {
        return refuse("the severity is Low, Medium or High");
    }
    if alert.event_time.trim().is_empty() || alert.report_id.trim().is_empty() {
        return refuse("the event's time and report id are needed, as hunting gave them");
    }
    CREATE.call(&[])?.with_json(alert)
}

/// Whether an alert is what an update asked for.
fn shows(alert: &Alert, update: &AlertUpdate) -> bool {
    fn fits<T: PartialEq>(own: Option<&T>, asked: Option<&T>) -> bool {
        asked.is_none_or(|asked| own == Some(asked))
    }
    fits(alert.status.as_ref(), update.status.as_ref())
        && fits(alert.assigned_to.as_ref(), update.assigned_to.as_ref())
        && fits(alert.classification.as_ref(), update.classification.as_ref())
        && fits(alert.determination.as_ref(), update.determination.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use pocketsoc_transport::Replay;

    #[test]
    fn the_body_has_the_spellings_of_its_own_page() {
        let ids = [AlertId::new("da1_1").unwrap(), AlertId::new("da2_-2").unwrap()];
        let update = AlertUpdate::new()
            .with_status(AlertStatus::Resolved)
            .with_classification(AlertClassification::FalsePositive)
            .with_determination(AlertDetermination::NotMalicious);
        let call = update_many(&ids, &update).unwrap();
        assert_eq!(
            std::str::from_utf8(call.body().unwrap()).unwrap(),
            r#"{"alertIds":["da1_1","da2_-2"],"status":"Resolved","classification":"FalsePositive","determination":"Clean"}"#
        );
        assert_eq!((call.target().as_str(), call.replay()), ("/api/alerts/batchUpdate", Replay::Always));
        assert_eq!(update_many(&ids, &update.with_comment("x")).unwrap().replay(), Replay::Never);
        assert!(update_many(&[], &AlertUpdate::new()).is_err());
    }

    #[test]
    fn an_alert_is_raised_with_the_events_own_digits() {
        let machine = MachineId::new("m1").unwrap();
        let alert = NewAlert::about(&machine, "2026-09-21T12:45:21.7115183Z", "20776");
        assert!(create(&alert).is_err(), "it says nothing yet");
        let alert = alert.saying("title", "what", "do").with_category("Exploit");
        let call = create(&alert).unwrap();
        assert_eq!(
            std::str::from_utf8(call.body().unwrap()).unwrap(),
            r#"{"machineId":"m1","eventTime":"2026-09-21T12:45:21.7115183Z","reportId":"20776","severity":"Medium","title":"title","description":"what","recommendedAction":"do","category":"Exploit"}"#
        );
        assert_eq!(call.replay(), Replay::Never);
        assert!(create(&alert.with_severity(&AlertSeverity::Informational)).is_err());
    }
}
