//! The token endpoint: checks who asks, mints a JWT for the right audience with the application's roles.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use serde_json::json;

use super::{ARM_RESOURCES, Claims, GRAPH_RESOURCE, Granted, MDE_RESOURCE, Tenant};
use crate::message::{Reply, Request};
use crate::population::hex;

/// Answers `POST /{tenant}/oauth2/v2.0/token`.
pub(super) fn token(tenant: &Tenant, request: &Request, path_tenant: &str) -> Reply {
    let field = |name: &str| request.field(name).unwrap_or_default();
    if request.method != "POST" || request.header("content-type") != Some("application/x-www-form-urlencoded")
    {
        return refusal(
            400,
            "invalid_request",
            900_144,
            "The request body must contain the following parameter: 'grant_type'.",
        );
    }
    if path_tenant != tenant.0.id {
        let text =
            format!("Tenant '{path_tenant}' not found. Check to make sure you have the correct tenant ID.");
        return refusal(400, "invalid_request", 90_002, &text);
    }
    if field("grant_type") != "client_credentials" {
        return refusal(
            400,
            "unsupported_grant_type",
            70_003,
            "The app requested an unsupported grant type.",
        );
    }
    let client_id = field("client_id");
    let Some(app) = tenant.lock().apps.iter().find(|app| app.client_id == client_id).cloned() else {
        let text = format!("Application with identifier '{client_id}' was not found in the directory.");
        return refusal(400, "unauthorized_client", 700_016, &text);
    };
    if field("client_secret").is_empty() {
        let text =
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
        return refusal(401, "invalid_client", 7_000_218, text);
    }
    if field("client_secret") != app.secret {
        let text = "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.";
        return refusal(401, "invalid_client", 7_000_215, text);
    }
    let scope = field("scope");
    let Some(resource) = scope.strip_suffix("/.default") else {
        return refusal(
            400,
            "invalid_scope",
            70_011,
            "The provided value for the input parameter 'scope' is not valid.",
        );
    };
    let known = [MDE_RESOURCE, GRAPH_RESOURCE].iter().chain(&ARM_RESOURCES).any(|known| *known == resource);
    if !known {
        let text = format!("The resource principal named {resource} was not found in the tenant.");
        return refusal(400, "invalid_resource", 500_011, &text);
    }
    let roles = app.roles.into_iter().filter(|role| home(role) == resource).collect();
    let granted = Granted { roles, scopes: Vec::new(), azure_role: app.azure_role };
    let token = tenant.mint(resource, granted, &client_id);
    let life = tenant.0.token_life.as_secs();
    let body =
        json!({"token_type": "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": token});
    Reply::json(200, body.to_string()).with_header("cache-control", "no-store, no-cache")
}

/// The resource that an application permission belongs to.
fn home(role: &str) -> &'static str {
    let of_graph =
        ["Security", "ThreatHunting", "CustomDetection"].iter().any(|start| role.starts_with(start));
    if of_graph { GRAPH_RESOURCE } else { MDE_RESOURCE }
}

fn refusal(status: u16, error: &str, code: i64, text: &str) -> Reply {
    let id = format!("{}-0000-4000-8000-000000000000", hex(code.unsigned_abs(), 8));
    let body = json!({
        "error": error,
        "error_description": format!("AADSTS{code}: {text} Trace ID: {id} Correlation ID: {id} Timestamp: 2026-09-21 13:33:20Z"),
        "error_codes": [code],
        "timestamp": "2026-09-21 13:33:20Z",
        "trace_id": id,
        "correlation_id": id,
        "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
    });
    Reply::json(status, body.to_string())
}

impl Tenant {
    /// A token that this tenant accepts. It has the shape of a JWT; only the tenant knows that it is genuine.
    pub(super) fn mint(&self, audience: &str, granted: Granted, client_id: &str) -> String {
        let Granted { roles, scopes, azure_role } = granted;
        let now = self.0.clock.now();
        let expires_at = now + TimeDelta::from_std(self.0.token_life).unwrap_or_default();
        let mut payload = json!({
            "aud": audience,
            "iss": format!("https://sts.windows.net/{}/", self.0.id),
            "iat": now.timestamp(),
            "nbf": now.timestamp(),
            "exp": expires_at.timestamp(),
            "appid": client_id,
            "tid": self.0.id,
        });
        if scopes.is_empty() {
            payload["idtyp"] = "app".into();
            // Where an application has no role, the claim is missing, as it always is for Azure.
            if !roles.is_empty() {
                payload["roles"] = json!(roles);
            }
        } else {
            payload["scp"] = scopes.join(" ").into();
        }
        let mut state = self.lock();
        state.minted += 1;
        payload["uti"] = hex(state.minted, 22).into();
        let part = |text: String| URL_SAFE_NO_PAD.encode(text);
        let head = part(json!({"typ": "JWT", "alg": "RS256", "kid": "testkit"}).to_string());
        let signature = part(hex(state.minted ^ 0x0051_6E00, 64));
        let token = format!("{head}.{}.{signature}", part(payload.to_string()));
        let audience = audience.to_owned();
        state.tokens.insert(token.clone(), Claims { audience, roles, scopes, azure_role, expires_at });
        token
    }
}
