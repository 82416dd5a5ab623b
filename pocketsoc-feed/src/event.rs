//! What a feed tells: changes of detections, each acknowledged by its number, and notices about the sources.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use pocketsoc_model::{
    Classification, Detection, DetectionId, Determination, Error, KeyBasis, Product, Severity, Status,
};

/// Something that a feed tells.
#[derive(Debug)]
#[non_exhaustive]
pub enum FeedEvent {
    /// A detection is new, or has changed. Comes at least once; acknowledge it when it has been taken care of.
    Change(FeedChange),
    /// Something about a source or the checkpoints that somebody should know. Not acknowledged; not repeated either, but for
    /// [`SetAside`](Notice::SetAside).
    Notice(Notice),
}

/// A detection that is new or has changed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FeedChange {
    /// What it is acknowledged by.
    pub sequence: Sequence,
    /// New to the feed, or changed.
    pub kind: ChangeKind,
    /// What of it has changed, as far as it is normalized; empty for what is new.
    pub changed: Vec<Changed>,
    /// The detection as it now is.
    pub detection: Box<Detection>,
    /// The same alert as other sources have shown it, and the incidents that were seen to hold it; of an incident, its
    /// alerts.
    pub sightings: Vec<Sighting>,
}

impl FeedChange {
    /// The keys of the detection's JSON that have changed, each once; and `sightings` for [`Sighted`](Changed::Sighted), which
    /// stand beside the detection.
    pub fn changed_keys(&self) -> Vec<&'static str> {
        let mut keys: Vec<_> = self.changed.iter().map(Changed::key).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

/// The number of a delivery, within one feed in one process; it says nothing to another feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sequence {
    pub(crate) number: u64,
    pub(crate) feed: u64,
}

/// What kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChangeKind {
    /// The feed has not told of it, or does not remember it.
    New,
    /// It has changed, and its status has not.
    Updated,
    /// Its status has changed, perhaps among other things.
    StatusChanged,
}

impl ChangeKind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Updated => "updated",
            Self::StatusChanged => "status_changed",
        }
    }
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One thing that has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Changed {
    /// The status.
    Status {
        /// What it was.
        from: Status,
        /// What it is.
        to: Status,
    },
    /// It had been done with, and is not any more. Comes beside [`Status`](Self::Status).
    Reopened,
    /// The severity.
    Severity {
        /// What it was.
        from: Severity,
        /// What it is.
        to: Severity,
    },
    /// Whose it is now.
    AssignedTo(Option<String>),
    /// The verdict, as it now is.
    Classification(Option<Classification>),
    /// The reason behind the verdict, as it now is.
    Determination(Option<Determination>),
    /// So many more things are involved than before.
    EvidenceAdded(usize),
    /// It was merged into another one.
    MergedInto(DetectionId),
    /// Another source shows it as well: the first time that this detection comes through it.
    Sighted,
    /// Anything else, by its key in the detection's JSON.
    Other(&'static str),
}

impl Changed {
    /// The key of the detection's JSON that holds it; `sightings` for [`Sighted`](Self::Sighted).
    pub fn key(&self) -> &'static str {
        match self {
            Self::Status { .. } | Self::Reopened => "status",
            Self::Severity { .. } => "severity",
            Self::AssignedTo(_) => "assigned_to",
            Self::Classification(_) => "classification",
            Self::Determination(_) => "determination",
            Self::EvidenceAdded(_) => "entities",
            Self::MergedInto(_) => "merged_into",
            Self::Sighted => "sightings",
            Self::Other(key) => key,
        }
    }
}

/// The same alert through another source, or the incident that holds it, or an alert that it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sighting {
    /// The source's display name.
    pub profile: Arc<str>,
    /// Its product.
    pub product: Product,
    /// The id there; ids of Azure resources, which compare ignoring case, in lower case.
    pub id: DetectionId,
    /// What the match rests on.
    pub by: MatchedBy,
}

/// What a sighting was recognised by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MatchedBy {
    /// A correlation key that both have.
    Key(KeyBasis),
    /// One is an incident, the other one of its alerts.
    Containment,
    /// Title, what it is about and time are alike: a guess. Only where it was asked for.
    Heuristic,
}

/// Something about a source or the checkpoints.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice {
    /// A source failed. It is asked again after a while; the others go on.
    SourceFailed {
        /// The source.
        source: Arc<str>,
        /// Why.
        error: Error,
        /// When it is asked again.
        retry_in: Duration,
    },
    /// A source that had failed answers again.
    SourceRecovered {
        /// The source.
        source: Arc<str>,
    },
    /// A source was read without failure and not to its end: what it did not give is asked for again.
    Incomplete {
        /// The source.
        source: Arc<str>,
        /// Which providers were missing, if the service said so.
        partial: Vec<String>,
    },
    /// One element of a source cannot be read. It is set aside, the others are delivered. Counts as taken care of when the
    /// next event is asked for; told again after a restart that comes before.
    SetAside {
        /// The source.
        source: Arc<str>,
        /// Which, where, and why.
        error: Error,
    },
    /// A source has not been read to its end for so many polls in a row.
    NoProgress {
        /// The source.
        source: Arc<str>,
        /// How many polls.
        polls: u32,
    },
    /// More changed within the overlap than the memory holds: some will be delivered again.
    MemoryFull {
        /// The source.
        source: Arc<str>,
        /// How many detections it holds.
        holds: usize,
    },
    /// The consumer has not acknowledged so many changes; nothing more is delivered until it does.
    Unacknowledged {
        /// How many.
        changes: usize,
    },
    /// What was acknowledged cannot be written down. It is tried again; until then a restart repeats it.
    CheckpointFailed {
        /// Why.
        error: Error,
    },
    /// Another worker owns a source now: it is not read here any more, unless that worker lets go.
    Elsewhere {
        /// The source.
        source: Arc<str>,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SourceFailed { source, error, retry_in } => {
                write!(f, "{source}: {error}; asking again in {} s", retry_in.as_secs())
            }
            Self::SourceRecovered { source } => write!(f, "{source}: answers again"),
            Self::Incomplete { source, partial } if partial.is_empty() => {
                write!(f, "{source}: not read to its end; the rest is asked for again")
            }
            Self::Incomplete { source, partial } => {
                write!(f, "{source}: {}; what is missing is asked for again", partial.join("; "))
            }
            Self::SetAside { source, error } => write!(f, "{source}: set aside: {error}"),
            Self::NoProgress { source, polls } => {
                write!(f, "{source}: not read to its end for {polls} polls")
            }
            Self::MemoryFull { source, holds } => {
                write!(f, "{source}: more than {holds} detections changed of late; some will come again")
            }
            Self::Unacknowledged { changes } => {
                write!(f, "{changes} changes are not acknowledged; nothing more is delivered until they are")
            }
            Self::CheckpointFailed { error } => write!(f, "the checkpoint is not written: {error}"),
            Self::Elsewhere { source } => write!(f, "{source}: another worker owns it"),
        }
    }
}
