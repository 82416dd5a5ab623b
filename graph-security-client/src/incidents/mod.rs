//! Incidents: list, get, update, comment, merge, many at once.

mod incident;
mod merge;
mod query;
mod update;

pub use incident::{Incident, IncidentId};
pub use merge::IncidentMerge;
pub use query::{IncidentQuery, fields};
pub use update::IncidentUpdate;

use pocketsoc_model::{Error, ErrorKind, Lane, Result, ResumePoint};
use pocketsoc_transport::{Call, Endpoint, Method, PagePlan, Replay, Walk};

use crate::client::{call, refuse_unwritable};
use crate::comment::{self, AlertComment};
use crate::many::{self, Change, Many};
use crate::words::IncidentStatus;

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
        self.endpoint.element(&with_alerts(get(id)?)).await
    }

    /// One incident with its alerts, and which providers behind the service are missing from it.
    pub(crate) async fn expanded(&self, id: &IncidentId, lane: Lane) -> Result<(Incident, Vec<String>)> {
        self.endpoint.element_in_part(&with_alerts(get(id)?).with_lane(lane)).await
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

    /// Many incidents without their alerts, twenty a request, in the order of their ids; what became of each. Page: "Get
    /// incident".
    ///
    /// One failure does not end the others. Needs `SecurityIncident.Read.All`. Limits: each counts as a call.
    pub fn get_many(
        &self,
        ids: impl IntoIterator<Item = IncidentId, IntoIter: Send + 'static>,
    ) -> Many<IncidentId, Incident> {
        many::get(self.endpoint.clone(), "get incidents", ids, Box::new(get))
    }

    /// Changes many incidents alike, twenty a request, and looks whether it is so; what became of each, in the order of
    /// their ids. Page: "Update incident".
    ///
    /// One failure does not end the others; one that was merged is a `NotApplied` that names where it leads. Needs
    /// `SecurityIncident.ReadWrite.All`. Limits: each counts as a call, and each look as another one.
    pub fn update_many(
        &self,
        ids: impl IntoIterator<Item = IncidentId, IntoIter: Send + 'static>,
        update: &IncidentUpdate,
    ) -> Many<IncidentId, Incident> {
        let (written, asked) = (update.clone(), update.clone());
        let change = Change {
            operation: "update incidents",
            write: Box::new(move |id: &IncidentId| self::update(id, &written)),
            get: Box::new(get),
            shows: Box::new(move |incident| shows(&asked, incident)),
        };
        many::update(self.endpoint.clone(), ids, change)
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

/// Whether a change shows; one that was merged cannot show it.
fn shows(update: &IncidentUpdate, incident: &Incident) -> Result<bool> {
    match &incident.redirect_incident_id {
        Some(target) if incident.status == Some(IncidentStatus::Redirected) => {
            Err(Error::new(ErrorKind::NotApplied, "update incidents")
                .with_message(
                    "the service answered success, and nothing has changed: it was merged into another one",
                )
                .with_hint(format!("it was merged into {target}: change that one")))
        }
        _ => Ok(update.shows_in(incident)),
    }
}

/// The call behind [`Incidents::list`].
fn list(query: &IncidentQuery) -> Result<Call> {
    let mut call =
        call(Method::Get, "list incidents", "/v1.0/security/incidents", &[])?.with_permission(READ);
    if let Some(filter) = query.filter() {
        call = call.with_query("$filter", filter.to_string());
    }
    Ok(if query.has_alerts() { with_alerts(call) } else { call })
}

fn with_alerts(call: Call) -> Call {
    call.with_query("$expand", "alerts")
}

/// The call behind [`Incidents::get`].
fn get(id: &IncidentId) -> Result<Call> {
    let call = call(Method::Get, "get the incident", "/v1.0/security/incidents/{id}", &[id.as_str()])?;
    Ok(call.with_permission(READ))
}

/// The call behind [`Incidents::update`].
fn update(id: &IncidentId, update: &IncidentUpdate) -> Result<Call> {
    refuse_unwritable("update the incident", update.status.as_ref().map(IncidentStatus::as_str))?;
    let call = call(Method::Patch, "update the incident", "/v1.0/security/incidents/{id}", &[id.as_str()])?;
    call.with_permission(WRITE).with_replay(Replay::Always).with_json(update)
}

/// The call behind [`Incidents::comment`].
fn comment_on(id: &IncidentId, text: &str) -> Result<Call> {
    const ROUTE: &str = "/v1.0/security/incidents/{id}/comments";
    let call = call(Method::Post, "comment on the incident", ROUTE, &[id.as_str()])?;
    comment::adding(call.with_permission(WRITE), text)
}
