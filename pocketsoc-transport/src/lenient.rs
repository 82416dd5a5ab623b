//! How native types are read: tolerant of what the services are known to omit, null or mistype.
//!
//! For `#[serde(default, deserialize_with = "lenient::…")]`. What does not fit becomes absent; the element's raw bytes
//! still have it.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use pocketsoc_model::{Properties, parse_timestamp};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What one scalar on the wire can be turned into; anything else is absent.
trait Scalar: Sized {
    fn from_text(text: &str) -> Option<Self>;
    fn from_owned_text(text: String) -> Option<Self> {
        Self::from_text(&text)
    }
    fn from_integer(_: i64) -> Option<Self> {
        None
    }
    fn from_float(_: f64) -> Option<Self> {
        None
    }
    fn from_flag(_: bool) -> Option<Self> {
        None
    }
}

impl Scalar for String {
    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
    fn from_owned_text(text: String) -> Option<Self> {
        Some(text)
    }
    fn from_integer(value: i64) -> Option<Self> {
        Some(value.to_string())
    }
    fn from_float(value: f64) -> Option<Self> {
        Some(value.to_string())
    }
    fn from_flag(value: bool) -> Option<Self> {
        Some(value.to_string())
    }
}

impl Scalar for i64 {
    fn from_text(text: &str) -> Option<Self> {
        text.trim().parse().ok()
    }
    fn from_integer(value: i64) -> Option<Self> {
        Some(value)
    }
    #[allow(clippy::cast_possible_truncation)] // whole numbers written as 5.0; the range is checked
    fn from_float(value: f64) -> Option<Self> {
        (value.fract() == 0.0 && value.abs() < 9.0e15).then_some(value as Self)
    }
}

impl Scalar for f64 {
    fn from_text(text: &str) -> Option<Self> {
        text.trim().parse().ok().filter(|number: &Self| number.is_finite())
    }
    #[allow(clippy::cast_precision_loss)] // a score, no identity
    fn from_integer(value: i64) -> Option<Self> {
        Some(value as Self)
    }
    fn from_float(value: f64) -> Option<Self> {
        Some(value)
    }
}

impl Scalar for DateTime<Utc> {
    fn from_text(text: &str) -> Option<Self> {
        parse_timestamp(text).ok()
    }
}

impl Scalar for bool {
    fn from_text(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("true") {
            Some(true)
        } else if text.eq_ignore_ascii_case("false") {
            Some(false)
        } else {
            None
        }
    }
    fn from_flag(value: bool) -> Option<Self> {
        Some(value)
    }
}

/// A word of an open enum.
struct Word<T>(T);

impl<T: for<'a> From<&'a str>> Scalar for Word<T> {
    fn from_text(text: &str) -> Option<Self> {
        Some(Self(T::from(text)))
    }
    fn from_integer(value: i64) -> Option<Self> {
        Self::from_text(&value.to_string())
    }
    fn from_flag(value: bool) -> Option<Self> {
        Self::from_text(if value { "true" } else { "false" })
    }
}

struct ScalarVisitor<T>(PhantomData<T>);

impl<'de, T: Scalar> Visitor<'de> for ScalarVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(T::from_text(text))
    }
    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(T::from_owned_text(text))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(T::from_integer(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(value).map_or_else(|_| T::from_text(&value.to_string()), T::from_integer))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(T::from_float(value))
    }
    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(T::from_flag(value))
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

fn scalar<'de, T: Scalar, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_any(ScalarVisitor(PhantomData))
}

/// A text; numbers and flags become their text.
///
/// # Errors
/// Only for broken JSON.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    scalar(deserializer)
}

/// A whole number; a numeric text counts.
///
/// # Errors
/// Only for broken JSON.
pub fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    scalar(deserializer)
}

/// A number; a numeric text counts.
///
/// # Errors
/// Only for broken JSON.
pub fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    scalar(deserializer)
}

/// A flag; the texts `true` and `false` count.
///
/// # Errors
/// Only for broken JSON.
pub fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    scalar(deserializer)
}

/// An instant; see [`parse_timestamp`].
///
/// # Errors
/// Only for broken JSON.
pub fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    scalar(deserializer)
}

/// A word of an open enum.
///
/// # Errors
/// Only for broken JSON.
pub fn word<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: for<'a> From<&'a str>,
    D: Deserializer<'de>,
{
    Ok(scalar::<Word<T>, D>(deserializer)?.map(|w| w.0))
}

/// A list of scalars, from an array or from one alone; what does not fit is left out.
struct Scalars<T>(Vec<T>);

impl<'de, T: Scalar> Deserialize<'de> for Scalars<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<T>(PhantomData<T>);
        impl<'de, T: Scalar> Visitor<'de> for List<T> {
            type Value = Vec<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
                struct One<T>(Option<T>);
                impl<'de, T: Scalar> Deserialize<'de> for One<T> {
                    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                        scalar(deserializer).map(One)
                    }
                }
                let mut list = Vec::new();
                while let Some(One(item)) = seq.next_element::<One<T>>()? {
                    list.extend(item);
                }
                Ok(list)
            }
            fn visit_str<E>(self, text: &str) -> Result<Vec<T>, E> {
                Ok(T::from_text(text).into_iter().collect())
            }
            fn visit_i64<E>(self, value: i64) -> Result<Vec<T>, E> {
                Ok(T::from_integer(value).into_iter().collect())
            }
            fn visit_u64<E>(self, value: u64) -> Result<Vec<T>, E> {
                Ok(i64::try_from(value).ok().and_then(T::from_integer).into_iter().collect())
            }
            fn visit_f64<E>(self, _: f64) -> Result<Vec<T>, E> {
                Ok(Vec::new())
            }
            fn visit_bool<E>(self, _: bool) -> Result<Vec<T>, E> {
                Ok(Vec::new())
            }
            fn visit_unit<E>(self) -> Result<Vec<T>, E> {
                Ok(Vec::new())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<T>, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Vec::new())
            }
        }
        deserializer.deserialize_any(List(PhantomData)).map(Self)
    }
}

/// A list of texts, from an array or from one text.
///
/// # Errors
/// Only for broken JSON.
pub fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Scalars::deserialize(deserializer).map(|list| list.0)
}

/// A list of words of an open enum, from an array or from one text.
///
/// # Errors
/// Only for broken JSON.
pub fn words<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: for<'a> From<&'a str>,
    D: Deserializer<'de>,
{
    let words = Scalars::<Word<T>>::deserialize(deserializer)?;
    Ok(words.0.into_iter().map(|word| word.0).collect())
}

/// A list of whole numbers.
///
/// # Errors
/// Only for broken JSON.
pub fn integers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<i64>, D::Error> {
    Scalars::deserialize(deserializer).map(|list| list.0)
}

/// The methods of a visitor for which a scalar is as good as nothing.
macro_rules! scalars_are_nothing {
    ($value:ty) => {
        fn visit_str<E>(self, _: &str) -> Result<$value, E> {
            Ok(<$value>::default())
        }
        fn visit_i64<E>(self, _: i64) -> Result<$value, E> {
            Ok(<$value>::default())
        }
        fn visit_u64<E>(self, _: u64) -> Result<$value, E> {
            Ok(<$value>::default())
        }
        fn visit_f64<E>(self, _: f64) -> Result<$value, E> {
            Ok(<$value>::default())
        }
        fn visit_bool<E>(self, _: bool) -> Result<$value, E> {
            Ok(<$value>::default())
        }
        fn visit_unit<E>(self) -> Result<$value, E> {
            Ok(<$value>::default())
        }
    };
}

/// An object, or nothing where there is none.
struct Object<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Map<T> {
            type Value = Option<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Some)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Option<T>, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(None)
            }
            scalars_are_nothing!(Option<T>);
        }
        deserializer.deserialize_any(Map(PhantomData)).map(Self)
    }
}

/// An object whose own fields are read leniently; anything else is absent.
///
/// # Errors
/// For broken JSON, or when the object's type refuses it.
pub fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Object::deserialize(deserializer).map(|o| o.0)
}

/// An open bag of the service's: each name with its text. Numbers and flags become their text, what is nested its
/// JSON; what is null is left out. Anything but an object is an empty bag.
///
/// # Errors
/// Only for broken JSON.
pub fn properties<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Properties, D::Error> {
    struct Bag;
    impl<'de> Visitor<'de> for Bag {
        type Value = Properties;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Properties, A::Error> {
            let mut bag = Properties::default();
            bag.reserve(8, 256);
            while let Some(Name(name)) = map.next_key::<Name<'_>>()? {
                map.next_value_seed(BagEntry { bag: &mut bag, name: &name })?;
            }
            Ok(bag)
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Properties, A::Error> {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            Ok(Properties::default())
        }
        scalars_are_nothing!(Properties);
    }
    deserializer.deserialize_any(Bag)
}

/// A member's name, copied only where it is written with escapes.
#[derive(Debug, Deserialize)]
pub struct Name<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// Reads a value into its bag.
struct BagEntry<'a> {
    bag: &'a mut Properties,
    name: &'a str,
}

impl<'de> DeserializeSeed<'de> for BagEntry<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for BagEntry<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.bag.set(self.name, text);
        Ok(())
    }
    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.bag.set(self.name, value.to_string());
        Ok(())
    }
    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.bag.set(self.name, value.to_string());
        Ok(())
    }
    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.bag.set(self.name, value.to_string());
        Ok(())
    }
    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.bag.set(self.name, if value { "true" } else { "false" });
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        let value = serde_json::Value::deserialize(SeqAccessDeserializer::new(seq))?;
        self.bag.set(self.name, value.to_string());
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let value = serde_json::Value::deserialize(MapAccessDeserializer::new(map))?;
        self.bag.set(self.name, value.to_string());
        Ok(())
    }
}

/// A list of objects, from an array or from one object; elements that are none are left out.
///
/// # Errors
/// For broken JSON, or when the objects' type refuses one.
pub fn objects<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct List<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
        type Value = Vec<T>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of objects")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while let Some(Object(item)) = seq.next_element::<Object<T>>()? {
                list.extend(item);
            }
            Ok(list)
        }
        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map)).map(|one| vec![one])
        }
        scalars_are_nothing!(Vec<T>);
    }
    deserializer.deserialize_any(List(PhantomData))
}
