#![doc = include_str!("../README.md")]

mod attempts;
mod auth;
mod body;
mod call;
mod clock;
mod cloud;
mod connection;
mod endpoint;
mod http_send;
pub mod lenient;
mod link;
pub mod odata;
mod page;
pub mod quota;
mod retry;
mod secret;
mod service_error;

pub use auth::{Credential, Grants};
pub use call::{Call, Method, Replay};
pub use clock::SystemClock;
pub use cloud::{Cloud, Service, Site};
pub use connection::{Connection, ConnectionBuilder, SizeLimits, TimeLimits};
pub use endpoint::Endpoint;
pub use http_send::{BodyStream, HttpSend, SendError, SendFuture};
pub use link::check_address;
pub use page::{Decode, Elements, KeepRaw, PagePlan, Walk, elements};
pub use pocketsoc_model::{Clock, Error, ErrorKind, Result};
pub use retry::{Jitter, RetryPolicy};
pub use secret::Secret;
