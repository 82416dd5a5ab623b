//! The token endpoint: who asks, how that is proved, and what is given.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::application::Kind;
use super::{App, Refusal, home, is_known, mint, refuse};
use crate::message::{Reply, Request};
use crate::tenant::{Granted, Tenant};

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Answers `POST /{tenant}/oauth2/v2.0/token`.
pub(in crate::tenant) fn token(tenant: &Tenant, request: &Request, path_tenant: &str) -> Reply {
    granted(tenant, request, path_tenant).unwrap_or_else(|refusal| refusal.reply(tenant))
}

fn field(request: &Request, name: &str) -> String {
    request.field(name).unwrap_or_default()
}

fn granted(tenant: &Tenant, request: &Request, path_tenant: &str) -> Result<Reply, Refusal> {
    if request.method != "POST" || request.header("content-type") != Some("application/x-www-form-urlencoded")
    {
        let text = "The request body must contain the following parameter: 'grant_type'.";
        return refuse(400, "invalid_request", 900_144, text);
    }
    let app = application(tenant, request, path_tenant)?;
    let grant = field(request, "grant_type");
    prove(tenant, request, &app, &grant)?;
    match grant.as_str() {
        "client_credentials" => {
            let resource = resource(&field(request, "scope"))?;
            let roles = app.roles.iter().filter(|role| home(role) == resource).cloned().collect();
            let granted = Granted { roles, azure_role: app.azure_role, ..Granted::default() };
            Ok(answer(tenant, request, &app, &resource, granted, ""))
        }
        "authorization_code" => redeem(tenant, request, &app),
        "refresh_token" => {
            let kept = field(request, "refresh_token");
            if tenant.lock().sessions.refresh_tokens.get(&kept) != Some(&app.client_id) {
                let text =
                    "The provided grant has expired due to it being revoked, a fresh auth token is needed.";
                return refuse(400, "invalid_grant", 50_173, text);
            }
            another_factor(tenant)?;
            delegated(tenant, request, &app, &field(request, "scope"))
        }
        DEVICE => device(tenant, request, &app),
        BEARER => {
            let assertion = field(request, "assertion");
            let genuine = tenant.lock().tokens.get(&assertion).is_some_and(|claims| {
                claims.audience == app.client_id && claims.expires_at > tenant.0.clock.now()
            });
            if field(request, "requested_token_use") != "on_behalf_of" || !genuine {
                return refuse(400, "invalid_grant", 50_013, "Assertion failed signature validation.");
            }
            another_factor(tenant)?;
            delegated(tenant, request, &app, &field(request, "scope"))
        }
        _ => refuse(400, "unsupported_grant_type", 70_003, "The app requested an unsupported grant type."),
    }
}

/// The application that asks, by the tenant in the address and its client id.
pub(super) fn application(tenant: &Tenant, request: &Request, path_tenant: &str) -> Result<App, Refusal> {
    if path_tenant != tenant.0.id {
        let text =
            format!("Tenant '{path_tenant}' not found. Check to make sure you have the correct tenant ID.");
        return refuse(400, "invalid_request", 90_002, text);
    }
    let client_id = request.field("client_id").or_else(|| request.option("client_id")).unwrap_or_default();
    let Some(app) = tenant.lock().apps.iter().find(|app| app.client_id == client_id).cloned() else {
        let text = format!("Application with identifier '{client_id}' was not found in the directory.");
        return refuse(400, "unauthorized_client", 700_016, text);
    };
    if !app.enabled {
        let text = format!("Application '{client_id}' is disabled.");
        return refuse(401, "unauthorized_client", 7_000_112, text);
    }
    Ok(app)
}

/// Checks the application's proof.
fn prove(tenant: &Tenant, request: &Request, app: &App, grant: &str) -> Result<(), Refusal> {
    let (secret, assertion) = (field(request, "client_secret"), field(request, "client_assertion"));
    if app.kind == Kind::Public {
        if !secret.is_empty() || !assertion.is_empty() {
            let text =
                "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.";
            return refuse(401, "invalid_client", 700_025, text);
        }
        if grant == "client_credentials" || grant == BEARER {
            let text = "The client application cannot use this grant without a credential.";
            return refuse(401, "invalid_client", 7_000_218, text);
        }
        return Ok(());
    }
    if !assertion.is_empty() {
        return by_assertion(tenant, request, app, &assertion);
    }
    if secret.is_empty() {
        let text =
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
        return refuse(401, "invalid_client", 7_000_218, text);
    }
    if app.expired.contains(&secret) {
        let text = "The provided client secret keys are expired.";
        return refuse(401, "invalid_client", 7_000_222, text);
    }
    if !app.secrets.contains(&secret) {
        let text = "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.";
        return refuse(401, "invalid_client", 7_000_215, text);
    }
    Ok(())
}

/// A signed statement: of the application's certificate, or of an issuer that it trusts. Signatures are not checked.
fn by_assertion(tenant: &Tenant, request: &Request, app: &App, assertion: &str) -> Result<(), Refusal> {
    let parts = (mint::payload(assertion, 0), mint::payload(assertion, 1));
    let (ASSERTION, (Some(head), Some(payload))) = (field(request, "client_assertion_type").as_str(), parts)
    else {
        return refuse(401, "invalid_client", 50_027, "JWT token is invalid or malformed.");
    };
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let (issuer, subject) = (text(&payload, "iss"), text(&payload, "sub"));
    if head["x5t#S256"].is_null() {
        let known = app.federations.contains(&(issuer, subject));
        if !known || payload["aud"] != "api://AzureADTokenExchange" {
            let text = "No matching federated identity record found for presented assertion.";
            return refuse(401, "invalid_client", 700_213, text);
        }
        return Ok(());
    }
    let here = format!("/{}/oauth2/v2.0/token", tenant.0.id);
    let ours = issuer == app.client_id && subject == app.client_id && text(&payload, "aud").ends_with(&here);
    let algorithm = matches!(text(&head, "alg").as_str(), "PS256" | "RS256");
    if !ours || !algorithm || !app.certificates.contains(&text(&head, "x5t#S256")) {
        let text = "The certificate with identifier used to sign the client assertion is not registered on application.";
        return refuse(401, "invalid_client", 700_027, text);
    }
    let now = tenant.0.clock.now().timestamp();
    let at = |name: &str| payload[name].as_i64().unwrap_or_default();
    // The service allows for clocks that differ by five minutes.
    if at("nbf") > now + 300 || at("exp") < now - 300 {
        let text = "Client assertion is not within its valid time range.";
        return refuse(401, "invalid_client", 700_024, text);
    }
    Ok(())
}

/// Redeems an authorization code.
fn redeem(tenant: &Tenant, request: &Request, app: &App) -> Result<Reply, Refusal> {
    {
        let (now, mut state) = (tenant.0.clock.now(), tenant.lock());
        let code = state.sessions.codes.get_mut(&field(request, "code"));
        let Some(code) = code.filter(|code| code.client_id == app.client_id && code.until > now) else {
            let text = "The provided authorization code or refresh token has expired due to inactivity.";
            return refuse(400, "invalid_grant", 70_008, text);
        };
        if std::mem::replace(&mut code.used, true) {
            return refuse(400, "invalid_grant", 54_005, "OAuth2 Authorization code was already redeemed.");
        }
        if code.redirect != field(request, "redirect_uri") {
            let text = "The redirect URI specified in the request does not match.";
            return refuse(400, "invalid_client", 50_011, text);
        }
        let verifier = Sha256::digest(field(request, "code_verifier"));
        if code.challenge != URL_SAFE_NO_PAD.encode(verifier) {
            let text =
                "The Code_Verifier does not match the code_challenge supplied in the authorization request.";
            return refuse(400, "invalid_grant", 501_481, text);
        }
    }
    delegated(tenant, request, app, &field(request, "scope"))
}

/// Answers a device that asks whether its user has signed in.
fn device(tenant: &Tenant, request: &Request, app: &App) -> Result<Reply, Refusal> {
    let code = field(request, "device_code");
    let (decision, scope) = {
        let (now, mut state) = (tenant.0.clock.now(), tenant.lock());
        let device = state.sessions.devices.get(&code).filter(|device| device.client_id == app.client_id);
        let found = device.map(|device| (device.decision, device.until, device.scope.clone()));
        let Some((decision, until, scope)) = found else {
            return refuse(400, "bad_verification_code", 70_018, "The provided device code is not valid.");
        };
        if until <= now {
            return refuse(400, "expired_token", 70_019, "The device code has expired.");
        }
        if decision.is_some() {
            state.sessions.devices.remove(&code);
        }
        (decision, scope)
    };
    match decision {
        None => {
            let text = "OAuth 2.0 device flow error. Authorization is pending. Continue polling.";
            refuse(400, "authorization_pending", 70_016, text)
        }
        Some(false) => refuse(400, "authorization_declined", 65_004, "User declined to consent."),
        // The scope was named when the device began.
        Some(true) => delegated(tenant, request, app, &scope),
    }
}

/// A user who has to do more has to do it in a browser.
fn another_factor(tenant: &Tenant) -> Result<(), Refusal> {
    if tenant.lock().sessions.interaction {
        let text = "Due to a configuration change made by your administrator, you must use multi-factor authentication.";
        return refuse(400, "interaction_required", 50_076, text);
    }
    Ok(())
}

/// The resource of the scope.
fn resource(scope: &str) -> Result<String, Refusal> {
    let mut resources = scope.split(' ').filter_map(|scope| scope.strip_suffix("/.default"));
    let (first, second) = (resources.next(), resources.next());
    let (Some(resource), None) = (first.map(str::to_owned), second) else {
        let text = "The provided value for the input parameter 'scope' is not valid.";
        return refuse(400, "invalid_scope", 70_011, text);
    };
    if !is_known(&resource) {
        let text = format!("The resource principal named {resource} was not found in the tenant.");
        return refuse(400, "invalid_resource", 500_011, text);
    }
    Ok(resource)
}

/// A token with what the user has granted the application.
fn delegated(tenant: &Tenant, request: &Request, app: &App, scope: &str) -> Result<Reply, Refusal> {
    let resource = resource(scope)?;
    let canonical = if resource == super::ARM_RESOURCES[1] { super::ARM_RESOURCES[0] } else { &resource };
    let scopes: Vec<_> = app.scopes.iter().filter(|scope| home(scope) == canonical).cloned().collect();
    if scopes.is_empty() {
        let text = "The user or administrator has not consented to use the application.";
        return refuse(400, "invalid_grant", 65_001, text);
    }
    let granted = Granted { scopes, azure_role: app.azure_role, ..Granted::default() };
    Ok(answer(tenant, request, app, &resource, granted, scope))
}

/// The token answer, with what the request proved in addition.
fn answer(
    tenant: &Tenant,
    request: &Request,
    app: &App,
    resource: &str,
    granted: Granted,
    asked: &str,
) -> Reply {
    let claims = request.field("claims").and_then(|claims| serde_json::from_str(&claims).ok());
    let proved = claims.unwrap_or_default();
    let scope = granted.scopes.join(" ");
    let token = tenant.mint(resource, Granted { proved, ..granted }, &app.client_id);
    let life = tenant.0.token_life.as_secs();
    let mut body =
        json!({"token_type": "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": token});
    let wants = |word: &str| asked.split(' ').any(|scope| scope == word);
    if wants("offline_access") {
        let mut state = tenant.lock();
        let refresh = state.sessions.fresh("0.AX0A");
        state.sessions.refresh_tokens.insert(refresh.clone(), app.client_id.clone());
        drop(state);
        body["refresh_token"] = refresh.into();
    }
    if wants("openid") {
        body["id_token"] = tenant.id_token(&app.client_id).into();
    }
    if !scope.is_empty() {
        body["scope"] = scope.into();
    }
    Reply::json(200, body.to_string()).with_header("cache-control", "no-store, no-cache")
}
