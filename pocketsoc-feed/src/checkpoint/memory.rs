//! Checkpoints that last as long as the process: for tests, and for feeds that may begin anew.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use pocketsoc_model::Result;

use super::{CheckpointStore, Claim};

/// Checkpoints that last as long as the process. Clones share them.
#[derive(Clone, Default)]
pub struct MemoryCheckpoints(Arc<Mutex<HashMap<String, Vec<u8>>>>);

impl MemoryCheckpoints {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }
}

impl fmt::Debug for MemoryCheckpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryCheckpoints").finish_non_exhaustive()
    }
}

#[async_trait]
impl CheckpointStore for MemoryCheckpoints {
    async fn claim(&self, source: &str) -> Result<Option<Claim>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Some(Claim::for_good(all.get(source).cloned())))
    }

    async fn renew(&self, _: &str) -> Result<()> {
        Ok(())
    }

    async fn save(&self, checkpoints: Vec<(&str, Vec<u8>)>) -> Result<()> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (source, checkpoint) in checkpoints {
            all.insert(source.to_owned(), checkpoint);
        }
        Ok(())
    }

    async fn release(&self, _: &str) -> Result<()> {
        Ok(())
    }
}
