//! Which incidents to list.

use pocketsoc_transport::odata::Filter;

/// The fields that incidents can be filtered by. Page: "List incidents".
pub mod fields {
    use chrono::{DateTime, Utc};
    use pocketsoc_transport::odata::Field;

    use crate::words::{AlertClassification, AlertDetermination, AlertSeverity, IncidentStatus};

    /// The owner.
    pub const ASSIGNED_TO: Field<str> = Field::new("assignedTo");
    /// The verdict.
    pub const CLASSIFICATION: Field<AlertClassification> = Field::new("classification");
    /// When it began.
    pub const CREATED_DATE_TIME: Field<DateTime<Utc>> = Field::new("createdDateTime");
    /// The reason behind the verdict.
    pub const DETERMINATION: Field<AlertDetermination> = Field::new("determination");
    /// When anything of it last changed.
    pub const LAST_UPDATE_DATE_TIME: Field<DateTime<Utc>> = Field::new("lastUpdateDateTime");
    /// How bad.
    pub const SEVERITY: Field<AlertSeverity> = Field::new("severity");
    /// Where it stands.
    pub const STATUS: Field<IncidentStatus> = Field::new("status");
}

/// The largest page: more is refused, without a reason given.
const LARGEST_PAGE: u32 = 50;

/// Which incidents to list, and how much of each.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct IncidentQuery {
    filter: Option<Filter>,
    alerts: bool,
    page_size: Option<u32>,
}

impl IncidentQuery {
    /// All incidents, without their alerts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only those that pass the filter.
    pub fn with_filter(mut self, filter: impl Into<Option<Filter>>) -> Self {
        self.filter = filter.into();
        self
    }

    /// With their alerts, evidence included. Large tenants have been seen to fail at it, always: the detections of
    /// [`incident_detections`](crate::GraphSecurityClient::incident_detections) then ask for each incident apart, this list
    /// does not.
    pub fn with_alerts(mut self) -> Self {
        self.alerts = true;
        self
    }

    /// So many a page, from 1 to 50 (the default).
    pub fn with_page_size(mut self, size: u32) -> Self {
        self.page_size = Some(size.clamp(1, LARGEST_PAGE));
        self
    }

    pub(super) fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    pub(super) fn has_alerts(&self) -> bool {
        self.alerts
    }

    pub(super) fn page_size(&self) -> u32 {
        self.page_size.unwrap_or(LARGEST_PAGE)
    }
}
