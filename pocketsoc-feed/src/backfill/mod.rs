//! A long stretch of time, read in windows side by side: off the chain of next links, which would be read one after the
//! other.

mod window;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use futures_util::stream::{self, FuturesUnordered, StreamExt as _};
use pocketsoc_model::{
    Detection, DetectionQuery, DetectionSource, DetectionStream, Lane as QuotaLane, Result, WalkLog,
    WalkReport,
};

use crate::name::Name;
use crate::time::{nanos, plausible};
use window::{Given, Lane, Window};

/// Windows read at once unless said otherwise: of a minute's quota they leave most to others.
const AT_ONCE: usize = 8;
/// A window whose list breaks off is read once more, so often.
const ONCE_MORE: u32 = 2;
/// Detections that may be held until their turn has come, where they come in the order of time; and of how many that were
/// given it is remembered that they were, where they come as they are.
const HELD: usize = 50_000;

/// A long stretch of time, read in disjoint windows of the update time, several at once; a window that turns out to be
/// dense is cut up while others are idle.
///
/// For sources whose service filters by update time ([`QueryFilters::updated`](pocketsoc_model::QueryFilters) is native):
/// others would be listed whole for each window. Where windows meet, nothing is lost and nothing comes twice; what changes
/// while it is read may come in both versions. Each window costs at least one call, in the lane for bulk work unless the
/// query names another one: it waits for what a feed and people need, and a quota that is short bounds its speed.
///
/// ```no_run
/// # async fn run(source: std::sync::Arc<dyn pocketsoc_model::DetectionSource>) -> pocketsoc_model::Result<()> {
/// use pocketsoc_feed::Backfill;
/// let (from, until) = ("2026-06-01T00:00:00Z".parse().unwrap(), "2026-09-01T00:00:00Z".parse().unwrap());
/// let mut walk = Backfill::new(source, from, until).in_time_order().walk();
/// while let Some(detection) = walk.next().await {
///     println!("{}", detection?.title);
/// }
/// assert!(walk.report().complete);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is read before the walk is polled"]
pub struct Backfill {
    source: Arc<dyn DetectionSource>,
    query: DetectionQuery,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    at_once: usize,
    ordered: bool,
    held: usize,
}

impl Backfill {
    /// Everything updated since `from`. The windows are cut between it and `until`, which is about now; the last one has
    /// no end, so what has changed since belongs to it.
    pub fn new(source: Arc<dyn DetectionSource>, from: DateTime<Utc>, until: DateTime<Utc>) -> Self {
        let query = DetectionQuery::all().with_lane(QuotaLane::Bulk);
        Self { source, query, from, until, at_once: AT_ONCE, ordered: false, held: HELD }
    }

    /// Only what a query asks for, in its lane. Its window ends the last one of these; its beginning and its limit are not
    /// heeded.
    pub fn with_query(mut self, query: DetectionQuery) -> Self {
        self.query = query;
        self.query.lane.get_or_insert(QuotaLane::Bulk);
        self
    }

    /// So many windows at once; 8 unless said otherwise.
    pub fn with_windows_at_once(mut self, windows: usize) -> Self {
        self.at_once = windows.max(1);
        self
    }

    /// In the order of the update times, oldest first, rather than as they come. What comes early is held until its turn;
    /// see [`hold_at_most`](Self::hold_at_most).
    pub fn in_time_order(mut self) -> Self {
        self.ordered = true;
        self
    }

    /// So many detections are held until their turn, and no window but the one whose turn it is is read on then; 50,000
    /// unless said otherwise. Many of one second are held all the same, since they are put in their order.
    pub fn hold_at_most(mut self, detections: usize) -> Self {
        self.held = detections.max(1);
        self
    }

    /// Walks over them. The report is complete when every window was.
    pub fn walk(self) -> DetectionStream {
        let log = WalkLog::new();
        let whole = Window { from: self.from, until: self.query.updated_until, given: None, broken_off: 0 };
        let mut work = Work {
            waiting: BTreeMap::new(),
            running: FuturesUnordered::new(),
            paused: Vec::new(),
            reading: 0,
            held: BTreeMap::new(),
            holds: 0,
            ready: Vec::new(),
            log: log.clone(),
            complete: true,
            newest: None,
            since_newest: Vec::new(),
            has_looked_back: false,
            plan: self,
        };
        let (end, parts) = (work.plan.until, work.plan.at_once);
        for mut window in whole.cut(end, parts) {
            // What comes in order is held, and can be thrown away.
            window.given = (!work.plan.ordered).then(Given::default);
            work.waiting.insert(window.from, window);
        }
        let stream = stream::unfold(Box::new(work), |mut work| async move {
            let item = work.next().await?;
            Some((item, work))
        });
        DetectionStream::new(stream, log)
    }
}

/// What comes of it, with the lane.
type Step = BoxFuture<'static, (Lane, Option<Result<Detection>>)>;

struct Work {
    plan: Backfill,
    waiting: BTreeMap<DateTime<Utc>, Window>,
    running: FuturesUnordered<Step>,
    /// Lanes that are not read on while too much is held.
    paused: Vec<Lane>,
    /// How many are running.
    reading: usize,
    /// What was read of windows whose turn has not come, and whether they are read to their end.
    held: BTreeMap<DateTime<Utc>, (Vec<Detection>, bool)>,
    holds: usize,
    /// What is given next, the first one last.
    ready: Vec<Result<Detection>>,
    log: WalkLog,
    complete: bool,
    /// The latest time given that can be one, and what has it or claims a later one.
    newest: Option<DateTime<Utc>>,
    since_newest: Vec<(Name, DateTime<Utc>)>,
    has_looked_back: bool,
}

impl Work {
    async fn next(&mut self) -> Option<Result<Detection>> {
        loop {
            if let Some(item) = self.ready.pop() {
                return Some(item);
            }
            self.start();
            let Some((mut lane, item)) = self.running.next().await else {
                if self.look_back() {
                    continue;
                }
                self.log.update(|report| report.complete = self.complete);
                return None;
            };
            match item {
                Some(Ok(detection)) => {
                    lane.see(detection.updated_at);
                    self.found(&lane, detection);
                }
                Some(Err(error)) => self.ready.push(Err(error)),
                None => {
                    self.ended(lane);
                    continue;
                }
            }
            if self.is_too_dense(&lane) {
                let parts = lane.parts_around(self.plan.until);
                self.cut(lane, parts);
            } else if self.is_too_much(&lane) {
                self.make_room(lane);
            } else {
                self.read_on(lane);
            }
        }
    }

    /// Whether to look once more at what is newest: what changed after the last window had been read, and before the others
    /// were, is in none of them.
    fn look_back(&mut self) -> bool {
        let Some(from) =
            self.newest.filter(|_| !self.has_looked_back && self.plan.query.updated_until.is_none())
        else {
            return false;
        };
        self.has_looked_back = true;
        let given = self.since_newest.drain(..).map(|(name, at)| (name, nanos(Some(at)))).collect();
        let given = Given::new(Mutex::new(given));
        let window = Window { from, until: None, given: Some(given), broken_off: 0 };
        self.waiting.insert(from, window);
        true
    }

    /// Starts windows in the order of time, as many as may be read at once. When too much is held, only what comes first.
    fn start(&mut self) {
        while self.reading < self.plan.at_once {
            let waits = self.waiting.first_key_value().map(|(from, _)| *from);
            let paused = (0..self.paused.len()).min_by_key(|at| self.paused[*at].window.from);
            let paused = paused.map(|at| (at, self.paused[at].window.from));
            let next = [waits, paused.map(|(_, from)| from)].into_iter().flatten().min();
            let Some(next) = next.filter(|next| self.holds < self.plan.held || self.is_first(*next)) else {
                return;
            };
            self.reading += 1;
            let lane = match paused {
                Some((at, from)) if from == next => self.paused.swap_remove(at),
                _ => {
                    let Some((_, window)) = self.waiting.pop_first() else { return };
                    self.open(window)
                }
            };
            self.read_on(lane);
        }
    }

    /// Whether nothing that is held or read comes before.
    fn is_first(&self, from: DateTime<Utc>) -> bool {
        self.held.first_key_value().is_none_or(|(first, _)| from <= *first)
            && self.waiting.first_key_value().is_none_or(|(first, _)| from <= *first)
    }

    fn open(&mut self, window: Window) -> Lane {
        let mut query = self.plan.query.clone();
        query.updated_since = Some(window.from);
        query.updated_until = window.until;
        (query.limit, query.resume) = (None, None);
        if self.plan.ordered {
            self.held.insert(window.from, (Vec::new(), false));
        }
        Lane::new(window, self.plan.source.list(&query))
    }

    fn read_on(&self, mut lane: Lane) {
        self.running.push(Box::pin(async move {
            let item = lane.walk.next().await;
            (lane, item)
        }));
    }

    fn found(&mut self, lane: &Lane, detection: Detection) {
        if let Some(at) = detection.updated_at.filter(|at| !self.has_looked_back && Some(*at) >= self.newest)
        {
            if plausible(Some(at)) > self.newest {
                self.newest = Some(at);
                self.since_newest.retain(|(_, other)| *other >= at);
            }
            self.since_newest.push((Name::of(&detection.id), at));
        }
        if let Some(given) = &lane.window.given {
            let (name, updated) = (Name::of(&detection.id), nanos(detection.updated_at));
            let mut given = given.lock().unwrap_or_else(PoisonError::into_inner);
            // One that has given so much is not cut up any more. What is only held may be thrown away: it is not given yet.
            let before = if !self.plan.ordered && given.len() < self.plan.held {
                given.insert(name, updated)
            } else {
                given.get(&name).copied()
            };
            if before == Some(updated) {
                return;
            }
        }
        match self.held.get_mut(&lane.window.from) {
            Some((held, _)) => {
                held.push(detection);
                self.holds += 1;
            }
            None => self.ready.push(Ok(detection)),
        }
    }

    /// Whether others could help with what is left of a window.
    fn is_too_dense(&self, lane: &Lane) -> bool {
        self.waiting.is_empty()
            && self.paused.is_empty()
            && self.reading < self.plan.at_once
            && lane.is_dense(self.plan.until, self.plan.held)
    }

    /// Whether too much is held to read this one on.
    fn is_too_much(&self, lane: &Lane) -> bool {
        let own = self.held.get(&lane.window.from).map_or(0, |(held, _)| held.len());
        self.plan.ordered
            && self.holds >= self.plan.held
            && (!self.is_first(lane.window.from) || own >= self.plan.held)
    }

    /// What comes later waits; what comes first and is too much by itself is cut up and read again, in parts.
    fn make_room(&mut self, lane: Lane) {
        if !self.is_first(lane.window.from) {
            self.reading -= 1;
            self.paused.push(lane);
            return;
        }
        let parts = lane.smaller_parts(self.plan.until);
        self.cut(lane, parts);
    }

    /// Cuts up a window, if that makes more of it. What it has given is not given again.
    fn cut(&mut self, lane: Lane, parts: Vec<Window>) {
        if parts.len() < 2 {
            return self.read_on(lane);
        }
        self.count(&lane.walk.report(), true);
        tracing::debug!(from = %lane.window.from, "a dense window is cut up");
        self.throw_away(lane.window.from);
        self.waiting.extend(parts.into_iter().map(|part| (part.from, part)));
    }

    /// A window is not read on: what is held of it comes again.
    fn throw_away(&mut self, from: DateTime<Utc>) {
        self.reading -= 1;
        let held = self.held.remove(&from).map(|(held, _)| held).unwrap_or_default();
        self.holds -= held.len();
    }

    fn ended(&mut self, lane: Lane) {
        let report = lane.walk.report();
        let is_broken = !report.complete && report.resume.is_some();
        if is_broken && lane.window.broken_off < ONCE_MORE {
            // What it has given is known, or can be thrown away.
            self.count(&report, true);
            self.throw_away(lane.window.from);
            let window = Window { broken_off: lane.window.broken_off + 1, ..lane.window };
            self.waiting.insert(window.from, window);
            return;
        }
        self.count(&report, report.complete);
        self.reading -= 1;
        if let Some((held, is_over)) = self.held.get_mut(&lane.window.from) {
            held.sort_by_key(|detection| std::cmp::Reverse(detection.updated_at));
            *is_over = true;
        }
        // The windows whose turn it is; the latest is pushed first.
        let mut turn = Vec::new();
        while let Some(first) = self.held.first_entry()
            && first.get().1
            && self.waiting.first_key_value().is_none_or(|(next, _)| next > first.key())
        {
            turn.push(first.remove().0);
        }
        for held in turn.into_iter().rev() {
            self.holds -= held.len();
            self.ready.extend(held.into_iter().map(Ok));
        }
    }

    fn count(&mut self, report: &WalkReport, well: bool) {
        self.complete &= well;
        self.log.update(|all| {
            all.pages += report.pages;
            for (all, more) in [(&mut all.degraded, &report.degraded), (&mut all.partial, &report.partial)] {
                all.extend(more.iter().filter(|one| !all.contains(one)).cloned().collect::<Vec<_>>());
            }
        });
    }
}
