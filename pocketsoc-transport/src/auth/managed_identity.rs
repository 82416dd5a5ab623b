//! Managed identities: tokens from the platform that the program runs on, without any secret.
//!
//! Follows "How to use managed identities for Azure resources on an Azure VM to acquire an access token" and "How to use
//! managed identities for App Service and Azure Functions".

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use pocketsoc_model::{Error, ErrorKind, Result};
use url::Url;
use zeroize::Zeroizing;

use super::entra::EntraToken;
use super::exchange::{Answer, Exchange, OPERATION, Refusal};
use super::{AccessToken, Ask};
use crate::retry::Outcome;
use crate::{Secret, lenient};

/// The address of the instance metadata service, the same in every cloud.
const IMDS: &str = "http://169.254.169.254/metadata/identity/oauth2/token";
/// The waits before each further try, as the vendor advises.
const WAITS: [u64; 4] = [2, 6, 14, 30];
/// After 410 the service is being renewed: it is asked for at least this long.
const RENEWAL: Duration = Duration::from_secs(70);
/// What other platforms set, whose dialects are others.
const OTHERS: [&str; 2] = ["IMDS_ENDPOINT", "IDENTITY_SERVER_THUMBPRINT"];
const ELSEWHERE: &str = "a managed identity is there on Azure only: elsewhere sign in with a secret, a certificate or a federated token";
/// One try takes no longer: off Azure, nobody answers.
const ATTEMPT: Duration = Duration::from_secs(10);

/// Which identity of the machine.
///
/// Roles are assigned to the identity: for Microsoft Graph and Defender for Endpoint as app roles of their service
/// principals (by API or PowerShell; the portal has no button for it), for Azure as a role on the subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedIdentity(Which);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Which {
    System,
    Client(String),
    Object(String),
    Resource(String),
}

impl ManagedIdentity {
    /// The machine's own identity.
    pub fn system() -> Self {
        Self(Which::System)
    }

    /// A user-assigned identity by its client id.
    pub fn client_id(id: impl Into<String>) -> Self {
        Self(Which::Client(id.into()))
    }

    /// A user-assigned identity by its object (principal) id.
    pub fn object_id(id: impl Into<String>) -> Self {
        Self(Which::Object(id.into()))
    }

    /// A user-assigned identity by its Azure resource id.
    pub fn resource_id(id: impl Into<String>) -> Self {
        Self(Which::Resource(id.into()))
    }

    pub(crate) async fn token(&self, exchange: &Exchange, ask: &Ask<'_>) -> Result<AccessToken> {
        let place = Place::found(|name| std::env::var(name).ok())?;
        self.token_from(&place, exchange, ask).await
    }

    async fn token_from(&self, place: &Place, exchange: &Exchange, ask: &Ask<'_>) -> Result<AccessToken> {
        let attempt = exchange.limits.attempt.min(ATTEMPT);
        let patient = Exchange { limits: exchange.limits.with_attempt(attempt), ..exchange.clone() };
        let (mut waits, mut gone_since, mut silent) = (WAITS.into_iter(), None, 0);
        loop {
            let refusal = match patient.send(place.name(), self.request(place, ask.resource)?).await {
                Ok(answer) if (200..300).contains(&answer.status) => {
                    return EntraToken::read(&answer.body, exchange.clock.now()).map(|token| token.access);
                }
                Ok(answer) => {
                    if answer.status == 410 {
                        gone_since.get_or_insert_with(|| exchange.clock.monotonic());
                    }
                    refusal(place, &answer)
                }
                // Nobody answers where there is no such service: once more, and that is that.
                Err(refusal) => {
                    silent += 1;
                    let error = refusal.error.with_hint(ELSEWHERE);
                    if silent > 1 {
                        return Err(error);
                    }
                    Refusal { error, ..refusal }
                }
            };
            if refusal.outcome == Outcome::Final {
                return Err(refusal.error);
            }
            let since = gone_since.map(|since| exchange.clock.monotonic().saturating_sub(since));
            let renewing = since.is_some_and(|since| since < RENEWAL);
            let Some(seconds) = waits.next().or(renewing.then_some(30)) else { return Err(refusal.error) };
            let wait = Duration::from_secs(seconds).max(refusal.error.retry_after().unwrap_or_default());
            exchange.clock.sleep(wait.min(RENEWAL)).await;
        }
    }

    fn request(&self, place: &Place, resource: &str) -> Result<Request<Bytes>> {
        let wrong = |message: &str| Error::new(ErrorKind::InvalidRequest, OPERATION).with_message(message);
        let mut url = place.address().clone();
        let app_service = matches!(place, Place::AppService { .. });
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("api-version", if app_service { "2019-08-01" } else { "2018-02-01" });
            query.append_pair("resource", resource);
            match &self.0 {
                Which::System => {}
                Which::Client(id) => drop(query.append_pair("client_id", id)),
                Which::Object(id) => drop(query.append_pair("object_id", id)),
                Which::Resource(id) => {
                    query.append_pair(if app_service { "mi_res_id" } else { "msi_res_id" }, id);
                }
            }
        }
        let request = Request::get(url.as_str());
        let request = match place {
            Place::Machine(_) => request.header("metadata", "true"),
            Place::AppService { key, .. } => {
                let key = Zeroizing::new(key.expose().as_bytes().to_vec());
                let mut value = http::HeaderValue::from_maybe_shared(Bytes::from_owner(key))
                    .map_err(|_| wrong("IDENTITY_HEADER holds characters that no header can carry"))?;
                value.set_sensitive(true);
                request.header("x-identity-header", value)
            }
        };
        request.body(Bytes::new()).map_err(|_| wrong("the request to the managed identity cannot be built"))
    }
}

/// Where the platform gives tokens.
enum Place {
    Machine(Url),
    AppService { url: Url, key: Secret },
}

impl Place {
    /// By the variables of the platform, read anew each time: they change while a program runs.
    fn found(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let wrong = || {
            Error::new(ErrorKind::InvalidRequest, OPERATION)
                .with_message("IDENTITY_ENDPOINT is no address on this machine")
                .with_hint("the platform sets it; do not set it yourself")
        };
        if let Some(name) = OTHERS.iter().find(|name| variable(name).is_some_and(|value| !value.is_empty())) {
            return Err(Error::new(ErrorKind::Unsupported, OPERATION)
                .with_message(format!(
                    "{name} is set: the managed identities of Azure Arc and Service Fabric are not supported"
                ))
                .with_hint("sign in with a certificate or a federated token there"));
        }
        match (variable("IDENTITY_ENDPOINT"), variable("IDENTITY_HEADER")) {
            (Some(address), Some(key)) => {
                let url = Url::parse(&address).map_err(|_| wrong())?;
                let near = url.host_str().is_some_and(crate::link::is_near);
                // Only plain http goes past every proxy.
                if !near || url.scheme() != "http" {
                    return Err(wrong());
                }
                Ok(Self::AppService { url, key: Secret::new(key) })
            }
            _ => Url::parse(IMDS).map(Self::Machine).map_err(|_| wrong()),
        }
    }

    fn address(&self) -> &Url {
        match self {
            Self::Machine(url) | Self::AppService { url, .. } => url,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Machine(_) => "the machine's identity service",
            Self::AppService { .. } => "the App Service's identity service",
        }
    }
}

/// A refusal of the platform's identity service.
fn refusal(place: &Place, answer: &Answer) -> Refusal {
    #[derive(serde::Deserialize)]
    struct Said {
        #[serde(default, deserialize_with = "lenient::text")]
        error: Option<String>,
        #[serde(default, deserialize_with = "lenient::text")]
        error_description: Option<String>,
        #[serde(default, deserialize_with = "lenient::text")]
        message: Option<String>,
    }
    let status = answer.status;
    let said: Option<Said> = serde_json::from_slice(&answer.body).ok();
    let text = said.as_ref().and_then(|s| s.error_description.clone().or_else(|| s.message.clone()));
    let text = text.unwrap_or_else(|| format!("{} answered {status}", place.name()));
    let text = match place {
        Place::AppService { key, .. } if !key.expose().is_empty() => text.replace(key.expose(), "***"),
        _ => text,
    };
    let outcome = match status {
        404 | 410 | 429 | 500.. => Outcome::TurnedAway,
        _ => Outcome::Final,
    };
    let kind = match status {
        429 => ErrorKind::RateLimited,
        404 | 410 | 500.. => ErrorKind::Unavailable,
        _ => ErrorKind::Unauthenticated,
    };
    let mut error = Error::new(kind, OPERATION).with_message(text).with_status(status);
    if let Some(code) = said.and_then(|s| s.error) {
        error = error.with_code(code);
    }
    if let Some(hint) = answer.hint {
        error = error.with_retry_after(hint);
    }
    match status {
        400 => error = error.with_hint("assign the identity to this machine, and check its client id"),
        401..=499 => error = error.with_hint(ELSEWHERE),
        _ => {}
    }
    Refusal::new(error, outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(endpoint: &str) -> Result<Place> {
        Place::found(|name| match name {
            "IDENTITY_ENDPOINT" => Some(endpoint.to_owned()),
            "IDENTITY_HEADER" => Some("canary".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn each_platform_is_asked_in_its_own_dialect() {
        let machine = Place::found(|_| None).unwrap();
        let request = ManagedIdentity::system().request(&machine, "https://graph.microsoft.com").unwrap();
        assert_eq!(
            request.uri().to_string(),
            "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fgraph.microsoft.com"
        );
        assert_eq!(request.headers()["metadata"], "true");
        let service = place("http://127.0.0.1:41741/msi/token").unwrap();
        let request = ManagedIdentity::resource_id("/subscriptions/s").request(&service, "r").unwrap();
        assert_eq!(
            request.uri().to_string(),
            "http://127.0.0.1:41741/msi/token?api-version=2019-08-01&resource=r&mi_res_id=%2Fsubscriptions%2Fs"
        );
        assert_eq!(request.headers()["x-identity-header"], "canary");
        assert!(!format!("{:?}", request.headers()).contains("canary"), "the key is not printed");
    }

    #[test]
    fn a_key_goes_to_this_machine_only() {
        assert!(place("http://169.254.129.2:8081/msi/token").is_ok(), "a container's own platform");
        for far in ["http://evil.example/", "https://evil.example/", "file:///etc/passwd", "nonsense", ""] {
            assert!(place(far).is_err(), "{far}");
        }
    }
}
