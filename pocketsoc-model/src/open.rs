//! Open enums: values that a service may extend any day, kept as text where this version does not know them.

use std::fmt;

/// The text of an enum value that this version does not know.
///
/// It can only come from parsing, so a known value never hides in here.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UnknownValue(Box<str>);

impl UnknownValue {
    #[doc(hidden)]
    pub fn __new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text as the service sent it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UnknownValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A word that a closed vocabulary does not have, with the words it has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not a {what}; expected one of {}", .expected.join(", "))]
pub struct UnknownWord {
    what: &'static str,
    found: String,
    expected: Vec<String>,
}

impl UnknownWord {
    /// Says that `found` is none of the `expected` words for `what`.
    pub fn new(what: &'static str, found: &str, expected: impl IntoIterator<Item = impl ToString>) -> Self {
        Self {
            what,
            found: found.to_owned(),
            expected: expected.into_iter().map(|w| w.to_string()).collect(),
        }
    }
}

/// Whether two spellings mean the same word: ASCII case, spaces, `_`, `-` and `,` do not count.
///
/// ```
/// assert!(pocketsoc_model::same_word("InProgress", "in_progress"));
/// assert!(pocketsoc_model::same_word("Informational, expected activity", "informationalExpectedActivity"));
/// assert!(!pocketsoc_model::same_word("New", "Newer"));
/// ```
pub fn same_word(left: &str, right: &str) -> bool {
    fn letters(text: &str) -> impl Iterator<Item = u8> {
        text.bytes().filter(|b| !matches!(b, b'_' | b'-' | b' ' | b',')).map(|b| b.to_ascii_lowercase())
    }
    letters(left).eq(letters(right))
}

/// Declares an open enum: known variants with the service's spelling (and aliases), and `Unrecognized` for the rest.
///
/// The text of an unknown value is kept and written back unchanged. Parsing ignores ASCII case; `From<&str>` is the
/// only way to an unknown value, so `Unrecognized("High")` cannot exist beside `High`.
///
/// ```
/// pocketsoc_model::open_enum! {
///     /// How a device is doing.
///     pub enum Health {
///         /// It reports.
///         Active = "Active",
///         /// It has not reported for a while.
///         Inactive = "Inactive" | "NotActive",
///     }
/// }
/// assert_eq!(Health::from("notActive"), Health::Inactive);
/// assert_eq!(Health::from("OnFire").as_str(), "OnFire");
/// assert!(!Health::from("OnFire").is_known());
/// ```
#[macro_export]
macro_rules! open_enum {
    ($(#[$meta:meta])* pub enum $name:ident {
        $($(#[$variant_meta:meta])* $variant:ident = $text:literal $(| $alias:literal)*),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
            /// A value that this version does not know, kept as the service wrote it.
            Unrecognized($crate::UnknownValue),
        }

        impl $name {
            /// Every value that this version knows.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant),+];

            /// The service's own spelling.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Unrecognized(value) => value.as_str(),
                }
            }

            /// Whether this version knows the value.
            pub fn is_known(&self) -> bool {
                !matches!(self, Self::Unrecognized(_))
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                $(if text.eq_ignore_ascii_case($text) $(|| text.eq_ignore_ascii_case($alias))* {
                    return Self::$variant;
                })+
                Self::Unrecognized($crate::UnknownValue::__new(text))
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::__private::serde::Serialize for $name {
            fn serialize<S>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error>
            where
                S: $crate::__private::serde::Serializer,
            {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> $crate::__private::serde::Deserialize<'de> for $name {
            fn deserialize<D>(deserializer: D) -> ::std::result::Result<Self, D::Error>
            where
                D: $crate::__private::serde::Deserializer<'de>,
            {
                struct Word;
                impl $crate::__private::serde::de::Visitor<'_> for Word {
                    type Value = $name;
                    fn expecting(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                        f.write_str("a word")
                    }
                    fn visit_str<E>(self, text: &str) -> ::std::result::Result<$name, E> {
                        Ok($name::from(text))
                    }
                }
                deserializer.deserialize_str(Word)
            }
        }
    };
}

#[cfg(test)]
#[allow(unreachable_pub)]
mod tests {
    use super::same_word;

    crate::open_enum! {
        /// Test subject.
        pub enum Colour {
            /// Red.
            Red = "Red" | "Crimson",
            /// Blue.
            Blue = "Blue",
        }
    }

    #[test]
    fn an_unknown_value_goes_back_as_it_came() {
        let value: Colour = serde_json::from_str("\"Ultra-Violet\"").unwrap();
        assert!(!value.is_known());
        assert_eq!(serde_json::to_string(&value).unwrap(), "\"Ultra-Violet\"");
    }

    #[test]
    fn a_known_value_is_recognised_in_any_case_and_by_alias() {
        assert_eq!(Colour::from("rED"), Colour::Red);
        assert_eq!(serde_json::from_str::<Colour>("\"crimson\"").unwrap(), Colour::Red);
        assert_eq!(serde_json::to_string(&Colour::Red).unwrap(), "\"Red\"");
        assert_eq!(Colour::KNOWN.len(), 2);
    }

    #[test]
    fn words_match_across_spelling_habits() {
        assert!(same_word("multi_staged_attack", "MultiStagedAttack"));
        assert!(same_word("in-progress", "In Progress"));
        assert!(!same_word("", "x"));
        assert!(!same_word("new", "now"));
    }
}
