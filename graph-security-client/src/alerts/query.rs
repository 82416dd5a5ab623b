//! Which alerts to list.

use pocketsoc_transport::odata::Filter;

/// The fields that alerts can be filtered by. Page: "List alerts_v2". The incident is not among them.
pub mod fields {
    use chrono::{DateTime, Utc};
    use pocketsoc_transport::odata::Field;

    use crate::words::{AlertClassification, AlertDetermination, AlertSeverity, AlertStatus, ServiceSource};

    /// The owner.
    pub const ASSIGNED_TO: Field<str> = Field::new("assignedTo");
    /// The verdict.
    pub const CLASSIFICATION: Field<AlertClassification> = Field::new("classification");
    /// The reason behind the verdict.
    pub const DETERMINATION: Field<AlertDetermination> = Field::new("determination");
    /// When it was raised.
    pub const CREATED_DATE_TIME: Field<DateTime<Utc>> = Field::new("createdDateTime");
    /// When anything of it last changed.
    pub const LAST_UPDATE_DATE_TIME: Field<DateTime<Utc>> = Field::new("lastUpdateDateTime");
    /// How bad.
    pub const SEVERITY: Field<AlertSeverity> = Field::new("severity");
    /// The service that it comes from.
    pub const SERVICE_SOURCE: Field<ServiceSource> = Field::new("serviceSource");
    /// Where it stands.
    pub const STATUS: Field<AlertStatus> = Field::new("status");
}

/// The largest page that the service gives.
const LARGEST_PAGE: u32 = 1000;
const USUAL_PAGE: u32 = 500;

/// Which alerts to list.
///
/// ```
/// use graph_security_client::{AlertQuery, ServiceSource, alert_fields};
/// let cloud = alert_fields::SERVICE_SOURCE.eq(&ServiceSource::MicrosoftDefenderForCloud);
/// let query = AlertQuery::new().with_filter(cloud);
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct AlertQuery {
    filter: Option<Filter>,
    page_size: Option<u32>,
}

impl AlertQuery {
    /// All alerts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only those that pass the filter.
    pub fn with_filter(mut self, filter: impl Into<Option<Filter>>) -> Self {
        self.filter = filter.into();
        self
    }

    /// So many a page, from 1 to 1,000; 500 unless given. Pages are streamed: large ones cost calls, not memory.
    pub fn with_page_size(mut self, size: u32) -> Self {
        self.page_size = Some(size.clamp(1, LARGEST_PAGE));
        self
    }

    pub(super) fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    pub(super) fn page_size(&self) -> u32 {
        self.page_size.unwrap_or(USUAL_PAGE)
    }
}
