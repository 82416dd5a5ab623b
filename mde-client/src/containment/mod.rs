//! Acting on machines without doing it twice, to the wrong one, or unknowingly: the one room for everything that begins
//! a machine action.

mod find;
mod handle;
mod host;
mod intent;
mod live_response;

pub use handle::ActionHandle;
pub use host::Containment;
pub use intent::{Intent, ScanDepth};
pub use live_response::LiveResponse;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use pocketsoc_model::{ActionStatus, Error, ErrorKind, Isolation, Lane, Result};
use pocketsoc_transport::Walk;
use pocketsoc_transport::odata::Filter;

use crate::actions::{
    MachineAction, MachineActionId, MachineActionQuery, MachineActionStatus, fields as action_fields,
};
use crate::machines::{MachineId, Machines};
use intent::Meeting;

/// How often an action that was perhaps begun is looked for, and how long before each look.
const LOOKS: [Duration; 3] = [Duration::ZERO, Duration::from_secs(2), Duration::from_secs(5)];
/// Clocks of ours and of the service may differ by so much.
const SKEW: TimeDelta = TimeDelta::minutes(10);
/// The ends of an action. Those that are not at one of them are under way, whatever the service calls that.
const ENDS: [MachineActionStatus; 4] = [
    MachineActionStatus::Succeeded,
    MachineActionStatus::Failed,
    MachineActionStatus::TimeOut,
    MachineActionStatus::Cancelled,
];

/// Whose turn it is on which machine. Clones are the same turns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns(Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>>);

impl Turns {
    fn of(&self, machine: &MachineId) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(machine.as_str().to_ascii_lowercase()).or_default())
    }
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

/// # Acting on machines, safely
///
/// - The target is one machine: of a name or an address, [`find`](Self::find) makes one or an error with the candidates.
/// - An action of the same kind that is already under way is joined instead of doubled, and one that undoes it is a
///   `Conflict`; within one client, intents on one machine are serialized.
/// - An action whose answer was lost is never sent again: it is looked for by the id in its comment, else the error is
///   `OutcomeUnknown` and says how to find out.
/// - A comment is mandatory: it stands in the service's audit log, with a correlation id behind it.
///
/// Let the future that begins an action run to its end: who drops it after the request has left does not learn the id, and
/// finds the action by its comment only. It is bounded by the connection's time limits.
///
/// Limits: 100 calls a minute and 1,500 an hour, together with the other calls; a part of the quota is kept for it.
impl Machines {
    /// Cuts a machine off the network, or joins who is doing so already. Page: "Isolate machine API". Needs
    /// `Machine.Isolate`, and to look for what is under way `Machine.Read.All` (application) or `Machine.Read` (delegated).
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub async fn isolate(&self, machine: &MachineId, isolation: Isolation) -> Result<ActionHandle> {
        self.begin(machine, &Intent::Isolate(isolation.scope), &isolation.comment).await
    }

    /// Puts a machine back on the network, or joins who is doing so already. Page: "Release device from isolation API".
    /// Needs what [`isolate`](Self::isolate) needs.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub async fn release(&self, machine: &MachineId, comment: &str) -> Result<ActionHandle> {
        self.begin(machine, &Intent::Release, comment).await
    }

    /// Does something on a machine, or joins who is doing it already. Needs what the [`Intent`] says, and to look for what
    /// is under way `Machine.Read.All` (application) or `Machine.Read` (delegated).
    ///
    /// # Errors
    /// `InvalidRequest` without a comment; `Conflict` while the opposite is under way; `OutcomeUnknown` when it may have
    /// begun and was not found; what the service says otherwise.
    pub async fn begin(&self, machine: &MachineId, intent: &Intent, comment: &str) -> Result<ActionHandle> {
        let mark = format!("[pocketsoc {:08x}]", fastrand::u32(..));
        intent.check(comment)?;
        let machine = &self.device(machine).await?;
        let call = intent.request(machine, comment, &mark)?;
        let turn = self.turns().of(machine);
        let _turn = turn.lock().await;
        let handle = |action, joined| ActionHandle::new(&self.actions(), action, joined);
        if let Some(under_way) = self.under_way(machine, intent).await? {
            return Ok(handle(under_way, true));
        }
        let begun = self.endpoint().connection().clock().now();
        match self.endpoint().element::<MachineAction>(&call).await {
            Ok(action) if action.requestor_comment.as_ref().is_none_or(|text| text.contains(&mark)) => {
                Ok(handle(action, false))
            }
            // The service may answer with an action that was there already.
            Ok(action) => match intent.meets(&action) {
                Meeting::Same => Ok(handle(action, true)),
                _ => Err(in_the_way(&action)),
            },
            Err(lost) if lost.kind() == ErrorKind::OutcomeUnknown => {
                self.look_for(machine, intent, begun, &mark).await.map(|found| handle(found, false)).map_err(
                    |unseen| {
                        let looked = unseen.map_or_else(String::new, |error| format!(" (the last look failed: {error})"));
                        lost.with_hint(format!(
                            "it was not sent again; look at the machine's actions for one whose comment holds {mark} before you try again{looked}"
                        ))
                    },
                )
            }
            // Lists lag behind: what is in progress may not be listed yet.
            Err(error) if error.kind() == ErrorKind::Conflict && error.status() == Some(400) => {
                let clock = self.endpoint().connection().clock();
                for wait in LOOKS {
                    clock.sleep(wait).await;
                    if let Some(under_way) = self.under_way(machine, intent).await? {
                        return Ok(handle(under_way, true));
                    }
                }
                Err(error.with_hint(
                    "another action is in progress on the machine: list its actions, wait for it or cancel it",
                ))
            }
            Err(error) => Err(error),
        }
    }

    /// What [`begin`](Self::begin) would do; nothing is done.
    ///
    /// # Errors
    /// As there, for what is found out beforehand.
    pub async fn plan(&self, machine: &MachineId, intent: &Intent, comment: &str) -> Result<PlannedAction> {
        intent.check(comment)?;
        let machine = &self.device(machine).await?;
        let call = intent.request(machine, comment, "[pocketsoc …]")?;
        let joins = self.under_way(machine, intent).await?.map(|action| action.id);
        let body = call.body().map(|body| String::from_utf8_lossy(body).into_owned()).unwrap_or_default();
        Ok(PlannedAction { target: call.target(), body, joins })
    }

    /// The id under which the service lists what is done on a machine. It takes a machine's name for an id as well, under
    /// which nothing is listed.
    async fn device(&self, machine: &MachineId) -> Result<MachineId> {
        if machine.is_device() { Ok(machine.clone()) } else { Ok(self.get(machine).await?.id) }
    }

    /// An action that does it and is under way.
    async fn under_way(&self, machine: &MachineId, intent: &Intent) -> Result<Option<MachineAction>> {
        let not_ended = Filter::all(ENDS.iter().map(|end| action_fields::STATUS.ne(end)));
        let mut walk = self.actions_of(machine, not_ended, intent.lane());
        let mut same = None;
        while let Some(action) = walk.next().await {
            let action = action?;
            // The service filters by its own words, and not always.
            let elsewhere =
                action.machine_id.as_ref().is_some_and(|id| !id.eq_ignore_ascii_case(machine.as_str()));
            if elsewhere || action.progress().is_final() {
                continue;
            }
            match intent.meets(&action) {
                Meeting::Same if action.progress() != ActionStatus::Unknown => same = same.or(Some(action)),
                // Whether it is over, nobody knows.
                Meeting::Same | Meeting::Conflict => return Err(in_the_way(&action)),
                Meeting::Nothing => {}
            }
        }
        Ok(same)
    }

    /// Looks for an action that may have begun although its answer was lost; why the last look failed, if it did.
    async fn look_for(
        &self,
        machine: &MachineId,
        intent: &Intent,
        begun: DateTime<Utc>,
        mark: &str,
    ) -> std::result::Result<MachineAction, Option<Error>> {
        let clock = self.endpoint().connection().clock();
        let mut unseen = None;
        for wait in LOOKS {
            clock.sleep(wait).await;
            unseen = None;
            let recent = action_fields::CREATION_DATE_TIME_UTC.ge(&(begun - SKEW));
            let mut walk = self.actions_of(machine, Some(recent), intent.lane());
            while let Some(action) = walk.next().await {
                match action {
                    Ok(action) => {
                        let marked =
                            action.requestor_comment.as_ref().is_some_and(|text| text.contains(mark));
                        if marked && action.kind.as_ref() == Some(&intent.kind()) {
                            return Ok(action);
                        }
                    }
                    Err(error) => unseen = Some(error),
                }
            }
        }
        Err(unseen)
    }

    fn actions_of(&self, machine: &MachineId, filter: Option<Filter>, lane: Lane) -> Walk<MachineAction> {
        let of_machine = action_fields::MACHINE_ID.eq(machine.as_str());
        let filter = match filter {
            Some(filter) => of_machine.and(filter),
            None => of_machine,
        };
        self.actions().walk(&MachineActionQuery::new().with_filter(filter), lane)
    }
}

/// An action is in the way of what is wanted.
fn in_the_way(action: &MachineAction) -> Error {
    let what = action.kind.as_ref().map_or("an action", |kind| kind.as_str());
    let scope = action.scope.as_deref().map_or_else(String::new, |scope| format!(" ({scope})"));
    let status = action.status.as_ref().map_or("without a status", |status| status.as_str());
    Error::new(ErrorKind::Conflict, "begin the machine action")
        .with_message(format!("{what}{scope} is under way on the machine: action {}, {status}", action.id))
        .with_hint("wait for it, or cancel it")
}
