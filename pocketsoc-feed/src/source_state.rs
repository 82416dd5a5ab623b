//! What is known of one source: its memory, its claim, how reading it goes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use pocketsoc_model::{DetectionSource, ErrorKind, Filtering, Product, QueryFilters, ResumePoint};
use tokio::sync::Notify;

use crate::ledger::Ledger;
use crate::older::Older;

/// A source, with what is known of it.
#[derive(Debug)]
pub(crate) struct SourceState {
    pub(crate) source: Arc<dyn DetectionSource>,
    pub(crate) name: Arc<str>,
    /// Its name and product: what its checkpoint is called.
    pub(crate) key: Arc<str>,
    pub(crate) product: Product,
    pub(crate) ledger: Ledger,
    pub(crate) older: Older,
    pub(crate) filters: Option<QueryFilters>,
    pub(crate) since: Option<DateTime<Utc>>,
    /// When the last poll began that saw everything.
    pub(crate) read_at: Option<DateTime<Utc>>,
    /// Something was pushed for it.
    pub(crate) took_pushes: bool,
    pub(crate) poll_every: Duration,
    /// Which claim of it is the present one; `None` while somebody else owns it.
    pub(crate) claim: Option<u64>,
    pub(crate) renew_within: Option<Duration>,
    /// When the claim was made, or renewed last.
    pub(crate) renewed_at: Duration,
    /// A poll that broke off, to be taken up again.
    pub(crate) broken_off: Option<BrokenOff>,
    /// Polls in a row that did not see everything, and how many of them make it wait longer.
    pub(crate) incomplete: u32,
    pub(crate) failures: u32,
    /// How it failed last.
    pub(crate) failing: Option<ErrorKind>,
    /// Elements that were set aside, by what was said of them: how many in this poll, and how many were told of.
    pub(crate) aside: HashMap<u64, (u32, u32)>,
    pub(crate) memory_full: bool,
    /// Changes of what a checkpoint would hold, and how many of them are saved.
    pub(crate) changes: u64,
    pub(crate) saved: u64,
    pub(crate) nudge: Arc<Notify>,
}

impl SourceState {
    /// One that nothing is known of yet, and that nobody has claimed.
    pub(crate) fn new(
        source: Arc<dyn DetectionSource>,
        since: Option<DateTime<Utc>>,
        poll_every: Duration,
    ) -> Self {
        let product = source.product();
        Self {
            name: source.name().into(),
            key: format!("{}/{product}", source.name()).into(),
            product,
            source,
            ledger: Ledger::default(),
            older: Older::default(),
            filters: None,
            since,
            read_at: None,
            took_pushes: false,
            poll_every,
            claim: None,
            renew_within: None,
            renewed_at: Duration::ZERO,
            broken_off: None,
            incomplete: 0,
            failures: 0,
            failing: None,
            aside: HashMap::new(),
            memory_full: false,
            changes: 0,
            saved: 0,
            nudge: Arc::default(),
        }
    }

    /// Somebody else owns it: how it fails is theirs to say. Whether it was failing here.
    pub(crate) fn goes_elsewhere(&mut self) -> bool {
        (self.incomplete, self.failures) = (0, 0);
        self.claim = None;
        self.failing.take().is_some()
    }

    /// Whether a claim is the present one, and has not run out: somebody else may own the source then.
    pub(crate) fn is_claimed(&self, claim: u64, now: Duration) -> bool {
        self.claim == Some(claim) && self.runs_out().is_none_or(|end| now < end)
    }

    /// When the claim ends, unless it is renewed; `None` where it does not.
    pub(crate) fn runs_out(&self) -> Option<Duration> {
        self.renew_within.map(|within| self.renewed_at.saturating_add(within))
    }

    /// Whether it is asked by update time, rather than listed whole.
    pub(crate) fn is_asked_by_time(&self) -> bool {
        self.filters.is_some_and(|filters| filters.updated == Filtering::Native)
    }
}

/// A poll that broke off.
#[derive(Debug, Clone)]
pub(crate) struct BrokenOff {
    /// Where it is taken up again.
    pub(crate) point: ResumePoint,
    /// When it had begun.
    pub(crate) began: DateTime<Utc>,
    /// How often that has brought nothing.
    pub(crate) in_vain: u32,
}
