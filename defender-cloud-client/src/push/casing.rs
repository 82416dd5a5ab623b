//! Names as the push has them, and as Azure Resource Manager has them: the same, but for the capitals at their beginning.

use std::fmt::{self, Write as _};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// A name as Azure Resource Manager writes it: the capitals at its beginning in lower case, but the one that begins its
/// next word (`OMSAgentID` is `omsAgentID`).
pub(super) fn lowered(name: &str) -> String {
    let mut letters: Vec<char> = name.chars().collect();
    for at in 0..letters.len() {
        if !letters[at].is_uppercase() {
            break;
        }
        let next = letters.get(at + 1).copied();
        // The last capital of several begins a word, unless the word ends with it.
        if at > 0 && next.is_some_and(|next| !next.is_uppercase() && !next.is_whitespace()) {
            break;
        }
        letters[at] = letters[at].to_ascii_lowercase();
    }
    letters.into_iter().collect()
}

/// How names are rewritten, and how deep.
#[derive(Clone, Copy)]
pub(super) struct Rewrite {
    /// What a name becomes.
    pub(super) name: fn(&str) -> String,
    /// How many levels of objects.
    pub(super) levels: usize,
}

/// Rewrites the names in a JSON text; everything else stays as it is, in its order.
pub(super) fn rewritten(text: &str, rewrite: Rewrite) -> serde_json::Result<String> {
    let mut out = String::with_capacity(text.len());
    let mut reader = serde_json::Deserializer::from_str(text);
    Writing { out: &mut out, rewrite }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(out)
}

/// Writes a value as it is read.
struct Writing<'a> {
    out: &'a mut String,
    rewrite: Rewrite,
}

impl Writing<'_> {
    fn put(self, value: impl fmt::Display) {
        // Writing to a text cannot fail.
        let _ = write!(self.out, "{value}");
    }

    fn quoted(self, text: &str) {
        self.put(serde_json::Value::from(text));
    }
}

impl<'de> DeserializeSeed<'de> for Writing<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Writing<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.put("null");
        Ok(())
    }
    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.put(value);
        Ok(())
    }
    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.put(value);
        Ok(())
    }
    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.put(value);
        Ok(())
    }
    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.put(serde_json::Value::from(value));
        Ok(())
    }
    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.quoted(text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.out.push('[');
        let begin = self.out.len();
        loop {
            let before = self.out.len();
            if before > begin {
                self.out.push(',');
            }
            if seq.next_element_seed(Writing { out: self.out, rewrite: self.rewrite })?.is_none() {
                self.out.truncate(before);
                break;
            }
        }
        self.out.push(']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Rewrite { name: rename, levels } = self.rewrite;
        let inner = Rewrite { name: rename, levels: levels.saturating_sub(1) };
        self.out.push('{');
        let mut first = true;
        while let Some(name) = map.next_key::<String>()? {
            if !std::mem::take(&mut first) {
                self.out.push(',');
            }
            let name = if levels > 0 { rename(&name) } else { name };
            Writing { out: self.out, rewrite: inner }.quoted(&name);
            self.out.push(':');
            map.next_value_seed(Writing { out: self.out, rewrite: inner })?;
        }
        self.out.push('}');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_the_capitals_that_they_begin_with() {
        for (push, arm) in [
            ("OMSAgentID", "omsAgentID"),
            ("OMS workspace ID", "oms workspace ID"),
            ("EffectiveSubscriptionId", "effectiveSubscriptionId"),
            ("PID", "pid"),
            ("HostName", "hostName"),
            ("NTDomain", "ntDomain"),
            ("Process Path", "process Path"),
            ("resourceType", "resourceType"),
            ("$id", "$id"),
            ("IP", "ip"),
            ("", ""),
            ("Älter", "Älter"),
        ] {
            assert_eq!(lowered(push), arm, "{push}");
        }
    }

    #[test]
    fn everything_but_the_names_stays_as_it_is_in_its_order() {
        let rewrite = Rewrite { name: lowered, levels: usize::MAX };
        let text = r#"{"Zeta":[1,-2,1.5,null,true,"A\"b \u00e9"],"Alpha":{"NTDomain":{"$ref":"1"},"Empty":[],"None":{}}}"#;
        assert_eq!(
            rewritten(text, rewrite).unwrap(),
            r#"{"zeta":[1,-2,1.5,null,true,"A\"b é"],"alpha":{"ntDomain":{"$ref":"1"},"empty":[],"none":{}}}"#
        );
        let once = Rewrite { name: lowered, levels: 1 };
        assert_eq!(rewritten(r#"{"Aa":{"Bb":1}}"#, once).unwrap(), r#"{"aa":{"Bb":1}}"#);
        assert!(rewritten("{", once).is_err() && rewritten("{} x", once).is_err());
    }
}
