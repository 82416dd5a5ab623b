//! Containment as every product of its kind offers it.

use async_trait::async_trait;
use pocketsoc_model::{
    ActionId, ActionStatus, Capabilities, ContainmentAction, Error, ErrorKind, Host, HostContainment, HostId,
    Isolation, Product, Result,
};

use super::ActionHandle;

use crate::actions::{MachineAction, MachineActionId};
use crate::machines::{MachineId, Machines};

/// Isolating and releasing machines, for programs that know any [`HostContainment`]. What Defender for Endpoint can do
/// beyond that is in [`Machines`].
#[derive(Debug, Clone)]
pub struct Containment {
    machines: Machines,
}

impl Containment {
    pub(crate) fn new(machines: Machines) -> Self {
        Self { machines }
    }
}

/// An action in the shared words.
fn normalized(action: &MachineAction, machine: Option<&HostId>) -> Result<ContainmentAction> {
    let host = match (machine, &action.machine_id) {
        (Some(id), _) => id.clone(),
        (None, Some(id)) => HostId::new(id.as_str())?,
        (None, None) => {
            return Err(Error::new(ErrorKind::Unexpected, "read the machine action")
                .with_message("the service does not say on which machine the action is"));
        }
    };
    let mut out = ContainmentAction::new(ActionId::new(action.id.as_str())?, host, action.progress());
    out.created_at = action.creation_date_time_utc;
    Ok(out)
}

/// What was begun or joined: it is not asked for once more, which might fail.
fn begun(handle: &ActionHandle, host: &HostId) -> Result<ContainmentAction> {
    match handle.begun() {
        Some(action) => normalized(action, Some(host)),
        None => Ok(ContainmentAction::new(
            ActionId::new(handle.id().as_str())?,
            host.clone(),
            ActionStatus::Unknown,
        )),
    }
}

#[async_trait]
impl HostContainment for Containment {
    async fn capabilities(&self) -> Result<Capabilities> {
        self.machines.endpoint().capabilities(&Product::DEFENDER_ENDPOINT).await
    }

    async fn find_host(&self, name: &str) -> Result<Host> {
        let machine = self.machines.find(name).await?;
        let shown = machine.computer_dns_name.unwrap_or_else(|| machine.id.to_string());
        Ok(Host::new(HostId::new(machine.id.as_str())?, shown))
    }

    async fn isolate(&self, host: &HostId, isolation: &Isolation) -> Result<ContainmentAction> {
        let handle = self.machines.isolate(&MachineId::new(host.as_str())?, isolation.clone()).await?;
        begun(&handle, host)
    }

    async fn release(&self, host: &HostId, comment: &str) -> Result<ContainmentAction> {
        let handle = self.machines.release(&MachineId::new(host.as_str())?, comment).await?;
        begun(&handle, host)
    }

    async fn action(&self, id: &ActionId) -> Result<ContainmentAction> {
        normalized(&self.machines.actions().get(&MachineActionId::new(id.as_str())?).await?, None)
    }

    async fn cancel(&self, id: &ActionId, comment: &str) -> Result<ContainmentAction> {
        normalized(&self.machines.actions().cancel(&MachineActionId::new(id.as_str())?, comment).await?, None)
    }
}
