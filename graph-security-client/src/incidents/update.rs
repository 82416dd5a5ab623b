//! What to change on an incident.

use serde::Serialize;

use super::Incident;
use crate::many::{fits, is_owner};
use crate::words::{AlertClassification, AlertDetermination, AlertSeverity, IncidentStatus};

/// What to change on an incident; what is not set is not sent, and the service keeps or recalculates it. Page: "Update
/// incident".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[must_use]
pub struct IncidentUpdate {
    /// The new status: `active`, `inProgress` or `resolved`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<IncidentStatus>,
    /// The new verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classification: Option<AlertClassification>,
    /// The new reason behind the verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub determination: Option<AlertDetermination>,
    /// The new owner; `Some(None)` takes the present one away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assigned_to: Option<Option<String>>,
    /// The customer's own labels, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_tags: Option<Vec<String>>,
    /// The new title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The new description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The new severity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<AlertSeverity>,
    /// Why it was resolved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolving_comment: Option<String>,
    /// The new overview of the attack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}

impl IncidentUpdate {
    /// Nothing yet; the fields can be set as well.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also a new status.
    pub fn with_status(mut self, status: IncidentStatus) -> Self {
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

    /// Also the customer's own labels, in the place of those that are there.
    pub fn with_custom_tags(mut self, tags: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.custom_tags = Some(tags.into_iter().map(Into::into).collect());
        self
    }

    /// Also a new title.
    pub fn with_display_name(mut self, title: impl Into<String>) -> Self {
        self.display_name = Some(title.into());
        self
    }

    /// Also a new description.
    pub fn with_description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Also a new severity.
    pub fn with_severity(mut self, severity: AlertSeverity) -> Self {
        self.severity = Some(severity);
        self
    }

    /// Also why it was resolved.
    pub fn with_resolving_comment(mut self, text: impl Into<String>) -> Self {
        self.resolving_comment = Some(text.into());
        self
    }

    /// Also a new overview of the attack.
    pub fn with_summary(mut self, text: impl Into<String>) -> Self {
        self.summary = Some(text.into());
        self
    }

    /// Whether what is seen is what was asked for.
    pub(super) fn shows_in(&self, seen: &Incident) -> bool {
        fits(self.status.as_ref(), seen.status.as_ref())
            && fits(self.classification.as_ref(), seen.classification.as_ref())
            && fits(self.determination.as_ref(), seen.determination.as_ref())
            && is_owner(self.assigned_to.as_ref(), seen.assigned_to.as_deref())
            && fits(self.custom_tags.as_ref(), Some(&seen.custom_tags))
            && fits(self.display_name.as_ref(), seen.display_name.as_ref())
            && fits(self.description.as_ref(), seen.description.as_ref())
            && fits(self.severity.as_ref(), seen.severity.as_ref())
            && fits(self.resolving_comment.as_ref(), seen.resolving_comment.as_ref())
            && fits(self.summary.as_ref(), seen.summary.as_ref())
    }
}
