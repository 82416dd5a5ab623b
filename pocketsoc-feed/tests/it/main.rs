//! What a feed promises, tried in virtual time.

mod backfill;
mod behaviour;
mod fleet;
mod simulation;
mod world;
