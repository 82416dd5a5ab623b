//! Each type of evidence as the entity that comes nearest: what has a field there goes into it, the rest is told as
//! properties under the service's names.

pub(super) mod cloud;
pub(super) mod containers;
pub(super) mod endpoint;
pub(super) mod identity;
pub(super) mod mail;
pub(super) mod network;

use pocketsoc_model::{Entity, EntityKind, OtherEntity, RawJson};

use crate::evidence::{Fields, Told};

/// The first text that says something.
fn first<'a>(texts: impl IntoIterator<Item = &'a Option<String>>) -> Option<String> {
    texts.into_iter().flatten().find(|text| !text.is_empty()).cloned()
}

fn named(kind: EntityKind, name: Option<String>) -> Entity {
    Entity::new(kind, name.unwrap_or_default())
}

/// An entity with what is left of its evidence as properties.
fn with_rest(mut entity: Entity, rest: impl Fields) -> Entity {
    rest.tell(&mut Told::to(&mut entity.properties));
    entity
}

/// Evidence of a kind that the common vocabulary has no entity for, by the first name that says something.
pub(super) fn of_kind<const N: usize>(kind: String, names: [Option<String>; N], rest: impl Fields) -> Entity {
    let mut other = OtherEntity::default();
    other.kind = Some(kind).filter(|kind| !kind.is_empty());
    let name = names.into_iter().flatten().find(|name| !name.is_empty());
    with_rest(named(EntityKind::Other(other), name), rest)
}

/// Evidence of a type that nobody knows yet: named by what such things are usually named by.
pub(super) fn unknown(kind: String, members: &[(String, RawJson)]) -> Entity {
    const NAMES: [&str; 7] =
        ["displayName", "name", "resourceName", "friendlyName", "subject", "url", "login"];
    let text = |name: &str| {
        let (_, value) = members.iter().find(|(own, _)| own == name)?;
        serde_json::from_str::<String>(value.as_str()).ok().filter(|text| !text.is_empty())
    };
    // Else by its first id.
    let id = || members.iter().find(|(name, _)| name.ends_with("Id")).and_then(|(name, _)| text(name));
    let name = NAMES.into_iter().find_map(text).or_else(id);
    let mut other = OtherEntity::default();
    other.kind = Some(kind).filter(|kind| !kind.is_empty());
    named(EntityKind::Other(other), name)
}
