//! A source's own extras: its name for a thing and the text it gave.

use std::collections::HashMap;
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
#[derive(Clone, Default)]
pub struct Properties {
    /// Every name with its text behind it: a detection has dozens, and two allocations for each would be half its cost.
    texts: String,
    entries: Vec<Entry>,
    /// One bit for each name, shared with others: a name whose bit is not there is not there.
    marks: u64,
    /// The bytes of texts that have been set anew.
    stale: usize,
    /// Where each name is, once there are many.
    places: Option<HashMap<Box<str>, usize>>,
}

/// Where a name begins, where its text does, and where that ends.
#[derive(Clone, Copy)]
struct Entry {
    name: usize,
    text: usize,
    end: usize,
}

impl Properties {
    /// Makes room for so many more, with so many bytes of names and texts.
    pub fn reserve(&mut self, more: usize, bytes: usize) {
        self.entries.reserve(more);
        self.texts.reserve(bytes);
    }

    /// Sets one; a name that is there already gets the new text.
    pub fn set(&mut self, name: impl AsRef<str>, text: impl AsRef<str>) {
        let (name, text) = (name.as_ref(), text.as_ref());
        match self.place(name) {
            None => self.push(name, text),
            Some(place) => {
                let old = self.entries[place];
                self.stale += old.end - old.name;
                self.entries[place] = self.write(name, text);
                if self.stale > self.texts.len() / 2 {
                    *self = self.iter().collect();
                }
            }
        }
    }

    /// Sets one if there is a text for it.
    pub fn set_some(&mut self, name: impl AsRef<str>, text: Option<impl AsRef<str>>) {
        if let Some(text) = text {
            self.set(name, text);
        }
    }

    /// Takes over the entries of one of the source's own bags. A name that is taken by another text gets the bag's name
    /// before it.
    pub fn adopt(&mut self, bag: &str, entries: &Self) {
        self.reserve(entries.len(), entries.texts.len());
        for (name, text) in entries.iter() {
            match self.get(name) {
                None => self.push(name, text),
                Some(known) if known == text => {}
                Some(_) => self.set(format!("{bag}.{name}"), text),
            }
        }
    }

    /// The text of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.place(name).map(|place| self.at(self.entries[place]).1)
    }

    /// All of them, in the order they were set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|entry| self.at(*entry))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn at(&self, entry: Entry) -> (&str, &str) {
        (&self.texts[entry.name..entry.text], &self.texts[entry.text..entry.end])
    }

    fn place(&self, name: &str) -> Option<usize> {
        if self.marks & mark(name) == 0 {
            return None;
        }
        match &self.places {
            Some(places) => places.get(name).copied(),
            None => self.entries.iter().position(|entry| {
                entry.text - entry.name == name.len()
                    && self.texts.as_bytes()[entry.name..entry.text] == *name.as_bytes()
            }),
        }
    }

    /// Adds one whose name is not there yet.
    fn push(&mut self, name: &str, text: &str) {
        if self.entries.capacity() == 0 {
            self.reserve(4, 128);
        }
        self.marks |= mark(name);
        let entry = self.write(name, text);
        self.entries.push(entry);
        if let Some(places) = &mut self.places {
            places.insert(name.into(), self.entries.len() - 1);
        } else if self.entries.len() > FEW {
            let names = self.iter().map(|(name, _)| name.into());
            self.places = Some(names.zip(0..).collect());
        }
    }

    fn write(&mut self, name: &str, text: &str) -> Entry {
        let begin = self.texts.len();
        self.texts.push_str(name);
        let middle = self.texts.len();
        self.texts.push_str(text);
        Entry { name: begin, text: middle, end: self.texts.len() }
    }
}

/// The bit of a name, by its length and its ends.
fn mark(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let ends = bytes.first().zip(bytes.last()).map_or(0, |(first, last)| first.wrapping_mul(7) ^ last);
    1 << ((usize::from(ends) + bytes.len()) % 64)
}

impl PartialEq for Properties {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Properties {}

impl<N: AsRef<str>, T: AsRef<str>> FromIterator<(N, T)> for Properties {
    /// Of several texts for one name, the last counts.
    fn from_iter<I: IntoIterator<Item = (N, T)>>(entries: I) -> Self {
        let mut all = Self::default();
        for (name, text) in entries {
            all.set(name, text);
        }
        all
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
                let mut all = Properties::default();
                while let Some((name, text)) = map.next_entry::<String, String>()? {
                    all.set(name, text);
                }
                Ok(all)
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
        own.adopt("extendedProperties", &bag);
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

    #[test]
    fn a_text_set_again_and_again_takes_no_more_room_and_keeps_its_place() {
        let mut own = Properties::default();
        own.set("first", "1");
        own.set("again", "0");
        own.set("last", "3");
        for round in 0..1000 {
            own.set("again", format!("round {round}"));
        }
        assert_eq!(own.iter().collect::<Vec<_>>(), [("first", "1"), ("again", "round 999"), ("last", "3")]);
        assert!(own.texts.len() < 200);
    }

    #[test]
    fn many_names_are_found_as_surely_as_few() {
        let mut own: Properties = (0..500).map(|n| (format!("name{n}"), n.to_string())).collect();
        own.set("name7", "seven");
        own.adopt("bag", &(400..600).map(|n| (format!("name{n}"), "other".to_owned())).collect());
        assert_eq!(own.len(), 500 + 200);
        assert_eq!(own.get("name7"), Some("seven"));
        assert_eq!((own.get("bag.name450"), own.get("name599")), (Some("other"), Some("other")));
        assert_eq!(own.get("name600"), None);
    }
}
