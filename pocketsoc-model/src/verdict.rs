//! What analysts concluded: classification and determination, with every spelling the services use.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::open::{UnknownWord, same_word};

/// The verdict on a detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Classification {
    /// A real attack.
    TruePositive,
    /// Real but expected: a test, an administrator, a line-of-business application.
    InformationalExpected,
    /// Nothing malicious happened.
    FalsePositive,
    /// The source says that it does not know, or uses a word that this version does not know.
    Unknown,
}

/// The finer reason behind a [`Classification`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[allow(missing_docs)] // the words are the documentation; each is explained by its services' pages
pub enum Determination {
    MultiStagedAttack,
    MaliciousUserActivity,
    CompromisedAccount,
    Malware,
    Phishing,
    UnwantedSoftware,
    SecurityTesting,
    LineOfBusinessApplication,
    ConfirmedActivity,
    NotMalicious,
    InsufficientData,
    Other,
    /// Retired in August 2022; still read, never written.
    Apt,
    /// Retired in August 2022; still read, never written.
    SecurityPersonnel,
    /// The source says that there is none, or uses a word that this version does not know.
    Unknown,
}

impl Classification {
    /// Every verdict.
    pub const ALL: [Self; 4] =
        [Self::TruePositive, Self::InformationalExpected, Self::FalsePositive, Self::Unknown];

    /// The normalized verdict for a service's own word, `Unknown` for any other text.
    pub fn from_native(word: &str) -> Self {
        word.parse().unwrap_or(Self::Unknown)
    }

    /// The word used in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TruePositive => "true_positive",
            Self::InformationalExpected => "informational_expected",
            Self::FalsePositive => "false_positive",
            Self::Unknown => "unknown",
        }
    }

    /// The determinations that go with this verdict, as documented for Defender for Endpoint.
    pub fn determinations(self) -> &'static [Determination] {
        use Determination as D;
        match self {
            Self::TruePositive => &[
                D::MultiStagedAttack,
                D::MaliciousUserActivity,
                D::CompromisedAccount,
                D::Malware,
                D::Phishing,
                D::UnwantedSoftware,
                D::Other,
            ],
            Self::InformationalExpected => {
                &[D::SecurityTesting, D::LineOfBusinessApplication, D::ConfirmedActivity, D::Other]
            }
            Self::FalsePositive => &[D::NotMalicious, D::InsufficientData, D::Other],
            Self::Unknown => &[],
        }
    }
}

impl Determination {
    /// Every determination.
    pub const ALL: [Self; 15] = [
        Self::MultiStagedAttack,
        Self::MaliciousUserActivity,
        Self::CompromisedAccount,
        Self::Malware,
        Self::Phishing,
        Self::UnwantedSoftware,
        Self::SecurityTesting,
        Self::LineOfBusinessApplication,
        Self::ConfirmedActivity,
        Self::NotMalicious,
        Self::InsufficientData,
        Self::Other,
        Self::Apt,
        Self::SecurityPersonnel,
        Self::Unknown,
    ];

    /// The normalized determination for a service's own word, `Unknown` for any other text.
    pub fn from_native(word: &str) -> Self {
        word.parse().unwrap_or(Self::Unknown)
    }

    /// The word used in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MultiStagedAttack => "multi_staged_attack",
            Self::MaliciousUserActivity => "malicious_user_activity",
            Self::CompromisedAccount => "compromised_account",
            Self::Malware => "malware",
            Self::Phishing => "phishing",
            Self::UnwantedSoftware => "unwanted_software",
            Self::SecurityTesting => "security_testing",
            Self::LineOfBusinessApplication => "line_of_business_application",
            Self::ConfirmedActivity => "confirmed_activity",
            Self::NotMalicious => "not_malicious",
            Self::InsufficientData => "insufficient_data",
            Self::Other => "other",
            Self::Apt => "apt",
            Self::SecurityPersonnel => "security_personnel",
            Self::Unknown => "unknown",
        }
    }

    /// What other pages and services call the same thing.
    fn other_spellings(self) -> &'static [&'static str] {
        match self {
            Self::CompromisedAccount => &["CompromisedUser"],
            Self::ConfirmedActivity => &["ConfirmedUserActivity"],
            Self::NotMalicious => &["Clean"],
            Self::InsufficientData => &["NotEnoughDataToValidate", "NoEnoughDataToValidate"],
            Self::Unknown => &["NotAvailable"],
            _ => &[],
        }
    }
}

impl fmt::Display for Classification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Determination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Classification {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        if same_word(word, "InformationalExpectedActivity") {
            return Ok(Self::InformationalExpected);
        }
        Self::ALL
            .into_iter()
            .find(|c| same_word(word, c.as_str()))
            .ok_or_else(|| UnknownWord::new("classification", word, Self::ALL))
    }
}

impl FromStr for Determination {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|d| same_word(word, d.as_str()) || d.other_spellings().iter().any(|s| same_word(word, s)))
            .ok_or_else(|| UnknownWord::new("determination", word, Self::ALL))
    }
}

/// A verdict and a reason that do not go together, with the reasons that would.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{determination} does not go with {classification}; allowed: {}", allowed(*.classification))]
pub struct IllegalPair {
    classification: Classification,
    determination: Determination,
}

fn allowed(classification: Classification) -> String {
    let words: Vec<_> = classification.determinations().iter().map(|d| d.as_str()).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

/// Whether the pair is one that the services document.
///
/// Asked before a write only, never when reading: stored pairs outside the table exist.
///
/// # Errors
/// The pair, with the determinations that go with the classification.
pub fn check_pair(classification: Classification, determination: Determination) -> Result<(), IllegalPair> {
    if classification.determinations().contains(&determination) {
        Ok(())
    } else {
        Err(IllegalPair { classification, determination })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_meaning_in_its_several_spellings_is_one_value() {
        for (words, expected) in [
            (
                &["CompromisedUser", "compromisedAccount", "CompromisedAccount"][..],
                Determination::CompromisedAccount,
            ),
            (
                &["ConfirmedActivity", "ConfirmedUserActivity", "confirmedActivity"],
                Determination::ConfirmedActivity,
            ),
            (&["NotMalicious", "Clean", "clean"], Determination::NotMalicious),
            (
                &["InsufficientData", "notEnoughDataToValidate", "NoEnoughDataToValidate"],
                Determination::InsufficientData,
            ),
            (&["NotAvailable", "unknown", "Whatever"], Determination::Unknown),
            (&["Apt", "apt"], Determination::Apt),
        ] {
            for word in words {
                assert_eq!(Determination::from_native(word), expected, "{word}");
            }
        }
        for word in
            ["InformationalExpectedActivity", "Informational, expected activity", "informational_expected"]
        {
            assert_eq!(Classification::from_native(word), Classification::InformationalExpected, "{word}");
        }
        assert_eq!(Classification::from_native("5"), Classification::Unknown);
    }

    #[test]
    fn an_illegal_pair_names_the_legal_reasons() {
        assert!(check_pair(Classification::TruePositive, Determination::Malware).is_ok());
        assert!(check_pair(Classification::InformationalExpected, Determination::SecurityTesting).is_ok());
        let error =
            check_pair(Classification::FalsePositive, Determination::Malware).unwrap_err().to_string();
        assert_eq!(
            error,
            "malware does not go with false_positive; allowed: not_malicious, insufficient_data, other"
        );
        assert!(check_pair(Classification::TruePositive, Determination::Apt).is_err());
    }
}
