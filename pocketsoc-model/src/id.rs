//! Identities: opaque texts that cannot be mistaken for one another.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text that cannot be an id: empty, or with characters that no service uses in one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a usable {what}: {reason}")]
pub struct InvalidId {
    what: &'static str,
    reason: &'static str,
}

#[doc(hidden)]
pub fn __check_id(what: &'static str, text: &str) -> Result<(), InvalidId> {
    let reason = if text.trim().is_empty() {
        "it is empty"
    } else if matches!(text, "." | "..") {
        "a path step is not an id"
    } else if has_control_characters(text) {
        "it contains control characters"
    } else if text.len() > 2048 {
        "it is longer than 2048 bytes"
    } else {
        return Ok(());
    };
    Err(InvalidId { what, reason })
}

/// All bytes first, which takes no branches: ids are long, and every detection has several.
#[allow(clippy::needless_bitwise_bool)]
fn has_control_characters(text: &str) -> bool {
    // U+0080 to U+009F begin with 0xC2.
    let suspicious = text.bytes().fold(false, |any, b| any | (b < 0x20) | (b == 0x7F) | (b == 0xC2));
    suspicious && text.chars().any(char::is_control)
}

/// Declares a newtype id: private field, checked on construction, transparent in JSON, never interchangeable.
///
/// ```
/// pocketsoc_model::id_type! {
///     /// A case in our ticket system.
///     pub struct CaseId("case id");
/// }
/// assert_eq!(CaseId::new("INC-42")?.as_str(), "INC-42");
/// assert!(CaseId::new("..").is_err());
/// # Ok::<(), pocketsoc_model::InvalidId>(())
/// ```
#[macro_export]
macro_rules! id_type {
    ($(#[$meta:meta])* pub struct $name:ident($what:literal);) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(::std::string::String);

        impl $name {
            /// Takes an id as the service gave it.
            ///
            /// # Errors
            /// When the text is empty, a path step (`.`, `..`), longer than 2048 bytes or holds control characters.
            pub fn new(text: impl Into<::std::string::String>) -> ::std::result::Result<Self, $crate::InvalidId> {
                let text = text.into();
                $crate::__check_id($what, &text)?;
                Ok(Self(text))
            }

            /// The id as the service spells it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::InvalidId;
            fn from_str(text: &str) -> ::std::result::Result<Self, Self::Err> {
                Self::new(text)
            }
        }

        impl $crate::__private::serde::Serialize for $name {
            fn serialize<S>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error>
            where
                S: $crate::__private::serde::Serializer,
            {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> $crate::__private::serde::Deserialize<'de> for $name {
            fn deserialize<D>(deserializer: D) -> ::std::result::Result<Self, D::Error>
            where
                D: $crate::__private::serde::Deserializer<'de>,
            {
                let text = <::std::string::String as $crate::__private::serde::Deserialize>::deserialize(deserializer)?;
                Self::new(text).map_err($crate::__private::serde::de::Error::custom)
            }
        }
    };
}

id_type! {
    /// The service's own id of a detection, opaque.
    ///
    /// For Defender for Cloud it is the full resource id, which compares ignoring case: see
    /// [`same_as`](Self::same_as).
    pub struct DetectionId("detection id");
}

impl DetectionId {
    /// Whether two ids name the same detection; Azure resource ids (`/subscriptions/…`) compare ignoring case.
    pub fn same_as(&self, other: &Self) -> bool {
        self == other || (self.is_azure_resource() && self.0.eq_ignore_ascii_case(&other.0))
    }

    /// Whether it is an Azure resource id: no other service has ids that begin with a slash.
    pub fn is_azure_resource(&self) -> bool {
        self.0.starts_with('/')
    }
}

/// A text that two sightings of the same alert share, whichever services they came through.
///
/// Equal keys mean the same alert; different alerts never share one, even within one incident.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CorrelationKey(String);

impl CorrelationKey {
    /// The key of an alert, from its Defender-wide id: the provider's prefix (`da`, `dc`, `sn`, …) and its own id.
    ///
    /// ```
    /// use pocketsoc_model::CorrelationKey;
    /// assert_eq!(CorrelationKey::alert("dcA1B2"), CorrelationKey::alert("DCa1b2"));
    /// ```
    pub fn alert(defender_id: &str) -> Self {
        Self::of_alert(&["alert:", defender_id])
    }

    fn of_alert(parts: &[&str]) -> Self {
        let mut key = parts.concat();
        key.make_ascii_lowercase();
        Self(key)
    }

    /// The keys of an alert of Defender for Cloud, from its name, which ends in a GUID, with digits before it in the
    /// older form. Its sighting through Defender XDR is known by the prefix `dc` and that name, or the GUID alone.
    ///
    /// ```
    /// use pocketsoc_model::CorrelationKey;
    /// let keys = CorrelationKey::cloud_alert("2518770965529163669_2325CF9E-42a2-4f72-ae7f-9b863cba2d22");
    /// assert!(keys.contains(&CorrelationKey::alert("dc2325cf9e-42a2-4f72-ae7f-9b863cba2d22")));
    /// ```
    pub fn cloud_alert(name: &str) -> Vec<Self> {
        if name.is_empty() {
            return Vec::new();
        }
        let mut keys = vec![Self::of_alert(&["alert:dc", name])];
        let digits_before = |(digits, guid): &(&str, &str)| {
            digits.len() == 19 && digits.bytes().all(|b| b.is_ascii_digit()) && !guid.is_empty()
        };
        if let Some((_, guid)) = name.split_once('_').filter(digits_before) {
            keys.push(Self::of_alert(&["alert:dc", guid]));
        }
        keys
    }

    /// A key of another kind, for other vendors: `namespace` keeps it apart from everybody else's.
    pub fn named(namespace: &str, id: &str) -> Self {
        Self(format!("{namespace}:{}", id.to_ascii_lowercase()))
    }

    /// What equality of this key rests on.
    ///
    /// ```
    /// use pocketsoc_model::{CorrelationKey, KeyBasis};
    /// assert_eq!(CorrelationKey::alert("da637_-12").basis(), KeyBasis::Exact);
    /// assert_eq!(CorrelationKey::cloud_alert("2325cf9e-42a2")[0].basis(), KeyBasis::Inferred);
    /// ```
    pub fn basis(&self) -> KeyBasis {
        if self.0.starts_with("alert:dc") { KeyBasis::Inferred } else { KeyBasis::Exact }
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the equality of two [`CorrelationKey`]s rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KeyBasis {
    /// The services document that the ids are one: an alert of Defender for Endpoint has the same id in Graph.
    Exact,
    /// A rule that has been seen to hold and is not documented: an alert of Defender for Cloud is known in Graph by `dc`
    /// and the name that Azure gives it.
    Inferred,
}

impl fmt::Debug for CorrelationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for CorrelationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_url_parsing_would_swallow_is_no_id() {
        for bad in ["", "  ", ".", "..", "a\nb", "a\u{0}", "a\u{7f}", "a\u{85}"] {
            assert!(DetectionId::new(bad).is_err(), "{bad:?}");
            assert!(serde_json::from_value::<DetectionId>(serde_json::json!(bad)).is_err());
        }
        assert_eq!(DetectionId::new("da637_-12").unwrap().as_str(), "da637_-12");
    }

    #[test]
    fn azure_ids_compare_ignoring_case_and_others_do_not() {
        let id = |text: &str| DetectionId::new(text).unwrap();
        assert!(id("/subscriptions/A/x").same_as(&id("/Subscriptions/a/X")));
        assert!(!id("daAB").same_as(&id("daab")));
    }
}
