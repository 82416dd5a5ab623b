//! The attempts of a call: quota, retry, token, one exchange, in this order from the outside in.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{self, Either};
use futures_util::stream;
use http::{HeaderMap, Request, header};
use pocketsoc_model::{Clock, Error, ErrorKind, Result};
use tracing::Instrument as _;
use url::Url;

use crate::auth::{self, Token};
use crate::body::Body;
use crate::call::{Call, Method};
use crate::endpoint::Endpoint;
use crate::http_send::{BodyStream, SendError};
use crate::quota::{self, Permit, Rule};
use crate::retry::{Decision, Outcome, server_hint};
use crate::{Secret, service_error};

/// Largest error body that is read.
const LARGEST_ERROR: u64 = 64 * 1024;

/// A successful answer.
pub(crate) struct Opened {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// When its first byte must be there, repetitions included.
    pub(crate) deadline: Duration,
    /// What has not been read yet.
    pub(crate) body: Body,
    /// The whole body, where it was read as part of the attempt.
    pub(crate) whole: Vec<u8>,
}

impl Opened {
    /// A success that says nothing.
    fn empty(call: &Call, deadline: Duration, clock: &Arc<dyn Clock>) -> Self {
        let nothing: BodyStream = Box::pin(stream::empty());
        let body = Body::new(nothing, Arc::clone(clock), call.operation, Duration::ZERO, 0);
        Self { status: 204, headers: HeaderMap::new(), deadline, body, whole: Vec::new() }
    }
}

/// How much of an answer belongs to the attempt, its time limit and its repetition.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The head; the body is read by a walk.
    Head,
    /// All of it.
    Whole,
}

/// A failed attempt, with what decides on repeating it.
struct Failed {
    error: Error,
    outcome: Outcome,
    hint: Option<Duration>,
    /// What the service wants a token to prove in addition.
    claims: Option<String>,
}

impl Endpoint {
    /// Attempts until one succeeds or no further one is allowed.
    ///
    /// `until` is the deadline of an earlier reading that this one goes on with.
    pub(crate) async fn attempts(
        &self,
        call: &Call,
        url: &Url,
        reading: Reading,
        until: Option<Duration>,
    ) -> Result<Opened> {
        let shared = &self.connection.0;
        let span = tracing::debug_span!(
            "call",
            service = %self.service,
            operation = call.operation,
            method = call.method.as_str(),
            route = call.template
        );
        async {
            let (times, clock) = (shared.times.of(call), &shared.clock);
            let (mut attempt, mut ambiguous, mut refused) = (1_u32, 0_u32, None);
            let mut deadline = until;
            let mut last: Option<Failed> = None;
            loop {
                let permit = match self.slot(call, deadline).await {
                    Ok(permit) => permit,
                    // What went wrong before says more than that there is no time left for another attempt.
                    Err(error) => {
                        let failed = last.unwrap_or_else(|| Failed::finally(error));
                        return Err(Self::give_up(call, failed, attempt, ambiguous));
                    }
                };
                // A wait for our own pacing is not the service's time: the deadline begins with the first slot.
                let deadline =
                    *deadline.get_or_insert_with(|| clock.monotonic().saturating_add(times.operation));
                if last.is_none() {
                    shared.budget.deposit();
                }
                let token = match self.token_in_time(call, deadline).await {
                    Ok(token) => token,
                    Err(error) => return Err(settled(call, error, ambiguous)),
                };
                if refused.as_ref().is_some_and(|refused: &Secret| refused.is_same(&token.secret)) {
                    // There is no other: what the service said of it stands.
                    let failed = last.unwrap_or_else(|| Failed::too_late(call));
                    return Err(Self::give_up(call, failed, attempt, ambiguous));
                }
                let remaining = deadline.saturating_sub(clock.monotonic());
                if remaining < times.attempt / 10 {
                    // What is sent now could only be abandoned.
                    let failed = last.unwrap_or_else(|| Failed::too_late(call));
                    return Err(Self::give_up(call, failed, attempt, ambiguous));
                }
                let limit = times.attempt.min(remaining);
                let failed = match self.attempt(call, url, &token, permit, limit, reading).await {
                    Ok(done) => {
                        token.was_accepted();
                        return Ok(Opened { body: done.body.with_first_by(deadline), deadline, ..done });
                    }
                    Err(failed) => failed,
                };
                if failed.error.status() == Some(401)
                    && refused.is_none()
                    && shared.tokens.refused(&self.resource, &token.secret, failed.claims.clone())
                {
                    // Revoked, expired on the way, or not proof enough: replaced once, at no cost to the budget.
                    tracing::debug!(
                        claims = failed.claims.is_some(),
                        "the token was refused, asking for a new one"
                    );
                    refused = Some(token.secret);
                    last = Some(failed);
                    continue;
                }
                let gone = failed.error.status() == Some(404) && failed.error.code().is_some();
                if call.method == Method::Delete && ambiguous > 0 && gone {
                    // An earlier attempt deleted it, though its answer was lost; a 404 without a code may be a front end's.
                    return Ok(Opened::empty(call, deadline, clock));
                }
                let may = failed.outcome.may_repeat(call.replay, ambiguous);
                ambiguous += u32::from(failed.outcome == Outcome::Ambiguous);
                if failed.outcome == Outcome::TurnedAway
                    && let (Some(hint), Some(limiter)) = (failed.hint, self.connection.limiter(call.quota))
                {
                    limiter.pause(hint.min(shared.policy.hint_cap));
                }
                let remaining = deadline.saturating_sub(clock.monotonic());
                let decision = if may {
                    shared.policy.decide(attempt, failed.hint, remaining, times.attempt, &shared.jitter)
                } else {
                    Decision::GiveUp
                };
                match decision {
                    Decision::After(wait) if shared.budget.withdraw() => {
                        tracing::debug!(attempt, ?wait, error = %failed.error, "asking again");
                        clock.sleep(wait).await;
                        last = Some(failed);
                    }
                    _ => return Err(Self::give_up(call, failed, attempt, ambiguous)),
                }
                attempt += 1;
            }
        }
        .instrument(span)
        .await
    }

    /// A slot of the quota, if it comes in time; before the deadline has begun, however long that takes.
    async fn slot(&self, call: &Call, deadline: Option<Duration>) -> Result<Option<Permit>> {
        let shared = &self.connection.0;
        let Some(limiter) = self.connection.limiter(call.quota) else { return Ok(None) };
        let remaining = deadline.map(|end| end.saturating_sub(shared.clock.monotonic()));
        let patience = remaining.unwrap_or(shared.times.of(call).operation);
        let lane = (call.lane, self.flow_of(call));
        let slot = Box::pin(limiter.acquire_all(call.weight, lane, call.operation, patience));
        let Some(remaining) = remaining else { return slot.await.map(Some) };
        match future::select(slot, shared.clock.sleep(remaining)).await {
            Either::Left((permit, _)) => permit.map(Some),
            Either::Right(_) => Err(Failed::too_late(call).error),
        }
    }

    /// The token, if it comes in time. One that comes later serves the next call.
    async fn token_in_time(&self, call: &Call, deadline: Duration) -> Result<Token> {
        let shared = &self.connection.0;
        let remaining = deadline.saturating_sub(shared.clock.monotonic());
        match future::select(Box::pin(shared.tokens.get(&self.resource)), shared.clock.sleep(remaining)).await
        {
            Either::Left((token, _)) => token,
            Either::Right(_) => Err(Error::new(ErrorKind::Timeout, auth::OPERATION)
                .with_message(format!(
                    "{}: it took longer than the {remaining:.1?} left for it",
                    call.operation
                ))
                .with_hint(auth::REACH)),
        }
    }

    /// One attempt, from the token to the answer.
    async fn attempt(
        &self,
        call: &Call,
        url: &Url,
        token: &Token,
        mut permit: Option<Permit>,
        limit: Duration,
        reading: Reading,
    ) -> std::result::Result<Opened, Failed> {
        let shared = &self.connection.0;
        let request = request(call, url, token).map_err(Failed::finally)?;
        let sent = shared.clock.monotonic();
        if let Some(permit) = &mut permit {
            permit.sent();
        }
        let answer = match future::select(shared.http.send(request), shared.clock.sleep(limit)).await {
            Either::Left((Ok(answer), _)) => answer,
            Either::Left((Err(error), _)) => return Err(Failed::unsent(call, &error, permit)),
            Either::Right(_) => return Err(Failed::timed_out(call, limit)),
        };
        drop(permit);
        let (head, body) = answer.into_parts();
        let status = head.status.as_u16();
        self.learn_remaining(call, &head.headers);
        tracing::debug!(status, request_id = service_error::request_id(&head.headers), "answered");
        if (200..300).contains(&status) {
            let mut opened = self
                .opened(call, status, head.headers, body)
                .map_err(|error| Failed::while_reading(call, error))?;
            if reading == Reading::Whole {
                let left = limit.saturating_sub(shared.clock.monotonic().saturating_sub(sent));
                opened.whole =
                    match future::select(Box::pin(opened.body.read()), shared.clock.sleep(left)).await {
                        Either::Left((Ok(whole), _)) => whole,
                        Either::Left((Err(error), _)) => return Err(Failed::while_reading(call, error)),
                        Either::Right(_) => return Err(Failed::timed_out(call, limit)),
                    };
            }
            return Ok(opened);
        }
        let hint = server_hint(&head.headers, shared.clock.now());
        let cap = LARGEST_ERROR;
        let mut body = Body::new(body, Arc::clone(&shared.clock), call.operation, shared.times.stall, cap);
        let left = limit.saturating_sub(shared.clock.monotonic().saturating_sub(sent));
        let said = match future::select(Box::pin(body.read()), shared.clock.sleep(left)).await {
            Either::Left((bytes, _)) => bytes.unwrap_or_default(),
            Either::Right(_) => Vec::new(),
        };
        let said = without(said, &token.secret);
        let hint = hint
            .or_else(|| (status == 429).then(|| quota::wait_in(&String::from_utf8_lossy(&said))).flatten());
        let error = service_error::read(call, self.service, status, &head.headers, &said, hint);
        let claims = (status == 401).then(|| auth::asked_for(&head.headers)).flatten();
        Err(Failed { error, outcome: Outcome::of_status(status, hint.is_some()), hint, claims })
    }

    /// What is left of a bucket, as the service tells with each answer.
    fn learn_remaining(&self, call: &Call, headers: &HeaderMap) {
        if !matches!(call.quota.rule, Rule::Bucket(_)) {
            return;
        }
        let kind = match call.method {
            Method::Get => "reads",
            Method::Delete => "deletes",
            _ => "writes",
        };
        if let (Some(left), Some(limiter)) =
            (quota::remaining(headers, kind), self.connection.limiter(call.quota))
        {
            limiter.learn_remaining(left);
        }
    }

    fn opened(&self, call: &Call, status: u16, headers: HeaderMap, body: BodyStream) -> Result<Opened> {
        if let Some(encoding) = headers.get(header::CONTENT_ENCODING).filter(|e| *e != "identity") {
            return Err(Error::new(ErrorKind::Decode, call.operation).with_message(format!(
                "the answer is encoded as {}, which was not asked for",
                encoding.to_str().unwrap_or("something unreadable")
            )));
        }
        let shared = &self.connection.0;
        let cap = shared.sizes.answer;
        let body = Body::new(body, Arc::clone(&shared.clock), call.operation, shared.times.stall, cap);
        Ok(Opened { status, headers, deadline: Duration::MAX, body, whole: Vec::new() })
    }

    fn give_up(call: &Call, failed: Failed, attempts: u32, ambiguous: u32) -> Error {
        let Failed { error, hint, .. } = failed;
        let error = match hint {
            Some(hint) => error.with_retry_after(hint),
            None => error,
        };
        if attempts > 1 {
            tracing::warn!(attempts, error = %error, "gave up");
        }
        settled(call, error, ambiguous)
    }
}

/// The error of a call, however it ended. A read that failed is a read that failed; of a write that may have been
/// carried out in any of its attempts nobody knows.
pub(crate) fn settled(call: &Call, error: Error, ambiguous: u32) -> Error {
    if ambiguous > 0 && call.writes() && error.kind() != ErrorKind::OutcomeUnknown {
        return error.with_outcome_unknown();
    }
    error
}

impl Failed {
    fn finally(error: Error) -> Self {
        Self { error, outcome: Outcome::Final, hint: None, claims: None }
    }

    fn unsent(call: &Call, error: &SendError, permit: Option<Permit>) -> Self {
        let never = error.was_never_sent();
        if never && let Some(permit) = permit {
            permit.never_sent();
        }
        let outcome = if never { Outcome::NeverSent } else { Outcome::Ambiguous };
        let error = Error::new(ErrorKind::Unavailable, call.operation)
            .with_message(format!("the service cannot be reached: {error}"))
            .with_hint("check the network, the proxy, and the cloud or base URL that is configured")
            .with_source(error.clone());
        Self { error, outcome, hint: None, claims: None }
    }

    /// The head said success, the body could not be read: asked again where that may help, and of a write nobody knows.
    fn while_reading(call: &Call, error: Error) -> Self {
        match error.is_transient() {
            true => Self { error, outcome: Outcome::Ambiguous, hint: None, claims: None },
            false if call.writes() => Self::finally(error.with_outcome_unknown()),
            false => Self::finally(error),
        }
    }

    /// The time for the call was used up before it could be sent.
    fn too_late(call: &Call) -> Self {
        let error = Error::new(ErrorKind::Timeout, call.operation).with_message(
            "the time for it was used up, by signing in or by the quota, before it could be sent",
        );
        Self { error, outcome: Outcome::NeverSent, hint: None, claims: None }
    }

    fn timed_out(call: &Call, limit: Duration) -> Self {
        let error = Error::new(ErrorKind::Timeout, call.operation)
            .with_message(format!("the service did not answer within {limit:.1?}"));
        Self { error, outcome: Outcome::Ambiguous, hint: None, claims: None }
    }
}

/// What a service said, without the token, should it repeat that.
fn without(said: Vec<u8>, token: &Secret) -> Vec<u8> {
    match std::str::from_utf8(&said) {
        Ok(text) if !token.expose().is_empty() && text.contains(token.expose()) => {
            text.replace(token.expose(), "***").into_bytes()
        }
        _ => said,
    }
}

/// The request of a call. The token is attached here, after the address has been checked, and nowhere else.
fn request(call: &Call, url: &Url, token: &Token) -> Result<Request<bytes::Bytes>> {
    let mut request = Request::builder().method(call.method.as_str()).uri(url.as_str());
    request = request.header(header::ACCEPT, "application/json");
    for (name, value) in &call.headers {
        request = request.header(*name, *value);
    }
    let typed = call.headers.iter().any(|(name, _)| *name == header::CONTENT_TYPE.as_str());
    if call.body.is_some() {
        if !typed {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
    } else if matches!(call.method, Method::Post | Method::Patch | Method::Put) {
        // HTTP/1.1 would leave it out for want of a body, and front ends answer 411 to that.
        request = request.header(header::CONTENT_LENGTH, "0");
    }
    let mut request = request.body(call.body.clone().unwrap_or_default()).map_err(|e| {
        Error::new(ErrorKind::InvalidRequest, call.operation)
            .with_message("the request cannot be built")
            .with_source(e)
    })?;
    request.headers_mut().insert(header::AUTHORIZATION, token.header.clone());
    Ok(request)
}
