//! Alerts changed one by one and many at once, and raised by reference to an event.

use serde_json::{Map, Value as Json};

use super::alerts::not_found;
use super::render::{Rendered, stamp};
use super::{ALERT_WRITE, Answer, admit, machines, refusal};
use crate::message::{Reply, Request};
use crate::population::{AlertRecord, Remark, Story};
use crate::tenant::{Mood, Tenant, hunting};

/// What a request asks to change.
struct Change {
    status: Option<String>,
    classification: Option<String>,
    determination: Option<String>,
    assigned_to: Option<String>,
    comment: Option<String>,
}

impl Change {
    /// Reads it; the pages of one alert and of many do not agree on two words.
    fn read(members: &Map<String, Json>, determinations: &[&str]) -> Result<Self, Reply> {
        let wrong = |message: &str| refusal(400, "InvalidRequestBody", message);
        let text = |name: &str| match members.get(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(wrong(&format!("The value of '{name}' is not a string"))),
        };
        let known = ["status", "assignedTo", "classification", "determination", "comment"];
        if let Some(name) = members.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(wrong(&format!("Request body is incorrect: unknown member '{name}'")));
        }
        let one_of = |name: &str, words: &[&str]| match text(name)? {
            Some(word) if !words.contains(&word.as_str()) => {
                Err(refusal(400, "InvalidInput", &format!("'{word}' is not a valid value for {name}")))
            }
            word => Ok(word),
        };
        Ok(Self {
            status: one_of("status", &["New", "InProgress", "Resolved"])?,
            classification: one_of(
                "classification",
                &["TruePositive", "InformationalExpectedActivity", "FalsePositive"],
            )?,
            determination: one_of("determination", determinations)?,
            assigned_to: text("assignedTo")?,
            comment: text("comment")?,
        })
    }

    fn apply(self, tenant: &Tenant, alert: &mut AlertRecord) {
        let now = tenant.0.clock.now();
        alert.triage.change(now, |triage| {
            if let Some(status) = self.status {
                triage.set_status(&status, now);
            }
            // A verdict without its reason loses the old one: what is left out is recalculated.
            let kept = if self.classification.is_some() { None } else { triage.determination.take() };
            triage.determination = self.determination.or(kept);
            triage.classification = self.classification.or(triage.classification.take());
            triage.assigned_to = self.assigned_to.or(triage.assigned_to.take());
            let by = Tenant::CLIENT_ID.to_owned();
            triage.remarks.extend(self.comment.map(|text| Remark { text, by, at: now }));
        });
    }
}

pub(super) fn update(tenant: &Tenant, request: &Request, id: &str, mood: Mood) -> Answer {
    admit(tenant, request, ALERT_WRITE)?;
    let Some(Json::Object(members)) = request.json() else {
        return Err(refusal(400, "InvalidRequestBody", "Request body is incorrect"));
    };
    let change = Change::read(&members, DETERMINATIONS)?;
    let mut state = tenant.lock();
    let alert = state.alerts.iter_mut().find(|a| a.id == id).ok_or_else(|| not_found(id))?;
    if mood != Mood::Lying {
        change.apply(tenant, alert);
    }
    Ok(Reply::json(200, Rendered::new(alert, alert.triage.now(), &tenant.0.machines, true).json())
        .with_header("date", stamp(tenant.0.clock.now())))
}

/// Changes many. The answer says nothing, and ids that are not known are passed over.
pub(super) fn update_many(tenant: &Tenant, request: &Request, mood: Mood) -> Answer {
    admit(tenant, request, ALERT_WRITE)?;
    let wrong = || refusal(400, "InvalidRequestBody", "Request body is incorrect");
    let Some(Json::Object(mut members)) = request.json() else { return Err(wrong()) };
    let Some(Json::Array(ids)) = members.remove("alertIds") else { return Err(wrong()) };
    let words: Vec<&str> = DETERMINATIONS
        .iter()
        .map(|word| match *word {
            "ConfirmedActivity" => "ConfirmedUserActivity",
            "NotMalicious" => "Clean",
            word => word,
        })
        .collect();
    Change::read(&members, &words)?;
    let mut state = tenant.lock();
    for alert in state.alerts.iter_mut().filter(|alert| ids.iter().any(|id| *id == alert.id.as_str())) {
        if mood != Mood::Lying {
            Change::read(&members, &words)?.apply(tenant, alert);
        }
    }
    Ok(Reply::empty(200))
}

/// Raises an alert about an event that hunting finds.
pub(super) fn create(tenant: &Tenant, request: &Request) -> Answer {
    admit(tenant, request, ALERT_WRITE)?;
    let body = request.json().unwrap_or_default();
    let member = |name: &str| match body[name].as_str() {
        Some(text) if !text.is_empty() => Ok(text),
        _ => Err(refusal(400, "MissingRequiredParameter", &format!("The parameter {name} is missing."))),
    };
    let (machine, time, report) = (member("machineId")?, member("eventTime")?, member("reportId")?);
    let (title, description) = (member("title")?, member("description")?);
    member("recommendedAction")?;
    let one_of =
        |name: &str, words: &[&'static str]| {
            let word = member(name)?;
            words.iter().copied().find(|known| *known == word).ok_or_else(|| {
                refusal(400, "InvalidInput", &format!("'{word}' is not a valid value for {name}"))
            })
        };
    let severity = one_of("severity", &["Low", "Medium", "High"])?;
    let category = one_of("category", CATEGORIES)?;
    if !hunting::knows_event(tenant, machine, time, report) {
        return Err(refusal(
            404,
            "ResourceNotFound",
            "No event was found with this time, report and machine.",
        ));
    }
    let index = machines::found(tenant, machine)?;
    // An open alert with the same title on the same machine takes it in.
    let open = {
        let state = tenant.lock();
        let fits = |alert: &&AlertRecord| {
            alert.machine % tenant.machines().len() == index
                && alert.story.title == title
                && alert.triage.now().status != "Resolved"
        };
        state.alerts.iter().find(fits).map(|alert| alert.id.clone())
    };
    let id = match open {
        Some(id) => id,
        None => tenant.raise(Some((index, Story::told(title, description, category, severity)))),
    };
    let state = tenant.lock();
    let alert = state.alerts.iter().find(|alert| alert.id == id).ok_or_else(|| not_found(&id))?;
    Ok(Reply::json(200, Rendered::new(alert, alert.triage.now(), &tenant.0.machines, true).json()))
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

/// What an alert can be raised as.
const CATEGORIES: &[&str] = &[
    "General",
    "CommandAndControl",
    "Collection",
    "CredentialAccess",
    "DefenseEvasion",
    "Discovery",
    "Exfiltration",
    "Exploit",
    "Execution",
    "InitialAccess",
    "LateralMovement",
    "Malware",
    "Persistence",
    "PrivilegeEscalation",
    "Ransomware",
    "SuspiciousActivity",
];
