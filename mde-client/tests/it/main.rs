//! Defender for Endpoint as a user of the client meets it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod containment;
mod decode;
mod endpoints;
mod hunting;
mod ids;
mod machines;
mod more;
mod requests;
mod source;
mod specimens;
mod stream;
mod virtual_tenant;
