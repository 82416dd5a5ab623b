//! The memory of one source: what of it has been told, and up to when everything has.

use std::collections::VecDeque;
use std::num::NonZeroI64;

use chrono::{DateTime, TimeDelta, Utc};
use indexmap::map::Entry;
use pocketsoc_model::{Detection, Result};

use crate::checkpoint::{Stored, encode};
use crate::known::Known;
use crate::name::{ByDigest, Name, NameDigest};
use crate::time::{Seconds, nanos, plausible};

/// So many polls, and so long, a detection may be missing from a source that is listed whole, before it is taken for gone:
/// lists shift while they are read, and parts of them may not be there for a while.
const MISSED: usize = 3;
const MISSING: TimeDelta = TimeDelta::minutes(10);
/// So long a detection that was pushed may wait for the list to show it.
const AWAITED: TimeDelta = TimeDelta::hours(1);

/// The memory of one source.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    known: ByDigest<Name, Known>,
    /// Everything up to it has been read.
    floor: Option<DateTime<Utc>>,
    /// Everything up to it has been read, told and acknowledged.
    settled: Option<DateTime<Utc>>,
    /// Floors that wait for what was told before them: up to which number, and where.
    waiting: VecDeque<(u64, DateTime<Utc>)>,
    /// The latest update time of the present poll.
    newest: Option<DateTime<Utc>>,
    /// The present poll has shown something that is to be looked at again.
    put_off: bool,
    /// When the last few whole polls began.
    polls: VecDeque<Seconds>,
}

/// What is known of a detection that is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    Unknown,
    /// Byte for byte.
    Same,
    /// Perhaps in another version.
    Known,
}

impl Ledger {
    pub(crate) fn of(stored: Stored) -> Self {
        let Stored { floor, known, .. } = stored;
        Self { known, floor, settled: floor, ..Self::default() }
    }

    /// From when on the source is asked: as far back as what is late may come.
    pub(crate) fn since(&self, overlap: TimeDelta) -> Option<DateTime<Utc>> {
        self.floor.map(|floor| floor.checked_sub_signed(overlap).unwrap_or(DateTime::UNIX_EPOCH))
    }

    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Name, &Known)> {
        self.known.iter()
    }

    pub(crate) fn get(&self, name: &Name) -> Option<&Known> {
        self.known.get(name)
    }

    pub(crate) fn find(&self, name: NameDigest) -> Option<(&Name, &Known)> {
        self.known.get_key_value(&name)
    }

    pub(crate) fn get_mut(&mut self, name: &Name) -> Option<&mut Known> {
        self.known.get_mut(name)
    }

    /// Notes that the present poll has seen a detection.
    pub(crate) fn see(&mut self, name: &Name, detection: &Detection, now: DateTime<Utc>) -> Seen {
        self.newest = self.newest.max(plausible(detection.updated_at));
        let Some(known) = self.known.get_mut(name) else { return Seen::Unknown };
        known.seen = Seconds::of(now);
        if !known.pushed && known.is_same(detection) { Seen::Same } else { Seen::Known }
    }

    /// Remembers a detection; as it is remembered now, and as it was before.
    pub(crate) fn remember(&mut self, name: Name, mut now: Known) -> (&Known, Option<Known>) {
        match self.known.entry(name) {
            Entry::Vacant(place) => (place.insert(now), None),
            Entry::Occupied(place) => {
                let known = place.into_mut();
                // What is only remembered is not told.
                now.told = now.told.max(known.told);
                let before = std::mem::replace(known, now);
                (known, Some(before))
            }
        }
    }

    pub(crate) fn forget(&mut self, name: &Name) -> Option<Known> {
        self.known.swap_remove(name)
    }

    /// Begins another poll.
    pub(crate) fn begin(&mut self) {
        (self.newest, self.put_off) = (None, false);
    }

    /// Something that the present poll has shown is to be looked at again: the next one asks from where this one did.
    pub(crate) fn put_off(&mut self) {
        self.put_off = true;
    }

    /// A poll that began at `began` has seen everything. From its data, not from a clock, comes how far that is; but what
    /// changed after it began may have slipped past it. `told` is the last number given so far.
    pub(crate) fn complete(&mut self, began: DateTime<Utc>, told: u64) {
        let newest = self.newest.filter(|_| !self.put_off);
        let Some(newest) = newest.map(|newest| newest.min(began)) else { return };
        if self.floor.is_none_or(|floor| floor < newest) {
            self.floor = Some(newest);
            match self.waiting.back_mut().filter(|(before, _)| *before == told) {
                Some((_, floor)) => *floor = newest,
                None => self.waiting.push_back((told, newest)),
            }
        }
    }

    /// Whether the floor is so far from the one that was written down last that a restart would read much again.
    pub(crate) fn is_far_ahead(&self, overlap: TimeDelta) -> bool {
        self.floor.is_some_and(|floor| self.settled.is_none_or(|settled| floor - settled > overlap / 2))
    }

    /// A whole list has been read, which was begun at `began`; what has not been in it for some time.
    pub(crate) fn gone(&mut self, began: DateTime<Utc>, now: DateTime<Utc>) -> Vec<Name> {
        self.polls.push_back(Seconds::of(began));
        if self.polls.len() > MISSED {
            self.polls.pop_front();
        }
        let Some(first) = self.polls.front().copied().filter(|_| self.polls.len() == MISSED) else {
            return Vec::new();
        };
        let is_gone = |known: &Known| {
            let patience = if known.pushed { AWAITED } else { MISSING };
            known.seen < first && Seconds::of(now).since(known.seen) >= patience
        };
        self.known.iter().filter(|(_, known)| is_gone(known)).map(|(name, _)| name.clone()).collect()
    }

    /// The detections that changed longest ago, as many as there are too many. Says as well whether all of those that
    /// stay were within the overlap: then the memory is too small.
    pub(crate) fn superfluous(&self, most: usize, overlap: TimeDelta) -> (Vec<Name>, bool) {
        // An eighth more, so that it is not sorted for each.
        if self.known.len() <= most.saturating_add(most / 8) {
            return (Vec::new(), false);
        }
        let updated = |known: &Known| known.updated.map_or(i64::MAX, NonZeroI64::get);
        let mut times: Vec<i64> = self.known.values().map(updated).collect();
        let many = self.known.len() - most;
        let (_, border, _) = times.select_nth_unstable(many - 1);
        let border = *border;
        let old = self.known.iter().filter(|(_, known)| updated(known) <= border);
        let old: Vec<Name> = old.map(|(name, _)| name.clone()).take(many).collect();
        let needed = nanos(self.since(overlap)).is_none_or(|since| border >= since);
        (old, needed)
    }

    /// Whether any floor that waits is settled; `open` is the first number that is not acknowledged.
    pub(crate) fn can_settle(&self, open: Option<u64>) -> bool {
        self.waiting.front().is_some_and(|(told, _)| open.is_none_or(|open| open > *told))
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

    /// The checkpoint: as if what is not acknowledged had never been told. `open` has, in the order of the numbers, each
    /// one's number, and what was known before: which of all that were kept, of what name, and what. What has been forgotten
    /// since is told anew.
    pub(crate) fn checkpoint<'a>(
        &mut self,
        source: &str,
        since: Option<DateTime<Utc>>,
        open: impl Iterator<Item = (u64, u64, NameDigest, Option<&'a Known>)>,
    ) -> Result<Vec<u8>> {
        let (mut first, mut before) = (None, ByDigest::<NameDigest, (u64, Option<&Known>)>::default());
        for (sequence, made, name, known) in open {
            first.get_or_insert(sequence);
            let oldest = before.entry(name).or_insert((made, known));
            if made < oldest.0 {
                *oldest = (made, known);
            }
        }
        self.settle(first);
        let all = self.known.iter().filter_map(|(name, known)| {
            let as_it_was = before.get(&name.digest()).map(|(_, known)| *known);
            Some((name, as_it_was.unwrap_or(Some(known))?))
        });
        let not_there =
            before.iter().filter(|(name, (_, known))| known.is_none() && self.known.contains_key(*name));
        let many = self.known.len() - not_there.count();
        encode(source, self.settled, since, (many, all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known::Digests;
    use pocketsoc_model::{DetectionId, Product};

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
    }

    fn detection(id: &str, seconds: i64) -> (Name, Detection) {
        let mut d = Detection::new(DetectionId::new(id).unwrap(), Product::GRAPH_ALERT, id);
        d.updated_at = Some(at(seconds));
        (Name::of(&d.id), d)
    }

    fn ledger(count: i64) -> Ledger {
        let mut ledger = Ledger::default();
        for n in 0..count {
            let (name, d) = detection(&format!("da{n}"), n);
            ledger.see(&name, &d, at(n));
            ledger.remember(name, Known::of(&d, Digests::default(), at(n)));
        }
        ledger
    }

    #[test]
    fn the_memory_keeps_what_changed_last_and_says_when_that_is_too_little() {
        let mut ledger = ledger(120);
        assert!(ledger.superfluous(110, TimeDelta::seconds(30)).0.is_empty(), "an eighth is let pass");
        let (old, too_small) = ledger.superfluous(100, TimeDelta::seconds(30));
        let mut old: Vec<_> = old.iter().map(|name| name.as_str()[2..].parse::<i64>().unwrap()).collect();
        old.sort_unstable();
        assert_eq!((old, too_small), ((0..20).collect(), true), "nothing has been read to its end");
        ledger.complete(at(1000), 0);
        assert!(!ledger.superfluous(100, TimeDelta::seconds(30)).1, "the last 30 seconds are all there");
        assert!(ledger.superfluous(100, TimeDelta::seconds(110)).1, "the last 110 seconds are not");
    }

    #[test]
    fn a_floor_is_settled_once_all_that_was_told_before_it_is_acknowledged() {
        let mut ledger = ledger(10);
        ledger.complete(at(5), 7);
        assert_eq!(ledger.floor, Some(at(5)), "not past its own beginning");
        ledger.settle(Some(7));
        assert_eq!(ledger.settled, None);
        ledger.settle(Some(8));
        assert_eq!(ledger.settled, Some(at(5)));
    }

    #[test]
    fn what_a_list_does_not_show_for_three_polls_and_ten_minutes_is_gone() {
        let mut ledger = ledger(2);
        let (name, d) = detection("da0", 0);
        let mut gone = Vec::new();
        for minute in 1..=12 {
            ledger.see(&name, &d, at(minute * 60));
            gone = ledger.gone(at(minute * 60), at(minute * 60));
            assert_eq!(gone.is_empty(), minute < 11, "minute {minute}");
        }
        assert_eq!(gone, [Name::new("da1")]);
    }
}
