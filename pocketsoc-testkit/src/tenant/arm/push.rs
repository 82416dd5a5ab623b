//! The push: what automations send on the moment an alert fires, in the form that they send it in.

use std::fmt;

use serde_json::{Map, Value as Json};

use super::{automations, logic_apps, rules};
use crate::population::{self, CloudRecord};
use crate::tenant::Tenant;
use crate::tenant::mde::stamp;

/// So often a push is tried again, as Logic Apps do.
const TRIES: u32 = 4;

/// A push that is on its way.
#[derive(Clone, PartialEq, Eq)]
pub struct Push {
    /// Where to.
    pub url: String,
    /// The alert.
    pub body: String,
    /// How often it has been tried.
    pub(crate) tries: u32,
}

impl fmt::Debug for Push {
    /// Without the address, which is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Push")
            .field("host", &self.host())
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Push {
    /// The host that it goes to: the rest of the address is a secret.
    pub fn host(&self) -> &str {
        self.url.split('/').nth(2).unwrap_or_default()
    }
}

impl Tenant {
    /// Raises one more alert of Defender for Cloud, now, in front of all others, and lets automations run; its full id.
    pub fn raise_cloud_alert(&self) -> String {
        let now = self.0.clock.now();
        let count = self.lock().cloud.len() as u64;
        let family = usize::try_from(count).unwrap_or_default();
        let record = population::cloud_alert(0x0A1E ^ count, family, now);
        self.raise_in_the_cloud(record)
    }

    /// Puts an alert in front of all others, as the rules and automations of its subscription have it; its full id.
    pub(super) fn raise_in_the_cloud(&self, mut record: CloudRecord) -> String {
        let now = self.0.clock.now();
        let mut state = self.lock();
        let suppressed = rules::fits(&state, &record);
        if suppressed {
            record.triage.change(now, |triage| triage.set_status("Dismissed", now));
        }
        let id = record.id();
        if !suppressed {
            let apps = automations::run_by(&state, &record);
            let mut to: Vec<String> =
                apps.iter().filter_map(|address| logic_apps::forwards_to(&state, address)).collect();
            to.extend(state.arm.pushes_to.clone());
            let body = pushed(&record.json(stamp, false));
            state.arm.pushes.extend(to.into_iter().map(|url| Push { url, body: body.clone(), tries: 0 }));
        }
        state.cloud.insert(0, record);
        id
    }

    /// Every new alert of Defender for Cloud is pushed there, beside what automations do.
    pub fn push_to(&self, url: impl Into<String>) {
        self.lock().arm.pushes_to = Some(url.into());
    }

    /// Puts a push back on its way, unless it has been tried often enough.
    pub(crate) fn try_again(&self, mut push: Push) {
        push.tries += 1;
        if push.tries <= TRIES {
            self.lock().arm.pushes.push(push);
        }
    }

    /// The pushes that are on their way, which they are then not any more.
    pub fn take_pushes(&self) -> Vec<Push> {
        std::mem::take(&mut self.lock().arm.pushes)
    }

    /// The alerts of Defender for Cloud as they are listed and as they are pushed: full id, and both texts.
    pub fn cloud_alerts_in_both_forms(&self) -> Vec<(String, String, String)> {
        let state = self.lock();
        let both = |record: &CloudRecord| {
            let listed = record.json(stamp, false);
            let push = pushed(&listed);
            (record.id(), listed, push)
        };
        state.cloud.iter().map(both).collect()
    }

    /// Defender for Cloud is not set up on a subscription, until somebody registers it.
    pub fn unregister(&self, subscription: &str) {
        self.lock().arm.unregistered.push(subscription.to_owned());
    }
}

/// An alert as it is pushed: names begin with capitals, new ones are `New`, and it has no resource id.
fn pushed(listed: &str) -> String {
    let listed: Json = serde_json::from_str(listed).unwrap_or_default();
    let mut out = Map::new();
    for (name, value) in listed["properties"].as_object().into_iter().flatten() {
        let (name, value) = match name.as_str() {
            "timeGeneratedUtc" => ("TimeGenerated".to_owned(), value.clone()),
            "processingEndTimeUtc" => ("ProcessingEndTime".to_owned(), value.clone()),
            "status" if value == "Active" => ("Status".to_owned(), Json::from("New")),
            // What is newer than the form that is pushed.
            "version" => continue,
            "entities" | "resourceIdentifiers" | "extendedLinks" | "supportingEvidence" => {
                (capital(name), capitals(value, usize::MAX))
            }
            "extendedProperties" => (capital(name), capitals(value, 1)),
            _ => (capital(name), value.clone()),
        };
        out.insert(name, value);
    }
    // What is said flat beside the identifiers, and what is there and says nothing.
    let identifiers = listed["properties"]["resourceIdentifiers"].as_array().cloned().unwrap_or_default();
    for identifier in &identifiers {
        for name in
            ["azureResourceId", "workspaceId", "workspaceSubscriptionId", "workspaceResourceGroup", "agentId"]
        {
            if let Some(text) = identifier[name].as_str() {
                out.entry(capital(name)).or_insert_with(|| text.into());
            }
        }
    }
    for (name, value) in [
        ("AgentId", Json::from("")),
        ("CorrelationKey", Json::Null),
        ("ConfidenceScore", 0.0.into()),
        ("ExtendedLinks", Json::Null),
    ] {
        out.entry(name).or_insert(value);
    }
    Json::Object(out).to_string()
}

fn capitals(value: &Json, levels: usize) -> Json {
    match value {
        Json::Object(members) if levels > 0 => members
            .iter()
            .map(|(name, value)| (capital(name), capitals(value, levels - 1)))
            .collect::<Map<_, _>>()
            .into(),
        Json::Array(all) => all.iter().map(|one| capitals(one, levels)).collect(),
        other => other.clone(),
    }
}

/// A name with the capitals that it begins with where it is pushed.
fn capital(name: &str) -> String {
    match name {
        "omsAgentID" => return "OMSAgentID".to_owned(),
        "ntDomain" => return "NTDomain".to_owned(),
        "osFamily" => return "OSFamily".to_owned(),
        // The same in either form.
        "resourceType" => return name.to_owned(),
        _ => {}
    }
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}
