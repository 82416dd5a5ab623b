//! Keeps a claim while its source is read.

use std::sync::Arc;
use std::time::Duration;

use pocketsoc_model::{Clock, ErrorKind};
use tokio::sync::mpsc;

use super::CheckpointStore;
use crate::poll::{News, What};
use crate::state::Shared;

/// Keeps a claim by renewing it.
pub(crate) struct Keeper {
    pub(crate) shared: Arc<Shared>,
    pub(crate) store: Arc<dyn CheckpointStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) news: mpsc::Sender<News>,
    pub(crate) within: Duration,
}

impl Keeper {
    pub(crate) async fn keep(self, source: usize, claim: u64, key: Arc<str>) {
        let mut wait = self.within / 3;
        loop {
            self.clock.sleep(wait).await;
            let asked = self.clock.monotonic();
            if !self.shared.lock().sources[source].is_claimed(claim, asked) {
                return;
            }
            match self.store.renew(&key).await {
                Ok(()) => {
                    wait = self.within / 3;
                    let one = &mut self.shared.lock().sources[source];
                    if one.claim == Some(claim) {
                        one.renewed_at = asked;
                    }
                }
                Err(error) => {
                    if error.kind() == ErrorKind::Conflict {
                        // Nobody listens any more when the feed is gone.
                        drop(self.news.send(News { source, claim, what: What::Lost }).await);
                        return;
                    }
                    wait = self.within / 10;
                }
            }
        }
    }
}
