//! Signs a user in on another device and lists what that user may see.
//!
//! `cargo run --example sign_in_with_device_code` uses a fake tenant; set `TENANT_ID` and `CLIENT_ID` (of an application
//! that allows public client flows) for a real one.
#![allow(clippy::print_stdout)]

use std::sync::Arc;

use mde_client::{Cloud, Connection, DetectionQuery, DetectionSource as _, MdeClient};
use pocketsoc_testkit::{App, Tenant, TenantServer};
use pocketsoc_transport::{MemoryStore, Service, Session, SystemClock};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let real = std::env::var("TENANT_ID").ok().zip(std::env::var("CLIENT_ID").ok());
    let tenant = Tenant::builder().clock(Arc::new(SystemClock::new())).alerts(5).build();
    tenant.add_app(App::public("desktop"));
    let fake = TenantServer::start(tenant.clone()).await?;

    let (tenant_id, client_id) = real.clone().unwrap_or((Tenant::ID.into(), "desktop".into()));
    let session = Session::new(tenant_id, client_id, MemoryStore::default());
    let mut connection = Connection::builder(session.into(), Cloud::Public);
    if real.is_none() {
        connection = connection.authority(fake.uri());
    }
    let connection = connection.build()?;

    let code = connection.sign_in()?.device_code(Service::DefenderEndpoint).await?;
    println!("Open {} and enter {}", code.verification_uri(), code.user_code());
    if real.is_none() {
        tenant.decide_device(code.user_code(), true); // the fake's user is quick
    }
    let account = code.finish().await?;
    println!("Signed in as {}", account.user_name.unwrap_or_default());

    let mut client = MdeClient::builder(&connection);
    if real.is_none() {
        client = client.base_url(fake.uri());
    }
    let mut alerts = client.build()?.detections("Endpoint").list(&DetectionQuery::all());
    while let Some(alert) = alerts.next().await {
        println!("{}", alert?.title);
    }
    Ok(())
}
