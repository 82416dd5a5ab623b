//! Which detections of different sources are the same alert, and which incidents hold it.

use chrono::{DateTime, Utc};
use pocketsoc_model::{CorrelationKey, Detection, EntityKind, KeyBasis, Product};
use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64;

use crate::event::MatchedBy;
use crate::known::Digests;
use crate::name::{ByDigest, Name, NameDigest};

/// So close the first activities of two detections are that may be one, at most: in seconds.
const CLOSE: i64 = 300;

/// Where a detection is remembered: the source's place and the detection's name there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) source: usize,
    pub(crate) name: Name,
}

impl At {
    pub(crate) fn spot(&self) -> Spot {
        Spot { source: self.source, name: self.name.digest() }
    }
}

/// The same in few bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) source: usize,
    pub(crate) name: NameDigest,
}

/// Which detections have which keys, by the keys without their kinds: an alert is found together with what holds it.
#[derive(Debug, Default)]
pub(crate) struct Index(ByDigest<u64, SmallVec<[Place; 1]>>);

#[derive(Debug, PartialEq, Eq)]
struct Place {
    at: Spot,
    /// Of the key that leads here.
    kind: u8,
}

/// What a detection is found by.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    /// What it is remembered by.
    pub(crate) own: Digests,
    /// What others that are the same are remembered by.
    pub(crate) looked_for: LookedFor,
}

pub(crate) type LookedFor = SmallVec<[(u64, MatchedBy); 3]>;

impl Keys {
    /// Whether a key is of the alert itself.
    pub(crate) fn is_of_the_alert(key: u64) -> bool {
        kind(key) == ALERT
    }

    /// The keys of a detection; with `alike` also those that guess.
    pub(crate) fn of(detection: &Detection, alike: bool) -> Self {
        let mut looked_for: LookedFor =
            detection.correlation_keys.iter().map(|key| (of_key(key), MatchedBy::Key(key.basis()))).collect();
        let mut own: Digests = looked_for.iter().map(|(key, _)| *key).collect();
        if detection.product == Product::GRAPH_INCIDENT {
            for id in members(detection) {
                let alert = of_key(&CorrelationKey::alert(id));
                own.push(alert | u64::from(HELD));
                looked_for.push((alert, MatchedBy::Containment));
            }
        } else if let Some((what, bucket)) = alike.then(|| likeness(detection)).flatten() {
            own.push(guess(&what, bucket));
            looked_for.extend([-1, 0, 1].map(|step| (guess(&what, bucket + step), MatchedBy::Heuristic)));
        }
        Self { own, looked_for }
    }
}

impl Index {
    pub(crate) fn add(&mut self, at: Spot, keys: &[u64]) {
        for key in keys {
            let all = self.0.entry(key & !KIND).or_default();
            let place = Place { at, kind: kind(*key) };
            if !all.contains(&place) {
                all.push(place);
            }
        }
    }

    pub(crate) fn remove(&mut self, at: Spot, keys: &[u64]) {
        for key in keys {
            let bare = key & !KIND;
            if let Some(all) = self.0.get_mut(&bare) {
                all.retain(|one| one.at != at || one.kind != kind(*key));
                if all.is_empty() {
                    self.0.swap_remove(&bare);
                }
            }
        }
    }

    /// The others that are the same as the detection at a place, or hold it, each once, by the best that it is known by.
    pub(crate) fn others(&self, at: Spot, looked_for: &LookedFor) -> Vec<(Spot, MatchedBy)> {
        let mut found: Vec<(Spot, MatchedBy)> = Vec::new();
        for (key, by) in looked_for {
            for Place { at: one, kind: is } in self.0.get(&(key & !KIND)).into_iter().flatten() {
                let by = match by {
                    _ if *one == at => continue,
                    by if *is == kind(*key) => *by,
                    MatchedBy::Key(_) if *is == HELD => MatchedBy::Containment,
                    _ => continue,
                };
                match found.iter_mut().find(|(known, _)| known == one) {
                    Some((_, known)) if rank(by) < rank(*known) => *known = by,
                    Some(_) => {}
                    // Two of one source are two, whatever they look like.
                    None if one.source == at.source && by == MatchedBy::Heuristic => {}
                    None => found.push((*one, by)),
                }
            }
        }
        found
    }
}

fn rank(by: MatchedBy) -> u8 {
    match by {
        MatchedBy::Key(KeyBasis::Exact) => 0,
        MatchedBy::Key(_) => 1,
        MatchedBy::Containment => 2,
        MatchedBy::Heuristic => 3,
    }
}

/// Whether it is the same alert for certain, rather than what holds it or what looks like it.
pub(crate) fn is_same(by: MatchedBy) -> bool {
    matches!(by, MatchedBy::Key(_))
}

/// The last two bits of a key say what it is of: the alert itself, an alert that an incident holds, something that looks
/// alike.
const KIND: u64 = 3;
const ALERT: u8 = 0;
const HELD: u8 = 1;
const ALIKE: u8 = 3;

fn kind(key: u64) -> u8 {
    key.to_le_bytes()[0] & 3
}

fn of_key(key: &CorrelationKey) -> u64 {
    xxh3_64(key.as_str().as_bytes()) & !KIND
}

/// The ids of an incident's alerts.
fn members(incident: &Detection) -> impl Iterator<Item = &str> {
    incident.properties.get("alerts").into_iter().flat_map(|ids| ids.split(", ")).filter(|id| !id.is_empty())
}

/// What looks alike: title and what it is about, and when, in steps.
fn likeness(detection: &Detection) -> Option<(String, i64)> {
    let at: DateTime<Utc> = detection.first_activity_at.or(detection.created_at)?;
    let main = |kind: fn(&EntityKind) -> bool| {
        detection.entities.iter().find(|e| kind(&e.kind)).map(|e| e.name.as_str())
    };
    let asset = main(|kind| matches!(kind, EntityKind::Device(_)))
        .or_else(|| detection.resources.first().map(|r| r.name.as_deref().unwrap_or(&r.id)))
        .or_else(|| main(|kind| matches!(kind, EntityKind::User(_))))?;
    let asset = asset.split('.').next().unwrap_or_default();
    let tenant = detection.tenant_id.as_deref().unwrap_or_default();
    if detection.title.is_empty() || asset.is_empty() {
        return None;
    }
    let what = format!("{tenant}\0{}\0{asset}", detection.title).to_lowercase();
    Some((what, at.timestamp().div_euclid(CLOSE)))
}

fn guess(what: &str, bucket: i64) -> u64 {
    (xxh3_64(what.as_bytes()) ^ xxh3_64(&bucket.to_le_bytes())) | u64::from(ALIKE)
}
