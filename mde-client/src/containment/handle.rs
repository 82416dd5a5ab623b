//! A machine action that is followed to its end.

use std::fmt;
use std::time::Duration;

use pocketsoc_model::{Error, ErrorKind, Lane, Result};

use super::intent::opposite;
use crate::actions::{MachineAction, MachineActionId, MachineActionQuery, MachineActions, fields};

/// How often an action is asked about, at first and at most.
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// A machine action, to be followed. It can be dropped: the action goes on, and
/// [`MachineActions::resume`](crate::MachineActions::resume) takes it up again, also in another process.
#[derive(Clone)]
pub struct ActionHandle {
    actions: MachineActions,
    id: MachineActionId,
    joined: bool,
}

impl MachineActions {
    /// Takes up an action that was begun earlier, here or elsewhere. Nothing is asked yet.
    pub fn resume(&self, id: MachineActionId) -> ActionHandle {
        ActionHandle::new(self, id, true)
    }
}

impl ActionHandle {
    pub(super) fn new(actions: &MachineActions, id: MachineActionId, joined: bool) -> Self {
        Self { actions: actions.clone(), id, joined }
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
            let later = other.last_update_date_time_utc > done.last_update_date_time_utc;
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
