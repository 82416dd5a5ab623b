//! How a feed is set up: its sources, what of them it tells, and how it keeps what it knows.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use pocketsoc_model::{Clock, Detection, DetectionSource, Product, Result, Severity};

use crate::checkpoint::{CheckpointStore, MemoryCheckpoints};
use crate::feed::Feed;
use crate::plan::{Only, Plan, Sightings, SourceOptions};

/// A [`Feed`] to be set up; [`build`](Self::build) reads the checkpoints.
#[derive(Debug)]
#[must_use = "nothing is read before it is built and polled"]
pub struct FeedBuilder(Plan);

impl FeedBuilder {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self(Plan {
            clock,
            sources: Vec::new(),
            store: Arc::new(MemoryCheckpoints::new()),
            poll_every: Duration::from_secs(30),
            overlap: Duration::from_secs(900),
            since: None,
            min_severity: None,
            machine_group: None,
            products: Vec::new(),
            sightings: Sightings::default(),
            heuristic: false,
            once: false,
            remembered: 100_000,
            unacknowledged: 1024,
            windows: 4,
            only: None,
            owned: usize::MAX,
            no_progress: 5,
            seed: fastrand::u64(..),
        })
    }

    /// Also reads a source.
    pub fn source(self, source: impl DetectionSource) -> Self {
        self.source_with(source, SourceOptions::new())
    }

    /// Also reads a source, in a way of its own.
    pub fn source_with(mut self, source: impl DetectionSource, options: SourceOptions) -> Self {
        self.0.sources.push((Arc::new(source), options));
        self
    }

    /// Where it writes down how far it has come; unless said, in memory.
    pub fn checkpoints(mut self, store: impl CheckpointStore) -> Self {
        self.0.store = Arc::new(store);
        self
    }

    /// How often each source is read; every 30 s unless said. A source that fails is read less often.
    pub fn poll_every(mut self, time: Duration) -> Self {
        self.0.poll_every = time;
        self
    }

    /// How far back each poll reads again, for what becomes visible after its own time and for clocks that differ; 15
    /// minutes unless said. What comes later than that is not seen.
    pub fn overlap(mut self, time: Duration) -> Self {
        self.0.overlap = time;
        self
    }

    /// From when on detections are told as new, by their update time; all that the sources list, unless said. A feed that
    /// goes on from a checkpoint began when it first did: this is not heeded then.
    pub fn since(mut self, since: DateTime<Utc>) -> Self {
        self.0.since = Some(since);
        self
    }

    /// Only detections at least so severe, and those of unknown severity. What was told once is told on, whatever its
    /// severity becomes; so the sources are read whole, and this is looked at here.
    pub fn min_severity(mut self, severity: Severity) -> Self {
        self.0.min_severity = Some(severity);
        self
    }

    /// Only detections on machines of this device group, ASCII case ignored. Products whose detections name none, such as
    /// Defender for Cloud, then give nothing.
    pub fn machine_group(mut self, group: impl Into<String>) -> Self {
        self.0.machine_group = Some(group.into());
        self
    }

    /// Only detections that a function lets pass, beside what else is asked for: by status, by profile, whatever an
    /// application goes by. What was told once is told on. When somebody wants to be notified, such as not at night, is not
    /// for this: what does not pass is not told later.
    pub fn only(mut self, passes: impl Fn(&Detection) -> bool + Send + Sync + 'static) -> Self {
        self.0.only = Some(Only(Arc::new(passes)));
        self
    }

    /// Only sources of these products; of all unless said.
    pub fn products(mut self, products: impl IntoIterator<Item = Product>) -> Self {
        self.0.products = products.into_iter().collect();
        self
    }

    /// What to do when one alert comes through several sources.
    pub fn sightings(mut self, sightings: Sightings) -> Self {
        self.0.sightings = sightings;
        self
    }

    /// Also names detections of other sources that look like the same: alike in title, time and what they are about. Such
    /// sightings are [marked](crate::MatchedBy::Heuristic), and nothing is left out because of them.
    pub fn with_heuristic_sightings(mut self) -> Self {
        self.0.heuristic = true;
        self
    }

    /// Reads each source once, then ends.
    pub fn once(mut self) -> Self {
        self.0.once = true;
        self
    }

    /// How many detections of a source that is asked by time are remembered, at less than a kilobyte each; 100,000 unless said.
    /// What is not remembered any more and changes is told as new. Of a source that is listed whole, all are.
    pub fn remember(mut self, detections: usize) -> Self {
        self.0.remembered = detections.max(1);
        self
    }

    /// How many changes may be unacknowledged before the feed waits; 1,024 unless said.
    pub fn most_unacknowledged(mut self, changes: usize) -> Self {
        self.0.unacknowledged = changes.max(1);
        self
    }

    /// How many windows of time are read at once where a source has to be read for more than a day; 4 unless said, 1 for
    /// one after the other.
    pub fn windows_at_once(mut self, windows: usize) -> Self {
        self.0.windows = windows.max(1);
        self
    }

    /// How many sources this feed owns at most, where several workers share a [store with leases](crate::CheckpointStore);
    /// as many as it can get unless said. Leave room: what a worker that dies had owned is taken over by the others.
    pub fn own_at_most(mut self, sources: usize) -> Self {
        self.0.owned = sources;
        self
    }

    /// After how many polls in a row that were not read to their end [`NoProgress`](crate::Notice::NoProgress) is told, and
    /// each time after as many; 5 unless said.
    pub fn no_progress_after(mut self, polls: u32) -> Self {
        self.0.no_progress = polls.max(1);
        self
    }

    /// Where the jitter of waits comes from; for tests.
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.seed = seed;
        self
    }

    /// Claims the sources and reads their checkpoints. No source is asked anything.
    ///
    /// # Errors
    /// `Damaged` when a checkpoint cannot be used; `InvalidRequest` when two sources have the same name and product, or
    /// when there is none; what the store says.
    pub async fn build(self) -> Result<Feed> {
        Feed::set_up(self.0).await
    }
}
