//! A machine action that is followed to its end.

use std::fmt;
use std::time::Duration;

use pocketsoc_model::{ActionStatus, Error, ErrorKind, Lane, Result};

use super::intent::opposite;
use crate::actions::{MachineAction, MachineActionId, MachineActionQuery, MachineActions, fields};

/// How often an action is asked about: at first; at most, while most machines answer; and later, when the machine is off.
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(15);
const LATE_WAIT: Duration = Duration::from_secs(120);
const LATE: Duration = Duration::from_secs(600);
/// So many failures in a row are waited out.
const FAULTS: u32 = 10;
/// For so many looks, what has just been begun may not be known everywhere.
const NOT_KNOWN_YET: u32 = 3;
/// So often an action may say a word that nobody knows.
const ODD_WORDS: u32 = 20;

/// A machine action, to be followed. It can be dropped: the action goes on, and
/// [`MachineActions::resume`](crate::MachineActions::resume) takes it up again, also in another process.
#[derive(Clone)]
pub struct ActionHandle {
    actions: MachineActions,
    id: MachineActionId,
    begun: Option<Box<MachineAction>>,
    joined: bool,
}

impl MachineActions {
    /// Takes up an action that was begun earlier, here or elsewhere. Nothing is asked yet.
    pub fn resume(&self, id: MachineActionId) -> ActionHandle {
        ActionHandle { actions: self.clone(), id, begun: None, joined: true }
    }
}

impl ActionHandle {
    pub(super) fn new(actions: &MachineActions, action: MachineAction, joined: bool) -> Self {
        Self { actions: actions.clone(), id: action.id.clone(), begun: Some(Box::new(action)), joined }
    }

    /// The action as it was when it was begun or joined; `None` of one that was taken up.
    pub fn begun(&self) -> Option<&MachineAction> {
        self.begun.as_deref()
    }

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
        let clock = self.actions.endpoint().connection().clock();
        let begun = clock.monotonic();
        let (mut wait, mut faults, mut unknown, mut odd) = (FIRST_WAIT, 0, 0, 0);
        loop {
            let for_long = clock.monotonic().saturating_sub(begun) > LATE;
            // Somebody waits at first; later it is one of many.
            let lane = if for_long { Lane::Feed } else { Lane::Triage };
            match self.actions.get_in(lane, &self.id).await {
                Ok(action) if action.progress().is_final() => return Ok(action),
                Ok(action) => {
                    (faults, unknown) = (0, 0);
                    odd = if action.progress() == ActionStatus::Unknown { odd + 1 } else { 0 };
                    if odd > ODD_WORDS {
                        let word = action.status.as_ref().map_or("nothing", |word| word.as_str());
                        return Err(Error::new(ErrorKind::Unexpected, "wait for the machine action")
                            .with_message(format!("the action says {word}, which may or may not be its end"))
                            .with_hint("look at the action in the portal"));
                    }
                }
                Err(error) if error.kind() == ErrorKind::RateLimited => {
                    clock.sleep(error.retry_after().unwrap_or(wait).max(wait)).await;
                    continue;
                }
                Err(error) if error.is_transient() && faults < FAULTS => {
                    faults += 1;
                    tracing::debug!(%error, "the action could not be read, asking again");
                }
                // What has just been begun may not be known everywhere yet.
                Err(error) if error.kind() == ErrorKind::NotFound && unknown < NOT_KNOWN_YET => unknown += 1,
                Err(error) => return Err(error),
            }
            clock.sleep(wait).await;
            wait = (wait * 3 / 2).min(if for_long { LATE_WAIT } else { LONGEST_WAIT });
        }
    }

    /// Follows the action to its end, and makes sure that it did what it was asked for and that nothing undoes it: an
    /// isolation that somebody else began meanwhile, or one that hung, would leave a machine isolated after its release.
    ///
    /// # Errors
    /// `NotApplied` when it failed, timed out or was called off; `Conflict` when another action undoes it, which is named;
    /// else as [`wait`](Self::wait).
    pub async fn settled(&self) -> Result<MachineAction> {
        let action = self.wait().await?;
        action.outcome()?;
        self.actions.ensure_it_stands(&action).await?;
        Ok(action)
    }

    /// Calls the action off, while it is not final.
    ///
    /// # Errors
    /// `Conflict` when it is final; `InvalidRequest` without a comment.
    pub async fn cancel(&self, comment: &str) -> Result<MachineAction> {
        self.actions.cancel(&self.id, comment).await
    }
}

impl MachineActions {
    /// Makes sure that nothing undoes what an action has done: neither an action that is under way, nor one that ended
    /// after it. Needs `Machine.Read.All` (application) or `Machine.Read` (delegated).
    ///
    /// # Errors
    /// `Conflict`, which names the other action.
    pub async fn ensure_it_stands(&self, done: &MachineAction) -> Result<()> {
        let (Some(undoes), Some(machine)) = (done.kind.as_ref().and_then(opposite), &done.machine_id) else {
            return Ok(());
        };
        let of_machine = fields::MACHINE_ID.eq(machine.as_str()).and(fields::KIND.eq(&undoes));
        let mut walk = self.walk(&MachineActionQuery::new().with_filter(of_machine), Lane::Triage);
        while let Some(other) = walk.next().await {
            let other = other?;
            // Where a time is missing it may have come after: better looked at in vain.
            let times = (other.last_update_date_time_utc, done.last_update_date_time_utc);
            let later = !matches!(times, (Some(other), Some(done)) if other <= done);
            let undone = other.is_under_way() || other.outcome().is_ok() && later;
            if undone && other.id != done.id {
                let what = if other.is_under_way() { "is under way" } else { "came after it" };
                let hint =
                    if other.is_under_way() { "cancel it, then look again" } else { "look at who began it" };
                return Err(Error::new(ErrorKind::Conflict, "make sure that the machine action stands")
                    .with_message(format!(
                        "{undoes} {what}, which undoes it: action {}",
                        other.id,
                        undoes = undoes.as_str()
                    ))
                    .with_hint(hint));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for ActionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActionHandle").field("id", &self.id).finish_non_exhaustive()
    }
}
