//! Automated investigations: list, get, start.

use chrono::{DateTime, Utc};
use pocketsoc_model::{Error, ErrorKind, Lane, RawJson, Result, id_type};
use pocketsoc_transport::odata::Filter;
use pocketsoc_transport::{Endpoint, Route, Walk, lenient, quota};
use serde::{Deserialize, Serialize};

use crate::alerts::InvestigationState;
use crate::machines::MachineId;
use crate::native::keep_raw;
use crate::route::{self, LARGEST_PAGE};

const READ: &str = "Alert.Read.All (application) or Alert.Read (delegated)";
const LIST: Route = route::get("list investigations", "/api/investigations", READ);
const GET: Route = route::get("get the investigation", "/api/investigations/{id}", READ);
const START: Route = route::post(
    "start an investigation",
    "/api/machines/{id}/startInvestigation",
    "Alert.ReadWrite.All (application) or Alert.ReadWrite (delegated)",
)
.counted(&quota::MDE_INVESTIGATE);

/// The fields that investigations can be filtered by. Page: "List Investigations API".
pub mod fields {
    use chrono::{DateTime, Utc};
    use pocketsoc_transport::odata::Field;

    use crate::alerts::InvestigationState;

    /// The id.
    pub const ID: Field<str> = Field::new("id");
    /// When it began.
    pub const START_TIME: Field<DateTime<Utc>> = Field::new("startTime");
    /// How far it has come.
    pub const STATE: Field<InvestigationState> = Field::new("state");
    /// The machine.
    pub const MACHINE_ID: Field<str> = Field::new("machineId");
    /// The alert that triggered it.
    pub const TRIGGERING_ALERT_ID: Field<str> = Field::new("triggeringAlertId");
}

id_type! {
    /// The id of an investigation: a number as text.
    pub struct InvestigationId("investigation id");
}

/// An automated investigation. Page: "Investigation resource type".
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Investigation {
    /// The id; an alert has it as a number.
    pub id: InvestigationId,
    /// When it began.
    #[serde(default, deserialize_with = "lenient::time")]
    pub start_time: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(default, deserialize_with = "lenient::time")]
    pub end_time: Option<DateTime<Utc>>,
    /// How far it has come.
    #[serde(default, deserialize_with = "lenient::word")]
    pub state: Option<InvestigationState>,
    /// Who called it off.
    #[serde(default, deserialize_with = "lenient::text")]
    pub cancelled_by: Option<String>,
    /// More on its state.
    #[serde(default, deserialize_with = "lenient::text")]
    pub status_details: Option<String>,
    /// The machine.
    #[serde(default, deserialize_with = "lenient::text")]
    pub machine_id: Option<String>,
    /// The machine's name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub computer_dns_name: Option<String>,
    /// The alert that triggered it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub triggering_alert_id: Option<String>,
    #[serde(skip)]
    raw: Option<RawJson>,
}
keep_raw!(Investigation);

/// Automated investigations.
///
/// Limits: 100 calls a minute and 1,500 an hour, together with the other calls; starts 50 an hour.
#[derive(Debug, Clone)]
pub struct Investigations {
    endpoint: Endpoint,
}

impl Investigations {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }

    /// Walks over investigations, in no particular order. Page: "List Investigations API". Needs `Alert.Read.All`
    /// (application) or `Alert.Read` (delegated).
    pub fn list(&self, filter: Option<Filter>) -> Walk<Investigation> {
        LIST.pages(Lane::Feed, &self.endpoint, LARGEST_PAGE, filter.map(|filter| filter.to_string()))
    }

    /// One investigation. Page: "Get Investigation API". Needs `Alert.Read.All` (application) or `Alert.Read` (delegated).
    ///
    /// # Errors
    /// `NotFound` when there is none with this id.
    pub async fn get(&self, id: &InvestigationId) -> Result<Investigation> {
        self.endpoint.element(&GET.call(&[id.as_str()])?).await
    }

    /// Starts an investigation of a machine. It is never sent twice. Page: "Start Investigation API". Needs
    /// `Alert.ReadWrite.All` (application) or `Alert.ReadWrite` (delegated).
    ///
    /// # Errors
    /// `InvalidRequest` without a comment; `OutcomeUnknown` when it may have begun: list the machine's investigations.
    pub async fn start(&self, machine: &MachineId, comment: &str) -> Result<Investigation> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Body<'a> {
            comment: &'a str,
        }
        if comment.trim().is_empty() {
            return Err(Error::new(ErrorKind::InvalidRequest, "start an investigation")
                .with_message("a comment is needed: it stands in the audit log"));
        }
        self.endpoint.element(&START.call(&[machine.as_str()])?.with_json(&Body { comment })?).await
    }
}
