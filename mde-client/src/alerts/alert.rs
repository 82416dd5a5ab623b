//! The alert as the service has it: every documented field and those seen beside them.

use chrono::{DateTime, Utc};
use pocketsoc_model::{Error, ErrorKind, RawJson, Result, id_type};
use pocketsoc_transport::{Decode as _, lenient};
use serde::Deserialize;

use crate::native::keep_raw;

use super::words::{
    AlertClassification, AlertDetermination, AlertSeverity, AlertStatus, EvidenceKind, InvestigationState,
};

id_type! {
    /// The id of an alert, opaque, such as `da637472900382838869_1364969609`.
    pub struct AlertId("alert id");
}

/// An alert of Defender for Endpoint. Pages: "Alerts" and "List alerts API".
///
/// Only the id can be relied on; every other field may be absent. [`raw`](Self::raw) has what is not typed.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Alert {
    /// The id.
    pub id: AlertId,
    /// The incident's number.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub incident_id: Option<i64>,
    /// The automated investigation's number; its own id is this as text.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub investigation_id: Option<i64>,
    /// How far the investigation has come.
    #[serde(default, deserialize_with = "lenient::word")]
    pub investigation_state: Option<InvestigationState>,
    /// The owner: a user principal name, or `Automation`, or `API Action`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub assigned_to: Option<String>,
    /// How bad.
    #[serde(default, deserialize_with = "lenient::word")]
    pub severity: Option<AlertSeverity>,
    /// Where it stands.
    #[serde(default, deserialize_with = "lenient::word")]
    pub status: Option<AlertStatus>,
    /// The verdict.
    #[serde(default, deserialize_with = "lenient::word")]
    pub classification: Option<AlertClassification>,
    /// The reason behind the verdict.
    #[serde(default, deserialize_with = "lenient::word")]
    pub determination: Option<AlertDetermination>,
    /// What detected it, such as `WindowsDefenderAtp`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub detection_source: Option<String>,
    /// The rule that detected it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub detector_id: Option<String>,
    /// The category; an ATT&CK tactic or a word of the service's own.
    #[serde(default, deserialize_with = "lenient::text")]
    pub category: Option<String>,
    /// The threat's family.
    #[serde(default, deserialize_with = "lenient::text")]
    pub threat_family_name: Option<String>,
    /// The threat.
    #[serde(default, deserialize_with = "lenient::text")]
    pub threat_name: Option<String>,
    /// One line.
    #[serde(default, deserialize_with = "lenient::text")]
    pub title: Option<String>,
    /// Paragraphs.
    #[serde(default, deserialize_with = "lenient::text")]
    pub description: Option<String>,
    /// What the service advises; set on alerts created by reference.
    #[serde(default, deserialize_with = "lenient::text")]
    pub recommended_action: Option<String>,
    /// When it was raised.
    #[serde(default, deserialize_with = "lenient::time")]
    pub alert_creation_time: Option<DateTime<Utc>>,
    /// The first event it is about.
    #[serde(default, deserialize_with = "lenient::time")]
    pub first_event_time: Option<DateTime<Utc>>,
    /// The last event it is about.
    #[serde(default, deserialize_with = "lenient::time")]
    pub last_event_time: Option<DateTime<Utc>>,
    /// When anything of it last changed.
    #[serde(default, deserialize_with = "lenient::time")]
    pub last_update_time: Option<DateTime<Utc>>,
    /// When it was resolved.
    #[serde(default, deserialize_with = "lenient::time")]
    pub resolved_time: Option<DateTime<Utc>>,
    /// The machine it is about.
    #[serde(default, deserialize_with = "lenient::text")]
    pub machine_id: Option<String>,
    /// The machine's fully qualified name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub computer_dns_name: Option<String>,
    /// The machine's device group.
    #[serde(default, deserialize_with = "lenient::text")]
    pub rbac_group_name: Option<String>,
    /// The tenant.
    #[serde(default, deserialize_with = "lenient::text")]
    pub aad_tenant_id: Option<String>,
    /// ATT&CK techniques and sub-techniques.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub mitre_techniques: Vec<String>,
    /// The user it is about.
    #[serde(default, deserialize_with = "lenient::object")]
    pub related_user: Option<RelatedUser>,
    /// Who was logged on. Undocumented, seen on the wire.
    #[serde(default, deserialize_with = "lenient::objects")]
    pub logged_on_users: Vec<LoggedOnUser>,
    /// Domains. Undocumented, seen empty on the wire; of unknown shape, so kept as it came.
    #[serde(default)]
    pub domains: Option<RawJson>,
    /// Remarks.
    #[serde(default, deserialize_with = "lenient::objects")]
    pub comments: Vec<AlertComment>,
    /// What is involved. Empty in lists unless asked for: empty does not mean none.
    #[serde(default, deserialize_with = "lenient::objects")]
    pub evidence: Vec<AlertEvidence>,
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

    pub(crate) fn take_raw(&mut self) -> Option<RawJson> {
        self.raw.take()
    }
}

keep_raw!(Alert);

/// The user that an alert is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RelatedUser {
    /// The account name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub user_name: Option<String>,
    /// The domain.
    #[serde(default, deserialize_with = "lenient::text")]
    pub domain_name: Option<String>,
}

/// A user who was logged on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LoggedOnUser {
    /// The account name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub account_name: Option<String>,
    /// The domain.
    #[serde(default, deserialize_with = "lenient::text")]
    pub domain_name: Option<String>,
}

/// A remark on an alert.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AlertComment {
    /// What was written.
    #[serde(default, deserialize_with = "lenient::text")]
    pub comment: Option<String>,
    /// By whom.
    #[serde(default, deserialize_with = "lenient::text")]
    pub created_by: Option<String>,
    /// When.
    #[serde(default, alias = "createTime", deserialize_with = "lenient::time")]
    pub created_time: Option<DateTime<Utc>>,
}

/// One thing that an alert involves. Flat: the fields that are not of its kind are absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AlertEvidence {
    /// Its kind.
    #[serde(default, deserialize_with = "lenient::word")]
    pub entity_type: Option<EvidenceKind>,
    /// When it became evidence.
    #[serde(default, deserialize_with = "lenient::time")]
    pub evidence_creation_time: Option<DateTime<Utc>>,
    /// SHA-1, hexadecimal.
    #[serde(default, deserialize_with = "lenient::text")]
    pub sha1: Option<String>,
    /// SHA-256, hexadecimal.
    #[serde(default, deserialize_with = "lenient::text")]
    pub sha256: Option<String>,
    /// The file's name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub file_name: Option<String>,
    /// The folder, without the name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub file_path: Option<String>,
    /// The process id.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub process_id: Option<i64>,
    /// The command line.
    #[serde(default, deserialize_with = "lenient::text")]
    pub process_command_line: Option<String>,
    /// When the process started.
    #[serde(default, deserialize_with = "lenient::time")]
    pub process_creation_time: Option<DateTime<Utc>>,
    /// The parent's process id.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub parent_process_id: Option<i64>,
    /// When the parent started.
    #[serde(default, deserialize_with = "lenient::time")]
    pub parent_process_creation_time: Option<DateTime<Utc>>,
    /// The name of the parent's image.
    #[serde(default, deserialize_with = "lenient::text")]
    pub parent_process_file_name: Option<String>,
    /// The folder of the parent's image.
    #[serde(default, deserialize_with = "lenient::text")]
    pub parent_process_file_path: Option<String>,
    /// The address.
    #[serde(default, deserialize_with = "lenient::text")]
    pub ip_address: Option<String>,
    /// The web address.
    #[serde(default, deserialize_with = "lenient::text")]
    pub url: Option<String>,
    /// The registry key.
    #[serde(default, deserialize_with = "lenient::text")]
    pub registry_key: Option<String>,
    /// The registry hive.
    #[serde(default, deserialize_with = "lenient::text")]
    pub registry_hive: Option<String>,
    /// The registry value's type.
    #[serde(default, deserialize_with = "lenient::text")]
    pub registry_value_type: Option<String>,
    /// The registry value.
    #[serde(default, deserialize_with = "lenient::text")]
    pub registry_value: Option<String>,
    /// The registry value's name. Undocumented, seen on the wire.
    #[serde(default, deserialize_with = "lenient::text")]
    pub registry_value_name: Option<String>,
    /// The account name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub account_name: Option<String>,
    /// The account's domain.
    #[serde(default, deserialize_with = "lenient::text")]
    pub domain_name: Option<String>,
    /// The Windows security identifier.
    #[serde(default, deserialize_with = "lenient::text")]
    pub user_sid: Option<String>,
    /// The Entra object id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub aad_user_id: Option<String>,
    /// The user principal name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub user_principal_name: Option<String>,
    /// The mailbox's address.
    #[serde(default, deserialize_with = "lenient::text")]
    pub mailbox_address: Option<String>,
    /// The mailbox's display name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub mailbox_display_name: Option<String>,
    /// The message's sender.
    #[serde(default, deserialize_with = "lenient::text")]
    pub sender: Option<String>,
    /// The message's recipient.
    #[serde(default, deserialize_with = "lenient::text")]
    pub recipient: Option<String>,
    /// The message's subject.
    #[serde(default, deserialize_with = "lenient::text")]
    pub subject: Option<String>,
    /// What the sensor says: `Detected`, `Blocked`, `Prevented`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub detection_status: Option<String>,
}
