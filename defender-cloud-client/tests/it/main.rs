//! Defender for Cloud as a user of the client meets it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bulk;
mod expressions;
mod families;
mod operations;
mod push;
mod requests;
mod setup;
mod source;
mod specimens;
mod virtual_tenant;
