#![doc = include_str!("../README.md")]

mod actions;
mod alerts;
mod client;
mod containment;
mod hunting;
mod indicators;
mod investigations;
mod machines;
mod native;
mod normalize;
mod observables;
mod route;
mod source;

pub use actions::{
    LiveResponseCommand, MachineAction, MachineActionId, MachineActionKind, MachineActionQuery,
    MachineActionStatus, MachineActions, RelatedFileInfo, ScriptOutput, fields as action_fields,
};
pub use alerts::{
    Alert, AlertClassification, AlertComment, AlertDetermination, AlertEvidence, AlertId, AlertQuery,
    AlertSeverity, AlertStatus, AlertUpdate, Alerts, EvidenceKind, InvestigationState, LoggedOnUser,
    NewAlert, RelatedUser, Updated, fields,
};
pub use client::{MdeClient, MdeClientBuilder};
pub use containment::{ActionHandle, Containment, Intent, LiveResponse, PlannedAction, ScanDepth};
pub use hunting::Hunting;
pub use indicators::{
    ImportOutcome, Indicator, IndicatorAction, IndicatorId, IndicatorKind, Indicators, NewIndicator,
    fields as indicator_fields,
};
pub use investigations::{Investigation, InvestigationId, Investigations, fields as investigation_fields};
pub use machines::{
    DeviceValue, ExposureLevel, HealthStatus, IpInterface, LogonUser, Machine, MachineId, MachineQuery,
    MachineUpdate, Machines, OnboardingStatus, RiskScore, Software, TagAction, VmMetadata, Vulnerability,
    fields as machine_fields,
};
pub use normalize::normalize;
pub use observables::{Domain, DomainStats, File, FileStats, IpAddress, IpStats, LookBack, Observables};
pub use source::MdeDetections;

pub use pocketsoc_model::{
    ActionId, ActionStatus, Capabilities, Classification, ContainmentAction, Detail, Detection,
    DetectionChange, DetectionId, DetectionQuery, DetectionSource, DetectionSourceExt, DetectionStream,
    Determination, Entity, EntityKind, Error, ErrorKind, Host, HostContainment, HostId, Hunt, HuntColumn,
    HuntColumnKind, HuntQuery, HuntRow, HuntRows, HuntValue, Isolation, IsolationScope, Operation, Principal,
    Product, RawJson, RequiredPermissions, Result, Severity, Status, Tactic, TechniqueId, ThrottledBy,
    Timespan, TransitionTable, WalkReport, flag_column, json_column,
};
/// Signing in, clouds, limits: what all clients share.
pub use pocketsoc_transport as transport;
pub use pocketsoc_transport::{
    Cloud, Connection, ConnectionBuilder, Credential, Quotas, RetryPolicy, Secret, SizeLimits, TimeLimits,
    Walk, odata,
};
