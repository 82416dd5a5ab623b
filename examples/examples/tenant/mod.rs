//! A client for the examples: of a real tenant where the environment names one, else of a fake one on loopback.

use std::sync::Arc;

use mde_client::{Cloud, Connection, Credential, MdeClient, Secret};
use pocketsoc_testkit::{Tenant, TenantServer};
use pocketsoc_transport::SystemClock;

/// The client, and the fake tenant to keep alive.
pub(crate) async fn client() -> anyhow::Result<(MdeClient, Option<TenantServer>)> {
    if let (Ok(tenant), Ok(client)) = (std::env::var("TENANT_ID"), std::env::var("CLIENT_ID")) {
        let credential = Credential::client_secret(tenant, client, Secret::from_env("MDE_SECRET")?);
        return Ok((MdeClient::new(&Connection::new(credential, Cloud::Public)?)?, None));
    }
    let fake = TenantServer::start(Tenant::builder().clock(Arc::new(SystemClock::new())).build()).await?;
    let credential = Credential::client_secret(Tenant::ID, Tenant::CLIENT_ID, Secret::new(Tenant::SECRET));
    let connection = Connection::builder(credential, Cloud::Public).authority(fake.uri()).build()?;
    Ok((MdeClient::builder(&connection).base_url(fake.uri()).build()?, Some(fake)))
}
