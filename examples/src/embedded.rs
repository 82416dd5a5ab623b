//! The embedded tenant: what `soc` talks to when there is nothing real to talk to.

use std::sync::Arc;
use std::time::Duration;

use pocketsoc_model::Clock;
use pocketsoc_testkit::{Tenant, TenantServer};
use pocketsoc_transport::{Cloud, Secret};

use crate::failure::Failure;
use crate::profile::{App, Auth, POLL_EVERY, Profile, SecretPlace, Vendor};

/// How long its machines take to do what they are told.
const AGENTS_TAKE: Duration = Duration::from_secs(3);

/// Starts a tenant on a loopback port.
pub(crate) async fn start(
    clock: Arc<dyn Clock>,
    port: u16,
    alerts: usize,
    seed: u64,
) -> Result<TenantServer, Failure> {
    let tenant = Tenant::builder().clock(clock).alerts(alerts).seed(seed).agents_take(AGENTS_TAKE);
    let tenant = tenant.without_recording().build();
    TenantServer::start_on(tenant, port)
        .await
        .map_err(|e| Failure::operation(format!("serve the embedded tenant on port {port}: {e}")))
}

/// The profiles of the tenant: name, vendor.
const PROFILES: [(&str, Vendor, &str); 3] = [
    ("Endpoint", Vendor::DefenderEndpoint, "defender-endpoint"),
    ("Azure", Vendor::DefenderForCloud(None), "defender-for-cloud"),
    ("Graph", Vendor::GraphSecurity, "graph-security"),
];

/// The profiles that connect to it.
pub(crate) fn profiles(server: &TenantServer) -> Vec<Profile> {
    let profile = |(name, vendor, _): (&str, Vendor, &str)| Profile {
        name: name.into(),
        vendor,
        auth: Auth::App {
            app: App { tenant_id: Tenant::ID.into(), client_id: Tenant::CLIENT_ID.into() },
            secret: SecretPlace::Given(Secret::new(Tenant::SECRET)),
        },
        expires_at: None,
        warnings: Vec::new(),
        cloud: Cloud::Public,
        base_url: Some(server.uri()),
        authority: Some(server.uri()),
        poll_every: POLL_EVERY,
    };
    PROFILES.map(profile).into()
}

/// A profile file that connects to it.
pub(crate) fn profile_file(server: &TenantServer) -> String {
    let profile = |(name, _, vendor): (&str, Vendor, &str)| {
        format!(
            "[[profile]]\nname = \"{name}\"\nvendor = \"{vendor}\"\nauth = \"app\"\ntenant_id = \"{}\"\n\
             client_id = \"{}\"\nclient_secret = \"{}\"\nbase_url = \"{uri}\"\nauthority = \"{uri}\"\n",
            Tenant::ID,
            Tenant::CLIENT_ID,
            Tenant::SECRET,
            uri = server.uri()
        )
    };
    let others = format!(
        "\n# This tenant has further applications:\n\
         # client_id = \"{}\" may only read (same secret);\n\
         # auth = \"device-code\" or \"browser\" with client_id = \"{}\", which has no secret, signs a user in;\n\
         # auth = \"managed-identity\" works with IDENTITY_ENDPOINT={}/msi/token and IDENTITY_HEADER={}\n",
        Tenant::READER_CLIENT_ID,
        Tenant::DESKTOP_CLIENT_ID,
        server.uri(),
        Tenant::IDENTITY_HEADER
    );
    PROFILES.map(profile).join("\n") + &others
}
