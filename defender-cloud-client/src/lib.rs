#![doc = include_str!("../README.md")]

mod alerts;
mod client;
mod normalize;
mod permissions;
mod scope;
mod source;
mod subscriptions;

pub use alerts::{
    Alert, AlertAction, AlertEntities, AlertEntity, AlertId, AlertProperties, AlertSeverity, AlertStatus,
    Alerts, ExtendedLink, ResourceIdentifier, ResourceIdentifierKind,
};
pub use client::{DefenderCloudClient, DefenderCloudClientBuilder};
pub use normalize::normalize;
pub use scope::{AlertScope, Location, ResourceGroup, SubscriptionId};
pub use source::DefenderCloudDetections;
pub use subscriptions::{Subscription, SubscriptionState, Subscriptions};

pub use pocketsoc_model::{
    Capabilities, Classification, Detail, Detection, DetectionChange, DetectionId, DetectionQuery,
    DetectionSource, DetectionSourceExt, DetectionStream, Determination, Entity, EntityKind, Error,
    ErrorKind, Operation, Principal, Product, Properties, RawJson, RequiredPermissions, Result, Severity,
    Status, Tactic, TechniqueId, TransitionTable, WalkReport,
};
/// Signing in, clouds, limits: what all clients share.
pub use pocketsoc_transport as transport;
pub use pocketsoc_transport::{
    Cloud, Connection, ConnectionBuilder, Credential, RetryPolicy, Secret, SizeLimits, TimeLimits, Walk,
};
