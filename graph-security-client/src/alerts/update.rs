//! What to change on an alert.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Alert;
use crate::many::{fits, is_owner};
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

    /// Whether what is seen is what was asked for.
    pub(super) fn shows_in(&self, seen: &Alert) -> bool {
        let details = |asked: &BTreeMap<String, String>| {
            asked.len() == seen.custom_details.len()
                && asked.iter().all(|(name, text)| seen.custom_details.get(name) == Some(text))
        };
        fits(self.status.as_ref(), seen.status.as_ref())
            && fits(self.classification.as_ref(), seen.classification.as_ref())
            && fits(self.determination.as_ref(), seen.determination.as_ref())
            && is_owner(self.assigned_to.as_ref(), seen.assigned_to.as_deref())
            && self.custom_details.as_ref().is_none_or(details)
    }
}
