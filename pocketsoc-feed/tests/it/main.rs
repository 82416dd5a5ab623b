//! What a feed promises, tried in virtual time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod backfill;
mod behaviour;
mod choices;
mod fleet;
#[cfg(feature = "object-store")]
mod leases;
mod recovery;
mod simulation;
mod world;
