//! How a profile signs in: the keys that each way needs, and the credential that they make.

use pocketsoc_model::{Error, ErrorKind};
use pocketsoc_transport::{
    CertificateFile, Credential, ManagedIdentity, Secret, SecretSource, Session, StoredSecret,
};

use super::Entry;
use crate::failure::Failure;

/// The ways, by their names in the file.
pub(super) const AUTHS: &[&str] =
    &["app", "certificate", "federated", "managed-identity", "azure-cli", "device-code", "browser", "token"];

/// How a profile signs in.
#[derive(Debug)]
pub(crate) enum Auth {
    App { app: App, secret: SecretPlace },
    Certificate { app: App, file: String, password: Option<SecretPlace> },
    Federated { app: App, token: SecretPlace },
    ManagedIdentity { client_id: Option<String> },
    AzureCli { tenant_id: Option<String> },
    User { app: App, way: Way, lasting: bool },
    Token(SecretPlace),
}

/// An app registration.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) tenant_id: String,
    pub(crate) client_id: String,
}

/// How a user signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    DeviceCode,
    Browser,
}

/// Where a secret is. It is read only when its profile is used.
#[derive(Debug)]
pub(crate) enum SecretPlace {
    Env(String),
    File(String),
    Keyring { service: String, user: String },
    Given(Secret),
}

impl SecretPlace {
    /// What reads the secret whenever it is needed; a variable or a file that has none is told at once.
    fn source(self) -> Result<Box<dyn SecretSource>, Error> {
        Ok(match self {
            Self::Env(variable) => {
                Secret::from_env(&variable)?;
                Box::new(StoredSecret::env(variable))
            }
            Self::File(path) => {
                Secret::from_file(&path)?;
                Box::new(StoredSecret::file(path))
            }
            Self::Keyring { service, user } => Box::new(StoredSecret::keyring(service, user)),
            Self::Given(secret) => Box::new(secret),
        })
    }
}

impl Auth {
    /// The credential, and how its user signs in where that has to be done first.
    pub(crate) fn credential(
        self,
        session: impl FnOnce(&App, bool) -> Session,
    ) -> Result<(Credential, Option<Way>), Error> {
        Ok(match self {
            Self::App { app, secret } => {
                (Credential::client_secret(app.tenant_id, app.client_id, secret.source()?), None)
            }
            Self::Certificate { app, file, password } => {
                // As with secrets, a file that is not there is told at once.
                std::fs::File::open(&file).map_err(|e| {
                    Error::new(ErrorKind::InvalidRequest, "read the certificate")
                        .with_message(format!("the file {file} cannot be read: {e}"))
                        .with_hint("change certificate_file to where it is")
                })?;
                let mut certificate = CertificateFile::new(file);
                if let Some(password) = password {
                    certificate = certificate.with_password(password.source()?);
                }
                (Credential::certificate(app.tenant_id, app.client_id, certificate), None)
            }
            Self::Federated { app, token } => {
                (Credential::federated(app.tenant_id, app.client_id, token.source()?), None)
            }
            Self::ManagedIdentity { client_id } => {
                let identity = client_id.map_or_else(ManagedIdentity::system, ManagedIdentity::client_id);
                (Credential::managed_identity(identity), None)
            }
            Self::AzureCli { tenant_id } => (Credential::azure_cli(tenant_id.as_deref()), None),
            Self::User { app, way, lasting } => (session(&app, lasting).into(), Some(way)),
            Self::Token(token) => (Credential::token(token.source()?), None),
        })
    }
}

impl Entry<'_> {
    pub(super) fn auth(&self, warnings: &mut Vec<String>) -> Result<Auth, Failure> {
        let app = || {
            let (tenant_id, client_id) = (self.required("tenant_id")?, self.required("client_id")?);
            Ok::<_, Failure>(App { tenant_id: tenant_id.to_owned(), client_id: client_id.to_owned() })
        };
        let owned = |key| Ok::<_, Failure>(self.text(key)?.map(str::to_owned));
        Ok(match self.one_of("auth", self.required("auth")?, AUTHS)? {
            "app" => Auth::App { app: app()?, secret: self.secret(warnings)? },
            "certificate" => Auth::Certificate {
                app: app()?,
                file: self.required("certificate_file")?.to_owned(),
                password: owned("certificate_password_env")?.map(SecretPlace::Env),
            },
            "federated" => {
                let set = || std::env::var("AZURE_FEDERATED_TOKEN_FILE").ok().filter(|path| !path.is_empty());
                let file = owned("federated_token_file")?.or_else(set).ok_or_else(|| {
                    self.wrong(
                        "federated_token_file",
                        "it is missing, and AZURE_FEDERATED_TOKEN_FILE is not set",
                    )
                })?;
                Auth::Federated { app: app()?, token: SecretPlace::File(file) }
            }
            "managed-identity" => Auth::ManagedIdentity { client_id: owned("client_id")? },
            "azure-cli" => Auth::AzureCli { tenant_id: owned("tenant_id")? },
            "device-code" => Auth::User { app: app()?, way: Way::DeviceCode, lasting: self.lasting()? },
            "browser" => Auth::User { app: app()?, way: Way::Browser, lasting: self.lasting()? },
            _ => Auth::Token(SecretPlace::Env(self.required("token_env")?.to_owned())),
        })
    }

    /// Whether a user's session is kept for the next run.
    fn lasting(&self) -> Result<bool, Failure> {
        let word = self.text("session")?.unwrap_or("keyring");
        Ok(self.one_of("session", word, &["keyring", "memory"])? == "keyring")
    }

    fn secret(&self, warnings: &mut Vec<String>) -> Result<SecretPlace, Failure> {
        const WAYS: [&str; 4] =
            ["client_secret_env", "client_secret_file", "client_secret_keyring", "client_secret"];
        let mut given = WAYS.into_iter().filter(|key| self.table.contains_key(*key));
        let Some(key) = given.next() else {
            let others = WAYS[1..].join(", or ");
            return Err(self.wrong(WAYS[0], &format!("it is missing (or {others})")));
        };
        if let Some(second) = given.next() {
            return Err(self.wrong(second, &format!("`{key}` is given as well; give one of them")));
        }
        let value = self.required(key)?;
        Ok(match key {
            "client_secret_env" => SecretPlace::Env(value.to_owned()),
            "client_secret_file" => SecretPlace::File(value.to_owned()),
            "client_secret_keyring" => {
                let (service, user) = value.split_once('/').unwrap_or(("pocketsoc", value));
                SecretPlace::Keyring { service: service.to_owned(), user: user.to_owned() }
            }
            _ => {
                warnings.push(
                    "the client secret stands in the profile file; client_secret_env keeps it out".to_owned(),
                );
                SecretPlace::Given(Secret::new(value))
            }
        })
    }
}
