//! Alerts: list, get, update.

mod alert;
mod batch;
mod query;
mod update;
mod words;

pub use alert::{Alert, AlertComment, AlertEvidence, AlertId, LoggedOnUser, RelatedUser};
pub use batch::{NewAlert, Updated};
pub use query::{AlertQuery, fields};
pub use update::AlertUpdate;
pub use words::{
    AlertClassification, AlertDetermination, AlertSeverity, AlertStatus, EvidenceKind, InvestigationState,
};

use pocketsoc_model::{ErrorKind, Lane, Result, ResumePoint};
use pocketsoc_transport::{Call, Endpoint, PagePlan, Route, Walk};

use crate::machines::{LogonUser, Machine};
use crate::observables::{Domain, File, IpAddress};
use crate::route;

const LIST: Route = route::get("list alerts", "/api/alerts", READ);
const GET: Route = route::get("get the alert", "/api/alerts/{id}", READ);
const UPDATE: Route = route::patch("update the alert", "/api/alerts/{id}", WRITE);
const DOMAINS: Route = route::get("list the alert's domains", "/api/alerts/{id}/domains", "URL.Read.All");
const FILES: Route = route::get("list the alert's files", "/api/alerts/{id}/files", "File.Read.All");
const IPS: Route = route::get("list the alert's addresses", "/api/alerts/{id}/ips", "Ip.Read.All");
const MACHINE: Route = route::get(
    "get the alert's machine",
    "/api/alerts/{id}/machine",
    "Machine.Read.All (application) or Machine.Read (delegated)",
);
const USER: Route = route::get("get the alert's user", "/api/alerts/{id}/user", "User.Read.All");
const READ: &str = "Alert.Read.All (application) or Alert.Read (delegated)";
const WRITE: &str = "Alert.ReadWrite.All (application) or Alert.ReadWrite (delegated)";

/// The alerts of a tenant.
///
/// Limits: 100 calls a minute and 1,500 an hour. The service keeps alerts for the tenant's retention time.
#[derive(Debug, Clone)]
pub struct Alerts {
    endpoint: Endpoint,
    check_pairs: bool,
}

impl Alerts {
    /// With `check_pairs`, a determination that does not go with its classification is refused before it is sent.
    pub(crate) fn new(endpoint: Endpoint, check_pairs: bool) -> Self {
        Self { endpoint, check_pairs }
    }

    /// Walks over alerts, in no particular order. Page: "List alerts API".
    ///
    /// Evidence comes only with [`AlertQuery::with_evidence`]; without it, an empty list means nothing.
    /// Needs `Alert.Read.All` (application) or `Alert.Read` (delegated).
    pub fn list(&self, query: &AlertQuery) -> Walk<Alert> {
        self.walk(query, Lane::Feed, true, None)
    }

    pub(crate) fn walk(
        &self,
        query: &AlertQuery,
        lane: Lane,
        look_ahead: bool,
        resume: Option<ResumePoint>,
    ) -> Walk<Alert> {
        let plan = PagePlan::by_top_and_skip(query.page_size()).with_resume(resume);
        let plan = if look_ahead { plan } else { plan.without_look_ahead() };
        match list(query, lane) {
            Ok(call) => self.endpoint.walk(call, plan),
            Err(error) => Walk::failed(error),
        }
    }

    /// One alert, evidence included. Page: "Get alert information by ID API".
    ///
    /// Needs `Alert.Read.All` (application) or `Alert.Read` (delegated).
    ///
    /// # Errors
    /// `NotFound` when there is none with this id.
    pub async fn get(&self, id: &AlertId) -> Result<Alert> {
        self.endpoint.element(&GET.call(&[id.as_str()])?).await
    }

    /// Changes an alert and returns what the service answers. Page: "Update alert".
    ///
    /// Only what is set is sent. With a comment it is never sent twice: the comment would be. The answer may be older
    /// than the change; the [`DetectionSource`](crate::DetectionSource) reads back.
    /// Needs `Alert.ReadWrite.All` (application) or `Alert.ReadWrite` (delegated).
    ///
    /// # Errors
    /// `InvalidRequest` for no change at all, for words that are only read, and for a determination that does not go with
    /// its classification, unless the client [allows any](crate::MdeClientBuilder::allow_any_pair); `NotFound` when there is none with this id;
    /// `OutcomeUnknown` when a change with a comment may have happened, or when the service accepted a change and answered with something else than the alert.
    pub async fn update(&self, id: &AlertId, update: &AlertUpdate) -> Result<Alert> {
        update.check(self.check_pairs)?;
        self.endpoint.element(&self::update(id, update)?).await
    }

    /// Changes an alert; whatever the service answers besides success is left to who reads back.
    pub(crate) async fn write(&self, id: &AlertId, update: &AlertUpdate) -> Result<Vec<u8>> {
        self.endpoint.bytes(&self::update(id, update)?).await
    }
}

/// What an alert is about, and whom it concerns.
impl Alerts {
    /// The domains of an alert. Page: "Get alert related domain information API". Needs `URL.Read.All`.
    pub fn domains(&self, id: &AlertId) -> Walk<Domain> {
        DOMAINS.list(&self.endpoint, &[id.as_str()])
    }

    /// The files of an alert. Page: "Get alert related files information API". Needs `File.Read.All`.
    pub fn files(&self, id: &AlertId) -> Walk<File> {
        FILES.list(&self.endpoint, &[id.as_str()])
    }

    /// The addresses of an alert. Page: "Get alert related IPs' information API". Needs `Ip.Read.All`.
    pub fn ips(&self, id: &AlertId) -> Walk<IpAddress> {
        IPS.list(&self.endpoint, &[id.as_str()])
    }

    /// The machine of an alert. Page: "Get alert related machine information API". Needs `Machine.Read.All` (application)
    /// or `Machine.Read` (delegated).
    ///
    /// # Errors
    /// `NotFound` when there is no such alert, or its machine is not known any more.
    pub async fn machine(&self, id: &AlertId) -> Result<Machine> {
        self.endpoint.element(&MACHINE.call(&[id.as_str()])?).await
    }

    /// The user of an alert; `None` where it has none. Page: "Get alert related user information API". Needs
    /// `User.Read.All`.
    ///
    /// # Errors
    /// What the service says; that there is no such alert looks like one without a user.
    pub async fn user(&self, id: &AlertId) -> Result<Option<LogonUser>> {
        match self.endpoint.element(&USER.call(&[id.as_str()])?).await {
            Err(error) if error.kind() == ErrorKind::NotFound && error.code().is_some() => Ok(None),
            outcome => outcome.map(Some),
        }
    }
}

/// The call behind [`Alerts::list`].
fn list(query: &AlertQuery, lane: Lane) -> Result<Call> {
    let call = LIST.call(&[])?.with_lane(lane);
    let call = match query.filter() {
        Some(filter) => call.with_query("$filter", filter.to_string()),
        None => call,
    };
    Ok(if query.has_evidence() { call.with_query("$expand", "evidence") } else { call })
}

/// The call behind [`Alerts::update`].
fn update(id: &AlertId, update: &AlertUpdate) -> Result<Call> {
    update.body(UPDATE.call(&[id.as_str()])?, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pocketsoc_transport::{Method, Replay};

    #[test]
    fn a_list_asks_for_what_the_query_says() {
        let query =
            AlertQuery::new().with_evidence().with_filter(fields::STATUS.eq(&AlertStatus::InProgress));
        let call = list(&query, Lane::Feed).unwrap();
        assert_eq!(call.method(), Method::Get);
        assert_eq!(call.target(), "/api/alerts?$filter=status%20eq%20%27InProgress%27&$expand=evidence");
        assert_eq!(list(&AlertQuery::new(), Lane::Feed).unwrap().target(), "/api/alerts");
    }

    #[test]
    fn a_change_names_only_what_changes_in_lower_camel_case() {
        let id = AlertId::new("da1_-2").unwrap();
        let change = AlertUpdate::new()
            .with_status(AlertStatus::Resolved)
            .with_classification(AlertClassification::InformationalExpectedActivity)
            .with_determination(AlertDetermination::ConfirmedActivity);
        let call = update(&id, &change).unwrap();
        assert_eq!((call.method(), call.target().as_str()), (Method::Patch, "/api/alerts/da1_-2"));
        assert_eq!(
            std::str::from_utf8(call.body().unwrap()).unwrap(),
            r#"{"status":"Resolved","classification":"InformationalExpectedActivity","determination":"ConfirmedActivity"}"#
        );
        assert_eq!(call.replay(), Replay::Always, "an absolute state may be written twice");
        let commented = update(&id, &change.with_comment("x")).unwrap();
        assert_eq!(commented.replay(), Replay::Never, "a comment may not");
    }
}
