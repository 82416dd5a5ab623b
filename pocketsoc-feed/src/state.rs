//! What a feed knows, shared by those who read it, acknowledge, push and write: the place where it is decided what is told.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use pocketsoc_model::{Clock, Detection, DetectionId, KeyBasis};
use smallvec::{SmallVec, smallvec};

use crate::checkpoint::Stored;
use crate::echo::{Echoes, Ours};
use crate::event::{ChangeKind, Changed, FeedChange, MatchedBy, Sequence, Sighting};
use crate::known::Known;
use crate::ledger::{Ledger, Seen};
use crate::name::{Name, NameDigest};
use crate::older::Older;
use crate::plan::{Rules, Sightings};
use crate::sightings::{At, Index, Keys, LookedFor, Spot, is_same};
use crate::source_state::SourceState;
use crate::time::{Seconds, plausible};

/// Errors about elements that are remembered, so that each is told once.
const ASIDE: usize = 1000;

/// A change that was told and is not acknowledged: what was known before of the detection, and of its other sightings that
/// have shown the same and were not told of for that reason.
#[derive(Debug)]
struct Open {
    number: u64,
    before: SmallVec<[Before; 1]>,
}

#[derive(Debug, Clone)]
struct Before {
    at: Spot,
    known: Option<Box<Known>>,
    /// Which of all that were ever kept: of several of one detection the first one is the oldest state.
    made: u64,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rules: Rules,
    pub(crate) sources: Vec<SourceState>,
    pub(crate) echoes: Echoes,
    /// How many claims are being made.
    pub(crate) claiming: usize,
    index: Index,
    /// In the order of their numbers.
    open: VecDeque<Open>,
    told: u64,
    /// Of this feed: another one's numbers acknowledge nothing here.
    tag: u64,
    befores: u64,
    /// How many detections are known, of all sources.
    remembered: usize,
    /// What would be lost of the last checkpoint: acknowledgements, floors that moved far.
    pub(crate) unwritten: usize,
}

impl State {
    pub(crate) fn new(clock: Arc<dyn Clock>, rules: Rules, sources: Vec<SourceState>) -> Self {
        Self {
            clock,
            rules,
            sources,
            echoes: Echoes::default(),
            claiming: 0,
            index: Index::default(),
            open: VecDeque::new(),
            told: 0,
            tag: fastrand::u64(..),
            befores: 0,
            remembered: 0,
            unwritten: 0,
        }
    }

    /// How many changes wait for their acknowledgement.
    pub(crate) fn unacknowledged(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn remembered(&self) -> usize {
        self.remembered
    }

    /// How many sources are owned.
    pub(crate) fn owned(&self) -> usize {
        self.sources.iter().filter(|one| one.claim.is_some()).count()
    }

    /// The number of the latest change.
    pub(crate) fn told(&self) -> u64 {
        self.told
    }

    /// The next number of something that is told. Later ones are higher, also of later processes and of other workers, as
    /// far as their clocks agree: of several sightings the one that was told last is known by it.
    pub(crate) fn next_told(&mut self, now: DateTime<Utc>) -> u64 {
        let now = u64::try_from(now.timestamp_micros()).unwrap_or_default();
        self.told = now.max(self.told.saturating_add(1));
        self.told
    }

    /// Whether something waited for this acknowledgement.
    pub(crate) fn acknowledge(&mut self, sequence: Sequence) -> bool {
        if sequence.feed != self.tag {
            return false;
        }
        let at = self.open.binary_search_by_key(&sequence.number, |open| open.number).ok();
        let Some(open) = at.and_then(|at| self.open.remove(at)) else { return false };
        self.unwritten += 1;
        for part in open.before {
            self.sources[part.at.source].changes += 1;
        }
        true
    }

    /// Takes over what a claimed source had come to.
    pub(crate) fn load(&mut self, source: usize, stored: Stored) {
        self.unload(source);
        // A feed that goes on began when it first did.
        if stored.is_begun {
            self.sources[source].since = stored.since;
        }
        let ledger = Ledger::of(stored);
        for (name, known) in ledger.iter() {
            self.index.add(Spot { source, name: name.digest() }, &known.keys);
            self.told = self.told.max(known.told);
            self.sources[source].took_pushes |= known.pushed;
        }
        self.remembered += ledger.len();
        self.sources[source].ledger = ledger;
    }

    /// Forgets a source that somebody else owns now; what was told of it and not acknowledged is theirs.
    pub(crate) fn unload(&mut self, source: usize) {
        let ledger = std::mem::take(&mut self.sources[source].ledger);
        self.remembered -= ledger.len();
        for (name, known) in ledger.iter() {
            self.index.remove(Spot { source, name: name.digest() }, &known.keys);
        }
        self.open.retain_mut(|open| {
            open.before.retain(|part| part.at.source != source);
            !open.before.is_empty()
        });
        let state = &mut self.sources[source];
        (state.changes, state.saved) = (0, 0);
        state.broken_off = None;
        state.older = Older::default();
    }

    /// What of a source is to be written down now.
    pub(crate) fn checkpoint(&mut self, source: usize) -> pocketsoc_model::Result<Vec<u8>> {
        let state = &mut self.sources[source];
        let parts = self.open.iter().flat_map(|open| open.before.iter().map(move |p| (open.number, p)));
        let open = parts.filter(|(_, part)| part.at.source == source);
        let open = open.map(|(sequence, part)| (sequence, part.made, part.at.name, part.known.as_deref()));
        state.ledger.checkpoint(&state.key, state.since, open)
    }

    /// What a list has shown: a change to tell, or `None`.
    pub(crate) fn seen(&mut self, source: usize, detection: Box<Detection>) -> Option<FeedChange> {
        let now = self.clock.now();
        let at = At { source, name: Name::of(&detection.id) };
        let mut seen = self.sources[source].ledger.see(&at.name, &detection, now);
        if seen == Seen::Same {
            self.sources[source].older.forget(at.name.digest());
            return None;
        }
        let keys = Keys::of(&detection, self.rules.heuristic);
        if seen == Seen::Unknown && self.sources[source].took_pushes {
            seen = self.adopt_pushed(&at, &keys.looked_for, now);
        }
        if seen == Seen::Unknown && !self.rules.passes(&detection) {
            return None;
        }
        let others = self.index.others(at.spot(), &keys.looked_for);
        let mut fresh = Known::of(&detection, keys.own, now);
        let Some(known) = (seen != Seen::Unknown).then(|| self.known(&at)).flatten() else {
            if self.is_from_before(source, &detection) {
                self.remember(&at, fresh);
                return None;
            }
            fresh.told = self.next_told(now);
            return Some(self.tell_first(&at, fresh, detection, &others));
        };
        if is_incomplete(known, &fresh, &detection) {
            return None;
        }
        if known.is_version_of(&fresh) {
            self.sources[source].older.forget(at.name.digest());
            self.remember(&at, fresh);
            return None;
        }
        // By a reader that lags behind, or on a page that was on its way when a later version was pushed.
        let is_late = known.pushed || self.sources[source].is_asked_by_time();
        let is_older = matches!((fresh.updated, known.updated), (Some(fresh), Some(known)) if fresh < known);
        let one = &mut self.sources[source];
        if !is_older {
            one.older.forget(at.name.digest());
        } else if is_late && !one.older.stays(at.name.digest(), &fresh, now) {
            one.ledger.put_off();
            return None;
        }
        let known = self.known(&at)?;
        if known.pushed && fresh.is_what_was_pushed(known) {
            self.remember(&at, fresh);
            return None;
        }
        let moment = self.clock.monotonic();
        if self.echoes.lags_behind(&at, &fresh, moment) {
            return None;
        }
        let mut changed = known.changes(&fresh, &detection);
        let nothing_normalized = changed.is_empty();
        let before = known.clone();
        match self.echoes.take(&at, &mut changed, (&before, &fresh, &detection), moment) {
            Ours::NotYet => {
                self.sources[source].ledger.put_off();
                return None;
            }
            Ours::Yes(told) if changed.is_empty() => {
                // Whoever wrote it knows since then, and may have been told of something later by now.
                fresh.told = told;
                self.remember(&at, fresh);
                self.unwritten += 1;
                return None;
            }
            Ours::Yes(_) | Ours::No => {}
        }
        if let Some((latest_at, latest)) =
            self.told_last(&others).filter(|(_, latest)| latest.told > before.told)
        {
            let many = changed.len();
            // Told is what the sighting shows that was told of last; the others may lag behind each other.
            changed.retain(|change| !latest.shows(change, &fresh));
            if changed.len() < many {
                // Until what it shows is acknowledged, this is not told either.
                self.depend(latest_at, at.spot(), Some(before));
            }
            if changed.is_empty() && !nothing_normalized {
                self.remember(&at, fresh);
                return None;
            }
        }
        fresh.told = self.next_told(now);
        let kind = kind_of(&changed);
        Some(self.tell(&at, fresh, kind, changed, detection, &others))
    }

    /// Of those sightings that are one detection, the one that was told of last.
    fn told_last(&self, others: &[(Spot, MatchedBy)]) -> Option<(Spot, &Known)> {
        let is_one = |by| match self.rules.sightings {
            Sightings::Together => is_same(by),
            Sightings::ByExactKeys => by == MatchedBy::Key(KeyBasis::Exact),
            Sightings::Apart => false,
        };
        let same = others.iter().filter(|(_, by)| is_one(*by));
        same.filter_map(|(at, _)| Some((*at, self.found(*at)?))).max_by_key(|(_, known)| known.told)
    }

    /// What one sighting has shown is left out at another one: as long as anything that was told of the first one is not
    /// acknowledged, the other one is as it was before as well.
    fn depend(&mut self, on: Spot, at: Spot, known: Option<Known>) {
        let part = self.before(at, known);
        for open in self.open.iter_mut().filter(|open| open.before.iter().any(|part| part.at == on)) {
            open.before.push(part.clone());
        }
    }

    fn before(&mut self, at: Spot, known: Option<Known>) -> Before {
        self.befores += 1;
        Before { at, known: known.map(Box::new), made: self.befores }
    }

    /// What was pushed: new, or a reason to look. A push may be late, so nothing that is known is changed by it.
    pub(crate) fn pushed(&mut self, source: usize, mut detection: Box<Detection>) -> Option<FeedChange> {
        // Who received it need not have known what the source is called here.
        detection.profile = self.sources[source].name.to_string();
        self.sources[source].claim?;
        let keys = Keys::of(&detection, self.rules.heuristic);
        let at = At { source, name: Name::of(&detection.id) };
        let others = self.index.others(at.spot(), &keys.looked_for);
        let now = self.clock.now();
        let mut fresh = Known::of(&detection, keys.own, now);
        let own = others.iter().find(|(other, by)| other.source == source && is_same(*by));
        if let Some(known) = self.known(&at).or_else(|| self.found(own?.0)) {
            if !known.says_the_same(&fresh) {
                self.sources[source].nudge.notify_one();
            }
            return None;
        }
        if !self.rules.passes(&detection) || self.is_from_before(source, &detection) {
            return None;
        }
        (fresh.pushed, fresh.told) = (true, self.next_told(now));
        self.sources[source].took_pushes = true;
        Some(self.tell_first(&at, fresh, detection, &others))
    }

    /// Tells of what this source has not shown before: new, unless another one has; then how it differs from what was told.
    fn tell_first(
        &mut self,
        at: &At,
        fresh: Known,
        detection: Box<Detection>,
        others: &[(Spot, MatchedBy)],
    ) -> FeedChange {
        let (kind, changed) = match self.told_last(others) {
            None => (ChangeKind::New, Vec::new()),
            Some((on, told)) => {
                let is_said_alike = |change: &Changed| {
                    let other = !matches!(change, Changed::Other(_) | Changed::EvidenceAdded(_));
                    other && !matches!(change, Changed::MergedInto(_) | Changed::Sighted)
                };
                let differs = told.changes(&fresh, &detection).into_iter().filter(is_said_alike);
                let changed: Vec<_> = [Changed::Sighted].into_iter().chain(differs).collect();
                self.depend(on, at.spot(), None);
                (kind_of(&changed), changed)
            }
        };
        self.tell(at, fresh, kind, changed, detection, others)
    }

    /// What was pushed under a bare name is listed under the full id: it is the same, and known then.
    fn adopt_pushed(&mut self, at: &At, looked_for: &LookedFor, now: DateTime<Utc>) -> Seen {
        let pushed = self.index.others(at.spot(), looked_for).into_iter().find(|(other, by)| {
            other.source == at.source && is_same(*by) && self.found(*other).is_some_and(|known| known.pushed)
        });
        let Some((other, _)) = pushed else { return Seen::Unknown };
        let ledger = &mut self.sources[at.source].ledger;
        let Some(name) = ledger.find(other.name).map(|(name, _)| name.clone()) else { return Seen::Unknown };
        let Some(mut known) = ledger.forget(&name) else { return Seen::Unknown };
        self.remembered -= 1;
        self.index.remove(other, &known.keys);
        let parts = self.open.iter_mut().flat_map(|open| &mut open.before);
        for part in parts.filter(|part| part.at == other) {
            part.at = at.spot();
        }
        known.seen = Seconds::of(now);
        self.remember(at, known);
        Seen::Known
    }

    /// Notes that an element cannot be read, by a digest of what is said of it; where that is new, the number by which the
    /// notice of it is acknowledged. Where it stands changes from poll to poll; how many there are of a kind does not.
    pub(crate) fn set_aside(&mut self, source: usize, what: u64, is_named: bool) -> Option<Sequence> {
        let aside = &mut self.sources[source].aside;
        if aside.len() >= ASIDE {
            aside.clear();
        }
        let (now, told) = aside.entry(what).or_default();
        *now += 1;
        // One whose detection is named is one, however often a poll that breaks off comes to it.
        if *now <= *told || (is_named && *told > 0) {
            return None;
        }
        *told = *now;
        let (now, spot) = (self.clock.now(), Spot { source, name: NameDigest::of_digest(what) });
        let (number, before) = (self.next_told(now), self.before(spot, None));
        self.open.push_back(Open { number, before: smallvec![before] });
        Some(Sequence { number, feed: self.tag })
    }

    fn known(&self, at: &At) -> Option<&Known> {
        self.sources[at.source].ledger.get(&at.name)
    }

    fn found(&self, at: Spot) -> Option<&Known> {
        self.sources[at.source].ledger.find(at.name).map(|(_, known)| known)
    }

    /// Whether it is older than what the feed begins with.
    fn is_from_before(&self, source: usize, detection: &Detection) -> bool {
        let since = self.sources[source].since;
        since.is_some_and(|since| plausible(detection.updated_at).is_some_and(|updated| updated < since))
    }

    fn remember(&mut self, at: &At, known: Known) -> Option<Known> {
        let (spot, state) = (at.spot(), &mut self.sources[at.source]);
        state.changes += 1;
        let (known, before) = state.ledger.remember(at.name.clone(), known);
        self.remembered += usize::from(before.is_none());
        if before.as_ref().is_none_or(|before| before.keys != known.keys) {
            if let Some(before) = &before {
                self.index.remove(spot, &before.keys);
            }
            self.index.add(spot, &known.keys);
        }
        before
    }

    /// Tells what has been given its number.
    fn tell(
        &mut self,
        at: &At,
        fresh: Known,
        kind: ChangeKind,
        changed: Vec<Changed>,
        detection: Box<Detection>,
        others: &[(Spot, MatchedBy)],
    ) -> FeedChange {
        let sightings = others
            .iter()
            .filter_map(|(other, by)| {
                let source = &self.sources[other.source];
                let id = DetectionId::new(source.ledger.find(other.name)?.0.as_str()).ok()?;
                Some(Sighting {
                    profile: Arc::clone(&source.name),
                    product: source.product.clone(),
                    id,
                    by: *by,
                })
            })
            .collect();
        let told = fresh.told;
        let spot = at.spot();
        let known = self.remember(at, fresh);
        let before = self.before(spot, known);
        self.open.push_back(Open { number: told, before: smallvec![before] });
        let sequence = Sequence { number: told, feed: self.tag };
        FeedChange { sequence, kind, changed, detection, sightings }
    }

    /// A floor that has moved far is worth writing down, though nothing was told.
    pub(crate) fn note_floor(&mut self, source: usize) {
        let first = self.open.iter().find(|open| open.before.iter().any(|part| part.at.source == source));
        let first = first.map(|open| open.number);
        let ledger = &self.sources[source].ledger;
        if ledger.is_far_ahead(self.rules.overlap) && ledger.can_settle(first) {
            self.sources[source].changes += 1;
            self.unwritten += 1;
        }
    }

    /// After a whole list: what it does not show any more is forgotten.
    pub(crate) fn forget_gone(&mut self, source: usize, began: DateTime<Utc>) {
        let now = self.clock.now();
        for name in self.sources[source].ledger.gone(began, now) {
            self.forget(source, &name);
        }
    }

    /// Keeps the memory of a source within its bound; how many it holds, if that is too few.
    pub(crate) fn keep_within_bound(&mut self, source: usize) -> Option<usize> {
        if !self.sources[source].is_asked_by_time() {
            return None;
        }
        let (most, overlap) = (self.rules.remembered, self.rules.overlap);
        let (old, too_small) = self.sources[source].ledger.superfluous(most, overlap);
        if old.is_empty() {
            return None;
        }
        for name in old {
            self.forget(source, &name);
        }
        let state = &mut self.sources[source];
        let was_too_small = std::mem::replace(&mut state.memory_full, too_small);
        (too_small && !was_too_small).then(|| state.ledger.len())
    }

    fn forget(&mut self, source: usize, name: &Name) {
        let state = &mut self.sources[source];
        if let Some(known) = state.ledger.forget(name) {
            state.changes += 1;
            state.older.forget(name.digest());
            self.remembered -= 1;
            self.index.remove(Spot { source, name: name.digest() }, &known.keys);
        }
    }
}

/// Whether an incident is shown without its alerts, which it had before: they could not be read this time.
fn is_incomplete(known: &Known, fresh: &Known, detection: &Detection) -> bool {
    fresh.updated == known.updated && detection.properties.get("unreadableAlerts").is_some()
}

fn kind_of(changed: &[Changed]) -> ChangeKind {
    let status = changed.iter().any(|change| matches!(change, Changed::Status { .. }));
    if status { ChangeKind::StatusChanged } else { ChangeKind::Updated }
}
