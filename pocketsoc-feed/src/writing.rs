//! When a feed writes down what was acknowledged, and what it writes.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future;
use futures_util::stream::{self, StreamExt as _};
use pocketsoc_model::{ErrorKind, Result};

use crate::checkpoint::patiently;
use crate::event::{FeedEvent, Notice};
use crate::feed::{Done, Feed};
use crate::source_state::SourceState;

/// Rendering, which keeps a processor busy, takes at most one part in so many of the time; the store, whatever it does, one
/// part in so many.
const RENDERING: u32 = 100;
const STORING: u32 = 4;
/// What is acknowledged within so long is written down together.
const TOGETHER: Duration = Duration::from_millis(20);
/// However long it took, the next time comes after so long.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// So many sources are asked at once whether they are still owned.
const ASKED_AT_ONCE: usize = 16;
/// So long is waited after a failure, twice as long each time up to so long.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// When to write down.
#[derive(Debug)]
pub(crate) struct Writing {
    /// Not before this moment.
    not_before: Duration,
    pub(crate) failures: u32,
    pub(crate) is_under_way: bool,
    /// It has been tried at the end of everything.
    pub(crate) is_last: bool,
}

/// What became of writing down.
pub(crate) struct Saved {
    places: Vec<Place>,
    unwritten: usize,
    /// How long rendering took, and the store.
    rendering: Duration,
    storing: Duration,
    result: Result<()>,
    /// Sources that somebody else owns by now, each with the claim that is lost.
    lost: Vec<(usize, Option<u64>)>,
}

/// A source whose checkpoint is written.
struct Place {
    source: usize,
    /// The claim under which it is.
    claim: Option<u64>,
    key: Arc<str>,
    /// How many of its changes are in it.
    changes: u64,
}

/// A source, and its checkpoint as it is to be written.
type Due = (Place, Result<Vec<u8>>);

impl Writing {
    pub(crate) fn new(now: Duration) -> Self {
        Self { not_before: now, failures: 0, is_under_way: false, is_last: false }
    }
}

impl Feed {
    /// How long until what was acknowledged is to be written down; `None` when nothing is, or it is being done.
    pub(crate) fn write_in(&self) -> Option<Duration> {
        let is_due = !self.writing.is_under_way && self.shared.lock().unwritten > 0;
        is_due.then(|| self.writing.not_before.saturating_sub(self.plan.clock.monotonic()))
    }

    /// Begins to write down, beside everything else.
    pub(crate) fn begin_writing(&mut self) {
        self.writing.is_under_way = true;
        let (store, clock) = (Arc::clone(&self.plan.store), Arc::clone(&self.plan.clock));
        let began = clock.monotonic();
        let (checkpoints, unwritten) = self.to_be_written();
        let rendering = clock.monotonic().saturating_sub(began);
        self.work.push(Box::pin(async move {
            // What the feed does between the two is not of it.
            let began = clock.monotonic();
            let (places, bytes): (Vec<Place>, Vec<_>) = checkpoints.into_iter().unzip();
            let save: Result<Vec<_>> =
                places.iter().zip(bytes).map(|(place, bytes)| Ok((&*place.key, bytes?))).collect();
            let result = match save {
                Ok(save) if save.is_empty() => Ok(()),
                Ok(save) => patiently(&*clock, store.save(save)).await,
                Err(error) => Err(error),
            };
            let mut lost = Vec::new();
            if result.as_ref().is_err_and(|error| error.kind() == ErrorKind::Conflict) {
                let mut asked = Vec::with_capacity(places.len());
                for place in &places {
                    asked.push(async {
                        let renewed = patiently(&*clock, store.renew(&place.key)).await;
                        let is_lost = renewed.is_err_and(|error| error.kind() == ErrorKind::Conflict);
                        is_lost.then_some((place.source, place.claim))
                    });
                }
                let asked = stream::iter(asked).buffer_unordered(ASKED_AT_ONCE);
                lost = asked.filter_map(future::ready).collect().await;
            }
            let storing = clock.monotonic().saturating_sub(began);
            Done::Saved(Saved { places, unwritten, rendering, storing, result, lost })
        }));
    }

    /// The checkpoints of all sources that have changed.
    fn to_be_written(&self) -> (Vec<Due>, usize) {
        let mut state = self.shared.lock();
        let is_due = |one: &SourceState| one.claim.is_some() && one.changes > one.saved;
        let place = |(source, one): (usize, &SourceState)| {
            let (key, changes) = (Arc::clone(&one.key), one.changes);
            is_due(one).then_some(Place { source, claim: one.claim, key, changes })
        };
        let places: Vec<_> = state.sources.iter().enumerate().filter_map(place).collect();
        let bytes = |place: Place| {
            let bytes = state.checkpoint(place.source);
            (place, bytes)
        };
        (places.into_iter().map(bytes).collect(), state.unwritten)
    }

    /// Takes note of what became of it.
    pub(crate) fn saved(&mut self, saved: Saved) -> Result<()> {
        let now = self.plan.clock.monotonic();
        self.writing.is_under_way = false;
        if let Err(error) = saved.result {
            self.writing.failures = self.writing.failures.saturating_add(1);
            let wait = FIRST_WAIT.saturating_mul(1 << (self.writing.failures - 1).min(6)).min(LONGEST_WAIT);
            self.writing.not_before = now.saturating_add(wait);
            tracing::warn!(%error, ?wait, "the checkpoint is not written");
            for (source, claim) in saved.lost {
                self.done(Done::Lost(source, claim), true);
            }
            if error.kind() != ErrorKind::Conflict {
                self.ready.push_back(FeedEvent::Notice(Notice::CheckpointFailed { error: error.clone() }));
            }
            return Err(error);
        }
        self.writing.failures = 0;
        let pause = saved.rendering.saturating_mul(RENDERING).max(saved.storing.saturating_mul(STORING));
        let pause = pause.clamp(TOGETHER, LONGEST_PAUSE);
        self.writing.not_before = now.saturating_add(pause);
        let mut state = self.shared.lock();
        state.unwritten = state.unwritten.saturating_sub(saved.unwritten);
        for place in saved.places {
            let one = &mut state.sources[place.source];
            // Under another claim its changes are counted anew.
            if one.claim == place.claim {
                one.saved = place.changes;
            }
        }
        Ok(())
    }

    /// Writes down now, and waits until it is done. What the sources bring meanwhile is kept.
    pub(crate) async fn write_now(&mut self) -> Result<()> {
        let mut is_own = false;
        loop {
            if !self.writing.is_under_way {
                if self.shared.lock().unwritten == 0 {
                    return Ok(());
                }
                self.begin_writing();
                is_own = true;
            }
            match self.work.next().await {
                Some(Done::Saved(saved)) => {
                    let result = self.saved(saved);
                    if is_own {
                        return result;
                    }
                }
                Some(Done::Worked(worker, what)) => self.parked.push_back((worker, what)),
                Some(other) => self.done(other, true),
                None => return Ok(()),
            }
        }
    }
}
