//! Published quotas, kept before the service has to say 429.

mod limiter;
mod named;
mod published;
mod shared;
mod window;

pub(crate) use limiter::{Flow, Limiter, Permit};
pub(crate) use named::{remaining, wait_in};
pub use published::*;
pub(crate) use shared::Account;
pub use shared::Quotas;

use std::time::Duration;

/// At most `calls` in any stretch of `per`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// How many calls.
    pub calls: u32,
    /// In how long.
    pub per: Duration,
    /// How many of them only containment may use.
    pub kept: u32,
}

impl Window {
    /// So many calls a minute.
    pub const fn per_minute(calls: u32) -> Self {
        Self { calls, per: Duration::from_secs(60), kept: reserve(calls) }
    }

    /// So many calls an hour.
    pub const fn per_hour(calls: u32) -> Self {
        Self { calls, per: Duration::from_secs(3600), kept: reserve(calls) }
    }

    /// All of them for everybody: of calls that contain nothing.
    #[must_use]
    pub const fn whole(self) -> Self {
        Self { kept: 0, ..self }
    }
}

/// The part of a quota that only containment may use: 2 %, at least 2 calls, but never all of it.
const fn reserve(calls: u32) -> u32 {
    let part = calls.div_ceil(50);
    let part = if part < 2 { 2 } else { part };
    if part < calls { part } else { calls.saturating_sub(1) }
}

/// A bucket of `capacity` calls that refills at `per_second`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// How many calls a full bucket holds.
    pub capacity: u32,
    /// How many calls come back each second.
    pub per_second: u32,
}

/// How a service counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Sliding windows, all of which must hold.
    Windows(&'static [Window]),
    /// A refilling bucket.
    Bucket(Bucket),
}

/// For whom a service counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// For each application in each tenant.
    Application,
    /// For each tenant, whichever application asks.
    Tenant,
}

/// One published quota. Calls that share a quota share its limiter.
#[derive(Debug, PartialEq, Eq)]
pub struct Quota {
    /// What it is counted under.
    pub key: &'static str,
    /// For whom it is counted.
    pub whose: Whose,
    /// How the service counts.
    pub rule: Rule,
}
