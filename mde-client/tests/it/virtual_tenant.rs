//! A client of a tenant in memory, in virtual time.

use std::sync::Arc;

use mde_client::{Cloud, Connection, ConnectionBuilder, Credential, MdeClient, MdeDetections, Secret};
use pocketsoc_testkit::{Tenant, TenantBuilder};
use pocketsoc_transport::SystemClock;

pub(crate) fn clock() -> Arc<SystemClock> {
    Arc::new(SystemClock::starting_at("2026-09-21T13:00:00Z".parse().unwrap()))
}

pub(crate) fn tenant() -> TenantBuilder {
    Tenant::builder().clock(clock())
}

pub(crate) fn client(tenant: &Tenant) -> MdeClient {
    client_as(tenant, Tenant::CLIENT_ID, Tenant::SECRET)
}

pub(crate) fn client_as(tenant: &Tenant, client_id: &str, secret: &str) -> MdeClient {
    MdeClient::new(&unpaced(tenant, client_id, secret)).unwrap()
}

/// One that lets every pair of classification and determination through.
pub(crate) fn client_of_any_pair(tenant: &Tenant) -> MdeClient {
    let connection = unpaced(tenant, Tenant::CLIENT_ID, Tenant::SECRET);
    MdeClient::builder(&connection).allow_any_pair().build().unwrap()
}

fn unpaced(tenant: &Tenant, client_id: &str, secret: &str) -> Connection {
    connection(tenant, client_id, secret).clock(clock()).without_pacing().build().unwrap()
}

/// One to be adjusted.
pub(crate) fn connection(tenant: &Tenant, client_id: &str, secret: &str) -> ConnectionBuilder {
    let credential = Credential::client_secret(Tenant::ID, client_id, Secret::new(secret));
    Connection::builder(credential, Cloud::Public).http(tenant.exchange())
}

pub(crate) fn source(tenant: &Tenant) -> MdeDetections {
    client(tenant).detections("Endpoint")
}
