//! Graph security: alerts and incidents, with the service's quirks and words of refusal.

mod alerts;
mod batch;
mod evidence;
mod incidents;
mod listing;
mod rules;
mod scores;
mod troubles;

use serde_json::{Map, Value as Json, json};

use super::hunting::{self, Spelling};
use super::{GRAPH_RESOURCE, Mood, Tenant};
use crate::message::{Reply, Request};
use crate::population::{Remark, Triage, guid};

pub(super) use alerts::ids as alert_ids;
pub(super) use batch::run as batch;
pub use troubles::GraphTroubles;

type Answer = Result<Reply, Reply>;

/// Answers `/v1.0/security/…`; the service ignores case in paths.
pub(super) fn route(tenant: &Tenant, request: &Request, path: &[&str], mood: Mood) -> Reply {
    let lower: Vec<String> = path.iter().map(|segment| segment.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let answer = match (request.method.as_str(), lower.as_slice()) {
        ("GET", ["alerts_v2"]) => alerts::list(tenant, request),
        ("GET", ["alerts_v2", _]) => alerts::get(tenant, request, path[1], mood),
        ("PATCH", ["alerts_v2", _]) => alerts::update(tenant, request, path[1], mood),
        ("POST", ["alerts_v2", _, "comments"]) => alerts::comment(tenant, request, path[1], mood),
        ("POST", ["runhuntingquery"]) => hunt(tenant, request),
        ("GET", ["incidents"]) => incidents::list(tenant, request),
        ("GET", ["securescores"]) => scores::list(tenant, request),
        ("GET", ["securescorecontrolprofiles"]) => scores::controls(tenant, request),
        ("POST", ["incidents", "mergeincidents"]) => incidents::merge(tenant, request),
        ("GET", ["incidents", _]) => incidents::get(tenant, request, path[1], mood),
        ("PATCH", ["incidents", _]) => incidents::update(tenant, request, path[1], mood),
        ("POST", ["incidents", _, "comments"]) => incidents::comment(tenant, request, path[1], mood),
        _ => Err(refusal(404, "BadRequest", "Resource not found for the segment.")),
    };
    answer.unwrap_or_else(|refused| refused).with_header("request-id", guid(request.path.len() as u64))
}

/// Answers `/beta/security/rules/detectionRules…`.
pub(super) fn rules(tenant: &Tenant, request: &Request, path: &[&str]) -> Reply {
    rules::answer(tenant, request, path).unwrap_or_else(|refused| refused)
}

pub(super) fn refusal(status: u16, code: &str, message: &str) -> Reply {
    let id = guid(u64::from(status));
    let inner = json!({"date": "2026-09-21T13:00:00", "request-id": id, "client-request-id": id});
    Reply::json(status, json!({"error": {"code": code, "message": message, "innerError": inner}}).to_string())
}

/// Checks the token: genuine, in time, for this service, with one of these grants.
fn admit(tenant: &Tenant, request: &Request, needed: &[&str]) -> Result<(), Reply> {
    let Some(claims) = tenant.claims(request).filter(|c| c.audience == GRAPH_RESOURCE) else {
        return Err(refusal(401, "InvalidAuthenticationToken", "Access token is empty, expired or of another audience.")
            .with_header("www-authenticate", "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\""));
    };
    if claims.has_any(needed) {
        return Ok(());
    }
    let text = format!(
        "Missing application roles. API required roles: {}, application roles: {}.",
        needed.join(","),
        claims.roles.join(",")
    );
    Err(refusal(403, "Forbidden", &text))
}

/// An object as text, its id before everything else and its alerts behind, as the service has it.
fn id_first(mut object: Json) -> String {
    let mut take = |name: &str| object.as_object_mut().and_then(|members| members.remove(name));
    let id = take("id").unwrap_or_default();
    let alerts = take("alerts").map(|alerts| format!(",\"alerts\":{alerts}")).unwrap_or_default();
    let rest = object.to_string();
    format!("{{\"id\":{id},{}{alerts}}}", &rest[1..rest.len() - 1])
}

fn hunt(tenant: &Tenant, request: &Request) -> Answer {
    admit(tenant, request, &["ThreatHunting.Read.All"])?;
    let spelling = Spelling { schema: "schema", results: "results", name: "name", kind: "type" };
    hunting::run(tenant, request, &spelling)
        .map_err(|(status, code, message)| refusal(status, code, &message))
}

fn not_found() -> Reply {
    refusal(404, "ResourceNotFound", "The requested resource does not exist.")
}

/// Whether the request wants to see words that are newer than the first version.
fn wants_every_word(request: &Request) -> bool {
    request
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("prefer"))
        .flat_map(|(_, value)| value.split(','))
        .any(|item| item.trim() == "include-unknown-enum-members")
}

/// How much of something is shown.
struct View {
    /// With what belongs to it.
    expand: bool,
    /// With the newer words.
    every_word: bool,
    /// As it was before the last write.
    past: bool,
}

/// A word as the request may see it: one of the newer ones is a placeholder to those who do not ask.
fn word(word: &str, every: bool) -> &str {
    const NEWER: &[&str] = &[
        "microsoftDefenderForCloud",
        "microsoftSentinel",
        "scheduledAlerts",
        "microsoftDefenderForServers",
        "awaitingAction",
        "active",
    ];
    if !every && NEWER.contains(&word) { "unknownFutureValue" } else { word }
}

/// Defender for Endpoint's words of a verdict, and Graph's.
const VERDICTS: &[(&str, &str)] = &[
    ("TruePositive", "truePositive"),
    ("InformationalExpectedActivity", "informationalExpectedActivity"),
    ("FalsePositive", "falsePositive"),
    ("MultiStagedAttack", "multiStagedAttack"),
    ("MaliciousUserActivity", "maliciousUserActivity"),
    ("CompromisedUser", "compromisedAccount"),
    ("Malware", "malware"),
    ("Phishing", "phishing"),
    ("UnwantedSoftware", "unwantedSoftware"),
    ("SecurityTesting", "securityTesting"),
    ("LineOfBusinessApplication", "lineOfBusinessApplication"),
    ("ConfirmedActivity", "confirmedActivity"),
    ("NotMalicious", "notMalicious"),
    ("InsufficientData", "notEnoughDataToValidate"),
    ("Other", "other"),
];

fn verdict(word: Option<&str>) -> Option<&'static str> {
    VERDICTS.iter().find(|(endpoint, _)| Some(*endpoint) == word).map(|(_, graph)| *graph)
}

fn comments(remarks: &[Remark]) -> Json {
    remarks
        .iter()
        .map(|r| {
            let at = super::mde::stamp(r.at);
            json!({"comment": r.text, "createdByDisplayName": r.by, "createdDateTime": at})
        })
        .collect()
}

/// A change as the service reads it: each member of the kinds it knows.
struct Change {
    members: Map<String, Json>,
}

fn wrong(message: &str) -> Reply {
    refusal(400, "BadRequest", message)
}

impl Change {
    fn read(request: &Request, known: &[&str]) -> Result<Self, Reply> {
        let Some(Json::Object(mut members)) = request.json() else {
            return Err(wrong("Unable to read JSON request payload."));
        };
        members.retain(|name, _| name != "@odata.type");
        match members.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(wrong(&format!("The property '{name}' cannot be changed."))),
            None => Ok(Self { members }),
        }
    }

    fn text(&self, name: &str) -> Result<Option<&str>, Reply> {
        match self.members.get(name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(&format!("Cannot convert the value of '{name}' to a string."))),
        }
    }

    /// A word of a list, in any case.
    fn one_of<'w>(&self, name: &str, words: &[(&'w str, &str)]) -> Result<Option<&'w str>, Reply> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let found = words.iter().find(|(_, word)| word.eq_ignore_ascii_case(text)).map(|(own, _)| *own);
        found.map(Some).ok_or_else(|| wrong(&format!("Requested value '{text}' was not found.")))
    }

    /// What it makes of a verdict and an owner; a verdict without its reason loses the old one.
    fn apply_verdict(&self, triage: &mut Triage) -> Result<(), Reply> {
        let (verdicts, reasons) = VERDICTS.split_at(3);
        let classification = self.one_of("classification", verdicts)?;
        let determination = self.one_of("determination", reasons)?;
        if let Some(classification) = classification {
            triage.classification = Some(classification.into());
            triage.determination = None;
        }
        if let Some(determination) = determination {
            triage.determination = Some(determination.into());
        }
        if let Some(owner) = self.members.get("assignedTo") {
            triage.assigned_to = owner.as_str().map(Into::into);
        }
        Ok(())
    }
}

/// The text of a comment to add.
fn comment_of(request: &Request) -> Result<String, Reply> {
    let body = request.json().unwrap_or_default();
    let typed = body["@odata.type"].as_str().is_none_or(|t| t == "microsoft.graph.security.alertComment");
    let text = body["comment"].as_str().filter(|text| typed && !text.trim().is_empty());
    text.map(str::to_owned).ok_or_else(|| wrong("A comment is expected."))
}
