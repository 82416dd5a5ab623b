//! Acting on machines without doing it twice, to the wrong one, or unknowingly: the one room for everything that begins
//! a machine action.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use pocketsoc_model::{
    ActionId, ContainmentAction, Error, ErrorKind, Host, HostContainment, HostId, Isolation, IsolationScope,
    Lane, Result,
};
use pocketsoc_transport::odata::Filter;
use pocketsoc_transport::{Call, Endpoint, Replay};
use serde_json::{Map, Value};

use crate::actions::{
    MachineAction, MachineActionId, MachineActionKind, MachineActionQuery, MachineActions,
    fields as action_fields,
};
use crate::machines::{Machine, MachineId, MachineQuery, Machines, fields as machine_fields};
use crate::route::Route;

const ISOLATE: Route = Route::post("isolate the machine", "/api/machines/{id}/isolate", "Machine.Isolate");
const RELEASE: Route = Route::post("release the machine", "/api/machines/{id}/unisolate", "Machine.Isolate");
const RESTRICT: Route = Route::post(
    "restrict what runs on the machine",
    "/api/machines/{id}/restrictCodeExecution",
    "Machine.RestrictExecution",
);
const UNRESTRICT: Route = Route::post(
    "lift the restriction of the machine",
    "/api/machines/{id}/unrestrictCodeExecution",
    "Machine.RestrictExecution",
);
const SCAN: Route = Route::post("scan the machine", "/api/machines/{id}/runAntiVirusScan", "Machine.Scan");
const QUARANTINE: Route = Route::post(
    "stop and quarantine the file",
    "/api/machines/{id}/StopAndQuarantineFile",
    "Machine.StopAndQuarantine",
);
const COLLECT: Route = Route::post(
    "collect an investigation package",
    "/api/machines/{id}/collectInvestigationPackage",
    "Machine.CollectForensics",
);
const OFFBOARD: Route =
    Route::post("offboard the machine", "/api/machines/{id}/offboard", "Machine.Offboard");

/// How often an action that was perhaps begun is looked for, and how long after each look the next follows.
const LOOKS: [Duration; 3] = [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(5)];
/// Clocks of ours and of the service may differ by so much.
const SKEW: TimeDelta = TimeDelta::minutes(10);
/// How often an action is asked about, at first and at most.
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// What is to be done on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Intent {
    /// Cut it off the network. Needs `Machine.Isolate`.
    Isolate(IsolationScope),
    /// Put it back on the network. Needs `Machine.Isolate`.
    Release,
    /// Let nothing run on it but what Microsoft has signed. Needs `Machine.RestrictExecution`.
    Restrict,
    /// Let everything run again. Needs `Machine.RestrictExecution`.
    Unrestrict,
    /// Scan it for malware. Needs `Machine.Scan`.
    Scan(ScanDepth),
    /// Stop a file by its SHA-1 and put it into quarantine. Needs `Machine.StopAndQuarantine`.
    Quarantine(String),
    /// Collect an investigation package. Needs `Machine.CollectForensics`.
    Collect,
    /// Take it out of the service. Needs `Machine.Offboard`.
    Offboard,
}

/// How much of a machine is scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScanDepth {
    /// Where malware usually is.
    Quick,
    /// Everything.
    Full,
}

impl Intent {
    fn route(&self) -> &'static Route {
        match self {
            Self::Isolate(_) => &ISOLATE,
            Self::Release => &RELEASE,
            Self::Restrict => &RESTRICT,
            Self::Unrestrict => &UNRESTRICT,
            Self::Scan(_) => &SCAN,
            Self::Quarantine(_) => &QUARANTINE,
            Self::Collect => &COLLECT,
            Self::Offboard => &OFFBOARD,
        }
    }

    /// What the service calls an action that does it.
    fn kind(&self) -> MachineActionKind {
        match self {
            Self::Isolate(_) => MachineActionKind::Isolate,
            Self::Release => MachineActionKind::Unisolate,
            Self::Restrict => MachineActionKind::RestrictCodeExecution,
            Self::Unrestrict => MachineActionKind::UnrestrictCodeExecution,
            Self::Scan(_) => MachineActionKind::RunAntiVirusScan,
            Self::Quarantine(_) => MachineActionKind::StopAndQuarantineFile,
            Self::Collect => MachineActionKind::CollectInvestigationPackage,
            Self::Offboard => MachineActionKind::Offboard,
        }
    }

    /// What undoes it, and must not be under way at the same time.
    fn opposite(&self) -> Option<MachineActionKind> {
        match self {
            Self::Isolate(_) => Some(MachineActionKind::Unisolate),
            Self::Release => Some(MachineActionKind::Isolate),
            Self::Restrict => Some(MachineActionKind::UnrestrictCodeExecution),
            Self::Unrestrict => Some(MachineActionKind::RestrictCodeExecution),
            _ => None,
        }
    }

    /// How much of it is asked for, as the service says it.
    fn scope(&self) -> Option<&'static str> {
        match self {
            Self::Isolate(IsolationScope::Selective) => Some("Selective"),
            Self::Isolate(_) | Self::Scan(ScanDepth::Full) => Some("Full"),
            Self::Scan(ScanDepth::Quick) => Some("Quick"),
            _ => None,
        }
    }

    /// Whether an action does this: the same thing to the same extent.
    fn is_done_by(&self, action: &MachineAction) -> bool {
        let same_scope = match (self.scope(), action.scope.as_deref()) {
            (Some(asked), Some(of_action)) => asked.eq_ignore_ascii_case(of_action),
            _ => true,
        };
        let same_file = match (self, &action.related_file_info) {
            (Self::Quarantine(sha1), Some(file)) => {
                file.file_identifier.as_ref().is_none_or(|of_action| of_action.eq_ignore_ascii_case(sha1))
            }
            _ => true,
        };
        action.kind.as_ref() == Some(&self.kind()) && same_scope && same_file
    }

    fn body(&self, comment: &str) -> Value {
        let mut body = Map::new();
        body.insert("Comment".into(), comment.into());
        match self {
            Self::Isolate(_) => drop(body.insert("IsolationType".into(), self.scope().into())),
            Self::Scan(_) => drop(body.insert("ScanType".into(), self.scope().into())),
            Self::Quarantine(sha1) => drop(body.insert("Sha1".into(), sha1.as_str().into())),
            _ => {}
        }
        Value::Object(body)
    }
}

/// Acts on machines, safely:
///
/// - the target is one machine: a name or an address that several fit is `Ambiguous`, with the candidates;
/// - an action of the same kind that is already under way is joined instead of doubled, and one that undoes it is a
///   `Conflict`; within one client, intents on one machine are serialized;
/// - an action whose answer was lost is never sent again: it is looked for by the id in its comment, else the error is
///   `OutcomeUnknown` and says how to find out;
/// - a comment is mandatory: it stands in the service's audit log.
///
/// Clones share what serializes the intents. Limits: 100 calls a minute and 1,500 an hour, together with the other
/// calls; a part of the quota is kept for it.
#[derive(Clone)]
pub struct Containment {
    endpoint: Endpoint,
    machines: Machines,
    actions: MachineActions,
    turns: Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>>,
}

/// What would be sent to a machine: a dry run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedAction {
    /// Where to, under the service's address.
    pub target: String,
    /// The JSON body; the comment's id is another one each time.
    pub body: String,
    /// An action that would be joined instead.
    pub joins: Option<MachineActionId>,
}

/// An action on a machine, to be followed. It can be dropped: the action goes on, and
/// [`Containment::resume`] takes it up again, also in another process.
#[derive(Clone)]
pub struct ActionHandle {
    actions: MachineActions,
    endpoint: Endpoint,
    id: MachineActionId,
    joined: bool,
}

impl Containment {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        let (machines, actions) = (Machines::new(endpoint.clone()), MachineActions::new(endpoint.clone()));
        Self { endpoint, machines, actions, turns: Arc::default() }
    }

    /// The one machine with this id, full or short name, or internal address.
    ///
    /// Needs `Machine.Read.All` (application) or `Machine.Read` (delegated).
    ///
    /// # Errors
    /// `NotFound`, or `Ambiguous` with the candidates.
    pub async fn find(&self, name: &str) -> Result<Machine> {
        const OPERATION: &str = "find the machine";
        let name = name.trim();
        if name.len() == 40 && name.bytes().all(|b| b.is_ascii_hexdigit()) {
            return self.machines.get(&MachineId::new(name)?).await;
        }
        let address = name.parse::<IpAddr>().ok();
        let filter = if let Some(address) = address {
            Some(machine_fields::LAST_IP_ADDRESS.eq(address.to_string().as_str()))
        } else {
            // Names are stored in lower case, mostly.
            let stored = [name, &name.to_ascii_lowercase()];
            Filter::any(stored.map(|name| machine_fields::COMPUTER_DNS_NAME.starts_with(name)))
        };
        let query = MachineQuery::new().with_filter(filter);
        let fits = |machine: &Machine| match (address, &machine.computer_dns_name) {
            (Some(_), _) => true,
            (None, Some(full)) => {
                let short = full.split('.').next().unwrap_or_default();
                full.eq_ignore_ascii_case(name) || short.eq_ignore_ascii_case(name)
            }
            (None, None) => false,
        };
        let mut found: Vec<Machine> = Vec::new();
        let mut walk = self.machines.list(&query);
        while let Some(machine) = walk.next().await {
            let machine = machine?;
            // What has become part of another machine is not it any more.
            if fits(&machine) && machine.merged_into_machine_id.is_none() {
                found.push(machine);
            }
        }
        match found.len() {
            1 => Ok(found.swap_remove(0)),
            0 => Err(Error::new(ErrorKind::NotFound, OPERATION)
                .with_message(format!("no machine is named {name}, or has that address"))
                .with_hint(
                    "give the machine's id, its name or its internal address, as the portal shows it",
                )),
            _ => {
                let candidate = |machine: &Machine| match &machine.computer_dns_name {
                    Some(name) => format!("{} ({name})", machine.id),
                    None => machine.id.to_string(),
                };
                Err(Error::new(ErrorKind::Ambiguous, OPERATION)
                    .with_message(format!("{} machines are named {name}, or have that address", found.len()))
                    .with_candidates(found.iter().map(candidate))
                    .with_hint("give the machine's id"))
            }
        }
    }

    /// Does something on a machine, or joins who is doing it already. Pages: "Isolate machine API" and its companions.
    ///
    /// # Errors
    /// `InvalidRequest` without a comment; `Conflict` while the opposite is under way; `OutcomeUnknown` when it may have
    /// begun and was not found; what the service says otherwise.
    pub async fn begin(&self, machine: &MachineId, intent: &Intent, comment: &str) -> Result<ActionHandle> {
        let mark = format!("[pocketsoc {:08x}]", fastrand::u32(..));
        let call = request(machine, intent, comment, &mark)?;
        let turn = self.turn(machine);
        let _turn = turn.lock().await;
        if let Some(under_way) = self.under_way(machine, intent).await? {
            return Ok(self.handle(under_way.id, true));
        }
        let begun = self.endpoint.connection().clock().now();
        match self.endpoint.element::<MachineAction>(&call).await {
            // The service may answer with an action that was there already.
            Ok(action) => {
                let ours = action.requestor_comment.as_ref().is_none_or(|text| text.contains(&mark));
                Ok(self.handle(action.id, !ours))
            }
            Err(error) if error.kind() == ErrorKind::OutcomeUnknown => {
                self.look_for(machine, intent, begun, &mark, error).await
            }
            Err(error) if is_already_in_progress(&error) => match self.under_way(machine, intent).await? {
                Some(under_way) => Ok(self.handle(under_way.id, true)),
                None => Err(error
                    .with_kind(ErrorKind::Conflict)
                    .with_hint("another action is in progress on the machine: list its actions, wait for it or cancel it")),
            },
            Err(error) => Err(error),
        }
    }

    /// What [`begin`](Self::begin) would do; nothing is done.
    ///
    /// # Errors
    /// As there, for what is found out beforehand.
    pub async fn plan(&self, machine: &MachineId, intent: &Intent, comment: &str) -> Result<PlannedAction> {
        let call = request(machine, intent, comment, "[pocketsoc …]")?;
        let joins = self.under_way(machine, intent).await?.map(|action| action.id);
        let body = call.body().map(|body| String::from_utf8_lossy(body).into_owned()).unwrap_or_default();
        Ok(PlannedAction { target: call.target(), body, joins })
    }

    /// Takes up an action that was begun earlier, here or elsewhere.
    pub fn resume(&self, id: MachineActionId) -> ActionHandle {
        self.handle(id, true)
    }

    fn handle(&self, id: MachineActionId, joined: bool) -> ActionHandle {
        ActionHandle { actions: self.actions.clone(), endpoint: self.endpoint.clone(), id, joined }
    }

    /// Whose turn it is on a machine.
    fn turn(&self, machine: &MachineId) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(machine.as_str().to_ascii_lowercase()).or_default())
    }

    /// An action that does it and is under way.
    async fn under_way(&self, machine: &MachineId, intent: &Intent) -> Result<Option<MachineAction>> {
        let mut same = None;
        let mut walk = self.actions_of(machine);
        while let Some(action) = walk.next().await {
            let action = action?;
            if !action.is_under_way() {
                continue;
            }
            if intent.is_done_by(&action) {
                same.get_or_insert(action);
            } else if action.kind.as_ref() == Some(&intent.kind()) || action.kind == intent.opposite() {
                let what = action.kind.as_ref().map_or("an action", |kind| kind.as_str());
                let scope = action.scope.as_deref().map_or_else(String::new, |scope| format!(" ({scope})"));
                return Err(Error::new(ErrorKind::Conflict, "begin the machine action")
                    .with_message(format!("{what}{scope} is under way on the machine: action {}", action.id))
                    .with_hint("wait for it, or cancel it"));
            }
        }
        Ok(same)
    }

    fn actions_of(&self, machine: &MachineId) -> pocketsoc_transport::Walk<MachineAction> {
        let query = MachineActionQuery::new().with_filter(action_fields::MACHINE_ID.eq(machine.as_str()));
        self.actions.list(&query)
    }

    /// Looks for an action that may have begun although its answer was lost.
    async fn look_for(
        &self,
        machine: &MachineId,
        intent: &Intent,
        begun: DateTime<Utc>,
        mark: &str,
        lost: Error,
    ) -> Result<ActionHandle> {
        let clock = self.endpoint.connection().clock();
        for wait in LOOKS {
            clock.sleep(wait).await;
            let mut walk = self.actions_of(machine);
            while let Some(action) = walk.next().await {
                let Ok(action) = action else { break };
                let marked = action.requestor_comment.as_ref().is_some_and(|text| text.contains(mark));
                let recent = action.creation_date_time_utc.is_none_or(|at| at >= begun - SKEW);
                if marked && recent && intent.is_done_by(&action) {
                    return Ok(self.handle(action.id, false));
                }
            }
        }
        Err(lost.with_hint(format!(
            "it was not sent again; look at the machine's actions for one whose comment holds {mark} before you try again"
        )))
    }
}

/// The call that begins an action. It is never sent twice after a failure that leaves open whether it was carried out.
fn request(machine: &MachineId, intent: &Intent, comment: &str, mark: &str) -> Result<Call> {
    let route = intent.route();
    let refuse = |message: &str| {
        Err(Error::new(ErrorKind::InvalidRequest, "begin the machine action").with_message(message))
    };
    if comment.trim().is_empty() {
        return refuse("a comment is needed: it stands in the audit log");
    }
    if let Intent::Quarantine(sha1) = intent
        && !(sha1.len() == 40 && sha1.bytes().all(|b| b.is_ascii_hexdigit()))
    {
        return refuse("a file is named by its SHA-1: forty hexadecimal digits");
    }
    let call = route.call(&[machine.as_str()])?.with_replay(Replay::Never).with_lane(Lane::Containment);
    call.with_json(&intent.body(&format!("{} {mark}", comment.trim())))
}

/// Whether the service says that such an action is already in progress.
fn is_already_in_progress(error: &Error) -> bool {
    let text = error.to_string().to_ascii_lowercase();
    let coded = error.code().is_some_and(|code| code.contains("ActiveRequestAlreadyExists"));
    error.status() == Some(400)
        && (coded || text.contains("already in progress") || text.contains("already exists"))
}

impl ActionHandle {
    /// The action's id.
    pub fn id(&self) -> &MachineActionId {
        &self.id
    }

    /// Whether the action was there already.
    pub fn has_joined(&self) -> bool {
        self.joined
    }

    /// The action as it stands now.
    ///
    /// # Errors
    /// `NotFound` when there is none with this id.
    pub async fn now(&self) -> Result<MachineAction> {
        self.actions.get(&self.id).await
    }

    /// Follows the action to its end, however long that takes: a machine that is off answers after days. The end may be a
    /// failure: see [`MachineAction::outcome`].
    ///
    /// # Errors
    /// When the action cannot be read any more; passing faults are waited out.
    pub async fn wait(&self) -> Result<MachineAction> {
        let clock = self.endpoint.connection().clock();
        let (mut wait, mut faults) = (FIRST_WAIT, 0);
        loop {
            match self.now().await {
                Ok(action) if action.progress().is_final() => return Ok(action),
                Ok(_) => faults = 0,
                Err(error) if error.is_transient() && faults < 10 => {
                    faults += 1;
                    tracing::debug!(%error, "the action could not be read, asking again");
                }
                // What has just been begun may not be known everywhere yet.
                Err(error) if error.kind() == ErrorKind::NotFound && faults < 3 => faults += 1,
                Err(error) => return Err(error),
            }
            clock.sleep(wait).await;
            wait = (wait * 3 / 2).min(LONGEST_WAIT);
        }
    }

    /// Calls the action off, while it is not final.
    ///
    /// # Errors
    /// `Conflict` when it is final; `InvalidRequest` without a comment.
    pub async fn cancel(&self, comment: &str) -> Result<MachineAction> {
        self.actions.cancel(&self.id, comment).await
    }
}

/// An action in the shared words.
fn normalized(action: &MachineAction, machine: Option<&HostId>) -> Result<ContainmentAction> {
    let host = match (&action.machine_id, machine) {
        (Some(id), _) => HostId::new(id.as_str())?,
        (None, Some(id)) => id.clone(),
        (None, None) => HostId::new("unknown")?,
    };
    let mut out = ContainmentAction::new(ActionId::new(action.id.as_str())?, host, action.progress());
    out.created_at = action.creation_date_time_utc;
    Ok(out)
}

#[async_trait]
impl HostContainment for Containment {
    async fn find_host(&self, name: &str) -> Result<Host> {
        let machine = self.find(name).await?;
        let shown = machine.computer_dns_name.unwrap_or_else(|| machine.id.to_string());
        Ok(Host::new(HostId::new(machine.id.as_str())?, shown))
    }

    async fn isolate(&self, host: &HostId, isolation: &Isolation) -> Result<ContainmentAction> {
        let machine = MachineId::new(host.as_str())?;
        let intent = Intent::Isolate(isolation.scope);
        let handle = self.begin(&machine, &intent, &isolation.comment).await?;
        normalized(&handle.now().await?, Some(host))
    }

    async fn release(&self, host: &HostId, comment: &str) -> Result<ContainmentAction> {
        let handle = self.begin(&MachineId::new(host.as_str())?, &Intent::Release, comment).await?;
        normalized(&handle.now().await?, Some(host))
    }

    async fn action(&self, id: &ActionId) -> Result<ContainmentAction> {
        normalized(&self.actions.get(&MachineActionId::new(id.as_str())?).await?, None)
    }

    async fn cancel(&self, id: &ActionId, comment: &str) -> Result<ContainmentAction> {
        normalized(&self.actions.cancel(&MachineActionId::new(id.as_str())?, comment).await?, None)
    }
}

impl fmt::Debug for Containment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Containment").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl fmt::Debug for ActionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActionHandle").field("id", &self.id).finish_non_exhaustive()
    }
}
