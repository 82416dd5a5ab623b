//! Signing a user in: in a browser that comes back to the application, in one on this machine, or on another device.

mod account;
mod callback;
mod code;
mod device;
mod loopback;

pub use account::Account;
pub use code::PendingSignIn;
pub use device::DeviceCode;

use std::fmt;

use pocketsoc_model::{Error, ErrorKind, Result};

use super::entra::{Authority, TokenAnswer};
use super::session::Session;
use crate::{Connection, Service};

/// Signs a user in to the session that a connection has.
///
/// ```no_run
/// # async fn example() -> pocketsoc_transport::Result<()> {
/// use pocketsoc_transport::{Cloud, Connection, MemoryStore, Service, Session};
/// let session = Session::new("contoso.example", "client id", MemoryStore::default());
/// let connection = Connection::new(session.into(), Cloud::Public)?;
/// let pending = connection.sign_in()?.begin(Service::DefenderEndpoint, "pocketsoc://auth")?;
/// // Open pending.url() in a browser; the platform hands the application the address that it comes back to.
/// let account = pending.finish("pocketsoc://auth?code=…&state=…").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SignIn {
    connection: Connection,
    session: Session,
    audience: Option<String>,
    login_hint: Option<String>,
    prompt: Option<Prompt>,
}

/// What the sign-in page asks for, whatever it knows already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Prompt {
    /// The password, or whatever the tenant asks for.
    Login,
    /// Which account.
    SelectAccount,
    /// Consent to the permissions.
    Consent,
}

impl SignIn {
    pub(crate) fn new(connection: Connection, session: Session) -> Self {
        Self { connection, session, audience: None, login_hint: None, prompt: None }
    }

    /// Asks for tokens of this resource, where a client is built with an audience of its own.
    #[must_use]
    pub fn with_audience(mut self, resource: impl Into<String>) -> Self {
        self.audience = Some(resource.into());
        self
    }

    /// Fills in the user's name.
    #[must_use]
    pub fn with_login_hint(mut self, user_name: impl Into<String>) -> Self {
        self.login_hint = Some(user_name.into());
        self
    }

    /// Asks in any case.
    #[must_use]
    pub fn with_prompt(mut self, prompt: Prompt) -> Self {
        self.prompt = Some(prompt);
        self
    }

    /// Whether nobody is signed in, or not any more. Asks for a token of the service where none is at hand.
    ///
    /// # Errors
    /// When that cannot be found out.
    pub async fn is_needed(&self, service: Service) -> Result<bool> {
        match self.connection.0.tokens.get(&self.resource(service)?).await {
            Ok(_) => Ok(false),
            Err(error) if error.kind() == ErrorKind::InteractionRequired => Ok(true),
            Err(error) => Err(error),
        }
    }

    fn authority(&self) -> &Authority {
        self.connection.0.tokens.authority()
    }

    /// What tokens for a service are asked for with.
    fn resource(&self, service: Service) -> Result<String> {
        let cloud = self.connection.cloud();
        let of_cloud = || cloud.site(service).map(|site| site.resource);
        let resource = self.audience.as_deref().or_else(of_cloud).ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, super::exchange::OPERATION)
                .with_message(format!("{service} is not offered in the cloud {cloud}"))
                .with_hint("choose another cloud, or give the audience")
        })?;
        Ok(resource.strip_suffix("/.default").unwrap_or(resource).to_owned())
    }

    /// Begins the session with what the sign-in gave; its token serves the first calls.
    async fn finish(&self, resource: &str, answer: TokenAnswer) -> Result<Account> {
        let account = answer.id_token.as_ref().and_then(|token| Account::read(token.expose()));
        let user = account.as_ref().and_then(|account| account.object_id.clone());
        self.session.begin(&answer, user).await;
        self.connection.0.tokens.put(resource, &answer.access);
        Ok(account.unwrap_or_default())
    }
}

impl Prompt {
    fn word(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::SelectAccount => "select_account",
            Self::Consent => "consent",
        }
    }
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn").field("session", &self.session).finish_non_exhaustive()
    }
}
