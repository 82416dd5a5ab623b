//! What a user of the vocabulary relies on: JSON both ways, the trait behind pointers, the in-memory source.
#![allow(clippy::unwrap_used)]

mod json;
mod memory;
