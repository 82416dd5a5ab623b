//! Custom detection rules, which only the beta version has.

use serde_json::{Value as Json, json};

use super::{Answer, admit, not_found, refusal, wrong};
use crate::message::{Reply, Request};
use crate::tenant::Tenant;
use crate::tenant::mde::stamp;

const READ: &[&str] = &["CustomDetection.Read.All", "CustomDetection.ReadWrite.All"];
const WRITE: &[&str] = &["CustomDetection.ReadWrite.All"];
const REQUIRED: [&str; 6] = ["id", "displayName", "status", "queryCondition", "schedule", "detectionAction"];
const KNOWN: [&str; 7] =
    ["@odata.type", "displayName", "description", "status", "queryCondition", "schedule", "detectionAction"];

/// Answers `/beta/security/rules/detectionRules…`.
pub(super) fn answer(tenant: &Tenant, request: &Request, path: &[&str]) -> Answer {
    let needed = if request.method == "GET" { READ } else { WRITE };
    admit(tenant, request, needed)?;
    let now = stamp(tenant.clock().now());
    let mut state = tenant.lock();
    let rules = &mut state.graph_rules;
    let place = |rules: &[Json], id: &str| rules.iter().position(|rule| rule["id"] == id);
    match (request.method.as_str(), path) {
        ("GET", []) => {
            let wanted = request.option("$filter");
            let wanted =
                wanted.as_deref().and_then(|filter| filter.strip_prefix("status eq '")?.strip_suffix('\''));
            let all: Vec<&Json> =
                rules.iter().filter(|rule| wanted.is_none_or(|status| rule["status"] == status)).collect();
            Ok(Reply::json(200, json!({"value": all}).to_string()))
        }
        ("GET", [id]) => {
            let at = place(rules, id).ok_or_else(not_found)?;
            Ok(Reply::json(200, rules[at].to_string()))
        }
        ("POST", []) => {
            let mut rule = said(request, &["id"])?;
            if let Some(missing) = REQUIRED.into_iter().find(|name| rule[name].is_null()) {
                return Err(wrong(&format!("The property '{missing}' is required.")));
            }
            if place(rules, rule["id"].as_str().unwrap_or_default()).is_some() {
                return Err(refusal(409, "Conflict", "A rule with this id exists."));
            }
            rule["createdBy"] = json!(Tenant::CLIENT_ID);
            rule["createdDateTime"] = json!(now);
            touch(&mut rule, &now);
            rules.push(rule.clone());
            let location = format!(
                "https://graph.microsoft.com{}/{}",
                request.path,
                rule["id"].as_str().unwrap_or_default()
            );
            Ok(Reply::json(201, rule.to_string()).with_header("location", location))
        }
        ("PATCH", [id]) => {
            let at = place(rules, id).ok_or_else(not_found)?;
            let change = said(request, &[])?;
            for (name, value) in change.as_object().into_iter().flatten() {
                rules[at][name] = value.clone();
            }
            touch(&mut rules[at], &now);
            Ok(Reply::json(200, rules[at].to_string()))
        }
        ("DELETE", [id]) => {
            let at = place(rules, id).ok_or_else(not_found)?;
            rules.remove(at);
            Ok(Reply::empty(204))
        }
        _ => Err(refusal(405, "Request_BadRequest", "Specified HTTP method is not allowed.")),
    }
}

/// What a request says of a rule; what the service does not know it refuses.
fn said(request: &Request, also: &[&str]) -> Result<Json, Reply> {
    let Some(Json::Object(said)) = request.json() else {
        return Err(wrong("Unable to read JSON request payload."));
    };
    let stranger = said.keys().find(|name| !KNOWN.contains(&name.as_str()) && !also.contains(&name.as_str()));
    match stranger {
        Some(name) => Err(wrong(&format!("The property '{name}' cannot be written."))),
        None => Ok(said.into()),
    }
}

fn touch(rule: &mut Json, now: &str) {
    rule["lastModifiedBy"] = json!(Tenant::CLIENT_ID);
    rule["lastModifiedDateTime"] = json!(now);
}
