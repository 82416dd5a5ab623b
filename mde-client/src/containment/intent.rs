//! What is to be done on a machine, as a pure call.

use pocketsoc_model::{Error, ErrorKind, IsolationScope, Lane, Result};
use pocketsoc_transport::{Call, Replay, Route, quota};
use serde_json::{Map, Value};

use super::LiveResponse;
use crate::actions::{MachineAction, MachineActionKind};
use crate::machines::MachineId;
use crate::route;

const ISOLATE: Route = route::post("isolate the machine", "/api/machines/{id}/isolate", "Machine.Isolate");
const RELEASE: Route = route::post("release the machine", "/api/machines/{id}/unisolate", "Machine.Isolate");
const RESTRICT: Route = route::post(
    "restrict what runs on the machine",
    "/api/machines/{id}/restrictCodeExecution",
    "Machine.RestrictExecution",
);
const UNRESTRICT: Route = route::post(
    "lift the restriction of the machine",
    "/api/machines/{id}/unrestrictCodeExecution",
    "Machine.RestrictExecution",
);
const SCAN: Route = route::post("scan the machine", "/api/machines/{id}/runAntiVirusScan", "Machine.Scan");
const QUARANTINE: Route = route::post(
    "stop and quarantine the file",
    "/api/machines/{id}/StopAndQuarantineFile",
    "Machine.StopAndQuarantine",
);
const COLLECT: Route = route::post(
    "collect an investigation package",
    "/api/machines/{id}/collectInvestigationPackage",
    "Machine.CollectForensics",
);
const OFFBOARD: Route =
    route::post("offboard the machine", "/api/machines/{id}/offboard", "Machine.Offboard");
const LIVE_RESPONSE: Route =
    route::post("run the live response", "/api/machines/{id}/runliveresponse", "Machine.LiveResponse")
        .counted(&quota::MDE_LIVE_RESPONSE);

/// What is to be done on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Intent {
    /// Cut it off the network. Full isolation: Windows 10 1703 and later, supported Linux; selective: Windows 10 1709 and
    /// later. Page: "Isolate machine API". Needs `Machine.Isolate`.
    Isolate(IsolationScope),
    /// Keep all managed machines from talking to it, since it is not managed itself. Page: "Isolate machine API". Needs
    /// `Machine.Isolate`.
    Contain,
    /// Put it back on the network. Page: "Release device from isolation API". Needs `Machine.Isolate`.
    Release,
    /// Let nothing run on it but what Microsoft has signed; Windows 10 1709 and later. Page: "Restrict app execution API".
    /// Needs `Machine.RestrictExecution`.
    Restrict,
    /// Let everything run again. Page: "Remove app restriction API". Needs `Machine.RestrictExecution`.
    Unrestrict,
    /// Scan it for malware; Windows 10 1709 and later. Page: "Run antivirus scan API". Needs `Machine.Scan`.
    Scan(ScanDepth),
    /// Stop a file by its SHA-1 and put it into quarantine; Windows 10 1703 and later, not what Microsoft has signed. Page:
    /// "Stop and quarantine file API". Needs `Machine.StopAndQuarantine`.
    Quarantine(String),
    /// Collect an investigation package; Windows 10 1703 and later. Page: "Collect investigation package API". Needs
    /// `Machine.CollectForensics`.
    Collect,
    /// Take it out of the service; Windows only. Page: "Offboard machine API". Needs `Machine.Offboard`.
    Offboard,
    /// Run commands on it. Page: "Run live response commands on a device". Needs `Machine.LiveResponse`. Limits: 10 calls a
    /// minute, 25 sessions at a time, one on a machine; a session for a machine that is off waits for up to three days.
    LiveResponse(LiveResponse),
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
            Self::Isolate(_) | Self::Contain => &ISOLATE,
            Self::Release => &RELEASE,
            Self::Restrict => &RESTRICT,
            Self::Unrestrict => &UNRESTRICT,
            Self::Scan(_) => &SCAN,
            Self::Quarantine(_) => &QUARANTINE,
            Self::Collect => &COLLECT,
            Self::Offboard => &OFFBOARD,
            Self::LiveResponse(_) => &LIVE_RESPONSE,
        }
    }

    /// What the service calls an action that does it.
    pub(super) fn kind(&self) -> MachineActionKind {
        match self {
            Self::Isolate(_) | Self::Contain => MachineActionKind::Isolate,
            Self::Release => MachineActionKind::Unisolate,
            Self::Restrict => MachineActionKind::RestrictCodeExecution,
            Self::Unrestrict => MachineActionKind::UnrestrictCodeExecution,
            Self::Scan(_) => MachineActionKind::RunAntiVirusScan,
            Self::Quarantine(_) => MachineActionKind::StopAndQuarantineFile,
            Self::Collect => MachineActionKind::CollectInvestigationPackage,
            Self::Offboard => MachineActionKind::Offboard,
            Self::LiveResponse(_) => MachineActionKind::LiveResponse,
        }
    }

    /// How much of it is asked for, as the service says it.
    fn scope(&self) -> Option<&'static str> {
        match self {
            Self::Isolate(IsolationScope::Selective) => Some("Selective"),
            Self::Isolate(_) | Self::Scan(ScanDepth::Full) => Some("Full"),
            Self::Contain => Some("UnManagedDevice"),
            Self::Scan(ScanDepth::Quick) => Some("Quick"),
            _ => None,
        }
    }

    /// What an action that is under way means for it.
    pub(super) fn meets(&self, action: &MachineAction) -> Meeting {
        let kind = action.kind.as_ref();
        if kind.is_some() && kind == opposite(&self.kind()).as_ref() {
            return Meeting::Conflict;
        }
        if kind != Some(&self.kind()) {
            return Meeting::Nothing;
        }
        let same_scope = match (self.scope(), action.scope.as_deref()) {
            (Some(asked), Some(of_action)) => asked.eq_ignore_ascii_case(of_action),
            (Some(_), None) => false,
            (None, _) => true,
        };
        match self {
            Self::Isolate(_) | Self::Contain if !same_scope => Meeting::Conflict,
            // Others may run beside it: the service decides.
            Self::LiveResponse(_) => Meeting::Nothing,
            Self::Quarantine(sha1) => {
                let file = action.related_file_info.as_ref().and_then(|file| file.file_identifier.as_ref());
                let same_file = file.is_some_and(|of_action| of_action.eq_ignore_ascii_case(sha1));
                if same_file { Meeting::Same } else { Meeting::Nothing }
            }
            _ if same_scope => Meeting::Same,
            _ => Meeting::Nothing,
        }
    }

    fn body(&self, comment: &str) -> Value {
        let mut body = Map::new();
        body.insert("Comment".into(), comment.into());
        match self {
            Self::Isolate(_) | Self::Contain => {
                drop(body.insert("IsolationType".into(), self.scope().into()));
            }
            Self::Scan(_) => drop(body.insert("ScanType".into(), self.scope().into())),
            Self::Quarantine(sha1) => drop(body.insert("Sha1".into(), sha1.as_str().into())),
            Self::LiveResponse(response) => drop(body.insert("Commands".into(), response.commands())),
            _ => {}
        }
        Value::Object(body)
    }

    /// How urgent it is: what puts a machine out of harm's way, or back to work, goes before everything else.
    pub(super) fn lane(&self) -> Lane {
        match self {
            Self::Isolate(_) | Self::Contain | Self::Release | Self::Restrict | Self::Unrestrict => {
                Lane::Containment
            }
            _ => Lane::Triage,
        }
    }

    /// Checks what the service would refuse.
    pub(super) fn check(&self, comment: &str) -> Result<()> {
        let refuse = |message: &str| {
            Err(Error::new(ErrorKind::InvalidRequest, "begin the machine action").with_message(message))
        };
        if comment.trim().is_empty() {
            return refuse("a comment is needed: it stands in the audit log");
        }
        match self {
            Self::Quarantine(sha1) if !(sha1.len() == 40 && sha1.bytes().all(|b| b.is_ascii_hexdigit())) => {
                refuse("a file is named by its SHA-1: forty hexadecimal digits")
            }
            Self::LiveResponse(response) if response.is_empty() => refuse("a live response needs a command"),
            _ => Ok(()),
        }
    }

    /// The call that begins it. It is never sent twice after a failure that leaves open whether it was carried out.
    pub(super) fn request(&self, machine: &MachineId, comment: &str, mark: &str) -> Result<Call> {
        let call = self.route().call(&[machine.as_str()])?;
        let call = call.with_replay(Replay::Never).with_lane(self.lane());
        call.with_json(&self.body(&format!("{} {mark}", comment.trim())))
    }
}

/// What an action that is under way means for an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meeting {
    /// It does what is wanted.
    Same,
    /// It would be in the way.
    Conflict,
    Nothing,
}

/// The kind of action that undoes another.
pub(super) fn opposite(kind: &MachineActionKind) -> Option<MachineActionKind> {
    Some(match kind {
        MachineActionKind::Isolate => MachineActionKind::Unisolate,
        MachineActionKind::Unisolate => MachineActionKind::Isolate,
        MachineActionKind::RestrictCodeExecution => MachineActionKind::UnrestrictCodeExecution,
        MachineActionKind::UnrestrictCodeExecution => MachineActionKind::RestrictCodeExecution,
        _ => return None,
    })
}
