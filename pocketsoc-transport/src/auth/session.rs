//! A signed-in user: one refresh token that serves every service, kept in a store between runs.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use pocketsoc_model::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::application::proven;
use super::claims_challenge;
use super::entra::{Authority, TokenAnswer};
use super::exchange::{OPERATION, Refusal};
use super::form::Form;
use super::ids::{check_client_id, check_tenant};
use super::session_store::SessionStore;
use super::{AccessToken, Ask, Proof};
use crate::Secret;

/// A user's session with an application of a tenant: delegated permissions. Cheap to clone; all clones are one session.
///
/// It begins with a [`SignIn`](crate::SignIn) and lasts, by default, for 90 days without use. It is kept in a
/// [`SessionStore`]; without one that is there, or when it has been revoked, every call fails with
/// `InteractionRequired` until the user has signed in again.
///
/// ```
/// use pocketsoc_transport::{Cloud, Connection, MemoryStore, Session};
/// let session = Session::new("contoso.example", "client id", MemoryStore::default());
/// # let session = Session::new("contoso.example", "11111111-2222", MemoryStore::default());
/// let connection = Connection::builder(session.into(), Cloud::Public);
/// ```
#[derive(Clone)]
pub struct Session(Arc<Inner>);

struct Inner {
    tenant: String,
    client_id: String,
    proof: Option<Proof>,
    store: Arc<dyn SessionStore>,
    /// Locked while it is used: one lineage of refresh tokens.
    kept: tokio::sync::Mutex<Option<Kept>>,
    epoch: AtomicU64,
    /// What the next sign-in has to prove in addition.
    wanted: Mutex<Option<String>>,
}

/// What is kept of a session.
#[derive(Clone)]
struct Kept {
    refresh: Secret,
    /// Whose it is, by the id in the tenant.
    user: Option<String>,
}

/// A session as it is stored.
#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    version: u32,
    tenant: &'a str,
    client_id: &'a str,
    refresh_token: &'a str,
    #[serde(default, borrow)]
    user: Option<std::borrow::Cow<'a, str>>,
}

const VERSION: u32 = 1;

impl Session {
    /// A session of an application that has no secret: a desktop or mobile one.
    pub fn new(tenant: impl Into<String>, client_id: impl Into<String>, store: impl SessionStore) -> Self {
        Self::of(tenant.into(), client_id.into(), None, Arc::new(store))
    }

    /// A session of an application that proves itself as well: a web one.
    pub fn of_confidential_client(
        tenant: impl Into<String>,
        client_id: impl Into<String>,
        proof: Proof,
        store: impl SessionStore,
    ) -> Self {
        Self::of(tenant.into(), client_id.into(), Some(proof), Arc::new(store))
    }

    fn of(tenant: String, client_id: String, proof: Option<Proof>, store: Arc<dyn SessionStore>) -> Self {
        let (kept, epoch, wanted) = Default::default();
        Self(Arc::new(Inner { tenant, client_id, proof, store, kept, epoch, wanted }))
    }

    /// Ends the session on this machine: it is forgotten and removed from its store. Tokens that were handed out serve
    /// until they expire.
    ///
    /// # Errors
    /// What the store says.
    pub async fn sign_out(&self) -> Result<()> {
        let mut kept = self.0.kept.lock().await;
        *kept = None;
        self.0.epoch.fetch_add(1, Ordering::SeqCst);
        self.0.store.clear().await
    }

    pub(super) fn tenant(&self) -> &str {
        &self.0.tenant
    }

    pub(super) fn client_id(&self) -> &str {
        &self.0.client_id
    }

    /// Whether the application has a secret, or another proof.
    pub(super) fn has_proof(&self) -> bool {
        self.0.proof.is_some()
    }

    pub(super) fn validate(&self) -> Result<()> {
        check_tenant(&self.0.tenant)?;
        check_client_id(&self.0.client_id)?;
        self.0.proof.as_ref().map_or(Ok(()), Proof::check)
    }

    /// Changes with each sign-in.
    pub(super) fn epoch(&self) -> u64 {
        self.0.epoch.load(Ordering::SeqCst)
    }

    /// What the next sign-in has to prove in addition, as JSON.
    pub(super) fn wanted(&self) -> Option<String> {
        self.0.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn want(&self, claims: Option<String>) {
        *self.0.wanted.lock().unwrap_or_else(PoisonError::into_inner) = claims;
    }

    /// Everything that has been granted for a service, and what makes the session last.
    pub(super) fn scope(resource: &str) -> String {
        format!("{resource}/.default offline_access openid profile")
    }

    /// Asks for tokens with the application's proof, where it has one.
    pub(super) async fn ask(
        &self,
        authority: &Authority,
        form: Form,
        saw: impl Fn(DateTime<Utc>) + Send + Sync,
    ) -> std::result::Result<TokenAnswer, Refusal> {
        proven(authority, &self.0.tenant, &self.0.client_id, self.0.proof.as_ref(), form, saw).await
    }

    /// A token for a service, by the refresh token. `saw` is told when the application's proof ends.
    pub(super) async fn token(
        &self,
        authority: &Authority,
        ask: &Ask<'_>,
        saw: impl Fn(DateTime<Utc>) + Send + Sync,
    ) -> Result<AccessToken> {
        let mut kept = self.0.kept.lock().await;
        let known = match &*kept {
            Some(known) => known.clone(),
            None => kept.insert(self.load().await?).clone(),
        };
        let refusal = match self.refresh(authority, ask, &known, &saw).await {
            Ok(answer) => return Ok(self.advance(&mut kept, known, answer).await),
            Err(refusal) => refusal,
        };
        if refusal.error.kind() != ErrorKind::InteractionRequired {
            return Err(refusal.error);
        }
        // Another process may have signed in anew since this one has read the store.
        let latest = self.load().await.ok().filter(|latest| !latest.refresh.is_same(&known.refresh));
        let refusal = match latest {
            None => refusal,
            Some(latest) => {
                if latest.user != known.user {
                    // The tokens at hand are somebody else's.
                    self.0.epoch.fetch_add(1, Ordering::SeqCst);
                }
                *kept = Some(latest.clone());
                match self.refresh(authority, ask, &latest, &saw).await {
                    Ok(answer) => return Ok(self.advance(&mut kept, latest, answer).await),
                    Err(refusal) => refusal,
                }
            }
        };
        self.want(refusal.claims.or_else(|| ask.claims.map(str::to_owned)));
        Err(refusal.error)
    }

    async fn refresh(
        &self,
        authority: &Authority,
        ask: &Ask<'_>,
        kept: &Kept,
        saw: impl Fn(DateTime<Utc>) + Send + Sync,
    ) -> std::result::Result<TokenAnswer, Refusal> {
        let form = Form::new(&self.0.client_id)
            .with("grant_type", "refresh_token")
            .with_secret("refresh_token", &kept.refresh)
            .with("scope", &Self::scope(ask.resource))
            .with("claims", &claims_challenge::to_send(ask.claims));
        self.ask(authority, form, saw).await
    }

    /// Goes on with the refresh token that came along.
    async fn advance(&self, kept: &mut Option<Kept>, used: Kept, answer: TokenAnswer) -> AccessToken {
        let next = match answer.refresh {
            Some(refresh) if !refresh.is_same(&used.refresh) => {
                let next = Kept { refresh, ..used };
                // Where it cannot be saved, the one before still serves after a restart.
                self.keep(&next).await;
                next
            }
            _ => used,
        };
        *kept = Some(next);
        answer.access
    }

    /// Begins anew with what a sign-in gave.
    pub(super) async fn begin(&self, answer: &TokenAnswer, user: Option<String>) {
        let mut kept = self.0.kept.lock().await;
        *kept = answer.refresh.clone().map(|refresh| Kept { refresh, user });
        self.want(None);
        self.0.epoch.fetch_add(1, Ordering::SeqCst);
        if let Some(next) = &*kept {
            return self.keep(next).await;
        }
        tracing::warn!("the sign-in gave no refresh token: it will be asked for again within hours");
        // What is stored may be another user's.
        if let Err(error) = self.0.store.clear().await {
            tracing::warn!(%error, "the session before could not be removed");
        }
    }

    /// Saves what is kept; a store that fails does not end the session.
    async fn keep(&self, kept: &Kept) {
        let saved = match self.to_secret(kept) {
            Ok(session) => self.0.store.save(&session).await,
            Err(error) => Err(error),
        };
        if let Err(error) = saved {
            tracing::warn!(%error, "the session could not be saved: it lasts as long as this program");
        }
    }

    async fn load(&self) -> Result<Kept> {
        let stored = self.0.store.load().await?.ok_or_else(|| interaction("nobody is signed in"))?;
        self.read(&stored)
    }

    /// A session as one opaque secret, for a store.
    fn to_secret(&self, kept: &Kept) -> Result<Secret> {
        let stored = Stored {
            version: VERSION,
            tenant: &self.0.tenant,
            client_id: &self.0.client_id,
            refresh_token: kept.refresh.expose(),
            user: kept.user.as_deref().map(Into::into),
        };
        // Room for all of it, so that no copy is left behind by growing: an escape takes six bytes at most.
        let user = kept.user.as_ref().map_or(0, String::len);
        let texts = stored.tenant.len() + stored.client_id.len() + stored.refresh_token.len() + user;
        let mut text = Zeroizing::new(Vec::with_capacity(128 + 6 * texts));
        serde_json::to_writer(&mut *text, &stored)
            .map_err(|_| interaction("the session cannot be written"))?;
        std::str::from_utf8(&text).map(Secret::new).map_err(|_| interaction("the session cannot be written"))
    }

    fn read(&self, secret: &Secret) -> Result<Kept> {
        let stored: Stored<'_> = serde_json::from_str(secret.expose())
            .ok()
            .filter(|stored: &Stored<'_>| stored.version == VERSION && !stored.refresh_token.is_empty())
            .ok_or_else(|| interaction("the stored session cannot be read"))?;
        if stored.tenant != self.0.tenant || stored.client_id != self.0.client_id {
            return Err(interaction("the stored session is of another tenant or application"));
        }
        let user = stored.user.map(std::borrow::Cow::into_owned);
        Ok(Kept { refresh: Secret::new(stored.refresh_token), user })
    }
}

fn interaction(message: &str) -> Error {
    Error::new(ErrorKind::InteractionRequired, OPERATION).with_message(message).with_hint("sign in again")
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("tenant", &self.0.tenant).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;

    #[test]
    fn a_session_goes_through_its_secret_and_only_its_own_is_read() {
        let session = Session::new("contoso.example", "c-1", MemoryStore::default());
        let secret = session
            .to_secret(&Kept { refresh: Secret::new("r.e-f_r/e+s=h"), user: Some("ada".into()) })
            .unwrap();
        let read = session.read(&secret).unwrap();
        assert_eq!((read.refresh.expose(), read.user.as_deref()), ("r.e-f_r/e+s=h", Some("ada")));
        let other = Session::new("contoso.example", "c-2", MemoryStore::default());
        for (of, text) in [
            (&other, secret.expose()),
            (&session, ""),
            (&session, "{}"),
            (&session, r#"{"version":2,"tenant":"contoso.example","client_id":"c-1","refresh_token":"r"}"#),
            (&session, r#"{"version":1,"tenant":"contoso.example","client_id":"c-1","refresh_token":""}"#),
        ] {
            let error = of.read(&Secret::new(text)).map(drop).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InteractionRequired, "{text}");
        }
    }
}
