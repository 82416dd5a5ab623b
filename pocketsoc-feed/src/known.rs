//! What is remembered of a detection: enough to see what has changed, in about a tenth of a kilobyte.

use std::num::NonZeroI64;

use chrono::{DateTime, Utc};
use pocketsoc_model::{Detection, Severity, Status};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::content::{KEYS, digests, fold, raw_digest};
use crate::event::Changed;
use crate::time::{Seconds, nanos, plausible};

/// The numbers of a checkpoint for statuses and severities: new ones go to the end.
const STATUSES: [Status; 7] = [
    Status::Unknown,
    Status::Active,
    Status::InProgress,
    Status::AwaitingAction,
    Status::Dismissed,
    Status::Resolved,
    Status::Merged,
];
const SEVERITIES: [Severity; 6] = [
    Severity::Unknown,
    Severity::Informational,
    Severity::Low,
    Severity::Medium,
    Severity::High,
    Severity::Critical,
];

/// The part that every detection has of its own: 16 bits of each key's digest, to name what has changed.
type Parts = [u16; KEYS.len()];

/// Digests of keys: most detections have one or two, which then stay where the rest is.
pub(crate) type Digests = SmallVec<[u64; 2]>;

/// What is remembered of a detection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// Its update time, in nanoseconds; services count in tenths of microseconds.
    pub(crate) updated: Option<NonZeroI64>,
    /// Of the bytes that the source sent.
    raw: u64,
    /// Of everything that is compared.
    content: u64,
    #[serde(with = "bytes")]
    parts: Parts,
    status: u8,
    severity: u8,
    entities: u16,
    comments: u16,
    /// Digests of what other sources know it by.
    pub(crate) keys: Digests,
    /// When it was seen last.
    pub(crate) seen: Seconds,
    /// The number of the latest change that was told of it: of several sightings of one alert, the highest is what was told.
    pub(crate) told: u64,
    /// It was pushed, and no list has shown it yet.
    pub(crate) pushed: bool,
}

impl Known {
    /// What to remember of a detection that is seen now.
    pub(crate) fn of(detection: &Detection, keys: Digests, now: DateTime<Utc>) -> Self {
        let digests = digests(detection);
        let status = place(&STATUSES, &detection.status);
        let severity = place(&SEVERITIES, &detection.severity);
        let content =
            digests.iter().fold(u64::from(status) << 8 | u64::from(severity), |all, one| fold(all, *one));
        Self {
            updated: updated(detection),
            raw: raw_digest(detection).unwrap_or(content),
            content,
            #[allow(clippy::cast_possible_truncation)] // a part of the digest
            parts: digests.map(|digest| digest as u16),
            status,
            severity,
            entities: u16::try_from(detection.entities.len()).unwrap_or(u16::MAX),
            comments: u16::try_from(detection.comments.len()).unwrap_or(u16::MAX),
            keys,
            seen: Seconds::of(now),
            told: 0,
            pushed: false,
        }
    }

    /// Whether a detection is the very same, byte for byte: most of what a poll brings.
    pub(crate) fn is_same(&self, detection: &Detection) -> bool {
        self.updated == updated(detection) && raw_digest(detection) == Some(self.raw)
    }

    /// Whether it is the same version: the same update time, and all that is compared.
    pub(crate) fn is_version_of(&self, other: &Self) -> bool {
        self.updated == other.updated && self.content == other.content
    }

    pub(crate) fn status(&self) -> Status {
        STATUSES.get(usize::from(self.status)).copied().unwrap_or_default()
    }

    pub(crate) fn severity(&self) -> Severity {
        SEVERITIES.get(usize::from(self.severity)).copied().unwrap_or_default()
    }

    /// How many comments there are more than before.
    pub(crate) fn comments_since(&self, before: &Self) -> u16 {
        self.comments.saturating_sub(before.comments)
    }

    /// Whether a list shows what was pushed, and nothing that came later: a push tells status, severity, verdict and owner as a
    /// list does.
    pub(crate) fn is_what_was_pushed(&self, pushed: &Self) -> bool {
        self.says_the_same(pushed) && self.updated <= pushed.updated
    }

    /// Whether status, severity, verdict and owner are the same.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        let part = |known: &Self, key: &str| known.part(key);
        let same = |key| part(self, key) == part(other, key);
        self.status == other.status
            && self.severity == other.severity
            && ["classification", "determination", "assigned_to"].into_iter().all(same)
    }

    /// Whether a change is seen here already.
    pub(crate) fn shows(&self, change: &Changed, detection: &Self) -> bool {
        match change {
            Changed::Status { to, .. } => self.status() == *to,
            Changed::Severity { to, .. } => self.severity() == *to,
            Changed::AssignedTo(_) | Changed::Classification(_) | Changed::Determination(_) => {
                self.part(change.key()) == detection.part(change.key())
            }
            // Follow from the status, in each service's own words and time.
            Changed::Reopened | Changed::Other("native_status" | "resolved_at") => {
                self.status == detection.status
            }
            _ => false,
        }
    }

    fn part(&self, key: &str) -> Option<u16> {
        KEYS.iter().position(|one| *one == key).map(|at| self.parts[at])
    }

    /// What of a detection has changed since this was remembered; `now` is what is to be remembered of it.
    pub(crate) fn changes(&self, now: &Self, detection: &Detection) -> Vec<Changed> {
        let mut all = Vec::new();
        if self.status != now.status {
            let (from, to) = (self.status(), now.status());
            all.push(Changed::Status { from, to });
            if is_over(from) && matches!(to, Status::Active | Status::InProgress | Status::AwaitingAction) {
                all.push(Changed::Reopened);
            }
        }
        if self.severity != now.severity {
            all.push(Changed::Severity { from: self.severity(), to: now.severity() });
        }
        for (key, _) in KEYS.into_iter().zip(self.parts.iter().zip(&now.parts)).filter(|(_, (a, b))| a != b) {
            all.push(match key {
                "assigned_to" => Changed::AssignedTo(detection.assigned_to.clone()),
                "classification" => Changed::Classification(detection.classification),
                "determination" => Changed::Determination(detection.determination),
                "merged_into" => match &detection.merged_into {
                    Some(id) => Changed::MergedInto(id.clone()),
                    None => Changed::Other(key),
                },
                "entities" if now.entities > self.entities => {
                    Changed::EvidenceAdded(usize::from(now.entities - self.entities))
                }
                key => Changed::Other(key),
            });
        }
        all
    }

    /// Takes over from what is now seen the parts that a change of our own has made, and leaves the others as they were
    /// known, so that somebody else's change is not taken for ours.
    pub(crate) fn take_over(&mut self, now: &Self, keys: &[&str]) {
        for key in keys {
            match *key {
                "status" => self.status = now.status,
                key => {
                    if let Some(at) = KEYS.iter().position(|one| *one == key) {
                        self.parts[at] = now.parts[at];
                    }
                }
            }
        }
    }
}

fn is_over(status: Status) -> bool {
    matches!(status, Status::Resolved | Status::Dismissed | Status::Merged)
}

fn place<T: PartialEq>(all: &[T], one: &T) -> u8 {
    let at = all.iter().position(|known| known == one);
    u8::try_from(at.unwrap_or_default()).unwrap_or_default()
}

fn updated(detection: &Detection) -> Option<NonZeroI64> {
    nanos(plausible(detection.updated_at)).and_then(NonZeroI64::new)
}

/// Parts as bytes: one piece of a checkpoint instead of many.
mod bytes {
    use serde::de::{Deserializer, Error as _};
    use serde::{Deserialize as _, Serializer};

    use super::Parts;

    pub(super) fn serialize<S: Serializer>(parts: &Parts, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = [0; 2 * super::KEYS.len()];
        for (two, part) in bytes.chunks_exact_mut(2).zip(parts) {
            two.copy_from_slice(&part.to_le_bytes());
        }
        serializer.serialize_bytes(&bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Parts, D::Error> {
        let bytes = <&[u8]>::deserialize(deserializer)?;
        let mut parts = Parts::default();
        if bytes.len() != 2 * parts.len() {
            return Err(D::Error::custom("another number of parts"));
        }
        for (part, two) in parts.iter_mut().zip(bytes.chunks_exact(2)) {
            *part = u16::from_le_bytes([two[0], two[1]]);
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pocketsoc_model::{Classification, DetectionId, Entity, Product, RawJson};

    fn detection() -> Detection {
        let mut d = Detection::new(DetectionId::new("da1_1").unwrap(), Product::DEFENDER_ENDPOINT, "Miner");
        d.status = Status::Active;
        d.severity = Severity::Medium;
        d.updated_at = DateTime::from_timestamp(1_790_000_000, 1_234_500);
        d.raw = Some(RawJson::new("{\"id\":\"da1_1\"}"));
        d
    }

    fn known(d: &Detection) -> Known {
        Known::of(d, Digests::new(), DateTime::UNIX_EPOCH)
    }

    #[test]
    fn every_status_and_severity_has_a_number_of_its_own() {
        for status in Status::ALL {
            assert_eq!(STATUSES[usize::from(place(&STATUSES, &status))], status);
        }
        for severity in Severity::ALL {
            assert_eq!(SEVERITIES[usize::from(place(&SEVERITIES, &severity))], severity);
        }
    }

    #[test]
    fn what_has_changed_is_named_with_what_it_was_and_is() {
        let before = detection();
        let mut now = before.clone();
        now.status = Status::Resolved;
        now.severity = Severity::High;
        now.assigned_to = Some("ada@contoso.example".into());
        now.classification = Some(Classification::FalsePositive);
        now.tags.push("q3".into());
        let changes = known(&before).changes(&known(&now), &now);
        assert_eq!(
            changes,
            [
                Changed::Status { from: Status::Active, to: Status::Resolved },
                Changed::Severity { from: Severity::Medium, to: Severity::High },
                Changed::Classification(Some(Classification::FalsePositive)),
                Changed::AssignedTo(Some("ada@contoso.example".into())),
                Changed::Other("tags"),
            ]
        );
        let back = known(&now).changes(&known(&before), &before);
        assert!(back.contains(&Changed::Reopened), "{back:?}");
        assert!(known(&before).changes(&known(&before), &before).is_empty());
    }

    #[test]
    fn the_same_bytes_are_the_same_version_and_other_bytes_with_the_same_content_too() {
        let (before, mut now) = (detection(), detection());
        assert!(known(&before).is_same(&now));
        now.raw = Some(RawJson::new("{ \"id\": \"da1_1\" }"));
        assert!(!known(&before).is_same(&now) && known(&before).is_version_of(&known(&now)));
        now.updated_at = DateTime::from_timestamp(1_790_000_001, 0);
        assert!(!known(&before).is_version_of(&known(&now)));
    }

    #[test]
    fn the_order_of_what_is_involved_does_not_matter_and_its_verdict_does() {
        use pocketsoc_model::{EntityKind, Ip};
        let entity = |name: &str| Entity::new(EntityKind::Ip(Ip::default()), name);
        let (mut one, mut other) = (detection(), detection());
        one.entities = vec![entity("192.0.2.1"), entity("192.0.2.2")];
        other.entities = vec![entity("192.0.2.2"), entity("192.0.2.1")];
        assert!(known(&one).is_version_of(&known(&other)));
        other.entities[0].verdict = Some("malicious".into());
        assert_eq!(known(&one).changes(&known(&other), &other), [Changed::Other("entities")]);
        other.entities.push(entity("192.0.2.3"));
        assert_eq!(known(&one).changes(&known(&other), &other), [Changed::EvidenceAdded(1)]);
    }

    #[test]
    fn a_change_of_our_own_is_taken_over_and_somebody_elses_is_still_to_be_told() {
        let before = detection();
        let mut now = before.clone();
        (now.status, now.severity) = (Status::Resolved, Severity::High);
        let mut remembered = known(&before);
        remembered.take_over(&known(&now), &["status", "native_status"]);
        assert_eq!(
            remembered.changes(&known(&now), &now),
            [Changed::Severity { from: Severity::Medium, to: Severity::High }]
        );
    }
}
