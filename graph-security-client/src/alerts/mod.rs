//! Alerts: list, get, update, comment, many at once.

mod alert;
mod query;
mod update;
mod whole;

pub use alert::{Alert, AlertId};
pub use query::{AlertQuery, fields};
pub use update::AlertUpdate;
pub(crate) use whole::WholeAlert;

use pocketsoc_model::{Lane, Result, ResumePoint};
use pocketsoc_transport::{Call, Decode, Endpoint, Method, PagePlan, Replay, Walk};

use crate::client::{call, refuse_unwritable};
use crate::comment::{self, AlertComment};
use crate::many::{self, Change, Many};
use crate::words::AlertStatus;

const READ: &str = "SecurityAlert.Read.All";
const WRITE: &str = "SecurityAlert.ReadWrite.All";

/// The pages that tenants have been seen to take, where they do not take large ones.
const SMALLER_PAGES: &[u32] = &[100, 50];

/// The alerts of a tenant. Limits: 150 calls a minute.
#[derive(Debug, Clone)]
pub struct Alerts {
    endpoint: Endpoint,
}

impl Alerts {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }

    /// Walks over alerts, in no promised order, evidence included. Page: "List alerts_v2".
    ///
    /// Needs `SecurityAlert.Read.All`.
    pub fn list(&self, query: &AlertQuery) -> Walk<Alert> {
        self.walk(query, Lane::Feed, true, None)
    }

    /// The same, with the evidence already read or not.
    pub(crate) fn walk<A: Decode>(
        &self,
        query: &AlertQuery,
        lane: Lane,
        look_ahead: bool,
        resume: Option<ResumePoint>,
    ) -> Walk<A> {
        let plan = PagePlan::by_links()
            .with_page_size(query.page_size())
            .with_smaller_pages(SMALLER_PAGES)
            .with_update_time("lastUpdateDateTime")
            .with_resume(resume);
        let plan = if look_ahead { plan } else { plan.without_look_ahead() };
        match list(query) {
            Ok(call) => self.endpoint.walk(call.with_lane(lane), plan),
            Err(error) => Walk::failed(error),
        }
    }

    /// One alert, evidence included. Page: "Get alert".
    ///
    /// Needs `SecurityAlert.Read.All`.
    ///
    /// # Errors
    /// `NotFound` when there is none with this id.
    pub async fn get(&self, id: &AlertId) -> Result<Alert> {
        self.endpoint.element(&get(id)?).await
    }

    /// Changes an alert and returns what the service answers. Page: "Update alert".
    ///
    /// Only what is set is sent; each part is an absolute value, so it may be sent twice. The answer may be older than
    /// the change; the [`DetectionSource`](crate::DetectionSource) reads back. Needs `SecurityAlert.ReadWrite.All`.
    ///
    /// # Errors
    /// `NotFound` when there is none with this id; `OutcomeUnknown` when the change may have happened.
    pub async fn update(&self, id: &AlertId, update: &AlertUpdate) -> Result<Alert> {
        self.endpoint.element(&self::update(id, update)?).await
    }

    /// Changes an alert; whatever the service answers besides success is left to who reads back.
    pub(crate) async fn write(&self, id: &AlertId, update: &AlertUpdate) -> Result<()> {
        self.endpoint.bytes(&self::update(id, update)?).await.map(drop)
    }

    /// Many alerts, twenty a request, in the order of their ids; what became of each. Page: "Get alert".
    ///
    /// One failure does not end the others. Needs `SecurityAlert.Read.All`. Limits: each counts as a call.
    pub fn get_many(
        &self,
        ids: impl IntoIterator<Item = AlertId, IntoIter: Send + 'static>,
    ) -> Many<AlertId, Alert> {
        many::get(self.endpoint.clone(), "get alerts", ids, Box::new(get))
    }

    /// Changes many alerts alike, twenty a request, and looks whether it is so; what became of each, in the order of their
    /// ids. Page: "Update alert".
    ///
    /// One failure does not end the others. Needs `SecurityAlert.ReadWrite.All`. Limits: each counts as a call, and each
    /// look as another one.
    pub fn update_many(
        &self,
        ids: impl IntoIterator<Item = AlertId, IntoIter: Send + 'static>,
        update: &AlertUpdate,
    ) -> Many<AlertId, Alert> {
        let (written, asked) = (update.clone(), update.clone());
        let change = Change {
            operation: "update alerts",
            write: Box::new(move |id: &AlertId| self::update(id, &written)),
            get: Box::new(get),
            shows: Box::new(move |alert| Ok(asked.shows_in(alert))),
        };
        many::update(self.endpoint.clone(), ids, change)
    }

    /// Adds a comment; all comments as they now are. Page: "Create comment for alert".
    ///
    /// It is never sent twice. Needs `SecurityAlert.ReadWrite.All`.
    ///
    /// # Errors
    /// `NotFound` when there is none with this id; `OutcomeUnknown` when it may have been added.
    pub async fn comment(&self, id: &AlertId, text: &str) -> Result<Vec<AlertComment>> {
        comment::add(&self.endpoint, &comment_on(id, text)?).await
    }

    /// Adds a comment; whatever the service answers besides success is left to who reads back.
    pub(crate) async fn remark(&self, id: &AlertId, text: &str) -> Result<()> {
        self.endpoint.bytes(&comment_on(id, text)?).await.map(drop)
    }
}

/// The call behind [`Alerts::list`].
fn list(query: &AlertQuery) -> Result<Call> {
    let call = call(Method::Get, "list alerts", "/v1.0/security/alerts_v2", &[])?.with_permission(READ);
    Ok(match query.filter() {
        Some(filter) => call.with_query("$filter", filter.to_string()),
        None => call,
    })
}

/// The call behind [`Alerts::get`].
fn get(id: &AlertId) -> Result<Call> {
    let call = call(Method::Get, "get the alert", "/v1.0/security/alerts_v2/{id}", &[id.as_str()])?;
    Ok(call.with_permission(READ))
}

/// The call behind [`Alerts::update`].
fn update(id: &AlertId, update: &AlertUpdate) -> Result<Call> {
    refuse_unwritable("update the alert", update.status.as_ref().map(AlertStatus::as_str))?;
    let call = call(Method::Patch, "update the alert", "/v1.0/security/alerts_v2/{id}", &[id.as_str()])?;
    call.with_permission(WRITE).with_replay(Replay::Always).with_json(update)
}

/// The call behind [`Alerts::comment`].
fn comment_on(id: &AlertId, text: &str) -> Result<Call> {
    const ROUTE: &str = "/v1.0/security/alerts_v2/{id}/comments";
    let call = call(Method::Post, "comment on the alert", ROUTE, &[id.as_str()])?;
    comment::adding(call.with_permission(WRITE), text)
}
