//! Ends that are known in advance: of certificates, ready tokens, and secrets whose end an administrator has noted.

use chrono::{DateTime, TimeDelta, Utc};

/// How long before its end something is warned about.
const AHEAD: TimeDelta = TimeDelta::days(30);

/// Whether an end is near, or past.
pub(crate) fn is_near(at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    at - now <= AHEAD
}

/// Tells of an end that is near.
pub(crate) fn warn(what: &str, at: DateTime<Utc>, now: DateTime<Utc>) {
    if is_near(at, now) {
        let days = (at - now).num_days();
        let when = if at <= now { "has ended" } else { "ends soon" };
        tracing::warn!(%at, days, "the {what} {when}: add a new one, deploy it, then delete the old one");
    }
}
