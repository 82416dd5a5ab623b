//! Defender for Endpoint's machines and what is done on them: agents take their time, fail, or do not answer.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value as Json, json};

use super::mde::{admit, refusal};
use super::render::stamp;
use super::{State, Tenant};
use crate::filter::{Filter, Value};
use crate::message::{Reply, Request};
use crate::population::{Machine, guid, hex};

const READ: &[&str] = &["Machine.Read.All", "Machine.Read", "Machine.ReadWrite.All", "Machine.ReadWrite"];
const WRITE: &[&str] = &["Machine.ReadWrite.All", "Machine.ReadWrite"];

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
/// The fields that the service filters machine actions by.
const ACTION_FIELDS: &[&str] = &["id", "status", "machineId", "type", "requestor", "creationDateTimeUtc"];

/// How a machine's agent behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Agent {
    /// Does what it is told, after a while.
    #[default]
    Works,
    /// Tries, and reports that it could not.
    Fails,
    /// Does not answer.
    IsOff,
}

/// What the tenant knows of its machines beside the population.
#[derive(Default)]
pub(super) struct Fleet {
    actions: Vec<Action>,
    agents: Vec<(String, Agent)>,
    tags: Vec<(String, String)>,
    values: Vec<(String, String)>,
    /// Whether who asks for what is under way gets that, instead of a refusal.
    hands_out_pending: bool,
    /// Whether what is under way already is begun once more, and the second one hangs.
    doubles: bool,
}

struct Action {
    id: String,
    kind: &'static str,
    scope: Option<String>,
    machine: String,
    name: String,
    comment: String,
    sha1: Option<String>,
    created: DateTime<Utc>,
    agent: Agent,
    takes: TimeDelta,
    cancelled: Option<(DateTime<Utc>, String)>,
    /// The commands of a live response.
    commands: Vec<Json>,
}

/// An agent that does not answer is given up after so many times what others take.
const GIVEN_UP: i32 = 15;

impl Action {
    fn status(&self, now: DateTime<Utc>) -> &'static str {
        let age = now - self.created;
        match self.agent {
            _ if self.cancelled.is_some() => "Cancelled",
            Agent::IsOff if age >= self.takes * GIVEN_UP => "TimeOut",
            Agent::Works if age >= self.takes => "Succeeded",
            Agent::Fails if age >= self.takes => "Failed",
            Agent::Works | Agent::Fails if age >= self.takes / 6 => "InProgress",
            _ => "Pending",
        }
    }

    /// When its agent is done with it.
    fn ends(&self) -> DateTime<Utc> {
        let takes = if self.agent == Agent::IsOff { self.takes * GIVEN_UP } else { self.takes };
        self.cancelled.as_ref().map_or(self.created + takes, |(at, _)| *at)
    }

    fn commands(&self, status: &str) -> Json {
        let word = match status {
            "Succeeded" => "Completed",
            "Failed" => "Failed",
            _ => "Created",
        };
        let ended = (word != "Created").then(|| stamp(self.ends()));
        let command = |(index, command): (usize, &Json)| {
            json!({
                "index": index,
                "startTime": ended,
                "endTime": ended,
                "commandStatus": word,
                "errors": [],
                "command": command,
            })
        };
        self.commands.iter().enumerate().map(command).collect()
    }

    fn is_under_way(&self, now: DateTime<Utc>) -> bool {
        matches!(self.status(now), "Pending" | "InProgress")
    }

    fn render(&self, now: DateTime<Utc>) -> Json {
        let status = self.status(now);
        let (at, comment) =
            self.cancelled.clone().map_or((None, None), |(at, comment)| (Some(at), Some(comment)));
        json!({
            "id": self.id,
            "type": self.kind,
            "title": null,
            "scope": self.scope,
            "requestor": Tenant::CLIENT_ID,
            "requestorComment": self.comment,
            "requestSource": "PublicApi",
            "status": status,
            "machineId": self.machine,
            // Right after its creation the name is not there yet.
            "computerDnsName": (status != "Pending").then_some(&self.name),
            "creationDateTimeUtc": stamp(self.created),
            "lastUpdateDateTimeUtc": stamp(if self.is_under_way(now) { self.created } else { self.ends() }),
            "cancellationRequestor": at.map(|_| Tenant::CLIENT_ID),
            "cancellationComment": comment,
            "cancellationDateTimeUtc": at.map(stamp),
            "errorHResult": if status == "Failed" { -2_147_024_894_i64 } else { 0 },
            "externalId": null,
            "relatedFileInfo": self.sha1.as_ref().map(|sha1| json!({"fileIdentifier": sha1, "fileIdentifierType": "Sha1"})),
            "commands": self.commands(status),
            "troubleshootInfo": null,
        })
    }
}

impl Tenant {
    /// How the agent of a machine behaves from now on, for actions that are begun then.
    pub fn set_agent(&self, machine: &str, agent: Agent) {
        self.lock().fleet.agents.push((machine.to_owned(), agent));
    }

    /// Who asks for what is under way gets the action that there is, as some pages of the service say, instead of a
    /// refusal, as others do.
    pub fn hand_out_pending_actions(&self) {
        self.lock().fleet.hands_out_pending = true;
    }

    /// Who asks for what is under way begins it once more, and the duplicate hangs and ends last, as was seen in the wild.
    pub fn double_actions(&self) {
        self.lock().fleet.doubles = true;
    }

    /// Whether two actions that change whether a machine is isolated were ever under way at the same time.
    pub fn had_two_at_once(&self, machine: &str) -> bool {
        let state = self.lock();
        let of =
            |action: &&Action| action.machine == machine && matches!(action.kind, "Isolate" | "Unisolate");
        let actions: Vec<&Action> = state.fleet.actions.iter().filter(of).collect();
        actions.windows(2).any(|pair| pair[1].created < pair[0].ends())
    }

    /// The ids and names of the machines.
    pub fn machine_names(&self) -> Vec<(String, String)> {
        self.0.machines.iter().map(|machine| (machine.id.clone(), machine.name.clone())).collect()
    }

    /// What has been done on a machine, in order: what, and how it stands now.
    pub fn actions_on(&self, machine: &str) -> Vec<(String, String)> {
        let (now, state) = (self.0.clock.now(), self.lock());
        let of = state.fleet.actions.iter().filter(|action| action.machine == machine);
        of.map(|action| (action.kind.to_owned(), action.status(now).to_owned())).collect()
    }

    /// Whether a machine is cut off: by what was last done to the end.
    pub fn is_isolated(&self, machine: &str) -> bool {
        let (now, state) = (self.0.clock.now(), self.lock());
        let done = state.fleet.actions.iter().rev().find(|action| {
            action.machine == machine
                && matches!(action.kind, "Isolate" | "Unisolate")
                && action.status(now) == "Succeeded"
        });
        done.is_some_and(|action| action.kind == "Isolate")
    }
}

type Answer = Result<Reply, Reply>;

/// Answers `/api/machines…`.
pub(super) fn machines(tenant: &Tenant, request: &Request, path: &[&str]) -> Answer {
    match (request.method.as_str(), path) {
        ("GET", []) => {
            admit(tenant, request, READ)?;
            let all: Vec<Json> = (0..tenant.machines().len()).map(|index| render(tenant, index)).collect();
            let found = page(request, all, MACHINE_FIELDS, field_of_machine)?;
            if found.is_empty() && request.option("$skip").is_none() {
                return Err(refusal(404, "ResourceNotFound", "No machines were found."));
            }
            Ok(list("Machines", &found))
        }
        ("GET", ["findbytag"]) => {
            admit(tenant, request, READ)?;
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
            admit(tenant, request, READ)?;
            let address = find.split('\'').nth(1).unwrap_or_default();
            let all = (0..tenant.machines().len()).map(|index| render(tenant, index));
            let there: Vec<Json> = all.filter(|machine| machine["lastIpAddress"] == address).collect();
            Ok(list("Machines", &there))
        }
        ("GET", [id]) => {
            admit(tenant, request, READ)?;
            Ok(Reply::json(200, render(tenant, found(tenant, id)?).to_string()))
        }
        ("POST", [id, "tags"]) => {
            admit(tenant, request, WRITE)?;
            let index = found(tenant, id)?;
            let body = request.json().unwrap_or_default();
            let (Some(value), Some(action)) = (body["Value"].as_str(), body["Action"].as_str()) else {
                return Err(refusal(400, "InvalidRequestBody", "Request body is incorrect."));
            };
            let entry = (tenant.machines()[index].id.clone(), value.to_owned());
            let mut state = tenant.lock();
            state.fleet.tags.retain(|known| *known != entry);
            if action == "Add" {
                state.fleet.tags.push(entry);
            }
            drop(state);
            Ok(Reply::json(200, render(tenant, index).to_string()))
        }
        ("POST", [id, "setDeviceValue"]) => {
            admit(tenant, request, WRITE)?;
            let index = found(tenant, id)?;
            let body = request.json().unwrap_or_default();
            let Some(value) = body["DeviceValue"].as_str().filter(|v| ["Low", "Normal", "High"].contains(v))
            else {
                return Err(refusal(400, "InvalidInput", "DeviceValue must be Low, Normal or High."));
            };
            tenant.lock().fleet.values.push((tenant.machines()[index].id.clone(), value.to_owned()));
            Ok(Reply::json(200, render(tenant, index).to_string()))
        }
        ("POST", [id, what]) => begin(tenant, request, id, what),
        _ => Err(refusal(404, "NotFound", "No HTTP resource was found that matches the request URI.")),
    }
}

/// Answers `/api/machineactions…`.
pub(super) fn actions(tenant: &Tenant, request: &Request, path: &[&str]) -> Answer {
    let now = tenant.0.clock.now();
    let known = |state: &State, id: &str| {
        if id.len() != 36 {
            return Err(refusal(400, "BadRequest", "The value is not a valid Edm.Guid."));
        }
        let place = state.fleet.actions.iter().position(|action| action.id == id);
        place.ok_or_else(|| refusal(404, "ResourceNotFound", "Machine action was not found"))
    };
    match (request.method.as_str(), path) {
        ("GET", []) => {
            admit(tenant, request, READ)?;
            let all = tenant.lock().fleet.actions.iter().rev().map(|action| action.render(now)).collect();
            let found = page(request, all, ACTION_FIELDS, |action, name| match name {
                "creationDateTimeUtc" => time(&action[name]),
                _ => text(&action[name]),
            })?;
            Ok(list("MachineActions", &found))
        }
        ("GET", [id]) => {
            admit(tenant, request, READ)?;
            let state = tenant.lock();
            let place = known(&state, id)?;
            Ok(Reply::json(200, state.fleet.actions[place].render(now).to_string()))
        }
        ("GET", [id, "getPackageUri"]) => {
            admit(tenant, request, READ)?;
            let state = tenant.lock();
            let action = &state.fleet.actions[known(&state, id)?];
            if action.kind != "CollectInvestigationPackage" {
                return Err(refusal(400, "InvalidInput", "The action is not one that collects a package."));
            }
            if action.status(now) != "Succeeded" {
                return Err(refusal(404, "ResourceNotFound", "The package is not ready."));
            }
            // As the service's own example has it: quotes within the text.
            let link = format!("\"https://packages.example/{id}?token=xyz\"");
            Ok(Reply::json(200, json!({"@odata.context": "…#Edm.String", "value": link}).to_string()))
        }
        ("GET", [id, link]) if link.starts_with("GetLiveResponseResultDownloadLink(index=") => {
            admit(tenant, request, READ)?;
            let state = tenant.lock();
            let action = &state.fleet.actions[known(&state, id)?];
            let index = link.split(['=', ')']).nth(1).and_then(|index| index.parse::<usize>().ok());
            if action.status(now) != "Succeeded" || index.is_none_or(|index| index >= action.commands.len()) {
                return Err(refusal(404, "ResourceNotFound", "There is no such result."));
            }
            let link = format!("https://results.example/{id}?token=xyz");
            Ok(Reply::json(200, json!({"value": link}).to_string()))
        }
        ("POST", [id, "cancel"]) => {
            let mut state = tenant.lock();
            let place = known(&state, id)?;
            drop(state);
            let needed = route_of(tenant.lock().fleet.actions[place].kind);
            admit(tenant, request, &[needed])?;
            let Some(comment) = comment(request) else {
                return Err(refusal(400, "MissingRequiredParameter", "Comment is required."));
            };
            state = tenant.lock();
            let action = &mut state.fleet.actions[place];
            if !action.is_under_way(now) {
                return Err(refusal(
                    400,
                    "BadRequest",
                    "The action is in a final state and cannot be cancelled.",
                ));
            }
            action.cancelled = Some((now, comment));
            Ok(Reply::json(200, action.render(now).to_string()))
        }
        _ => Err(refusal(404, "NotFound", "No HTTP resource was found that matches the request URI.")),
    }
}

/// The actions: as they stand in the address, as they are called, and what they need.
const KINDS: [(&str, &str, &str); 9] = [
    ("isolate", "Isolate", "Machine.Isolate"),
    ("unisolate", "Unisolate", "Machine.Isolate"),
    ("restrictCodeExecution", "RestrictCodeExecution", "Machine.RestrictExecution"),
    ("unrestrictCodeExecution", "UnrestrictCodeExecution", "Machine.RestrictExecution"),
    ("runAntiVirusScan", "RunAntiVirusScan", "Machine.Scan"),
    ("StopAndQuarantineFile", "StopAndQuarantineFile", "Machine.StopAndQuarantine"),
    ("collectInvestigationPackage", "CollectInvestigationPackage", "Machine.CollectForensics"),
    ("offboard", "Offboard", "Machine.Offboard"),
    ("runliveresponse", "LiveResponse", "Machine.LiveResponse"),
];

fn route_of(kind: &str) -> &'static str {
    KINDS.iter().find(|(_, known, _)| *known == kind).map_or("Machine.Isolate", |(.., needed)| needed)
}

fn comment(request: &Request) -> Option<String> {
    // The member's case matters.
    let comment = request.json()?["Comment"].as_str()?.to_owned();
    (!comment.is_empty()).then_some(comment)
}

fn begin(tenant: &Tenant, request: &Request, id: &str, what: &str) -> Answer {
    let Some((_, kind, needed)) = KINDS.iter().find(|(route, ..)| *route == what) else {
        return Err(refusal(404, "NotFound", "No HTTP resource was found that matches the request URI."));
    };
    admit(tenant, request, &[needed])?;
    let machine = tenant.machines()[found(tenant, id)?].clone();
    let Some(comment) = comment(request) else {
        return Err(refusal(400, "MissingRequiredParameter", "Comment is required."));
    };
    let body = request.json().unwrap_or_default();
    let member = |name: &str| body[name].as_str().map(str::to_owned);
    let scope = member("IsolationType").or_else(|| member("ScanType"));
    let missing = match *kind {
        "Isolate" | "RunAntiVirusScan" => scope.is_none(),
        "StopAndQuarantineFile" => body["Sha1"].as_str().is_none(),
        "LiveResponse" => body["Commands"].as_array().is_none_or(Vec::is_empty),
        _ => false,
    };
    if missing {
        return Err(refusal(400, "MissingRequiredParameter", "A required parameter is missing."));
    }
    let (now, mut state) = (tenant.0.clock.now(), tenant.lock());
    let same =
        |action: &&Action| action.machine == machine.id && action.kind == *kind && action.is_under_way(now);
    let under_way = state.fleet.actions.iter().find(same);
    let hangs = under_way.is_some() && state.fleet.doubles;
    if let Some(under_way) = under_way.filter(|_| !hangs) {
        if *kind == "LiveResponse" {
            return Err(refusal(400, "ActiveRequestAlreadyExists", "Action is already in progress."));
        }
        if state.fleet.hands_out_pending {
            return Ok(Reply::json(201, under_way.render(now).to_string()));
        }
        return Err(refusal(400, "BadRequest", "Action is already in progress for this machine."));
    }
    let agent =
        state.fleet.agents.iter().rev().find(|(known, _)| *known == machine.id).map(|(_, agent)| *agent);
    let action = Action {
        id: guid(0xAC71_0000 ^ (state.fleet.actions.len() as u64 + 1)),
        kind,
        scope,
        machine: machine.id,
        name: machine.name,
        comment,
        sha1: member("Sha1"),
        created: now,
        agent: agent.unwrap_or_default(),
        takes: TimeDelta::from_std(tenant.0.agents_take).unwrap_or_default() * if hangs { 10 } else { 1 },
        cancelled: None,
        commands: body["Commands"].as_array().cloned().unwrap_or_default(),
    };
    let reply = Reply::json(201, action.render(now).to_string());
    state.fleet.actions.push(action);
    Ok(reply)
}

/// The place of a machine, by its id or its name.
fn found(tenant: &Tenant, id: &str) -> Result<usize, Reply> {
    let fits = |machine: &Machine| machine.id == id || machine.name.eq_ignore_ascii_case(id);
    tenant
        .machines()
        .iter()
        .position(fits)
        .ok_or_else(|| refusal(404, "ResourceNotFound", &format!("Machine {id} was not found")))
}

/// A machine as the service shows it.
fn render(tenant: &Tenant, index: usize) -> Json {
    let (machine, now) = (&tenant.machines()[index], tenant.0.clock.now());
    let of = |words: &[&'static str]| words[index % words.len()];
    let linux = machine.name.starts_with("web");
    let state = tenant.lock();
    let tags: Vec<&str> =
        state.fleet.tags.iter().filter(|(id, _)| *id == machine.id).map(|(_, tag)| tag.as_str()).collect();
    let value =
        state.fleet.values.iter().rev().find(|(id, _)| *id == machine.id).map_or("Normal", |(_, v)| v);
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
        "rbacGroupId" => machine[name].as_f64().map_or(Value::Null, Value::Number),
        _ => text(&machine[name]),
    }
}

fn text(value: &Json) -> Value {
    value.as_str().map_or(Value::Null, |text| Value::Text(text.to_owned()))
}

fn time(value: &Json) -> Value {
    let at = value.as_str().and_then(|text| pocketsoc_model::parse_timestamp(text).ok());
    at.map_or(Value::Null, Value::Time)
}

fn list(kind: &str, found: &[Json]) -> Reply {
    let context = format!("https://api.securitycenter.microsoft.com/api/$metadata#{kind}");
    Reply::json(200, json!({"@odata.context": context, "value": found}).to_string())
}

/// The part of a list that is asked for.
fn page(
    request: &Request,
    all: Vec<Json>,
    known: &[&str],
    field: impl Fn(&Json, &str) -> Value,
) -> Result<Vec<Json>, Reply> {
    let odata = |message: &str| refusal(400, "ODataError", message);
    if let Some(name) = request
        .options()
        .find(|name| name.starts_with('$') && !["$filter", "$top", "$skip"].contains(&name.as_str()))
    {
        return Err(odata(&format!("The query parameter '{name}' is not supported.")));
    }
    let number = |name: &str| match request.option(name) {
        None => Ok(None),
        Some(text) => {
            text.parse::<usize>().map(Some).map_err(|_| odata(&format!("Invalid value for {name}.")))
        }
    };
    let (top, skip) = (number("$top")?.unwrap_or(10_000), number("$skip")?.unwrap_or(0));
    if top > 10_000 {
        return Err(odata("The limit of '10000' for Top query has been exceeded."));
    }
    let filter = match request.option("$filter") {
        None => None,
        Some(text) => Some(Filter::parse(&text).map_err(|what| odata(&what))?),
    };
    if let Some(stranger) = filter.iter().flat_map(Filter::fields).find(|name| !known.contains(name)) {
        return Err(odata(&format!("Property '{stranger}' cannot be filtered by.")));
    }
    let fits = |one: &Json| filter.as_ref().is_none_or(|filter| filter.matches(&|name| field(one, name)));
    Ok(all.into_iter().filter(fits).skip(skip).take(top).collect())
}
