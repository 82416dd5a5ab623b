//! Times as numbers: for memories and checkpoints.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// Seconds since 1970, until 2106: whole polls and patience are counted in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Seconds(u32);

impl Seconds {
    pub(crate) fn of(at: DateTime<Utc>) -> Self {
        Self(u32::try_from(at.timestamp().max(0)).unwrap_or(u32::MAX))
    }

    /// How long it is since an earlier one; zero where it is not earlier.
    pub(crate) fn since(self, earlier: Self) -> TimeDelta {
        TimeDelta::seconds(self.0.saturating_sub(earlier.0).into())
    }
}

/// A time in nanoseconds, or the first or last that can be counted so: in 1677 and 2262.
pub(crate) fn nanos(at: Option<DateTime<Utc>>) -> Option<i64> {
    let end = |at: DateTime<Utc>| if at < DateTime::UNIX_EPOCH { i64::MIN } else { i64::MAX };
    at.map(|at| at.timestamp_nanos_opt().unwrap_or_else(|| end(at)))
}

/// An update time that can be one: services say the year 1, or 9999, where they have none.
pub(crate) fn plausible(at: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    /// The year 2200.
    const END: i64 = 7_258_118_400;
    at.filter(|at| (1..END).contains(&at.timestamp()))
}
