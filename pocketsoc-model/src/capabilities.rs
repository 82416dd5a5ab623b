//! What a source can do and what its credential may do.

use serde::{Deserialize, Serialize};

use crate::Status;

/// Who applies a filter of a [`DetectionQuery`](crate::DetectionQuery).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Filtering {
    /// The service: what does not match is not sent.
    Native,
    /// The source: everything is read, what does not match is dropped.
    Local,
    /// Nobody can: the query is refused.
    Refused,
}

/// Who applies each filter of a [`DetectionQuery`](crate::DetectionQuery).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct QueryFilters {
    /// The window on the update time.
    pub updated: Filtering,
    /// The statuses.
    pub statuses: Filtering,
    /// The severity threshold.
    pub min_severity: Filtering,
    /// The device group.
    pub machine_group: Filtering,
}

impl QueryFilters {
    /// Every filter is applied by the source itself.
    pub const LOCAL: Self = Self {
        updated: Filtering::Local,
        statuses: Filtering::Local,
        min_severity: Filtering::Local,
        machine_group: Filtering::Local,
    };

    /// Who applies the window on the update time.
    #[must_use]
    pub fn with_updated(mut self, by: Filtering) -> Self {
        self.updated = by;
        self
    }

    /// Who applies the statuses.
    #[must_use]
    pub fn with_statuses(mut self, by: Filtering) -> Self {
        self.statuses = by;
        self
    }

    /// Who applies the severity threshold.
    #[must_use]
    pub fn with_min_severity(mut self, by: Filtering) -> Self {
        self.min_severity = by;
        self
    }

    /// Who applies the device group.
    #[must_use]
    pub fn with_machine_group(mut self, by: Filtering) -> Self {
        self.machine_group = by;
        self
    }
}

/// What a source can do and what its credential may do, found without acting.
///
/// `Some(true)`: the grant is there. `Some(false)`: it is missing, or the product has no such thing. `None`: the
/// token does not tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Capabilities {
    /// Read detections.
    pub view: Option<bool>,
    /// Change the status.
    pub triage: Option<bool>,
    /// Set classification and determination.
    pub classify: Option<bool>,
    /// Set the assignee.
    pub assign: Option<bool>,
    /// Add comments.
    pub comment: Option<bool>,
    /// Read machines.
    pub machines: Option<bool>,
    /// Isolate and release hosts.
    pub isolate: Option<bool>,
    /// Read machine actions and cancel pending ones.
    pub actions: Option<bool>,
    /// Run hunting queries.
    pub hunt: Option<bool>,
    /// The grants or roles that are missing for what the product could do.
    pub missing: Vec<String>,
    /// What to change, and where, to get what is missing.
    pub advice: Option<String>,
    /// The statuses that can be written.
    pub statuses: Vec<Status>,
    /// Who applies each filter.
    pub filters: QueryFilters,
}

impl Capabilities {
    /// Nothing known yet; every filter local.
    pub fn unknown() -> Self {
        Self {
            view: None,
            triage: None,
            classify: None,
            assign: None,
            comment: None,
            machines: None,
            isolate: None,
            actions: None,
            hunt: None,
            missing: Vec::new(),
            advice: None,
            statuses: Vec::new(),
            filters: QueryFilters::LOCAL,
        }
    }
}
