//! Keeps a claim while its source is read.

use std::sync::Arc;
use std::time::Duration;

use pocketsoc_model::{Clock, ErrorKind};
use tokio::sync::mpsc;

use super::CheckpointStore;
use crate::poll::{News, What};

/// Keeps a claim by renewing it.
pub(crate) struct Keeper {
    pub(crate) store: Arc<dyn CheckpointStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) news: mpsc::Sender<News>,
    pub(crate) within: Duration,
}

impl Keeper {
    pub(crate) async fn keep(self, source: usize, claim: u64, key: Arc<str>) {
        let (mut wait, mut since) = (self.within / 3, self.clock.monotonic());
        loop {
            self.clock.sleep(wait).await;
            match self.store.renew(&key).await {
                Ok(()) => (wait, since) = (self.within / 3, self.clock.monotonic()),
                Err(error) => {
                    let over = self.clock.monotonic().saturating_sub(since) >= self.within;
                    if over || error.kind() == ErrorKind::Conflict {
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
