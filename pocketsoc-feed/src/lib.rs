#![doc = include_str!("../README.md")]

mod backfill;
mod checkpoint;
mod echo;
mod event;
mod feed;
mod health;
mod known;
mod ledger;
mod name;
mod older;
mod options;
mod orders;
mod poll;
mod push;
mod sightings;
mod source_state;
mod state;
mod writing;

pub use backfill::Backfill;
#[cfg(feature = "object-store")]
pub use checkpoint::ObjectCheckpoints;
pub use checkpoint::{CheckpointStore, Claim, FileCheckpoints, MemoryCheckpoints};
pub use echo::FeedSource;
pub use event::{ChangeKind, Changed, FeedChange, FeedEvent, MatchedBy, Notice, Sequence, Sighting};
pub use feed::{Acknowledger, Feed};
pub use health::{Monitor, SourceHealth};
#[cfg(feature = "object-store")]
pub use object_store;
pub use options::{FeedBuilder, Sightings, SourceOptions};
pub use push::PushHandle;
