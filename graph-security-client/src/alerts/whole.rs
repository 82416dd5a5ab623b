//! An alert together with its evidence, read in one pass: passing over the evidence first to keep it as it came would
//! cost a fifth of the whole.

use std::fmt;

use pocketsoc_model::RawJson;
use pocketsoc_transport::lenient::{self, Name};
use pocketsoc_transport::{Decode, KeepRaw};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer as _, MapAccess, Visitor};

use super::Alert;
use crate::evidence::{self, Evidence};

/// An alert, its evidence, and how many pieces of that cannot be read.
#[derive(Debug)]
pub(crate) struct WholeAlert {
    pub(crate) alert: Alert,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) unreadable: usize,
}

impl From<Alert> for WholeAlert {
    fn from(alert: Alert) -> Self {
        let text = alert.evidence.as_ref().map_or("[]", RawJson::as_str);
        let (evidence, unreadable) = evidence::read_what_can_be(text);
        Self { alert, evidence, unreadable }
    }
}

impl Decode for WholeAlert {
    fn decode(text: &str) -> serde_json::Result<Self> {
        // Evidence that cannot be read does not hide the alert.
        InOnePass::decode(text).map(|read| read.0).or_else(|_| Alert::decode(text).map(Self::from))
    }

    fn decode_first(text: &str) -> Option<(Self, usize)> {
        InOnePass::decode_first(text).map(|(read, length)| (read.0, length))
    }
}

struct InOnePass(WholeAlert);

impl KeepRaw for InOnePass {
    fn keep_raw(&mut self, raw: RawJson) {
        self.0.alert.keep_raw(raw);
    }
}

impl<'de> Deserialize<'de> for InOnePass {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;
        impl<'de> Visitor<'de> for Whole {
            type Value = InOnePass;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an alert")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<InOnePass, A::Error> {
                let mut evidence = Vec::new();
                let rest = WithoutEvidence { map, evidence: &mut evidence };
                let alert = Alert::deserialize(MapAccessDeserializer::new(rest))?;
                Ok(InOnePass(WholeAlert { alert, evidence, unreadable: 0 }))
            }
        }
        deserializer.deserialize_map(Whole)
    }
}

/// The members of an alert but for the evidence, which is read on the way.
struct WithoutEvidence<'a, A> {
    map: A,
    evidence: &'a mut Vec<Evidence>,
}

/// A list of evidence.
struct Pieces(Vec<Evidence>);

impl<'de> Deserialize<'de> for Pieces {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::objects(deserializer).map(Self)
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for WithoutEvidence<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(Name(name)) = self.map.next_key::<Name<'de>>()? {
            if name != "evidence" {
                return seed.deserialize(name.into_deserializer()).map(Some);
            }
            *self.evidence = self.map.next_value::<Pieces>()?.0;
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_in_one_pass_is_what_is_read_in_two() {
        let text = r##"{"id":"a","title":"T","evidence":[
            {"@odata.type":"#microsoft.graph.security.ipEvidence","ipAddress":"192.0.2.1"},7],"severity":"high"}"##;
        let (one, two) = (WholeAlert::decode(text).unwrap(), WholeAlert::from(Alert::decode(text).unwrap()));
        assert_eq!(one.evidence, two.evidence);
        assert_eq!((one.evidence.len(), one.unreadable), (1, 0));
        assert_eq!(one.alert.raw().map(RawJson::as_str), Some(text));
        assert_eq!((one.alert.title, one.alert.severity), (two.alert.title, two.alert.severity));
    }

    #[test]
    fn evidence_that_cannot_be_read_does_not_hide_the_alert_nor_the_other_pieces() {
        // Half a character, which is mended, but not where the nesting is too deep for that.
        let deep = format!("{}{}", "[".repeat(300), "]".repeat(300));
        let text = format!(
            r##"{{"id":"a","evidence":[{{"@odata.type":"#x.ipEvidence","ipAddress":"192.0.2.1"}},
            {{"@odata.type":"#x.fileEvidence","mdeDeviceId":"\ud800","new":{deep}}}],"title":"T"}}"##
        );
        let whole = WholeAlert::decode(&text).unwrap();
        assert_eq!((whole.evidence.len(), whole.unreadable), (1, 1));
        assert_eq!(whole.alert.title.as_deref(), Some("T"));

        let text = text.replace(&deep, "[]");
        let whole = WholeAlert::decode(&text).unwrap();
        assert_eq!((whole.evidence.len(), whole.unreadable), (2, 0));
    }
}
