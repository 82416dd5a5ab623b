//! Which machine actions to list.

use pocketsoc_transport::odata::Filter;

use crate::route::LARGEST_PAGE;

/// The fields that machine actions can be filtered by. Page: "List machineActions API".
pub mod fields {
    use chrono::{DateTime, Utc};
    use pocketsoc_transport::odata::Field;

    use crate::actions::{MachineActionKind, MachineActionStatus};

    /// The id.
    pub const ID: Field<str> = Field::new("id");
    /// How far it has come.
    pub const STATUS: Field<MachineActionStatus> = Field::new("status");
    /// The machine.
    pub const MACHINE_ID: Field<str> = Field::new("machineId");
    /// What it does.
    pub const KIND: Field<MachineActionKind> = Field::new("type");
    /// Who asked for it.
    pub const REQUESTOR: Field<str> = Field::new("requestor");
    /// When it was asked for.
    pub const CREATION_DATE_TIME_UTC: Field<DateTime<Utc>> = Field::new("creationDateTimeUtc");
}

/// Which machine actions to list.
///
/// ```
/// use mde_client::{MachineActionQuery, action_fields};
/// let query = MachineActionQuery::new().with_filter(action_fields::MACHINE_ID.eq("1e5bc9d7e413ddd7902c2932e418702b84d0cc07"));
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct MachineActionQuery {
    filter: Option<Filter>,
    page_size: Option<u32>,
}

impl MachineActionQuery {
    /// All machine actions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only those that pass the filter.
    pub fn with_filter(mut self, filter: impl Into<Option<Filter>>) -> Self {
        self.filter = filter.into();
        self
    }

    /// So many a page, from 1 to 10,000 (the default).
    pub fn with_page_size(mut self, size: u32) -> Self {
        self.page_size = Some(size.clamp(1, LARGEST_PAGE));
        self
    }

    pub(super) fn filter(&self) -> Option<String> {
        self.filter.as_ref().map(ToString::to_string)
    }

    pub(super) fn page_size(&self) -> u32 {
        self.page_size.unwrap_or(LARGEST_PAGE)
    }
}
