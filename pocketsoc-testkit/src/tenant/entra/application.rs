//! Applications: how each proves itself and what it has been granted.

use std::fmt;

use crate::tenant::AzureRole;

/// Whether an application can keep a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Confidential,
    Public,
}

/// An application registered in the tenant.
#[derive(Clone)]
pub struct App {
    pub(in crate::tenant) client_id: String,
    pub(super) kind: Kind,
    pub(super) secrets: Vec<String>,
    pub(super) expired: Vec<String>,
    pub(super) certificates: Vec<String>,
    pub(super) federations: Vec<(String, String)>,
    pub(super) roles: Vec<String>,
    pub(super) scopes: Vec<String>,
    pub(super) redirects: Vec<String>,
    pub(super) azure_role: Option<AzureRole>,
    pub(super) enabled: bool,
}

const ROLES: [&str; 28] = [
    "Alert.Read.All",
    "Alert.ReadWrite.All",
    "Machine.Read.All",
    "Machine.Isolate",
    "Machine.ReadWrite.All",
    "Machine.RestrictExecution",
    "Machine.Scan",
    "Machine.StopAndQuarantine",
    "Machine.CollectForensics",
    "Machine.LiveResponse",
    "Machine.Offboard",
    "AdvancedQuery.Read.All",
    "Ti.ReadWrite.All",
    "File.Read.All",
    "Ip.Read.All",
    "URL.Read.All",
    "User.Read.All",
    "Software.Read.All",
    "Vulnerability.Read.All",
    "SecurityAlert.Read.All",
    "SecurityAlert.ReadWrite.All",
    "SecurityIncident.Read.All",
    "SecurityIncident.ReadWrite.All",
    "ThreatHunting.Read.All",
    "SecurityData.Manage.All",
    "CustomDetection.Read.All",
    "CustomDetection.ReadWrite.All",
    "SecurityEvents.Read.All",
];

const SCOPES: [&str; 29] = [
    "Alert.Read",
    "Alert.ReadWrite",
    "Machine.Read",
    "Machine.Isolate",
    "Machine.ReadWrite",
    "Machine.RestrictExecution",
    "Machine.Scan",
    "Machine.StopAndQuarantine",
    "Machine.CollectForensics",
    "Machine.LiveResponse",
    "Machine.Offboard",
    "AdvancedQuery.Read",
    "Ti.ReadWrite",
    "File.Read.All",
    "Ip.Read.All",
    "URL.Read.All",
    "User.Read.All",
    "Software.Read",
    "Vulnerability.Read",
    "SecurityAlert.Read.All",
    "SecurityAlert.ReadWrite.All",
    "SecurityIncident.Read.All",
    "SecurityIncident.ReadWrite.All",
    "ThreatHunting.Read.All",
    "SecurityData.Manage.All",
    "CustomDetection.Read.All",
    "CustomDetection.ReadWrite.All",
    "SecurityEvents.Read.All",
    "user_impersonation",
];

const REDIRECTS: [&str; 3] =
    ["pocketsoc://auth", "http://localhost", "https://soc.contoso.example/signed-in"];

impl App {
    /// An application with a secret, every application permission that the guides ask for and those of all machine
    /// actions, and Security Admin in Azure.
    pub fn new(client_id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            kind: Kind::Confidential,
            secrets: vec![secret.into()],
            expired: Vec::new(),
            certificates: Vec::new(),
            federations: Vec::new(),
            roles: ROLES.map(Into::into).into(),
            scopes: SCOPES.map(Into::into).into(),
            redirects: REDIRECTS.map(Into::into).into(),
            azure_role: Some(AzureRole::SecurityAdmin),
            enabled: true,
        }
    }

    /// A desktop or mobile application, which has no secret: users sign in to it, with every delegated permission that
    /// the guides ask for.
    pub fn public(client_id: impl Into<String>) -> Self {
        let (kind, secrets, roles) = (Kind::Public, Vec::new(), Vec::new());
        Self { kind, secrets, roles, ..Self::new(client_id, "") }
    }

    /// With a further secret; both serve.
    #[must_use]
    pub fn with_secret(mut self, secret: impl Into<String>) -> Self {
        self.secrets.push(secret.into());
        self
    }

    /// With a secret that has expired.
    #[must_use]
    pub fn with_expired_secret(mut self, secret: impl Into<String>) -> Self {
        self.expired.push(secret.into());
        self
    }

    /// With a certificate, by its SHA-256 thumbprint as base64url.
    #[must_use]
    pub fn with_certificate(mut self, thumbprint: impl Into<String>) -> Self {
        self.certificates.push(thumbprint.into());
        self
    }

    /// Trusting tokens of another issuer about a subject.
    #[must_use]
    pub fn with_federation(mut self, issuer: impl Into<String>, subject: impl Into<String>) -> Self {
        self.federations.push((issuer.into(), subject.into()));
        self
    }

    /// With this role in Azure, or none.
    #[must_use]
    pub fn with_azure_role(mut self, role: impl Into<Option<AzureRole>>) -> Self {
        self.azure_role = role.into();
        self
    }

    /// With these application permissions only; roles in Azure are another matter.
    #[must_use]
    pub fn with_roles(mut self, roles: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.roles = roles.into_iter().map(Into::into).collect();
        self
    }

    /// With the permissions that the guides ask for to read, and Security Reader in Azure.
    #[must_use]
    pub fn reading_only(self) -> Self {
        let roles = ["Alert.Read.All", "SecurityAlert.Read.All", "SecurityIncident.Read.All"];
        let scopes =
            ["Alert.Read", "SecurityAlert.Read.All", "SecurityIncident.Read.All", "user_impersonation"];
        self.with_roles(roles).with_scopes(scopes).with_azure_role(AzureRole::SecurityReader)
    }

    /// With these delegated permissions only.
    #[must_use]
    pub fn with_scopes(mut self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Switched off by an administrator.
    #[must_use]
    pub fn disabled(mut self) -> Self {
        self.enabled = false;
        self
    }

    /// Whether a browser may be sent back there. The port of a loopback address does not matter.
    pub(super) fn may_go_back_to(&self, redirect: &str) -> bool {
        let loopback = redirect.strip_prefix("http://localhost:").map(|rest| {
            let path = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            format!("http://localhost{path}")
        });
        let asked = loopback.as_deref().unwrap_or(redirect);
        self.redirects.iter().any(|known| known == asked)
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}
