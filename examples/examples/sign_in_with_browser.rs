//! Signs a user in with this machine's browser and lists what that user may see; the session outlives the program where
//! the platform has secure storage.
//!
//! Set `TENANT_ID` and `CLIENT_ID` of an application with the redirect URI `http://localhost` on the platform "Mobile and
//! desktop applications". Without them a fake tenant is used, and this program plays the browser.
#![allow(clippy::print_stdout)]

use std::sync::Arc;

use graph_security_client::{Cloud, Connection, DetectionQuery, DetectionSource as _, GraphSecurityClient};
use pocketsoc_testkit::{App, Tenant, TenantServer};
use pocketsoc_transport::{KeyringStore, MemoryStore, Service, Session, SessionStore, SystemClock};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Some((tenant, client)) = std::env::var("TENANT_ID").ok().zip(std::env::var("CLIENT_ID").ok()) else {
        return against_a_fake().await;
    };
    let keyring = KeyringStore::new("pocketsoc example", "browser");
    let store: Arc<dyn SessionStore> = match keyring.load().await {
        Ok(_) => Arc::new(keyring),
        Err(_) => Arc::new(MemoryStore::default()), // no secure storage here: for this run only
    };
    let session = Session::new(tenant, client, store);
    let connection = Connection::new(session.into(), Cloud::Public)?;
    let sign_in = connection.sign_in()?;
    if sign_in.is_needed(Service::Graph).await? {
        sign_in.with_browser(Service::Graph).await?;
    }
    list(GraphSecurityClient::builder(&connection).build()?).await
}

async fn list(client: GraphSecurityClient) -> anyhow::Result<()> {
    let mut alerts = client.alert_detections("Graph").list(&DetectionQuery::all());
    while let Some(alert) = alerts.next().await {
        println!("{}", alert?.title);
    }
    Ok(())
}

/// The same, in the two steps that a phone takes, with this program in the browser's place.
async fn against_a_fake() -> anyhow::Result<()> {
    let tenant = Tenant::builder().clock(Arc::new(SystemClock::new())).alerts(5).build();
    tenant.add_app(App::public("phone"));
    let fake = TenantServer::start(tenant.clone()).await?;
    let session = Session::new(Tenant::ID, "phone", MemoryStore::default());
    let connection = Connection::builder(session.into(), Cloud::Public).authority(fake.uri()).build()?;
    let pending = connection.sign_in()?.begin(Service::Graph, "pocketsoc://auth")?;
    println!("A browser would now open {} …", &pending.url()[..60]);
    let account = pending.finish(&tenant.sign_in(pending.url())?).await?;
    println!("Signed in as {}", account.user_name.unwrap_or_default());
    list(GraphSecurityClient::builder(&connection).base_url(fake.uri()).build()?).await
}
