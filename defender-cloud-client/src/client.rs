//! The client and its builder.

use pocketsoc_model::{Product, Result, TransitionTable};
use pocketsoc_transport::{Connection, Endpoint, Service};

use crate::alerts::Alerts;
use crate::automations::Automations;
use crate::locations::Locations;
use crate::source::DefenderCloudDetections;
use crate::subscriptions::Subscriptions;
use crate::suppression::SuppressionRules;

/// A client for Microsoft Defender for Cloud, on Azure Resource Manager. Cheap to clone; clients of one connection
/// share its tokens and quotas.
///
/// ```no_run
/// use defender_cloud_client::{Cloud, Connection, Credential, DefenderCloudClient, Secret};
/// let credential = Credential::client_secret("contoso.example", "client id", Secret::from_env("AZURE_SECRET")?);
/// let azure = DefenderCloudClient::new(&Connection::new(credential, Cloud::Public)?)?;
/// # Ok::<(), defender_cloud_client::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct DefenderCloudClient {
    endpoint: Endpoint,
    transitions: TransitionTable,
}

impl DefenderCloudClient {
    /// A client with the cloud's own addresses.
    ///
    /// # Errors
    /// `Unsupported` when this build has no TLS.
    pub fn new(connection: &Connection) -> Result<Self> {
        Self::builder(connection).build()
    }

    /// A client to be adjusted.
    pub fn builder(connection: &Connection) -> DefenderCloudClientBuilder {
        DefenderCloudClientBuilder {
            connection: connection.clone(),
            base_url: None,
            audience: None,
            transitions: TransitionTable::for_product(&Product::DEFENDER_FOR_CLOUD),
        }
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Alerts, as the service has them.
    pub fn alerts(&self) -> Alerts {
        Alerts::new(self.endpoint.clone())
    }

    /// The subscriptions that the credential sees.
    pub fn subscriptions(&self) -> Subscriptions {
        Subscriptions::new(self.endpoint.clone())
    }

    /// Suppression rules: alerts that are dismissed as they come.
    pub fn suppression_rules(&self) -> SuppressionRules {
        SuppressionRules::new(self.endpoint.clone())
    }

    /// Workflow automations and continuous exports.
    pub fn automations(&self) -> Automations {
        Automations::new(self.endpoint.clone())
    }

    /// Where Defender for Cloud stores what it knows of a subscription.
    pub fn locations(&self) -> Locations {
        Locations::new(self.endpoint.clone())
    }

    /// The alerts of all subscriptions that the credential sees, as normalized detections, under a display name.
    pub fn detections(&self, name: impl Into<String>) -> DefenderCloudDetections {
        DefenderCloudDetections::new(name.into(), self.endpoint.clone(), self.transitions.clone())
    }
}

/// A [`DefenderCloudClient`] to be adjusted.
#[derive(Debug)]
#[must_use]
pub struct DefenderCloudClientBuilder {
    connection: Connection,
    base_url: Option<String>,
    audience: Option<String>,
    transitions: TransitionTable,
}

impl DefenderCloudClientBuilder {
    /// Another API host: https, or http on this machine. Paths and tokens stay the same.
    pub fn base_url(mut self, address: impl Into<String>) -> Self {
        self.base_url = Some(address.into());
        self
    }

    /// Another resource to ask tokens for; it is not derived from the host.
    pub fn audience(mut self, resource: impl Into<String>) -> Self {
        self.audience = Some(resource.into());
        self
    }

    /// Another transition table: the service publishes none.
    pub fn transitions(mut self, table: TransitionTable) -> Self {
        self.transitions = table;
        self
    }

    /// Checks the addresses. Nothing is sent.
    ///
    /// # Errors
    /// As [`DefenderCloudClient::new`]; `InvalidRequest` for an address that is neither https nor on this machine.
    pub fn build(self) -> Result<DefenderCloudClient> {
        let endpoint = self.connection.endpoint(
            Service::ResourceManager,
            self.base_url.as_deref(),
            self.audience.as_deref(),
        )?;
        Ok(DefenderCloudClient { endpoint, transitions: self.transitions })
    }
}
