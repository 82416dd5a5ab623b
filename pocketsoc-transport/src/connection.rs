//! What clients share: one credential, one cloud, one token cache, one quota and retry budget.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use pocketsoc_model::{Clock, Error, ErrorKind, Result};
use url::Url;

use crate::auth::{Authority, Credential, Exchange, SignIn, TokenCache};
use crate::call::Call;
use crate::http_send::{HttpSend, ReqwestSend};
use crate::page::PageSizes;
use crate::quota::{Account, Flow, Limiter, Quota, Quotas};
use crate::retry::{Jitter, RetryBudget, RetryPolicy};
use crate::{Cloud, Endpoint, Service, SystemClock, link};

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimeLimits {
    /// One attempt: until the head of the answer, for lists; until the whole answer, for the rest. 30 s.
    pub attempt: Duration,
    /// One call, its repetitions and waits included, until its first body byte. A wait for a quota of ours is not
    /// counted. 100 s.
    pub operation: Duration,
    /// Waiting for the bytes of a body that has begun. 20 s.
    pub stall: Duration,
    /// One attempt at what the service may work on for 200 s, such as advanced hunting, in place of `attempt`; the call
    /// gets at least as long. 210 s.
    pub long_run: Duration,
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self {
            attempt: Duration::from_secs(30),
            operation: Duration::from_secs(100),
            stall: Duration::from_secs(20),
            long_run: Duration::from_secs(210),
        }
    }
}

impl TimeLimits {
    /// The same limits, none longer than `limit`.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        Self {
            attempt: self.attempt.min(limit),
            operation: self.operation.min(limit),
            stall: self.stall.min(limit),
            long_run: self.long_run.min(limit),
        }
    }

    /// Another limit for one attempt.
    #[must_use]
    pub fn with_attempt(mut self, limit: Duration) -> Self {
        self.attempt = limit;
        self
    }

    /// Another limit for one call.
    #[must_use]
    pub fn with_operation(mut self, limit: Duration) -> Self {
        self.operation = limit;
        self
    }

    /// Another limit for one attempt at what the service works on for long.
    #[must_use]
    pub fn with_long_run(mut self, limit: Duration) -> Self {
        self.long_run = limit;
        self
    }

    /// The limits of a call.
    pub(crate) fn of(&self, call: &Call) -> Self {
        if !call.runs_long {
            return *self;
        }
        Self { attempt: self.long_run, operation: self.operation.max(self.long_run), ..*self }
    }

    /// Another limit for waiting within a body.
    #[must_use]
    pub fn with_stall(mut self, limit: Duration) -> Self {
        self.stall = limit;
        self
    }
}

/// How large answers may be, after decompression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SizeLimits {
    /// One page of a list; streamed, never held whole. 256 MiB.
    pub page: u64,
    /// One element of a page. 16 MiB.
    pub element: usize,
    /// Any other answer. 32 MiB.
    pub answer: u64,
}

impl Default for SizeLimits {
    fn default() -> Self {
        Self { page: 256 << 20, element: 16 << 20, answer: 32 << 20 }
    }
}

impl SizeLimits {
    /// Another limit for a page.
    #[must_use]
    pub fn with_page(mut self, bytes: u64) -> Self {
        self.page = bytes;
        self
    }

    /// Another limit for one element.
    #[must_use]
    pub fn with_element(mut self, bytes: usize) -> Self {
        self.element = bytes;
        self
    }

    /// Another limit for any other answer.
    #[must_use]
    pub fn with_answer(mut self, bytes: u64) -> Self {
        self.answer = bytes;
        self
    }
}

/// What clients share: one credential in one cloud. Cheap to clone.
///
/// ```no_run
/// use pocketsoc_transport::{Cloud, Connection, Credential, Secret};
/// let credential = Credential::client_secret("contoso.example", "client id", Secret::from_env("MDE_SECRET")?);
/// let connection = Connection::new(credential, Cloud::Public)?;
/// # Ok::<(), pocketsoc_transport::Error>(())
/// ```
#[derive(Clone)]
pub struct Connection(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) cloud: Cloud,
    pub(crate) http: Arc<dyn HttpSend>,
    pub(crate) needs_tls_feature: bool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tokens: TokenCache,
    pub(crate) times: TimeLimits,
    pub(crate) sizes: SizeLimits,
    pub(crate) policy: RetryPolicy,
    pub(crate) jitter: Jitter,
    pub(crate) budget: RetryBudget,
    paced: bool,
    quotas: Quotas,
    account: Account,
    pub(crate) page_sizes: PageSizes,
}

impl Connection {
    /// A connection with the defaults.
    ///
    /// # Errors
    /// `InvalidRequest` when the credential cannot be right.
    pub fn new(credential: Credential, cloud: Cloud) -> Result<Self> {
        Self::builder(credential, cloud).build()
    }

    /// A connection to be adjusted.
    pub fn builder(credential: Credential, cloud: Cloud) -> ConnectionBuilder {
        ConnectionBuilder {
            credential,
            cloud,
            authority: None,
            http: None,
            clock: None,
            times: TimeLimits::default(),
            sizes: SizeLimits::default(),
            policy: RetryPolicy::default(),
            jitter: Jitter::random(),
            compression: None,
            paced: true,
            quotas: Quotas::new(),
            user_agent: concat!("pocketsoc/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }

    /// The cloud.
    pub fn cloud(&self) -> Cloud {
        self.0.cloud
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// Signs a user in, where the credential is a [`Session`](crate::Session).
    ///
    /// # Errors
    /// `Unsupported` for every other credential: nobody signs in to those.
    pub fn sign_in(&self) -> Result<SignIn> {
        let session = self.0.tokens.credential().of_user().ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "sign in")
                .with_message("this connection's credential is not a user's session")
                .with_hint("build the connection with a Session")
        })?;
        Ok(SignIn::new(self.clone(), session.clone()))
    }

    /// When what it signs in with ends, as far as is known: a secret's end that was noted with the credential, a
    /// certificate's or a ready token's own once it has been read. Of secrets and certificates a warning is traced from
    /// 30 days ahead on.
    pub fn credential_expires_at(&self) -> Option<DateTime<Utc>> {
        self.0.tokens.credential().expires_at()
    }

    /// Where a service answers for this connection. `base` and `audience` override the cloud's own.
    ///
    /// # Errors
    /// `Unsupported` where the cloud does not offer the service or this build has no TLS; `InvalidRequest` for an
    /// address that is neither https nor on this machine.
    pub fn endpoint(&self, service: Service, base: Option<&str>, audience: Option<&str>) -> Result<Endpoint> {
        Endpoint::new(self.clone(), service, base, audience)
    }

    pub(crate) fn limiter(&self, quota: &'static Quota) -> Option<Arc<Limiter>> {
        self.0.paced.then(|| self.0.quotas.limiter(&self.0.account, quota, &self.0.clock))
    }

    /// A number for whoever asks: those who ask take turns.
    pub(crate) fn flow(&self) -> Flow {
        self.0.quotas.flow()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("cloud", &self.0.cloud)
            .field("tokens", &self.0.tokens)
            .finish_non_exhaustive()
    }
}

/// A [`Connection`] to be adjusted; [`build`](Self::build) is the only step that can fail.
#[must_use]
pub struct ConnectionBuilder {
    credential: Credential,
    cloud: Cloud,
    authority: Option<String>,
    http: Option<Arc<dyn HttpSend>>,
    clock: Option<Arc<dyn Clock>>,
    times: TimeLimits,
    sizes: SizeLimits,
    policy: RetryPolicy,
    jitter: Jitter,
    compression: Option<bool>,
    paced: bool,
    quotas: Quotas,
    user_agent: String,
}

impl ConnectionBuilder {
    /// Signs in elsewhere than the cloud says: https, or http on this machine.
    pub fn authority(mut self, address: impl Into<String>) -> Self {
        self.authority = Some(address.into());
        self
    }

    /// Moves HTTP messages by other means than reqwest.
    pub fn http(mut self, http: impl HttpSend) -> Self {
        self.http = Some(Arc::new(http));
        self
    }

    /// Takes time from another clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Other time limits.
    pub fn time_limits(mut self, limits: TimeLimits) -> Self {
        self.times = limits;
        self
    }

    /// Other size limits.
    pub fn size_limits(mut self, limits: SizeLimits) -> Self {
        self.sizes = limits;
        self
    }

    /// Another retry policy.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Randomness from elsewhere; for tests.
    pub fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// Whether to ask for compressed answers. Unless said, only from other machines than this one.
    pub fn compression(mut self, on: bool) -> Self {
        self.compression = Some(on);
        self
    }

    /// Shares what is left of the quotas with other connections: give all of a process the same.
    pub fn quotas(mut self, quotas: &Quotas) -> Self {
        self.quotas = quotas.clone();
        self
    }

    /// Does not keep the published quotas; for fakes. A real service answers 429 soon.
    pub fn without_pacing(mut self) -> Self {
        self.paced = false;
        self
    }

    /// Names the application in front of the SDK's own name.
    pub fn user_agent(mut self, application: &str) -> Self {
        self.user_agent = format!("{application} {}", self.user_agent);
        self
    }

    /// Checks everything that can be checked without asking anybody. Nothing is sent.
    ///
    /// # Errors
    /// `InvalidRequest` that names what cannot be right; `Unsupported` when this build has no TLS for the authority.
    pub fn build(self) -> Result<Connection> {
        self.credential.validate()?;
        if !self.user_agent.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            return Err(Error::new(ErrorKind::InvalidRequest, "set up the connection")
                .with_message("the application's name holds characters that no header can carry"));
        }
        let authority =
            link::configured("authority", self.authority.as_deref().unwrap_or(self.cloud.authority()))?;
        let needs_tls_feature = self.http.is_none() && !ReqwestSend::HAS_TLS;
        require_tls(needs_tls_feature && self.authority.is_some(), &authority)?;
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
        let http = self.http.unwrap_or_else(|| Arc::new(ReqwestSend::new(self.user_agent, self.compression)));
        let exchange = Exchange {
            http: Arc::clone(&http),
            clock: Arc::clone(&clock),
            limits: self.times,
            policy: self.policy,
            jitter: self.jitter.clone(),
        };
        let authority = Authority { base: authority, exchange };
        let account = self.quotas.account(&self.cloud.to_string(), self.credential.account());
        Ok(Connection(Arc::new(Shared {
            cloud: self.cloud,
            http,
            needs_tls_feature,
            clock,
            tokens: TokenCache::new(self.credential, authority),
            times: self.times,
            sizes: self.sizes,
            policy: self.policy,
            jitter: self.jitter,
            budget: RetryBudget::new(),
            paced: self.paced,
            quotas: self.quotas,
            account,
            page_sizes: PageSizes::default(),
        })))
    }
}

/// Refuses an https address where this build cannot speak it.
pub(crate) fn require_tls(missing: bool, address: &Url) -> Result<()> {
    if missing && address.scheme() == "https" {
        return Err(Error::new(ErrorKind::Unsupported, "set up the connection")
            .with_message("this build speaks no https")
            .with_hint("build with the feature `rustls` (default) or `native-tls`"));
    }
    Ok(())
}

impl fmt::Debug for ConnectionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionBuilder")
            .field("credential", &self.credential)
            .field("cloud", &self.cloud)
            .finish_non_exhaustive()
    }
}
