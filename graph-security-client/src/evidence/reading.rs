//! Reads an object field by field as its bytes arrive, when it is not known beforehand which fields it has.

use chrono::{DateTime, Utc};
use pocketsoc_transport::lenient;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess};

/// A part of an object: takes the fields that are its own.
pub(crate) trait Fields {
    /// Takes the value of a field; says whether it is one of its own.
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error>;
}

/// Declares how a value is read.
macro_rules! readers {
    ($($name:ident$(<$of:ident>)?: $type:ty = $read:path;)+) => {
        $(pub(super) struct $name$(<$of>)?(pub(super) $type);

        impl<'de, $($of: Readable<'de>)?> Deserialize<'de> for $name$(<$of>)? {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $read(deserializer).map(Self)
            }
        })+
    };
}

/// What a reader may be asked for.
pub(super) trait Readable<'de>: Deserialize<'de> {}
impl<'de, T: Deserialize<'de>> Readable<'de> for T {}

readers! {
    Text: Option<String> = lenient::text;
    Integer: Option<i64> = lenient::integer;
    Time: Option<DateTime<Utc>> = lenient::time;
    Texts: Vec<String> = lenient::texts;
    Object<T>: Option<T> = lenient::object;
    Objects<T>: Vec<T> = lenient::objects;
}

/// A word of an open enum.
pub(super) struct Word<T>(pub(super) Option<T>);

impl<'de, T: for<'a> From<&'a str>> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::word(deserializer).map(Self)
    }
}

/// Words of an open enum.
pub(super) struct Words<T>(pub(super) Vec<T>);

impl<'de, T: for<'a> From<&'a str>> Deserialize<'de> for Words<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::words(deserializer).map(Self)
    }
}

/// Declares structs whose fields are read one by one: name, type, name on the wire, reader.
macro_rules! fields {
    ($($(#[$meta:meta])* pub struct $name:ident {
        $($(#[$field_meta:meta])* $field:ident: $type:ty = $wire:literal as $reader:ty,)*
    })+) => {
        $($(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl $crate::evidence::reading::Fields for $name {
            fn take<'de, A: serde::de::MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
                match name {
                    $($wire => self.$field = map.next_value::<$reader>()?.0,)*
                    _ => return Ok(false),
                }
                Ok(true)
            }
        })+
    };
}
pub(super) use fields;

/// One value that is here already, as if it stood in an object.
pub(super) struct Kept<'a>(pub(super) &'a str);

impl<'de> MapAccess<'de> for Kept<'de> {
    type Error = serde_json::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, _: K) -> Result<Option<K::Value>, Self::Error> {
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Self::Error> {
        seed.deserialize(&mut serde_json::Deserializer::from_str(self.0))
    }
}
