//! What to change on an alert.

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

    /// An absolute state may be written twice; a comment would appear twice.
    pub(super) fn replay(&self) -> Replay {
        if self.comment.is_some() { Replay::Never } else { Replay::Always }
    }
}
