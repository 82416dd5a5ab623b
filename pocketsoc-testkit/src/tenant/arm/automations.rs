//! Workflow automations: kept, validated, and run when an alert fits.

use serde_json::{Value as Json, json};

use super::{Answer, refusal, unknown};
use crate::message::{Reply, Request};
use crate::population::CloudRecord;
use crate::tenant::mde::stamp;
use crate::tenant::{State, Tenant};

/// The automations.
#[derive(Default)]
pub(super) struct Kept {
    all: Vec<Automation>,
    versions: u64,
}

/// An automation as it is shown, and the addresses that it never shows.
struct Automation {
    subscription: String,
    group: String,
    name: String,
    shown: Json,
    addresses: Vec<String>,
}

/// Answers `…/automations…`.
pub(super) fn answer(
    tenant: &Tenant,
    request: &Request,
    subscription: &str,
    group: Option<&str>,
    path: &[&str],
) -> Answer {
    let now = tenant.0.clock.now();
    let mut state = tenant.lock();
    let known = &mut state.arm.automations;
    let within = |automation: &&Automation| {
        automation.subscription.eq_ignore_ascii_case(subscription)
            && group.is_none_or(|group| automation.group.eq_ignore_ascii_case(group))
    };
    match (request.method.as_str(), path, group) {
        ("GET", [], _) => {
            let all: Vec<&Json> =
                known.all.iter().filter(within).map(|automation| &automation.shown).collect();
            Ok(Reply::json(200, json!({"value": all}).to_string()))
        }
        ("POST", [_, "validate"], Some(_)) => {
            let wrong = wrong(&request.json().unwrap_or_default());
            let message = wrong.clone().unwrap_or_else(|| "Validation Successful".into());
            Ok(Reply::json(200, json!({"isValid": wrong.is_none(), "message": message}).to_string()))
        }
        (method, [name], Some(group)) => {
            let at = known.all.iter().position(|one| within(&one) && one.name.eq_ignore_ascii_case(name));
            let missing =
                || refusal(404, "ResourceNotFound", &format!("The automation '{name}' was not found."));
            match method {
                "GET" => Ok(Reply::json(200, known.all[at.ok_or_else(missing)?].shown.to_string())),
                "DELETE" => match at {
                    Some(at) => {
                        known.all.remove(at);
                        Ok(Reply::empty(200))
                    }
                    None => Ok(Reply::empty(204)),
                },
                "PUT" | "PATCH" => {
                    let mut body = request.json().unwrap_or_default();
                    if method == "PATCH" {
                        let mut whole = known.all[at.ok_or_else(missing)?].shown.clone();
                        for (member, value) in body["properties"].as_object().cloned().unwrap_or_default() {
                            whole["properties"][member] = value;
                        }
                        whole["etag"] = body["etag"].take();
                        body = whole;
                    }
                    let outdated = at.is_some_and(|at| {
                        body["etag"].as_str().is_some_and(|etag| known.all[at].shown["etag"] != etag)
                    });
                    if outdated {
                        return Err(refusal(412, "PreconditionFailed", "The etag is not the present one."));
                    }
                    if let Some(wrong) = wrong(&body) {
                        return Err(refusal(400, "BadRequest", &wrong));
                    }
                    known.versions += 1;
                    let addresses = hide_addresses(&mut body);
                    body["id"] = json!(format!(
                        "/subscriptions/{subscription}/resourcegroups/{group}/providers/Microsoft.Security/automations/{name}"
                    ));
                    body["name"] = json!(name);
                    body["type"] = json!("Microsoft.Security/automations");
                    body["kind"] = json!("");
                    body["etag"] = json!(format!("\"{:08x}\"", known.versions));
                    body["properties"]["metadata"] = json!({"lastUpdatedDateTimeUtc": stamp(now)});
                    let status = if at.is_some() { 200 } else { 201 };
                    let automation = Automation {
                        subscription: subscription.to_owned(),
                        group: group.to_owned(),
                        name: (*name).to_owned(),
                        shown: body.clone(),
                        // A change that does not name the actions keeps their addresses.
                        addresses: match at {
                            Some(at) if method == "PATCH" && addresses.is_empty() => {
                                std::mem::take(&mut known.all[at].addresses)
                            }
                            _ => addresses,
                        },
                    };
                    match at {
                        Some(at) => known.all[at] = automation,
                        None => known.all.push(automation),
                    }
                    Ok(Reply::json(if method == "PATCH" { 200 } else { status }, body.to_string()))
                }
                _ => Err(unknown()),
            }
        }
        _ => Err(unknown()),
    }
}

/// What is wrong with an automation.
fn wrong(body: &Json) -> Option<String> {
    let said = &body["properties"];
    let empty = |list: &Json| list.as_array().is_none_or(Vec::is_empty);
    if !body["location"].is_string() {
        return Some("The location is required.".into());
    }
    if empty(&said["scopes"]) || empty(&said["sources"]) || empty(&said["actions"]) {
        return Some("Scopes, sources and actions are required.".into());
    }
    let rules =
        said["sources"].as_array()?.iter().flat_map(|s| s["ruleSets"].as_array().into_iter().flatten());
    let mut rules = rules.flat_map(|set| set["rules"].as_array().into_iter().flatten());
    rules.any(|rule| !rule["expectedValue"].is_string()).then(|| "expectedValue must be a text.".into())
}

/// Takes the addresses out, which are never shown.
fn hide_addresses(body: &mut Json) -> Vec<String> {
    let actions = body["properties"]["actions"].as_array_mut();
    let hide = |action: &mut Json| {
        let action = action.as_object_mut()?;
        action.remove("connectionString");
        action.remove("uri")?.as_str().map(str::to_owned)
    };
    actions.map_or_else(Vec::new, |actions| actions.iter_mut().filter_map(hide).collect())
}

/// The addresses that are run when an alert is raised.
pub(super) fn run_by(state: &State, alert: &CloudRecord) -> Vec<String> {
    let scope = format!("/subscriptions/{}", alert.subscription());
    let severity = alert.family().severity.as_str();
    let fits = |automation: &&Automation| {
        let said = &automation.shown["properties"];
        let list = |value: &Json| value.as_array().cloned().unwrap_or_default();
        let here = list(&said["scopes"])
            .iter()
            .any(|own| own["scopePath"].as_str().is_some_and(|p| p.eq_ignore_ascii_case(&scope)));
        let rule = |rule: &Json| {
            rule["propertyJPath"] == "Severity"
                && rule["operator"] == "Equals"
                && rule["expectedValue"].as_str().is_some_and(|value| value.eq_ignore_ascii_case(severity))
        };
        let source = |source: &Json| {
            let sets = list(&source["ruleSets"]);
            source["eventSource"] == "Alerts"
                && (sets.is_empty() || sets.iter().any(|set| list(&set["rules"]).iter().all(rule)))
        };
        said["isEnabled"] != false && here && list(&said["sources"]).iter().any(source)
    };
    state.arm.automations.all.iter().filter(fits).flat_map(|one| one.addresses.clone()).collect()
}
