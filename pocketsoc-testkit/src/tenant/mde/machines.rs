//! Machines: listed, found, labelled, and what is on them.

use chrono::TimeDelta;
use serde_json::{Value as Json, json};

use super::actions::begin;
use super::alerts::list_where;
use super::listing::{list, page, text, texts, time};
use super::render::stamp;
use super::{ALERT_READ, Answer, MACHINE_READ, MACHINE_WRITE, admit, refusal, unknown};
use crate::filter::Value;
use crate::message::{Reply, Request};
use crate::population::{Machine, PEOPLE, guid, hex};
use crate::tenant::Tenant;

/// The fields that the service filters machines by.
const MACHINE_FIELDS: &[&str] = &[
    "computerDnsName",
    "id",
    "version",
    "deviceValue",
    "aadDeviceId",
    "machineTags",
    "lastSeen",
    "exposureLevel",
    "onboardingStatus",
    "lastIpAddress",
    "healthStatus",
    "osPlatform",
    "riskScore",
    "rbacGroupId",
];

/// What people have written on machines.
#[derive(Default)]
pub(super) struct Labels {
    tags: Vec<(String, String)>,
    values: Vec<(String, String)>,
}

impl Labels {
    fn tag(&mut self, machine: &Machine, tag: &str, add: bool) {
        let entry = (machine.id.clone(), tag.to_owned());
        self.tags.retain(|known| *known != entry);
        if add {
            self.tags.push(entry);
        }
    }
}

/// Answers `/api/machines…`.
pub(super) fn machines(tenant: &Tenant, request: &Request, path: &[&str]) -> Answer {
    match (request.method.as_str(), path) {
        ("GET", []) => {
            admit(tenant, request, MACHINE_READ)?;
            let all: Vec<Json> = (0..tenant.machines().len()).map(|index| render(tenant, index)).collect();
            let found = page(request, all, MACHINE_FIELDS, field_of_machine)?;
            if found.is_empty() && request.option("$skip").is_none() {
                return Err(refusal(404, "ResourceNotFound", "No machines were found."));
            }
            Ok(list("Machines", &found))
        }
        ("GET", ["findbytag"]) => {
            admit(tenant, request, MACHINE_READ)?;
            let (tag, begins) =
                (request.option("tag").unwrap_or_default(), request.option("useStartsWithFilter"));
            let fits = |own: &str| {
                if begins.as_deref() == Some("true") { own.starts_with(&tag) } else { own == tag }
            };
            let all = (0..tenant.machines().len()).map(|index| render(tenant, index));
            let tagged = all.filter(|machine| {
                machine["machineTags"]
                    .as_array()
                    .is_some_and(|tags| tags.iter().filter_map(Json::as_str).any(fits))
            });
            Ok(list("Machines", &tagged.collect::<Vec<_>>()))
        }
        ("GET", [find]) if find.starts_with("findbyip(") => {
            admit(tenant, request, MACHINE_READ)?;
            let address = find.split('\'').nth(1).unwrap_or_default();
            let at = find.split("timestamp=").nth(1).unwrap_or_default().trim_end_matches(')');
            let now = tenant.0.clock.now();
            if pocketsoc_model::parse_timestamp(at).is_ok_and(|at| now - at > TimeDelta::days(30)) {
                return Err(refusal(400, "InvalidInput", "The timestamp is older than 30 days."));
            }
            let all = (0..tenant.machines().len()).map(|index| render(tenant, index));
            let there: Vec<Json> = all.filter(|machine| machine["lastIpAddress"] == address).collect();
            Ok(list("Machines", &there))
        }
        ("GET", [id]) => {
            admit(tenant, request, MACHINE_READ)?;
            Ok(Reply::json(200, render(tenant, found(tenant, id)?).to_string()))
        }
        ("GET", [id, what]) => of_machine(tenant, request, id, what),
        ("GET", [id, "alerts", "$count"]) => {
            let reply = of_machine(tenant, request, id, "alerts")?;
            let listed: Json = serde_json::from_slice(&reply.body).unwrap_or_default();
            Ok(Reply::json(200, listed["value"].as_array().map_or(0, Vec::len).to_string()))
        }
        ("POST", ["AddOrRemoveTagForMultipleMachines"]) => {
            let (tag, add, body) = tagging(tenant, request)?;
            let ids = body["MachineIds"].as_array().map_or(&[][..], Vec::as_slice);
            if ids.is_empty() || ids.len() > MOST_TAGGED {
                return Err(refusal(400, "InvalidInput", "MachineIds takes 1 to 500 machines."));
            }
            let places: Result<Vec<usize>, Reply> =
                ids.iter().map(|id| found(tenant, id.as_str().unwrap_or_default())).collect();
            let places = places?;
            for place in &places {
                tenant.lock().mde.labels.tag(&tenant.machines()[*place], &tag, add);
            }
            Ok(list("Machines", &places.into_iter().map(|place| render(tenant, place)).collect::<Vec<_>>()))
        }
        ("POST", [id, "tags"]) => {
            let (tag, add, _) = tagging(tenant, request)?;
            let index = found(tenant, id)?;
            tenant.lock().mde.labels.tag(&tenant.machines()[index], &tag, add);
            Ok(Reply::json(200, render(tenant, index).to_string()))
        }
        ("POST", [id, "setDeviceValue"]) => {
            admit(tenant, request, MACHINE_WRITE)?;
            let index = found(tenant, id)?;
            let body = request.json().unwrap_or_default();
            set_value(tenant, index, body["DeviceValue"].as_str().unwrap_or_default())?;
            Ok(Reply::json(200, render(tenant, index).to_string()))
        }
        ("PATCH", [id]) => {
            admit(tenant, request, MACHINE_WRITE)?;
            let index = found(tenant, id)?;
            let Some(Json::Object(body)) = request.json() else {
                return Err(refusal(400, "InvalidRequestBody", "Request body is incorrect."));
            };
            if let Some(value) = body.get("deviceValue") {
                set_value(tenant, index, value.as_str().unwrap_or_default())?;
            }
            // The set that is sent replaces the one that stands.
            if let Some(tags) = body.get("machineTags").and_then(Json::as_array) {
                let machine = &tenant.machines()[index];
                let mut state = tenant.lock();
                state.mde.labels.tags.retain(|(id, _)| *id != machine.id);
                for tag in tags.iter().filter_map(Json::as_str) {
                    state.mde.labels.tag(machine, tag, true);
                }
            }
            Ok(Reply::json(200, render(tenant, index).to_string()))
        }
        ("POST", [id, what]) => begin(tenant, request, id, what),
        _ => Err(unknown()),
    }
}

/// So many machines are labelled in one call.
const MOST_TAGGED: usize = 500;

/// The label that a request names, whether it is put on, and the whole of the request.
fn tagging(tenant: &Tenant, request: &Request) -> Result<(String, bool, Json), Reply> {
    admit(tenant, request, MACHINE_WRITE)?;
    let body = request.json().unwrap_or_default();
    let (Some(value), Some(action @ ("Add" | "Remove"))) = (body["Value"].as_str(), body["Action"].as_str())
    else {
        return Err(refusal(400, "InvalidRequestBody", "Request body is incorrect."));
    };
    Ok((value.to_owned(), action == "Add", body.clone()))
}

fn set_value(tenant: &Tenant, index: usize, value: &str) -> Result<(), Reply> {
    if !["Low", "Normal", "High"].contains(&value) {
        return Err(refusal(400, "InvalidInput", "DeviceValue must be Low, Normal or High."));
    }
    tenant.lock().mde.labels.values.push((tenant.machines()[index].id.clone(), value.to_owned()));
    Ok(())
}

/// What is on a machine.
fn of_machine(tenant: &Tenant, request: &Request, id: &str, what: &str) -> Answer {
    let needed: &[&str] = match what {
        "alerts" => ALERT_READ,
        "logonusers" => &["User.Read.All"],
        "software" => &["Software.Read.All", "Software.Read"],
        "vulnerabilities" => &["Vulnerability.Read.All", "Vulnerability.Read"],
        _ => return Err(unknown()),
    };
    admit(tenant, request, needed)?;
    let index = found(tenant, id)?;
    if what == "alerts" {
        return list_where(tenant, request, |alert| alert.machine % tenant.machines().len() == index);
    }
    let exposed = 3 + index % 7;
    Ok(match what {
        "logonusers" => {
            let two = [index % PEOPLE.len(), (index + 3) % PEOPLE.len()];
            list("Users", &two.map(|person| user(tenant, person)))
        }
        "software" => list(
            "Software",
            &[
                json!({"id": "contoso-_-remote_desk", "name": "remote_desk", "vendor": "contoso", "weaknesses": 2,
                    "publicExploit": true, "activeAlert": false, "exposedMachines": exposed, "impactScore": 1.25}),
                json!({"id": "fabrikam-_-pdf_press", "name": "pdf_press", "vendor": "fabrikam", "weaknesses": 0,
                    "publicExploit": false, "activeAlert": false, "exposedMachines": 0, "impactScore": 0.0}),
            ],
        ),
        _ => list(
            "Vulnerabilities",
            &[
                json!({"id": "CVE-2026-10042", "name": "CVE-2026-10042", "description": "Remote code execution.",
                "severity": "High", "cvssV3": 8.1, "exposedMachines": exposed, "publishedOn": "2026-03-01T00:00:00Z",
                "updatedOn": "2026-05-02T10:00:00Z", "publicExploit": true, "exploitVerified": false,
                "exploitInKit": false, "exploitTypes": ["Remote"], "exploitUris": []}),
            ],
        ),
    })
}

/// An account, as the service shows it.
pub(super) fn user(tenant: &Tenant, person: usize) -> Json {
    let (account, _) = PEOPLE[person];
    let now = tenant.0.clock.now();
    json!({
        "id": format!("contoso\\{account}"),
        "accountName": account,
        "accountDomain": "contoso",
        "firstSeen": stamp(now - TimeDelta::days(90)),
        "lastSeen": stamp(now - TimeDelta::hours(1)),
        "logonTypes": "Interactive",
        "isDomainAdmin": account == "k.johnson",
        "isOnlyNetworkUser": null,
    })
}

/// The place of a machine, by its id or its name.
pub(super) fn found(tenant: &Tenant, id: &str) -> Result<usize, Reply> {
    let fits = |machine: &Machine| machine.id == id || machine.name.eq_ignore_ascii_case(id);
    tenant
        .machines()
        .iter()
        .position(fits)
        .ok_or_else(|| refusal(404, "ResourceNotFound", &format!("Machine {id} was not found")))
}

/// A machine as the service shows it.
pub(super) fn render(tenant: &Tenant, index: usize) -> Json {
    let (machine, now) = (&tenant.machines()[index], tenant.0.clock.now());
    let of = |words: &[&'static str]| words[index % words.len()];
    let linux = machine.name.starts_with("web");
    let state = tenant.lock();
    let tags: Vec<&str> = state
        .mde
        .labels
        .tags
        .iter()
        .filter(|(id, _)| *id == machine.id)
        .map(|(_, tag)| tag.as_str())
        .collect();
    let value =
        state.mde.labels.values.iter().rev().find(|(id, _)| *id == machine.id).map_or("Normal", |(_, v)| v);
    let address = format!("10.20.{}.{}", 1 + index / 8, 10 + index);
    json!({
        "id": machine.id,
        "computerDnsName": machine.name,
        "firstSeen": stamp(now - TimeDelta::days(200)),
        "lastSeen": stamp(now - TimeDelta::hours(i64::try_from(index).unwrap_or_default())),
        "osPlatform": if linux { "Ubuntu" } else { of(&["Windows11", "WindowsServer2022", "Windows11"]) },
        "osVersion": null,
        "osProcessor": "x64",
        "osArchitecture": "64-bit",
        "version": if linux { "22.4" } else { "23H2" },
        "osBuild": if linux { Json::Null } else { json!(22631) },
        "agentVersion": "10.8760.22631.4602",
        "lastIpAddress": address,
        "lastExternalIpAddress": format!("203.0.113.{}", 1 + index),
        "healthStatus": of(&["Active", "Active", "Inactive", "Active", "ImpairedCommunication", "NoSensorData"]),
        "onboardingStatus": "Onboarded",
        "defenderAvStatus": "Updated",
        "managedBy": "Intune",
        "managedByStatus": "Success",
        // A number on the wire, a text in the documentation.
        "rbacGroupId": 70 + index % 3,
        "rbacGroupName": machine.group,
        "riskScore": of(&["None", "Low", "Medium", "High", "Informational"]),
        "exposureLevel": of(&["Low", "Medium", "High", "None"]),
        "deviceValue": value,
        "isAadJoined": !linux,
        "aadDeviceId": if linux { Json::Null } else { json!(guid(index as u64 + 900)) },
        "machineTags": tags,
        "ipAddresses": [
            {"ipAddress": address, "macAddress": hex(index as u64 + 5, 12).to_uppercase(), "type": "Ethernet", "operationalStatus": "Up"},
            {"ipAddress": "127.0.0.1", "macAddress": null, "type": "SoftwareLoopback", "operationalStatus": "Up"}
        ],
        "mergedIntoMachineId": null,
        "isPotentialDuplication": false,
        "isExcluded": false,
        "exclusionReason": null,
        "vmMetadata": null,
    })
}

fn field_of_machine(machine: &Json, name: &str) -> Value {
    match name {
        "lastSeen" => time(&machine[name]),
        "machineTags" => texts(&machine[name]),
        "rbacGroupId" => machine[name].as_f64().map_or(Value::Null, Value::Number),
        _ => text(&machine[name]),
    }
}
