//! Where the examples connect to: a real tenant where the environment names one, else a fake one on loopback.

use std::sync::Arc;

use mde_client::{Cloud, Connection, Credential, Secret};
use pocketsoc_testkit::{Tenant, TenantServer};
use pocketsoc_transport::SystemClock;

/// A connection, and the fake tenant to keep alive.
#[allow(dead_code)] // no example needs all of it
pub(crate) struct Place {
    pub(crate) connection: Connection,
    /// The tenant's id, or `fake`.
    pub(crate) tenant: String,
    fake: Option<TenantServer>,
}

impl Place {
    /// The address of the services: `None` for the real ones.
    pub(crate) fn address(&self) -> Option<String> {
        self.fake.as_ref().map(TenantServer::uri)
    }
}

/// Connects.
pub(crate) async fn connect() -> anyhow::Result<Place> {
    if let (Ok(tenant), Ok(client)) = (std::env::var("TENANT_ID"), std::env::var("CLIENT_ID")) {
        let secret = Secret::from_env("CLIENT_SECRET")?;
        let credential = Credential::client_secret(tenant.clone(), client, secret);
        return Ok(Place { connection: Connection::new(credential, Cloud::Public)?, tenant, fake: None });
    }
    let fake = TenantServer::start(Tenant::builder().clock(Arc::new(SystemClock::new())).build()).await?;
    let credential = Credential::client_secret(Tenant::ID, Tenant::CLIENT_ID, Secret::new(Tenant::SECRET));
    let connection = Connection::builder(credential, Cloud::Public).authority(fake.uri()).build()?;
    Ok(Place { connection, tenant: "fake".into(), fake: Some(fake) })
}
