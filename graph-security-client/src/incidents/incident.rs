//! The incident as the service has it: every property of the schema and those seen beside it.

use chrono::{DateTime, Utc};
use pocketsoc_model::{Error, ErrorKind, RawJson, Result, id_type};
use pocketsoc_transport::{Decode, Elements, KeepRaw, elements, lenient};
use serde::Deserialize;

use crate::alerts::{Alert, WholeAlert};
use crate::comment::AlertComment;
use crate::words::{AlertClassification, AlertDetermination, AlertSeverity, IncidentStatus};

id_type! {
    /// The id of an incident: decimal digits.
    pub struct IncidentId("incident id");
}

/// An incident: alerts that belong together. Page: "incident resource type" (`microsoft.graph.security`).
///
/// Only the id can be relied on; every other field may be absent. [`raw`](Self::raw) has what is not typed.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Incident {
    /// The id.
    pub id: IncidentId,
    /// The tenant.
    #[serde(default, deserialize_with = "lenient::text")]
    pub tenant_id: Option<String>,
    /// Where it stands.
    #[serde(default, deserialize_with = "lenient::word")]
    pub status: Option<IncidentStatus>,
    /// How bad.
    #[serde(default, deserialize_with = "lenient::word")]
    pub severity: Option<AlertSeverity>,
    /// The verdict; `unknown` for none.
    #[serde(default, deserialize_with = "lenient::word")]
    pub classification: Option<AlertClassification>,
    /// The reason behind the verdict; `unknown` for none.
    #[serde(default, deserialize_with = "lenient::word")]
    pub determination: Option<AlertDetermination>,
    /// The title.
    #[serde(default, deserialize_with = "lenient::text")]
    pub display_name: Option<String>,
    /// Paragraphs.
    #[serde(default, deserialize_with = "lenient::text")]
    pub description: Option<String>,
    /// An overview of the attack.
    #[serde(default, deserialize_with = "lenient::text")]
    pub summary: Option<String>,
    /// Why it was resolved; written by the service when the last alert is.
    #[serde(default, deserialize_with = "lenient::text")]
    pub resolving_comment: Option<String>,
    /// The owner.
    #[serde(default, deserialize_with = "lenient::text")]
    pub assigned_to: Option<String>,
    /// The customer's labels.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub custom_tags: Vec<String>,
    /// Their name in older answers.
    #[serde(default, rename = "tags", deserialize_with = "lenient::texts")]
    older_tags: Vec<String>,
    /// The service's labels.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub system_tags: Vec<String>,
    /// Comments.
    #[serde(default, deserialize_with = "lenient::objects")]
    pub comments: Vec<AlertComment>,
    /// When it began.
    #[serde(default, deserialize_with = "lenient::time")]
    pub created_date_time: Option<DateTime<Utc>>,
    /// When anything of it last changed.
    #[serde(default, deserialize_with = "lenient::time")]
    pub last_update_date_time: Option<DateTime<Utc>>,
    /// By whom it was changed: a user, an application, or a part of the service.
    #[serde(default, deserialize_with = "lenient::text")]
    pub last_modified_by: Option<String>,
    /// The incident that it was merged into.
    #[serde(default, deserialize_with = "lenient::text")]
    pub redirect_incident_id: Option<String>,
    /// Its page in the portal.
    #[serde(default, deserialize_with = "lenient::text")]
    pub incident_web_url: Option<String>,
    /// How urgent, 0 to 100: above 85 first of all, below 15 last.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub priority_score: Option<i64>,
    /// Its alerts, as they came, where asked for; see [`alerts`](Self::alerts).
    #[serde(default)]
    pub alerts: Option<RawJson>,
    #[serde(skip)]
    without_alerts: bool,
    #[serde(skip)]
    raw: Option<RawJson>,
}

impl Incident {
    /// Reads an incident from its JSON, as the service or a file has it.
    ///
    /// # Errors
    /// `Decode` when it is no JSON object with an id.
    pub fn from_json(text: &str) -> Result<Self> {
        Self::decode(text).map_err(|e| {
            Error::new(ErrorKind::Decode, "read an incident").with_message("it is no incident").with_source(e)
        })
    }

    /// Its alerts, read one by one, where they were asked for; one that cannot be read does not hide the others.
    pub fn alerts(&self) -> impl Iterator<Item = Result<Alert>> {
        self.alerts_as()
    }

    /// Its alerts with their evidence.
    pub(crate) fn whole_alerts(&self) -> impl Iterator<Item = Result<WholeAlert>> {
        self.alerts_as()
    }

    fn alerts_as<A: Decode>(&self) -> impl Iterator<Item = Result<A>> + use<A> {
        let text = self.alerts.as_ref().map_or("[]", RawJson::as_str);
        let mut elements: Elements = elements(text.as_bytes().to_vec());
        std::iter::from_fn(move || elements.next_as::<A>())
    }

    /// The incident's JSON as it came, byte for byte.
    pub fn raw(&self) -> Option<&RawJson> {
        self.raw.as_ref()
    }

    /// It, and that the service has failed to give its alerts.
    pub(crate) fn without_alerts(mut self) -> Self {
        self.without_alerts = true;
        self
    }

    pub(crate) fn lacks_its_alerts(&self) -> bool {
        self.without_alerts
    }

    pub(crate) fn take_raw(&mut self) -> Option<RawJson> {
        self.raw.take()
    }
}

impl KeepRaw for Incident {
    fn keep_raw(&mut self, raw: RawJson) {
        if self.custom_tags.is_empty() {
            self.custom_tags = std::mem::take(&mut self.older_tags);
        }
        self.raw = Some(raw);
    }
}
