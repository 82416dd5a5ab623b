//! What a connection signs in with.

use pocketsoc_model::{Error, ErrorKind, Result};

use crate::Secret;

/// What a connection signs in with.
///
/// ```
/// use pocketsoc_transport::{Credential, Secret};
/// let credential = Credential::client_secret("contoso.onmicrosoft.com", "11111111-…", Secret::new("…"));
/// assert!(!format!("{credential:?}").contains('…'), "nothing of it is printed but the tenant");
/// ```
#[derive(Clone)]
pub struct Credential(pub(crate) Kind);

#[derive(Clone)]
pub(crate) enum Kind {
    ClientSecret { tenant: String, client_id: String, secret: Secret },
    Token(Secret),
}

impl Credential {
    /// App permissions: the tenant (id or verified domain), the application's client id, and its secret's value.
    pub fn client_secret(tenant: impl Into<String>, client_id: impl Into<String>, secret: Secret) -> Self {
        Self(Kind::ClientSecret { tenant: tenant.into(), client_id: client_id.into(), secret })
    }

    /// A ready bearer token, such as one from another tool. It is used as it is until it expires.
    pub fn token(token: Secret) -> Self {
        Self(Kind::Token(token))
    }

    /// Checks what can be checked without asking anybody.
    pub(crate) fn validate(&self) -> Result<()> {
        let refuse = |message: &str, hint: &'static str| {
            Err(Error::new(ErrorKind::InvalidRequest, "set up the credential")
                .with_message(message)
                .with_hint(hint))
        };
        match &self.0 {
            Kind::ClientSecret { tenant, client_id, secret } => {
                let plain =
                    |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
                if tenant.bytes().all(|b| b == b'.') || !plain(tenant) {
                    return refuse(
                        "the tenant is neither an id nor a domain",
                        "copy the Directory (tenant) ID from the app registration's overview",
                    );
                }
                if ["common", "organizations", "consumers"].contains(&tenant.to_ascii_lowercase().as_str()) {
                    return refuse(
                        "app permissions need the tenant itself",
                        "copy the Directory (tenant) ID from the app registration's overview",
                    );
                }
                if client_id.is_empty() || !plain(client_id) {
                    return refuse(
                        "the client id is not an id",
                        "copy the Application (client) ID from the app registration's overview",
                    );
                }
                if secret.expose().is_empty() {
                    return refuse(
                        "the client secret is empty",
                        "paste the secret's value, shown once when created",
                    );
                }
                Ok(())
            }
            Kind::Token(token) => {
                if token.expose().is_empty() || !token.expose().bytes().all(|b| b.is_ascii_graphic()) {
                    return refuse(
                        "the token is empty or not a bearer token",
                        "give the token alone, without `Bearer`",
                    );
                }
                Ok(())
            }
        }
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Kind::ClientSecret { tenant, .. } => {
                f.debug_struct("ClientSecret").field("tenant", tenant).finish_non_exhaustive()
            }
            Kind::Token(_) => f.write_str("Token(***)"),
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
        assert!(Credential::token(Secret::new("a b")).validate().is_err());
    }
}
