//! Where secrets come from: read anew for each token request, so that a rotated one takes effect without a restart.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;

use async_trait::async_trait;
use pocketsoc_model::Result;

use crate::Secret;

/// Gives a secret whenever one is needed.
///
/// It is asked before each token request, and once more when the sign-in service refuses what it gave: during a
/// rotation both secrets work, and a running client changes over with no failed call. Implemented for a [`Secret`] that
/// never changes, for [`StoredSecret`], and for any closure, such as one that asks a phone's keychain or a vault:
///
/// ```
/// use pocketsoc_transport::{Credential, Secret};
/// let from_vault = || async { Ok(Secret::new("what the vault says now")) };
/// let credential = Credential::client_secret("contoso.example", "client id", from_vault);
/// ```
#[async_trait]
pub trait SecretSource: Send + Sync + 'static {
    /// The secret as it is now.
    ///
    /// # Errors
    /// When there is none to be had; the sign-in then fails with this error.
    async fn read(&self) -> Result<Secret>;

    /// The secret, where it is known without asking anybody and never changes.
    fn known(&self) -> Option<&Secret> {
        None
    }
}

#[async_trait]
impl SecretSource for Secret {
    async fn read(&self) -> Result<Self> {
        Ok(self.clone())
    }

    fn known(&self) -> Option<&Secret> {
        Some(self)
    }
}

/// A source whose kind is decided at run time.
#[async_trait]
impl SecretSource for Box<dyn SecretSource> {
    async fn read(&self) -> Result<Secret> {
        (**self).read().await
    }

    fn known(&self) -> Option<&Secret> {
        (**self).known()
    }
}

#[async_trait]
impl<F, A> SecretSource for F
where
    F: Fn() -> A + Send + Sync + 'static,
    A: Future<Output = Result<Secret>> + Send + 'static,
{
    async fn read(&self) -> Result<Secret> {
        self().await
    }
}

/// A secret in one of the usual places.
#[derive(Clone)]
pub struct StoredSecret(Place);

#[derive(Clone)]
enum Place {
    Variable(String),
    File(PathBuf),
    #[cfg(feature = "keyring")]
    Keyring(crate::keyring::Place),
}

impl StoredSecret {
    /// In an environment variable; a line break at the end is dropped.
    pub fn env(variable: impl Into<String>) -> Self {
        Self(Place::Variable(variable.into()))
    }

    /// In a file; a line break at the end is dropped.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Place::File(path.into()))
    }

    /// In the platform's secure storage, under a service and a user name.
    #[cfg(feature = "keyring")]
    pub fn keyring(service: impl Into<String>, user: impl Into<String>) -> Self {
        Self(Place::Keyring(crate::keyring::Place::new(service, user)))
    }
}

#[async_trait]
impl SecretSource for StoredSecret {
    async fn read(&self) -> Result<Secret> {
        match &self.0 {
            Place::Variable(name) => Secret::from_env(name),
            Place::File(path) => Secret::from_file(path),
            #[cfg(feature = "keyring")]
            Place::Keyring(entry) => entry.secret().await,
        }
    }
}

impl fmt::Debug for StoredSecret {
    /// The place, which is no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Variable(name) => write!(f, "StoredSecret(variable {name})"),
            Place::File(path) => write!(f, "StoredSecret(file {})", path.display()),
            #[cfg(feature = "keyring")]
            Place::Keyring(entry) => write!(f, "StoredSecret({entry:?})"),
        }
    }
}
