//! The work on one source: claim it, ask what it can, read it when told to, and say what came.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::{self, Either};
use pocketsoc_model::{
    Clock, Detection, DetectionQuery, DetectionSource, Error, ErrorKind, QueryFilters, Result, WalkReport,
};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::backfill::Backfill;
use crate::checkpoint::{CheckpointStore, Claim};

/// A list that gives nothing for so long is given up: whoever implements a source may have forgotten to.
const PATIENCE: Duration = Duration::from_secs(900);
/// After a reason to look so long is waited for others.
const GATHERED: Duration = Duration::from_secs(1);

/// What the work on a source brings.
pub(crate) struct News {
    pub(crate) source: usize,
    /// Which claim of the source it belongs to.
    pub(crate) claim: u64,
    pub(crate) what: What,
}

pub(crate) enum What {
    Found(Box<Detection>),
    /// An element that cannot be read.
    Unreadable(Error),
    /// Something is over; the work goes on as it is told to.
    Over(Over, oneshot::Sender<Order>),
    /// Somebody else owns the source.
    Lost,
}

pub(crate) enum Over {
    Claimed(Result<Option<Claim>>),
    Asked(Result<QueryFilters>),
    Read(Reading),
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
    /// After a while, or when there is reason to believe that something is new.
    After(Duration, Do),
    /// Nothing more.
    Stop,
}

pub(crate) enum Do {
    Claim,
    Ask,
    /// With so many windows at once, where the query allows it.
    Read(Box<DetectionQuery>, Option<usize>),
}

/// Works on a source until told to stop, or until nobody listens.
pub(crate) struct Worker {
    pub(crate) place: usize,
    pub(crate) claim: u64,
    pub(crate) key: Arc<str>,
    pub(crate) source: Arc<dyn DetectionSource>,
    pub(crate) store: Arc<dyn CheckpointStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) news: mpsc::Sender<News>,
    pub(crate) nudge: Arc<Notify>,
}

impl Worker {
    pub(crate) async fn work(mut self, mut order: Order) {
        while let Order::After(wait, next) = order {
            self.wait(wait).await;
            let over = match next {
                Do::Claim => {
                    self.claim += 1;
                    Over::Claimed(self.store.claim(&self.key).await)
                }
                Do::Ask => Over::Asked(self.ask().await),
                Do::Read(query, windows) => match self.read(&query, windows).await {
                    Some(reading) => Over::Read(reading),
                    None => return,
                },
            };
            let (answer, told) = oneshot::channel();
            if !self.tell(What::Over(over, answer)).await {
                return;
            }
            let Ok(told) = told.await else { return };
            order = told;
        }
    }

    /// What filters the source has.
    async fn ask(&self) -> Result<QueryFilters> {
        match future::select(self.source.capabilities(), self.clock.sleep(PATIENCE)).await {
            Either::Left((can, _)) => can.map(|can| can.filters),
            Either::Right(_) => Err(hanging("ask what the source can do")),
        }
    }

    async fn wait(&self, wait: Duration) {
        if !wait.is_zero() {
            let nudged = std::pin::pin!(self.nudge.notified());
            if let Either::Right((_, rest)) = future::select(self.clock.sleep(wait), nudged).await {
                // Several reasons to look are looked at together.
                future::select(rest, self.clock.sleep(GATHERED)).await;
            }
        }
    }

    /// Says something; whether anybody listens.
    async fn tell(&self, what: What) -> bool {
        self.news.send(News { source: self.place, claim: self.claim, what }).await.is_ok()
    }

    /// Reads the source; `None` when nobody listens.
    async fn read(&self, query: &DetectionQuery, windows: Option<usize>) -> Option<Reading> {
        let began = self.clock.now();
        let mut walk = match (windows, query.updated_since) {
            (Some(windows), Some(since)) => Backfill::new(Arc::clone(&self.source), since, began)
                .with_query(query.clone())
                .with_windows_at_once(windows)
                .walk(),
            _ => self.source.list(query),
        };
        let (mut unreadable, mut failure, mut items) = (0, None, 0_u64);
        let (mut alarm, mut items_then) = (self.clock.sleep(PATIENCE), 0);
        loop {
            let next = match future::select(std::pin::pin!(walk.next()), &mut alarm).await {
                Either::Left((next, _)) => next,
                Either::Right(_) if items > items_then => {
                    (alarm, items_then) = (self.clock.sleep(PATIENCE), items);
                    continue;
                }
                Either::Right(_) => {
                    failure = Some(hanging("list detections"));
                    break;
                }
            };
            let what = match next {
                None => break,
                Some(Ok(detection)) => {
                    items += 1;
                    What::Found(Box::new(detection))
                }
                Some(Err(error)) if is_one_element(&error) => {
                    items += 1;
                    unreadable += 1;
                    What::Unreadable(error)
                }
                Some(Err(error)) => {
                    failure = Some(error);
                    continue;
                }
            };
            if !self.tell(what).await {
                return None;
            }
        }
        Some(Reading { began, report: walk.report(), items, unreadable, failure })
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
