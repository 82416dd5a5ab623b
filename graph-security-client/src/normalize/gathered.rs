//! What the pieces of evidence of an alert or an incident come to: each thing once.

use std::collections::{HashMap, HashSet};

use pocketsoc_model::{Entity, Resource};

/// Entities, each thing once.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) entities: Vec<Entity>,
    /// By name, where in the list, once there are many.
    places: Option<HashMap<String, Vec<usize>>>,
}

/// So many entities are looked through one by one.
const FEW: usize = 32;

/// Of the entities with one name, so many are compared; of the roles of one, so many are gathered.
const COMPARED: usize = 64;

impl Gathered {
    /// Adds an entity; one that is there already, and of which the same is said, lends its roles to the first.
    pub(super) fn add(&mut self, entity: Entity) {
        let known = match &self.places {
            None => self.entities.iter().position(|known| same(known, &entity)),
            Some(places) => {
                let mut latest = places.get(&entity.name).into_iter().flatten().rev().take(COMPARED);
                latest.find(|at| same(&self.entities[**at], &entity)).copied()
            }
        };
        if let Some(at) = known {
            return merge(&mut self.entities[at], entity);
        }
        self.entities.push(entity);
        let new = match &self.places {
            None if self.entities.len() <= FEW => return,
            None => 0,
            Some(_) => self.entities.len() - 1,
        };
        let places = self.places.get_or_insert_default();
        for (at, entity) in self.entities.iter().enumerate().skip(new) {
            places.entry(entity.name.clone()).or_default().push(at);
        }
    }
}

/// The same thing in the same state, whenever and in whichever part it was seen.
fn same(one: &Entity, other: &Entity) -> bool {
    one.name == other.name
        && one.kind == other.kind
        && one.verdict == other.verdict
        && one.remediation == other.remediation
        && one.detection_status == other.detection_status
        && one.properties == other.properties
}

fn merge(known: &mut Entity, seen_again: Entity) {
    for role in seen_again.roles {
        if known.roles.len() < COMPARED && !known.roles.contains(&role) {
            known.roles.push(role);
        }
    }
    known.seen_at = [known.seen_at, seen_again.seen_at].into_iter().flatten().min();
}

/// Resources of clouds, each once.
#[derive(Default)]
pub(super) struct Resources {
    pub(super) list: Vec<Resource>,
    known: HashSet<String>,
}

impl Resources {
    pub(super) fn add(&mut self, resource: Resource) {
        if !resource.id.is_empty() && self.known.insert(resource.id.to_ascii_lowercase()) {
            self.list.push(resource);
        }
    }
}
