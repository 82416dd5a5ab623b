//! A piece of evidence that stands within another one, of a type that is known beforehand.

use std::fmt;

use pocketsoc_model::RawJson;
use serde::de::MapAccess;

use super::EvidenceCommon;
use super::reading::{Fields, Told};

/// A piece of evidence within another one, such as the pod of a container.
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Part<T> {
    /// What every piece has.
    pub common: EvidenceCommon,
    /// What is its type's own.
    pub detail: T,
    /// Members that are not typed, under the service's names, as they came.
    pub more: Vec<(String, RawJson)>,
}

impl<T: fmt::Debug> fmt::Debug for Part<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut part = f.debug_struct("Part");
        part.field("detail", &self.detail);
        if self.common != EvidenceCommon::default() {
            part.field("common", &self.common);
        }
        if !self.more.is_empty() {
            part.field("more", &self.more);
        }
        part.finish()
    }
}

impl<T: Fields> Fields for Part<T> {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        // The type is known by the place.
        if name != "@odata.type" && !self.detail.take(name, map)? && !self.common.take(name, map)? {
            self.more.push((name.to_owned(), map.next_value()?));
            return Ok(true);
        }
        Ok(name != "@odata.type")
    }

    fn tell(self, to: &mut Told<'_>) {
        self.detail.tell(to);
        self.common.tell(to);
        to.set_raw(&self.more);
    }
}
