//! Machine actions: list, follow, call off, and fetch what they have brought.

mod action;
mod query;
mod words;

pub use action::{LiveResponseCommand, MachineAction, MachineActionId, RelatedFileInfo, ScriptOutput};
pub use query::{MachineActionQuery, fields};
pub use words::{MachineActionKind, MachineActionStatus};

use pocketsoc_model::{Error, ErrorKind, Lane, Result};
use pocketsoc_transport::{Endpoint, Route, Secret, Walk, quota};
use serde::{Deserialize, Serialize};

use crate::route;

const READ: &str = "Machine.Read.All (application) or Machine.Read (delegated)";

const LIST: Route = route::get("list machine actions", "/api/machineactions", READ);
const GET: Route = route::get("get the machine action", "/api/machineactions/{id}", READ);
const CANCEL: Route = route::post(
    "cancel the machine action",
    "/api/machineactions/{id}/cancel",
    "the permission that the action itself needs",
);
const PACKAGE: Route = route::get(
    "get the link to the investigation package",
    "/api/machineactions/{id}/getPackageUri",
    "Machine.Read.All (application) or Machine.CollectForensics (delegated)",
)
.counted(&quota::MDE_PACKAGE_URI);
const LIVE_RESULT: Route = route::get(
    "get the link to a live response's result",
    "/api/machineactions/{id}/GetLiveResponseResultDownloadLink(index={index})",
    "Machine.Read.All (application) or Machine.LiveResponse (delegated)",
);

/// The machine actions of a tenant, by whomever they were asked for.
///
/// Limits: 100 calls a minute and 1,500 an hour, together with the other calls; links to packages 2 a minute. To begin
/// an action see [`Machines::begin`](crate::Machines::begin).
#[derive(Debug, Clone)]
pub struct MachineActions {
    endpoint: Endpoint,
}

/// A link in an answer.
#[derive(Deserialize)]
struct Link {
    value: String,
}

impl MachineActions {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The same list, as urgently as this.
    pub(crate) fn walk(&self, query: &MachineActionQuery, lane: Lane) -> Walk<MachineAction> {
        LIST.pages(lane, &self.endpoint, query.page_size(), query.filter())
    }

    /// Walks over machine actions, in no particular order. Page: "List machineActions API". Needs `Machine.Read.All`
    /// (application) or `Machine.Read` (delegated).
    pub fn list(&self, query: &MachineActionQuery) -> Walk<MachineAction> {
        self.walk(query, Lane::Feed)
    }

    /// One machine action. Page: "Get machineAction API". Needs `Machine.Read.All` (application) or `Machine.Read`
    /// (delegated).
    ///
    /// # Errors
    /// `NotFound` when there is none with this id; the service answers 400 to an id that is no GUID.
    pub async fn get(&self, id: &MachineActionId) -> Result<MachineAction> {
        self.get_in(Lane::Triage, id).await
    }

    /// The same, as urgently as this.
    pub(crate) async fn get_in(&self, lane: Lane, id: &MachineActionId) -> Result<MachineAction> {
        self.endpoint.element(&GET.call(&[id.as_str()])?.with_lane(lane)).await
    }

    /// Calls an action off while it is not final; doing it twice is doing it once. Page: "Cancel machine action API".
    /// Needs the permission that the action itself needs.
    ///
    /// # Errors
    /// `NotFound` when there is none with this id; `Conflict` when it is final; `InvalidRequest` without a comment.
    pub async fn cancel(&self, id: &MachineActionId, comment: &str) -> Result<MachineAction> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Body<'a> {
            comment: &'a str,
        }
        if comment.trim().is_empty() {
            return Err(Error::new(ErrorKind::InvalidRequest, "cancel the machine action")
                .with_message("a comment is needed: it stands in the audit log"));
        }
        let call = CANCEL.call(&[id.as_str()])?.with_lane(Lane::Containment).with_json(&Body { comment })?;
        match self.endpoint.element(&call).await {
            Ok(action) => Ok(action),
            // Whatever became of the call: the action itself says whether it was called off.
            Err(error) => {
                let now = self.get(id).await.map_err(|_| error.clone())?;
                match now.status {
                    Some(MachineActionStatus::Cancelled) => Ok(now),
                    _ if now.progress().is_final() => {
                        Err(error.with_kind(ErrorKind::Conflict).with_hint(format!(
                            "the action is final: {}",
                            now.status.as_ref().map_or("unknown", |s| s.as_str())
                        )))
                    }
                    _ => Err(error),
                }
            }
        }
    }

    /// The short-lived link to a collected investigation package: whoever has it can fetch the package. It is fetched
    /// without a token. Page: "Get package SAS URI API". Needs `Machine.Read.All` (application) or
    /// `Machine.CollectForensics` (delegated). Limits: 2 calls a minute, 120 an hour.
    ///
    /// # Errors
    /// `NotFound` while the collection is not complete.
    pub async fn package_link(&self, id: &MachineActionId) -> Result<Secret> {
        self.link(&PACKAGE, &[id.as_str()]).await
    }

    /// The link to the result of a live response's command, by its place; it lives for half an hour. What is behind it, who
    /// has the link fetches without a token: of a script its [`ScriptOutput`]. Page: "Get live
    /// response results". Needs `Machine.Read.All` (application) or `Machine.LiveResponse` (delegated).
    ///
    /// # Errors
    /// `NotFound` when there is no such result.
    pub async fn live_response_link(&self, id: &MachineActionId, index: u32) -> Result<Secret> {
        self.link(&LIVE_RESULT, &[id.as_str(), &index.to_string()]).await
    }

    async fn link(&self, route: &Route, ids: &[&str]) -> Result<Secret> {
        let link: Link = self.endpoint.json(&route.call(ids)?).await?;
        // Some answers put the link into quotes of its own.
        Ok(Secret::new(link.value.trim().trim_matches('"')))
    }
}
