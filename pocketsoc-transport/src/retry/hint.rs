//! What a service asks for: `Retry-After` in seconds or as a date, and the millisecond headers.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use http::HeaderMap;

/// The longest hint that is told apart from a longer one: a day.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// How long the service asks to wait; the millisecond headers win, being finer.
///
/// Whatever is malformed, negative or in the past is no hint; whatever is absurdly long is a day.
pub(crate) fn server_hint(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::trim);
    let millis = ["retry-after-ms", "x-ms-retry-after-ms"].into_iter().find_map(|n| seconds(text(n)?, 0.001));
    millis.or_else(|| {
        let value = text("retry-after")?;
        seconds(value, 1.0).or_else(|| date(value, now))
    })
}

fn seconds(text: &str, unit: f64) -> Option<Duration> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let value = plain.then(|| text.parse::<f64>().ok())?? * unit;
    (value > 0.0).then(|| Duration::try_from_secs_f64(value).unwrap_or(LONGEST).min(LONGEST))
}

fn date(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let at = httpdate::parse_http_date(text).ok()?;
    let wait = at.duration_since(SystemTime::from(now)).ok()?;
    (!wait.is_zero()).then(|| wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hint(pairs: &[(&'static str, &str)]) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        server_hint(&headers, "2026-01-31T10:00:00Z".parse().unwrap())
    }

    #[test]
    fn a2_every_documented_form_is_read_and_milliseconds_win() {
        let secs = Duration::from_secs;
        for (headers, expected) in [
            (&[("retry-after", "30")][..], secs(30)),
            (&[("retry-after", "1.5")], Duration::from_millis(1500)),
            (&[("retry-after", "Sat, 31 Jan 2026 10:00:20 GMT")], secs(20)),
            (&[("retry-after-ms", "250")], Duration::from_millis(250)),
            (&[("x-ms-retry-after-ms", "750")], Duration::from_millis(750)),
            (&[("retry-after", "30"), ("retry-after-ms", "2000")], secs(2)),
            (&[("retry-after", "30"), ("x-ms-retry-after-ms", "soon")], secs(30)),
        ] {
            assert_eq!(hint(headers), Some(expected), "{headers:?}");
        }
    }

    #[test]
    fn a3_abuse_is_no_hint_or_a_long_one_and_never_a_panic() {
        for text in [
            "",
            " ",
            "-1",
            "-0",
            "0",
            "0.0",
            "NaN",
            "inf",
            "-inf",
            "1e9",
            "soon",
            "1,5",
            "1 2",
            "+5",
            "٣",
            "Sat, 31 Jan 2026 09:59:59 GMT",
            "Sat, 31 Jan 2026 10:00:00 GMT",
            "32 Foo 2026",
            "0x10",
            ".",
            "..",
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("retry-after", http::HeaderValue::from_bytes(text.as_bytes()).unwrap());
            assert_eq!(server_hint(&headers, "2026-01-31T10:00:00Z".parse().unwrap()), None, "{text:?}");
        }
        for text in ["99999999999999999999999999", "86401", "Fri, 31 Dec 9999 23:59:59 GMT"] {
            assert_eq!(hint(&[("retry-after", text)]), Some(LONGEST), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(bytes in proptest::collection::vec(32_u8..=255, 0..40)) {
            if let Ok(value) = http::HeaderValue::from_bytes(&bytes) {
                let mut headers = HeaderMap::new();
                headers.insert("retry-after", value);
                let hint = server_hint(&headers, "2026-01-31T10:00:00Z".parse().unwrap());
                prop_assert!(hint.is_none_or(|h| h <= LONGEST));
            }
        }
    }
}
