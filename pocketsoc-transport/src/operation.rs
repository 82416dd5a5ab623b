//! Operations that a service accepts and carries out later: where to ask, how often, and how they end.

use std::fmt;
use std::time::Duration;

use http::HeaderMap;
use pocketsoc_model::{Error, ErrorKind, Result};
use serde::Deserialize;
use url::Url;

use crate::attempts::Reading;
use crate::call::{Call, Method};
use crate::endpoint::Endpoint;
use crate::lenient;
use crate::quota::Quota;

/// What asking is called.
const FOLLOW: &str = "follow the operation";
/// How often the service is asked where it does not say.
const USUAL_WAIT: Duration = Duration::from_secs(15);
/// Where the service says how often, it is believed within these.
const LEAST_WAIT: Duration = Duration::from_secs(1);
const MOST_WAIT: Duration = Duration::from_secs(300);

/// So many failures in a row are waited out while an operation is followed.
const FAULTS: u32 = 10;
/// So often an operation may say nothing that is understood.
const ODD: u32 = 40;

/// An operation that a service has accepted: followed to its end, or dropped; it goes on either way. For those who write
/// clients.
#[derive(Clone)]
pub struct LongOperation {
    endpoint: Endpoint,
    call: Call,
    /// What asking how it stands counts for.
    quota: &'static Quota,
    follow: Follow,
    wait: Duration,
    /// When it may be asked, by the clock's own count.
    not_before: Duration,
}

/// How an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// It is being carried out.
    Running,
    /// It has been carried out.
    Done,
    /// The service took it and gives nothing to ask it by.
    Accepted,
}

/// Where to ask.
#[derive(Clone, PartialEq, Eq)]
enum Follow {
    /// It was done at once.
    Nothing,
    /// A status document.
    Status(Url),
    /// An address that answers 202 until it is done.
    Location(Url),
    /// Nothing was given.
    Blind,
}

/// The status document.
#[derive(Deserialize)]
struct Status {
    #[serde(default, deserialize_with = "lenient::text")]
    status: Option<String>,
    #[serde(default, deserialize_with = "lenient::object")]
    error: Option<Said>,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default, deserialize_with = "lenient::text")]
    code: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    message: Option<String>,
}

impl Endpoint {
    /// Begins an operation that the service may carry out later; asking how it stands counts for `quota`. For those who
    /// write clients.
    ///
    /// # Errors
    /// What the service said.
    pub async fn begin(&self, call: &Call, quota: &'static Quota) -> Result<LongOperation> {
        let url = self.url_of(call)?;
        let opened = self.attempts(call, &url, Reading::Whole, None).await?;
        let follow = match opened.status {
            202 => self.given(&opened.headers).unwrap_or(Follow::Blind),
            _ => Follow::Nothing,
        };
        let wait = said_wait(&opened.headers).unwrap_or(USUAL_WAIT);
        let not_before = self.connection().clock().monotonic() + wait;
        Ok(LongOperation { endpoint: self.clone(), call: call.clone(), quota, follow, wait, not_before })
    }

    /// Where to ask, as the headers say. What leads elsewhere is not followed: the token would go there.
    fn given(&self, headers: &HeaderMap) -> Option<Follow> {
        let link = |name: &str| {
            let text = headers.get(name)?.to_str().ok()?;
            self.follow(text).inspect_err(|error| tracing::warn!(%error, header = name, "not followed")).ok()
        };
        let status = link("azure-asyncoperation").map(Follow::Status);
        status.or_else(|| link("location").map(Follow::Location))
    }
}

impl LongOperation {
    /// Asks how it stands, at once.
    ///
    /// # Errors
    /// What the service says of it when it has failed; `NotApplied` where it does not say why.
    pub async fn progress(&mut self) -> Result<Progress> {
        self.ask().await.map(|(progress, _)| progress)
    }

    /// How it stands, and whether that was said in words that are understood.
    async fn ask(&mut self) -> Result<(Progress, bool)> {
        let (url, has_status) = match &self.follow {
            Follow::Nothing => return Ok((Progress::Done, true)),
            Follow::Blind => return Ok((Progress::Accepted, true)),
            Follow::Status(url) => (url.clone(), true),
            Follow::Location(url) => (url.clone(), false),
        };
        let ask = Call::fixed(Method::Get, FOLLOW, self.call.template, self.quota).with_lane(self.call.lane);
        let opened = self.endpoint.attempts(&ask, &url, Reading::Whole, None).await?;
        self.wait = said_wait(&opened.headers).unwrap_or(USUAL_WAIT);
        self.not_before = self.endpoint.connection().clock().monotonic() + self.wait;
        let empty = opened.whole.trim_ascii().is_empty();
        let (progress, understood) = match opened.status {
            202 if !has_status || empty => (Progress::Running, true),
            _ if has_status && !empty => self.read(&opened.whole)?,
            _ => (Progress::Done, true),
        };
        if progress == Progress::Done {
            self.follow = Follow::Nothing;
        } else if let Some(moved) = self.endpoint.given(&opened.headers) {
            self.follow = moved;
        }
        Ok((progress, understood))
    }

    fn read(&self, body: &[u8]) -> Result<(Progress, bool)> {
        let failed = |kind, message: &str| Error::new(kind, self.call.operation).with_message(message);
        let status: Status = serde_json::from_slice(body)
            .map_err(|_| failed(ErrorKind::Decode, "the operation's status cannot be read"))?;
        let word = status.status.unwrap_or_default();
        if word.eq_ignore_ascii_case("Succeeded") {
            return Ok((Progress::Done, true));
        }
        if !["Failed", "Canceled", "Cancelled"].iter().any(|end| word.eq_ignore_ascii_case(end)) {
            return Ok((Progress::Running, !word.is_empty()));
        }
        let said = status.error;
        let message = said.as_ref().and_then(|said| said.message.clone());
        let message = message.unwrap_or_else(|| format!("the operation ended as {word}"));
        let error = failed(ErrorKind::NotApplied, &message);
        Err(match said.and_then(|said| said.code) {
            Some(code) => error.with_code(&code),
            None => error,
        })
    }

    /// How long the service wants to be left alone between two looks.
    pub fn next_look(&self) -> Duration {
        self.wait
    }

    /// Follows it to its end, however long that takes, asking as often as the service wants it; passing faults are waited
    /// out. Where the service gives nothing to ask by, that is at once, with [`Progress::Accepted`].
    ///
    /// # Errors
    /// As [`progress`](Self::progress); `Unexpected` when the service goes on saying nothing that is understood.
    pub async fn wait(&mut self) -> Result<Progress> {
        let clock = std::sync::Arc::clone(self.endpoint.connection().clock());
        let (mut faults, mut odd) = (0, 0);
        loop {
            if !matches!(self.follow, Follow::Nothing | Follow::Blind) {
                clock.sleep(self.not_before.saturating_sub(clock.monotonic())).await;
            }
            match self.ask().await {
                Ok((Progress::Running, understood)) => {
                    faults = 0;
                    odd = if understood { 0 } else { odd + 1 };
                    if odd >= ODD {
                        return Err(Error::new(ErrorKind::Unexpected, FOLLOW)
                            .with_message("the service does not say how the operation stands")
                            .with_hint("it was accepted and may be done: look at what it was to do"));
                    }
                }
                Ok((end, _)) => return Ok(end),
                Err(error) if error.is_transient() && faults < FAULTS => {
                    faults += 1;
                    tracing::debug!(%error, "how the operation stands could not be read, asking again");
                    let wait = error.retry_after().unwrap_or_default().max(self.wait);
                    self.not_before = clock.monotonic() + wait;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl fmt::Debug for LongOperation {
    /// Without the address to ask, which may hold a signature.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LongOperation")
            .field("operation", &self.call.operation)
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}

/// How long the service asks to wait.
fn said_wait(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get("retry-after")?.to_str().ok()?.trim().parse::<u64>().ok()?;
    Some(Duration::from_secs(seconds).clamp(LEAST_WAIT, MOST_WAIT))
}
