//! The source's own JSON, byte for byte.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// One JSON value as the source sent it; a whole element's is cheap to clone.
///
/// `Debug` shows its size only: alerts carry names and addresses that do not belong in logs.
#[derive(Clone)]
pub struct RawJson(Text);

/// A text that is shared, or that a parser has just given: few of those are ever cloned.
#[derive(Clone)]
enum Text {
    Shared(Arc<str>),
    Parsed(Box<RawValue>),
}

impl PartialEq for RawJson {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for RawJson {}

impl RawJson {
    /// Keeps the text of a JSON value. The text is not parsed again.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(Text::Shared(text.into()))
    }

    /// The text, white space included.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Shared(text) => text,
            Text::Parsed(value) => value.get(),
        }
    }

    /// The text without the white space between tokens; all other bytes as received, also inside strings.
    ///
    /// ```
    /// use pocketsoc_model::RawJson;
    /// let raw = RawJson::new("{ \"a b\" :\n 1.50 }");
    /// assert_eq!(raw.compact(), "{\"a b\":1.50}");
    /// ```
    pub fn compact(&self) -> String {
        let text = self.as_str();
        let mut out = String::with_capacity(text.len());
        let (mut in_string, mut escaped, mut begin) = (false, false, 0);
        for (at, b) in text.bytes().enumerate() {
            if in_string {
                in_string = escaped || b != b'"';
                escaped = !escaped && b == b'\\';
            } else if matches!(b, b' ' | b'\n' | b'\r' | b'\t') {
                out.push_str(&text[begin..at]);
                begin = at + 1;
            } else {
                in_string = b == b'"';
            }
        }
        out.push_str(&text[begin..]);
        out
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawJson({} bytes)", self.as_str().len())
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.compact()).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(|value| Self(Text::Parsed(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::RawJson;

    #[test]
    fn nothing_but_white_space_between_tokens_goes() {
        let raw =
            RawJson::new("{\r\n\t\"path\": \"C:\\\\a \\\" b\\\\\" , \"n\": 1e400, \"z\":\"é  \\u00e9\" }");
        assert_eq!(raw.compact(), "{\"path\":\"C:\\\\a \\\" b\\\\\",\"n\":1e400,\"z\":\"é  \\u00e9\"}");
    }

    #[test]
    fn it_goes_through_json_untouched_and_debug_shows_no_content() {
        let raw: RawJson = serde_json::from_str("{\"n\":1.0e5,\"n\":2}").unwrap();
        assert_eq!(serde_json::to_string(&raw).unwrap(), "{\"n\":1.0e5,\"n\":2}");
        assert_eq!(format!("{raw:?}"), "RawJson(17 bytes)");
    }
}
