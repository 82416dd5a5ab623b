//! What a feed knows, shared by those who read it, acknowledge, push and write: the place where it is decided what is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use pocketsoc_model::{Clock, Detection, DetectionId, Severity};
use smallvec::SmallVec;
use tokio::sync::Notify;

use crate::checkpoint::Stored;
use crate::echo::{Echoes, Ours};
use crate::event::{ChangeKind, Changed, FeedChange, MatchedBy, Sequence, Sighting};
use crate::known::Known;
use crate::ledger::{Ledger, Seen};
use crate::name::Name;
use crate::options::Sightings;
use crate::sightings::{At, Index, Keys, LookedFor, Spot, is_same};
use crate::source_state::SourceState;

/// A change that was told and is not acknowledged: what was known before of the detection, and of its other sightings that
/// have shown the same and were not told of for that reason.
#[derive(Debug, Default)]
struct Open(SmallVec<[Before; 1]>);

#[derive(Debug)]
struct Before {
    at: Spot,
    known: Option<Box<Known>>,
}

/// What is told, and of which.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) sightings: Sightings,
    pub(crate) heuristic: bool,
    pub(crate) min_severity: Option<Severity>,
    pub(crate) machine_group: Option<String>,
    pub(crate) overlap: TimeDelta,
    pub(crate) remembered: usize,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rules: Rules,
    pub(crate) sources: Vec<SourceState>,
    pub(crate) echoes: Echoes,
    index: Index,
    open: BTreeMap<u64, Open>,
    told: u64,
    /// How many detections are known, of all sources.
    remembered: usize,
    /// What would be lost of the last checkpoint: acknowledgements, floors that moved far.
    pub(crate) unwritten: usize,
}

/// What the parts of a feed share.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Something was acknowledged.
    pub(crate) acknowledged: Notify,
}

impl Shared {
    pub(crate) fn new(clock: Arc<dyn Clock>, rules: Rules, sources: Vec<SourceState>) -> Self {
        let state = State {
            clock,
            rules,
            sources,
            echoes: Echoes::default(),
            index: Index::default(),
            open: BTreeMap::new(),
            told: 0,
            remembered: 0,
            unwritten: 0,
        };
        Self { state: Mutex::new(state), acknowledged: Notify::new() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn acknowledge(&self, sequence: Sequence) {
        let mut state = self.lock();
        let Some(Open(parts)) = state.open.remove(&sequence.0) else { return };
        state.unwritten += 1;
        for part in parts {
            state.sources[part.at.source].changes += 1;
        }
        self.acknowledged.notify_one();
    }
}

impl State {
    /// How many changes wait for their acknowledgement.
    pub(crate) fn unacknowledged(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn remembered(&self) -> usize {
        self.remembered
    }

    /// The number of the latest change.
    pub(crate) fn told(&self) -> u64 {
        self.told
    }

    /// The next number of something that is told. Later ones are higher, also of later processes and of other workers, as
    /// far as their clocks agree: of several sightings the one that was told last is known by it.
    pub(crate) fn next_told(&mut self, now: DateTime<Utc>) -> u64 {
        let now = u64::try_from(now.timestamp_micros()).unwrap_or_default();
        self.told = now.max(self.told + 1);
        self.told
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
        self.open.retain(|_, Open(parts)| {
            parts.retain(|part| part.at.source != source);
            !parts.is_empty()
        });
        let state = &mut self.sources[source];
        (state.changes, state.saved) = (0, 0);
        state.broken_off = None;
    }

    /// What of a source is to be written down now.
    pub(crate) fn checkpoint(&mut self, source: usize) -> pocketsoc_model::Result<Vec<u8>> {
        let state = &mut self.sources[source];
        let parts =
            self.open.iter().flat_map(|(sequence, Open(parts))| parts.iter().map(move |p| (*sequence, p)));
        let open = parts.filter(|(_, part)| part.at.source == source);
        let open = open.map(|(sequence, part)| (sequence, part.at.name, part.known.as_deref()));
        state.ledger.checkpoint(&state.key, state.since, open)
    }

    /// What a list has shown: a change to tell, or `None`.
    pub(crate) fn seen(&mut self, source: usize, detection: Box<Detection>) -> Option<FeedChange> {
        let now = self.clock.now();
        let at = At { source, name: Name::of(&detection.id) };
        let mut seen = self.sources[source].ledger.see(&at.name, &detection, now);
        if seen == Seen::Same || (seen == Seen::Unknown && !self.passes(&detection)) {
            return None;
        }
        let keys = Keys::of(&detection, self.rules.heuristic);
        if seen == Seen::Unknown && self.sources[source].took_pushes {
            seen = self.adopt_pushed(&at, &keys.looked_for, now);
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
        if self.is_overtaken(source, known, &fresh, &detection) {
            return None;
        }
        if known.is_version_of(&fresh) || (known.pushed && fresh.is_what_was_pushed(known)) {
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
            Ours::Yes if changed.is_empty() => {
                // Whoever wrote it knows: it is as good as told.
                fresh.told = self.next_told(now);
                self.remember(&at, fresh);
                return None;
            }
            Ours::Yes | Ours::No => {}
        }
        if self.rules.sightings == Sightings::Together
            && let Some((latest_at, latest)) =
                self.told_last(&others).filter(|(_, latest)| latest.told > before.told)
        {
            let many = changed.len();
            // Told is what the sighting shows that was told of last; the others may lag behind each other.
            changed.retain(|change| !latest.shows(change, &fresh));
            if changed.len() < many {
                // Until what it shows is acknowledged, this is not told either.
                let part = Before { at: at.spot(), known: Some(Box::new(before)) };
                self.depend(latest_at, part);
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

    /// Whether a newer version is known, or a better one of the same.
    fn is_overtaken(&self, source: usize, known: &Known, fresh: &Known, detection: &Detection) -> bool {
        let is_older = matches!((fresh.updated, known.updated), (Some(fresh), Some(known)) if fresh < known);
        // A reader that lags behind.
        (self.sources[source].is_asked_by_time() && is_older)
            // An incident without its alerts, which it had before: they could not be read this time.
            || (fresh.updated == known.updated && detection.properties.get("unreadableAlerts").is_some())
    }

    /// The sighting that was told of last.
    fn told_last(&self, others: &[(Spot, MatchedBy)]) -> Option<(Spot, &Known)> {
        let same = others.iter().filter(|(_, by)| is_same(*by));
        same.filter_map(|(at, _)| Some((*at, self.found(*at)?))).max_by_key(|(_, known)| known.told)
    }

    /// What one sighting has shown is left out at another one: as long as that is not acknowledged, the other one is as it
    /// was before as well.
    fn depend(&mut self, on: Spot, part: Before) {
        let mut open = self.open.values_mut();
        if let Some(Open(parts)) = open.find(|Open(parts)| parts.iter().any(|part| part.at == on)) {
            parts.push(part);
        }
    }

    /// What was pushed: new, or a reason to look. A push may be late, so nothing that is known is changed by it.
    pub(crate) fn pushed(&mut self, source: usize, detection: Box<Detection>) -> Option<FeedChange> {
        if self.sources[source].claim.is_none() || !self.passes(&detection) {
            return None;
        }
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
        let told = self.told_last(others).filter(|_| self.rules.sightings == Sightings::Together);
        let (kind, changed) = match told {
            None => (ChangeKind::New, Vec::new()),
            Some((on, told)) => {
                let is_said_alike = |change: &Changed| {
                    let other = !matches!(change, Changed::Other(_) | Changed::EvidenceAdded(_));
                    other && !matches!(change, Changed::MergedInto(_) | Changed::Sighted)
                };
                let differs = told.changes(&fresh, &detection).into_iter().filter(is_said_alike);
                let changed: Vec<_> = [Changed::Sighted].into_iter().chain(differs).collect();
                self.depend(on, Before { at: at.spot(), known: None });
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
        let parts = self.open.values_mut().flat_map(|Open(parts)| parts);
        for part in parts.filter(|part| part.at == other) {
            part.at = at.spot();
        }
        known.seen = now.timestamp();
        self.remember(at, known);
        Seen::Known
    }

    fn known(&self, at: &At) -> Option<&Known> {
        self.sources[at.source].ledger.get(&at.name)
    }

    fn found(&self, at: Spot) -> Option<&Known> {
        self.sources[at.source].ledger.find(at.name).map(|(_, known)| known)
    }

    /// Whether it is one of those that the feed tells of, as far as the sources cannot filter it. What was told once is told
    /// on, whatever becomes of it.
    fn passes(&self, detection: &Detection) -> bool {
        let rules = &self.rules;
        let group = rules.machine_group.as_ref().is_none_or(|group| {
            detection.machine_group.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(group))
        });
        group && rules.min_severity.is_none_or(|least| detection.severity.meets(least))
    }

    /// Whether it is older than what the feed begins with.
    fn is_from_before(&self, source: usize, detection: &Detection) -> bool {
        let since = self.sources[source].since;
        since.is_some_and(|since| detection.updated_at.is_some_and(|updated| updated < since))
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
        let known = self.remember(at, fresh).map(Box::new);
        self.open.entry(told).or_default().0.push(Before { at: spot, known });
        FeedChange { sequence: Sequence(told), kind, changed, detection, sightings }
    }

    /// A floor that has moved far is worth writing down, though nothing was told.
    pub(crate) fn note_floor(&mut self, source: usize) {
        if self.sources[source].ledger.is_far_ahead(self.rules.overlap) {
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
            self.remembered -= 1;
            self.index.remove(Spot { source, name: name.digest() }, &known.keys);
        }
    }
}

fn kind_of(changed: &[Changed]) -> ChangeKind {
    let status = changed.iter().any(|change| matches!(change, Changed::Status { .. }));
    if status { ChangeKind::StatusChanged } else { ChangeKind::Updated }
}
