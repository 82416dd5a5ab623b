//! Many calls in few requests, as Microsoft Graph takes them: each with an outcome of its own. Page: "Combine multiple
//! HTTP requests using JSON batching".

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use pocketsoc_model::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::attempts::settled;
use crate::call::{Call, Method, Replay};
use crate::endpoint::Endpoint;
use crate::lenient;
use crate::quota::wait_in;
use crate::retry::{Decision, Outcome, server_hint};
use crate::service_error;

/// So many calls go in one request.
const MOST: usize = 20;

#[derive(Serialize)]
struct Request<'a> {
    requests: Vec<Part<'a>>,
}

#[derive(Serialize)]
struct Part<'a> {
    id: String,
    method: &'static str,
    url: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<&'static str, &'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Answer {
    responses: Vec<Answered>,
}

#[derive(Deserialize)]
struct Answered {
    #[serde(default, deserialize_with = "lenient::text")]
    id: Option<String>,
    /// Without one, the answer says nothing of the part.
    #[serde(default, deserialize_with = "lenient::integer")]
    status: Option<i64>,
    #[serde(default, deserialize_with = "lenient::object")]
    headers: Option<BTreeMap<String, serde_json::Value>>,
    body: Option<Box<RawValue>>,
}

impl Answered {
    fn headers(&self) -> HeaderMap {
        let pair = |(name, value): (&String, &serde_json::Value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            Some((name.parse::<HeaderName>().ok()?, HeaderValue::try_from(text).ok()?))
        };
        self.headers.iter().flatten().filter_map(pair).collect()
    }

    fn status(&self) -> Option<u16> {
        u16::try_from(self.status?).ok()
    }

    fn body(self) -> Vec<u8> {
        self.body.map(|body| Box::<str>::from(body).into_string().into_bytes()).unwrap_or_default()
    }
}

/// A call that waits for its outcome.
struct Waiting<'a> {
    place: usize,
    call: &'a Call,
    /// How often it may have been carried out, though nobody said so.
    ambiguous: u32,
}

impl Endpoint {
    /// Makes many calls, twenty a request; what became of each, in their order: the bytes of its answer, or why not.
    ///
    /// Each call counts against its quota by itself and may be turned away by itself: such a one is sent again when the
    /// service says, the others are not. The calls are of one version of the service, which their paths begin with, and
    /// of one lane and quota.
    pub async fn batch(&self, operation: &'static str, calls: &[Call]) -> Vec<Result<Vec<u8>>> {
        let mut all = Vec::with_capacity(calls.len());
        for calls in calls.chunks(MOST) {
            all.extend(self.batch_of_few(operation, calls).await);
        }
        all
    }

    async fn batch_of_few(&self, operation: &'static str, calls: &[Call]) -> Vec<Result<Vec<u8>>> {
        let shared = &self.connection.0;
        let mut outcomes: Vec<Option<Result<Vec<u8>>>> = calls.iter().map(|_| None).collect();
        let waiting = |(place, call)| Waiting { place, call, ambiguous: 0 };
        let mut waiting: Vec<_> = calls.iter().enumerate().map(waiting).collect();
        let mut begin = None;
        let mut attempt = 1;
        while !waiting.is_empty() {
            let answered = match self.send(operation, &waiting).await {
                Ok(answered) => answered,
                Err(error) => {
                    for part in waiting {
                        let error = error.clone().with_operation(part.call.operation);
                        outcomes[part.place] = Some(Err(settled(part.call, error, part.ambiguous)));
                    }
                    break;
                }
            };
            let mut answered: BTreeMap<usize, Answered> = answered
                .into_iter()
                .filter_map(|one| Some((one.id.as_deref()?.parse().ok()?, one)))
                .collect();
            // A wait for our own pacing is not the service's time: it begins with the first answer.
            let now = shared.clock.monotonic();
            let spent = now.saturating_sub(*begin.get_or_insert(now));
            let (mut again, mut longest) = (Vec::new(), Duration::ZERO);
            // One further request for all that are turned away, at the cost of one.
            let mut paid = None;
            for mut part in waiting {
                let answer = answered.remove(&part.place).and_then(|one| Some((one.status()?, one)));
                let outcome = match answer {
                    Some((200..300, one)) => Ok(one.body()),
                    Some((status, one)) => match self.refused(&mut part, status, one, attempt, spent) {
                        (_, Decision::After(wait))
                            if *paid.get_or_insert_with(|| shared.budget.withdraw()) =>
                        {
                            longest = longest.max(wait);
                            again.push(part);
                            continue;
                        }
                        (error, _) => Err(error),
                    },
                    None => {
                        let error = Error::new(ErrorKind::Decode, part.call.operation)
                            .with_message("the answer says nothing of this part of the request");
                        Err(if part.call.writes() { error.with_outcome_unknown() } else { error })
                    }
                };
                outcomes[part.place] = Some(outcome);
            }
            if !again.is_empty() {
                tracing::debug!(parts = again.len(), wait = ?longest, "asking again for what was turned away");
                shared.clock.sleep(longest).await;
            }
            (waiting, attempt) = (again, attempt + 1);
        }
        outcomes.into_iter().flatten().collect()
    }

    /// What to make of a part that was refused.
    fn refused(
        &self,
        part: &mut Waiting<'_>,
        status: u16,
        answered: Answered,
        attempt: u32,
        spent: Duration,
    ) -> (Error, Decision) {
        let shared = &self.connection.0;
        let (headers, call) = (answered.headers(), part.call);
        let said = answered.body();
        let in_words = || (status == 429).then(|| wait_in(&String::from_utf8_lossy(&said))).flatten();
        let hint = server_hint(&headers, shared.clock.now()).or_else(in_words);
        let error = service_error::read(call, self.service, status, &headers, &said, hint);
        let outcome = Outcome::of_status(status, hint.is_some());
        let may = outcome.may_repeat(call.replay, part.ambiguous);
        part.ambiguous += u32::from(outcome == Outcome::Ambiguous);
        if outcome == Outcome::TurnedAway
            && let (Some(hint), Some(limiter)) = (hint, self.connection.limiter(call.quota))
        {
            limiter.pause(hint.min(shared.policy.hint_cap));
        }
        let error = settled(call, error, part.ambiguous);
        let error = match hint {
            Some(hint) => error.with_retry_after(hint),
            None => error,
        };
        if !may {
            return (error, Decision::GiveUp);
        }
        let times = shared.times.of(call);
        let remaining = times.operation.saturating_sub(spent);
        (error, shared.policy.decide(attempt, hint, remaining, times.attempt, &shared.jitter))
    }

    async fn send(&self, operation: &'static str, parts: &[Waiting<'_>]) -> Result<Vec<Answered>> {
        let call = request(operation, parts)?;
        let answer: Answer = self.json(&call).await?;
        Ok(answer.responses)
    }
}

/// The request that carries the parts.
fn request(operation: &'static str, parts: &[Waiting<'_>]) -> Result<Call> {
    let refuse = |message: &str| Error::new(ErrorKind::InvalidRequest, operation).with_message(message);
    let first = parts.first().ok_or_else(|| refuse("nothing is asked for"))?.call;
    let (version, route) = if first.template.starts_with("/beta/") {
        ("/beta", "/beta/$batch")
    } else {
        ("/v1.0", "/v1.0/$batch")
    };
    let mut requests = Vec::with_capacity(parts.len());
    for Waiting { place, call, .. } in parts {
        let target = call.target();
        let url = target.strip_prefix(version).ok_or_else(|| refuse("the parts are not of one version"))?;
        let mut headers: BTreeMap<_, _> = call.headers.iter().copied().collect();
        let body = call.body().map(serde_json::from_slice::<&RawValue>).transpose();
        let body = body.map_err(|_| refuse("a part's body is no JSON"))?;
        if body.is_some() {
            headers.entry("content-type").or_insert("application/json");
        }
        requests.push(Part {
            id: place.to_string(),
            method: call.method.as_str(),
            url: url.to_owned(),
            headers,
            body,
        });
    }
    // It may be sent again as often as the part of which that is least true.
    let replay = if parts.iter().any(|part| part.call.replay == Replay::Never) {
        Replay::Never
    } else if parts.iter().all(|part| !part.call.writes()) {
        Replay::Once
    } else {
        Replay::Always
    };
    let weight = u32::try_from(parts.len()).unwrap_or(u32::MAX);
    let call = Call::fixed(Method::Post, operation, route, first.quota);
    let call = call.with_lane(first.lane).with_replay(replay).with_weight(weight);
    let call = match first.permission {
        Some(permission) => call.with_permission(permission),
        None => call,
    };
    call.with_json(&Request { requests })
}
