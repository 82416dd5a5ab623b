//! Microsoft Entra ID: applications, one user, every grant, and the refusals in its own words.

mod application;
mod authorize;
mod device;
mod grants;
mod identity;
mod mint;

pub use application::App;
pub(super) use authorize::{authorize, consented};
pub(super) use device::{approve_page, begin as begin_device};
pub(super) use grants::token;
pub(super) use identity::{app_service, machine};

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{ARM_RESOURCES, GRAPH_RESOURCE, MDE_RESOURCE, Tenant};
use crate::message::Reply;
use crate::population::hex;

/// Who signs in to the tenant.
pub(super) const USER: (&str, &str, &str) =
    ("ada@contoso.example", "Ada Lovelace", "a83c0ccd-9212-4d16-888a-9cde86121a7e");

/// What Entra remembers of users' sign-ins.
#[derive(Default)]
pub(super) struct Sessions {
    /// Authorization codes, and what each was given for.
    codes: HashMap<String, Code>,
    /// Refresh tokens, and to which application each was given.
    refresh_tokens: HashMap<String, String>,
    /// Device codes.
    devices: HashMap<String, Device>,
    /// What the services want a token to prove in addition.
    pub(super) demand: Option<String>,
    /// Whether users are asked for another factor.
    interaction: bool,
    given: u64,
}

struct Code {
    client_id: String,
    redirect: String,
    challenge: String,
    until: DateTime<Utc>,
    used: bool,
}

struct Device {
    client_id: String,
    scope: String,
    user_code: String,
    until: DateTime<Utc>,
    decision: Option<bool>,
}

impl Sessions {
    /// A text that nobody could guess, if this were no fake.
    fn fresh(&mut self, kind: &str) -> String {
        self.given += 1;
        format!("{kind}{}", hex(self.given ^ 0x00C0_DE5E_ED00_u64, 40))
    }
}

impl Tenant {
    /// The name that the tenant's user signs in with.
    pub const USER: &'static str = USER.0;

    /// From now on every service wants these claims (JSON) proved by a token: continuous access evaluation. `None` ends
    /// it.
    pub fn demand_claims(&self, claims: Option<&str>) {
        self.lock().sessions.demand = claims.map(str::to_owned);
    }

    /// From now on users are asked for another factor: no token without signing in, until they have done it.
    pub fn demand_interaction(&self) {
        self.lock().sessions.interaction = true;
    }

    /// Every session of the user ends, as after a new password.
    pub fn revoke_sessions(&self) {
        self.lock().sessions.refresh_tokens.clear();
    }

    /// The user enters a device's code and says yes or no. Whether there is such a code.
    pub fn decide_device(&self, user_code: &str, yes: bool) -> bool {
        let mut state = self.lock();
        let device = state.sessions.devices.values_mut().find(|device| device.user_code == user_code);
        device.map(|device| device.decision = Some(yes)).is_some()
    }

    /// A token with which the tenant's user calls an application, for on-behalf-of.
    pub fn user_token_for(&self, client_id: &str) -> String {
        let granted = super::Granted { scopes: vec!["access_as_user".into()], ..super::Granted::default() };
        self.mint(client_id, granted, client_id)
    }

    /// A token of another issuer, for an application that trusts it.
    pub fn federated_token(issuer: &str, subject: &str) -> String {
        let payload = json!({"iss": issuer, "sub": subject, "aud": "api://AzureADTokenExchange"});
        mint::jwt(&payload, "issuer")
    }
}

/// The resource that a permission belongs to.
fn home(permission: &str) -> &'static str {
    let of_graph =
        ["Security", "ThreatHunting", "CustomDetection"].iter().any(|start| permission.starts_with(start));
    if permission == "user_impersonation" {
        ARM_RESOURCES[0]
    } else if of_graph {
        GRAPH_RESOURCE
    } else {
        MDE_RESOURCE
    }
}

fn is_known(resource: &str) -> bool {
    [MDE_RESOURCE, GRAPH_RESOURCE].iter().chain(&ARM_RESOURCES).any(|known| *known == resource)
}

/// A refusal of the token endpoint.
struct Refusal(u16, &'static str, i64, String);

fn refuse<T>(status: u16, error: &'static str, code: i64, text: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal(status, error, code, text.into()))
}

impl Refusal {
    fn reply(self, tenant: &Tenant) -> Reply {
        let Self(status, error, code, text) = self;
        let id = format!("{}-0000-4000-8000-000000000000", hex(code.unsigned_abs(), 8));
        let now = tenant.0.clock.now();
        let at = now.format("%Y-%m-%d %H:%M:%SZ").to_string();
        let mut body = json!({
            "error": error,
            "error_description": format!("AADSTS{code}: {text} Trace ID: {id} Correlation ID: {id} Timestamp: {at}"),
            "error_codes": [code],
            "timestamp": at,
            "trace_id": id,
            "correlation_id": id,
            "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
        });
        if error == "interaction_required" {
            body["claims"] = r#"{"access_token":{"capolids":{"essential":true,"values":["mfa"]}}}"#.into();
        }
        let date = now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        Reply::json(status, body.to_string()).with_header("date", date)
    }
}
