//! One token per resource for the whole connection: fetched once for all who wait, refreshed ahead, failures shared.

use std::collections::HashMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use futures_util::future::{self, BoxFuture, Either, Shared};
use http::HeaderValue;
use pocketsoc_model::{Error, ErrorKind, Result};
use zeroize::Zeroizing;

use super::credential::Credential;
use super::entra::Authority;
use super::exchange::{Exchange, OPERATION};
use super::{AccessToken, Ask, LEAST_LIFE};
use crate::Secret;

/// A refusal that only a person can mend is not asked about again for this long.
const PERMANENT_PAUSE: Duration = Duration::from_secs(60);
/// The first and the longest pause after a passing failure; they double in between.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause that the sign-in service is granted.
const LONGEST_HINT: Duration = Duration::from_secs(3600);
/// A secret's source, a store or a device that says nothing is given up after so many times the limit for a call.
const PATIENCE: u32 = 3;
/// So often a token that a service has taken before is replaced within a pause.
const RENEWALS: u32 = 3;
/// A token that took the place of a refused one, and was refused as well, is not replaced for this long: a service that
/// refuses them all would have the sign-in asked with every call.
const RENEWAL_PAUSE: Duration = Duration::from_secs(60);

const SCHEME: &str = "Bearer ";

type Flight = Shared<BoxFuture<'static, Result<Token>>>;

/// A token that is handed out; cloning it copies nothing.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) secret: Secret,
    /// The value of the `authorization` header; wiped with its last clone.
    pub(crate) header: HeaderValue,
    /// Whether a service has taken it.
    accepted: Arc<AtomicBool>,
}

impl Token {
    fn new(secret: Secret) -> Result<Self> {
        let mut text = Zeroizing::new(Vec::with_capacity(SCHEME.len() + secret.expose().len()));
        text.extend_from_slice(SCHEME.as_bytes());
        text.extend_from_slice(secret.expose().as_bytes());
        let mut header = HeaderValue::from_maybe_shared(Bytes::from_owner(text)).map_err(|_| {
            Error::new(ErrorKind::Unauthenticated, "sign in").with_message("the token cannot be sent")
        })?;
        header.set_sensitive(true);
        Ok(Self { secret, header, accepted: Arc::default() })
    }

    /// Notes that a service has taken it.
    pub(crate) fn was_accepted(&self) {
        self.accepted.store(true, Ordering::Relaxed);
    }
}

/// The tokens of a connection.
pub(crate) struct TokenCache {
    fetcher: Arc<Fetcher>,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

/// What a flight needs, apart from the slot that it fills.
struct Fetcher {
    credential: Credential,
    authority: Authority,
}

/// The token for one resource.
#[derive(Default)]
struct Slot(Mutex<State>);

#[derive(Default)]
struct State {
    /// Which sign-in of the credential this is about.
    epoch: u64,
    /// Counts what makes flights under way worthless.
    turn: u64,
    current: Option<Cached>,
    flight: Option<Flight>,
    failure: Option<Failure>,
    /// What the service wants to be proved in addition.
    claims: Option<String>,
    renewal: Option<Renewal>,
}

struct Cached {
    token: Token,
    refresh_at: Duration,
    usable_until: Duration,
    /// The same by the wall clock, which goes on while a machine sleeps.
    ends_at: Option<DateTime<Utc>>,
}

struct Failure {
    error: Error,
    /// Nobody asks again before this moment.
    until: Duration,
    pause: Duration,
}

/// Which refused token was last given up, when, and what was asked for then.
struct Renewal {
    at: Duration,
    count: u32,
    given_up: Secret,
    claims: Option<String>,
}

impl Slot {
    /// What is known, if it is about this sign-in.
    fn lock(&self, epoch: u64) -> MutexGuard<'_, State> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A caller that looked before another user signed in must not undo that.
        if epoch > state.epoch {
            *state = State { epoch, turn: state.turn + 1, ..State::default() };
        }
        state
    }
}

impl Cached {
    fn new(token: &AccessToken, asked: Duration, now: DateTime<Utc>) -> Result<Self> {
        let life = token.life.unwrap_or(Duration::MAX);
        // 80 % of its life, unless the issuer says otherwise.
        let refresh = token.refresh_in.unwrap_or(life / 10 * 8);
        Ok(Self {
            token: Token::new(token.secret.clone())?,
            refresh_at: asked.saturating_add(refresh),
            usable_until: asked.saturating_add(life.saturating_sub(LEAST_LIFE.min(life / 2))),
            ends_at: chrono::TimeDelta::from_std(life).ok().and_then(|life| now.checked_add_signed(life)),
        })
    }

    fn is_usable(&self, monotonic: Duration, now: DateTime<Utc>) -> bool {
        monotonic < self.usable_until && self.ends_at.is_none_or(|end| now < end)
    }
}

impl TokenCache {
    pub(crate) fn new(credential: Credential, authority: Authority) -> Self {
        Self { fetcher: Arc::new(Fetcher { credential, authority }), slots: Mutex::default() }
    }

    /// What the tokens are got with.
    pub(crate) fn credential(&self) -> &Credential {
        &self.fetcher.credential
    }

    /// Where they are asked for.
    pub(crate) fn authority(&self) -> &Authority {
        &self.fetcher.authority
    }

    /// Keeps a token that a sign-in brought.
    pub(crate) fn put(&self, resource: &str, token: &AccessToken) {
        let (slot, clock) = (self.slot(resource), &self.fetcher.authority.exchange.clock);
        let mut state = slot.lock(self.fetcher.credential.epoch());
        // One that cannot be sent is asked for again when it is needed, and refused then.
        state.current = Cached::new(token, clock.monotonic(), clock.now()).ok();
    }

    /// A token for a resource, from the cache, from a fetch under way, or fetched now.
    ///
    /// However many ask at once, one request is made, for success and for failure alike; a caller that goes away
    /// does not take it along.
    pub(crate) async fn get(&self, resource: &str) -> Result<Token> {
        let flight = {
            let slot = self.slot(resource);
            let mut state = slot.lock(self.fetcher.credential.epoch());
            let clock = &self.fetcher.authority.exchange.clock;
            let now = clock.monotonic();
            let rests = state.failure.as_ref().is_some_and(|failure| now < failure.until);
            if let Some(cached) = state.current.as_ref().filter(|cached| cached.is_usable(now, clock.now())) {
                let token = cached.token.clone();
                if now >= cached.refresh_at && state.flight.is_none() && !rests {
                    // Nobody waits for it: it was started, and the old token still serves.
                    drop(self.take_off(&slot, &mut state, resource));
                }
                return Ok(token);
            }
            match (&state.failure, &state.flight) {
                (Some(failure), _) if rests => return Err(failure.error.clone()),
                (_, Some(flight)) => flight.clone(),
                _ => self.take_off(&slot, &mut state, resource),
            }
        };
        flight.await
    }

    /// Gives up exactly this token, which the service refused, if it is still the current one: others may have
    /// replaced it already. Says whether another may be asked for.
    pub(crate) fn refused(&self, resource: &str, token: &Secret, claims: Option<String>) -> bool {
        let slot = self.slot(resource);
        let mut state = slot.lock(self.fetcher.credential.epoch());
        let now = self.fetcher.authority.exchange.clock.monotonic();
        let replaced = match (&state.current, &state.renewal) {
            (Some(current), _) => !current.token.secret.is_same(token),
            (None, Some(last)) => last.given_up.is_same(token),
            (None, None) => false,
        };
        if replaced {
            return true;
        }
        let was_of_use = state.current.as_ref().is_some_and(|now| now.token.accepted.load(Ordering::Relaxed));
        let recent = state.renewal.as_ref().filter(|last| {
            now.saturating_sub(last.at) < RENEWAL_PAUSE && (claims.is_none() || claims == last.claims)
        });
        let (at, count) = recent.map_or((now, 0), |last| (last.at, last.count));
        if count >= if was_of_use { RENEWALS } else { 1 } {
            return false;
        }
        if claims.is_some() {
            // A flight that knows nothing of the claims brings a token that is refused as well.
            state.turn += 1;
            state.flight = None;
        }
        state.current = None;
        state.renewal =
            Some(Renewal { at, count: count + 1, given_up: token.clone(), claims: claims.clone() });
        state.claims = claims;
        true
    }

    fn slot(&self, resource: &str) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        match slots.get(resource) {
            Some(slot) => Arc::clone(slot),
            None => Arc::clone(slots.entry(resource.to_owned()).or_default()),
        }
    }

    /// Starts a fetch that fills the slot, whoever waits for it or goes away.
    fn take_off(&self, slot: &Arc<Slot>, state: &mut State, resource: &str) -> Flight {
        let (fetcher, slot, resource) = (Arc::clone(&self.fetcher), Arc::clone(slot), resource.to_owned());
        let (claims, turn) = (state.claims.clone(), state.turn);
        let flight = async move {
            let clock = &fetcher.authority.exchange.clock;
            let asked = clock.monotonic();
            let ask = Ask { resource: &resource, claims: claims.as_deref() };
            let outcome = fetcher.fetch(&ask).await;
            let fresh = outcome.and_then(|token| Cached::new(&token, asked, clock.now()));
            slot.land(turn, fresh, clock.monotonic())
        }
        .boxed()
        .shared();
        state.flight = Some(flight.clone());
        tokio::spawn(flight.clone());
        flight
    }
}

impl Fetcher {
    /// Fetches a token. A callback of the application that never answers, or panics, is a failure like any other.
    async fn fetch(&self, ask: &Ask<'_>) -> Result<AccessToken> {
        let Exchange { clock, limits, .. } = &self.authority.exchange;
        let fetching = AssertUnwindSafe(self.credential.fetch(&self.authority, ask)).catch_unwind();
        let failed = |kind, message: &str| {
            Err(Error::new(kind, OPERATION).with_message(message).with_hint(
                "look at where the secret or the session comes from: a callback, a store, or a prompt nobody answers",
            ))
        };
        match future::select(Box::pin(fetching), clock.sleep(limits.operation.saturating_mul(PATIENCE))).await
        {
            Either::Left((Ok(outcome), _)) => outcome,
            Either::Left((Err(_), _)) => {
                failed(ErrorKind::Unexpected, "a callback of the application panicked")
            }
            Either::Right(_) => failed(ErrorKind::Timeout, "nothing came of it for too long"),
        }
    }
}

impl Slot {
    /// Keeps what a fetch brought, unless nobody wants it any more.
    fn land(&self, turn: u64, outcome: Result<Cached>, now: Duration) -> Result<Token> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.turn != turn {
            return outcome.map(|cached| cached.token);
        }
        state.flight = None;
        match outcome {
            Ok(cached) => {
                let token = cached.token.clone();
                state.failure = None;
                state.claims = None;
                state.current = Some(cached);
                Ok(token)
            }
            Err(error) => {
                // What was asked for in addition cannot be had: what needs less can go on without it.
                if !error.is_transient() {
                    state.claims = None;
                }
                let pause = if error.is_transient() {
                    let doubled =
                        state.failure.as_ref().map_or(FIRST_PAUSE, |f| (f.pause * 2).min(LONGEST_PAUSE));
                    doubled.max(error.retry_after().unwrap_or_default().min(LONGEST_HINT))
                } else {
                    PERMANENT_PAUSE
                };
                state.failure = Some(Failure { error: error.clone(), until: now + pause, pause });
                Err(error)
            }
        }
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache").field("credential", &self.fetcher.credential).finish_non_exhaustive()
    }
}
