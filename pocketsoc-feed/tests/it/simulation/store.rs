//! Checkpoints that take their time and sometimes can be neither read nor written.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use fastrand::Rng;
use pocketsoc_feed::{CheckpointStore, Claim};
use pocketsoc_model::{Clock, Error, ErrorKind, Result};

/// Checkpoints that take their time and sometimes cannot be written.
#[derive(Debug, Clone)]
pub(crate) struct SlowCheckpoints {
    inner: Arc<dyn CheckpointStore>,
    clock: Arc<dyn Clock>,
    rng: Arc<Mutex<Rng>>,
    /// Out of a hundred, so many fail.
    failing: u8,
}

impl SlowCheckpoints {
    pub(crate) fn new(inner: impl CheckpointStore, clock: Arc<dyn Clock>, failing: u8, seed: u64) -> Self {
        Self { inner: Arc::new(inner), clock, rng: Arc::new(Mutex::new(Rng::with_seed(seed))), failing }
    }

    #[cfg(feature = "object-store")]
    pub(crate) fn over(self, inner: impl CheckpointStore) -> Self {
        Self { inner: Arc::new(inner), ..self }
    }

    fn may_fail(&self, operation: &'static str) -> Result<()> {
        if self.rng.lock().unwrap().u8(..100) < self.failing {
            return Err(Error::new(ErrorKind::Unavailable, operation).with_message("scripted"));
        }
        Ok(())
    }
}

#[async_trait]
impl CheckpointStore for SlowCheckpoints {
    async fn claim(&self, source: &str) -> Result<Option<Claim>> {
        self.clock.sleep(Duration::from_millis(3)).await;
        self.may_fail("claim")?;
        self.inner.claim(source).await
    }
    async fn renew(&self, source: &str) -> Result<()> {
        self.may_fail("renew")?;
        self.inner.renew(source).await
    }
    async fn save(&self, checkpoints: Vec<(&str, Vec<u8>)>) -> Result<()> {
        self.clock.sleep(Duration::from_millis(5)).await;
        self.may_fail("save")?;
        self.inner.save(checkpoints).await?;
        // Written, but who asked may not live to hear of it.
        self.clock.sleep(Duration::from_millis(5)).await;
        Ok(())
    }
    async fn release(&self, source: &str) -> Result<()> {
        self.inner.release(source).await
    }
}
