//! Device codes: begun here, decided on the page that the user opens.

use chrono::TimeDelta;
use serde_json::json;

use super::authorize::page;
use super::grants::application;
use super::{Device, Refusal};
use crate::message::{Reply, Request};
use crate::tenant::{Tenant, origin};

const LIFE: i64 = 900;

/// Answers `POST /{tenant}/oauth2/v2.0/devicecode`.
pub(in crate::tenant) fn begin(tenant: &Tenant, request: &Request, path_tenant: &str) -> Reply {
    let app = match application(tenant, request, path_tenant) {
        Ok(app) => app,
        Err(refusal) => return Refusal::reply(refusal, tenant),
    };
    let until = tenant.0.clock.now() + TimeDelta::seconds(LIFE);
    let mut state = tenant.lock();
    let code = state.sessions.fresh("DAQAB");
    let user_code = format!("FAKE{:05}", state.sessions.given % 100_000);
    let scope = request.field("scope").unwrap_or_default();
    let device =
        Device { client_id: app.client_id, scope, user_code: user_code.clone(), until, decision: None };
    state.sessions.devices.insert(code.clone(), device);
    let address = format!("{}/devicelogin", origin(request, "microsoft.com"));
    let message =
        format!("To sign in, use a web browser to open the page {address} and enter the code {user_code}.");
    let body = json!({
        "device_code": code,
        "user_code": user_code,
        "verification_uri": address,
        "expires_in": LIFE,
        "interval": 5,
        "message": message,
    });
    Reply::json(200, body.to_string())
}

/// Answers `GET /devicelogin?user_code=…`: the fake's user always agrees.
pub(in crate::tenant) fn approve_page(tenant: &Tenant, request: &Request) -> Reply {
    let code = request.option("user_code").unwrap_or_default();
    page(if tenant.decide_device(&code, true) {
        "<p>You are signed in on the other device.</p>"
    } else {
        "<form><label>Code <input name=user_code></label> <button>Next</button></form>"
    })
}
