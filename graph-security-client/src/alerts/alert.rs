//! The alert as the service has it: every property of the schema and those seen beside it.

use chrono::{DateTime, Utc};
use pocketsoc_model::{Error, ErrorKind, Properties, RawJson, Result, id_type};
use pocketsoc_transport::{Decode as _, KeepRaw, lenient};
use serde::Deserialize;

use crate::comment::AlertComment;
use crate::evidence::{self, Evidence};
use crate::words::{
    AlertClassification, AlertDetermination, AlertSeverity, AlertStatus, DetectionOrigin, InvestigationState,
    ServiceSource,
};

id_type! {
    /// The id of an alert, opaque, such as `da637551227677560813_-961444813`.
    pub struct AlertId("alert id");
}

/// An alert of any Defender product. Page: "alert resource type" (`microsoft.graph.security`).
///
/// Only the id can be relied on; every other field may be absent. [`raw`](Self::raw) has what is not typed.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Alert {
    /// The id.
    pub id: AlertId,
    /// The id in the product that raised it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub provider_alert_id: Option<String>,
    /// The incident.
    #[serde(default, deserialize_with = "lenient::text")]
    pub incident_id: Option<String>,
    /// Where it stands.
    #[serde(default, deserialize_with = "lenient::word")]
    pub status: Option<AlertStatus>,
    /// How bad.
    #[serde(default, deserialize_with = "lenient::word")]
    pub severity: Option<AlertSeverity>,
    /// The verdict.
    #[serde(default, deserialize_with = "lenient::word")]
    pub classification: Option<AlertClassification>,
    /// The reason behind the verdict.
    #[serde(default, deserialize_with = "lenient::word")]
    pub determination: Option<AlertDetermination>,
    /// The service that it comes from.
    #[serde(default, deserialize_with = "lenient::word")]
    pub service_source: Option<ServiceSource>,
    /// What detected it.
    #[serde(default, rename = "detectionSource", deserialize_with = "lenient::word")]
    pub detection_origin: Option<DetectionOrigin>,
    /// The product's name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub product_name: Option<String>,
    /// The rule that detected it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub detector_id: Option<String>,
    /// The tenant.
    #[serde(default, deserialize_with = "lenient::text")]
    pub tenant_id: Option<String>,
    /// One line.
    #[serde(default, deserialize_with = "lenient::text")]
    pub title: Option<String>,
    /// Paragraphs.
    #[serde(default, deserialize_with = "lenient::text")]
    pub description: Option<String>,
    /// What the service advises, in lines.
    #[serde(default, deserialize_with = "lenient::text")]
    pub recommended_actions: Option<String>,
    /// The category; an ATT&CK tactic or a word of the service's own.
    #[serde(default, deserialize_with = "lenient::text")]
    pub category: Option<String>,
    /// Several of them. Undocumented, seen on the wire.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub categories: Vec<String>,
    /// The owner: a user, `Automation`, or `Suppression rule`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub assigned_to: Option<String>,
    /// Its page in the portal.
    #[serde(default, deserialize_with = "lenient::text")]
    pub alert_web_url: Option<String>,
    /// The incident's page in the portal.
    #[serde(default, deserialize_with = "lenient::text")]
    pub incident_web_url: Option<String>,
    /// The attacker.
    #[serde(default, deserialize_with = "lenient::text")]
    pub actor_display_name: Option<String>,
    /// The threat.
    #[serde(default, deserialize_with = "lenient::text")]
    pub threat_display_name: Option<String>,
    /// The threat's family.
    #[serde(default, deserialize_with = "lenient::text")]
    pub threat_family_name: Option<String>,
    /// ATT&CK techniques and sub-techniques.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub mitre_techniques: Vec<String>,
    /// When it was raised.
    #[serde(default, deserialize_with = "lenient::time")]
    pub created_date_time: Option<DateTime<Utc>>,
    /// When anything of it last changed.
    #[serde(default, deserialize_with = "lenient::time")]
    pub last_update_date_time: Option<DateTime<Utc>>,
    /// When it was resolved; may be absent although it is.
    #[serde(default, deserialize_with = "lenient::time")]
    pub resolved_date_time: Option<DateTime<Utc>>,
    /// The first activity it is about.
    #[serde(default, deserialize_with = "lenient::time")]
    pub first_activity_date_time: Option<DateTime<Utc>>,
    /// The last activity it is about.
    #[serde(default, deserialize_with = "lenient::time")]
    pub last_activity_date_time: Option<DateTime<Utc>>,
    /// Comments.
    #[serde(default, deserialize_with = "lenient::objects")]
    pub comments: Vec<AlertComment>,
    /// What is involved, as it came; see [`evidence`](Self::evidence).
    #[serde(default)]
    pub evidence: Option<RawJson>,
    /// Labels of the service.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub system_tags: Vec<String>,
    /// The policy that raised it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub alert_policy_id: Option<String>,
    /// The product's extras: each name with its text.
    #[serde(default, deserialize_with = "lenient::properties")]
    pub additional_data: Properties,
    /// The customer's own details.
    #[serde(default, deserialize_with = "lenient::properties")]
    pub custom_details: Properties,
    /// How far the automated investigation has come.
    #[serde(default, deserialize_with = "lenient::word")]
    pub investigation_state: Option<InvestigationState>,
    #[serde(skip)]
    raw: Option<RawJson>,
}

impl Alert {
    /// Reads an alert from its JSON, as the service or a file has it.
    ///
    /// # Errors
    /// `Decode` when it is no JSON object with an id.
    pub fn from_json(text: &str) -> Result<Self> {
        Self::decode(text).map_err(|e| {
            Error::new(ErrorKind::Decode, "read an alert").with_message("it is no alert").with_source(e)
        })
    }

    /// What is involved, read now; what is no object is passed over.
    ///
    /// # Errors
    /// `Decode` when it is broken.
    pub fn evidence(&self) -> Result<Vec<Evidence>> {
        evidence::read(self.evidence.as_ref().map_or("[]", RawJson::as_str))
    }

    /// The alert's JSON as it came, byte for byte.
    pub fn raw(&self) -> Option<&RawJson> {
        self.raw.as_ref()
    }

    pub(crate) fn take_raw(&mut self) -> Option<RawJson> {
        self.raw.take()
    }
}

impl KeepRaw for Alert {
    fn keep_raw(&mut self, raw: RawJson) {
        self.raw = Some(raw);
    }
}
