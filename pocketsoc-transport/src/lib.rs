#![doc = include_str!("../README.md")]

mod attempts;
mod auth;
mod batch;
mod body;
mod call;
mod clock;
mod cloud;
mod connection;
mod endpoint;
mod http_send;
mod hunt;
#[cfg(feature = "keyring")]
mod keyring;
pub mod lenient;
mod link;
pub mod odata;
mod operation;
mod page;
pub mod quota;
mod retry;
mod route;
mod secret;
mod secret_source;
mod service_error;

pub use auth::{
    Account, Credential, DeviceCode, Grants, ManagedIdentity, MemoryStore, PendingSignIn, Prompt, Proof,
    Session, SessionStore, SignIn,
};
#[cfg(feature = "certificate")]
pub use auth::{Certificate, CertificateFile, CertificateSource};
pub use call::{Call, Method, Replay};
pub use clock::SystemClock;
pub use cloud::{Cloud, Service, Site};
pub use connection::{Connection, ConnectionBuilder, SizeLimits, TimeLimits};
pub use endpoint::Endpoint;
pub use http_send::{BodyStream, HttpSend, SendError, SendFuture};
#[cfg(feature = "keyring")]
pub use keyring::KeyringStore;
pub use link::check_address;
pub use operation::{LongOperation, Progress};
pub use page::{Decode, Elements, KeepRaw, PagePlan, Walk, elements};
pub use pocketsoc_model::{Clock, Error, ErrorKind, Result};
pub use quota::Quotas;
pub use retry::{Jitter, RetryPolicy};
pub use route::Route;
pub use secret::Secret;
pub use secret_source::{SecretSource, StoredSecret};
