//! One small answer, whole: capped, within the time limits, no redirect followed, wiped when dropped.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::future::{self, Either};
use http::{HeaderMap, Request, header};
use pocketsoc_model::{Clock, Error, ErrorKind};
use zeroize::Zeroizing;

use crate::body::Body;
use crate::connection::TimeLimits;
use crate::http_send::{HttpSend, SendError};
use crate::retry::{Decision, Jitter, Outcome, RetryPolicy, server_hint};

/// Largest answer that is read.
const LARGEST_ANSWER: u64 = 1024 * 1024;
/// Room for any token, so that no copy is left behind by growing.
const USUAL_ANSWER: usize = 64 * 1024;
pub(crate) const OPERATION: &str = "sign in";
/// What to look at when nobody answers.
pub(crate) const REACH: &str = "check the network, the proxy, and the cloud or authority that is configured";

/// Moves the messages of signing in.
#[derive(Clone)]
pub(crate) struct Exchange {
    pub(crate) http: Arc<dyn HttpSend>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: TimeLimits,
    pub(crate) policy: RetryPolicy,
    pub(crate) jitter: Jitter,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Zeroizing<Vec<u8>>,
    /// How long to wait, by its headers.
    pub(crate) hint: Option<Duration>,
}

/// A failed attempt, with what decides on repeating it.
pub(crate) struct Refusal {
    pub(crate) error: Error,
    pub(crate) outcome: Outcome,
    /// The service's own word for it, such as `invalid_client`; empty where it gave none.
    pub(crate) word: String,
    /// What the service wants to be proved in addition.
    pub(crate) claims: Option<String>,
    /// The service's own time.
    pub(crate) server_time: Option<DateTime<Utc>>,
}

impl Refusal {
    pub(crate) fn new(error: Error, outcome: Outcome) -> Self {
        Self { error, outcome, word: String::new(), claims: None, server_time: None }
    }

    pub(crate) fn finally(error: Error) -> Self {
        Self::new(error, Outcome::Final)
    }
}

impl Answer {
    /// The service's time, where it told it.
    pub(crate) fn server_time(&self) -> Option<DateTime<Utc>> {
        let date = self.headers.get(header::DATE)?.to_str().ok()?;
        httpdate::parse_http_date(date).ok().map(DateTime::<Utc>::from)
    }
}

impl Exchange {
    /// How long to wait before asking once more, if at all. Signing in creates nothing: every failure that is not an answer
    /// may be repeated.
    pub(crate) fn wait_after(&self, refusal: &Refusal, tries: u32, deadline: Duration) -> Option<Duration> {
        let remaining = deadline.saturating_sub(self.clock.monotonic());
        let hint = refusal.error.retry_after();
        match self.policy.decide(tries, hint, remaining, self.limits.attempt, &self.jitter) {
            Decision::After(wait) if refusal.outcome != Outcome::Final => Some(wait),
            _ => None,
        }
    }

    /// The same, with no attempt longer than what is left until then.
    pub(crate) fn until(&self, deadline: Duration) -> Self {
        let left = deadline.saturating_sub(self.clock.monotonic());
        Self { limits: self.limits.with_attempt(self.limits.attempt.min(left)), ..self.clone() }
    }

    /// One attempt. `whom` names the service in errors.
    pub(crate) async fn send(
        &self,
        whom: &str,
        request: Request<Bytes>,
    ) -> std::result::Result<Answer, Refusal> {
        let Self { http, clock, limits, .. } = self;
        let begun = clock.monotonic();
        let head = match future::select(http.send(request), clock.sleep(limits.attempt)).await {
            Either::Left((head, _)) => head.map_err(|e| no_answer(whom, &e))?,
            Either::Right(_) => return Err(late(whom, limits)),
        };
        let (head, body) = head.into_parts();
        let status = head.status.as_u16();
        if (300..400).contains(&status) {
            let error = Error::new(ErrorKind::Untrusted, OPERATION)
                .with_message(format!("{whom} answered with a redirect, which is not followed"))
                .with_status(status)
                .with_hint("check the authority, and that no proxy or portal answers in its place");
            return Err(Refusal::finally(error));
        }
        let mut body = Body::new(body, Arc::clone(clock), OPERATION, limits.stall, LARGEST_ANSWER);
        let left = limits.attempt.saturating_sub(clock.monotonic().saturating_sub(begun));
        let reading = async {
            let mut answer = Zeroizing::new(Vec::with_capacity(USUAL_ANSWER));
            while let Some(chunk) = body.chunk().await? {
                if answer.len() + chunk.len() > answer.capacity() {
                    let mut larger = Vec::with_capacity((answer.len() + chunk.len()).next_power_of_two());
                    larger.extend_from_slice(&answer);
                    answer = Zeroizing::new(larger);
                }
                answer.extend_from_slice(&chunk);
            }
            Ok(answer)
        };
        let body = match future::select(Box::pin(reading), clock.sleep(left)).await {
            Either::Left((answer, _)) => {
                answer.map_err(|error: Error| Refusal::new(error, Outcome::Ambiguous))?
            }
            Either::Right(_) => return Err(late(whom, limits)),
        };
        let hint = server_hint(&head.headers, clock.now());
        Ok(Answer { status, headers: head.headers, body, hint })
    }
}

fn late(whom: &str, limits: &TimeLimits) -> Refusal {
    let error = Error::new(ErrorKind::Timeout, OPERATION)
        .with_message(format!("{whom} did not answer within {:.1?}", limits.attempt))
        .with_hint(REACH);
    Refusal::new(error, Outcome::Ambiguous)
}

fn no_answer(whom: &str, error: &SendError) -> Refusal {
    let outcome = if error.was_never_sent() { Outcome::NeverSent } else { Outcome::Ambiguous };
    let error = Error::new(ErrorKind::Unavailable, OPERATION)
        .with_message(format!("{whom} cannot be reached: {error}"))
        .with_hint(REACH)
        .with_source(error.clone());
    Refusal::new(error, outcome)
}
