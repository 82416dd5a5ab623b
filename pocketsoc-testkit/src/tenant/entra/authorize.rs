//! The page that users sign in on, and the way back to the application.

use chrono::TimeDelta;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::grants::application;
use super::{Code, Refusal, refuse};
use crate::message::{Reply, Request};
use crate::tenant::Tenant;

const FIELDS: [&str; 6] = ["client_id", "redirect_uri", "state", "code_challenge", "scope", "claims"];

/// Answers `GET /{tenant}/oauth2/v2.0/authorize` with a page whose form sends itself: the fake's user always agrees.
pub(in crate::tenant) fn authorize(tenant: &Tenant, request: &Request, path_tenant: &str) -> Reply {
    let value = |name: &str| request.option(name).unwrap_or_default();
    if let Err(refusal) = checked(tenant, request, path_tenant, value) {
        // Without an address to be trusted there is no way back: the page says it.
        return page(&format!("<p>AADSTS{}: {}</p>", refusal.2, escaped(&refusal.3)));
    }
    let field = |name: &&str| format!("<input type=hidden name={name} value=\"{}\">", escaped(&value(name)));
    let fields = FIELDS.iter().map(field).collect::<Vec<_>>().concat();
    page(&format!(
        "<form method=post action=\"{}\">{fields}<button>Sign in as {}</button></form>\
         <script>document.forms[0].submit()</script>",
        escaped(&request.path),
        Tenant::USER
    ))
}

/// Answers the form: the browser goes back to the application with a code.
pub(in crate::tenant) fn consented(tenant: &Tenant, request: &Request, path_tenant: &str) -> Reply {
    let value = |name: &str| request.field(name).unwrap_or_default();
    if let Err(refusal) = checked(tenant, request, path_tenant, value) {
        return page(&format!("<p>AADSTS{}: {}</p>", refusal.2, escaped(&refusal.3)));
    }
    let until = tenant.0.clock.now() + TimeDelta::minutes(10);
    let mut state = tenant.lock();
    // Who signs in has done what was asked for.
    state.sessions.interaction = false;
    let code = state.sessions.fresh("1.AX0A");
    let given = Code {
        client_id: value("client_id"),
        redirect: value("redirect_uri"),
        challenge: value("code_challenge"),
        until,
        used: false,
    };
    state.sessions.codes.insert(code.clone(), given);
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let back = format!(
        "{}?code={}&state={}&session_state=1#",
        value("redirect_uri"),
        encode(&code),
        encode(&value("state"))
    );
    Reply::empty(302).with_header("location", back)
}

impl Tenant {
    /// Plays the user's browser: opens the address of a sign-in, agrees, and gives the address that the browser is sent
    /// back to.
    ///
    /// # Errors
    /// What the page says when it lets nobody in.
    pub fn sign_in(&self, url: &str) -> Result<String, std::io::Error> {
        let refused = |what: &str| std::io::Error::other(what.to_owned());
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let (host, target) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let request = |method: &str, query: &str, body: &str| Request {
            method: method.into(),
            path: path.into(),
            query: query.into(),
            headers: vec![("host".into(), host.into())],
            body: body.to_owned().into(),
        };
        let page = self.answer(&request("GET", query, ""));
        let page = String::from_utf8_lossy(&page.body).into_owned();
        if !page.contains("<form") {
            return Err(refused(&page));
        }
        // The form has the fields of the address.
        let back = self.answer(&request("POST", "", query));
        let location = back.headers.into_iter().find(|(name, _)| name == "location");
        location.map(|(_, to)| to).ok_or_else(|| refused(&String::from_utf8_lossy(&back.body)))
    }
}

fn checked(
    tenant: &Tenant,
    request: &Request,
    path_tenant: &str,
    value: impl Fn(&str) -> String,
) -> Result<(), Refusal> {
    let app = application(tenant, request, path_tenant)?;
    if !app.may_go_back_to(&value("redirect_uri")) {
        let text = "The redirect URI specified in the request does not match the redirect URIs configured for the application.";
        return refuse(400, "invalid_request", 50_011, text);
    }
    if request.method == "GET" {
        let plain = value("response_type") == "code" && value("code_challenge_method") == "S256";
        if !plain || value("code_challenge").len() != 43 || value("state").is_empty() {
            let text = "The request must ask for a code, with a state and an S256 challenge.";
            return refuse(400, "invalid_request", 90_014, text);
        }
    }
    Ok(())
}

pub(super) fn page(body: &str) -> Reply {
    let html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Sign in</title><h1>Fake sign-in page</h1>{body}</html>"
    );
    Reply {
        status: 200,
        headers: vec![("content-type".into(), "text/html; charset=utf-8".into())],
        body: html.into(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
