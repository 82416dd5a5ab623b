//! Where sessions are kept between runs.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use pocketsoc_model::Result;

use crate::Secret;

/// Keeps one session. What it is given is a secret: whoever reads it can act as the user.
#[async_trait]
pub trait SessionStore: Send + Sync + 'static {
    /// The session, if there is one.
    ///
    /// # Errors
    /// When the store cannot be read; calls then fail with this error.
    async fn load(&self) -> Result<Option<Secret>>;

    /// Keeps a session in place of the one before.
    ///
    /// # Errors
    /// When the store cannot be written; the session then lasts as long as the program.
    async fn save(&self, session: &Secret) -> Result<()>;

    /// Forgets the session; nothing where there is none.
    ///
    /// # Errors
    /// When the store cannot be written.
    async fn clear(&self) -> Result<()>;
}

/// Keeps a session for as long as the program runs.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Option<Secret>>);

#[async_trait]
impl SessionStore for MemoryStore {
    async fn load(&self) -> Result<Option<Secret>> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn save(&self, session: &Secret) -> Result<()> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(session.clone());
        Ok(())
    }

    async fn clear(&self) -> Result<()> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }
}

/// A store that several sessions share.
#[async_trait]
impl<S: SessionStore + ?Sized> SessionStore for std::sync::Arc<S> {
    async fn load(&self) -> Result<Option<Secret>> {
        (**self).load().await
    }

    async fn save(&self, session: &Secret) -> Result<()> {
        (**self).save(session).await
    }

    async fn clear(&self) -> Result<()> {
        (**self).clear().await
    }
}
