//! The client and its builder, and what every call of it has in common.

use pocketsoc_model::{Error, ErrorKind, Product, Result, TransitionTable};
use pocketsoc_transport::{Call, Connection, Endpoint, Method, Service, quota};

use crate::alerts::Alerts;
use crate::hunting::Hunting;
use crate::incidents::Incidents;
use crate::rules::DetectionRules;
use crate::scores::SecureScores;
use crate::source::{GraphAlertDetections, GraphIncidentDetections};

/// A client for Microsoft Graph security. Cheap to clone; clients of one connection share its tokens and quotas.
///
/// ```no_run
/// use graph_security_client::{Cloud, Connection, Credential, GraphSecurityClient, Secret};
/// let credential = Credential::client_secret("contoso.example", "client id", Secret::from_env("GRAPH_SECRET")?);
/// let graph = GraphSecurityClient::new(&Connection::new(credential, Cloud::Public)?)?;
/// # Ok::<(), graph_security_client::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct GraphSecurityClient {
    endpoint: Endpoint,
    alert_transitions: TransitionTable,
    incident_transitions: TransitionTable,
}

impl GraphSecurityClient {
    /// A client with the cloud's own addresses.
    ///
    /// # Errors
    /// `Unsupported` in a cloud without Graph security, or when this build has no TLS.
    pub fn new(connection: &Connection) -> Result<Self> {
        Self::builder(connection).build()
    }

    /// A client to be adjusted.
    pub fn builder(connection: &Connection) -> GraphSecurityClientBuilder {
        GraphSecurityClientBuilder {
            connection: connection.clone(),
            base_url: None,
            audience: None,
            alert_transitions: TransitionTable::for_product(&Product::GRAPH_ALERT),
            incident_transitions: TransitionTable::for_product(&Product::GRAPH_INCIDENT),
        }
    }

    /// Alerts of all Defender products, as the service has them.
    pub fn alerts(&self) -> Alerts {
        Alerts::new(self.endpoint.clone())
    }

    /// Incidents, as the service has them.
    pub fn incidents(&self) -> Incidents {
        Incidents::new(self.endpoint.clone())
    }

    /// Advanced hunting over all Defender products.
    pub fn hunting(&self) -> Hunting {
        Hunting::new(self.endpoint.clone())
    }

    /// Custom detection rules: queries that raise alerts.
    pub fn detection_rules(&self) -> DetectionRules {
        DetectionRules::new(self.endpoint.clone())
    }

    /// Secure scores: how well the tenant is set up.
    pub fn secure_scores(&self) -> SecureScores {
        SecureScores::new(self.endpoint.clone())
    }

    /// Alerts as normalized detections, under a display name.
    pub fn alert_detections(&self, name: impl Into<String>) -> GraphAlertDetections {
        GraphAlertDetections::new(name.into(), self.endpoint.clone(), self.alert_transitions.clone())
    }

    /// Incidents as normalized detections, under a display name.
    pub fn incident_detections(&self, name: impl Into<String>) -> GraphIncidentDetections {
        GraphIncidentDetections::new(name.into(), self.endpoint.clone(), self.incident_transitions.clone())
    }
}

/// A [`GraphSecurityClient`] to be adjusted.
#[derive(Debug)]
#[must_use]
pub struct GraphSecurityClientBuilder {
    connection: Connection,
    base_url: Option<String>,
    audience: Option<String>,
    alert_transitions: TransitionTable,
    incident_transitions: TransitionTable,
}

impl GraphSecurityClientBuilder {
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

    /// Another transition table for alerts: the service publishes none.
    pub fn alert_transitions(mut self, table: TransitionTable) -> Self {
        self.alert_transitions = table;
        self
    }

    /// Another transition table for incidents: the service publishes none.
    pub fn incident_transitions(mut self, table: TransitionTable) -> Self {
        self.incident_transitions = table;
        self
    }

    /// Checks the addresses. Nothing is sent.
    ///
    /// # Errors
    /// As [`GraphSecurityClient::new`]; `InvalidRequest` for an address that is neither https nor on this machine.
    pub fn build(self) -> Result<GraphSecurityClient> {
        let endpoint =
            self.connection.endpoint(Service::Graph, self.base_url.as_deref(), self.audience.as_deref())?;
        Ok(GraphSecurityClient {
            endpoint,
            alert_transitions: self.alert_transitions,
            incident_transitions: self.incident_transitions,
        })
    }
}

/// Refuses a status that only the service sets, or that stands for words of newer versions.
pub(crate) fn refuse_unwritable(operation: &'static str, status: Option<&str>) -> Result<()> {
    let own = ["redirected", "awaitingAction", "unknownFutureValue", "unknown"];
    match status.filter(|word| own.iter().any(|own| own.eq_ignore_ascii_case(word))) {
        Some(word) => Err(Error::new(ErrorKind::InvalidRequest, operation)
            .with_message(format!("the status {word} is the service's own and cannot be written"))),
        None => Ok(()),
    }
}

/// A call of Graph security, in the version that is stable. Without the header, words that came after the first version
/// are sent as a placeholder: everything of Defender for Cloud and Sentinel would be unknown.
pub(crate) fn call(
    method: Method,
    operation: &'static str,
    template: &'static str,
    ids: &[&str],
) -> Result<Call> {
    let call = Call::new(method, operation, template, ids, &quota::GRAPH_SECURITY)?;
    Ok(call.with_header("prefer", "include-unknown-enum-members"))
}
