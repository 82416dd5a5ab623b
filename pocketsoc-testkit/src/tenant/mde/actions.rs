//! What is done on machines: agents take their time, fail, or do not answer.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value as Json, json};

use super::listing::{list, page, text, time};
use super::machines::found;
use super::render::stamp;
use super::{Answer, MACHINE_READ, admit, refusal, unknown};
use crate::message::{Reply, Request};
use crate::population::guid;
use crate::tenant::{State, Tenant};

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

/// What has been done on machines, and how they behave.
#[derive(Default)]
pub(super) struct Fleet {
    all: Vec<Action>,
    agents: Vec<(String, Agent)>,
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
        self.lock().mde.actions.agents.push((machine.to_owned(), agent));
    }

    /// Who asks for what is under way gets the action that there is, as some pages of the service say, instead of a
    /// refusal, as others do.
    pub fn hand_out_pending_actions(&self) {
        self.lock().mde.actions.hands_out_pending = true;
    }

    /// Who asks for what is under way begins it once more, and the duplicate hangs and ends last, as was seen in the wild.
    pub fn double_actions(&self) {
        self.lock().mde.actions.doubles = true;
    }

    /// Whether two actions that change whether a machine is isolated were ever under way at the same time.
    pub fn had_two_at_once(&self, machine: &str) -> bool {
        let state = self.lock();
        let of =
            |action: &&Action| action.machine == machine && matches!(action.kind, "Isolate" | "Unisolate");
        let actions: Vec<&Action> = state.mde.actions.all.iter().filter(of).collect();
        actions.windows(2).any(|pair| pair[1].created < pair[0].ends())
    }

    /// The ids and names of the machines.
    pub fn machine_names(&self) -> Vec<(String, String)> {
        self.0.machines.iter().map(|machine| (machine.id.clone(), machine.name.clone())).collect()
    }

    /// What has been done on a machine, in order: what, and how it stands now.
    pub fn actions_on(&self, machine: &str) -> Vec<(String, String)> {
        let (now, state) = (self.0.clock.now(), self.lock());
        let of = state.mde.actions.all.iter().filter(|action| action.machine == machine);
        of.map(|action| (action.kind.to_owned(), action.status(now).to_owned())).collect()
    }

    /// Whether a machine is cut off: by what was last done to the end.
    pub fn is_isolated(&self, machine: &str) -> bool {
        let (now, state) = (self.0.clock.now(), self.lock());
        let done = state.mde.actions.all.iter().rev().find(|action| {
            action.machine == machine
                && matches!(action.kind, "Isolate" | "Unisolate")
                && action.status(now) == "Succeeded"
        });
        done.is_some_and(|action| action.kind == "Isolate")
    }
}

/// Answers `/api/machineactions…`.
pub(super) fn actions(tenant: &Tenant, request: &Request, path: &[&str]) -> Answer {
    let now = tenant.0.clock.now();
    let known = |state: &State, id: &str| {
        if id.len() != 36 {
            return Err(refusal(400, "BadRequest", "The value is not a valid Edm.Guid."));
        }
        let place = state.mde.actions.all.iter().position(|action| action.id == id);
        place.ok_or_else(|| refusal(404, "ResourceNotFound", "Machine action was not found"))
    };
    match (request.method.as_str(), path) {
        ("GET", []) => {
            admit(tenant, request, MACHINE_READ)?;
            let all = tenant.lock().mde.actions.all.iter().rev().map(|action| action.render(now)).collect();
            let found = page(request, all, ACTION_FIELDS, |action, name| match name {
                "creationDateTimeUtc" => time(&action[name]),
                _ => text(&action[name]),
            })?;
            Ok(list("MachineActions", &found))
        }
        ("GET", [id]) => {
            admit(tenant, request, MACHINE_READ)?;
            let state = tenant.lock();
            let place = known(&state, id)?;
            Ok(Reply::json(200, state.mde.actions.all[place].render(now).to_string()))
        }
        ("GET", [id, "getPackageUri"]) => {
            admit(
                tenant,
                request,
                &["Machine.Read.All", "Machine.ReadWrite.All", "Machine.CollectForensics"],
            )?;
            let state = tenant.lock();
            let action = &state.mde.actions.all[known(&state, id)?];
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
            admit(tenant, request, &["Machine.Read.All", "Machine.ReadWrite.All", "Machine.LiveResponse"])?;
            let state = tenant.lock();
            let action = &state.mde.actions.all[known(&state, id)?];
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
            let needed = route_of(tenant.lock().mde.actions.all[place].kind);
            admit(tenant, request, &[needed])?;
            let Some(comment) = comment(request) else {
                return Err(refusal(400, "MissingRequiredParameter", "Comment is required."));
            };
            state = tenant.lock();
            let action = &mut state.mde.actions.all[place];
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
        _ => Err(unknown()),
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

pub(super) fn comment(request: &Request) -> Option<String> {
    // The member's case matters.
    let comment = request.json()?["Comment"].as_str()?.to_owned();
    (!comment.is_empty()).then_some(comment)
}

pub(super) fn begin(tenant: &Tenant, request: &Request, id: &str, what: &str) -> Answer {
    let Some((_, kind, needed)) = KINDS.iter().find(|(route, ..)| *route == what) else {
        return Err(unknown());
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
    let under_way = state.mde.actions.all.iter().find(same);
    let hangs = under_way.is_some() && state.mde.actions.doubles;
    if let Some(under_way) = under_way.filter(|_| !hangs) {
        if *kind == "LiveResponse" {
            return Err(refusal(400, "ActiveRequestAlreadyExists", "Action is already in progress."));
        }
        if state.mde.actions.hands_out_pending {
            return Ok(Reply::json(201, under_way.render(now).to_string()));
        }
        return Err(refusal(400, "BadRequest", "Action is already in progress for this machine."));
    }
    let agent = state
        .mde
        .actions
        .agents
        .iter()
        .rev()
        .find(|(known, _)| *known == machine.id)
        .map(|(_, agent)| *agent);
    let action = Action {
        id: guid(0xAC71_0000 ^ (state.mde.actions.all.len() as u64 + 1)),
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
    state.mde.actions.all.push(action);
    Ok(reply)
}
