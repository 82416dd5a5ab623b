//! What a feed promises, tried in virtual time.

mod backfill;
mod behaviour;
mod fleet;
#[cfg(feature = "object-store")]
mod leases;
mod simulation;
mod world;
