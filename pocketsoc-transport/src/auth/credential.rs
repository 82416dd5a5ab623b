//! What a connection signs in with.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use pocketsoc_model::{Error, ErrorKind, Result};

use super::application::Application;
use super::azure_cli::AzureCli;
use super::exchange::OPERATION;
use super::ids::{check_client_id, check_tenant, refused};
use super::session::Session;
use super::{AccessToken, Ask, Authority, Grants, ManagedIdentity, Proof, expiry};
use crate::Secret;
use crate::secret_source::{SecretSource, StoredSecret};

/// What a connection signs in with.
///
/// Where a [`SecretSource`] is taken, a [`Secret`](crate::Secret) serves as well; what can change (a variable, a file,
/// a vault) is read anew for each token request, and once more when it is refused.
///
/// ```
/// use pocketsoc_transport::{Credential, Secret, StoredSecret};
/// let fixed = Credential::client_secret("contoso.onmicrosoft.com", "11111111-…", Secret::new("…"));
/// assert!(!format!("{fixed:?}").contains('…'), "nothing of it is printed but the tenant");
/// let rotated = Credential::client_secret("contoso.onmicrosoft.com", "11111111-…", StoredSecret::env("MDE_SECRET"));
/// ```
#[derive(Clone)]
pub struct Credential {
    kind: Kind,
    ends: Ends,
}

#[derive(Clone)]
enum Kind {
    Application(Box<Application>),
    Token(Arc<dyn SecretSource>),
    ManagedIdentity(ManagedIdentity),
    AzureCli(AzureCli),
    Session(Session),
    #[cfg(feature = "azure")]
    Azure(super::azure::AzureCredential),
}

/// When something of a credential ends.
#[derive(Clone, Default)]
struct Ends {
    /// What an administrator has noted.
    noted: Option<DateTime<Utc>>,
    /// What the credential itself said when it was last read.
    seen: Arc<Mutex<Option<DateTime<Utc>>>>,
}

impl Credential {
    fn of(kind: Kind) -> Self {
        Self { kind, ends: Ends::default() }
    }

    fn of_application(
        tenant: impl Into<String>,
        client_id: impl Into<String>,
        proof: Proof,
        user: Option<Secret>,
    ) -> Self {
        let (tenant, client_id) = (tenant.into(), client_id.into());
        Self::of(Kind::Application(Box::new(Application { tenant, client_id, proof, user })))
    }

    /// App permissions: the tenant (id or verified domain), the application's client id, and its secret's value.
    pub fn client_secret(
        tenant: impl Into<String>,
        client_id: impl Into<String>,
        secret: impl SecretSource,
    ) -> Self {
        Self::application(tenant, client_id, Proof::secret(secret))
    }

    /// App permissions with a token of another issuer that the application trusts, such as the one that a platform
    /// mounts as a file (workload identity federation).
    pub fn federated(
        tenant: impl Into<String>,
        client_id: impl Into<String>,
        token: impl SecretSource,
    ) -> Self {
        Self::application(tenant, client_id, Proof::federated(token))
    }

    /// App permissions by what the platform's workload identity has set: `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and
    /// `AZURE_FEDERATED_TOKEN_FILE`.
    ///
    /// # Errors
    /// `InvalidRequest` that names the variable which is not set.
    pub fn workload_identity() -> Result<Self> {
        let variable = |name: &str| {
            std::env::var(name).ok().filter(|value| !value.is_empty()).ok_or_else(|| {
                refused(&format!("the environment variable {name} is not set")).with_hint(
                    "the platform sets it where workload identity is enabled for the service account",
                )
            })
        };
        let (tenant, client) = (variable("AZURE_TENANT_ID")?, variable("AZURE_CLIENT_ID")?);
        Ok(Self::federated(tenant, client, StoredSecret::file(variable("AZURE_FEDERATED_TOKEN_FILE")?)))
    }

    /// App permissions with any proof.
    pub fn application(tenant: impl Into<String>, client_id: impl Into<String>, proof: Proof) -> Self {
        Self::of_application(tenant, client_id, proof, None)
    }

    /// The permissions of a user who has called this application with a token for it (on-behalf-of). `user_token` is
    /// that token. A connection with it is that user's alone: build one for each user.
    pub fn on_behalf_of(
        tenant: impl Into<String>,
        client_id: impl Into<String>,
        proof: Proof,
        user_token: Secret,
    ) -> Self {
        Self::of_application(tenant, client_id, proof, Some(user_token))
    }

    /// App permissions of the machine or the App Service that the program runs on.
    pub fn managed_identity(identity: ManagedIdentity) -> Self {
        Self::of(Kind::ManagedIdentity(identity))
    }

    /// The permissions of whoever is signed in to the Azure CLI on this machine, in this tenant or the CLI's own; for
    /// developers.
    pub fn azure_cli(tenant: Option<&str>) -> Self {
        Self::of(Kind::AzureCli(AzureCli { tenant: tenant.map(str::to_owned) }))
    }

    /// Whatever a credential of the Azure SDK has, such as one of `azure_identity`.
    #[cfg(feature = "azure")]
    pub fn azure(credential: Arc<dyn azure_core::credentials::TokenCredential>) -> Self {
        Self::of(Kind::Azure(super::azure::AzureCredential(credential)))
    }

    /// App permissions with a certificate.
    #[cfg(feature = "certificate")]
    pub fn certificate(
        tenant: impl Into<String>,
        client_id: impl Into<String>,
        certificate: impl super::CertificateSource,
    ) -> Self {
        Self::application(tenant, client_id, Proof::certificate(certificate))
    }

    /// The permissions of a user who has signed in to this session.
    pub fn session(session: Session) -> Self {
        Self::of(Kind::Session(session))
    }

    /// A ready bearer token, such as one from another tool. It is used as it is until it expires.
    pub fn token(token: impl SecretSource) -> Self {
        Self::of(Kind::Token(Arc::new(token)))
    }

    /// Notes when the secret ends, as the portal shows it. It is warned about from 30 days ahead on.
    #[must_use]
    pub fn with_noted_expiry(mut self, at: DateTime<Utc>) -> Self {
        self.ends.noted = Some(at);
        self
    }

    /// When something of it ends, as far as is known: what was noted, or what the credential itself says once read.
    pub(crate) fn expires_at(&self) -> Option<DateTime<Utc>> {
        let seen = *self.ends.seen.lock().unwrap_or_else(PoisonError::into_inner);
        [self.ends.noted, seen].into_iter().flatten().min()
    }

    /// The tenant and the client id, where it knows them: whom a service counts its calls for.
    pub(crate) fn account(&self) -> Option<(&str, &str)> {
        match &self.kind {
            Kind::Application(application) => Some((&application.tenant, &application.client_id)),
            Kind::Session(session) => Some((session.tenant(), session.client_id())),
            _ => None,
        }
    }

    /// Changes whenever another user has signed in: what was got before is of no use then.
    pub(crate) fn epoch(&self) -> u64 {
        self.of_user().map_or(0, Session::epoch)
    }

    /// The session, where it is one.
    pub(crate) fn of_user(&self) -> Option<&Session> {
        match &self.kind {
            Kind::Session(session) => Some(session),
            _ => None,
        }
    }

    /// A token from wherever it comes. Whatever goes wrong on the way is told as what it is: a failed sign-in.
    pub(crate) async fn fetch(&self, authority: &Authority, ask: &Ask<'_>) -> Result<AccessToken> {
        self.token_of(authority, ask).await.map_err(|error| {
            if error.operation() == OPERATION {
                return error;
            }
            let message = format!("{}: {}", error.operation(), error.message());
            error.with_operation(OPERATION).with_message(message)
        })
    }

    async fn token_of(&self, authority: &Authority, ask: &Ask<'_>) -> Result<AccessToken> {
        let now = authority.exchange.clock.now();
        if let Some(at) = self.ends.noted {
            expiry::warn("credential", at, now);
        }
        match &self.kind {
            Kind::Application(application) => application.token(authority, ask, |at| self.saw(at)).await,
            Kind::Token(source) => self.ready_token(&**source, now).await,
            Kind::ManagedIdentity(identity) => identity.token(&authority.exchange, ask).await,
            Kind::AzureCli(cli) => cli.token(&authority.exchange, ask).await,
            Kind::Session(session) => session.token(authority, ask, |at| self.saw(at)).await,
            #[cfg(feature = "azure")]
            Kind::Azure(credential) => credential.token(&authority.exchange, ask).await,
        }
    }

    fn saw(&self, end: DateTime<Utc>) {
        *self.ends.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
    }

    async fn ready_token(&self, source: &dyn SecretSource, now: DateTime<Utc>) -> Result<AccessToken> {
        let secret = source.read().await?;
        check_token(&secret)?;
        let end = Grants::read(secret.expose()).and_then(|grants| grants.expires_at);
        let life = match end.map(|at| (at - now).to_std()) {
            None => None,
            Some(Ok(left)) if left > super::LEAST_LIFE => Some(left),
            Some(_) => {
                return Err(Error::new(ErrorKind::Unauthenticated, "sign in")
                    .with_message("the ready token has expired")
                    .with_hint("fetch a new token; one lives for about an hour"));
            }
        };
        if let Some(at) = end {
            self.saw(at);
        }
        Ok(AccessToken { secret, life, refresh_in: life })
    }

    /// Checks what can be checked without asking anybody.
    pub(crate) fn validate(&self) -> Result<()> {
        match &self.kind {
            Kind::Application(application) => {
                check_tenant(&application.tenant)?;
                check_client_id(&application.client_id)?;
                application.proof.check()
            }
            Kind::Token(source) => source.known().map_or(Ok(()), check_token),
            Kind::ManagedIdentity(_) => Ok(()),
            Kind::AzureCli(cli) => cli.tenant.as_deref().map_or(Ok(()), check_tenant),
            Kind::Session(session) => session.validate(),
            #[cfg(feature = "azure")]
            Kind::Azure(_) => Ok(()),
        }
    }
}

fn check_token(token: &Secret) -> Result<()> {
    if token.expose().is_empty() || !token.expose().bytes().all(|b| b.is_ascii_graphic()) {
        return Err(refused("the token is empty or not a bearer token")
            .with_hint("give the token alone, without `Bearer`"));
    }
    Ok(())
}

impl From<Session> for Credential {
    fn from(session: Session) -> Self {
        Self::session(session)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Application(application) => f
                .debug_struct("Application")
                .field("tenant", &application.tenant)
                .field("proof", &application.proof)
                .finish_non_exhaustive(),
            Kind::Token(_) => f.write_str("Token(***)"),
            Kind::ManagedIdentity(identity) => identity.fmt(f),
            Kind::AzureCli(cli) => cli.fmt(f),
            Kind::Session(session) => session.fmt(f),
            #[cfg(feature = "azure")]
            Kind::Azure(credential) => credential.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_that_would_change_the_sign_in_path_is_refused() {
        for bad in ["", ".", "..", "...", "a/b", "a b", "té", "a?b", "common", "Organizations", "a%2fb"] {
            let credential = Credential::client_secret(bad, "client", Secret::new("s"));
            assert_eq!(credential.validate().unwrap_err().kind(), ErrorKind::InvalidRequest, "{bad}");
        }
        assert!(Credential::client_secret("contoso.example", "c-1", Secret::new("s")).validate().is_ok());
        assert!(Credential::client_secret("contoso.example", "", Secret::new("s")).validate().is_err());
        assert!(Credential::client_secret("contoso.example", "c", Secret::new("")).validate().is_err());
        assert!(Credential::azure_cli(Some("a b")).validate().is_err());
        assert!(Credential::token(Secret::new("a b")).validate().is_err());
    }
}
