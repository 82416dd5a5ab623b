//! How a piece of evidence is read, field by field as its bytes arrive, and told again as texts under the service's
//! names.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, SecondsFormat, Utc};
use pocketsoc_model::{Properties, RawJson};
use pocketsoc_transport::lenient::{self, Name};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::{Evidence, Part};

/// A part of an object: takes the fields that are its own.
pub(crate) trait Fields: Default {
    /// Takes the value of a field; says whether it is one of its own.
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error>;

    /// Tells each field that says something.
    fn tell(self, to: &mut Told<'_>);
}

/// Where fields are told as texts: under their own names, before them those of what they stand in.
pub(crate) struct Told<'a> {
    into: Into<'a>,
    within: String,
}

enum Into<'a> {
    Properties(&'a mut Properties),
    /// One of several of a kind: lists within lists stay lists, since texts within texts would double with each.
    Json(&'a mut Map<String, Value>),
}

impl<'a> Told<'a> {
    pub(crate) fn to(properties: &'a mut Properties) -> Self {
        Self { into: Into::Properties(properties), within: String::new() }
    }

    pub(crate) fn set(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            let name = self.name(name);
            match &mut self.into {
                Into::Properties(properties) => properties.set(name, text),
                Into::Json(members) => drop(members.insert(name.into_owned(), text.into())),
            }
        }
    }

    fn name<'n>(&self, name: &'n str) -> Cow<'n, str> {
        if self.within.is_empty() { name.into() } else { format!("{}{name}", self.within).into() }
    }

    fn set_all(&mut self, name: &str, texts: &[impl AsRef<str>]) {
        if !texts.is_empty() {
            self.set(name, &texts.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", "));
        }
    }

    /// Members as they came; of a nested object its JSON.
    pub(crate) fn set_raw(&mut self, members: &[(String, RawJson)]) {
        for (name, value) in members {
            match value.as_str().as_bytes().first() {
                Some(b'"') => {
                    let text: String = serde_json::from_str(value.as_str()).unwrap_or_default();
                    self.set(name, &text);
                }
                Some(b'n') => {}
                _ => self.set(name, &value.compact()),
            }
        }
    }

    pub(crate) fn within(&mut self, name: &str, tell: impl FnOnce(&mut Self)) {
        let before = self.within.len();
        self.within.push_str(name);
        self.within.push('.');
        tell(self);
        self.within.truncate(before);
    }

    /// Several of one kind.
    fn list<T: Fields>(&mut self, name: &str, list: Vec<T>) {
        if list.is_empty() {
            return;
        }
        let members = |one: T| {
            let mut members = Map::new();
            one.tell(&mut Told { into: Into::Json(&mut members), within: String::new() });
            Value::Object(members)
        };
        let list = Value::Array(list.into_iter().map(members).collect());
        let name = self.name(name);
        match &mut self.into {
            Into::Properties(properties) => properties.set(name, list.to_string()),
            Into::Json(members) => drop(members.insert(name.into_owned(), list)),
        }
    }
}

/// How the value of one field is read and told.
pub(super) trait Reader<V>: for<'de> Deserialize<'de> {
    fn value(self) -> V;
    fn tell(value: V, name: &str, to: &mut Told<'_>);
}

/// Declares readers: what they read, by what, and how it is told.
macro_rules! readers {
    ($($(#[$meta:meta])* $name:ident $(<$of:ident: $bound:ident>)?: $type:ty = $read:expr, |$value:ident, $field:ident, $to:ident| $tell:expr;)+) => {
        $($(#[$meta])*
        pub(super) struct $name$(<$of>)?($type);

        impl<'de, $($of: $bound)?> Deserialize<'de> for $name$(<$of>)? {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $read(deserializer).map(Self)
            }
        }

        impl$(<$of: $bound>)? Reader<$type> for $name$(<$of>)? {
            fn value(self) -> $type {
                self.0
            }
            fn tell($value: $type, $field: &str, $to: &mut Told<'_>) {
                $tell
            }
        })+
    };
}

readers! {
    Text: Option<String> = lenient::text, |value, name, to| to.set(name, &value.unwrap_or_default());
    Integer: Option<i64> = lenient::integer, |value, name, to| to.set(name, &text(value));
    Flag: Option<bool> = lenient::flag, |value, name, to| to.set(name, &text(value));
    Time: Option<DateTime<Utc>> = lenient::time, |value, name, to| {
        to.set(name, &value.map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true)).unwrap_or_default());
    };
    Texts: Vec<String> = lenient::texts, |value, name, to| to.set_all(name, &value);
    /// A word of an open enum.
    Word<T: OpenWord>: Option<T> = lenient::word, |value, name, to| to.set(name, value.as_ref().map_or("", T::text));
    /// Words of an open enum.
    Words<T: OpenWord>: Vec<T> = lenient::words, |value, name, to| {
        to.set_all(name, &value.iter().map(T::text).collect::<Vec<_>>());
    };
    /// Texts under names of the customer's own.
    Labels: Properties = lenient::properties, |value, name, to| {
        to.within(name, |to| value.iter().for_each(|(label, text)| to.set(label, text)));
    };
    /// An object with fields of its own; what else it has is passed over.
    Object<T: Fields>: Option<T> = only, |value, name, to| to.within(name, |to| value.into_iter().for_each(|one| one.tell(to)));
    /// Objects with fields of their own.
    Objects<T: Fields>: Vec<T> = every, |value, name, to| to.list(name, value);
    /// A piece of evidence of a known type within another one.
    Within<T: Fields>: Option<Box<Part<T>>> = boxed, |value, name, to| {
        to.within(name, |to| value.into_iter().for_each(|part| part.tell(to)));
    };
    /// Pieces of evidence of a known type within another one.
    AllWithin<T: Fields>: Vec<Part<T>> = every, |value, name, to| to.list(name, value);
    /// A piece of evidence of any type within another one.
    AnyWithin: Option<Box<Evidence>> = lenient::object, |value, name, to| {
        to.within(name, |to| value.into_iter().for_each(|evidence| evidence.tell(to)));
    };
}

/// A word that may be one that this version does not know.
pub(super) trait OpenWord: for<'a> From<&'a str> {
    fn text(&self) -> &str;
}

fn text(value: Option<impl fmt::Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// An object of which only the fields are wanted.
struct Only<T>(T);

impl<'de, T: Fields> Deserialize<'de> for Only<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object<T>(PhantomData<T>);
        impl<'de, T: Fields> Visitor<'de> for Object<T> {
            type Value = T;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
                let mut own = T::default();
                while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
                    if !own.take(&name, &mut map)? {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(own)
            }
        }
        deserializer.deserialize_map(Object(PhantomData)).map(Self)
    }
}

fn only<'de, T: Fields, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(lenient::object::<Only<T>, D>(deserializer)?.map(|only| only.0))
}

fn boxed<'de, T: Fields, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<T>>, D::Error> {
    Ok(only(deserializer)?.map(Box::new))
}

fn every<'de, T: Fields, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(lenient::objects::<Only<T>, D>(deserializer)?.into_iter().map(|only| only.0).collect())
}

/// Declares structs whose fields are read one by one: name, type, name on the wire, reader.
macro_rules! fields {
    ($($(#[$meta:meta])* pub struct $name:ident {
        $($(#[$field_meta:meta])* $field:ident: $type:ty = $wire:literal $(| $alias:literal)* as $reader:ty,)*
    })+) => {
        $($(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl $crate::evidence::reading::Fields for $name {
            fn take<'de, A: serde::de::MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
                use $crate::evidence::reading::Reader as _;
                match name {
                    $($wire $(| $alias)* => self.$field = map.next_value::<$reader>()?.value(),)*
                    _ => return Ok(false),
                }
                Ok(true)
            }

            fn tell(self, to: &mut $crate::evidence::reading::Told<'_>) {
                use $crate::evidence::reading::Reader;
                $(<$reader as Reader<$type>>::tell(self.$field, $wire, to);)*
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
