//! Timestamps as the services write them.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

/// A text that is not a timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a timestamp; expected RFC 3339, such as 2026-01-31T10:00:00Z")]
pub struct InvalidTimestamp;

/// Reads a timestamp: RFC 3339 with any number of fraction digits (nanoseconds are kept, further digits cut),
/// upper or lower case `T` and `Z`, an offset, or no zone at all, which means UTC.
///
/// # Errors
/// [`InvalidTimestamp`] for any other text.
///
/// ```
/// use pocketsoc_model::parse_timestamp;
/// assert_eq!(parse_timestamp("2020-07-20T10:53:48.7657932")?, parse_timestamp("2020-07-20T12:53:48.7657932+02:00")?);
/// # Ok::<(), pocketsoc_model::InvalidTimestamp>(())
/// ```
pub fn parse_timestamp(text: &str) -> Result<DateTime<Utc>, InvalidTimestamp> {
    parse(text.trim().as_bytes()).ok_or(InvalidTimestamp)
}

/// Fixed layout by hand: alerts carry a dozen timestamps, and the general parser costs six times as much.
fn parse(bytes: &[u8]) -> Option<DateTime<Utc>> {
    if bytes.len() < 19 || !matches!(bytes[10], b'T' | b't' | b' ') {
        return None;
    }
    if bytes[4] != b'-' || bytes[7] != b'-' || bytes[13] != b':' || bytes[16] != b':' {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(
        i32::try_from(number(&bytes[..4])?).ok()?,
        number(&bytes[5..7])?,
        number(&bytes[8..10])?,
    )?;
    let (nanos, zone) = fraction(&bytes[19..])?;
    // A leap second is the last instant of its minute here: nothing downstream can hold a 61st second.
    let (second, nanos) = match number(&bytes[17..19])? {
        60 => (59, 999_999_999),
        second => (second, nanos),
    };
    let time = NaiveTime::from_hms_nano_opt(number(&bytes[11..13])?, number(&bytes[14..16])?, second, nanos)?;
    date.and_time(time).and_utc().checked_sub_signed(chrono::TimeDelta::minutes(offset_minutes(zone)?))
}

/// The nanoseconds of an optional `.ddd…`, and what follows them.
fn fraction(rest: &[u8]) -> Option<(u32, &[u8])> {
    let [b'.' | b',', digits @ ..] = rest else { return Some((0, rest)) };
    let count = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    let kept = count.min(9);
    let scale = 10_u32.pow(u32::try_from(9 - kept).ok()?);
    (count > 0).then(|| number(&digits[..kept]).map(|n| (n * scale, &digits[count..])))?
}

fn offset_minutes(zone: &[u8]) -> Option<i64> {
    match zone {
        [] | [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] | [sign @ (b'+' | b'-'), h1, h2, m1, m2] => {
            let (hours, minutes) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
            let total = i64::from(hours * 60 + minutes);
            (hours < 24 && minutes < 60).then_some(if *sign == b'+' { total } else { -total })
        }
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |n, b| b.is_ascii_digit().then(|| n * 10 + u32::from(b - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_form_that_the_services_send_is_read_to_the_nanosecond() {
        for (text, expected) in [
            ("2020-07-20T10:53:48.7657932Z", "2020-07-20T10:53:48.765793200+00:00"),
            ("2020-07-20T10:53:48Z", "2020-07-20T10:53:48+00:00"),
            ("2020-07-20T10:53:48.5Z", "2020-07-20T10:53:48.500+00:00"),
            ("2020-07-20T10:53:48", "2020-07-20T10:53:48+00:00"),
            ("2020-07-20t10:53:48z", "2020-07-20T10:53:48+00:00"),
            ("2020-07-20T10:53:48.1234567899999Z", "2020-07-20T10:53:48.123456789+00:00"),
            ("2020-07-20T00:30:00+01:00", "2020-07-19T23:30:00+00:00"),
            ("2020-02-29T23:59:60Z", "2020-02-29T23:59:59.999999999+00:00"),
        ] {
            assert_eq!(parse_timestamp(text).unwrap().to_rfc3339(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_timestamp_is_refused() {
        for bad in [
            "",
            "null",
            "2020-07-20",
            "2020-13-01T00:00:00Z",
            "2021-02-29T00:00:00Z",
            "2020-07-20T24:00:00Z",
            "2020-07-20T10:53:48.Z",
            "2020-07-20T10:53:48+99:00",
            "2020-07-20T10:53:48Zjunk",
            "２０20-07-20T10:53:48Z",
        ] {
            assert_eq!(parse_timestamp(bad), Err(InvalidTimestamp), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_chrono_wherever_chrono_reads(secs in -62_000_000_000_i64..250_000_000_000, nanos in 0_u32..1_000_000_000) {
            let time = DateTime::from_timestamp(secs, nanos).unwrap();
            prop_assert_eq!(parse_timestamp(&time.to_rfc3339()), Ok(time));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = parse_timestamp(&text);
        }
    }
}
