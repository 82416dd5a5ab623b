//! The platform's secure storage: Keychain, Credential Manager, Secret Service, or one that the application has set.

use std::fmt;

use async_trait::async_trait;
use keyring_core::Error as StorageError;
use pocketsoc_model::{Error, ErrorKind, Result};
use zeroize::Zeroizing;

use crate::Secret;
use crate::auth::SessionStore;

/// A place in the platform's secure storage.
///
/// On macOS, Windows and desktops with a Secret Service the platform's own storage is used. Elsewhere, such as on
/// phones, set one with `keyring_core::set_default_store` first.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Place {
    service: String,
    user: String,
}

impl Place {
    pub(crate) fn new(service: impl Into<String>, user: impl Into<String>) -> Self {
        Self { service: service.into(), user: user.into() }
    }

    /// The secret that is there.
    pub(crate) async fn secret(&self) -> Result<Secret> {
        self.load().await?.ok_or_else(|| {
            let Self { service, user } = self;
            Error::new(ErrorKind::InvalidRequest, "read a secret")
                .with_message(format!("the secure storage has nothing for `{user}` of `{service}`"))
                .with_hint(
                    "put the secret there under these names, or change the configuration to where it is",
                )
        })
    }

    async fn load(&self) -> Result<Option<Secret>> {
        // As bytes: some storages would double a text, and have little room.
        let bytes = self.with(|entry| match entry.get_secret() {
            Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
            Err(StorageError::NoEntry) => Ok(None),
            Err(error) => Err(error),
        });
        let Some(bytes) = bytes.await? else { return Ok(None) };
        std::str::from_utf8(&bytes)
            .map(|text| Some(Secret::new(text)))
            .map_err(|_| failed("the entry is no text").with_hint("put the secret there as text, in UTF-8"))
    }

    /// Works with the entry apart from the runtime's own threads: the storage may ask the user first.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(keyring_core::Entry) -> keyring_core::Result<T> + Send + 'static,
    ) -> Result<T> {
        let Self { service, user } = self.clone();
        let working = tokio::task::spawn_blocking(move || entry(&service, &user).and_then(work));
        // What the storage says may quote what it holds.
        working.await.map_err(|_| failed("it was broken off"))?.map_err(|error| match error {
            StorageError::TooLong(..) => failed(told(&error))
                .with_hint("this platform's storage has too little room for it: keep it elsewhere"),
            error => failed(told(&error)),
        })
    }
}

fn failed(what: &str) -> Error {
    Error::new(ErrorKind::Unavailable, "use the secure storage")
        .with_message(format!("the platform's secure storage: {what}"))
        .with_hint("unlock the storage, or keep the secret in a file or a variable instead")
}

/// The entry, in the storage that the application has set, else in the platform's.
fn entry(service: &str, user: &str) -> keyring_core::Result<keyring_core::Entry> {
    match keyring_core::Entry::new(service, user) {
        Err(StorageError::NoDefaultStore) => Ok(keyring::Entry::new(service, user)?.inner),
        entry => entry,
    }
}

/// What happened, without anything of the secret.
fn told(error: &StorageError) -> &'static str {
    match error {
        StorageError::NoDefaultStore => "there is none on this platform",
        StorageError::NoStorageAccess(_) => "it is locked, or access was denied",
        StorageError::Ambiguous(_) => "several entries have this name",
        StorageError::BadEncoding(_) => "the entry is no text",
        StorageError::TooLong(..) => "the entry or its name is too long for it",
        _ => "it failed",
    }
}

/// Keeps a session in the platform's secure storage.
#[derive(Debug, Clone)]
pub struct KeyringStore(Place);

impl KeyringStore {
    /// Under a service's name, such as the application's, and a user's, such as the profile's.
    pub fn new(service: impl Into<String>, user: impl Into<String>) -> Self {
        Self(Place::new(service, user))
    }
}

#[async_trait]
impl SessionStore for KeyringStore {
    async fn load(&self) -> Result<Option<Secret>> {
        self.0.load().await
    }

    async fn save(&self, session: &Secret) -> Result<()> {
        let session = session.clone();
        self.0.with(move |entry| entry.set_secret(session.expose().as_bytes())).await
    }

    async fn clear(&self) -> Result<()> {
        self.0
            .with(|entry| match entry.delete_credential() {
                Err(StorageError::NoEntry) => Ok(()),
                outcome => outcome,
            })
            .await
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "secure storage, `{}` of `{}`", self.user, self.service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_session_is_kept_in_the_storage_that_the_application_has_set() {
        keyring_core::set_default_store(keyring_core::mock::Store::new().unwrap());
        let store = KeyringStore::new("pocketsoc", "Endpoint");
        assert!(store.load().await.unwrap().is_none());
        let missing = Place::new("pocketsoc", "Endpoint").secret().await.unwrap_err();
        assert!(missing.to_string().contains("`Endpoint` of `pocketsoc`"), "{missing}");
        let session = "s".repeat(2000);
        store.save(&Secret::new(session.as_str())).await.unwrap();
        assert_eq!(store.load().await.unwrap().unwrap().expose(), session);
        store.clear().await.unwrap();
        store.clear().await.unwrap();
        assert!(store.load().await.unwrap().is_none());
    }
}
