//! The token request: oauth2's form and types over our own exchange.
//!
//! oauth2's errors are converted at once: their `Debug` prints the answer, access token included.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{self, Either};
use oauth2::basic::{BasicRevocationErrorResponse, BasicTokenType};
use oauth2::{
    AuthType, ClientId, ClientSecret, EndpointNotSet, EndpointSet, ErrorResponse, HttpRequest, HttpResponse,
    RequestTokenError, Scope, StandardRevocableToken, StandardTokenIntrospectionResponse, TokenResponse,
    TokenUrl,
};
use pocketsoc_model::{Clock, Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use url::Url;
use zeroize::Zeroizing;

use super::{AccessToken, aadsts};
use crate::Secret;
use crate::body::Body;
use crate::connection::TimeLimits;
use crate::http_send::{HttpSend, SendError};
use crate::lenient;
use crate::retry::{Outcome, server_hint};

/// Largest token answer that is read.
const LARGEST_ANSWER: u64 = 1024 * 1024;
const OPERATION: &str = "sign in";

/// Where tokens are asked for, and how.
#[derive(Clone)]
pub(crate) struct Authority {
    pub(crate) base: Url,
    pub(crate) http: Arc<dyn HttpSend>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: TimeLimits,
}

/// A failed attempt, with what decides on repeating it.
pub(crate) struct Refusal {
    pub(crate) error: Error,
    pub(crate) outcome: Outcome,
}

impl Authority {
    /// The same, with no attempt longer than what is left until then.
    pub(crate) fn within(&self, deadline: Duration) -> Self {
        let left = deadline.saturating_sub(self.clock.monotonic());
        Self { limits: self.limits.with_attempt(self.limits.attempt.min(left)), ..self.clone() }
    }

    /// One attempt to get a token for an application by its secret.
    ///
    /// Follows "Microsoft identity platform and the OAuth 2.0 client credentials flow".
    pub(crate) async fn client_secret(
        &self,
        tenant: &str,
        client_id: &str,
        secret: &Secret,
        scope: &str,
    ) -> std::result::Result<AccessToken, Refusal> {
        let base = self.base.as_str().trim_end_matches('/');
        let address = TokenUrl::new(format!("{base}/{tenant}/oauth2/v2.0/token")).map_err(|_| Refusal {
            error: Error::new(ErrorKind::InvalidRequest, OPERATION)
                .with_message("the sign-in address cannot be built"),
            outcome: Outcome::Final,
        })?;
        let exchange = Exchange { authority: self, facts: Mutex::default() };
        // The crate's secret is a plain String; ours lives on, so this copy is the only one out of reach.
        let client: EntraClient = oauth2::Client::new(ClientId::new(client_id.to_owned()))
            .set_client_secret(ClientSecret::new(secret.expose().to_owned()))
            .set_auth_type(AuthType::RequestBody)
            .set_token_uri(address);
        let answer = client
            .exchange_client_credentials()
            .add_scope(Scope::new(scope.to_owned()))
            .request_async(&exchange)
            .await;
        let facts = exchange.facts.into_inner().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(token) => token.into_token().map_err(|error| Refusal { error, outcome: Outcome::Final }),
            Err(error) => Err(refusal(error, facts)),
        }
    }
}

type EntraClient = oauth2::Client<
    EntraError,
    EntraToken,
    StandardTokenIntrospectionResponse<oauth2::EmptyExtraTokenFields, BasicTokenType>,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// What the exchange saw and oauth2 does not pass on.
#[derive(Default)]
struct Facts {
    status: Option<u16>,
    hint: Option<Duration>,
    /// The exchange itself failed, before there was an answer to read.
    failure: Option<(Error, Outcome)>,
}

/// oauth2's HTTP client, over our own exchange.
struct Exchange<'a> {
    authority: &'a Authority,
    facts: Mutex<Facts>,
}

/// Says nothing: the reason is in [`Facts`].
#[derive(Debug)]
struct ExchangeFailed;

impl std::fmt::Display for ExchangeFailed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the exchange failed")
    }
}

impl std::error::Error for ExchangeFailed {}

impl<'c> oauth2::AsyncHttpClient<'c> for Exchange<'_> {
    type Error = ExchangeFailed;
    type Future =
        Pin<Box<dyn Future<Output = std::result::Result<HttpResponse, ExchangeFailed>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            self.exchange(request).await.map_err(|failure| {
                self.facts.lock().unwrap_or_else(PoisonError::into_inner).failure = Some(failure);
                ExchangeFailed
            })
        })
    }
}

impl Exchange<'_> {
    async fn exchange(&self, request: HttpRequest) -> std::result::Result<HttpResponse, (Error, Outcome)> {
        let Authority { http, clock, limits, .. } = self.authority;
        let request = request.map(|form| Bytes::from_owner(Zeroizing::new(form)));
        let begun = clock.monotonic();
        let head = match future::select(http.send(request), clock.sleep(limits.attempt)).await {
            Either::Left((head, _)) => head.map_err(|e| no_answer(&e))?,
            Either::Right(_) => return Err(late(limits)),
        };
        let (head, body) = head.into_parts();
        let status = head.status.as_u16();
        if (300..400).contains(&status) {
            let error = Error::new(ErrorKind::Untrusted, OPERATION)
                .with_message("the sign-in service answered with a redirect, which is not followed")
                .with_status(status)
                .with_hint("check the authority, and that no proxy or portal answers in its place");
            return Err((error, Outcome::Final));
        }
        {
            let mut facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
            facts.status = Some(status);
            facts.hint = server_hint(&head.headers, clock.now());
        }
        let mut body = Body::new(body, Arc::clone(clock), OPERATION, limits.stall, LARGEST_ANSWER);
        let left = limits.attempt.saturating_sub(clock.monotonic().saturating_sub(begun));
        let reading = async {
            // Room for any token, so that no copy is left behind by growing; oauth2's own copy is out of reach.
            let mut answer = Zeroizing::new(Vec::with_capacity(64 * 1024));
            while let Some(chunk) = body.chunk().await? {
                answer.extend_from_slice(&chunk);
            }
            Ok(answer)
        };
        let body = match future::select(Box::pin(reading), clock.sleep(left)).await {
            Either::Left((answer, _)) => answer.map_err(|error: Error| (error, Outcome::Ambiguous))?.to_vec(),
            Either::Right(_) => return Err(late(limits)),
        };
        Ok(http::Response::from_parts(head, body))
    }
}

fn late(limits: &TimeLimits) -> (Error, Outcome) {
    let error = Error::new(ErrorKind::Timeout, OPERATION)
        .with_message(format!("the sign-in service did not answer within {:.1?}", limits.attempt));
    (error, Outcome::Ambiguous)
}

fn no_answer(error: &SendError) -> (Error, Outcome) {
    let outcome = if error.was_never_sent() { Outcome::NeverSent } else { Outcome::Ambiguous };
    let error = Error::new(ErrorKind::Unavailable, OPERATION)
        .with_message(format!("the sign-in service cannot be reached: {error}"))
        .with_source(error.clone());
    (error, outcome)
}

fn refusal(error: RequestTokenError<ExchangeFailed, EntraError>, facts: Facts) -> Refusal {
    if let Some((error, outcome)) = facts.failure {
        return Refusal { error, outcome };
    }
    let status = facts.status.unwrap_or_default();
    let outcome = match Outcome::of_status(status, facts.hint.is_some()) {
        // Nothing is created by asking for a token: an ambiguous failure is as good as being turned away.
        Outcome::Ambiguous => Outcome::TurnedAway,
        other => other,
    };
    let mut out = match error {
        RequestTokenError::ServerResponse(answer) => answer.into_error(status),
        // Never shown or kept: it carries the whole answer.
        _ => Error::new(if status >= 500 { ErrorKind::Unavailable } else { ErrorKind::Decode }, OPERATION)
            .with_message("the sign-in service answered with something that is no token")
            .with_hint("check the authority, and that no proxy or portal answers in its place"),
    };
    if status > 0 {
        out = out.with_status(status);
    }
    if let Some(hint) = facts.hint {
        out = out.with_retry_after(hint);
    }
    if status == 429 {
        out = out.with_kind(ErrorKind::RateLimited);
    }
    Refusal { error: out, outcome }
}

/// A token answer, read leniently: numbers come as texts from some issuers.
#[derive(Deserialize, Serialize)]
struct EntraToken {
    access_token: oauth2::AccessToken,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default, deserialize_with = "lenient::integer")]
    expires_in: Option<i64>,
    #[serde(default, deserialize_with = "lenient::integer")]
    refresh_in: Option<i64>,
}

impl std::fmt::Debug for EntraToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EntraToken(***)")
    }
}

impl TokenResponse for EntraToken {
    type TokenType = BasicTokenType;

    fn access_token(&self) -> &oauth2::AccessToken {
        &self.access_token
    }
    fn token_type(&self) -> &BasicTokenType {
        &BasicTokenType::Bearer
    }
    fn expires_in(&self) -> Option<Duration> {
        self.expires_in.and_then(|s| u64::try_from(s).ok()).map(Duration::from_secs)
    }
    fn refresh_token(&self) -> Option<&oauth2::RefreshToken> {
        None
    }
    fn scopes(&self) -> Option<&Vec<Scope>> {
        None
    }
}

/// A token is taken to live this long when its issuer does not say.
const UNSTATED_LIFE: Duration = Duration::from_secs(300);
/// And never longer than this, whatever its issuer says.
const LONGEST_LIFE: Duration = Duration::from_secs(28 * 3600);

impl EntraToken {
    fn into_token(self) -> Result<AccessToken> {
        let wrong = |message: &str| Err(Error::new(ErrorKind::Decode, OPERATION).with_message(message));
        let secret = Secret::new(self.access_token.into_secret());
        if secret.expose().is_empty() || !secret.expose().bytes().all(|b| b.is_ascii_graphic()) {
            return wrong("the sign-in service gave a token that cannot be sent");
        }
        if self.token_type.is_some_and(|t| !t.eq_ignore_ascii_case("bearer")) {
            return wrong("the sign-in service gave a token that is no bearer token");
        }
        let seconds = |value: Option<i64>| value.and_then(|s| u64::try_from(s).ok()).map(Duration::from_secs);
        if self.expires_in.is_some_and(|s| s < 0) {
            return wrong("the sign-in service gave a token that has already expired");
        }
        let life = seconds(self.expires_in).unwrap_or(UNSTATED_LIFE).min(LONGEST_LIFE);
        Ok(AccessToken {
            secret,
            life: Some(life),
            refresh_in: seconds(self.refresh_in).filter(|r| *r < life),
        })
    }
}

/// A refusal as Entra writes it.
#[derive(Debug, Deserialize, Serialize)]
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
}

impl std::fmt::Display for EntraError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.error)
    }
}

impl ErrorResponse for EntraError {}

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
        let hint = codes.iter().find_map(|code| aadsts::hint(*code)).or_else(|| {
            matches!(kind, ErrorKind::Unauthenticated).then_some(
                "check client id, client secret and tenant id, and that the secret has not expired",
            )
        });
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
