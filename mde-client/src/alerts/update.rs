//! What to change on an alert.

use pocketsoc_model::{Classification, Determination, Error, ErrorKind, Result, check_pair};
use pocketsoc_transport::Replay;
use serde::Serialize;

use super::words::{AlertClassification, AlertDetermination, AlertStatus};

/// What to change on an alert; what is not set is not sent. Page: "Update alert".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[must_use]
pub struct AlertUpdate {
    /// The new status: `New`, `InProgress` or `Resolved`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<AlertStatus>,
    /// The new owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assigned_to: Option<String>,
    /// The new verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classification: Option<AlertClassification>,
    /// The new reason behind the verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub determination: Option<AlertDetermination>,
    /// A comment to add.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl AlertUpdate {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also a new status.
    pub fn with_status(mut self, status: AlertStatus) -> Self {
        self.status = Some(status);
        self
    }

    /// Also a new owner.
    pub fn with_assigned_to(mut self, user: impl Into<String>) -> Self {
        self.assigned_to = Some(user.into());
        self
    }

    /// Also a verdict.
    pub fn with_classification(mut self, classification: AlertClassification) -> Self {
        self.classification = Some(classification);
        self
    }

    /// Also the reason behind the verdict.
    pub fn with_determination(mut self, determination: AlertDetermination) -> Self {
        self.determination = Some(determination);
        self
    }

    /// Also a comment.
    pub fn with_comment(mut self, text: impl Into<String>) -> Self {
        self.comment = Some(text.into());
        self
    }

    /// Checks what the service does not document.
    pub(super) fn check(&self) -> Result<()> {
        let (Some(classification), Some(determination)) = (&self.classification, &self.determination) else {
            return Ok(());
        };
        let known = (
            Classification::from_native(classification.as_str()),
            Determination::from_native(determination.as_str()),
        );
        // A word that this version does not know is the caller's own business.
        if !classification.is_known() || !determination.is_known() {
            return Ok(());
        }
        check_pair(known.0, known.1).map_err(|pair| {
            Error::new(ErrorKind::InvalidRequest, "update the alert")
                .with_message(pair.to_string())
                .with_hint("take one of those, or let the client allow any pair")
        })
    }

    /// An absolute state may be written twice; a comment would appear twice.
    pub(super) fn replay(&self) -> Replay {
        if self.comment.is_some() { Replay::Never } else { Replay::Always }
    }
}
