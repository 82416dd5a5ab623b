//! Many requests in one: each is answered as if it had come alone, and not in the order in which they stand.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{Answer, wrong};
use crate::message::{Reply, Request};
use crate::tenant::Tenant;

pub(in crate::tenant) fn run(tenant: &Tenant, request: &Request) -> Reply {
    answer(tenant, request).unwrap_or_else(|refusal| refusal)
}

fn answer(tenant: &Tenant, request: &Request) -> Answer {
    let body = request.json().unwrap_or_default();
    let Some(parts) = body["requests"].as_array().filter(|parts| !parts.is_empty()) else {
        return Err(wrong("Invalid batch payload format."));
    };
    if parts.len() > 20 {
        return Err(wrong("The number of batch requests must not be larger than 20."));
    }
    let mut ids = HashSet::new();
    if !parts.iter().all(|part| part["id"].as_str().is_some_and(|id| ids.insert(id.to_ascii_lowercase()))) {
        return Err(wrong("Each batch request needs an id of its own."));
    }
    let responses: Vec<Value> = parts.iter().rev().map(|part| one(tenant, request, part)).collect();
    Ok(Reply::json(200, json!({"responses": responses}).to_string()))
}

fn one(tenant: &Tenant, outer: &Request, part: &Value) -> Value {
    let text = |name: &str| part[name].as_str().unwrap_or_default();
    let (path, query) = text("url").split_once('?').unwrap_or((text("url"), ""));
    let headers = part["headers"].as_object().into_iter().flatten();
    let mut headers: Vec<(String, String)> = headers
        .map(|(name, value)| (name.to_ascii_lowercase(), value.as_str().unwrap_or_default().to_owned()))
        .collect();
    let typed = headers.iter().any(|(name, _)| name == "content-type");
    let kept = outer.headers.iter().filter(|(name, _)| name == "authorization" || name == "host");
    headers.extend(kept.cloned());
    let version = outer.path.trim_end_matches("/$batch");
    let inner = Request {
        method: text("method").to_owned(),
        path: format!("{version}/{}", path.trim_start_matches('/')),
        query: query.to_owned(),
        headers,
        body: if part["body"].is_null() { bytes::Bytes::new() } else { part["body"].to_string().into() },
    };
    let reply = if !part["body"].is_null() && !typed {
        wrong("A body needs a Content-Type header.")
    } else {
        tenant.answer(&inner)
    };
    let headers: serde_json::Map<String, Value> =
        reply.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    json!({"id": part["id"], "status": reply.status, "headers": headers, "body": body})
}
