//! What a feed knows, shared by those who read it, acknowledge, push and write: the place where it is decided what is told.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use pocketsoc_model::{
    Detection, DetectionId, DetectionSource, Filtering, Product, QueryFilters, ResumePoint, Severity,
};
use tokio::sync::Notify;

use crate::checkpoint::Stored;
use crate::echo::Echoes;
use crate::event::{ChangeKind, Changed, FeedChange, Sequence, Sighting};
use crate::known::{Known, name_of};
use crate::ledger::Ledger;
use crate::options::Sightings;
use crate::sightings::{At, Index, Keys, is_same};

/// A source, with what is known of it.
#[derive(Debug)]
pub(crate) struct SourceState {
    pub(crate) source: Arc<dyn DetectionSource>,
    pub(crate) name: Arc<str>,
    /// Its name and product: what its checkpoint is called.
    pub(crate) key: Arc<str>,
    pub(crate) product: Product,
    pub(crate) ledger: Ledger,
    pub(crate) filters: Option<QueryFilters>,
    pub(crate) since: Option<DateTime<Utc>>,
    pub(crate) poll_every: Duration,
    /// Which claim of it is the present one; `None` while somebody else owns it.
    pub(crate) claim: Option<u64>,
    pub(crate) renew_within: Option<Duration>,
    /// When the claim was made, or renewed last.
    pub(crate) renewed_at: Duration,
    /// A poll that broke off, to be taken up again.
    pub(crate) broken_off: Option<BrokenOff>,
    /// Polls in a row that did not see everything.
    pub(crate) failures: u32,
    pub(crate) failing: bool,
    /// Elements that were set aside, by what was said of them: how many in this poll, and how many were told of.
    pub(crate) aside: HashMap<u64, (u32, u32)>,
    pub(crate) memory_full: bool,
    /// Changes of what a checkpoint would hold, and how many of them are saved.
    pub(crate) changes: u64,
    pub(crate) saved: u64,
    pub(crate) nudge: Arc<Notify>,
}

impl SourceState {
    /// Whether a claim is the present one, and has not run out: somebody else may own the source then.
    pub(crate) fn is_claimed(&self, claim: u64, now: Duration) -> bool {
        let runs_out = self.renew_within.map(|within| self.renewed_at.saturating_add(within));
        self.claim == Some(claim) && runs_out.is_none_or(|end| now < end)
    }

    /// Whether it is asked by update time, rather than listed whole.
    pub(crate) fn is_asked_by_time(&self) -> bool {
        self.filters.is_some_and(|filters| filters.updated == Filtering::Native)
    }
}

/// A poll that broke off.
#[derive(Debug, Clone)]
pub(crate) struct BrokenOff {
    /// Where it is taken up again.
    pub(crate) point: ResumePoint,
    /// When it had begun.
    pub(crate) began: DateTime<Utc>,
    /// How often that has brought nothing.
    pub(crate) in_vain: u32,
}

/// A change that was told and is not acknowledged.
#[derive(Debug)]
struct Open {
    source: usize,
    name: Arc<str>,
    /// What was known before.
    before: Option<Known>,
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
    pub(crate) fn new(rules: Rules, sources: Vec<SourceState>) -> Self {
        let state = State {
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
        if let Some(open) = state.open.remove(&sequence.0) {
            state.unwritten += 1;
            state.sources[open.source].changes += 1;
            self.acknowledged.notify_one();
        }
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

    /// Takes over what a claimed source had come to.
    pub(crate) fn load(&mut self, source: usize, stored: Stored) {
        self.unload(source);
        let ledger = Ledger::of(stored);
        for (name, known) in ledger.names() {
            self.index.add(&At { source, name: Arc::clone(name) }, &known.keys);
            // Later than all that was told before this process began.
            self.told = self.told.max(known.told);
        }
        self.remembered += ledger.len();
        self.sources[source].ledger = ledger;
    }

    /// Forgets a source that somebody else owns now; what was told of it and not acknowledged is theirs.
    pub(crate) fn unload(&mut self, source: usize) {
        let ledger = std::mem::take(&mut self.sources[source].ledger);
        self.remembered -= ledger.len();
        for (name, known) in ledger.names() {
            self.index.remove(&At { source, name: Arc::clone(name) }, &known.keys);
        }
        self.open.retain(|_, open| open.source != source);
        let state = &mut self.sources[source];
        (state.changes, state.saved) = (0, 0);
        state.broken_off = None;
    }

    /// What of a source is to be written down now.
    pub(crate) fn checkpoint(&mut self, source: usize) -> pocketsoc_model::Result<Vec<u8>> {
        let state = &mut self.sources[source];
        let open = self.open.iter().filter(|(_, open)| open.source == source);
        state
            .ledger
            .checkpoint(&state.key, open.map(|(sequence, open)| (*sequence, &open.name, &open.before)))
    }

    /// What a list has shown: a change to tell, or `None`.
    pub(crate) fn seen(
        &mut self,
        source: usize,
        detection: Box<Detection>,
        now: Duration,
    ) -> Option<FeedChange> {
        let name = name_of(&detection.id);
        self.sources[source].ledger.see(&name, detection.updated_at);
        let known = self.sources[source].ledger.get(&name);
        if known.is_some_and(|known| !known.pushed && known.is_same(&detection)) {
            return None;
        }
        if known.is_none() && !self.passes(&detection) {
            return None;
        }
        let keys = Keys::of(&detection, self.rules.heuristic);
        let at = At { source, name };
        self.adopt_pushed(&at, &keys);
        let fresh = Known::of(&detection, keys.own.clone());
        let others = self.index.others(&at, &keys);
        let Some(known) = self.sources[source].ledger.get(&at.name) else {
            if self.is_from_before(source, &detection) {
                self.remember(&at, fresh);
                return None;
            }
            let sighted =
                self.rules.sightings == Sightings::Together && others.iter().any(|(_, by)| is_same(*by));
            let (kind, changed) = if sighted {
                (ChangeKind::Updated, vec![Changed::Sighted])
            } else {
                (ChangeKind::New, Vec::new())
            };
            return Some(self.tell(at, fresh, kind, changed, detection, &others));
        };
        let is_older = matches!((fresh.updated, known.updated), (Some(fresh), Some(known)) if fresh < known);
        let is_late = self.sources[source].is_asked_by_time() && is_older;
        if is_late {
            // A reader that lags behind: the newer version has been told.
            return None;
        }
        if known.is_version_of(&fresh) || (known.pushed && known.says_the_same(&fresh)) {
            self.remember(&at, fresh);
            return None;
        }
        let all = known.changes(&fresh, &detection);
        let mut changed = all.clone();
        changed.retain(|change| !self.echoes.is_ours(&at, &keys.own, change, &detection, now));
        if self.rules.sightings == Sightings::Together {
            // Told is what the sighting shows that was told of last; the others may lag behind each other.
            let same =
                others.iter().filter(|(_, by)| is_same(*by)).filter_map(|(other, _)| self.known(other));
            if let Some(latest) = same.max_by_key(|other| other.told).filter(|other| other.told > known.told)
            {
                changed.retain(|change| !latest.shows(change, &fresh));
            }
        }
        let only_ours = all.is_empty() && self.echoes.is_awaited(&at, &keys.own, now);
        if changed.is_empty() && (!all.is_empty() || only_ours) {
            self.remember(&at, fresh);
            return None;
        }
        let status = changed.iter().any(|change| matches!(change, Changed::Status { .. }));
        let kind = if status { ChangeKind::StatusChanged } else { ChangeKind::Updated };
        Some(self.tell(at, fresh, kind, changed, detection, &others))
    }

    /// What was pushed: new, or a reason to look. A push may be late, so nothing that is known is changed by it.
    pub(crate) fn pushed(&mut self, source: usize, detection: Box<Detection>) -> Option<FeedChange> {
        if self.sources[source].claim.is_none() || !self.passes(&detection) {
            return None;
        }
        let keys = Keys::of(&detection, self.rules.heuristic);
        let at = At { source, name: name_of(&detection.id) };
        let others = self.index.others(&at, &keys);
        let is_known = self.known(&at).is_some()
            || others.iter().any(|(other, by)| other.source == source && is_same(*by));
        let mut fresh = Known::of(&detection, keys.own);
        if is_known {
            let known = self.known(&at);
            if known.is_none_or(|known| !known.says_the_same(&fresh)) {
                self.sources[source].nudge.notify_one();
            }
            return None;
        }
        fresh.pushed = true;
        let sighted =
            self.rules.sightings == Sightings::Together && others.iter().any(|(_, by)| is_same(*by));
        let (kind, changed) = if sighted {
            (ChangeKind::Updated, vec![Changed::Sighted])
        } else {
            (ChangeKind::New, Vec::new())
        };
        Some(self.tell(at, fresh, kind, changed, detection, &others))
    }

    /// What was pushed under a bare name is listed under the full id: it is the same.
    fn adopt_pushed(&mut self, at: &At, keys: &Keys) {
        if self.known(at).is_some() {
            return;
        }
        let pushed = self.index.others(at, keys).into_iter().find(|(other, by)| {
            other.source == at.source && is_same(*by) && self.known(other).is_some_and(|known| known.pushed)
        });
        if let Some((other, _)) = pushed
            && let Some(known) = self.sources[at.source].ledger.forget(&other.name)
        {
            self.remembered -= 1;
            self.index.remove(&other, &known.keys);
            for open in self.open.values_mut().filter(|o| o.source == at.source && o.name == other.name) {
                open.name = Arc::clone(&at.name);
            }
            self.remember(at, known);
        }
    }

    fn known(&self, at: &At) -> Option<&Known> {
        self.sources[at.source].ledger.get(&at.name)
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

    fn remember(&mut self, at: &At, mut known: Known) -> Option<Known> {
        let state = &mut self.sources[at.source];
        // What is only remembered is not told.
        known.told = known.told.max(state.ledger.get(&at.name).map_or(0, |before| before.told));
        state.changes += 1;
        let keys = known.keys.clone();
        let before = state.ledger.remember(Arc::clone(&at.name), known);
        self.remembered += usize::from(before.is_none());
        if let Some(before) = &before
            && before.keys != keys
        {
            self.index.remove(at, &before.keys);
        }
        if before.as_ref().is_none_or(|before| before.keys != keys) {
            self.index.add(at, &keys);
        }
        before
    }

    fn tell(
        &mut self,
        at: At,
        mut fresh: Known,
        kind: ChangeKind,
        changed: Vec<Changed>,
        detection: Box<Detection>,
        others: &[(At, crate::event::MatchedBy)],
    ) -> FeedChange {
        let sightings = others
            .iter()
            .filter_map(|(other, by)| {
                let source = &self.sources[other.source];
                let id = DetectionId::new(&*other.name).ok()?;
                Some(Sighting {
                    profile: Arc::clone(&source.name),
                    product: source.product.clone(),
                    id,
                    by: *by,
                })
            })
            .collect();
        self.told += 1;
        fresh.told = self.told;
        let before = self.remember(&at, fresh);
        self.open.insert(self.told, Open { source: at.source, name: at.name, before });
        FeedChange { sequence: Sequence(self.told), kind, changed, detection, sightings }
    }

    /// A floor that has moved far is worth writing down, though nothing was told.
    pub(crate) fn note_floor(&mut self, source: usize) {
        if self.sources[source].ledger.is_far_ahead(self.rules.overlap) {
            self.sources[source].changes += 1;
            self.unwritten += 1;
        }
    }

    /// After a whole list: what it does not show any more is forgotten.
    pub(crate) fn forget_gone(&mut self, source: usize) {
        for name in self.sources[source].ledger.gone() {
            self.forget(source, name);
        }
    }

    /// Keeps the memory of a source within its bound; how many it holds, if that is too few.
    pub(crate) fn keep_within_bound(&mut self, source: usize) -> Option<usize> {
        if !self.sources[source].is_asked_by_time() {
            return None;
        }
        let (most, overlap) = (self.rules.remembered, self.rules.overlap);
        let (old, too_small) = self.sources[source].ledger.superfluous(most, overlap);
        for name in old {
            self.forget(source, name);
        }
        let state = &mut self.sources[source];
        let news = too_small && !std::mem::replace(&mut state.memory_full, too_small);
        news.then(|| state.ledger.len())
    }

    fn forget(&mut self, source: usize, name: Arc<str>) {
        let state = &mut self.sources[source];
        if let Some(known) = state.ledger.forget(&name) {
            state.changes += 1;
            self.remembered -= 1;
            self.index.remove(&At { source, name }, &known.keys);
        }
    }
}
