//! Managed identities: the endpoints of a machine and of an App Service, in their dialects.

use serde_json::json;

use super::{home, is_known};
use crate::message::{Reply, Request};
use crate::tenant::{Granted, Tenant};

impl Tenant {
    /// What an App Service of the tenant has in `IDENTITY_HEADER`.
    pub const IDENTITY_HEADER: &'static str = "testkit-identity-header";
}

/// Answers `GET /metadata/identity/oauth2/token` of a machine.
pub(in crate::tenant) fn machine(tenant: &Tenant, request: &Request) -> Reply {
    let right = request.header("metadata") == Some("true")
        && request.option("api-version").as_deref() == Some("2018-02-01")
        && request.header("x-forwarded-for").is_none();
    answer(tenant, request, right, "bad_request_102", "Required metadata header not specified")
}

/// Answers the address in `IDENTITY_ENDPOINT` of an App Service.
pub(in crate::tenant) fn app_service(tenant: &Tenant, request: &Request) -> Reply {
    let right = request.header("x-identity-header") == Some(Tenant::IDENTITY_HEADER)
        && request.option("api-version").as_deref() == Some("2019-08-01");
    answer(tenant, request, right, "invalid_header", "The X-IDENTITY-HEADER is missing or wrong")
}

fn answer(tenant: &Tenant, request: &Request, right: bool, error: &str, text: &str) -> Reply {
    let refusal = |error: &str, text: &str| {
        Reply::json(400, json!({"error": error, "error_description": text}).to_string())
    };
    if !right {
        return refusal(error, text);
    }
    let resource = request.option("resource").unwrap_or_default();
    let wanted = request.option("client_id");
    let state = tenant.lock();
    let app = state.apps.iter().find(|app| wanted.as_ref().is_none_or(|id| *id == app.client_id)).cloned();
    drop(state);
    let (Some(app), true) = (app, is_known(&resource)) else {
        return refusal("invalid_request", "Identity not found");
    };
    let roles = app.roles.iter().filter(|role| home(role) == resource).cloned().collect();
    let granted = Granted { roles, azure_role: app.azure_role, ..Granted::default() };
    let token = tenant.mint(&resource, granted, &app.client_id);
    let (life, now) = (tenant.0.token_life.as_secs(), tenant.0.clock.now().timestamp());
    let body = json!({
        "access_token": token,
        "client_id": app.client_id,
        "expires_in": life.to_string(),
        "expires_on": (now + i64::try_from(life).unwrap_or_default()).to_string(),
        "not_before": now,
        "resource": resource,
        "token_type": "Bearer",
    });
    Reply::json(200, body.to_string())
}
