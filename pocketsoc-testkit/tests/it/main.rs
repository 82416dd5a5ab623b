//! The test kit, tested: the suite against the model's own source, and the tenant as a service.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod suite;
mod wire;
