//! Signing in: what a connection signs in with, the requests to Microsoft Entra ID, and the cache in front of them.

mod aadsts;
mod application;
#[cfg(feature = "azure")]
mod azure;
mod azure_cli;
mod cache;
#[cfg(feature = "certificate")]
mod certificate;
mod claims;
mod claims_challenge;
mod credential;
mod entra;
mod exchange;
mod expiry;
mod form;
mod ids;
mod managed_identity;
mod proof;
mod session;
mod session_store;
mod sign_in;

pub(crate) use cache::{Token, TokenCache};
#[cfg(feature = "certificate")]
pub use certificate::{Certificate, CertificateFile, CertificateSource};
pub use claims::Grants;
pub(crate) use claims_challenge::asked_for;
pub use credential::Credential;
pub(crate) use entra::Authority;
pub(crate) use exchange::{Exchange, OPERATION, REACH};
pub use managed_identity::ManagedIdentity;
pub use proof::Proof;
pub use session::Session;
pub use session_store::{MemoryStore, SessionStore};
pub use sign_in::{Account, DeviceCode, PendingSignIn, Prompt, SignIn};

use std::fmt;
use std::time::Duration;

use crate::Secret;

/// What a token is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    /// The service, by the identifier that tokens name it with.
    pub(crate) resource: &'a str,
    /// What the service wants to be proved in addition, as JSON.
    pub(crate) claims: Option<&'a str>,
}

impl Ask<'_> {
    /// The scope that stands for everything that has been granted.
    pub(crate) fn scope(&self) -> String {
        format!("{}/.default", self.resource)
    }
}

/// A token is not handed out with less life than this left (or half of a very short life): it has to survive the way.
const LEAST_LIFE: Duration = Duration::from_secs(30);

/// A token as it came, with the life it was given.
#[derive(Clone)]
pub(crate) struct AccessToken {
    pub(crate) secret: Secret,
    /// How long it lives, from when it was asked for; `None` when nobody said.
    pub(crate) life: Option<Duration>,
    /// When the issuer suggests fetching the next one.
    pub(crate) refresh_in: Option<Duration>,
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").field("life", &self.life).finish_non_exhaustive()
    }
}
