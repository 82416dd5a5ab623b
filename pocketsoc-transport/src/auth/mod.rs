//! Signing in: credentials, the token request to Entra ID, and the cache in front of it.

mod aadsts;
mod cache;
mod claims;
mod credential;
mod entra;

pub(crate) use cache::TokenCache;
pub use claims::Grants;
pub use credential::Credential;
pub(crate) use entra::Authority;

use std::fmt;
use std::time::Duration;

use crate::Secret;

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
