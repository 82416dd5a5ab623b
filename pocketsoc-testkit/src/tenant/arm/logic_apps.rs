//! Logic Apps: kept, run by the secret address of their trigger, forwarding what runs them.

use serde_json::{Value as Json, json};

use super::{Answer, refusal, unknown};
use crate::message::{Reply, Request};
use crate::population::hex;
use crate::tenant::{State, Tenant};

/// Logic Apps and connections, by their ids; and the addresses of triggers.
#[derive(Default)]
pub(super) struct Kept {
    resources: Vec<(String, Json)>,
    /// Address, and the Logic App that it runs.
    addresses: Vec<(String, String)>,
}

/// Answers `…/Microsoft.Logic/…` and `…/Microsoft.Web/…`.
pub(super) fn answer(
    tenant: &Tenant,
    request: &Request,
    subscription: &str,
    group: &str,
    path: &[&str],
) -> Answer {
    let mut state = tenant.lock();
    let kept = &mut state.arm.logic_apps;
    let id = |kind: &str, name: &str| {
        format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/{kind}/{name}")
            .to_ascii_lowercase()
    };
    match (request.method.as_str(), path) {
        ("PUT", [kind @ ("workflows" | "connections"), name]) => {
            let kind =
                if *kind == "workflows" { "Microsoft.Logic/workflows" } else { "Microsoft.Web/connections" };
            let body = request.json().unwrap_or_default();
            if !body["location"].is_string() || !body["properties"].is_object() {
                return Err(refusal(400, "InvalidRequestContent", "The request content was invalid."));
            }
            let id = id(kind, name);
            kept.resources.retain(|(own, _)| *own != id);
            kept.resources.push((id.clone(), body.clone()));
            let shown = json!({"id": id, "name": name, "type": kind, "location": body["location"]});
            Ok(Reply::json(200, shown.to_string()))
        }
        ("POST", ["workflows", name, "triggers", trigger, "listCallbackUrl"]) => {
            let id = id("Microsoft.Logic/workflows", name);
            let app = kept.resources.iter().find(|(own, _)| *own == id);
            let has =
                app.is_some_and(|(_, app)| app["properties"]["definition"]["triggers"][*trigger].is_object());
            if !has {
                return Err(refusal(404, "WorkflowTriggerNotFound", "The workflow has no such trigger."));
            }
            let seed = id.bytes().fold(11_u64, |seed, byte| seed.wrapping_mul(31) ^ u64::from(byte));
            let address = format!(
                "https://logic.azure.example/workflows/{name}/triggers/{trigger}/paths/invoke?sig={}",
                hex(seed, 40)
            );
            kept.addresses.retain(|(own, _)| *own != address);
            kept.addresses.push((address.clone(), id));
            Ok(Reply::json(200, json!({"value": address, "method": "POST"}).to_string()))
        }
        _ => Err(unknown()),
    }
}

/// Where the Logic App behind an address forwards what runs it.
pub(super) fn forwards_to(state: &State, address: &str) -> Option<String> {
    let kept = &state.arm.logic_apps;
    let (_, id) = kept.addresses.iter().find(|(own, _)| own == address)?;
    let (_, app) = kept.resources.iter().find(|(own, _)| own == id)?;
    let said = &app["properties"];
    if said["state"] == "Disabled" {
        return None;
    }
    let actions = said["definition"]["actions"].as_object()?;
    let forward = actions.values().find(|action| {
        action["type"] == "Http"
            && action["inputs"]["method"] == "POST"
            && action["inputs"]["body"] == "@triggerBody()"
    })?;
    let uri = forward["inputs"]["uri"].as_str()?;
    match uri.strip_prefix("@parameters('").and_then(|rest| rest.strip_suffix("')")) {
        Some(name) => said["parameters"][name]["value"].as_str().map(str::to_owned),
        None => Some(uri.to_owned()),
    }
}
