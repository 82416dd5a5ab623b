//! What a client may rely on, against exchanges in memory (in virtual time) and raw sockets (for what only they do).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unchecked_time_subtraction)]

mod applications;
mod auth;
#[cfg(feature = "azure")]
mod azure;
mod canary;
#[cfg(feature = "certificate")]
mod certificates;
mod harness;
mod hazards;
mod hints;
mod paging;
mod quotas;
mod retry;
mod users;
