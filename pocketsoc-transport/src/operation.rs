//! Operations that a service accepts and carries out later: where to ask, how often, and how they end.

use std::time::Duration;

use http::HeaderMap;
use pocketsoc_model::{Error, ErrorKind, Result};
use serde::Deserialize;
use url::Url;

use crate::attempts::Reading;
use crate::call::{Call, Method};
use crate::endpoint::Endpoint;
use crate::lenient;

/// How often the service is asked where it does not say.
const USUAL_WAIT: Duration = Duration::from_secs(15);
/// Where the service says how often, it is believed within these.
const LEAST_WAIT: Duration = Duration::from_secs(1);
const MOST_WAIT: Duration = Duration::from_secs(300);

/// An operation that a service has accepted: followed to its end, or dropped; it goes on either way. For those who write
/// clients.
#[derive(Debug, Clone)]
pub struct LongOperation {
    endpoint: Endpoint,
    call: Call,
    follow: Follow,
    wait: Duration,
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Begins an operation that the service may carry out later. For those who write clients.
    ///
    /// # Errors
    /// What the service said; `Untrusted` when it names another host to ask.
    pub async fn begin(&self, call: &Call) -> Result<LongOperation> {
        let url = self.url_of(call)?;
        let opened = self.attempts(call, &url, Reading::Whole, None).await?;
        let link = |name: &str| {
            let text = opened.headers.get(name).and_then(|value| value.to_str().ok());
            text.map(|text| self.follow(text)).transpose()
        };
        let follow = match (opened.status, link("azure-asyncoperation")?, link("location")?) {
            (202, Some(url), _) => Follow::Status(url),
            (202, None, Some(url)) => Follow::Location(url),
            (202, None, None) => Follow::Blind,
            _ => Follow::Nothing,
        };
        let wait = said_wait(&opened.headers).unwrap_or(USUAL_WAIT);
        Ok(LongOperation { endpoint: self.clone(), call: call.clone(), follow, wait })
    }
}

impl LongOperation {
    /// Asks how it stands.
    ///
    /// # Errors
    /// What the service says of it when it has failed; `NotApplied` where it does not say why.
    pub async fn progress(&mut self) -> Result<Progress> {
        let (url, has_status) = match &self.follow {
            Follow::Nothing => return Ok(Progress::Done),
            Follow::Blind => return Ok(Progress::Accepted),
            Follow::Status(url) => (url.clone(), true),
            Follow::Location(url) => (url.clone(), false),
        };
        let ask = Call::fixed(Method::Get, self.call.operation, self.call.template, self.call.quota);
        let ask = ask.with_lane(self.call.lane);
        let opened = self.endpoint.attempts(&ask, &url, Reading::Whole, None).await?;
        self.wait = said_wait(&opened.headers).unwrap_or(USUAL_WAIT);
        let progress = if has_status {
            self.read(&opened.whole)?
        } else if opened.status == 202 {
            Progress::Running
        } else {
            Progress::Done
        };
        if progress == Progress::Done {
            self.follow = Follow::Nothing;
        }
        Ok(progress)
    }

    fn read(&self, body: &[u8]) -> Result<Progress> {
        let failed = |kind, message: &str| Error::new(kind, self.call.operation).with_message(message);
        let status: Status = serde_json::from_slice(body)
            .map_err(|_| failed(ErrorKind::Decode, "the operation's status cannot be read"))?;
        let word = status.status.unwrap_or_default();
        if word.eq_ignore_ascii_case("Succeeded") {
            return Ok(Progress::Done);
        }
        if !["Failed", "Canceled", "Cancelled"].iter().any(|end| word.eq_ignore_ascii_case(end)) {
            return Ok(Progress::Running);
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

    /// How long to wait before it is asked again, as the service wants it.
    pub fn next_look(&self) -> Duration {
        self.wait
    }

    /// Follows it to its end, asking as often as the service wants it. Where the service gives nothing to ask by, that is
    /// at once, with [`Progress::Accepted`].
    ///
    /// # Errors
    /// As [`progress`](Self::progress).
    pub async fn wait(&mut self) -> Result<Progress> {
        loop {
            match self.progress().await? {
                Progress::Running => self.endpoint.connection().clock().sleep(self.wait).await,
                end => return Ok(end),
            }
        }
    }
}

/// How long the service asks to wait.
fn said_wait(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get("retry-after")?.to_str().ok()?.trim().parse::<u64>().ok()?;
    Some(Duration::from_secs(seconds).clamp(LEAST_WAIT, MOST_WAIT))
}
