//! A client of a tenant in memory, in virtual time.

use std::sync::Arc;

use defender_cloud_client::{
    Cloud, Connection, ConnectionBuilder, Credential, DefenderCloudClient, DefenderCloudDetections, Secret,
};
use pocketsoc_testkit::{Tenant, TenantBuilder};
use pocketsoc_transport::SystemClock;

fn clock() -> Arc<SystemClock> {
    Arc::new(SystemClock::starting_at("2026-09-21T13:00:00Z".parse().unwrap()))
}

pub(crate) fn tenant() -> TenantBuilder {
    Tenant::builder().clock(clock())
}

pub(crate) fn client(tenant: &Tenant) -> DefenderCloudClient {
    client_as(tenant, Tenant::CLIENT_ID, Tenant::SECRET)
}

pub(crate) fn client_as(tenant: &Tenant, client_id: &str, secret: &str) -> DefenderCloudClient {
    let connection = connection(tenant, client_id, secret).without_pacing().build().unwrap();
    DefenderCloudClient::new(&connection).unwrap()
}

fn connection(tenant: &Tenant, client_id: &str, secret: &str) -> ConnectionBuilder {
    let credential = Credential::client_secret(Tenant::ID, client_id, Secret::new(secret));
    Connection::builder(credential, Cloud::Public).http(tenant.exchange()).clock(clock())
}

/// A source that keeps to the quotas.
pub(crate) fn paced(tenant: &Tenant) -> DefenderCloudDetections {
    let connection = connection(tenant, Tenant::CLIENT_ID, Tenant::SECRET).build().unwrap();
    DefenderCloudClient::new(&connection).unwrap().detections("Azure")
}

pub(crate) fn source(tenant: &Tenant) -> DefenderCloudDetections {
    client(tenant).detections("Azure")
}
