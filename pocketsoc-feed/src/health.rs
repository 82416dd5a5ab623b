//! How a feed fares, for whoever watches the watcher.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use pocketsoc_model::{ErrorKind, Product};

use crate::shared::Shared;

/// Looks at a feed from elsewhere, such as from what answers a health check. Cheap to clone; asks no service.
#[derive(Debug, Clone)]
pub struct Monitor(Arc<Shared>);

/// How one source fares.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceHealth {
    /// The source's display name.
    pub profile: Arc<str>,
    /// Its product.
    pub product: Product,
    /// Whether this feed owns it; another worker does, or nobody yet, otherwise.
    pub is_owned: bool,
    /// When the last poll began that was read to its end, in this process.
    pub read_at: Option<DateTime<Utc>>,
    /// How it fails, if its last poll was not read to its end.
    pub failing: Option<ErrorKind>,
    /// How many polls in a row were not read to their end.
    pub polls_in_vain: u32,
    /// How many of its detections are remembered.
    pub remembered: usize,
}

impl Monitor {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// How each source fares, in the order in which they were given.
    pub fn sources(&self) -> Vec<SourceHealth> {
        let state = self.0.lock();
        let health = state.sources.iter().map(|one| SourceHealth {
            profile: Arc::clone(&one.name),
            product: one.product.clone(),
            is_owned: one.claim.is_some(),
            read_at: one.read_at,
            failing: one.failing,
            polls_in_vain: one.incomplete,
            remembered: one.ledger.len(),
        });
        health.collect()
    }

    /// How many changes were told and are not acknowledged, a notice of an element that was set aside included.
    pub fn unacknowledged(&self) -> usize {
        self.0.lock().unacknowledged()
    }
}
