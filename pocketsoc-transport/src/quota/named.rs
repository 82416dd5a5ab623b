//! What a service says of its quotas: in counters of what is left, and in the words of a refusal.

use std::time::Duration;

use http::HeaderMap;

/// The counters begin so; what they count follows.
const REMAINING: &str = "x-ms-ratelimit-remaining-";

/// How many calls are left of the bucket that a call counts for, as Azure Resource Manager tells; the least of what
/// applies. `kind` is `reads`, `writes` or `deletes`.
pub(crate) fn remaining(headers: &HeaderMap, kind: &str) -> Option<u32> {
    let left = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        let counter = name.as_str().strip_prefix(REMAINING)?;
        // Some providers count all requests in one; entities are another matter.
        let applies = counter.ends_with(kind) || counter.ends_with("resource-requests");
        value.to_str().ok().filter(|_| applies)?.trim().parse::<u32>().ok()
    };
    headers.iter().filter_map(left).min()
}

/// How long to wait by the words of a refusal, where no header says it: "again in 26 seconds", else a window that is named,
/// "45 per 1 minute", as a whole.
pub(crate) fn wait_in(text: &str) -> Option<Duration> {
    let text = text.to_ascii_lowercase();
    let words: Vec<&str> =
        text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let after = |lead: &[&str]| {
        let mut all = words.windows(2).enumerate().filter(|(_, pair)| lead.contains(&pair[0]));
        all.find_map(|(at, pair)| match (pair[1].parse::<u32>(), words.get(at + 2)) {
            (Ok(count), Some(word)) => Some(unit(word)?.saturating_mul(count)),
            // "30s", or "per minute".
            _ => pair[1]
                .strip_suffix('s')
                .and_then(|n| n.parse().ok())
                .map(Duration::from_secs)
                .or(unit(pair[1])),
        })
    };
    after(&["in", "after", "wait", "for"])
        .or_else(|| after(&["per", "every", "each"]))
        .filter(|wait| !wait.is_zero())
}

fn unit(word: &str) -> Option<Duration> {
    Some(Duration::from_secs(match word {
        "second" | "seconds" | "sec" | "secs" | "s" => 1,
        "minute" | "minutes" | "min" | "mins" => 60,
        "hour" | "hours" => 3600,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p30_a_refusal_without_a_header_says_how_long_in_words() {
        let secs = Duration::from_secs;
        for (text, expected) in [
            (
                "API calls quota exceeded! maximum calls allowed: 45 per 1 minute. You can send requests again in 26 seconds",
                Some(secs(26)),
            ),
            ("maximum calls allowed: 1500 per hour", Some(secs(3600))),
            ("Maximum 45 calls per minute were exceeded", Some(secs(60))),
            ("Calls may resume after 3 minutes.", Some(secs(180))),
            ("Please retry after 30s", Some(secs(30))),
            ("You exceeded the CPU quota for this hour", None),
            ("Too many requests", None),
            ("in 99999999999999 seconds", None),
            ("", None),
        ] {
            assert_eq!(wait_in(text), expected, "{text}");
        }
    }

    #[test]
    fn the_least_counter_that_applies_counts() {
        let headers: HeaderMap = [
            ("x-ms-ratelimit-remaining-subscription-reads", "17"),
            ("x-ms-ratelimit-remaining-subscription-global-reads", "3749"),
            ("x-ms-ratelimit-remaining-subscription-writes", "3"),
            ("x-ms-ratelimit-remaining-subscription-resource-entities-read", "1"),
            ("x-ms-ratelimit-remaining-subscription-resource-requests", "many"),
        ]
        .into_iter()
        .map(|(name, value)| (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap()))
        .collect();
        assert_eq!((remaining(&headers, "reads"), remaining(&headers, "writes")), (Some(17), Some(3)));
        assert_eq!(remaining(&headers, "deletes"), None);
    }
}
