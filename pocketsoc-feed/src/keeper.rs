//! Keeps a claim while its source is read.

use std::sync::Arc;
use std::time::Duration;

use pocketsoc_model::{Clock, ErrorKind};

use crate::checkpoint::{CheckpointStore, patiently};
use crate::shared::Shared;

/// Keeps a claim by renewing it.
pub(crate) struct Keeper {
    pub(crate) shared: Arc<Shared>,
    pub(crate) store: Arc<dyn CheckpointStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) within: Duration,
}

impl Keeper {
    /// Until the claim is lost or not needed any more; whether it was lost.
    pub(crate) async fn keep(self, source: usize, claim: u64, key: Arc<str>) -> bool {
        let mut wait = self.within / 3;
        loop {
            self.clock.sleep(wait).await;
            let asked = self.clock.monotonic();
            if !self.shared.lock().sources[source].is_claimed(claim, asked) {
                return false;
            }
            match patiently(&*self.clock, self.store.renew(&key)).await {
                Ok(()) => {
                    wait = self.within / 3;
                    let one = &mut self.shared.lock().sources[source];
                    if one.claim == Some(claim) {
                        one.renewed_at = asked;
                    }
                }
                Err(error) => {
                    if error.kind() == ErrorKind::Conflict {
                        return true;
                    }
                    wait = self.within / 10;
                }
            }
        }
    }
}
