//! Incidents: list, get, update, comment.

mod incident;
mod merge;
mod query;
mod update;

pub use incident::{Incident, IncidentId};
pub use merge::IncidentMerge;
pub use query::{IncidentQuery, fields};
pub use update::IncidentUpdate;

use pocketsoc_model::{Lane, Result, ResumePoint};
use pocketsoc_transport::{Call, Endpoint, Method, PagePlan, Replay, Walk};

use crate::client::call;
use crate::comment::{self, AlertComment};

const READ: &str = "SecurityIncident.Read.All";
const WRITE: &str = "SecurityIncident.ReadWrite.All";

/// Pages to ask for where the service does not give as many as documented.
const SMALLER_PAGES: &[u32] = &[25, 10];

/// The incidents of a tenant. Limits: 150 calls a minute are assumed, 50 incidents a page.
#[derive(Debug, Clone)]
pub struct Incidents {
    endpoint: Endpoint,
}

impl Incidents {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }

    /// Walks over incidents, newest first. Page: "List incidents".
    ///
    /// Their alerts come only with [`IncidentQuery::with_alerts`]. Needs `SecurityIncident.Read.All`.
    pub fn list(&self, query: &IncidentQuery) -> Walk<Incident> {
        self.walk(query, Lane::Feed, true, None)
    }

    pub(crate) fn walk(
        &self,
        query: &IncidentQuery,
        lane: Lane,
        look_ahead: bool,
        resume: Option<ResumePoint>,
    ) -> Walk<Incident> {
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

    /// One incident. Page: "Get incident". Needs `SecurityIncident.Read.All`.
    ///
    /// # Errors
    /// `NotFound` when there is none with this id.
    pub async fn get(&self, id: &IncidentId) -> Result<Incident> {
        self.endpoint.element(&get(id)?).await
    }

    /// One incident with its alerts. Page: "Get incident". Needs `SecurityIncident.Read.All`.
    ///
    /// # Errors
    /// `NotFound` when there is none with this id.
    pub async fn get_with_alerts(&self, id: &IncidentId) -> Result<Incident> {
        self.endpoint.element(&get(id)?.with_query("$expand", "alerts")).await
    }

    /// Changes an incident and returns what the service answers. Page: "Update incident".
    ///
    /// Only what is set is sent; each part is an absolute value, so it may be sent twice. A merged incident answers with
    /// success and stays what it is: look at the status that comes back. Needs `SecurityIncident.ReadWrite.All`.
    ///
    /// # Errors
    /// `NotFound` when there is none with this id; `OutcomeUnknown` when the change may have happened.
    pub async fn update(&self, id: &IncidentId, update: &IncidentUpdate) -> Result<Incident> {
        self.endpoint.element(&self::update(id, update)?).await
    }

    /// Changes an incident; the incident as the service answers, where it does.
    pub(crate) async fn write(&self, id: &IncidentId, update: &IncidentUpdate) -> Result<Option<Incident>> {
        let answer = self.endpoint.bytes(&self::update(id, update)?).await?;
        Ok(serde_json::from_slice(&answer).ok())
    }

    /// Adds a comment; all comments as they now are. Page: "Create comment for incident".
    ///
    /// It is never sent twice. Needs `SecurityIncident.ReadWrite.All`.
    ///
    /// # Errors
    /// `NotFound` when there is none with this id; `OutcomeUnknown` when it may have been added.
    pub async fn comment(&self, id: &IncidentId, text: &str) -> Result<Vec<AlertComment>> {
        comment::add(&self.endpoint, &comment_on(id, text)?).await
    }

    /// Adds a comment; whatever the service answers besides success is left to who reads back.
    pub(crate) async fn remark(&self, id: &IncidentId, text: &str) -> Result<()> {
        self.endpoint.bytes(&comment_on(id, text)?).await.map(drop)
    }
}

/// The call behind [`Incidents::list`].
fn list(query: &IncidentQuery) -> Result<Call> {
    let mut call =
        call(Method::Get, "list incidents", "/v1.0/security/incidents", &[])?.with_permission(READ);
    if let Some(filter) = query.filter() {
        call = call.with_query("$filter", filter.to_string());
    }
    Ok(if query.has_alerts() { call.with_query("$expand", "alerts") } else { call })
}

/// The call behind [`Incidents::get`].
fn get(id: &IncidentId) -> Result<Call> {
    let call = call(Method::Get, "get the incident", "/v1.0/security/incidents/{id}", &[id.as_str()])?;
    Ok(call.with_permission(READ))
}

/// The call behind [`Incidents::update`].
fn update(id: &IncidentId, update: &IncidentUpdate) -> Result<Call> {
    let call = call(Method::Patch, "update the incident", "/v1.0/security/incidents/{id}", &[id.as_str()])?;
    call.with_permission(WRITE).with_replay(Replay::Always).with_json(update)
}

/// The call behind [`Incidents::comment`].
fn comment_on(id: &IncidentId, text: &str) -> Result<Call> {
    const ROUTE: &str = "/v1.0/security/incidents/{id}/comments";
    let call = call(Method::Post, "comment on the incident", ROUTE, &[id.as_str()])?;
    comment::adding(call.with_permission(WRITE), text)
}
