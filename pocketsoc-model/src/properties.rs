//! A source's own extras: its name for a thing and the text it gave.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// So many names are looked through one by one.
const FEW: usize = 32;

/// A source's own extras in the order of the source; a JSON object of texts.
///
/// ```
/// use pocketsoc_model::Properties;
/// let mut extras = Properties::default();
/// extras.set("detectionSource", "WindowsDefenderAtp");
/// assert_eq!(extras.get("detectionSource"), Some("WindowsDefenderAtp"));
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Properties(Vec<(Cow<'static, str>, String)>);

impl Properties {
    /// Makes room for so many more.
    pub fn reserve(&mut self, more: usize) {
        self.0.reserve(more);
    }

    /// Sets one; a name that is there already gets the new text.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, text: impl Into<String>) {
        let (name, text) = (name.into(), text.into());
        match self.0.iter_mut().find(|(n, _)| *n == name) {
            Some(entry) => entry.1 = text,
            None => self.0.push((name, text)),
        }
    }

    /// Sets one if there is a text for it.
    pub fn set_some(&mut self, name: &'static str, text: Option<impl Into<String>>) {
        if let Some(text) = text {
            self.set(name, text);
        }
    }

    /// Takes over the entries of one of the source's own bags. A name that is taken by another text gets the bag's name
    /// before it.
    pub fn adopt(&mut self, bag: &str, entries: Self) {
        let own = self.0.len();
        let places: HashMap<Cow<'static, str>, usize> = if own > FEW {
            self.0.iter().enumerate().map(|(at, (name, _))| (name.clone(), at)).collect()
        } else {
            HashMap::new()
        };
        for (name, text) in entries.0 {
            let known = if own > FEW {
                places.get(&name).copied()
            } else {
                self.0[..own].iter().position(|(n, _)| *n == name)
            };
            match known {
                None => self.0.push((name, text)),
                Some(at) if self.0[at].1 == text => {}
                Some(_) => self.0.push((format!("{bag}.{name}").into(), text)),
            }
        }
    }

    /// The text of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(n, _)| *n == name).map(|(_, text)| text)
    }

    /// All of them, in the order they were set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, text)| (name.as_ref(), text.as_str()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: Into<Cow<'static, str>>> FromIterator<(N, String)> for Properties {
    /// Of several texts for one name, the last counts.
    fn from_iter<I: IntoIterator<Item = (N, String)>>(entries: I) -> Self {
        let mut all: Vec<(Cow<'static, str>, String)> =
            entries.into_iter().map(|(name, text)| (name.into(), text)).collect();
        // Few names are compared sooner than hashed.
        if all.len() <= FEW && (1..all.len()).all(|n| all[..n].iter().all(|(name, _)| *name != all[n].0)) {
            return Self(all);
        }
        let mut seen = HashSet::with_capacity(all.len());
        let mut last: Vec<bool> = all.iter().rev().map(|(name, _)| seen.insert(name.as_ref())).collect();
        if seen.len() < all.len() {
            all.retain(|_| last.pop().unwrap_or_default());
        }
        Self(all)
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Properties {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Properties;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Properties, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry::<String, String>()? {
                    entries.push(entry);
                }
                Ok(entries.into_iter().collect())
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use super::Properties;

    #[test]
    fn a_bag_is_taken_over_and_what_contradicts_is_kept_apart() {
        let mut own = Properties::default();
        own.set("alertType", "VM_X");
        own.set("productName", "Defender");
        let bag: Properties =
            serde_json::from_str(r#"{"alertType":"VM_X","productName":"Other","b":"1","b":"2","a":"3"}"#)
                .unwrap();
        own.adopt("extendedProperties", bag);
        let all: Vec<_> = own.iter().collect();
        assert_eq!(
            all,
            [
                ("alertType", "VM_X"),
                ("productName", "Defender"),
                ("extendedProperties.productName", "Other"),
                ("b", "2"),
                ("a", "3")
            ]
        );
    }
}
