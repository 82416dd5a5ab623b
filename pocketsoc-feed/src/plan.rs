//! What a feed was set up to do: which sources, which of what they have, what counts as one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use pocketsoc_model::{Clock, Detection, DetectionSource, Product, Severity};

use crate::checkpoint::CheckpointStore;

/// What to do when one alert comes through several sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Sightings {
    /// It is one detection: new once, then updated with [`Changed::Sighted`](crate::Changed::Sighted) for each further
    /// source; a change that the sighting told of last shows already is not told again. By correlation keys, exact ones
    /// and inferred ones ([`KeyBasis`](pocketsoc_model::KeyBasis)): without the latter, alerts of Defender for Cloud
    /// would be two wherever Graph shows them as well.
    #[default]
    Together,
    /// The same by exact keys alone.
    ByExactKeys,
    /// Each source's own is a detection of its own, and names the others.
    Apart,
}

/// How one source is read, where it differs from the feed's others.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
#[must_use]
pub struct SourceOptions {
    /// How often it is read.
    pub poll_every: Option<Duration>,
    /// From when on its detections are told as new.
    pub since: Option<DateTime<Utc>>,
}

impl SourceOptions {
    /// As the feed's others.
    pub fn new() -> Self {
        Self::default()
    }

    /// How often it is read.
    pub fn with_poll_every(mut self, time: Duration) -> Self {
        self.poll_every = Some(time);
        self
    }

    /// From when on its detections are told as new.
    pub fn with_since(mut self, since: DateTime<Utc>) -> Self {
        self.since = Some(since);
        self
    }
}

/// What decides which detections pass.
#[derive(Clone)]
pub(crate) struct Only(pub(crate) Arc<dyn Fn(&Detection) -> bool + Send + Sync>);

impl fmt::Debug for Only {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Only")
    }
}

/// What a feed is made of.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) sources: Vec<(Arc<dyn DetectionSource>, SourceOptions)>,
    pub(crate) store: Arc<dyn CheckpointStore>,
    pub(crate) poll_every: Duration,
    pub(crate) overlap: Duration,
    pub(crate) since: Option<DateTime<Utc>>,
    pub(crate) min_severity: Option<Severity>,
    pub(crate) machine_group: Option<String>,
    pub(crate) products: Vec<Product>,
    pub(crate) sightings: Sightings,
    pub(crate) heuristic: bool,
    pub(crate) once: bool,
    pub(crate) remembered: usize,
    pub(crate) unacknowledged: usize,
    pub(crate) windows: usize,
    pub(crate) only: Option<Only>,
    pub(crate) owned: usize,
    pub(crate) no_progress: u32,
    pub(crate) seed: u64,
}

/// What is told, and of which.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) sightings: Sightings,
    pub(crate) heuristic: bool,
    pub(crate) min_severity: Option<Severity>,
    pub(crate) machine_group: Option<String>,
    pub(crate) only: Option<Only>,
    pub(crate) overlap: TimeDelta,
    pub(crate) remembered: usize,
}

impl Rules {
    /// Whether a detection is one of those that the feed tells of, as far as the sources cannot filter it. What was told once
    /// is told on, whatever becomes of it.
    pub(crate) fn passes(&self, detection: &Detection) -> bool {
        let group = self.machine_group.as_ref().is_none_or(|group| {
            detection.machine_group.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(group))
        });
        group
            && self.only.as_ref().is_none_or(|only| (only.0)(detection))
            && self.min_severity.is_none_or(|least| detection.severity.meets(least))
    }
}
