//! What is written of an indicator, and what became of it.

use std::net::IpAddr;

use chrono::{DateTime, SecondsFormat, Utc};
use pocketsoc_model::{Error, ErrorKind, Result};
use pocketsoc_transport::lenient;
use serde::{Deserialize, Serialize};

use super::indicator::{IndicatorAction, IndicatorKind};
use crate::alerts::AlertSeverity;

/// An indicator to be created, or to take the place of the one with the same value and type.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use]
pub struct NewIndicator {
    indicator_value: String,
    indicator_type: String,
    action: String,
    title: String,
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    application: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recommended_actions: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rbac_group_names: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    educate_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generate_alert: Option<bool>,
}

impl NewIndicator {
    /// What it is, what is done where it is met, and why. One that is audited raises alerts, as the service demands.
    pub fn new(
        kind: &IndicatorKind,
        value: impl Into<String>,
        action: &IndicatorAction,
        title: impl Into<String>,
        description: impl Into<String>,
    ) -> Self {
        Self {
            indicator_value: value.into(),
            indicator_type: kind.as_str().to_owned(),
            action: action.as_str().to_owned(),
            title: title.into(),
            description: description.into(),
            application: None,
            expiration_time: None,
            severity: None,
            recommended_actions: None,
            rbac_group_names: None,
            educate_url: None,
            generate_alert: (*action == IndicatorAction::Audit).then_some(true),
        }
    }

    /// The application that it belongs to; of effect only when it is created.
    pub fn with_application(mut self, name: impl Into<String>) -> Self {
        self.application = Some(name.into());
        self
    }

    /// When it ends.
    pub fn with_expiration(mut self, at: DateTime<Utc>) -> Self {
        self.expiration_time = Some(at.to_rfc3339_opts(SecondsFormat::Secs, true));
        self
    }

    /// How bad the alerts are that it raises.
    pub fn with_severity(mut self, severity: &AlertSeverity) -> Self {
        self.severity = Some(severity.as_str().to_owned());
        self
    }

    /// What to do.
    pub fn with_recommended_actions(mut self, text: impl Into<String>) -> Self {
        self.recommended_actions = Some(text.into());
        self
    }

    /// Only for machines of these groups; of none means of all.
    pub fn with_machine_groups(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.rbac_group_names = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Where users learn why something was stopped: for URLs that are blocked or warned of.
    pub fn with_educate_url(mut self, url: impl Into<String>) -> Self {
        self.educate_url = Some(url.into());
        self
    }

    /// Whether it raises alerts.
    pub fn with_alerts(mut self, on: bool) -> Self {
        self.generate_alert = Some(on);
        self
    }

    /// Checks what the service would refuse.
    pub(super) fn check(&self) -> Result<()> {
        let refuse = |message: String| {
            Err(Error::new(ErrorKind::InvalidRequest, "write an indicator").with_message(message))
        };
        let hex = |length: usize| {
            self.indicator_value.len() == length
                && self.indicator_value.bytes().all(|b| b.is_ascii_hexdigit())
        };
        let fits = match IndicatorKind::from(self.indicator_type.as_str()) {
            IndicatorKind::FileSha1 | IndicatorKind::CertificateThumbprint => hex(40),
            IndicatorKind::FileSha256 => hex(64),
            IndicatorKind::FileMd5 => hex(32),
            // Ranges are not taken.
            IndicatorKind::IpAddress => self.indicator_value.parse::<IpAddr>().is_ok(),
            _ => !self.indicator_value.trim().is_empty(),
        };
        if !fits {
            return refuse(format!("the value is no {}", self.indicator_type));
        }
        if self.title.trim().is_empty() || self.description.trim().is_empty() {
            return refuse("title and description are needed".into());
        }
        if self.action == IndicatorAction::Audit.as_str() && self.generate_alert == Some(false) {
            return refuse("an indicator that is audited raises alerts".into());
        }
        Ok(())
    }
}

/// What became of one indicator of an import: the call succeeds although some fail.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ImportOutcome {
    /// Its id, where it was taken.
    #[serde(default, deserialize_with = "lenient::text")]
    pub id: Option<String>,
    /// Its value.
    #[serde(default, rename = "indicator", deserialize_with = "lenient::text")]
    pub value: Option<String>,
    /// Whether it was not taken.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub is_failed: Option<bool>,
    /// Why.
    #[serde(default, deserialize_with = "lenient::text")]
    pub failure_reason: Option<String>,
}

impl ImportOutcome {
    /// Whether it was taken, as far as the service says.
    pub fn is_taken(&self) -> bool {
        self.is_failed == Some(false)
    }
}
