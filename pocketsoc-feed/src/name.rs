//! How a detection is called in the memory, and maps that are looked up by digests.

use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::Arc;

use indexmap::{Equivalent, IndexMap};
use pocketsoc_model::DetectionId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use xxhash_rust::xxh3::xxh3_64;

/// How a detection is called in the memory: its id, in lower case where the service ignores the case; with its digest,
/// which it is looked up by.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Name {
    digest: u64,
    text: Text,
}

impl Name {
    pub(crate) fn new(text: &str) -> Self {
        Self { digest: xxh3_64(text.as_bytes()), text: Text::new(text) }
    }

    pub(crate) fn of(id: &DetectionId) -> Self {
        if id.is_azure_resource() {
            Self::new(&id.as_str().to_ascii_lowercase())
        } else {
            Self::new(id.as_str())
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        self.text.as_str()
    }

    pub(crate) fn digest(&self) -> NameDigest {
        NameDigest(self.digest)
    }
}

/// As bytes, which stand in a checkpoint as text does: it need not be looked through again to be written.
impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.text.as_bytes())
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&str>::deserialize(deserializer).map(Self::new)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.digest);
    }
}

/// The digest of a name, which finds it where a copy of the name would take much room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct NameDigest(u64);

impl NameDigest {
    /// Of something that has no name.
    pub(crate) fn of_digest(digest: u64) -> Self {
        Self(digest)
    }
}

impl Equivalent<Name> for NameDigest {
    fn equivalent(&self, name: &Name) -> bool {
        self.0 == name.digest
    }
}

/// Text that most often is short enough to lie where its owner does: a small allocation that outlives the large ones
/// around it makes an allocator slow.
#[derive(Clone)]
enum Text {
    /// Its length, and as much of the bytes.
    Short(u8, [u8; SHORT]),
    Long(Arc<str>),
}

/// The ids of Defender for Endpoint and of Graph are no longer.
const SHORT: usize = 46;

impl Text {
    fn new(text: &str) -> Self {
        let mut bytes = [0; SHORT];
        match (u8::try_from(text.len()), bytes.get_mut(..text.len())) {
            (Ok(length), Some(place)) => {
                place.copy_from_slice(text.as_bytes());
                Self::Short(length, bytes)
            }
            _ => Self::Long(text.into()),
        }
    }

    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short(length, bytes) => &bytes[..usize::from(*length)],
            Self::Long(text) => text.as_bytes(),
        }
    }

    fn as_str(&self) -> &str {
        match self {
            // It was made of text.
            Self::Short(..) => std::str::from_utf8(self.as_bytes()).unwrap_or_default(),
            Self::Long(text) => text,
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text {}

/// Takes a digest for its own hash: it is one.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Digested(u64);

impl Hasher for Digested {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64(bytes);
    }
    fn write_u64(&mut self, digest: u64) {
        self.0 = digest;
    }
}

/// A map whose keys are digests, or looked up by one. What is in it lies in a row, apart from the table that finds it: what
/// is new is looked for in vain in a few bytes, and a full map grows without moving what it holds.
pub(crate) type ByDigest<K, V> = IndexMap<K, V, BuildHasherDefault<Digested>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_its_text_whatever_its_length() {
        for length in [0, 1, SHORT - 1, SHORT, SHORT + 1, 255, 256, 300] {
            let text = "ä".repeat(length / 2) + &"x".repeat(length % 2);
            assert_eq!(Name::new(&text).as_str(), text);
            assert_eq!(Name::new(&text), Name::new(&text.clone()));
            assert_ne!(Name::new(&text), Name::new(&(text + "x")));
        }
    }

    #[test]
    fn ids_of_azure_are_one_name_however_they_are_spelled_and_others_are_not() {
        let name = |id: &str| Name::of(&DetectionId::new(id).unwrap());
        let upper =
            "/subscriptions/20FF7FC3/resourceGroups/Rg/providers/Microsoft.Security/locations/l/alerts/25";
        assert_eq!(name(upper), name(&upper.to_lowercase()));
        assert_ne!(name("da1_A"), name("da1_a"));
    }
}
