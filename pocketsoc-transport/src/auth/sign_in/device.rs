//! The device code: the user signs in on any other device, with a short code shown here.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use pocketsoc_model::{Error, ErrorKind, Result};
use serde::Deserialize;
use url::Url;

use super::{Account, SignIn};
use crate::auth::claims_challenge;
use crate::auth::entra::{Authority, Wiped};
use crate::auth::exchange::OPERATION;
use crate::auth::form::Form;
use crate::auth::session::Session;
use crate::retry::Outcome;
use crate::{Secret, Service, lenient, link};

/// How often to ask, unless the service says.
const USUAL_INTERVAL: Duration = Duration::from_secs(5);
/// How much slower after each `slow_down`.
const SLOWER: Duration = Duration::from_secs(5);
/// Never slower than this, whatever the service says.
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);
/// How long a code lives, unless the service says, and at most.
const USUAL_LIFE: Duration = Duration::from_secs(900);
const LONGEST_LIFE: Duration = Duration::from_secs(3600);

/// A code to be entered on another device, and the wait for it.
///
/// Follows "Microsoft identity platform and the OAuth 2.0 device authorization grant flow".
pub struct DeviceCode {
    sign_in: SignIn,
    resource: String,
    code: Secret,
    claims: String,
    user_code: String,
    verification_uri: String,
    expires_at: DateTime<Utc>,
    deadline: Duration,
    interval: Duration,
}

#[derive(Deserialize)]
struct Wire {
    device_code: Wiped,
    user_code: String,
    verification_uri: String,
    #[serde(default, deserialize_with = "lenient::integer")]
    expires_in: Option<i64>,
    #[serde(default, deserialize_with = "lenient::integer")]
    interval: Option<i64>,
}

impl SignIn {
    /// Begins a sign-in on another device.
    ///
    /// The application must allow public client flows; many tenants block this flow by Conditional Access.
    ///
    /// # Errors
    /// What the sign-in service says; `Unsupported` where the cloud does not offer the service.
    pub async fn device_code(&self, service: Service) -> Result<DeviceCode> {
        let resource = self.resource(service)?;
        if self.session.has_proof() {
            return Err(Error::new(ErrorKind::Unsupported, OPERATION)
                .with_message("an application that has a secret does not sign in by device code")
                .with_hint("allow public client flows and leave the secret out, or sign in with a browser"));
        }
        let claims = claims_challenge::to_send(self.session.wanted().as_deref());
        let authority = self.authority();
        let clock = &authority.exchange.clock;
        let form = Form::new(self.session.client_id())
            .with("scope", &Session::scope(&resource))
            .with("claims", &claims);
        let address = authority.address(self.session.tenant(), "devicecode");
        let answer = authority.post(&address, &form).await.map_err(|refusal| refusal.error)?;
        // The parser's error may repeat the code: it is not kept.
        let wire: Wire = serde_json::from_slice(&answer.body).map_err(|_| unusable("cannot be read"))?;
        let shown = |text: &str| !text.is_empty() && text.len() <= 1024 && !text.contains(char::is_control);
        let url = Url::parse(&wire.verification_uri).ok().filter(|url| {
            url.scheme() == "https"
                || (url.scheme() == "http" && url.host_str().is_some_and(link::is_loopback))
        });
        let (Some(url), true) = (url, shown(&wire.user_code)) else {
            return Err(unusable("names no page that could be opened"));
        };
        let seconds = |stated: Option<i64>, usual: Duration| {
            stated.and_then(|s| u64::try_from(s).ok()).filter(|s| *s > 0).map_or(usual, Duration::from_secs)
        };
        let life = seconds(wire.expires_in, USUAL_LIFE).min(LONGEST_LIFE);
        Ok(DeviceCode {
            sign_in: self.clone(),
            resource,
            code: wire.device_code.secret(),
            claims,
            user_code: wire.user_code,
            verification_uri: url.into(),
            expires_at: clock.now() + life,
            deadline: clock.monotonic().saturating_add(life),
            interval: seconds(wire.interval, USUAL_INTERVAL).min(LONGEST_INTERVAL),
        })
    }
}

impl DeviceCode {
    /// What the user enters.
    pub fn user_code(&self) -> &str {
        &self.user_code
    }

    /// Where the user enters it.
    pub fn verification_uri(&self) -> &str {
        &self.verification_uri
    }

    /// Until when.
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }

    /// Waits until the user has signed in: the session has begun then.
    ///
    /// # Errors
    /// `PermissionDenied` when the user or the tenant's policy declined; `InteractionRequired` when the code has
    /// expired: begin again.
    pub async fn finish(self) -> Result<Account> {
        let authority = self.sign_in.authority().clone();
        let clock = &authority.exchange.clock;
        let form = Form::new(self.sign_in.session.client_id())
            .with("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
            .with_secret("device_code", &self.code)
            .with("claims", &self.claims);
        let mut interval = self.interval;
        let mut wait = interval;
        loop {
            let left = self.deadline.saturating_sub(clock.monotonic());
            if left <= wait {
                return Err(expired());
            }
            clock.sleep(wait).await;
            let refusal = match self.ask(&authority, &form).await {
                Ok(answer) => return self.sign_in.finish(&self.resource, answer).await,
                Err(refusal) => refusal,
            };
            wait = match refusal.word.as_str() {
                "authorization_pending" => interval,
                "slow_down" => {
                    interval = (interval + SLOWER).min(LONGEST_INTERVAL);
                    interval
                }
                "expired_token" | "code_expired" => return Err(expired()),
                _ if refusal.outcome == Outcome::Final => return Err(refusal.error),
                _ => {
                    // The service or the network has a fault: it is left alone for longer.
                    tracing::debug!(error = %refusal.error, "asking again");
                    let hint = refusal.error.retry_after().unwrap_or_default();
                    (wait * 2).clamp(interval, LONGEST_INTERVAL).max(hint.min(LONGEST_INTERVAL))
                }
            };
        }
    }

    async fn ask(
        &self,
        authority: &Authority,
        form: &Form,
    ) -> std::result::Result<crate::auth::entra::TokenAnswer, crate::auth::exchange::Refusal> {
        authority.token_once(self.sign_in.session.tenant(), form).await
    }
}

fn expired() -> Error {
    Error::new(ErrorKind::InteractionRequired, OPERATION)
        .with_message("the code has expired before the user signed in")
        .with_hint("begin again and enter the new code in time")
}

fn unusable(why: &str) -> Error {
    Error::new(ErrorKind::Decode, OPERATION)
        .with_message(format!("the sign-in service's device code {why}"))
        .with_hint("check the authority, and that no proxy or portal answers in its place")
}

impl fmt::Debug for DeviceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceCode")
            .field("verification_uri", &self.verification_uri)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
