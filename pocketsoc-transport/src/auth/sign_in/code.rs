//! The authorization code with PKCE, in two steps: an address to open, and the address that comes back.

use std::fmt;

use oauth2::{CsrfToken, PkceCodeChallenge};
use pocketsoc_model::{Error, ErrorKind, Result};
use url::Url;

use super::{Account, SignIn, callback};
use crate::auth::claims_challenge;
use crate::auth::exchange::OPERATION;
use crate::auth::form::Form;
use crate::auth::session::Session;
use crate::{Secret, Service, link};

/// A sign-in that has begun and waits for the browser to come back.
///
/// Follows "Microsoft identity platform and OAuth 2.0 authorization code flow".
pub struct PendingSignIn {
    sign_in: SignIn,
    resource: String,
    url: Secret,
    redirect: Url,
    redirect_text: String,
    state: Secret,
    verifier: Secret,
    claims: Option<String>,
}

impl SignIn {
    /// Begins a sign-in whose browser comes back to `redirect`, one of those registered for the application, letter for
    /// letter: `pocketsoc://auth`, an https address, or http on this machine.
    ///
    /// The session then serves every service that the application has been granted; `service` is the one to begin with.
    ///
    /// # Errors
    /// `InvalidRequest` for a redirect URI that is none; `Unsupported` where the cloud does not offer the service.
    pub fn begin(&self, service: Service, redirect: &str) -> Result<PendingSignIn> {
        let resource = self.resource(service)?;
        let redirect_url = redirect_uri(redirect)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let verifier = Secret::new(verifier.into_secret());
        let state = Secret::new(CsrfToken::new_random().into_secret());
        let claims = self.session.wanted();
        let sent_claims = claims_challenge::to_send(claims.as_deref());
        // The fields of an address are encoded as those of a form are; this one is wiped as well.
        let mut query = Form::new(self.session.client_id())
            .with("response_type", "code")
            .with("redirect_uri", redirect)
            .with("response_mode", "query")
            .with("scope", &Session::scope(&resource))
            .with("state", state.expose())
            .with("code_challenge", challenge.as_str())
            .with("code_challenge_method", challenge.method().as_str())
            .with("claims", &sent_claims);
        if let Some(prompt) = self.prompt {
            query = query.with("prompt", prompt.word());
        }
        if let Some(name) = &self.login_hint {
            query = query.with("login_hint", name);
        }
        let address = self.authority().address(self.session.tenant(), "authorize");
        let url = Secret::new(format!("{address}?{}", query.as_query()));
        Ok(PendingSignIn {
            sign_in: self.clone(),
            resource,
            url,
            redirect: redirect_url,
            redirect_text: redirect.to_owned(),
            state,
            verifier,
            claims,
        })
    }
}

impl PendingSignIn {
    /// The address to open in a browser. It holds what ties the answer to this sign-in: show it to the user alone.
    pub fn url(&self) -> &str {
        self.url.expose()
    }

    /// Whether an address is the answer to this sign-in, be it a code or a refusal.
    pub(super) fn is_answered_by(&self, callback: &str) -> bool {
        callback::code(callback, &self.redirect, &self.state)
            .map_or_else(|error| error.kind() != ErrorKind::Untrusted, |_| true)
    }

    /// Ends the sign-in with the address that the browser came back to, whole: the session has begun then.
    ///
    /// # Errors
    /// `Untrusted` when the address is not the answer to this sign-in; it may still come. `PermissionDenied`,
    /// `InteractionRequired` and others when the sign-in service refused: begin again.
    pub async fn finish(&self, callback: &str) -> Result<Account> {
        let code = callback::code(callback, &self.redirect, &self.state)?;
        let session = &self.sign_in.session;
        let form = Form::new(session.client_id())
            .serving_once()
            .with("grant_type", "authorization_code")
            .with_secret("code", &code)
            .with("redirect_uri", &self.redirect_text)
            .with_secret("code_verifier", &self.verifier)
            .with("scope", &Session::scope(&self.resource))
            .with("claims", &claims_challenge::to_send(self.claims.as_deref()));
        let answer =
            session.ask(self.sign_in.authority(), form, |_| {}).await.map_err(|refusal| refusal.error)?;
        self.sign_in.finish(&self.resource, answer).await
    }
}

/// A redirect URI that tokens' codes may be sent to: a scheme of the application's own, https, or this machine.
fn redirect_uri(text: &str) -> Result<Url> {
    let refuse = |why: &str| {
        Err(Error::new(ErrorKind::InvalidRequest, OPERATION)
            .with_message(format!("the redirect URI {why}"))
            .with_hint("give one that is registered for the application, such as pocketsoc://auth"))
    };
    let Ok(url) = Url::parse(text) else { return refuse("is not an address") };
    if url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return refuse("must not contain a fragment or credentials");
    }
    let near = url.host_str().is_some_and(link::is_loopback);
    match url.scheme() {
        "http" if !near => refuse("uses http:// to another machine"),
        "javascript" | "data" | "file" | "blob" | "about" => refuse("is not one to come back to"),
        _ => Ok(url),
    }
}

impl fmt::Debug for PendingSignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingSignIn").field("redirect", &self.redirect_text).finish_non_exhaustive()
    }
}
