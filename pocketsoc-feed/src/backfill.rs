//! A long stretch of time, read in windows side by side: off the chain of next links, which would be read one after the
//! other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use futures_util::stream::{self, FuturesUnordered, StreamExt as _};
use pocketsoc_model::{
    Detection, DetectionQuery, DetectionSource, DetectionStream, Result, WalkLog, WalkReport,
};

use crate::known::nanos;
use crate::name::{ByDigest, Name};

/// Windows read at once unless said otherwise: of a minute's quota they leave most to others.
const AT_ONCE: usize = 8;
/// A window is cut up for idle ones when so many more pages of it are to be expected.
const WORTH_CUTTING: f64 = 3.0;
/// Shorter windows are not cut up.
const SHORTEST: TimeDelta = TimeDelta::seconds(16);
/// A window whose list breaks off is read once more, so often.
const ONCE_MORE: u32 = 2;
/// Detections that may be held until their turn has come, where they come in the order of time.
const HELD: usize = 50_000;

/// A long stretch of time, read in disjoint windows of the update time, several at once; a window that turns out to be
/// dense is cut up while others are idle.
///
/// For sources whose service filters by update time ([`QueryFilters::updated`](pocketsoc_model::QueryFilters) is native):
/// others would be listed whole for each window. Where windows meet, nothing is lost and nothing comes twice; what changes
/// while it is read may come in both versions. Each window costs at least one call, in the lane of the query, so a quota
/// that is short bounds the speed.
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
}

impl Backfill {
    /// Everything updated since `from`. The windows are cut between it and `until`, which is about now; the last one has
    /// no end, so what has changed since belongs to it.
    pub fn new(source: Arc<dyn DetectionSource>, from: DateTime<Utc>, until: DateTime<Utc>) -> Self {
        Self { source, query: DetectionQuery::all(), from, until, at_once: AT_ONCE, ordered: false }
    }

    /// Only what a query asks for. Its window ends the last one of these; its beginning and its limit are not heeded.
    pub fn with_query(mut self, query: DetectionQuery) -> Self {
        self.query = query;
        self
    }

    /// So many windows at once; 8 unless said otherwise.
    pub fn with_windows_at_once(mut self, windows: usize) -> Self {
        self.at_once = windows.max(1);
        self
    }

    /// In the order of the update times, oldest first, rather than as they come. What comes early is held until its turn.
    pub fn in_time_order(mut self) -> Self {
        self.ordered = true;
        self
    }

    /// Walks over them. The report is complete when every window was.
    pub fn walk(self) -> DetectionStream {
        let log = WalkLog::new();
        let whole = Window { from: self.from, until: self.query.updated_until, given: None, broken_off: 0 };
        let mut work = Work {
            waiting: BTreeMap::new(),
            running: FuturesUnordered::new(),
            reading: 0,
            held: BTreeMap::new(),
            holds: 0,
            ready: Vec::new(),
            log: log.clone(),
            complete: true,
            newest: None,
            at_newest: Vec::new(),
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

/// What windows of the same stretch have given before they were cut up: name and update time.
type Given = Arc<Mutex<ByDigest<Name, Option<i64>>>>;

/// A stretch of time, its end not included.
#[derive(Debug, Clone)]
struct Window {
    from: DateTime<Utc>,
    until: Option<DateTime<Utc>>,
    given: Option<Given>,
    /// How often its list broke off.
    broken_off: u32,
}

impl Window {
    /// Cuts it into parts of whole seconds: services filter to the second at least.
    fn cut(self, now: DateTime<Utc>, parts: usize) -> Vec<Self> {
        let end = self.until.unwrap_or(now);
        let parts = i32::try_from(parts).unwrap_or(i32::MAX).max(1);
        let step = TimeDelta::seconds(((end - self.from) / parts).num_seconds());
        if step < TimeDelta::seconds(1) {
            return self.cut_at(&[]);
        }
        let first = self.from.trunc_subsecs(0);
        self.cut_at(&(1..parts).map(|n| first + step * n).collect::<Vec<_>>())
    }

    /// Cuts it at distances from what has been seen of it, both ways, that begin with the time of a page and double: where
    /// one took little time, the next ones will.
    fn cut_around(self, (first, last): Span, page: TimeDelta, now: DateTime<Utc>) -> Vec<Self> {
        let end = self.until.unwrap_or(now);
        let mut borders = vec![first.trunc_subsecs(0), last.trunc_subsecs(0) + TimeDelta::seconds(1)];
        let mut step = page.max(TimeDelta::seconds(1));
        while step < end - self.from {
            borders.extend([(first - step).trunc_subsecs(0), (last + step).trunc_subsecs(0)]);
            step = step * 2;
        }
        borders.retain(|border| *border > self.from && *border < end);
        borders.sort_unstable();
        borders.dedup();
        self.cut_at(&borders)
    }

    /// Its parts between borders that lie within it, in their order.
    fn cut_at(self, borders: &[DateTime<Utc>]) -> Vec<Self> {
        let from = std::iter::once(self.from).chain(borders.iter().copied());
        let until = borders.iter().copied().map(Some).chain([self.until]);
        let part = |(from, until)| Self { from, until, given: self.given.clone(), broken_off: 0 };
        from.zip(until).map(part).collect()
    }

    fn may_be_cut(&self, now: DateTime<Utc>) -> bool {
        let given = self.given.as_ref();
        let gave = given.map_or(0, |given| given.lock().unwrap_or_else(PoisonError::into_inner).len());
        self.until.unwrap_or(now) - self.from > SHORTEST && gave < HELD
    }
}

/// The first and the last time seen.
type Span = (DateTime<Utc>, DateTime<Utc>);

/// A window that is read.
struct Lane {
    window: Window,
    walk: DetectionStream,
    /// What has been seen of it.
    seen: Option<Span>,
    /// Which page is being read, what of it has been seen, and how much time the one before took.
    page: u64,
    on_page: Option<Span>,
    page_took: Option<TimeDelta>,
}

impl Lane {
    fn new(window: Window, walk: DetectionStream) -> Self {
        Self { window, walk, seen: None, page: 0, on_page: None, page_took: None }
    }

    fn see(&mut self, at: Option<DateTime<Utc>>) {
        let Some(at) = at else { return };
        let with = |span: Option<Span>| span.map_or((at, at), |(first, last)| (first.min(at), last.max(at)));
        let page = self.walk.report().pages;
        if page != self.page {
            self.page = page;
            if let Some((first, last)) = self.on_page.take() {
                self.page_took = Some(last - first);
            }
        }
        (self.seen, self.on_page) = (Some(with(self.seen)), Some(with(self.on_page)));
    }

    /// How many more pages it may have, if they are like the last one: by the time that has not been seen.
    fn expected(&self, now: DateTime<Utc>) -> f64 {
        let (Some((first, last)), Some(page)) = (self.seen, self.page_took) else { return 0.0 };
        let left = self.window.until.unwrap_or(now) - self.window.from - (last - first);
        left.as_seconds_f64() / page.as_seconds_f64().max(0.001)
    }
}

/// What comes of it, with the lane.
type Step = BoxFuture<'static, (Lane, Option<Result<Detection>>)>;

struct Work {
    plan: Backfill,
    waiting: BTreeMap<DateTime<Utc>, Window>,
    running: FuturesUnordered<Step>,
    reading: usize,
    /// What was read of windows whose turn has not come, and whether they are read to their end.
    held: BTreeMap<DateTime<Utc>, (Vec<Detection>, bool)>,
    holds: usize,
    /// What is given next, the first one last.
    ready: Vec<Result<Detection>>,
    log: WalkLog,
    complete: bool,
    /// The latest time given, and what has it.
    newest: Option<DateTime<Utc>>,
    at_newest: Vec<Name>,
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
                self.cut(lane);
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
        let given =
            Given::new(Mutex::new(self.at_newest.drain(..).map(|name| (name, nanos(Some(from)))).collect()));
        let window = Window { from, until: None, given: Some(given), broken_off: 0 };
        self.waiting.insert(from, window);
        true
    }

    /// Starts windows in the order of time, as many as may be read at once.
    fn start(&mut self) {
        while self.reading < self.plan.at_once && (self.holds < HELD || self.reading == 0) {
            let Some((_, window)) = self.waiting.pop_first() else { return };
            let mut query = self.plan.query.clone();
            query.updated_since = Some(window.from);
            query.updated_until = window.until;
            (query.limit, query.resume) = (None, None);
            if self.plan.ordered {
                self.held.insert(window.from, (Vec::new(), false));
            }
            self.reading += 1;
            self.read_on(Lane::new(window, self.plan.source.list(&query)));
        }
    }

    fn read_on(&self, mut lane: Lane) {
        self.running.push(Box::pin(async move {
            let item = lane.walk.next().await;
            (lane, item)
        }));
    }

    fn found(&mut self, lane: &Lane, detection: Detection) {
        if !self.has_looked_back && detection.updated_at.is_some() && detection.updated_at >= self.newest {
            if detection.updated_at > self.newest {
                self.newest = detection.updated_at;
                self.at_newest.clear();
            }
            self.at_newest.push(Name::of(&detection.id));
        }
        if let Some(given) = &lane.window.given {
            let (name, updated) = (Name::of(&detection.id), nanos(detection.updated_at));
            let mut given = given.lock().unwrap_or_else(PoisonError::into_inner);
            // One that has given so much is not cut up any more.
            let before =
                if given.len() < HELD { given.insert(name, updated) } else { given.get(&name).copied() };
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
            && self.reading < self.plan.at_once
            && lane.window.may_be_cut(self.plan.until)
            && lane.expected(self.plan.until) >= WORTH_CUTTING
    }

    /// Cuts up a window. What it has given is not given again.
    fn cut(&mut self, lane: Lane) {
        let Lane { window, walk, seen: Some(seen), page_took: Some(page), .. } = lane else { return };
        self.count(&walk.report(), true);
        tracing::debug!(from = %window.from, "a dense window is cut up");
        self.throw_away(window.from);
        for part in window.cut_around(seen, page, self.plan.until) {
            self.waiting.insert(part.from, part);
        }
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
