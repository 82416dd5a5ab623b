//! The embedded tenant: what `soc` talks to when there is nothing real to talk to.

use std::sync::Arc;

use pocketsoc_model::Clock;
use pocketsoc_testkit::{Tenant, TenantServer};
use pocketsoc_transport::{Cloud, Secret};

use crate::failure::Failure;
use crate::profile::{Auth, Profile, SecretPlace};

/// Starts a tenant on a loopback port.
pub(crate) async fn start(
    clock: Arc<dyn Clock>,
    port: u16,
    alerts: usize,
    seed: u64,
) -> Result<TenantServer, Failure> {
    let tenant = Tenant::builder().clock(clock).alerts(alerts).seed(seed).without_recording().build();
    TenantServer::start_on(tenant, port)
        .await
        .map_err(|e| Failure::operation(format!("serve the embedded tenant on port {port}: {e}")))
}

/// The profile that connects to it.
pub(crate) fn profile(server: &TenantServer) -> Profile {
    Profile {
        name: "Endpoint".into(),
        auth: Auth::App {
            tenant_id: Tenant::ID.into(),
            client_id: Tenant::CLIENT_ID.into(),
            secret: SecretPlace::Given(Secret::new(Tenant::SECRET)),
        },
        warnings: Vec::new(),
        cloud: Cloud::Public,
        base_url: Some(server.uri()),
        authority: Some(server.uri()),
    }
}

/// A profile file that connects to it.
pub(crate) fn profile_file(server: &TenantServer) -> String {
    format!(
        "[[profile]]\nname = \"Endpoint\"\nvendor = \"defender-endpoint\"\nauth = \"app\"\ntenant_id = \"{}\"\n\
         client_id = \"{}\"\nclient_secret = \"{}\"\nbase_url = \"{uri}\"\nauthority = \"{uri}\"\n",
        Tenant::ID,
        Tenant::CLIENT_ID,
        Tenant::SECRET,
        uri = server.uri()
    )
}
