//! A client of a tenant in memory, in virtual time.

use std::sync::Arc;

use mde_client::{Cloud, Connection, Credential, MdeClient, MdeDetections, Secret};
use pocketsoc_testkit::{Tenant, TenantBuilder};
use pocketsoc_transport::SystemClock;

fn clock() -> Arc<SystemClock> {
    Arc::new(SystemClock::starting_at("2026-09-21T13:00:00Z".parse().unwrap()))
}

pub(crate) fn tenant() -> TenantBuilder {
    Tenant::builder().clock(clock())
}

pub(crate) fn client(tenant: &Tenant) -> MdeClient {
    client_as(tenant, Tenant::CLIENT_ID, Tenant::SECRET)
}

pub(crate) fn client_as(tenant: &Tenant, client_id: &str, secret: &str) -> MdeClient {
    MdeClient::new(&connection(tenant, client_id, secret)).unwrap()
}

/// One that lets every pair of classification and determination through.
pub(crate) fn client_of_any_pair(tenant: &Tenant) -> MdeClient {
    let connection = connection(tenant, Tenant::CLIENT_ID, Tenant::SECRET);
    MdeClient::builder(&connection).allow_any_pair().build().unwrap()
}

fn connection(tenant: &Tenant, client_id: &str, secret: &str) -> Connection {
    let credential = Credential::client_secret(Tenant::ID, client_id, Secret::new(secret));
    let builder = Connection::builder(credential, Cloud::Public).http(tenant.exchange());
    builder.clock(clock()).without_pacing().build().unwrap()
}

pub(crate) fn source(tenant: &Tenant) -> MdeDetections {
    client(tenant).detections("Endpoint")
}
