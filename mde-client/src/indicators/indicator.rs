//! The indicator as the service has it: every documented field and those seen beside them.

use chrono::{DateTime, Utc};
use pocketsoc_model::{RawJson, id_type, open_enum};
use pocketsoc_transport::lenient;
use serde::Deserialize;

use crate::alerts::AlertSeverity;
use crate::native::{keep_raw, literals};

id_type! {
    /// The id of an indicator: a number as text.
    pub struct IndicatorId("indicator id");
}

open_enum! {
    /// What an indicator is.
    #[allow(missing_docs)] // the words are the service's own
    pub enum IndicatorKind {
        FileSha1 = "FileSha1",
        FileSha256 = "FileSha256",
        FileMd5 = "FileMd5",
        CertificateThumbprint = "CertificateThumbprint",
        IpAddress = "IpAddress",
        DomainName = "DomainName",
        Url = "Url",
    }
}

open_enum! {
    /// What is done where an indicator is met.
    pub enum IndicatorAction {
        /// It goes through.
        Allowed = "Allowed",
        /// It goes through, and an alert is raised.
        Audit = "Audit",
        /// It goes through after a warning.
        Warn = "Warn",
        /// It is stopped.
        Block = "Block",
        /// It is stopped and cleaned up.
        BlockAndRemediate = "BlockAndRemediate",
        /// Retired in 2022; read only.
        Alert = "Alert",
        /// Retired in 2022; read only.
        AlertAndBlock = "AlertAndBlock",
    }
}

/// An indicator of compromise. Page: "Indicator resource type".
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Indicator {
    /// The id.
    pub id: IndicatorId,
    /// The hash, address, domain or URL.
    #[serde(default, deserialize_with = "lenient::text")]
    pub indicator_value: Option<String>,
    /// What it is.
    #[serde(default, deserialize_with = "lenient::word")]
    pub indicator_type: Option<IndicatorKind>,
    /// What is done where it is met.
    #[serde(default, deserialize_with = "lenient::word")]
    pub action: Option<IndicatorAction>,
    /// One line.
    #[serde(default, deserialize_with = "lenient::text")]
    pub title: Option<String>,
    /// Paragraphs.
    #[serde(default, deserialize_with = "lenient::text")]
    pub description: Option<String>,
    /// The application that it belongs to.
    #[serde(default, deserialize_with = "lenient::text")]
    pub application: Option<String>,
    /// Who or what brought it.
    #[serde(
        default,
        alias = "createdBySource",
        alias = "createdByDisplayName",
        deserialize_with = "lenient::text"
    )]
    pub source: Option<String>,
    /// `User` or `AadApp`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub source_type: Option<String>,
    /// Who created it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub created_by: Option<String>,
    /// Who changed it last.
    #[serde(default, deserialize_with = "lenient::text")]
    pub last_updated_by: Option<String>,
    /// When it was created.
    #[serde(default, rename = "creationTimeDateTimeUtc", deserialize_with = "lenient::time")]
    pub created_at: Option<DateTime<Utc>>,
    /// When it ends; never where absent.
    #[serde(default, deserialize_with = "lenient::time")]
    pub expiration_time: Option<DateTime<Utc>>,
    /// When anything of it last changed.
    #[serde(default, deserialize_with = "lenient::time")]
    pub last_update_time: Option<DateTime<Utc>>,
    /// How bad the alerts are that it raises.
    #[serde(default, deserialize_with = "lenient::word")]
    pub severity: Option<AlertSeverity>,
    /// What to do.
    #[serde(default, deserialize_with = "lenient::text")]
    pub recommended_actions: Option<String>,
    /// Its device groups; all where empty.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub rbac_group_names: Vec<String>,
    /// Their numbers.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub rbac_group_ids: Vec<String>,
    /// Whether it raises alerts.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub generate_alert: Option<bool>,
    /// An id of the creator's own.
    #[serde(default, alias = "externalID", deserialize_with = "lenient::text")]
    pub external_id: Option<String>,
    /// Where users learn why something was stopped.
    #[serde(default, deserialize_with = "lenient::text")]
    pub educate_url: Option<String>,
    #[serde(skip)]
    raw: Option<RawJson>,
}
keep_raw!(Indicator);
literals!(IndicatorKind, IndicatorAction);
