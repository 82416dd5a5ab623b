//! Graph security as a user of the client meets it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod decode;
mod endpoints;
mod evidence;
mod healing;
mod hunting;
mod many;
mod requests;
mod source;
mod specimens;
mod virtual_tenant;
