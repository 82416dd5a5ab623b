//! The memory of one source: what of it has been told, and up to when everything has.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use pocketsoc_model::Result;

use crate::checkpoint::{Stored, encode};
use crate::known::{Known, nanos};

/// So many polls a detection may be missing from a source that is listed whole, before it is taken for gone: lists shift
/// while they are read.
const MISSED: u32 = 3;
/// So many polls a detection that was pushed may wait for the list to show it.
const AWAITED: u32 = 30;

/// The memory of one source.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    known: HashMap<Arc<str>, Known>,
    /// Everything up to it has been read.
    floor: Option<DateTime<Utc>>,
    /// Everything up to it has been read, told and acknowledged.
    settled: Option<DateTime<Utc>>,
    /// Floors that wait for what was told before them: up to which number, and where.
    waiting: VecDeque<(u64, DateTime<Utc>)>,
    poll: u32,
    /// The latest update time of the present poll.
    newest: Option<DateTime<Utc>>,
}

impl Ledger {
    pub(crate) fn of(stored: Stored) -> Self {
        let Stored { floor, poll, known } = stored;
        Self { known, floor, settled: floor, poll, ..Self::default() }
    }

    /// From when on the source is asked: as far back as what is late may come.
    pub(crate) fn since(&self, overlap: TimeDelta) -> Option<DateTime<Utc>> {
        self.floor.map(|floor| floor.checked_sub_signed(overlap).unwrap_or(floor))
    }

    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = (&Arc<str>, &Known)> {
        self.known.iter()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Known> {
        self.known.get(name)
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Known> {
        self.known.get_mut(name)
    }

    /// Notes that the present poll has seen a detection.
    pub(crate) fn see(&mut self, name: &str, updated: Option<DateTime<Utc>>) {
        self.newest = self.newest.max(updated);
        if let Some(known) = self.known.get_mut(name) {
            known.poll = self.poll;
        }
    }

    /// Remembers a detection; what was remembered of it before.
    pub(crate) fn remember(&mut self, name: Arc<str>, mut now: Known) -> Option<Known> {
        now.poll = self.poll;
        self.known.insert(name, now)
    }

    pub(crate) fn forget(&mut self, name: &str) -> Option<Known> {
        self.known.remove(name)
    }

    /// Begins another poll.
    pub(crate) fn begin(&mut self) {
        self.poll = self.poll.wrapping_add(1);
        self.newest = None;
    }

    /// A poll that began at `began` has seen everything. From its data, not from a clock, comes how far that is; but what
    /// changed after it began may have slipped past it. `told` is the last number given so far.
    pub(crate) fn complete(&mut self, began: DateTime<Utc>, told: u64) {
        let Some(newest) = self.newest.map(|newest| newest.min(began)) else { return };
        if self.floor.is_none_or(|floor| floor < newest) {
            self.floor = Some(newest);
            self.waiting.push_back((told, newest));
        }
    }

    /// Whether the floor is so far from the one that was written down last that a restart would read much again.
    pub(crate) fn is_far_ahead(&self, overlap: TimeDelta) -> bool {
        self.floor.is_some_and(|floor| self.settled.is_none_or(|settled| floor - settled > overlap / 2))
    }

    /// What a whole list does not show any more.
    pub(crate) fn gone(&self) -> Vec<Arc<str>> {
        let missing = |known: &Known| {
            let missed = self.poll.wrapping_sub(known.poll);
            missed >= if known.pushed { AWAITED } else { MISSED }
        };
        self.known.iter().filter(|(_, known)| missing(known)).map(|(name, _)| Arc::clone(name)).collect()
    }

    /// The detections that changed longest ago, as many as there are too many. Says as well whether all of those that
    /// stay were within the overlap: then the memory is too small.
    pub(crate) fn superfluous(&self, most: usize, overlap: TimeDelta) -> (Vec<Arc<str>>, bool) {
        // An eighth more, so that it is not sorted for each.
        if self.known.len() <= most.saturating_add(most / 8) {
            return (Vec::new(), false);
        }
        let mut times: Vec<i64> =
            self.known.values().map(|known| known.updated.unwrap_or(i64::MAX)).collect();
        let many = self.known.len() - most;
        let (_, border, _) = times.select_nth_unstable(many - 1);
        let border = *border;
        let mut left = many;
        let mut old = Vec::with_capacity(many);
        for (name, known) in &self.known {
            if left > 0 && known.updated.unwrap_or(i64::MAX) <= border && !known.pushed {
                old.push(Arc::clone(name));
                left -= 1;
            }
        }
        let needed = nanos(self.since(overlap)).is_some_and(|since| border >= since);
        (old, needed)
    }

    /// Floors whose detections have all been acknowledged are settled; `open` is the first number that is not.
    fn settle(&mut self, open: Option<u64>) {
        while let Some((told, floor)) = self.waiting.front().copied()
            && open.is_none_or(|open| open > told)
        {
            self.settled = Some(floor);
            self.waiting.pop_front();
        }
    }

    /// The checkpoint: as if what is not acknowledged had never been told. `open` has the number, the name and what was
    /// known before of each, in their order.
    pub(crate) fn checkpoint<'a>(
        &mut self,
        source: &str,
        open: impl Iterator<Item = (u64, &'a Arc<str>, &'a Option<Known>)>,
    ) -> Result<Vec<u8>> {
        let (mut first, mut before) = (None, HashMap::<&str, &Option<Known>>::new());
        for (sequence, name, known) in open {
            first.get_or_insert(sequence);
            before.entry(name).or_insert(known);
        }
        self.settle(first);
        let stay = self.known.iter().map(|(name, known)| (&**name, known));
        let stay = stay.filter(|(name, _)| !before.contains_key(name));
        let restored = before.iter().filter_map(|(name, known)| Some((*name, known.as_ref()?)));
        encode(source, self.settled, self.poll, stay.chain(restored))
    }
}
