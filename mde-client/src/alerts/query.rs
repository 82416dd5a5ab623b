//! Which alerts to list.

use pocketsoc_transport::odata::Filter;

use crate::route::LARGEST_PAGE;

/// The fields that alerts can be filtered by. Page: "List alerts API".
pub mod fields {
    use chrono::{DateTime, Utc};
    use pocketsoc_transport::odata::Field;

    use crate::alerts::{AlertSeverity, AlertStatus};

    /// The id.
    pub const ID: Field<str> = Field::new("id");
    /// When the alert was raised.
    pub const ALERT_CREATION_TIME: Field<DateTime<Utc>> = Field::new("alertCreationTime");
    /// When anything of it last changed.
    pub const LAST_UPDATE_TIME: Field<DateTime<Utc>> = Field::new("lastUpdateTime");
    /// The last event it is about.
    pub const LAST_EVENT_TIME: Field<DateTime<Utc>> = Field::new("lastEventTime");
    /// The incident's number.
    pub const INCIDENT_ID: Field<i64> = Field::new("incidentId");
    /// The investigation's number.
    pub const INVESTIGATION_ID: Field<i64> = Field::new("investigationId");
    /// The owner.
    pub const ASSIGNED_TO: Field<str> = Field::new("assignedTo");
    /// What detected it.
    pub const DETECTION_SOURCE: Field<str> = Field::new("detectionSource");
    /// Where it stands.
    pub const STATUS: Field<AlertStatus> = Field::new("status");
    /// How bad.
    pub const SEVERITY: Field<AlertSeverity> = Field::new("severity");
    /// The category.
    pub const CATEGORY: Field<str> = Field::new("category");
}

/// Which alerts to list, and how much of each.
///
/// ```
/// use mde_client::{AlertQuery, AlertSeverity, fields};
/// let query = AlertQuery::new().with_filter(fields::SEVERITY.eq(&AlertSeverity::High)).with_evidence();
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct AlertQuery {
    filter: Option<Filter>,
    evidence: bool,
    page_size: Option<u32>,
}

impl AlertQuery {
    /// All alerts, without evidence.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only those that pass the filter.
    pub fn with_filter(mut self, filter: impl Into<Option<Filter>>) -> Self {
        self.filter = filter.into();
        self
    }

    /// With evidence.
    pub fn with_evidence(mut self) -> Self {
        self.evidence = true;
        self
    }

    /// So many a page, from 1 to 10,000 (the default). Pages are streamed: large ones cost calls, not memory.
    pub fn with_page_size(mut self, size: u32) -> Self {
        self.page_size = Some(size.clamp(1, LARGEST_PAGE));
        self
    }

    pub(super) fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    pub(super) fn has_evidence(&self) -> bool {
        self.evidence
    }

    pub(super) fn page_size(&self) -> u32 {
        self.page_size.unwrap_or(LARGEST_PAGE)
    }
}
