//! Token requests to Microsoft Entra ID, and its answers: lenient where it is, wiped where they are secret.
//!
//! oauth2 gives the parts that are the same everywhere (PKCE, states, authorize addresses). Its own token requests are
//! not used: they keep secrets and tokens in plain strings, and lose what Entra says beside `error`.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::{Request, header};
use pocketsoc_model::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};
use url::Url;
use zeroize::Zeroizing;

use super::exchange::{Answer, Exchange, OPERATION, Refusal};
use super::form::Form;
use super::{AccessToken, aadsts};
use crate::Secret;
use crate::lenient;
use crate::retry::Outcome;

const WHOM: &str = "the sign-in service";

/// Where tokens are asked for, and how.
#[derive(Clone)]
pub(crate) struct Authority {
    pub(crate) base: Url,
    pub(crate) exchange: Exchange,
}

/// What a sign-in gave.
pub(crate) struct TokenAnswer {
    pub(crate) access: AccessToken,
    pub(crate) refresh: Option<Secret>,
    pub(crate) id_token: Option<Secret>,
}

impl Authority {
    /// An address of a tenant's sign-in. The tenant has been checked: it is one plain path segment.
    pub(crate) fn address(&self, tenant: &str, what: &str) -> String {
        format!("{}/{tenant}/oauth2/v2.0/{what}", self.base.as_str().trim_end_matches('/'))
    }

    /// Asks for a token, as often as the policy allows.
    pub(crate) async fn token(&self, tenant: &str, form: &Form) -> std::result::Result<TokenAnswer, Refusal> {
        let answer = self.post(&self.address(tenant, "token"), form).await?;
        self.read(&answer)
    }

    /// Asks for a token once.
    pub(crate) async fn token_once(
        &self,
        tenant: &str,
        form: &Form,
    ) -> std::result::Result<TokenAnswer, Refusal> {
        let answer = Self::post_once(&self.exchange, &self.address(tenant, "token"), form).await?;
        self.read(&answer)
    }

    fn read(&self, answer: &Answer) -> std::result::Result<TokenAnswer, Refusal> {
        let wire: EntraToken = serde_json::from_slice(without_mark(&answer.body)).map_err(|_| {
            // Never shown or kept: the parser's error may repeat the token.
            Refusal::finally(no_token(answer.status))
        })?;
        wire.into_answer(self.exchange.clock.now()).map_err(Refusal::finally)
    }

    /// Posts a form, as often as the policy allows, and gives the answer if it is a success.
    ///
    /// A form that serves once is repeated only where it was certainly not read.
    pub(crate) async fn post(&self, address: &str, form: &Form) -> std::result::Result<Answer, Refusal> {
        let exchange = &self.exchange;
        let deadline = exchange.clock.monotonic().saturating_add(exchange.limits.operation);
        let mut tries = 1;
        loop {
            let refusal = match Self::post_once(&exchange.until(deadline), address, form).await {
                Err(refusal) => refusal,
                done => return done,
            };
            let unread = refusal.outcome == Outcome::NeverSent || refusal.error.retry_after().is_some();
            match exchange.wait_after(&refusal, tries, deadline).filter(|_| unread || !form.serves_once()) {
                Some(wait) => exchange.clock.sleep(wait).await,
                None => return Err(refusal),
            }
            tries += 1;
        }
    }

    /// Posts a form once.
    pub(crate) async fn post_once(
        exchange: &Exchange,
        address: &str,
        form: &Form,
    ) -> std::result::Result<Answer, Refusal> {
        let request = Request::post(address)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(form.bytes())
            .map_err(|_| {
                Refusal::finally(
                    Error::new(ErrorKind::InvalidRequest, OPERATION)
                        .with_message("the sign-in address cannot be built"),
                )
            })?;
        let mut answer = exchange.send(WHOM, request).await?;
        if (200..300).contains(&answer.status) {
            return Ok(answer);
        }
        // Some gateways repeat what they refuse.
        form.take_out_of(&mut answer.body);
        Err(refusal(&answer))
    }
}

/// A body without the mark that some proxies put before it.
fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body)
}

/// What is told of an answer that is none. Nothing of it is shown.
fn no_token(status: u16) -> Error {
    let kind = if status >= 500 { ErrorKind::Unavailable } else { ErrorKind::Decode };
    Error::new(kind, OPERATION)
        .with_message("the sign-in service answered with something that is no token")
        .with_hint("check the authority, and that no proxy or portal answers in its place")
}

/// A refusal in the service's own terms, or as far as its status tells.
fn refusal(answer: &Answer) -> Refusal {
    let outcome = match Outcome::of_status(answer.status, answer.hint.is_some()) {
        // Nothing is created by asking for a token: an ambiguous failure is as good as being turned away.
        Outcome::Ambiguous => Outcome::TurnedAway,
        other => other,
    };
    let said: Option<EntraError> = serde_json::from_slice(without_mark(&answer.body)).ok();
    let (mut error, word, claims) = match said {
        Some(said) => {
            let (word, claims) = (said.error.clone(), said.claims.clone());
            (said.into_error(answer.status), word, claims)
        }
        None => (no_token(answer.status), String::new(), None),
    };
    error = error.with_status(answer.status);
    if let Some(hint) = answer.hint {
        error = error.with_retry_after(hint);
    }
    if answer.status == 429 {
        error = error.with_kind(ErrorKind::RateLimited);
    }
    let outcome = match (outcome, word.as_str()) {
        (Outcome::Final, "temporarily_unavailable" | "server_error") => Outcome::TurnedAway,
        (outcome, _) => outcome,
    };
    Refusal { error, outcome, word, claims, server_time: answer.server_time() }
}

/// A token as it stands on the wire: never in a plain string.
pub(super) struct Wiped(Zeroizing<String>);

impl<'de> Deserialize<'de> for Wiped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Wiped;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a token")
            }
            fn visit_str<E>(self, text: &str) -> std::result::Result<Wiped, E> {
                Ok(Wiped(Zeroizing::new(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl Wiped {
    pub(super) fn secret(&self) -> Secret {
        Secret::new(self.0.as_str())
    }
}

/// A token answer, read leniently: numbers come as texts from some issuers.
#[derive(Deserialize)]
pub(super) struct EntraToken {
    access_token: Wiped,
    #[serde(default)]
    refresh_token: Option<Wiped>,
    #[serde(default)]
    id_token: Option<Wiped>,
    #[serde(default, deserialize_with = "lenient::text")]
    token_type: Option<String>,
    #[serde(default, deserialize_with = "lenient::integer")]
    expires_in: Option<i64>,
    /// Seconds since 1970; from managed identities alone.
    #[serde(default, deserialize_with = "lenient::integer")]
    expires_on: Option<i64>,
    #[serde(default, deserialize_with = "lenient::integer")]
    refresh_in: Option<i64>,
}

/// A token is taken to live this long when its issuer does not say.
const UNSTATED_LIFE: Duration = Duration::from_secs(300);
/// And never longer than this, whatever its issuer says.
const LONGEST_LIFE: Duration = Duration::from_secs(28 * 3600);

/// What is suggested sooner is no suggestion.
const SOONEST_REFRESH: Duration = Duration::from_secs(60);

impl EntraToken {
    /// Reads the answer of a managed identity's endpoint, which has the same fields.
    pub(super) fn read(body: &[u8], now: DateTime<Utc>) -> Result<TokenAnswer> {
        let wire: Self = serde_json::from_slice(without_mark(body)).map_err(|_| no_token(200))?;
        wire.into_answer(now)
    }

    fn into_answer(self, now: DateTime<Utc>) -> Result<TokenAnswer> {
        let wrong = |message: &str| Err(Error::new(ErrorKind::Decode, OPERATION).with_message(message));
        let secret = self.access_token.secret();
        if secret.expose().is_empty() || !secret.expose().bytes().all(|b| b.is_ascii_graphic()) {
            return wrong("the sign-in service gave a token that cannot be sent");
        }
        if self.token_type.is_some_and(|t| !t.eq_ignore_ascii_case("bearer")) {
            return wrong("the sign-in service gave a token that is no bearer token");
        }
        // An end in the past says that this machine's clock is wrong: the token is new.
        let until =
            |at: i64| DateTime::from_timestamp(at, 0).map(|at| (at - now).num_seconds()).filter(|s| *s > 0);
        let stated = self.expires_in.or_else(|| self.expires_on.and_then(until)).filter(|s| *s != 0);
        if stated.is_some_and(|s| s < 0) {
            return wrong("the sign-in service gave a token that has already expired");
        }
        let seconds = |value: Option<i64>| value.and_then(|s| u64::try_from(s).ok()).map(Duration::from_secs);
        let life = seconds(stated).unwrap_or(UNSTATED_LIFE).min(LONGEST_LIFE);
        Ok(TokenAnswer {
            access: AccessToken {
                secret,
                life: Some(life),
                refresh_in: seconds(self.refresh_in).filter(|r| *r >= SOONEST_REFRESH && *r < life),
            },
            refresh: self.refresh_token.map(|t| t.secret()),
            id_token: self.id_token.map(|t| t.secret()),
        })
    }
}

/// A refusal as Entra writes it.
#[derive(Debug, Deserialize)]
struct EntraError {
    error: String,
    #[serde(default, deserialize_with = "lenient::text")]
    error_description: Option<String>,
    #[serde(default, deserialize_with = "lenient::integers")]
    error_codes: Vec<i64>,
    #[serde(default, deserialize_with = "lenient::text")]
    correlation_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    trace_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    suberror: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    claims: Option<String>,
}

/// A refusal in the words of an authorize answer or of a token endpoint.
pub(super) fn refused(error: &str, description: &str, status: u16) -> Error {
    EntraError {
        error: error.to_owned(),
        error_description: Some(description.to_owned()),
        error_codes: Vec::new(),
        correlation_id: None,
        trace_id: None,
        suberror: None,
        claims: None,
    }
    .into_error(status)
}

impl EntraError {
    fn into_error(self, status: u16) -> Error {
        let description = self.error_description.unwrap_or_default();
        // What follows the first line is ids and a time stamp.
        let text = description.split(['\r', '\n']).next().unwrap_or_default();
        let text = text.split(" Trace ID:").next().unwrap_or_default();
        let codes: Vec<i64> = if self.error_codes.is_empty() {
            aadsts::codes_in(&description).collect()
        } else {
            self.error_codes
        };
        let kind = match self.error.as_str() {
            "invalid_client" | "unauthorized_client" => ErrorKind::Unauthenticated,
            "invalid_grant" | "interaction_required" | "login_required" | "consent_required" => {
                ErrorKind::InteractionRequired
            }
            "access_denied" | "authorization_declined" => ErrorKind::PermissionDenied,
            "temporarily_unavailable" | "server_error" => ErrorKind::Unavailable,
            _ if status >= 500 => ErrorKind::Unavailable,
            _ => ErrorKind::Unauthenticated,
        };
        let code = match (codes.first(), &self.suberror) {
            (Some(code), _) => format!("{}, AADSTS{code}", self.error),
            (None, Some(suberror)) => format!("{}, {suberror}", self.error),
            (None, None) => self.error.clone(),
        };
        let message = if text.is_empty() { "the sign-in service refused" } else { text };
        let hint = codes.iter().find_map(|code| aadsts::hint(*code)).or_else(|| by_word(&self.error));
        let mut error = Error::new(kind, OPERATION).with_message(message).with_code(code);
        if let Some(id) = self.correlation_id.or(self.trace_id) {
            error = error.with_request_id(id);
        }
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

/// What to do, where no number says it better.
fn by_word(error: &str) -> Option<&'static str> {
    Some(match error {
        "invalid_request" | "unsupported_grant_type" => {
            "the sign-in request was malformed: report it with the request id"
        }
        "bad_verification_code" => "the device code is wrong: start the sign-in again",
        "invalid_client" | "unauthorized_client" => {
            "check client id and tenant id, and that the secret, certificate or federated token is the right one and has not expired"
        }
        "invalid_grant" | "interaction_required" | "login_required" => "sign in again",
        "consent_required" => "grant admin consent for the listed API permissions",
        "access_denied" | "authorization_declined" => {
            "the sign-in was declined: sign in again and accept, or ask an administrator for consent"
        }
        "invalid_scope" | "invalid_resource" => {
            "the service is not known here: check the cloud, and that the product is licensed and set up"
        }
        _ => return None,
    })
}
