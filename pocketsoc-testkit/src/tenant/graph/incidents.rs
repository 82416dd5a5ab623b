//! Incidents, with and without their alerts.

use serde_json::{Value as Json, json};

use super::alerts::sights;
use super::listing::List;
use super::{
    Answer, Change, View, admit, comment_of, comments, id_first, not_found, refusal, verdict,
    wants_every_word, word, wrong,
};
use crate::filter::Value;
use crate::message::{Reply, Request};
use crate::population::{IncidentRecord, Remark, Triage};
use crate::tenant::mde::stamp;
use crate::tenant::{Mood, State, Tenant};

const READ: &[&str] = &["SecurityIncident.Read.All", "SecurityIncident.ReadWrite.All"];
const WRITE: &[&str] = &["SecurityIncident.ReadWrite.All"];

const LIST: List = List {
    filterable: &[
        "assignedTo",
        "classification",
        "createdDateTime",
        "determination",
        "lastUpdateDateTime",
        "severity",
        "status",
    ],
    largest: 50,
    strict: true,
    expandable: Some("alerts"),
};

fn field(incident: &IncidentRecord, name: &str) -> Value {
    let triage = incident.triage.now();
    let text = |text: &str| Value::Text(text.to_owned());
    match name {
        "assignedTo" => triage.assigned_to.as_deref().map_or(Value::Null, text),
        "classification" => text(verdict(triage.classification.as_deref()).unwrap_or("unknown")),
        "determination" => text(verdict(triage.determination.as_deref()).unwrap_or("unknown")),
        "createdDateTime" => Value::Time(incident.created),
        "lastUpdateDateTime" => Value::Time(triage.updated),
        "severity" => text(&incident.severity),
        "status" => text(&triage.status),
        _ => Value::Null,
    }
}

fn json(tenant: &Tenant, state: &State, incident: &IncidentRecord, view: &View) -> Json {
    let triage = incident.triage.seen(view.past);
    let shown = incident.redirected_to.unwrap_or(incident.id);
    let mut json = json!({
        "id": incident.id.to_string(), "tenantId": Tenant::ID, "status": word(&triage.status, view.every_word),
        "incidentWebUrl": format!("https://security.microsoft.com/incident2/{shown}/overview?tid={}", Tenant::ID),
        "redirectIncidentId": incident.redirected_to.map(|id| id.to_string()),
        "displayName": incident.name, "createdDateTime": stamp(incident.created),
        "lastUpdateDateTime": stamp(triage.updated), "assignedTo": triage.assigned_to,
        // What is not set is a word here, where alerts have null.
        "classification": verdict(triage.classification.as_deref()).unwrap_or("unknown"),
        "determination": verdict(triage.determination.as_deref()).unwrap_or("unknown"),
        "severity": incident.severity, "customTags": incident.tags, "systemTags": [],
        "description": incident.description, "lastModifiedBy": "Microsoft 365 Defender-AlertCorrelation",
        "resolvingComment": incident.resolving_comment, "summary": incident.summary,
        "priorityScore": 40, "comments": comments(&triage.remarks),
    });
    if view.expand {
        let own = sights(state).into_iter().filter(|sight| sight.incident() == incident.id);
        json["alerts"] = own.map(|sight| sight.json(tenant.machines(), view)).collect();
    }
    json
}

fn position(state: &State, id: &str) -> Result<usize, Reply> {
    state.incidents.iter().position(|i| i.id.to_string() == id).ok_or_else(not_found)
}

pub(super) fn list(tenant: &Tenant, request: &Request) -> Answer {
    admit(tenant, request, READ)?;
    let asked = LIST.asked(tenant, request)?;
    let state = tenant.lock();
    let fitting: Vec<_> = state.incidents.iter().filter(|i| asked.passes(&|name| field(i, name))).collect();
    let render = |i: &&IncidentRecord| id_first(json(tenant, &state, i, &asked.view));
    let page = asked.page(tenant, request, fitting, |i| i.triage.now().updated, render);
    too_much(&state, page)
}

pub(super) fn get(tenant: &Tenant, request: &Request, id: &str, mood: Mood) -> Answer {
    admit(tenant, request, READ)?;
    let expand = match request.option("$expand").as_deref() {
        None => false,
        Some("alerts") => true,
        Some(other) => return Err(wrong(&format!("Could not find a property named '{other}'."))),
    };
    let state = tenant.lock();
    let incident = &state.incidents[position(&state, id)?];
    let view = View { expand, every_word: wants_every_word(request), past: mood == Mood::Stale };
    let body = json(tenant, &state, incident, &view);
    too_much(&state, Reply::json(200, id_first(body)))
}

/// The service fails where an answer holds more alerts than it can take.
fn too_much(state: &State, reply: Reply) -> Answer {
    let Some(most) = state.graph_troubles.most_alerts else { return Ok(reply) };
    let alerts = String::from_utf8_lossy(&reply.body).matches("\"alertWebUrl\"").count();
    if alerts > most { Err(refusal(500, "UnknownError", "")) } else { Ok(reply) }
}

pub(super) fn update(tenant: &Tenant, request: &Request, id: &str, mood: Mood) -> Answer {
    admit(tenant, request, WRITE)?;
    let change = Change::read(
        request,
        &[
            "status",
            "classification",
            "determination",
            "assignedTo",
            "customTags",
            "description",
            "displayName",
            "severity",
            "resolvingComment",
            "summary",
        ],
    )?;
    let words = [("active", "active"), ("inProgress", "inProgress"), ("resolved", "resolved")];
    let status = change.one_of("status", &words)?;
    let owned = |name: &str| change.text(name).map(|text| text.map(str::to_owned));
    let (name, severity) = (owned("displayName")?, owned("severity")?);
    let (description, summary) = (owned("description")?, owned("summary")?);
    let resolving_comment = owned("resolvingComment")?;
    let tags: Option<Vec<String>> = match change.members.get("customTags") {
        None => None,
        Some(tags) => {
            Some(serde_json::from_value(tags.clone()).map_err(|_| wrong("customTags is a list of texts."))?)
        }
    };
    let now = tenant.clock().now();
    let mut state = tenant.lock();
    let at = position(&state, id)?;
    let incident = &mut state.incidents[at];
    let mut after = incident.triage.now().clone();
    change.apply_verdict(&mut after)?;
    if let Some(status) = status {
        after.set_status(status, now);
    }
    // A merged incident says yes, and stays what it is.
    if mood != Mood::Lying && incident.redirected_to.is_none() {
        incident.triage.change(now, |triage| *triage = Triage { updated: now, ..after });
        incident.name = name.unwrap_or_else(|| std::mem::take(&mut incident.name));
        incident.severity = severity.unwrap_or_else(|| std::mem::take(&mut incident.severity));
        incident.description = description.or(incident.description.take());
        incident.summary = summary.or(incident.summary.take());
        incident.resolving_comment = resolving_comment.or(incident.resolving_comment.take());
        incident.tags = tags.unwrap_or_else(|| std::mem::take(&mut incident.tags));
    }
    let body = json(
        tenant,
        &state,
        &state.incidents[at],
        &View { expand: false, every_word: wants_every_word(request), past: false },
    );
    Ok(Reply::json(200, id_first(body)))
}

/// Merges incidents into the oldest of them.
pub(super) fn merge(tenant: &Tenant, request: &Request) -> Answer {
    admit(tenant, request, &["SecurityData.Manage.All"])?;
    let body = request.json().unwrap_or_default();
    let ids: Vec<&str> =
        body["incidentIds"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    if ids.len() < 2 {
        return Err(wrong("At least two incidents are needed."));
    }
    let now = tenant.clock().now();
    let mut state = tenant.lock();
    let mut places = ids.iter().map(|id| position(&state, id)).collect::<Result<Vec<_>, _>>()?;
    places.sort_by_key(|at| state.incidents[*at].created);
    let target = state.incidents[places[0]].id;
    if let Some(text) = body["incidentComment"].as_str() {
        let remark = Remark { text: text.to_owned(), by: Tenant::CLIENT_ID.to_owned(), at: now };
        state.incidents[places[0]].triage.change(now, |triage| triage.remarks.push(remark));
    }
    for at in &places[1..] {
        state.incidents[*at].redirected_to = Some(target);
        state.incidents[*at].triage.change(now, |triage| triage.set_status("redirected", now));
    }
    Ok(Reply::json(200, json!({"targetIncidentId": target.to_string()}).to_string()))
}

pub(super) fn comment(tenant: &Tenant, request: &Request, id: &str, mood: Mood) -> Answer {
    admit(tenant, request, WRITE)?;
    let text = comment_of(request)?;
    let now = tenant.clock().now();
    let mut state = tenant.lock();
    let at = position(&state, id)?;
    let tracked = &mut state.incidents[at].triage;
    if mood != Mood::Lying {
        let remark = Remark { text, by: Tenant::CLIENT_ID.to_owned(), at: now };
        tracked.change(now, |triage| triage.remarks.push(remark));
    }
    // The context names another collection, as the service's own does.
    let context = "https://graph.microsoft.com/v1.0/$metadata#security/alerts_v2/comments";
    let body = json!({"@odata.context": context, "value": comments(&tracked.now().remarks)});
    Ok(Reply::json(200, body.to_string()))
}
