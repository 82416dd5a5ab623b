//! The windows of a backfill: stretches of time, cut up where they are dense.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use pocketsoc_model::DetectionStream;

use crate::name::{ByDigest, Name};
use crate::time::plausible;

/// A window is cut up for idle ones when so many more pages of it are to be expected.
const WORTH_CUTTING: f64 = 3.0;
/// For less time that has not been seen no window is cut up.
const SHORTEST: TimeDelta = TimeDelta::seconds(16);
/// A window is cut up into so many parts at most.
const MOST_PARTS: usize = 64;

/// What windows of the same stretch have given before they were cut up: name and update time.
pub(super) type Given = Arc<Mutex<ByDigest<Name, Option<i64>>>>;

/// A stretch of time, its end not included.
#[derive(Debug, Clone)]
pub(super) struct Window {
    pub(super) from: DateTime<Utc>,
    pub(super) until: Option<DateTime<Utc>>,
    pub(super) given: Option<Given>,
    /// How often its list broke off.
    pub(super) broken_off: u32,
}

impl Window {
    /// Cuts it into parts of whole seconds: services filter to the second at least.
    pub(super) fn cut(self, now: DateTime<Utc>, parts: usize) -> Vec<Self> {
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
    fn cut_around(self, (first, last): Span, page: TimeDelta, end: DateTime<Utc>) -> Vec<Self> {
        let mut borders = vec![first.trunc_subsecs(0), after(last, TimeDelta::seconds(1))];
        let mut step = page.max(TimeDelta::seconds(1));
        while step < end - self.from {
            borders.extend([after(first, -step), after(last, step)]);
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

    /// How many it has given that are remembered, so that they are not given again.
    fn gave(&self) -> usize {
        let given = self.given.as_ref();
        given.map_or(0, |given| given.lock().unwrap_or_else(PoisonError::into_inner).len())
    }
}

/// The first and the last time seen.
pub(super) type Span = (DateTime<Utc>, DateTime<Utc>);

/// A window that is read.
pub(super) struct Lane {
    pub(super) window: Window,
    pub(super) walk: DetectionStream,
    /// What has been seen of it.
    seen: Option<Span>,
    /// Which page is being read, what of it has been seen, and how much time the one before took.
    page: u64,
    on_page: Option<Span>,
    page_took: Option<TimeDelta>,
}

impl Lane {
    pub(super) fn new(window: Window, walk: DetectionStream) -> Self {
        Self { window, walk, seen: None, page: 0, on_page: None, page_took: None }
    }

    pub(super) fn see(&mut self, at: Option<DateTime<Utc>>) {
        let Some(at) = plausible(at) else { return };
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

    /// Whether others could help with what is left of it: by the time that has not been seen, if its pages are like the last
    /// one, and unless it has given too much to remember it all.
    pub(super) fn is_dense(&self, now: DateTime<Utc>, most: usize) -> bool {
        let (Some((first, last)), Some(page)) = (self.seen, self.page_took) else { return false };
        let left = self.end(now) - self.window.from - (last - first);
        let pages = left.as_seconds_f64() / page.as_seconds_f64().max(0.001);
        left > SHORTEST && pages >= WORTH_CUTTING && self.window.gave() < most
    }

    /// Where it ends; one without an end has what is after `now` as well, as far as that has been seen.
    fn end(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.window.until.unwrap_or_else(|| self.seen.map_or(now, |(_, last)| now.max(last)))
    }

    /// Its parts around what has been seen of it; one alone where it cannot be cut there.
    pub(super) fn parts_around(&self, now: DateTime<Utc>) -> Vec<Window> {
        match (self.seen, self.page_took) {
            (Some(seen), Some(page)) => self.window.clone().cut_around(seen, page, self.end(now)),
            _ => vec![self.window.clone()],
        }
    }

    /// Its parts when it holds too much by itself: each about half of that; one alone where it is too short.
    pub(super) fn smaller_parts(&self, now: DateTime<Utc>) -> Vec<Window> {
        let end = self.end(now);
        let all = usize::try_from((end - self.window.from).num_seconds()).unwrap_or_default();
        let seen = self.seen.map_or(0, |(first, last)| (last - first).num_seconds());
        let parts = all / usize::try_from(seen).unwrap_or_default().max(1) + 1;
        self.window.clone().cut(end, parts.saturating_mul(2).min(all).min(MOST_PARTS))
    }
}

/// A time so long after another one, to the second.
fn after(at: DateTime<Utc>, step: TimeDelta) -> DateTime<Utc> {
    at.trunc_subsecs(0).checked_add_signed(step).unwrap_or(at).trunc_subsecs(0)
}
