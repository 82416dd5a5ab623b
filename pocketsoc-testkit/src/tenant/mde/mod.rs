//! Defender for Endpoint: its rooms, its admission, its words of refusal.

mod actions;
mod alerts;
mod changes;
mod indicators;
mod investigations;
mod listing;
mod machines;
mod observables;
mod render;

use serde_json::json;

pub use actions::Agent;
pub(super) use render::{SHELL, stamp};

use super::hunting::{self, Spelling};
use super::{MDE_RESOURCE, Mood, Tenant};
use crate::message::{Reply, Request};
use crate::population::hex;

const ALERT_READ: &[&str] = &["Alert.Read.All", "Alert.ReadWrite.All", "Alert.Read", "Alert.ReadWrite"];
const ALERT_WRITE: &[&str] = &["Alert.ReadWrite.All", "Alert.ReadWrite"];
const MACHINE_READ: &[&str] =
    &["Machine.Read.All", "Machine.Read", "Machine.ReadWrite.All", "Machine.ReadWrite"];
const MACHINE_WRITE: &[&str] = &["Machine.ReadWrite.All", "Machine.ReadWrite"];

/// What the service keeps beside the population.
#[derive(Default)]
pub(super) struct Records {
    actions: actions::Fleet,
    labels: machines::Labels,
    indicators: indicators::Kept,
    investigations: Vec<investigations::Started>,
}

type Answer = Result<Reply, Reply>;

pub(super) fn route(tenant: &Tenant, request: &Request, path: &[&str], mood: Mood) -> Reply {
    let path = if let ["v1.0", rest @ ..] = path { rest } else { path };
    let answer = match path {
        ["alerts", rest @ ..] => alerts::alerts(tenant, request, rest, mood),
        ["machines", id, "startInvestigation"] => investigations::start(tenant, request, id),
        ["machines", rest @ ..] => machines::machines(tenant, request, rest),
        ["machineactions", rest @ ..] => actions::actions(tenant, request, rest),
        ["investigations", rest @ ..] => investigations::investigations(tenant, request, rest),
        ["indicators", rest @ ..] => indicators::indicators(tenant, request, rest),
        [kind @ ("files" | "ips" | "domains" | "users"), id, rest @ ..] => {
            observables::observables(tenant, request, kind, id, rest)
        }
        ["advancedqueries", "run"] if request.method == "POST" => hunt(tenant, request),
        _ => Err(unknown()),
    };
    answer.unwrap_or_else(|refused| refused)
}

/// There is nothing at this address.
fn unknown() -> Reply {
    refusal(404, "NotFound", "No HTTP resource was found that matches the request URI.")
}

pub(super) fn refusal(status: u16, code: &str, message: &str) -> Reply {
    let target = format!("|{}.", hex(u64::from(status) ^ message.len() as u64, 16));
    Reply::json(status, json!({"error": {"code": code, "message": message, "target": target}}).to_string())
}

/// Checks the token: genuine, in time, for this service, with one of these grants.
pub(super) fn admit(tenant: &Tenant, request: &Request, needed: &[&str]) -> Result<(), Reply> {
    let Some(claims) = tenant.claims(request).filter(|c| c.audience == MDE_RESOURCE) else {
        return Err(refusal(401, "Unauthorized", "The access token is missing, invalid or has expired.")
            .with_header("www-authenticate", "Bearer"));
    };
    if claims.has_any(needed) {
        return Ok(());
    }
    let text = format!(
        "The application does not have any of the required application permissions ({}) to access the resource.",
        needed.join(", ")
    );
    Err(refusal(403, "Forbidden", &text))
}

fn hunt(tenant: &Tenant, request: &Request) -> Answer {
    admit(tenant, request, &["AdvancedQuery.Read.All", "AdvancedQuery.Read"])?;
    let spelling = Spelling { schema: "Schema", results: "Results", name: "Name", kind: "Type" };
    hunting::run(tenant, request, &spelling)
        .map_err(|(status, code, message)| refusal(status, code, &message))
}
