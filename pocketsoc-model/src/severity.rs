//! How bad a detection is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::open::{UnknownWord, same_word};

/// How bad a detection is, on one scale for all sources.
///
/// There is no `Ord`: an unknown severity is neither more nor less than another. Thresholds use
/// [`meets`](Self::meets), which lets the unknown pass. None of the Microsoft services sends `Critical`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Severity {
    /// Absent, or a word that this version does not know.
    #[default]
    Unknown,
    /// For information.
    Informational,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Critical; for other vendors.
    Critical,
}

impl Severity {
    /// Every severity, mildest first, `Unknown` before all.
    pub const ALL: [Self; 6] =
        [Self::Unknown, Self::Informational, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// Whether this severity is at least `threshold`. What is unknown passes: an alert is never hidden by a word.
    ///
    /// ```
    /// use pocketsoc_model::Severity;
    /// assert!(Severity::High.meets(Severity::Medium));
    /// assert!(!Severity::Low.meets(Severity::Medium));
    /// assert!(Severity::Unknown.meets(Severity::High));
    /// ```
    pub fn meets(self, threshold: Self) -> bool {
        self == Self::Unknown || self as u8 >= threshold as u8
    }

    /// The normalized severity for a service's own word, `Unknown` for any other text.
    pub fn from_native(word: &str) -> Self {
        word.parse().unwrap_or(Self::Unknown)
    }

    /// The word used in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Severity {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        if same_word(word, "unspecified") {
            return Ok(Self::Unknown);
        }
        Self::ALL
            .into_iter()
            .find(|s| same_word(word, s.as_str()))
            .ok_or_else(|| UnknownWord::new("severity", word, Self::ALL))
    }
}

#[cfg(test)]
mod tests {
    use super::Severity;

    #[test]
    fn every_spelling_of_the_services_is_understood() {
        for (word, expected) in [
            ("UnSpecified", Severity::Unknown),
            ("unknown", Severity::Unknown),
            ("unknownFutureValue", Severity::Unknown),
            ("Informational", Severity::Informational),
            ("low", Severity::Low),
            ("MEDIUM", Severity::Medium),
            ("High", Severity::High),
            ("Catastrophic", Severity::Unknown),
        ] {
            assert_eq!(Severity::from_native(word), expected, "{word}");
        }
    }

    #[test]
    fn a_wrong_word_names_the_right_ones() {
        let error = "hgih".parse::<Severity>().unwrap_err().to_string();
        assert!(error.contains("hgih") && error.contains("informational, low, medium, high"), "{error}");
    }
}
