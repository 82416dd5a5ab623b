//! Advanced hunting: one question in KQL, rows as they arrive, whichever product answers.

mod query;
mod row;

pub use query::{HuntQuery, Timespan};
pub use row::{HuntColumn, HuntColumnKind, HuntRow, HuntValue, flag_column, json_column};

use std::fmt::Debug;

use crate::Reported;

/// The rows of a hunt, as they arrive: `next()` until `None`, then ask `report()`.
///
/// An `Err` is one bad row or one lost answer, not the end. `report().complete` says whether every row came:
/// a result that the service cut off at its limit of rows is not complete. A service gives at most 30 days of data.
pub type HuntRows = Reported<HuntRow>;

/// Something that can be hunted in.
///
/// Defender for Endpoint's own endpoint is the older, limited one and is being retired; Graph's is the successor. Both
/// answer to this trait, so that a program moves from one to the other by its configuration.
pub trait Hunt: Debug + Send + Sync {
    /// Runs a query. Nothing is sent before the rows are polled.
    ///
    /// A service that refuses because its quota of calls or of run time is used up is `RateLimited`, and
    /// [`throttled_by`](crate::Error::throttled_by) says which.
    fn hunt(&self, query: &HuntQuery) -> HuntRows;
}
