//! Alerts of all Defender products, as `alerts_v2` shows them.

use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};

use super::evidence;
use super::listing::List;
use super::{
    Answer, Change, View, admit, comment_of, comments, id_first, not_found, verdict, wants_every_word, word,
    wrong,
};
use crate::filter::Value;
use crate::message::{Reply, Request};
use crate::population::{AlertRecord, CloudRecord, Machine, Provider, Remark, Tracked, Triage};
use crate::tenant::mde::stamp;
use crate::tenant::{Mood, State, Tenant};

const READ: &[&str] = &["SecurityAlert.Read.All", "SecurityAlert.ReadWrite.All"];
const WRITE: &[&str] = &["SecurityAlert.ReadWrite.All"];

const LIST: List = List {
    filterable: &[
        "assignedTo",
        "classification",
        "determination",
        "createdDateTime",
        "lastUpdateDateTime",
        "severity",
        "serviceSource",
        "status",
    ],
    largest: 1000,
    strict: false,
    expandable: None,
};

/// An alert as Graph sees it, whichever product it comes from.
#[derive(Clone, Copy)]
pub(super) enum Sight<'a> {
    Defender(&'a AlertRecord),
    Cloud(&'a CloudRecord),
}

impl<'a> Sight<'a> {
    pub(super) fn id(self) -> String {
        match self {
            Self::Defender(alert) => alert.id.clone(),
            Self::Cloud(alert) => format!("dc{}", alert.name),
        }
    }

    fn created(self) -> DateTime<Utc> {
        match self {
            Self::Defender(alert) => alert.created,
            Self::Cloud(alert) => alert.created,
        }
    }

    pub(super) fn incident(self) -> i64 {
        match self {
            Self::Defender(alert) => alert.incident,
            Self::Cloud(alert) => alert.incident,
        }
    }

    fn severity(self) -> String {
        match self {
            Self::Defender(alert) if alert.severity == "UnSpecified" => "unknown".into(),
            Self::Defender(alert) => alert.severity.to_ascii_lowercase(),
            Self::Cloud(alert) => alert.family().severity.to_ascii_lowercase(),
        }
    }

    pub(super) fn tracked(self) -> &'a Tracked {
        match self {
            Self::Defender(alert) => &alert.triage,
            Self::Cloud(alert) => &alert.triage,
        }
    }

    /// Service source, detection source, product.
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Defender(alert) => alert.story.provider.words(),
            Self::Cloud(_) => {
                ("microsoftDefenderForCloud", "microsoftDefenderForServers", "Microsoft Defender for Cloud")
            }
        }
    }

    fn field(self, name: &str) -> Value {
        let triage = self.tracked().now();
        let some = |text: Option<&str>| text.map_or(Value::Null, |text| Value::Text(text.to_owned()));
        match name {
            "assignedTo" => some(triage.assigned_to.as_deref()),
            "classification" => some(verdict(triage.classification.as_deref())),
            "determination" => some(verdict(triage.determination.as_deref())),
            "createdDateTime" => Value::Time(self.created()),
            "lastUpdateDateTime" => Value::Time(triage.updated),
            "severity" => Value::Text(self.severity()),
            "serviceSource" => Value::Text(self.words().0.into()),
            "status" => Value::Text(status(triage).into()),
            _ => Value::Null,
        }
    }

    pub(super) fn json(self, machines: &[Machine], view: &View) -> Json {
        let triage = self.tracked().seen(view.past);
        let every_word = view.every_word;
        let (service, detection, product) = self.words();
        let id = self.id();
        let mut alert = json!({
            "id": id, "incidentId": self.incident().to_string(),
            "status": status(triage), "severity": self.severity(),
            "classification": verdict(triage.classification.as_deref()),
            "determination": verdict(triage.determination.as_deref()),
            "serviceSource": word(service, every_word), "detectionSource": word(detection, every_word),
            "productName": product, "tenantId": Tenant::ID, "assignedTo": triage.assigned_to,
            "alertWebUrl": format!("https://security.microsoft.com/alerts/{id}?tid={}", Tenant::ID),
            "incidentWebUrl": format!("https://security.microsoft.com/incident2/{}/overview?tid={}", self.incident(), Tenant::ID),
            "actorDisplayName": null, "createdDateTime": stamp(self.created()),
            "lastUpdateDateTime": stamp(triage.updated), "resolvedDateTime": triage.resolved.map(stamp),
            "comments": comments(&triage.remarks), "systemTags": [], "alertPolicyId": null, "customDetails": {},
        });
        match self {
            Self::Defender(record) => {
                let (story, own) = (record.story, &record.id[..]);
                let provider_id =
                    if story.provider == Provider::Endpoint { own } else { own.get(2..).unwrap_or(own) };
                alert["providerAlertId"] = json!(provider_id);
                alert["detectorId"] = json!(crate::population::guid(story.title.len() as u64));
                alert["title"] = json!(story.title);
                alert["description"] = json!(story.description);
                alert["recommendedActions"] = json!(
                    "1. Look at the machine's timeline.\n2. Ask the user.\n3. If in doubt, isolate the machine."
                );
                alert["category"] = json!(story.category);
                alert["mitreTechniques"] = json!(story.techniques);
                alert["threatDisplayName"] = json!(story.threat.map(|(name, _)| name));
                alert["threatFamilyName"] = json!(story.threat.map(|(_, family)| family));
                alert["investigationState"] = json!("unsupportedAlertType");
                alert["firstActivityDateTime"] =
                    json!(stamp(record.created - chrono::TimeDelta::seconds(140)));
                alert["lastActivityDateTime"] = json!(stamp(record.last_event()));
                alert["evidence"] = evidence::of_alert(record, machines, every_word);
            }
            Self::Cloud(record) => {
                let family = record.family();
                alert["providerAlertId"] = json!(record.name);
                alert["detectorId"] = json!(family.alert_type);
                alert["title"] = json!(record.filled(&family.title));
                alert["description"] = json!(record.filled(&family.description));
                alert["category"] = json!("SuspiciousActivity");
                alert["mitreTechniques"] = json!([]);
                alert["firstActivityDateTime"] = json!(stamp(record.start()));
                alert["lastActivityDateTime"] = json!(stamp(record.created));
                alert["additionalData"] =
                    json!({"AlertUri": "https://portal.azure.com/", "Count": 3, "Nested": {"a": [1, 2]}});
                alert["evidence"] = evidence::of_cloud(record, every_word);
            }
        }
        alert
    }
}

/// The status in Graph's words. A dismissed alert of Azure is a resolved one here.
fn status(triage: &Triage) -> &'static str {
    match triage.status.as_str() {
        "InProgress" => "inProgress",
        "Resolved" | "Dismissed" => "resolved",
        _ => "new",
    }
}

/// All alerts, newest first. What is only for information stays in Azure.
pub(super) fn sights(state: &State) -> Vec<Sight<'_>> {
    let defender = state.alerts.iter().chain(&state.elsewhere).map(Sight::Defender);
    let cloud = state.cloud.iter().filter(|c| c.family().severity != "Informational").map(Sight::Cloud);
    let mut all: Vec<_> = defender.chain(cloud).collect();
    all.sort_by_key(|sight| std::cmp::Reverse(sight.created()));
    all
}

/// The ids of all alerts, newest first.
pub(in crate::tenant) fn ids(state: &State) -> Vec<String> {
    sights(state).into_iter().map(Sight::id).collect()
}

pub(super) fn list(tenant: &Tenant, request: &Request) -> Answer {
    admit(tenant, request, READ)?;
    let asked = LIST.asked(tenant, request)?;
    let state = tenant.lock();
    let fitting: Vec<_> =
        sights(&state).into_iter().filter(|s| asked.passes(&|name| s.field(name))).collect();
    let render = |s: &Sight<'_>| id_first(s.json(tenant.machines(), &asked.view));
    Ok(asked.page(tenant, request, fitting, |s| s.tracked().now().updated, render))
}

/// The one with this id, in a state that may be changed.
pub(super) fn tracked<'a>(state: &'a mut State, id: &str) -> Result<&'a mut Tracked, Reply> {
    if let Some(name) = id.strip_prefix("dc") {
        let cloud = state.cloud.iter_mut().filter(|c| c.family().severity != "Informational");
        return cloud
            .map(|c| (&c.name, &mut c.triage))
            .find(|(own, _)| *own == name)
            .map(|(_, t)| t)
            .ok_or_else(not_found);
    }
    let defender = state.alerts.iter_mut().chain(&mut state.elsewhere);
    defender.map(|a| (&a.id, &mut a.triage)).find(|(i, _)| *i == id).map(|(_, t)| t).ok_or_else(not_found)
}

fn whole(tenant: &Tenant, request: &Request, state: &State, id: &str, past: bool) -> Answer {
    let sight = sights(state).into_iter().find(|s| s.id() == id).ok_or_else(not_found)?;
    let view = View { expand: false, every_word: wants_every_word(request), past };
    Ok(Reply::json(200, id_first(sight.json(tenant.machines(), &view))))
}

pub(super) fn get(tenant: &Tenant, request: &Request, id: &str, mood: Mood) -> Answer {
    admit(tenant, request, READ)?;
    whole(tenant, request, &tenant.lock(), id, mood == Mood::Stale)
}

pub(super) fn update(tenant: &Tenant, request: &Request, id: &str, mood: Mood) -> Answer {
    admit(tenant, request, WRITE)?;
    let change =
        Change::read(request, &["status", "classification", "determination", "assignedTo", "customDetails"])?;
    let azure = id.starts_with("dc");
    let words = [
        (if azure { "Active" } else { "New" }, "new"),
        ("InProgress", "inProgress"),
        ("Resolved", "resolved"),
    ];
    let status = change.one_of("status", &words)?;
    let now = tenant.clock().now();
    let mut state = tenant.lock();
    let own = tracked(&mut state, id)?;
    let mut after = own.now().clone();
    change.apply_verdict(&mut after)?;
    if let Some(status) = status {
        after.set_status(status, now);
    }
    if mood != Mood::Lying {
        own.change(now, |triage| *triage = Triage { updated: now, ..after });
    }
    whole(tenant, request, &state, id, false)
}

pub(super) fn comment(tenant: &Tenant, request: &Request, id: &str, mood: Mood) -> Answer {
    admit(tenant, request, WRITE)?;
    let text = comment_of(request)?;
    if text.len() > 1000 {
        return Err(wrong("The comment is too long."));
    }
    let now = tenant.clock().now();
    let mut state = tenant.lock();
    let own = tracked(&mut state, id)?;
    if mood != Mood::Lying {
        let remark = Remark { text, by: Tenant::CLIENT_ID.to_owned(), at: now };
        own.change(now, |triage| triage.remarks.push(remark));
    }
    let context = "https://graph.microsoft.com/v1.0/$metadata#security/alerts_v2/comments";
    let body = json!({"@odata.context": context, "value": comments(&own.now().remarks)});
    Ok(Reply::json(200, body.to_string()))
}
