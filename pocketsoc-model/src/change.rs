//! What to change on a detection.

use std::fmt;

use crate::{Classification, Detection, Determination, Status, check_pair};

/// One part of a [`DetectionChange`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChangePart {
    /// The workflow status.
    Status,
    /// The verdict.
    Classification,
    /// The reason behind the verdict.
    Determination,
    /// The assignee.
    AssignedTo,
    /// A new comment.
    Comment,
}

impl fmt::Display for ChangePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Status => "status",
            Self::Classification => "classification",
            Self::Determination => "determination",
            Self::AssignedTo => "assigned_to",
            Self::Comment => "comment",
        })
    }
}

/// What to change on a detection; what is not set stays.
///
/// ```
/// use pocketsoc_model::{Classification, Determination, DetectionChange, Status};
/// let change = DetectionChange::status(Status::Resolved)
///     .with_classification(Classification::TruePositive)
///     .with_determination(Determination::Malware)
///     .with_comment("cleaned up");
/// assert_eq!(change.parts().count(), 4);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DetectionChange {
    /// The new status.
    pub status: Option<Status>,
    /// The new verdict.
    pub classification: Option<Classification>,
    /// The new reason behind the verdict.
    pub determination: Option<Determination>,
    /// The new assignee, usually a user principal name.
    pub assigned_to: Option<String>,
    /// A comment to add.
    pub comment: Option<String>,
}

impl DetectionChange {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A new status.
    pub fn status(status: Status) -> Self {
        Self::new().with_status(status)
    }

    /// Also a new status.
    #[must_use]
    pub fn with_status(mut self, status: Status) -> Self {
        self.status = Some(status);
        self
    }

    /// Also a verdict.
    #[must_use]
    pub fn with_classification(mut self, classification: Classification) -> Self {
        self.classification = Some(classification);
        self
    }

    /// Also the reason behind the verdict.
    #[must_use]
    pub fn with_determination(mut self, determination: Determination) -> Self {
        self.determination = Some(determination);
        self
    }

    /// Also an assignee.
    #[must_use]
    pub fn with_assigned_to(mut self, user: impl Into<String>) -> Self {
        self.assigned_to = Some(user.into());
        self
    }

    /// Also a comment.
    #[must_use]
    pub fn with_comment(mut self, text: impl Into<String>) -> Self {
        self.comment = Some(text.into());
        self
    }

    /// Whether nothing is to change.
    pub fn is_empty(&self) -> bool {
        self.parts().next().is_none()
    }

    /// The parts that are set.
    pub fn parts(&self) -> impl Iterator<Item = ChangePart> {
        [
            self.status.map(|_| ChangePart::Status),
            self.classification.map(|_| ChangePart::Classification),
            self.determination.map(|_| ChangePart::Determination),
            self.assigned_to.as_ref().map(|_| ChangePart::AssignedTo),
            self.comment.as_ref().map(|_| ChangePart::Comment),
        ]
        .into_iter()
        .flatten()
    }

    /// The verdict that `current` is to have: services recalculate the half that a write leaves out, so both halves go
    /// together, as far as what stands already goes with what is new. "Unknown" is no verdict.
    pub fn verdict_on(&self, current: &Detection) -> (Option<Classification>, Option<Determination>) {
        let standing = current.classification.filter(|c| *c != Classification::Unknown);
        let classification = self.classification.or(standing);
        let goes_with = |d: &Determination| classification.is_some_and(|c| check_pair(c, *d).is_ok());
        (classification, self.determination.or(current.determination.filter(goes_with)))
    }

    /// The parts that a detection does not show: what is still to be written, or, after a write, what did not take.
    ///
    /// A comment always counts as missing unless the detection carries one with the same text.
    pub fn missing_from(&self, detection: &Detection) -> Vec<ChangePart> {
        self.parts()
            .filter(|part| match part {
                ChangePart::Status => self.status != Some(detection.status),
                ChangePart::Classification => self.classification != detection.classification,
                ChangePart::Determination => self.determination != detection.determination,
                ChangePart::AssignedTo => {
                    let same = |a: &Option<String>, b: &Option<String>| match (a, b) {
                        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
                        _ => a == b,
                    };
                    !same(&self.assigned_to, &detection.assigned_to)
                }
                ChangePart::Comment => !detection
                    .comments
                    .iter()
                    .any(|c| Some(c.text.trim()) == self.comment.as_deref().map(str::trim)),
            })
            .collect()
    }
}
