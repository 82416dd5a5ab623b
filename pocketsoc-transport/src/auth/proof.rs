//! How an application proves that it is itself: a secret, a certificate, or a token of another issuer.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use pocketsoc_model::{Error, ErrorKind, Result};

use super::form::Form;
use crate::Secret;
use crate::secret_source::SecretSource;

/// How an application proves that it is itself.
///
/// What it is made of is read anew for each token request, and once more when it is refused.
#[derive(Clone)]
pub struct Proof(Kind);

#[derive(Clone)]
enum Kind {
    Secret(Arc<dyn SecretSource>),
    Federated(Arc<dyn SecretSource>),
    #[cfg(feature = "certificate")]
    Certificate(Arc<dyn super::certificate::CertificateSource>),
}

/// A proof that has been read, ready to be sent.
pub(crate) struct Proven {
    secret: Option<Secret>,
    assertion: Option<Secret>,
    /// Tells it from another one.
    mark: Secret,
    /// Whether it holds this machine's time.
    pub(crate) is_timed: bool,
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

impl Proof {
    /// A client secret, or where it is to be read from.
    pub fn secret(source: impl SecretSource) -> Self {
        Self(Kind::Secret(Arc::new(source)))
    }

    /// A token of another issuer that the application trusts (workload identity federation), read anew each time:
    /// platforms replace it.
    pub fn federated(source: impl SecretSource) -> Self {
        Self(Kind::Federated(Arc::new(source)))
    }

    /// A certificate.
    #[cfg(feature = "certificate")]
    pub fn certificate(source: impl super::certificate::CertificateSource) -> Self {
        Self(Kind::Certificate(Arc::new(source)))
    }

    /// Reads it. `audience` is the address of the token request, `now` the time to write into an assertion.
    pub(crate) async fn read(&self, client_id: &str, audience: &str, now: DateTime<Utc>) -> Result<Proven> {
        match &self.0 {
            Kind::Secret(source) => {
                let secret = usable(source.read().await?, "the client secret is empty")?;
                let mark = secret.clone();
                Ok(Proven { secret: Some(secret), assertion: None, mark, is_timed: false, expires_at: None })
            }
            Kind::Federated(source) => {
                let assertion = usable(source.read().await?, "the federated token is empty")?;
                let mark = assertion.clone();
                Ok(Proven {
                    secret: None,
                    assertion: Some(assertion),
                    mark,
                    is_timed: false,
                    expires_at: None,
                })
            }
            #[cfg(feature = "certificate")]
            Kind::Certificate(source) => {
                let certificate = source.certificate().await?;
                Ok(Proven {
                    secret: None,
                    assertion: Some(certificate.assertion(client_id, audience, now)?),
                    mark: Secret::new(certificate.thumbprint()),
                    is_timed: true,
                    expires_at: Some(certificate.expires_at()),
                })
            }
        }
        .inspect(|_| {
            // Without the feature `certificate` nothing is signed.
            let _ = (client_id, audience, now);
        })
    }

    /// Checks what can be checked without asking anybody.
    pub(crate) fn check(&self) -> Result<()> {
        let empty = |source: &Arc<dyn SecretSource>| {
            source.known().is_some_and(|secret| secret.expose().trim().is_empty())
        };
        match &self.0 {
            Kind::Secret(source) if empty(source) => Err(nothing("the client secret is empty")
                .with_hint("paste the secret's value, shown once when created")),
            Kind::Federated(source) if empty(source) => Err(nothing("the federated token is empty")),
            _ => Ok(()),
        }
    }

    /// What it is, in words.
    pub(crate) fn name(&self) -> &'static str {
        match &self.0 {
            Kind::Secret(_) => "client secret",
            Kind::Federated(_) => "federated token",
            #[cfg(feature = "certificate")]
            Kind::Certificate(_) => "certificate",
        }
    }
}

impl Proven {
    /// Puts it into a form.
    pub(crate) fn put(&self, form: Form) -> Form {
        let form = match &self.secret {
            Some(secret) => form.with_secret("client_secret", secret),
            None => form,
        };
        match &self.assertion {
            Some(assertion) => form
                .with("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
                .with_secret("client_assertion", assertion),
            None => form,
        }
    }

    /// Whether the other one was made of the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.mark.is_same(&other.mark)
    }
}

fn usable(secret: Secret, otherwise: &str) -> Result<Secret> {
    if secret.expose().trim().is_empty() {
        return Err(nothing(otherwise));
    }
    Ok(secret)
}

fn nothing(message: &str) -> Error {
    Error::new(ErrorKind::InvalidRequest, "set up the credential").with_message(message)
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Proof({})", self.name())
    }
}
