//! The content of a detection as digests, one a key: what is compared to see what has changed.

use chrono::{DateTime, Utc};
use pocketsoc_model::{Detection, DetectionId, Entity, IncidentRef, Properties, TechniqueId};
use xxhash_rust::xxh3::xxh3_64;

use crate::time::nanos;

/// The keys of a detection's JSON that are compared by digest, in the order of a checkpoint: another one is another version
/// of it.
pub(crate) const KEYS: [&str; 25] = [
    "title",
    "description",
    "native_severity",
    "native_status",
    "merged_into",
    "classification",
    "determination",
    "assigned_to",
    "category",
    "tactics",
    "techniques",
    "created_at",
    "first_activity_at",
    "last_activity_at",
    "resolved_at",
    "url",
    "links",
    "provider",
    "resources",
    "properties",
    "incident_id",
    "entities",
    "comments",
    "tags",
    "machine_group",
];

/// The digest of the bytes that a source sent.
pub(crate) fn raw_digest(detection: &Detection) -> Option<u64> {
    detection.raw.as_ref().map(|raw| xxh3_64(raw.as_str().as_bytes()))
}

/// The digests of what is compared, in the order of [`KEYS`].
pub(crate) fn digests(d: &Detection) -> [u64; KEYS.len()] {
    [
        text(&d.title),
        optional(d.description.as_deref()),
        optional(d.native_severity.as_deref()),
        optional(d.native_status.as_deref()),
        optional(d.merged_into.as_ref().map(DetectionId::as_str)),
        optional(d.classification.as_ref().map(|c| c.as_str())),
        optional(d.determination.as_ref().map(|c| c.as_str())),
        optional(d.assigned_to.as_deref()),
        optional(d.category.as_deref()),
        set(d.tactics.iter().map(|t| t.as_str())),
        set(d.techniques.iter().map(TechniqueId::as_str)),
        time(d.created_at),
        time(d.first_activity_at),
        time(d.last_activity_at),
        time(d.resolved_at),
        optional(d.url.as_deref()),
        texts(d.links.iter().flat_map(|l| [l.title.as_str(), l.url.as_str()])),
        optional(d.provider.as_deref()),
        set(d.resources.iter().map(|r| r.id.as_str())),
        properties(&d.properties),
        optional(d.incident_id.as_ref().map(IncidentRef::as_str)),
        entities(&d.entities),
        texts(d.comments.iter().flat_map(|c| [c.text.as_str(), c.created_by.as_deref().unwrap_or_default()])),
        set(d.tags.iter().map(String::as_str)),
        optional(d.machine_group.as_deref()),
    ]
}

fn text(text: &str) -> u64 {
    xxh3_64(text.as_bytes())
}

fn optional(text: Option<&str>) -> u64 {
    text.map_or(0, |text| xxh3_64(text.as_bytes()).max(1))
}

fn time(at: Option<DateTime<Utc>>) -> u64 {
    nanos(at).map_or(0, |at| xxh3_64(&at.to_le_bytes()).max(1))
}

/// Several in their order. Folded: a digest that takes many parts costs more to set up than most of them are long.
fn texts<'a>(all: impl Iterator<Item = &'a str>) -> u64 {
    all.fold(0, |digest, part| fold(digest, text(part)))
}

/// Two digests as one.
pub(crate) fn fold(digest: u64, next: u64) -> u64 {
    (digest.rotate_left(23) ^ next).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// Several in whatever order: services are not known to keep it.
fn set<'a>(all: impl Iterator<Item = &'a str>) -> u64 {
    all.fold(0, |sum, part| sum.wrapping_add(text(part)))
}

fn properties(all: &Properties) -> u64 {
    let digest = |(name, value): (&str, &str)| match name {
        // An incident's alerts.
        "alerts" => fold(text(name), set(value.split(", "))),
        _ => fold(text(name), text(value)),
    };
    all.iter().fold(0, |sum, one| sum.wrapping_add(digest(one)))
}

/// What is involved, in whatever order.
fn entities(all: &[Entity]) -> u64 {
    let digest = |entity: &Entity| {
        let said = [&entity.detection_status, &entity.verdict, &entity.remediation];
        let named = fold(text(entity.type_name()), text(&entity.name));
        let said = said.into_iter().fold(named, |digest, word| fold(digest, optional(word.as_deref())));
        fold(said, set(entity.roles.iter().map(String::as_str)))
    };
    all.iter().fold(0, |sum, entity| sum.wrapping_add(digest(entity)))
}
