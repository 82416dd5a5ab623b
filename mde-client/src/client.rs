//! The client and its builder.

use pocketsoc_model::{Product, Result, TransitionTable};
use pocketsoc_transport::{Connection, Endpoint, Service};

use crate::actions::MachineActions;
use crate::alerts::Alerts;
use crate::containment::{Containment, Turns};
use crate::hunting::Hunting;
use crate::indicators::Indicators;
use crate::investigations::Investigations;
use crate::machines::Machines;
use crate::observables::Observables;
use crate::source::MdeDetections;

/// A client for Microsoft Defender for Endpoint. Cheap to clone; clients of one connection share its tokens and quotas.
///
/// ```no_run
/// use mde_client::{Cloud, Connection, Credential, MdeClient, Secret};
/// let credential = Credential::client_secret("contoso.example", "client id", Secret::from_env("MDE_SECRET")?);
/// let mde = MdeClient::new(&Connection::new(credential, Cloud::Public)?)?;
/// # Ok::<(), mde_client::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct MdeClient {
    endpoint: Endpoint,
    transitions: TransitionTable,
    check_pairs: bool,
    turns: Turns,
}

impl MdeClient {
    /// A client with the cloud's own addresses.
    ///
    /// # Errors
    /// `Unsupported` in a cloud without Defender for Endpoint, or when this build has no TLS.
    pub fn new(connection: &Connection) -> Result<Self> {
        Self::builder(connection).build()
    }

    /// A client to be adjusted.
    pub fn builder(connection: &Connection) -> MdeClientBuilder {
        MdeClientBuilder {
            connection: connection.clone(),
            base_url: None,
            audience: None,
            transitions: TransitionTable::for_product(&Product::DEFENDER_ENDPOINT),
            check_pairs: true,
        }
    }

    /// Alerts, as the service has them.
    pub fn alerts(&self) -> Alerts {
        Alerts::new(self.endpoint.clone(), self.check_pairs)
    }

    /// Machines: find, inspect, label, isolate and release. What serializes the intents on a machine is shared by all that
    /// come from this client.
    pub fn machines(&self) -> Machines {
        Machines::new(self.endpoint.clone(), self.turns.clone())
    }

    /// Machine actions: list, follow, call off.
    pub fn actions(&self) -> MachineActions {
        MachineActions::new(self.endpoint.clone())
    }

    /// Automated investigations: list, get, start.
    pub fn investigations(&self) -> Investigations {
        Investigations::new(self.endpoint.clone())
    }

    /// Indicators of compromise: list, write, import, delete.
    pub fn indicators(&self) -> Indicators {
        Indicators::new(self.endpoint.clone())
    }

    /// Files, addresses, domains and accounts: what is known of them.
    pub fn observables(&self) -> Observables {
        Observables::new(self.endpoint.clone())
    }

    /// Advanced hunting.
    pub fn hunting(&self) -> Hunting {
        Hunting::new(self.endpoint.clone())
    }

    /// Isolating and releasing machines, for programs that know any [`HostContainment`](crate::HostContainment).
    pub fn containment(&self) -> Containment {
        Containment::new(self.machines())
    }

    /// Alerts as normalized detections, under a display name.
    pub fn detections(&self, name: impl Into<String>) -> MdeDetections {
        MdeDetections::new(name.into(), self.endpoint.clone(), self.transitions.clone(), self.check_pairs)
    }
}

/// An [`MdeClient`] to be adjusted.
#[derive(Debug)]
#[must_use]
pub struct MdeClientBuilder {
    connection: Connection,
    base_url: Option<String>,
    audience: Option<String>,
    transitions: TransitionTable,
    check_pairs: bool,
}

impl MdeClientBuilder {
    /// Another API host, such as a regional one: https, or http on this machine. Paths and tokens stay the same.
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

    /// Lets pairs of classification and determination through that the service does not document.
    pub fn allow_any_pair(mut self) -> Self {
        self.check_pairs = false;
        self
    }

    /// Checks the addresses. Nothing is sent.
    ///
    /// # Errors
    /// As [`MdeClient::new`]; `InvalidRequest` for an address that is neither https nor on this machine.
    pub fn build(self) -> Result<MdeClient> {
        let endpoint = self.connection.endpoint(
            Service::DefenderEndpoint,
            self.base_url.as_deref(),
            self.audience.as_deref(),
        )?;
        Ok(MdeClient {
            endpoint,
            transitions: self.transitions,
            check_pairs: self.check_pairs,
            turns: Turns::default(),
        })
    }
}
