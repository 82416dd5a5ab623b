//! The work on one source, a step at a time: claim it, ask what it can, read it, element by element.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::{self, Either, FutureExt as _};
use pocketsoc_model::{
    Clock, Detection, DetectionQuery, DetectionSource, DetectionStream, Error, ErrorKind, QueryFilters,
    Result, Sleep, WalkReport,
};
use tokio::sync::Notify;

use crate::backfill::Backfill;
use crate::checkpoint::{CheckpointStore, Claim, patiently};
use crate::shared::{Claiming, Shared};

/// A list that gives nothing for so long is given up: whoever implements a source may have forgotten to.
const PATIENCE: Duration = Duration::from_secs(900);
/// After a reason to look so long is waited for others.
const GATHERED: Duration = Duration::from_secs(1);

/// What a step brings.
pub(crate) enum What {
    Found(Box<Detection>),
    /// An element that cannot be read.
    Unreadable(Error),
    /// Something is over.
    Over(Over),
}

pub(crate) enum Over {
    Claimed(Claimed),
    Asked(Result<QueryFilters>),
    Read(Reading),
}

/// What came of a claim.
pub(crate) struct Claimed {
    /// `None` where as many are owned as may be, and nobody was asked.
    pub(crate) claim: Option<Result<Option<Claim>>>,
    /// When it was asked for.
    pub(crate) asked: Duration,
    /// Keeps its place until it is noted.
    _claiming: Option<Claiming>,
}

/// What came of reading a source.
pub(crate) struct Reading {
    /// When it began.
    pub(crate) began: DateTime<Utc>,
    pub(crate) report: WalkReport,
    /// How many elements came, and how many of them could not be read.
    pub(crate) items: u64,
    pub(crate) unreadable: u64,
    /// What else went wrong, the last of it.
    pub(crate) failure: Option<Error>,
}

impl Reading {
    /// Whether everything was seen that can be seen: what cannot be read would not be read another time either.
    pub(crate) fn is_complete(&self) -> bool {
        let aside = self.unreadable > 0
            && self.failure.is_none()
            && self.report.partial.is_empty()
            && self.report.resume.is_none();
        self.report.complete || aside
    }
}

/// What to do next.
pub(crate) enum Order {
    /// After a while; sooner, where there is reason to believe that something is new and that is let count.
    After(Duration, Nudges, Do),
    /// Nothing more.
    Stop,
}

/// Whether a reason to look shortens a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nudges {
    Count,
    /// The source has failed, and is left alone.
    Wait,
}

pub(crate) enum Do {
    Claim,
    Ask,
    /// With so many windows at once, where the query allows it.
    Read(Box<DetectionQuery>, Option<usize>),
}

/// The work on a source.
pub(crate) struct Worker {
    pub(crate) place: usize,
    /// Which claim of the source it belongs to.
    pub(crate) claim: u64,
    pub(crate) key: Arc<str>,
    pub(crate) source: Arc<dyn DetectionSource>,
    pub(crate) store: Arc<dyn CheckpointStore>,
    pub(crate) shared: Arc<Shared>,
    /// So many sources are owned at most.
    pub(crate) most: usize,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) nudge: Arc<Notify>,
    pub(crate) walk: Option<Walk>,
}

/// A list that is being read.
pub(crate) struct Walk {
    stream: DetectionStream,
    began: DateTime<Utc>,
    items: u64,
    unreadable: u64,
    failure: Option<Error>,
    alarm: Sleep,
    items_then: u64,
}

impl Worker {
    /// Does what it is told, as far as the first thing that comes of it.
    pub(crate) async fn go(
        mut self: Box<Self>,
        wait: Duration,
        nudges: Nudges,
        next: Do,
    ) -> (Box<Self>, What) {
        wait_for(&*self.clock, &self.nudge, wait, nudges).await;
        let over = match next {
            Do::Claim => {
                self.claim += 1;
                Over::Claimed(self.claim().await)
            }
            Do::Ask => Over::Asked(ask(&*self.source, &*self.clock).await),
            Do::Read(query, windows) => {
                self.walk = Some(self.open(&query, windows));
                return self.go_on().await;
            }
        };
        (self, What::Over(over))
    }

    /// Claims the source, unless as many are owned as may be.
    pub(crate) async fn claim(&mut self) -> Claimed {
        let asked = self.clock.monotonic();
        let claiming = self.shared.may_claim(self.most);
        let claim = match &claiming {
            Some(_) => Some(patiently(&*self.clock, self.store.claim(&self.key)).await),
            None => None,
        };
        Claimed { claim, asked, _claiming: claiming }
    }

    /// Reads on, as far as the next thing that comes of it.
    pub(crate) async fn go_on(mut self: Box<Self>) -> (Box<Self>, What) {
        let what = match &mut self.walk {
            Some(walk) => walk.next(&*self.clock).await,
            None => None,
        };
        let what = what.unwrap_or_else(|| What::Over(Over::Read(self.end())));
        (self, what)
    }

    /// What a list has without waiting; `None` where it has to be waited for.
    pub(crate) fn at_once(&mut self) -> Option<What> {
        let walk = self.walk.as_mut()?;
        loop {
            match walk.stream.next().now_or_never()? {
                None => return Some(What::Over(Over::Read(self.end()))),
                Some(next) => {
                    if let Some(what) = walk.came(next) {
                        return Some(what);
                    }
                }
            }
        }
    }

    fn open(&self, query: &DetectionQuery, windows: Option<usize>) -> Walk {
        let began = self.clock.now();
        let stream = match (windows, query.updated_since) {
            (Some(windows), Some(since)) => Backfill::new(Arc::clone(&self.source), since, began)
                .with_query(query.clone())
                .with_windows_at_once(windows)
                .walk(),
            _ => self.source.list(query),
        };
        let alarm = self.clock.sleep(PATIENCE);
        Walk { stream, began, items: 0, unreadable: 0, failure: None, alarm, items_then: 0 }
    }

    fn end(&mut self) -> Reading {
        let Some(walk) = self.walk.take() else {
            let report = WalkReport::default();
            return Reading { began: self.clock.now(), report, items: 0, unreadable: 0, failure: None };
        };
        let Walk { stream, began, items, unreadable, failure, .. } = walk;
        Reading { began, report: stream.report(), items, unreadable, failure }
    }
}

impl Walk {
    /// The next element; `None` at the end.
    async fn next(&mut self, clock: &dyn Clock) -> Option<What> {
        loop {
            let next = match future::select(std::pin::pin!(self.stream.next()), &mut self.alarm).await {
                Either::Left((next, _)) => next,
                Either::Right(_) if self.items > self.items_then => {
                    (self.alarm, self.items_then) = (clock.sleep(PATIENCE), self.items);
                    continue;
                }
                Either::Right(_) => {
                    self.failure = Some(hanging("list detections"));
                    return None;
                }
            };
            if let Some(what) = self.came(next?) {
                return Some(what);
            }
        }
    }

    /// What came of the list, unless it is an error that its end will be told with.
    fn came(&mut self, next: Result<Detection>) -> Option<What> {
        match next {
            Ok(detection) => {
                self.items += 1;
                Some(What::Found(Box::new(detection)))
            }
            Err(error) if is_one_element(&error) => {
                self.items += 1;
                self.unreadable += 1;
                Some(What::Unreadable(error))
            }
            Err(error) => {
                self.failure = Some(error);
                None
            }
        }
    }
}

/// Whether an error is about one element, and the list goes on behind it.
fn is_one_element(error: &Error) -> bool {
    error.kind() == ErrorKind::Decode
        && error.position().is_some_and(|at| at.index.is_some() && at.offset.is_none())
}

fn hanging(operation: &'static str) -> Error {
    Error::new(ErrorKind::Timeout, operation)
        .with_message(format!("the source gave nothing for {} s", PATIENCE.as_secs()))
        .with_hint("whoever implements the source should limit how long it waits")
}

/// Waits, and not so long where there is reason to look.
async fn wait_for(clock: &dyn Clock, reasons: &Notify, wait: Duration, nudges: Nudges) {
    if wait.is_zero() {
        return;
    }
    let sleep = clock.sleep(wait);
    if nudges == Nudges::Wait {
        return sleep.await;
    }
    let reason = std::pin::pin!(reasons.notified());
    if let Either::Right(((), rest)) = future::select(sleep, reason).await {
        // Several reasons to look are looked at together.
        future::select(rest, clock.sleep(GATHERED)).await;
    }
}

/// What filters a source has.
async fn ask(source: &dyn DetectionSource, clock: &dyn Clock) -> Result<QueryFilters> {
    match future::select(source.capabilities(), clock.sleep(PATIENCE)).await {
        Either::Left((can, _)) => can.map(|can| can.filters),
        Either::Right(_) => Err(hanging("ask what the source can do")),
    }
}
