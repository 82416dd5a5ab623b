//! When a feed writes down what was acknowledged, and what it writes.

use std::sync::Arc;
use std::time::Duration;

use pocketsoc_model::{ErrorKind, Result};

use crate::event::{FeedEvent, Notice};
use crate::feed::Feed;

/// What was acknowledged is written down after so long at the latest, while the feed is polled.
const WRITE_BY: Duration = Duration::from_secs(10);
/// Writing down takes at most one part in so many of the time.
const SHARE: u32 = 20;

impl Feed {
    /// How long until what was acknowledged is to be written down.
    pub(crate) fn note_acknowledgements(&mut self) -> Option<Duration> {
        let now = self.plan.clock.monotonic();
        let unwritten = self.shared.lock().unwritten > 0;
        if unwritten {
            self.unwritten_since.get_or_insert(now);
        }
        self.unwritten_since?;
        let next = self.written_at.saturating_add(self.writing_took.saturating_mul(SHARE));
        Some(next.saturating_sub(now))
    }

    /// Whether so much is acknowledged that it is written down although more is waiting to be told.
    pub(crate) fn many_are_unwritten(&self) -> bool {
        let Some(since) = self.unwritten_since else { return false };
        // In proportion to what is written each time, so that all of it costs little more than the last.
        let state = self.shared.lock();
        let known = state.remembered();
        let late = self.plan.clock.monotonic().saturating_sub(since.max(self.written_at)) >= WRITE_BY;
        state.unwritten >= (known / 2).max(512) || (late && state.unwritten > 0)
    }

    pub(crate) async fn write_down(&mut self) {
        if let Err(error) = self.save().await {
            tracing::warn!(%error, "the checkpoint is not written");
            // The time it took to fail is no measure; it is tried again soon.
            self.writing_took = Duration::from_secs(1);
            if error.kind() == ErrorKind::Conflict {
                self.lost_claims().await;
            } else {
                self.ready.push_back(FeedEvent::Notice(Notice::CheckpointFailed { error }));
            }
        }
    }

    /// Which sources somebody else owns by now.
    async fn lost_claims(&mut self) {
        let claimed: Vec<_> = {
            let state = self.shared.lock();
            let claimed = state.sources.iter().enumerate().filter(|(_, one)| one.claim.is_some());
            claimed.map(|(place, one)| (place, Arc::clone(&one.key))).collect()
        };
        for (place, key) in claimed {
            if self.plan.store.renew(&key).await.is_err_and(|error| error.kind() == ErrorKind::Conflict) {
                self.elsewhere(place);
            }
        }
    }

    /// Saves the checkpoints of all sources that have changed.
    pub(crate) async fn save(&mut self) -> Result<()> {
        let begin = self.plan.clock.monotonic();
        let (checkpoints, unwritten) = {
            let mut state = self.shared.lock();
            let places: Vec<_> = (0..state.sources.len())
                .filter(|place| {
                    let one = &state.sources[*place];
                    one.claim.is_some() && one.changes > one.saved
                })
                .collect();
            let mut all = Vec::new();
            for place in places {
                let (key, changes) = (Arc::clone(&state.sources[place].key), state.sources[place].changes);
                all.push((place, key, changes, state.checkpoint(place)?));
            }
            (all, state.unwritten)
        };
        let (places, save): (Vec<_>, Vec<_>) = checkpoints
            .into_iter()
            .map(|(place, key, changes, bytes)| ((place, key, changes), bytes))
            .unzip();
        let save: Vec<(&str, Vec<u8>)> = places.iter().map(|(_, key, _)| &**key).zip(save).collect();
        if !save.is_empty() {
            self.plan.store.save(&save).await?;
        }
        let now = self.plan.clock.monotonic();
        (self.written_at, self.writing_took) = (now, now.saturating_sub(begin));
        self.unwritten_since = None;
        let mut state = self.shared.lock();
        state.unwritten = state.unwritten.saturating_sub(unwritten);
        for (place, _, changes) in places {
            state.sources[place].saved = changes;
        }
        Ok(())
    }
}
