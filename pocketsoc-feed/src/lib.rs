#![doc = include_str!("../README.md")]

mod backfill;
mod checkpoint;
mod content;
mod echo;
mod event;
mod feed;
mod health;
mod keeper;
mod known;
mod ledger;
mod name;
mod older;
mod options;
mod orders;
mod plan;
mod poll;
mod push;
mod shared;
mod sightings;
mod source_state;
mod state;
mod through;
mod time;
mod writing;

pub use backfill::Backfill;
#[cfg(feature = "object-store")]
pub use checkpoint::ObjectCheckpoints;
pub use checkpoint::{CheckpointStore, Claim, FileCheckpoints, MemoryCheckpoints};
pub use event::{ChangeKind, Changed, FeedChange, FeedEvent, MatchedBy, Notice, Sequence, Sighting};
pub use feed::{Acknowledger, Feed};
pub use health::{Monitor, SourceHealth};
#[cfg(feature = "object-store")]
pub use object_store;
pub use options::FeedBuilder;
pub use plan::{Sightings, SourceOptions};
pub use push::PushHandle;
pub use through::FeedSource;
