//! `soc` as its users run it, the short examples, and the workspace's own rules.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod architecture;
mod backfill;
mod check;
mod documents;
mod fake;
mod feed;
mod hunting;
mod machines;
mod ocsf;
mod profiles;
mod push;
mod sign_in;
mod soc;
mod sources;
mod trouble;
mod twins;
mod watch;
