//! One token per resource for the whole connection: fetched once for all who wait, refreshed ahead, failures shared.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use pocketsoc_model::{Error, ErrorKind, Result};

use super::credential::{Credential, Kind};
use super::entra::{Authority, Refusal};
use super::{AccessToken, Grants};
use crate::Secret;
use crate::retry::{Decision, Jitter, RetryPolicy};

/// A token is not handed out with less life than this left (or half of a very short life): it has to survive the way.
const LEAST_LIFE: Duration = Duration::from_secs(30);
/// A refusal that only a person can mend is not asked about again for this long.
const PERMANENT_PAUSE: Duration = Duration::from_secs(60);
/// The first and the longest pause after a passing failure; they double in between.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

type Flight = Shared<BoxFuture<'static, Result<Secret>>>;

/// The tokens of a connection.
pub(crate) struct TokenCache {
    shared: Arc<Fetcher>,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

/// What a flight needs, apart from the slot that it fills.
struct Fetcher {
    credential: Credential,
    authority: Authority,
    policy: RetryPolicy,
    jitter: Jitter,
}

/// The token for one resource.
#[derive(Default)]
struct Slot(Mutex<State>);

#[derive(Default)]
struct State {
    current: Option<Cached>,
    flight: Option<Flight>,
    failure: Option<Failure>,
}

struct Cached {
    secret: Secret,
    refresh_at: Duration,
    usable_until: Duration,
}

struct Failure {
    error: Error,
    /// Nobody asks again before this moment.
    until: Duration,
    pause: Duration,
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TokenCache {
    pub(crate) fn new(
        credential: Credential,
        authority: Authority,
        policy: RetryPolicy,
        jitter: Jitter,
    ) -> Self {
        Self { shared: Arc::new(Fetcher { credential, authority, policy, jitter }), slots: Mutex::default() }
    }

    /// A token for a resource, from the cache, from a fetch under way, or fetched now.
    ///
    /// However many ask at once, one request is made, for success and for failure alike; a caller that goes away
    /// does not take it along.
    pub(crate) async fn get(&self, resource: &str) -> Result<Secret> {
        let flight = {
            let slot = self.slot(resource);
            let mut state = slot.lock();
            let now = self.shared.authority.clock.monotonic();
            let resting = state.failure.as_ref().filter(|f| now < f.until).map(|f| f.error.clone());
            if let Some(cached) = &state.current
                && now < cached.usable_until
            {
                let secret = cached.secret.clone();
                if now >= cached.refresh_at && state.flight.is_none() && resting.is_none() {
                    // Nobody waits for it: it was started, and the old token still serves.
                    drop(self.take_off(&slot, &mut state, resource));
                }
                return Ok(secret);
            }
            if let Some(error) = resting {
                return Err(error);
            }
            match &state.flight {
                Some(flight) => flight.clone(),
                None => self.take_off(&slot, &mut state, resource),
            }
        };
        flight.await
    }

    /// Forgets exactly this token, if it is still the current one: others may have replaced it already.
    pub(crate) fn discard(&self, resource: &str, token: &Secret) {
        let slot = self.slot(resource);
        let mut state = slot.lock();
        if state.current.as_ref().is_some_and(|c| c.secret.expose() == token.expose()) {
            state.current = None;
        }
    }

    /// Whether a new token can be had at all when the service refuses this one.
    pub(crate) fn can_renew(&self) -> bool {
        !matches!(self.shared.credential.0, Kind::Token(_))
    }

    fn slot(&self, resource: &str) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(resource.to_owned()).or_default())
    }

    /// Starts a fetch that fills the slot, whoever waits for it or goes away.
    fn take_off(&self, slot: &Arc<Slot>, state: &mut State, resource: &str) -> Flight {
        let (fetcher, slot, resource) = (Arc::clone(&self.shared), Arc::clone(slot), resource.to_owned());
        let flight = async move {
            let asked = fetcher.authority.clock.monotonic();
            let outcome = fetcher.fetch(&resource).await;
            let now = fetcher.authority.clock.monotonic();
            slot.land(outcome, asked, now)
        }
        .boxed()
        .shared();
        state.flight = Some(flight.clone());
        tokio::spawn(flight.clone());
        flight
    }
}

impl Slot {
    /// Keeps what a fetch brought.
    fn land(&self, outcome: Result<AccessToken>, asked: Duration, now: Duration) -> Result<Secret> {
        let mut state = self.lock();
        state.flight = None;
        match outcome {
            Ok(token) => {
                let life = token.life.unwrap_or(Duration::MAX);
                // 80 % of its life, unless the issuer says otherwise.
                let refresh = token.refresh_in.unwrap_or(life / 10 * 8);
                state.failure = None;
                state.current = Some(Cached {
                    secret: token.secret.clone(),
                    refresh_at: asked.saturating_add(refresh),
                    usable_until: asked.saturating_add(life.saturating_sub(LEAST_LIFE.min(life / 2))),
                });
                Ok(token.secret)
            }
            Err(error) => {
                let pause = if error.is_transient() {
                    let doubled =
                        state.failure.as_ref().map_or(FIRST_PAUSE, |f| (f.pause * 2).min(LONGEST_PAUSE));
                    doubled.max(error.retry_after().unwrap_or_default().min(PERMANENT_PAUSE))
                } else {
                    PERMANENT_PAUSE
                };
                state.failure = Some(Failure { error: error.clone(), until: now + pause, pause });
                Err(error)
            }
        }
    }
}

impl Fetcher {
    /// A token from the credential, asked for as often as the policy allows.
    async fn fetch(&self, resource: &str) -> Result<AccessToken> {
        match &self.credential.0 {
            Kind::Token(secret) => self.ready_token(secret),
            Kind::ClientSecret { tenant, client_id, secret } => {
                let scope = format!("{resource}/.default");
                let clock = &self.authority.clock;
                let deadline = clock.monotonic().saturating_add(self.authority.limits.operation);
                let mut attempt = 1;
                loop {
                    let Refusal { error, outcome } = match self
                        .authority
                        .within(deadline)
                        .client_secret(tenant, client_id, secret, &scope)
                        .await
                    {
                        Ok(token) => return Ok(token),
                        Err(refusal) => refusal,
                    };
                    let remaining = deadline.saturating_sub(clock.monotonic());
                    let limit = self.authority.limits.attempt;
                    // A token request creates nothing, so every failure that is not an answer may be repeated.
                    let decision = if outcome == crate::retry::Outcome::Final {
                        Decision::GiveUp
                    } else {
                        self.policy.decide(attempt, error.retry_after(), remaining, limit, &self.jitter)
                    };
                    match decision {
                        Decision::After(wait) => clock.sleep(wait).await,
                        Decision::GiveUp => return Err(error),
                    }
                    attempt += 1;
                }
            }
        }
    }

    fn ready_token(&self, secret: &Secret) -> Result<AccessToken> {
        let now = self.authority.clock.now();
        let life = match Grants::read(secret.expose()).and_then(|g| g.expires_at) {
            Some(at) => match (at - now).to_std() {
                Ok(left) if left > LEAST_LIFE => Some(left),
                _ => {
                    return Err(Error::new(ErrorKind::Unauthenticated, "sign in")
                        .with_message("the ready token has expired")
                        .with_hint("fetch a new token; one lives for about an hour"));
                }
            },
            None => None,
        };
        Ok(AccessToken { secret: secret.clone(), life, refresh_in: life })
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache").field("credential", &self.shared.credential).finish_non_exhaustive()
    }
}
