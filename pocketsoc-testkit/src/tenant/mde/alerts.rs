//! Alerts: listed, and one by one.

use std::fmt::Write as _;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::render::Rendered;
use super::{ALERT_READ, Answer, admit, changes, observables, refusal, unknown};
use crate::filter::{Filter, Value};
use crate::message::{Reply, Request};
use crate::population::AlertRecord;
use crate::tenant::{Mood, Tenant, origin};

/// The fields that the service filters alerts by.
const FILTERABLE: &[&str] = &[
    "alertCreationTime",
    "lastUpdateTime",
    "incidentId",
    "investigationId",
    "id",
    "assignedTo",
    "detectionSource",
    "lastEventTime",
    "status",
    "severity",
    "category",
];

/// The query options that the list of alerts knows.
const OPTIONS: &[&str] = &["$filter", "$top", "$skip", "$expand"];

/// Answers `/api/alerts…`.
pub(super) fn alerts(tenant: &Tenant, request: &Request, path: &[&str], mood: Mood) -> Answer {
    match (request.method.as_str(), path) {
        ("GET", []) => list(tenant, request),
        ("POST", ["batchUpdate"]) => changes::update_many(tenant, request, mood),
        ("POST", ["CreateAlertByReference"]) => changes::create(tenant, request),
        ("GET", [id]) => get(tenant, request, id, mood),
        ("PATCH", [id]) => changes::update(tenant, request, id, mood),
        ("GET", [id, what]) => observables::related(tenant, request, id, what),
        (_, []) => Ok(Reply::empty(405).with_header("allow", "GET")),
        (_, [_]) => Ok(Reply::empty(405).with_header("allow", "GET, PATCH")),
        _ => Err(unknown()),
    }
}

fn list(tenant: &Tenant, request: &Request) -> Answer {
    admit(tenant, request, ALERT_READ)?;
    let number = |name: &str| match request.option(name) {
        None => Ok(None),
        Some(text) => text.parse::<usize>().map(Some).map_err(|_| {
            refusal(400, "ODataError", &format!("Invalid value '{text}' for {name} query option found."))
        }),
    };
    if let Some(name) =
        request.options().find(|name| name.starts_with('$') && !OPTIONS.contains(&name.as_str()))
    {
        return Err(refusal(400, "ODataError", &format!("The query parameter '{name}' is not supported.")));
    }
    let (top, skip) = (number("$top")?, number("$skip")?.unwrap_or(0));
    if top.is_some_and(|top| top > 10_000) {
        return Err(refusal(400, "ODataError", "The limit of '10000' for Top query has been exceeded."));
    }
    let expand = match request.option("$expand").as_deref() {
        None => false,
        Some("evidence") => true,
        Some(other) => {
            return Err(refusal(400, "ODataError", &format!("Could not find a property named '{other}'.")));
        }
    };
    let filter = request.option("$filter").map(|text| parse_filter(&text)).transpose()?;

    let state = tenant.lock();
    let fitting: Vec<&AlertRecord> = state
        .alerts
        .iter()
        .filter(|alert| filter.as_ref().is_none_or(|f| f.matches(&|name| field(alert, name))))
        .collect();
    let asked = top.unwrap_or(usize::MAX);
    let size = asked.min(tenant.0.page_cap);
    let page: Vec<&AlertRecord> = fitting.iter().skip(skip).take(size).copied().collect();

    let mut body = String::with_capacity(page.len() * 4096 + 256);
    body.push_str(
        r#"{"@odata.context":"https://api.securitycenter.microsoft.com/api/$metadata#Alerts","value":["#,
    );
    for (n, alert) in page.iter().enumerate() {
        if n > 0 {
            body.push(',');
        }
        body.push_str(&Rendered::new(alert, alert.triage.now(), &tenant.0.machines, expand).json());
    }
    body.push(']');
    // A page cut by the service's own limit has a next link; one cut by `$top` has none.
    let rest = fitting.len().saturating_sub(skip + page.len());
    if rest > 0 && size < asked {
        let _ =
            write!(body, r#","@odata.nextLink":{}"#, json!(next_link(request, skip + page.len(), top, size)));
    }
    body.push('}');
    Ok(Reply::json(200, body))
}

/// The link to the next page: the same host that was asked, the same options, further on.
fn next_link(request: &Request, skip: usize, top: Option<usize>, given: usize) -> String {
    let mut link = format!("{}{}?$skip={skip}", origin(request, "api.security.microsoft.com"), request.path);
    if let Some(top) = top {
        let _ = write!(link, "&$top={}", top - given);
    }
    for name in ["$filter", "$expand"] {
        if let Some(value) = request.option(name) {
            let _ = write!(link, "&{name}={}", utf8_percent_encode(&value, NON_ALPHANUMERIC));
        }
    }
    link
}

fn parse_filter(text: &str) -> Result<Filter, Reply> {
    let filter = Filter::parse(text)
        .map_err(|why| refusal(400, "ODataError", &format!("Invalid filter clause: {why}.")))?;
    match filter.fields().into_iter().find(|name| !FILTERABLE.contains(name)) {
        None => Ok(filter),
        Some(name) => Err(refusal(
            400,
            "ODataError",
            &format!("The property '{name}' cannot be used in the $filter query option."),
        )),
    }
}

fn field(alert: &AlertRecord, name: &str) -> Value {
    let text = |text: &str| Value::Text(text.to_owned());
    match name {
        "id" => text(&alert.id),
        "status" => text(&alert.triage.now().status),
        "severity" => text(alert.severity),
        "category" => text(alert.story.category),
        "detectionSource" => text(alert.story.source),
        "assignedTo" => alert.triage.now().assigned_to.as_deref().map_or(Value::Null, text),
        "alertCreationTime" => Value::Time(alert.created),
        "lastEventTime" => Value::Time(alert.last_event()),
        "lastUpdateTime" => Value::Time(alert.triage.now().updated),
        #[allow(clippy::cast_precision_loss)] // small numbers
        "incidentId" => Value::Number(alert.incident as f64),
        #[allow(clippy::cast_precision_loss)] // small numbers
        "investigationId" => alert.investigation().map_or(Value::Null, |n| Value::Number(n as f64)),
        _ => Value::Null,
    }
}

pub(super) fn not_found(id: &str) -> Reply {
    refusal(404, "ResourceNotFound", &format!("Alert {id} was not found"))
}

fn get(tenant: &Tenant, request: &Request, id: &str, mood: Mood) -> Answer {
    admit(tenant, request, ALERT_READ)?;
    let state = tenant.lock();
    let alert = state.alerts.iter().find(|a| a.id == id).ok_or_else(|| not_found(id))?;
    let triage = alert.triage.seen(mood == Mood::Stale);
    Ok(Reply::json(200, Rendered::new(alert, triage, &tenant.0.machines, true).json()))
}

/// The alerts that fit, as a list.
pub(super) fn list_where(tenant: &Tenant, request: &Request, fits: impl Fn(&AlertRecord) -> bool) -> Answer {
    admit(tenant, request, ALERT_READ)?;
    let filter = request.option("$filter").map(|text| parse_filter(&text)).transpose()?;
    let state = tenant.lock();
    let found = state.alerts.iter().filter(|alert| fits(alert));
    let found = found.filter(|alert| filter.as_ref().is_none_or(|f| f.matches(&|name| field(alert, name))));
    let rendered: Vec<String> =
        found.map(|a| Rendered::new(a, a.triage.now(), &tenant.0.machines, false).json()).collect();
    Ok(Reply::json(
        200,
        format!(
            r#"{{"@odata.context":"https://api.securitycenter.microsoft.com/api/$metadata#Alerts","value":[{}]}}"#,
            rendered.join(",")
        ),
    ))
}
