//! What a walk remembers of what it has given: digests, within a bound.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use xxhash_rust::xxh3::{xxh3_64, xxh3_128_with_seed};

/// How many elements a walk remembers, since lists shift while they are read: thirteen of the largest pages, in about
/// 4 MB.
const REMEMBERED: usize = 131_072;
/// How many links a walk remembers.
const LINKS: usize = 65_536;

/// The identity of an element read twice: its id and everything else, as one digest of its bytes.
pub(crate) fn digest(element: &[u8], seed: u64) -> u128 {
    xxh3_128_with_seed(element, seed)
}

/// Takes a digest for its own hash: it is one.
#[derive(Debug, Default)]
pub(crate) struct Digested(u64);

impl Hasher for Digested {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64(bytes);
    }
    #[allow(clippy::cast_possible_truncation)] // half of a good digest is a good digest
    fn write_u128(&mut self, digest: u128) {
        self.0 = digest as u64;
    }
}

/// The latest elements of a walk.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    order: VecDeque<u128>,
    known: HashSet<u128, BuildHasherDefault<Digested>>,
}

impl Remembered {
    /// Whether it is new; remembers it.
    pub(super) fn is_new(&mut self, digest: u128) -> bool {
        if !self.known.insert(digest) {
            return false;
        }
        self.order.push_back(digest);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

/// The links that a walk has followed, to see when it goes round in circles.
#[derive(Debug, Default)]
pub(super) struct Followed(HashSet<u64>);

impl Followed {
    /// Whether the link is followed for the first time.
    pub(super) fn is_new(&mut self, link: &str) -> bool {
        if self.0.len() >= LINKS {
            // A walk this long is no small circle; starting over bounds the memory and still finds circles.
            self.0.clear();
        }
        self.0.insert(xxh3_64(link.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_remembers_its_latest_elements_and_no_more_than_its_bound() {
        let mut remembered = Remembered::default();
        let all = REMEMBERED as u128 * 2;
        assert!((0..all).all(|digest| remembered.is_new(digest)));
        assert_eq!((remembered.known.len(), remembered.order.len()), (REMEMBERED, REMEMBERED));
        assert!(
            !remembered.is_new(all - 1) && remembered.is_new(0),
            "the latest are known, the first ones are not"
        );
    }
}
