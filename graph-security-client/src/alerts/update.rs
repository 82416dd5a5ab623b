//! What to change on an alert.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::words::{AlertClassification, AlertDetermination, AlertStatus};

/// What to change on an alert; what is not set is not sent, and the service keeps or recalculates it. Page: "Update
/// alert".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[must_use]
pub struct AlertUpdate {
    /// The new status: `new`, `inProgress` or `resolved`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<AlertStatus>,
    /// The new verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classification: Option<AlertClassification>,
    /// The new reason behind the verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub determination: Option<AlertDetermination>,
    /// The new owner; `Some(None)` takes the present one away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assigned_to: Option<Option<String>>,
    /// The customer's own details, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_details: Option<BTreeMap<String, String>>,
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

    /// Also a new owner.
    pub fn with_assigned_to(mut self, user: impl Into<String>) -> Self {
        self.assigned_to = Some(Some(user.into()));
        self
    }

    /// Also takes the present owner away.
    pub fn unassigned(mut self) -> Self {
        self.assigned_to = Some(None);
        self
    }

    /// Also the customer's own details, in the place of those that are there.
    pub fn with_custom_details(mut self, details: BTreeMap<String, String>) -> Self {
        self.custom_details = Some(details);
        self
    }
}
