//! Defender for Endpoint: its routes, its quirks, its words of refusal.

use std::fmt::Write as _;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value as Json, json};

use super::hunting::{self, Spelling};
use super::render::{Rendered, stamp};
use super::{MDE_RESOURCE, Mood, Tenant, machines, origin};
use crate::filter::{Filter, Value};
use crate::message::{Reply, Request};
use crate::population::{AlertRecord, Remark, hex};

const READ: &[&str] = &["Alert.Read.All", "Alert.ReadWrite.All", "Alert.Read", "Alert.ReadWrite"];
const WRITE: &[&str] = &["Alert.ReadWrite.All", "Alert.ReadWrite"];

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

type Answer = Result<Reply, Reply>;

pub(super) fn route(tenant: &Tenant, request: &Request, path: &[&str], mood: Mood) -> Reply {
    let path = if let ["v1.0", rest @ ..] = path { rest } else { path };
    let answer = match (request.method.as_str(), path) {
        ("GET", ["alerts"]) => list(tenant, request),
        ("GET", ["alerts", id]) => get(tenant, request, id, mood),
        ("PATCH", ["alerts", id]) => update(tenant, request, id, mood),
        ("POST", ["advancedqueries", "run"]) => hunt(tenant, request),
        (_, ["machines", rest @ ..]) => machines::machines(tenant, request, rest),
        (_, ["machineactions", rest @ ..]) => machines::actions(tenant, request, rest),
        (_, ["alerts"]) => Ok(Reply::empty(405).with_header("allow", "GET")),
        (_, ["alerts", _]) => Ok(Reply::empty(405).with_header("allow", "GET, PATCH")),
        _ => Err(refusal(404, "NotFound", "No HTTP resource was found that matches the request URI.")),
    };
    answer.unwrap_or_else(|refused| refused)
}

pub(super) fn refusal(status: u16, code: &str, message: &str) -> Reply {
    let target = format!("|{}.", hex(u64::from(status) ^ message.len() as u64, 16));
    Reply::json(status, json!({"error": {"code": code, "message": message, "target": target}}).to_string())
}

/// Checks the token: genuine, in time, for this service, with one of these grants.
pub(super) fn admit(tenant: &Tenant, request: &Request, needed: &[&str]) -> Result<(), Reply> {
    let Some(claims) = tenant.claims(request).filter(|c| c.audience == MDE_RESOURCE) else {
        return Err(refusal(401, "Unauthorized", "The access token is missing, invalid or has expired.")
            .with_header("www-authenticate", "Bearer"));
    };
    if claims.has_any(needed) {
        return Ok(());
    }
    let text = format!(
        "The application does not have any of the required application permissions ({}) to access the resource.",
        needed.iter().filter(|n| n.ends_with(".All")).copied().collect::<Vec<_>>().join(", ")
    );
    Err(refusal(403, "Forbidden", &text))
}

fn list(tenant: &Tenant, request: &Request) -> Answer {
    admit(tenant, request, READ)?;
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

fn not_found(id: &str) -> Reply {
    refusal(404, "ResourceNotFound", &format!("Alert {id} was not found"))
}

fn get(tenant: &Tenant, request: &Request, id: &str, mood: Mood) -> Answer {
    admit(tenant, request, READ)?;
    let state = tenant.lock();
    let alert = state.alerts.iter().find(|a| a.id == id).ok_or_else(|| not_found(id))?;
    let triage = alert.triage.seen(mood == Mood::Stale);
    Ok(Reply::json(200, Rendered::new(alert, triage, &tenant.0.machines, true).json()))
}

fn update(tenant: &Tenant, request: &Request, id: &str, mood: Mood) -> Answer {
    admit(tenant, request, WRITE)?;
    let wrong = |message: &str| refusal(400, "InvalidRequestBody", message);
    let Some(Json::Object(change)) = request.json() else {
        return Err(wrong("Request body is incorrect"));
    };
    let text = |name: &str| match change.get(name) {
        None => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(wrong(&format!("The value of '{name}' is not a string"))),
    };
    let known = ["status", "assignedTo", "classification", "determination", "comment"];
    if let Some(name) = change.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(wrong(&format!("Request body is incorrect: unknown member '{name}'")));
    }
    let one_of = |name: &str, words: &[&str]| match text(name)? {
        Some(word) if !words.contains(&word.as_str()) => {
            Err(refusal(400, "InvalidInput", &format!("'{word}' is not a valid value for {name}")))
        }
        word => Ok(word),
    };
    let status = one_of("status", &["New", "InProgress", "Resolved"])?;
    let classification =
        one_of("classification", &["TruePositive", "InformationalExpectedActivity", "FalsePositive"])?;
    let determination = one_of("determination", DETERMINATIONS)?;
    let (assigned_to, comment) = (text("assignedTo")?, text("comment")?);

    let now = tenant.0.clock.now();
    let mut state = tenant.lock();
    let alert = state.alerts.iter_mut().find(|a| a.id == id).ok_or_else(|| not_found(id))?;
    if mood != Mood::Lying {
        alert.triage.change(now, |triage| {
            if let Some(status) = status {
                triage.set_status(&status, now);
            }
            // A verdict without its reason loses the old one: what is left out is recalculated.
            let kept = if classification.is_some() { None } else { triage.determination.take() };
            triage.determination = determination.or(kept);
            triage.classification = classification.or(triage.classification.take());
            triage.assigned_to = assigned_to.or(triage.assigned_to.take());
            let by = Tenant::CLIENT_ID.to_owned();
            triage.remarks.extend(comment.map(|text| Remark { text, by, at: now }));
        });
    }
    Ok(Reply::json(200, Rendered::new(alert, alert.triage.now(), &tenant.0.machines, true).json())
        .with_header("date", stamp(now)))
}

fn hunt(tenant: &Tenant, request: &Request) -> Answer {
    admit(tenant, request, &["AdvancedQuery.Read.All", "AdvancedQuery.Read"])?;
    let spelling = Spelling { schema: "Schema", results: "Results", name: "Name", kind: "Type" };
    hunting::run(tenant, request, &spelling)
        .map_err(|(status, code, message)| refusal(status, code, &message))
}

/// What the "Update alert" page allows.
const DETERMINATIONS: &[&str] = &[
    "MultiStagedAttack",
    "MaliciousUserActivity",
    "CompromisedUser",
    "Malware",
    "Phishing",
    "UnwantedSoftware",
    "SecurityTesting",
    "LineOfBusinessApplication",
    "ConfirmedActivity",
    "NotMalicious",
    "InsufficientData",
    "Other",
];
