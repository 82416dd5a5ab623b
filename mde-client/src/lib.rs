#![doc = include_str!("../README.md")]

mod alerts;
mod client;
mod normalize;
mod source;

pub use alerts::{
    Alert, AlertClassification, AlertComment, AlertDetermination, AlertEvidence, AlertId, AlertQuery,
    AlertSeverity, AlertStatus, AlertUpdate, Alerts, EvidenceKind, InvestigationState, LoggedOnUser,
    RelatedUser, fields,
};
pub use client::{MdeClient, MdeClientBuilder};
pub use normalize::normalize;
pub use source::MdeDetections;

pub use pocketsoc_model::{
    Capabilities, Classification, Detail, Detection, DetectionChange, DetectionId, DetectionQuery,
    DetectionSource, DetectionSourceExt, DetectionStream, Determination, Entity, EntityKind, Error,
    ErrorKind, Operation, Principal, Product, RawJson, RequiredPermissions, Result, Severity, Status, Tactic,
    TechniqueId, TransitionTable, WalkReport,
};
/// Signing in, clouds, limits: what all clients share.
pub use pocketsoc_transport as transport;
pub use pocketsoc_transport::{
    Cloud, Connection, ConnectionBuilder, Credential, RetryPolicy, Secret, SizeLimits, TimeLimits, Walk,
    odata,
};
