//! Makes what a strict reader refuses readable: texts cut in the middle of a character, names that come twice.

use serde_json::Value;

/// An object's text with half characters replaced and, of a name that comes twice, the last; `None` where that is not
/// what is wrong with it.
///
/// ```
/// let cut = r#"{"line":"half a smile: \ud83d"}"#;
/// assert_eq!(pocketsoc_model::mended(cut).unwrap(), "{\"line\":\"half a smile: \u{fffd}\"}");
/// ```
#[must_use]
pub fn mended(text: &str) -> Option<String> {
    let whole = without_halves(text);
    let value: Value = serde_json::from_str(whole.as_deref().unwrap_or(text)).ok()?;
    let again = value.to_string();
    // What reads the same will fail the same.
    (value.is_object() && (whole.is_some() || again.len() < text.len())).then_some(again)
}

/// The text with each escape that is half of a pair replaced by the replacement character; `None` without such.
fn without_halves(text: &str) -> Option<String> {
    let mut out = String::new();
    let (mut copied, mut at) = (0, 0);
    let bytes = text.as_bytes();
    while let Some(next) = text[at..].find('\\') {
        at += next;
        let half = |at: usize| {
            let digits = bytes.get(at..at + 6).filter(|b| b.starts_with(b"\\u"))?;
            u32::from_str_radix(std::str::from_utf8(&digits[2..]).ok()?, 16).ok()
        };
        match half(at) {
            Some(0xD800..=0xDBFF) if matches!(half(at + 6), Some(0xDC00..=0xDFFF)) => at += 12,
            Some(0xD800..=0xDFFF) => {
                out.push_str(&text[copied..at]);
                out.push_str("\\ufffd");
                at += 6;
                copied = at;
            }
            // An escape is a backslash and what it escapes, which may be a backslash.
            _ => at += 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8),
        }
    }
    (copied > 0).then(|| out + &text[copied..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_characters_are_replaced_and_whole_ones_kept() {
        let text = r#"{"a":"cut \ud83d","b":"\ud83d\ude00","c":"\\ud83d","d":"\udc00\ud83dx"}"#;
        let whole = without_halves(text).unwrap();
        assert_eq!(whole, r#"{"a":"cut \ufffd","b":"\ud83d\ude00","c":"\\ud83d","d":"\ufffd\ufffdx"}"#);
        assert!(serde_json::from_str::<Value>(&mended(text).unwrap()).is_ok());
        assert_eq!(without_halves(r#"{"a":"\n\\"}"#), None);
    }

    #[test]
    fn of_a_name_that_comes_twice_the_last_counts_and_the_rest_is_not_mended() {
        assert_eq!(mended(r#"{"a":1,"a":2}"#).unwrap(), r#"{"a":2}"#);
        for hopeless in [r#"{"a":1}"#, "[1]", "5", "{", r#"{"a":"\u12"}"#, ""] {
            assert_eq!(mended(hopeless), None, "{hopeless}");
        }
    }
}
