//! Alerts: listed by scope, one by one, and the actions that set their status.

use std::fmt::Write as _;

use serde_json::json;

use super::{Answer, refusal, samples, unknown};
use crate::message::{Reply, Request};
use crate::population::CloudRecord;
use crate::tenant::mde::stamp;
use crate::tenant::{Mood, Tenant, origin};

/// What the service lists at once.
const PAGE: usize = 100;

/// Which alerts a path is about.
pub(super) struct Scope<'a> {
    pub(super) subscription: &'a str,
    pub(super) group: Option<&'a str>,
    pub(super) location: Option<&'a str>,
}

/// Answers `…/alerts…`.
pub(super) fn answer(
    tenant: &Tenant,
    request: &Request,
    scope: &Scope<'_>,
    path: &[&str],
    mood: Mood,
) -> Answer {
    match (request.method.as_str(), path) {
        ("GET", []) => list(tenant, request, scope),
        ("GET", [name]) if scope.location.is_some() => get(tenant, scope, name, mood),
        ("POST", ["default", "simulate"]) if scope.group.is_none() => samples::begin(tenant, request, scope),
        ("GET", ["default", "simulate", operation]) => samples::progress(tenant, request, operation),
        ("POST", [name, action]) if scope.location.is_some() => {
            act(tenant, request, scope, name, action, mood)
        }
        _ => Err(unknown()),
    }
}

impl Scope<'_> {
    fn holds(&self, alert: &CloudRecord) -> bool {
        alert.subscription().eq_ignore_ascii_case(self.subscription)
            && self.group.is_none_or(|g| alert.group().is_some_and(|own| own.eq_ignore_ascii_case(g)))
            && self.location.is_none_or(|l| alert.location().eq_ignore_ascii_case(l))
    }
}

fn list(tenant: &Tenant, request: &Request, scope: &Scope<'_>) -> Answer {
    let skip = match request.option("$skiptoken") {
        None => 0,
        Some(token) => token
            .strip_prefix("page~")
            .and_then(|n| n.parse().ok())
            .ok_or_else(|| refusal(400, "InvalidSkipToken", "The skip token is not valid."))?,
    };
    let state = tenant.lock();
    let fitting: Vec<&CloudRecord> = state.cloud.iter().filter(|alert| scope.holds(alert)).collect();
    let page: Vec<String> = fitting
        .iter()
        .skip(skip)
        .take(PAGE.min(tenant.0.page_cap))
        .map(|alert| alert.json(stamp, false))
        .collect();
    let mut body = format!("{{\"value\":[{}]", page.join(","));
    let next = skip + page.len();
    if next < fitting.len() {
        let origin = origin(request, "management.azure.com");
        let link = format!("{origin}{}?api-version=2022-01-01&%24skiptoken=page~{next}", request.path);
        let _ = write!(body, ",\"nextLink\":{}", json!(link));
    }
    body.push('}');
    Ok(Reply::json(200, body))
}

/// Below a resource group only its own alerts are found; below the subscription, all.
fn position(cloud: &[CloudRecord], scope: &Scope<'_>, name: &str) -> Result<usize, Reply> {
    cloud
        .iter()
        .position(|alert| alert.name.eq_ignore_ascii_case(name) && scope.holds(alert))
        .ok_or_else(|| refusal(404, "ResourceNotFound", &format!("The alert '{name}' was not found.")))
}

fn get(tenant: &Tenant, scope: &Scope<'_>, name: &str, mood: Mood) -> Answer {
    let state = tenant.lock();
    let alert = &state.cloud[position(&state.cloud, scope, name)?];
    Ok(Reply::json(200, alert.json(stamp, mood == Mood::Stale)))
}

/// Each action sets a status, whichever it was; the answer says nothing.
fn act(
    tenant: &Tenant,
    request: &Request,
    scope: &Scope<'_>,
    name: &str,
    action: &str,
    mood: Mood,
) -> Answer {
    let status = match action {
        "activate" => "Active",
        "inProgress" => "InProgress",
        "resolve" => "Resolved",
        "dismiss" => "Dismissed",
        _ => return Err(unknown()),
    };
    // Front ends do not take a POST whose length is not told.
    if request.header("content-length") != Some("0") && request.body.is_empty() {
        return Err(refusal(411, "LengthRequired", "Content-Length is required."));
    }
    if !request.body.is_empty() {
        return Err(refusal(400, "InvalidRequestContent", "The request content was invalid."));
    }
    let now = tenant.0.clock.now();
    let mut state = tenant.lock();
    let at = position(&state.cloud, scope, name)?;
    if mood != Mood::Lying {
        state.cloud[at].triage.change(now, |triage| triage.set_status(status, now));
    }
    Ok(Reply::empty(204))
}
