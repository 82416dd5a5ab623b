//! Points in time on the command line: RFC 3339, or an age.

use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use pocketsoc_model::parse_timestamp;

/// A point in time, or how long ago it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    At(DateTime<Utc>),
    Ago(TimeDelta),
}

impl When {
    /// The point in time, seen from `now`.
    pub(crate) fn seen_from(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(at) => at,
            Self::Ago(age) => now.checked_sub_signed(age).unwrap_or(DateTime::<Utc>::MIN_UTC),
        }
    }
}

impl FromStr for When {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str =
            "expected RFC 3339, such as 2026-01-31T10:00:00Z, or an age such as 90m, 24h, 7d";
        if let Ok(at) = parse_timestamp(text) {
            return Ok(Self::At(at));
        }
        let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or(EXPECTED)?;
        let number: i64 = number.parse().ok().filter(|n| *n >= 0).ok_or(EXPECTED)?;
        let age = match unit {
            "s" => TimeDelta::try_seconds(number),
            "m" => TimeDelta::try_minutes(number),
            "h" => TimeDelta::try_hours(number),
            "d" => TimeDelta::try_days(number),
            _ => None,
        };
        age.map(Self::Ago).ok_or(EXPECTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_or_an_age_and_nothing_else() {
        let now = "2026-01-31T10:00:00Z".parse().unwrap();
        let seen = |text: &str| text.parse::<When>().map(|when| when.seen_from(now).to_rfc3339());
        assert_eq!(seen("90m").unwrap(), "2026-01-31T08:30:00+00:00");
        assert_eq!(seen("7d").unwrap(), "2026-01-24T10:00:00+00:00");
        assert_eq!(seen("2026-01-01T00:00:00+01:00").unwrap(), "2025-12-31T23:00:00+00:00");
        for bad in ["", "m", "-5m", "5", "5w", "yesterday", "99999999999999999d", "5é", "é"] {
            assert!(seen(bad).is_err(), "{bad}");
        }
        assert!(seen("99999999d").is_ok(), "older than time itself is the beginning of time");
    }
}
