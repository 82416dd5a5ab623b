//! Where a detection stands in the workflow.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::open::{UnknownWord, same_word};

/// Where a detection stands in the workflow. Never derived from a verdict, nor a verdict from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// Open, nobody works on it.
    Active,
    /// Somebody works on it.
    InProgress,
    /// Waits for an action by the customer (set by Microsoft's experts on Graph incidents).
    AwaitingAction,
    /// Set aside; Defender for Cloud only.
    Dismissed,
    /// Done.
    Resolved,
    /// Merged into another one (a redirected Graph incident).
    Merged,
    /// A word that this version does not know; the source's own stays in `native_status`.
    #[default]
    Unknown,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 7] = [
        Self::Active,
        Self::InProgress,
        Self::AwaitingAction,
        Self::Dismissed,
        Self::Resolved,
        Self::Merged,
        Self::Unknown,
    ];

    /// The normalized status for a service's own word, `Unknown` for any other text.
    pub fn from_native(word: &str) -> Self {
        word.parse().unwrap_or(Self::Unknown)
    }

    /// The word used in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::InProgress => "in_progress",
            Self::AwaitingAction => "awaiting_action",
            Self::Dismissed => "dismissed",
            Self::Resolved => "resolved",
            Self::Merged => "merged",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Status {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        if same_word(word, "new") || same_word(word, "open") {
            return Ok(Self::Active);
        }
        if same_word(word, "redirected") {
            return Ok(Self::Merged);
        }
        Self::ALL
            .into_iter()
            .find(|s| same_word(word, s.as_str()))
            .ok_or_else(|| UnknownWord::new("status", word, Self::ALL))
    }
}

#[cfg(test)]
mod tests {
    use super::Status;

    #[test]
    fn every_spelling_of_the_services_is_understood() {
        for (word, expected) in [
            ("New", Status::Active),
            ("new", Status::Active),
            ("Active", Status::Active),
            ("InProgress", Status::InProgress),
            ("inProgress", Status::InProgress),
            ("in_progress", Status::InProgress),
            ("awaitingAction", Status::AwaitingAction),
            ("Dismissed", Status::Dismissed),
            ("resolved", Status::Resolved),
            ("redirected", Status::Merged),
            ("Unknown", Status::Unknown),
            ("unknownFutureValue", Status::Unknown),
            ("Parked", Status::Unknown),
        ] {
            assert_eq!(Status::from_native(word), expected, "{word}");
        }
    }
}
