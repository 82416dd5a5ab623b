//! The words of a machine action, open to what the service adds.

use crate::native::literals;
use pocketsoc_model::{ActionStatus, open_enum};

open_enum! {
    /// What a machine action does.
    #[allow(missing_docs)] // the words are the service's own
    pub enum MachineActionKind {
        RunAntiVirusScan = "RunAntiVirusScan",
        Offboard = "Offboard",
        LiveResponse = "LiveResponse",
        CollectInvestigationPackage = "CollectInvestigationPackage",
        Isolate = "Isolate",
        Unisolate = "Unisolate",
        StopAndQuarantineFile = "StopAndQuarantineFile",
        RestrictCodeExecution = "RestrictCodeExecution",
        UnrestrictCodeExecution = "UnrestrictCodeExecution",
    }
}

open_enum! {
    /// How far a machine action has come.
    #[allow(missing_docs)] // the words are the service's own
    pub enum MachineActionStatus {
        Pending = "Pending",
        InProgress = "InProgress",
        Succeeded = "Succeeded",
        Failed = "Failed",
        TimeOut = "TimeOut" | "TimedOut",
        Cancelled = "Cancelled" | "Canceled",
    }
}

impl MachineActionStatus {
    /// The same in the shared words.
    pub fn normalized(&self) -> ActionStatus {
        match self {
            Self::Pending => ActionStatus::Pending,
            Self::InProgress => ActionStatus::InProgress,
            Self::Succeeded => ActionStatus::Succeeded,
            Self::Failed => ActionStatus::Failed,
            Self::TimeOut => ActionStatus::TimedOut,
            Self::Cancelled => ActionStatus::Cancelled,
            Self::Unrecognized(_) => ActionStatus::Unknown,
        }
    }
}

literals!(MachineActionKind, MachineActionStatus);
