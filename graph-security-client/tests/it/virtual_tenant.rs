//! A client of a tenant in memory, in virtual time.

use std::sync::Arc;

use graph_security_client::{
    Cloud, Connection, Credential, GraphAlertDetections, GraphIncidentDetections, GraphSecurityClient, Secret,
};
use pocketsoc_testkit::{Tenant, TenantBuilder};
use pocketsoc_transport::{Quotas, SystemClock};

pub(crate) fn clock() -> Arc<SystemClock> {
    Arc::new(SystemClock::starting_at("2026-09-21T13:00:00Z".parse().unwrap()))
}

pub(crate) fn tenant() -> TenantBuilder {
    Tenant::builder().clock(clock())
}

pub(crate) fn connection(tenant: &Tenant, client_id: &str, secret: &str) -> Connection {
    let credential = Credential::client_secret(Tenant::ID, client_id, Secret::new(secret));
    let connection = Connection::builder(credential, Cloud::Public);
    connection.http(tenant.exchange()).clock(clock()).without_pacing().build().unwrap()
}

pub(crate) fn client(tenant: &Tenant) -> GraphSecurityClient {
    GraphSecurityClient::new(&connection(tenant, Tenant::CLIENT_ID, Tenant::SECRET)).unwrap()
}

pub(crate) fn alerts(tenant: &Tenant) -> GraphAlertDetections {
    client(tenant).alert_detections("Graph")
}

pub(crate) fn incidents(tenant: &Tenant) -> GraphIncidentDetections {
    client(tenant).incident_detections("Graph")
}

/// A connection that keeps to the published quotas.
pub(crate) fn paced(tenant: &Tenant) -> Connection {
    paced_by(tenant, &Quotas::new())
}

/// A connection that shares what is left of them.
pub(crate) fn paced_by(tenant: &Tenant, quotas: &Quotas) -> Connection {
    let credential = Credential::client_secret(Tenant::ID, Tenant::CLIENT_ID, Secret::new(Tenant::SECRET));
    let connection = Connection::builder(credential, Cloud::Public).http(tenant.exchange()).clock(clock());
    connection.quotas(quotas).build().unwrap()
}
