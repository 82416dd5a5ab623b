//! Tokens for an application: with its own permissions, or on behalf of a user who called it.

use chrono::{DateTime, TimeDelta, Utc};
use pocketsoc_model::Result;

use super::claims_challenge;
use super::entra::{Authority, TokenAnswer};
use super::exchange::Refusal;
use super::form::Form;
use super::proof::{Proof, Proven};
use super::{AccessToken, Ask, expiry};
use crate::Secret;

/// A clock that is off by less than this is not the reason for a refusal.
const TOLERABLE_SKEW: TimeDelta = TimeDelta::seconds(60);

/// An application in a tenant, with its proof.
#[derive(Clone)]
pub(crate) struct Application {
    pub(crate) tenant: String,
    pub(crate) client_id: String,
    pub(crate) proof: Proof,
    /// The token of the user on whose behalf it asks.
    pub(crate) user: Option<Secret>,
}

impl Application {
    /// A token for it. `saw` is told when its proof ends.
    pub(crate) async fn token(
        &self,
        authority: &Authority,
        ask: &Ask<'_>,
        saw: impl Fn(DateTime<Utc>) + Send + Sync,
    ) -> Result<AccessToken> {
        let claims = claims_challenge::to_send(ask.claims);
        let form = Form::new(&self.client_id).with("scope", &ask.scope()).with("claims", &claims);
        let form = match &self.user {
            None => form.with("grant_type", "client_credentials"),
            Some(user) => form
                .with("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
                .with("requested_token_use", "on_behalf_of")
                .with_secret("assertion", user),
        };
        let answer = proven(authority, &self.tenant, &self.client_id, Some(&self.proof), form, saw).await;
        answer.map(|answer| answer.access).map_err(|refusal| refusal.error)
    }
}

/// Asks for a token with a proof. When that is refused, its source is asked once more: it may have been rotated, or this
/// machine's clock may be wrong.
pub(crate) async fn proven(
    authority: &Authority,
    tenant: &str,
    client_id: &str,
    proof: Option<&Proof>,
    form: Form,
    saw: impl Fn(DateTime<Utc>) + Send + Sync,
) -> std::result::Result<TokenAnswer, Refusal> {
    let Some(proof) = proof else { return authority.token(tenant, &form).await };
    let (address, now) = (authority.address(tenant, "token"), authority.exchange.clock.now());
    let first = proof.read(client_id, &address, now).await.map_err(Refusal::finally)?;
    let refusal = match authority.token(tenant, &first.put(form.copy())).await {
        Err(refusal) if matches!(refusal.word.as_str(), "invalid_client" | "unauthorized_client") => refusal,
        outcome => {
            tell_end(proof, &first, now, saw);
            return outcome;
        }
    };
    let skew = refusal.server_time.map(|theirs| theirs - now).filter(|skew| skew.abs() > TOLERABLE_SKEW);
    let second =
        proof.read(client_id, &address, now + skew.unwrap_or_default()).await.map_err(Refusal::finally)?;
    tell_end(proof, &second, now, saw);
    if second.is_same(&first) && !(second.is_timed && skew.is_some()) {
        return Err(refusal);
    }
    tracing::debug!("the {} was refused, trying it as it is now", proof.name());
    authority.token(tenant, &second.put(form)).await
}

/// Passes on the end that a proof itself knows of, and tells of it in advance.
fn tell_end(proof: &Proof, proven: &Proven, now: DateTime<Utc>, saw: impl Fn(DateTime<Utc>)) {
    if let Some(at) = proven.expires_at {
        expiry::warn(proof.name(), at, now);
        saw(at);
    }
}
