//! The tenant: one ground truth behind Entra and the services, as a pure function from request to reply over shared
//! state.

mod arm;
mod builder;
mod entra;
mod graph;
mod hunting;
mod mde;
mod quotas;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use pocketsoc_model::Clock;

pub use arm::Push;
pub use builder::TenantBuilder;
pub use entra::App;
use entra::Sessions;
pub use graph::GraphTroubles;
pub use mde::Agent;

use crate::fault::{Fault, Trouble};
use crate::message::{Reply, Request};
use crate::population::{self, AlertRecord, CloudRecord, IncidentRecord, Machine, SUBSCRIPTIONS, Story};

/// The resource that tokens for Defender for Endpoint are asked for.
const MDE_RESOURCE: &str = "https://api.securitycenter.microsoft.com";
/// The resources that tokens for Azure Resource Manager are asked for; the second ends in a slash.
const ARM_RESOURCES: [&str; 2] = ["https://management.azure.com", "https://management.core.windows.net/"];
/// The resource that tokens for Graph are asked for.
const GRAPH_RESOURCE: &str = "https://graph.microsoft.com";

/// How a service behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Honest,
    /// Says yes to writes and does nothing.
    Lying,
    /// Shows what was there before the last write.
    Stale,
}

/// An Azure role on every subscription of the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AzureRole {
    /// Sees alerts.
    SecurityReader,
    /// Sees alerts and changes their status.
    SecurityAdmin,
}

/// A fake tenant. Clones are the same tenant.
///
/// ```
/// use pocketsoc_testkit::{Request, Tenant};
/// let tenant = Tenant::builder().alerts(10).build();
/// let request = Request::from_http(http::Request::get("/api/alerts").body(Default::default())?);
/// assert_eq!(tenant.answer(&request).status, 401, "without a token there is nothing to see");
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone)]
pub struct Tenant(Arc<Shared>);

struct Shared {
    id: String,
    clock: Arc<dyn Clock>,
    machines: Vec<Machine>,
    page_cap: usize,
    token_life: Duration,
    agents_take: Duration,
    recording: bool,
    state: Mutex<State>,
}

struct State {
    apps: Vec<App>,
    /// Of Defender for Endpoint.
    alerts: Vec<AlertRecord>,
    /// Of the other products that only Graph shows.
    elsewhere: Vec<AlertRecord>,
    cloud: Vec<CloudRecord>,
    incidents: Vec<IncidentRecord>,
    tokens: HashMap<String, Claims>,
    sessions: Sessions,
    mde: mde::Records,
    arm: arm::Records,
    buckets: arm::Buckets,
    hunting: hunting::Limits,
    graph_troubles: GraphTroubles,
    graph_rules: Vec<serde_json::Value>,
    quotas: quotas::Counted,
    processes: hunting::Processes,
    minted: u64,
    faults: Vec<Fault>,
    requests: Vec<Request>,
}

/// What a token that the tenant minted says.
#[derive(Debug, Clone)]
struct Claims {
    audience: String,
    roles: Vec<String>,
    scopes: Vec<String>,
    azure_role: Option<AzureRole>,
    /// What the sign-in was asked to prove in addition.
    proved: serde_json::Value,
    expires_at: DateTime<Utc>,
}

impl Claims {
    fn has_any(&self, names: &[&str]) -> bool {
        self.roles.iter().chain(&self.scopes).any(|granted| names.contains(&granted.as_str()))
    }
}

impl Tenant {
    /// The tenant's id.
    pub const ID: &'static str = "7a1fcd53-2e6b-4c1e-9a57-9b5d8c0e4f11";
    /// The client id of the application that is registered from the start.
    pub const CLIENT_ID: &'static str = "c0ffee00-1234-4321-8888-5ec0dedeed01";
    /// Its secret.
    pub const SECRET: &'static str = "testkit~not~a~real~secret";
    /// The client id of a desktop application that is registered as well: users sign in to it.
    pub const DESKTOP_CLIENT_ID: &'static str = "de5c0700-1234-4321-8888-5ec0dedeed02";
    /// The client id of an application that may only read, with the same secret.
    pub const READER_CLIENT_ID: &'static str = "4eade400-1234-4321-8888-5ec0dedeed03";

    /// A tenant to be adjusted.
    pub fn builder() -> TenantBuilder {
        TenantBuilder::new()
    }

    /// Registers a further application.
    pub fn add_app(&self, app: App) {
        self.lock().apps.push(app);
    }

    /// Adds a fault; of several that fit, the first added strikes.
    pub fn add_fault(&self, fault: Fault) {
        self.lock().faults.push(fault);
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// Every token given out so far is refused from now on.
    pub fn revoke_tokens(&self) {
        self.lock().tokens.clear();
    }

    /// The subscriptions: id and name.
    pub fn subscriptions() -> impl Iterator<Item = (&'static str, &'static str)> {
        SUBSCRIPTIONS.iter().map(|(id, name, ..)| (*id, *name))
    }

    /// How many alerts there are in Defender for Endpoint.
    pub fn alert_count(&self) -> usize {
        self.lock().alerts.len()
    }

    /// The full resource ids of the alerts of Defender for Cloud, newest first.
    pub fn cloud_alert_ids(&self) -> Vec<String> {
        self.lock().cloud.iter().map(CloudRecord::id).collect()
    }

    /// The ids of the alerts that Graph shows, newest first.
    pub fn graph_alert_ids(&self) -> Vec<String> {
        graph::alert_ids(&self.lock())
    }

    /// The ids of the incidents, newest first.
    pub fn incident_ids(&self) -> Vec<String> {
        self.lock().incidents.iter().map(|i| i.id.to_string()).collect()
    }

    /// Merges an incident into another one, as the service does by itself.
    pub fn merge_incident(&self, id: &str, into: &str) {
        let (now, mut state) = (self.0.clock.now(), self.lock());
        for incident in state.incidents.iter_mut().filter(|i| i.id.to_string() == id) {
            incident.redirected_to = into.parse().ok();
            incident.triage.change(now, |triage| triage.set_status("redirected", now));
        }
    }

    /// The ids of the alerts of Defender for Endpoint, newest first.
    pub fn alert_ids(&self) -> Vec<String> {
        self.lock().alerts.iter().map(|a| a.id.clone()).collect()
    }

    /// Raises one more alert, now, in front of all others; its id.
    pub fn raise_alert(&self) -> String {
        self.raise(None)
    }

    /// Raises one: any, or one that tells this, on the machine at this place.
    fn raise(&self, told: Option<(usize, &'static Story)>) -> String {
        let now = self.0.clock.now();
        let mut state = self.lock();
        let seed = 0x5EED ^ state.alerts.len() as u64;
        let mut record = population::alerts(seed, 1, self.0.machines.len(), now).swap_remove(0);
        if let Some((machine, story)) = told {
            (record.machine, record.story, record.severity) = (machine, story, story.severity);
        }
        let id = record.id.clone();
        state.alerts.insert(0, record);
        id
    }

    /// The requests received so far, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.lock().requests.clone()
    }

    /// The requests received so far whose path contains a text.
    pub fn requests_to(&self, path: &str) -> Vec<Request> {
        self.lock().requests.iter().filter(|r| r.path.contains(path)).cloned().collect()
    }

    /// Forgets the requests received so far.
    pub fn forget_requests(&self) {
        self.lock().requests.clear();
    }

    /// A token for Defender for Endpoint with these application permissions.
    pub fn token_with_roles(&self, roles: &[&str]) -> String {
        self.mint(MDE_RESOURCE, grants(roles, &[]), Self::CLIENT_ID)
    }

    /// A token for Graph with these application permissions.
    pub fn graph_token_with_roles(&self, roles: &[&str]) -> String {
        self.mint(GRAPH_RESOURCE, grants(roles, &[]), Self::CLIENT_ID)
    }

    /// A token for Azure Resource Manager of somebody with this role.
    pub fn azure_token(&self, role: impl Into<Option<AzureRole>>) -> String {
        let granted = Granted { azure_role: role.into(), ..Granted::default() };
        self.mint(ARM_RESOURCES[0], granted, Self::CLIENT_ID)
    }

    /// A token for Defender for Endpoint with these delegated permissions.
    pub fn token_with_scopes(&self, scopes: &[&str]) -> String {
        self.mint(MDE_RESOURCE, grants(&[], scopes), Self::CLIENT_ID)
    }

    /// What the tenant answers. Faults that break the connection are answered 500 here; the in-memory exchange and
    /// the fault server do them properly.
    pub fn answer(&self, request: &Request) -> Reply {
        let (reply, trouble) = self.answer_with_trouble(request);
        match trouble {
            None => reply,
            Some(_) => Reply::empty(500),
        }
    }

    /// What the tenant answers, and what goes wrong on the way back.
    pub(crate) fn answer_with_trouble(&self, request: &Request) -> (Reply, Option<Trouble>) {
        let trouble = {
            let mut state = self.lock();
            if self.0.recording {
                state.requests.push(request.clone());
            }
            state.faults.iter_mut().find_map(|fault| fault.strikes(request))
        };
        match trouble {
            Some(Trouble::Answer(reply)) => (reply, None),
            Some(Trouble::Refuse) => (Reply::empty(503), Some(Trouble::Refuse)),
            Some(Trouble::Lie) => (self.route(request, Mood::Lying), None),
            Some(Trouble::Stale) => (self.route(request, Mood::Stale), None),
            Some(Trouble::Answering(reply)) => {
                self.route(request, Mood::Honest);
                (reply, None)
            }
            Some(Trouble::Replace(from, to)) => {
                let mut reply = self.route(request, Mood::Honest);
                reply.body = String::from_utf8_lossy(&reply.body).replacen(&from, &to, 1).into();
                (reply, None)
            }
            other => (self.route(request, Mood::Honest), other),
        }
    }

    fn route(&self, request: &Request, mood: Mood) -> Reply {
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        if let Some(challenge) = self.challenge(request) {
            return challenge;
        }
        if let Some(refusal) = self.over_quota(request, &segments) {
            return refusal;
        }
        match segments.as_slice() {
            [tenant, "oauth2", "v2.0", "token"] => entra::token(self, request, tenant),
            [tenant, "oauth2", "v2.0", "devicecode"] => entra::begin_device(self, request, tenant),
            [tenant, "oauth2", "v2.0", "authorize"] if request.method == "GET" => {
                entra::authorize(self, request, tenant)
            }
            [tenant, "oauth2", "v2.0", "authorize"] => entra::consented(self, request, tenant),
            ["devicelogin"] => entra::approve_page(self, request),
            ["metadata", "identity", "oauth2", "token"] => entra::machine(self, request),
            ["msi", "token"] => entra::app_service(self, request),
            ["api", rest @ ..] => mde::route(self, request, rest, mood),
            ["v1.0", "security", rest @ ..] => graph::route(self, request, rest, mood),
            ["beta", "security", "rules", "detectionRules", rest @ ..] => graph::rules(self, request, rest),
            ["v1.0" | "beta", "$batch"] if request.method == "POST" => graph::batch(self, request),
            [first, rest @ ..] if first.eq_ignore_ascii_case("subscriptions") => {
                arm::route(self, request, rest, mood)
            }
            _ => Reply::empty(404),
        }
    }

    /// What the request's token says, if it is genuine and in time.
    fn claims(&self, request: &Request) -> Option<Claims> {
        let bearer = request.header("authorization")?.strip_prefix("Bearer ")?;
        self.lock().tokens.get(bearer).filter(|c| c.expires_at > self.0.clock.now()).cloned()
    }

    /// Refuses a token that does not prove what is demanded.
    fn challenge(&self, request: &Request) -> Option<Reply> {
        let demand = self.lock().sessions.demand.clone()?;
        let claims = self.claims(request)?;
        let demanded: serde_json::Value = serde_json::from_str(&demand).unwrap_or_default();
        let mut wanted = demanded["access_token"].as_object()?.iter();
        if wanted.all(|(name, value)| claims.proved["access_token"][name] == *value) {
            return None;
        }
        let claims = STANDARD.encode(demand);
        let header = format!(
            "Bearer realm=\"\", authorization_uri=\"https://login.windows.net/common/oauth2/authorize\", \
             error=\"insufficient_claims\", claims=\"{claims}\""
        );
        Some(Reply::json(401, "{}").with_header("www-authenticate", header))
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    fn machines(&self) -> &[Machine] {
        &self.0.machines
    }

    fn page_cap(&self) -> usize {
        self.0.page_cap
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenant").field("alerts", &self.alert_count()).finish_non_exhaustive()
    }
}

/// What a token grants.
#[derive(Default)]
struct Granted {
    roles: Vec<String>,
    scopes: Vec<String>,
    azure_role: Option<AzureRole>,
    proved: serde_json::Value,
}

fn grants(roles: &[&str], scopes: &[&str]) -> Granted {
    let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    Granted { roles: owned(roles), scopes: owned(scopes), ..Granted::default() }
}

/// The address that was asked, for links to more.
fn origin(request: &Request, unless_told: &str) -> String {
    let host = request.header("host").unwrap_or(unless_told);
    let here = host.starts_with("127.0.0.1") || host.starts_with("localhost");
    format!("{}://{host}", if here { "http" } else { "https" })
}
