//! MITRE ATT&CK: tactics and technique ids.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::open::same_word;

/// An ATT&CK enterprise tactic.
///
/// Categories of the services that are not tactics (`Malware`, `PreAttack`, `SuspiciousActivity`) give none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[allow(missing_docs)] // the names are ATT&CK's own
pub enum Tactic {
    Reconnaissance,
    ResourceDevelopment,
    InitialAccess,
    Execution,
    Persistence,
    PrivilegeEscalation,
    DefenseEvasion,
    CredentialAccess,
    Discovery,
    LateralMovement,
    Collection,
    CommandAndControl,
    Exfiltration,
    Impact,
}

impl Tactic {
    /// Every tactic, with its ATT&CK id, in the order of the matrix.
    pub const ALL: [(Self, &'static str); 14] = [
        (Self::Reconnaissance, "TA0043"),
        (Self::ResourceDevelopment, "TA0042"),
        (Self::InitialAccess, "TA0001"),
        (Self::Execution, "TA0002"),
        (Self::Persistence, "TA0003"),
        (Self::PrivilegeEscalation, "TA0004"),
        (Self::DefenseEvasion, "TA0005"),
        (Self::CredentialAccess, "TA0006"),
        (Self::Discovery, "TA0007"),
        (Self::LateralMovement, "TA0008"),
        (Self::Collection, "TA0009"),
        (Self::CommandAndControl, "TA0011"),
        (Self::Exfiltration, "TA0010"),
        (Self::Impact, "TA0040"),
    ];

    /// The tactic that a service's category names, if it names one.
    ///
    /// ```
    /// use pocketsoc_model::Tactic;
    /// assert_eq!(Tactic::from_category("InitialAccess"), Some(Tactic::InitialAccess));
    /// assert_eq!(Tactic::from_category("Malware"), None);
    /// ```
    pub fn from_category(category: &str) -> Option<Self> {
        Self::ALL.into_iter().map(|(tactic, _)| tactic).find(|tactic| same_word(category, tactic.as_str()))
    }

    /// The ATT&CK name in snake_case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reconnaissance => "reconnaissance",
            Self::ResourceDevelopment => "resource_development",
            Self::InitialAccess => "initial_access",
            Self::Execution => "execution",
            Self::Persistence => "persistence",
            Self::PrivilegeEscalation => "privilege_escalation",
            Self::DefenseEvasion => "defense_evasion",
            Self::CredentialAccess => "credential_access",
            Self::Discovery => "discovery",
            Self::LateralMovement => "lateral_movement",
            Self::Collection => "collection",
            Self::CommandAndControl => "command_and_control",
            Self::Exfiltration => "exfiltration",
            Self::Impact => "impact",
        }
    }
}

impl fmt::Display for Tactic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An ATT&CK technique or sub-technique id, such as `T1055` or `T1055.001`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct TechniqueId(String);

impl TechniqueId {
    /// Reads an id; `None` for a text that is not one.
    ///
    /// ```
    /// use pocketsoc_model::TechniqueId;
    /// let id = TechniqueId::parse(" t1055.001 ").unwrap();
    /// assert_eq!((id.as_str(), id.technique()), ("T1055.001", "T1055"));
    /// assert!(TechniqueId::parse("Phishing").is_none());
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = |part: &[u8], count| part.len() == count && part.iter().all(u8::is_ascii_digit);
        let valid = match text.as_bytes() {
            [b'T' | b't', rest @ ..] if rest.len() == 4 => digits(rest, 4),
            [b'T' | b't', rest @ ..] if rest.len() == 8 => {
                digits(&rest[..4], 4) && rest[4] == b'.' && digits(&rest[5..], 3)
            }
            _ => false,
        };
        valid.then(|| Self(text.to_ascii_uppercase()))
    }

    /// The ids among texts, each once, and what is none.
    ///
    /// ```
    /// use pocketsoc_model::TechniqueId;
    /// let (ids, strange) = TechniqueId::parse_all(["T1055", "phishing", "t1055"]);
    /// assert_eq!((ids.len(), strange.as_slice()), (1, &["phishing"][..]));
    /// ```
    pub fn parse_all<'a>(texts: impl IntoIterator<Item = &'a str>) -> (Vec<Self>, Vec<&'a str>) {
        let (mut ids, mut strange, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        for text in texts {
            match Self::parse(text) {
                Some(id) if seen.insert(id.clone()) => ids.push(id),
                Some(_) => {}
                None => strange.push(text),
            }
        }
        (ids, strange)
    }

    /// The id, sub-technique included.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parent technique's id.
    pub fn technique(&self) -> &str {
        &self.0[..5]
    }

    /// The sub-technique's number, if this is one.
    pub fn sub_technique(&self) -> Option<&str> {
        self.0.get(6..)
    }
}

impl fmt::Debug for TechniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for TechniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TechniqueId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an ATT&CK technique id"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_that_are_no_tactics_give_none() {
        for category in ["Malware", "PreAttack", "SuspiciousActivity", "General", "Exploit", "Ransomware", ""]
        {
            assert_eq!(Tactic::from_category(category), None, "{category}");
        }
        assert_eq!(Tactic::from_category("CommandAndControl"), Some(Tactic::CommandAndControl));
        assert_eq!(Tactic::from_category("defenseEvasion"), Some(Tactic::DefenseEvasion));
    }

    #[test]
    fn technique_ids_are_checked() {
        for bad in ["", "T", "T12345", "T1055.", "T1055.1", "T1055-001", "X1055", "T10é5"] {
            assert!(TechniqueId::parse(bad).is_none(), "{bad}");
        }
        assert_eq!(TechniqueId::parse("T1055.001").unwrap().sub_technique(), Some("001"));
        assert_eq!(TechniqueId::parse("T1055").unwrap().sub_technique(), None);
    }
}
