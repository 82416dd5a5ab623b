//! Many alerts changed in one call, and alerts raised by a reference to an event.

use pocketsoc_model::{Error, ErrorKind, HuntRow, Lane, Result, USUAL_LOOKS};
use pocketsoc_transport::odata::Filter;
use pocketsoc_transport::{Call, Route, quota};
use serde::Serialize;

use super::{Alert, AlertId, AlertQuery, AlertSeverity, AlertUpdate, Alerts, WRITE, fields};
use crate::machines::MachineId;
use crate::route;

const UPDATE_MANY: Route =
    route::post("update alerts", "/api/alerts/batchUpdate", WRITE).counted(&quota::MDE_ALERT_BATCH);
const CREATE: Route = route::post("create an alert", "/api/alerts/CreateAlertByReference", WRITE)
    .counted(&quota::MDE_ALERT_CREATE);

/// The page states no limit; so many have been seen to work for its siblings.
const MOST: usize = 500;

/// So many are read back in one call: an address has room for their ids.
const LOOKED_AT: usize = 25;
const UPDATE: &str = "update alerts";

/// What an alert can be raised as.
const CATEGORIES: [&str; 16] = [
    "General",
    "CommandAndControl",
    "Collection",
    "CredentialAccess",
    "DefenseEvasion",
    "Discovery",
    "Exfiltration",
    "Exploit",
    "Execution",
    "InitialAccess",
    "LateralMovement",
    "Malware",
    "Persistence",
    "PrivilegeEscalation",
    "Ransomware",
    "SuspiciousActivity",
];

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
    /// Limits: 10 calls a minute and 500 an hour; they are read back 25 at a time.
    ///
    /// # Errors
    /// `InvalidRequest` for none or too many, and as [`update`](Self::update); `OutcomeUnknown` when a change with a comment
    /// may have happened. What became of each alert is in its outcome.
    pub async fn update_many(&self, ids: &[AlertId], update: &AlertUpdate) -> Result<Vec<Updated>> {
        update.check(self.check_pairs)?;
        self.endpoint.bytes(&update_many(ids, update)?).await?;
        let mut all: Vec<(&AlertId, Option<Result<Alert>>)> = ids.iter().map(|id| (id, None)).collect();
        for wait in USUAL_LOOKS {
            if !wait.is_zero() {
                self.endpoint.connection().clock().sleep(*wait).await;
            }
            let mut missing: Vec<_> = all
                .iter_mut()
                .filter(|(_, seen)| !matches!(seen, Some(Ok(alert)) if update.shows_in(alert)))
                .collect();
            for some in missing.chunks_mut(LOOKED_AT) {
                self.look_at(some).await;
            }
        }
        let outcome = |id: &AlertId, seen| match seen {
            Some(Ok(alert)) if update.shows_in(&alert) => Ok(alert),
            Some(Ok(_)) => Err(Error::new(ErrorKind::NotApplied, UPDATE)
                .with_message(format!("the service answered success and did not change the alert {id}"))),
            Some(Err(error)) => Err(error),
            None => {
                Err(Error::new(ErrorKind::NotFound, UPDATE).with_message(format!("there is no alert {id}")))
            }
        };
        Ok(all.into_iter().map(|(id, seen)| Updated { id: id.clone(), outcome: outcome(id, seen) }).collect())
    }

    /// Reads a few alerts in one call.
    async fn look_at(&self, some: &mut [&mut (&AlertId, Option<Result<Alert>>)]) {
        let ids = fields_of_ids(some.iter().map(|(id, _)| *id));
        let mut walk = self.walk(&AlertQuery::new().with_filter(ids), Lane::Triage, false, None);
        while let Some(item) = walk.next().await {
            match item {
                Ok(alert) => {
                    for (_, seen) in some.iter_mut().filter(|(id, _)| **id == alert.id) {
                        *seen = Some(Ok(alert.clone()));
                    }
                }
                // Whichever alert it is about: what has not been seen may be there all the same.
                Err(error) => {
                    for (_, seen) in some.iter_mut().filter(|(_, seen)| !matches!(seen, Some(Ok(_)))) {
                        *seen = Some(Err(unread(error.clone())));
                    }
                }
            }
        }
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
    if ids.is_empty() || ids.len() > MOST {
        return Err(Error::new(ErrorKind::InvalidRequest, UPDATE)
            .with_message(format!("{} alerts are given; 1 to {MOST} go in one call", ids.len())));
    }
    update.body(UPDATE_MANY.call(&[])?, Some(ids))
}

fn fields_of_ids<'a>(ids: impl Iterator<Item = &'a AlertId>) -> Option<Filter> {
    Filter::any(ids.map(|id| fields::ID.eq(id.as_str())))
}

/// A change was accepted and cannot be read back.
fn unread(error: Error) -> Error {
    error
        .with_operation(UPDATE)
        .with_kind(ErrorKind::OutcomeUnknown)
        .with_hint("the change was accepted and could not be read back: look at the alert")
}

/// The call behind [`Alerts::create`].
fn create(alert: &NewAlert) -> Result<Call> {
    let refuse =
        |message: &str| Err(Error::new(ErrorKind::InvalidRequest, "create an alert").with_message(message));
    let said = [&alert.title, &alert.description, &alert.recommended_action];
    if said.iter().any(|text| text.trim().is_empty()) {
        return refuse("title, description and recommended action are needed");
    }
    if !CATEGORIES.contains(&alert.category.as_str()) {
        return refuse(&format!("the category is one of {}", CATEGORIES.join(", ")));
    }
    if !["Low", "Medium", "High"].contains(&alert.severity.as_str()) {
        return refuse("the severity is Low, Medium or High");
    }
    if alert.event_time.trim().is_empty() || alert.report_id.trim().is_empty() {
        return refuse("the event's time and report id are needed, as hunting gave them");
    }
    CREATE.call(&[])?.with_json(alert)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AlertClassification, AlertDetermination, AlertStatus};
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
