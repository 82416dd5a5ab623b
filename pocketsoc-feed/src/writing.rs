//! When a feed writes down what was acknowledged, and what it writes.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use pocketsoc_model::{ErrorKind, Result};

use crate::event::{FeedEvent, Notice};
use crate::feed::{Done, Feed};

/// Writing down takes at most one part in so many of the time.
const SHARE: u32 = 100;
/// What is acknowledged within so long is written down together.
const TOGETHER: Duration = Duration::from_millis(20);
/// So long is waited after a failure, twice as long each time up to so long.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// When to write down.
#[derive(Debug)]
pub(crate) struct Writing {
    /// Not before this moment.
    not_before: Duration,
    failures: u32,
    pub(crate) is_under_way: bool,
    /// It has been tried at the end of everything.
    pub(crate) is_last: bool,
}

/// What became of writing down.
pub(crate) struct Saved {
    /// Which sources, under which names, and how many changes of each.
    places: Vec<(usize, Arc<str>, u64)>,
    unwritten: usize,
    began: Duration,
    result: Result<()>,
    /// Sources that somebody else owns by now.
    lost: Vec<usize>,
}

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
        let began = self.plan.clock.monotonic();
        let (checkpoints, unwritten) = self.to_be_written();
        let store = Arc::clone(&self.plan.store);
        self.work.push(Box::pin(async move {
            let (places, save): (Vec<_>, Vec<_>) = match checkpoints {
                Ok(all) => all.into_iter().unzip(),
                Err(error) => {
                    let (places, lost) = (Vec::new(), Vec::new());
                    return Done::Saved(Saved { places, unwritten, began, result: Err(error), lost });
                }
            };
            let save: Vec<(&str, Vec<u8>)> =
                places.iter().map(|(_, key, _): &(_, Arc<str>, _)| &**key).zip(save).collect();
            let result = if save.is_empty() { Ok(()) } else { store.save(save).await };
            let mut lost = Vec::new();
            if result.as_ref().is_err_and(|error| error.kind() == ErrorKind::Conflict) {
                for (place, key, _) in &places {
                    if store.renew(key).await.is_err_and(|error| error.kind() == ErrorKind::Conflict) {
                        lost.push(*place);
                    }
                }
            }
            Done::Saved(Saved { places, unwritten, began, result, lost })
        }));
    }

    /// The checkpoints of all sources that have changed.
    #[allow(clippy::type_complexity)] // places beside their bytes
    fn to_be_written(&self) -> (Result<Vec<((usize, Arc<str>, u64), Vec<u8>)>>, usize) {
        let mut state = self.shared.lock();
        let unwritten = state.unwritten;
        let changed = |one: &crate::state::SourceState| one.claim.is_some() && one.changes > one.saved;
        let places: Vec<_> = state
            .sources
            .iter()
            .enumerate()
            .filter(|(_, one)| changed(one))
            .map(|(place, one)| (place, Arc::clone(&one.key), one.changes))
            .collect();
        let all = places.into_iter().map(|place| Ok((place.clone(), state.checkpoint(place.0)?))).collect();
        (all, unwritten)
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
            for place in saved.lost {
                self.elsewhere(place);
            }
            if error.kind() != ErrorKind::Conflict {
                self.ready.push_back(FeedEvent::Notice(Notice::CheckpointFailed { error: error.clone() }));
            }
            return Err(error);
        }
        self.writing.failures = 0;
        let took = now.saturating_sub(saved.began);
        self.writing.not_before = now.saturating_add(took.saturating_mul(SHARE).max(TOGETHER));
        let mut state = self.shared.lock();
        state.unwritten = state.unwritten.saturating_sub(saved.unwritten);
        for (place, _, changes) in saved.places {
            state.sources[place].saved = changes;
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
