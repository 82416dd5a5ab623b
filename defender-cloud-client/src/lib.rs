#![doc = include_str!("../README.md")]

mod alerts;
mod automations;
mod bulk;
mod client;
mod locations;
mod normalize;
mod permissions;
mod push;
mod scope;
mod setup;
mod source;
mod subscriptions;
mod suppression;

pub use alerts::{
    Alert, AlertAction, AlertEntities, AlertEntity, AlertId, AlertProperties, AlertSeverity, AlertStatus,
    Alerts, ExtendedLink, ResourceIdentifier, ResourceIdentifierKind, SampleBundle,
};
pub use automations::{
    ActionKind, Automation, AutomationAction, AutomationEvent, AutomationName, AutomationPatch,
    AutomationPlace, AutomationProperties, AutomationScope, AutomationSource, AutomationTarget, Automations,
    NewAutomation, Rule, RuleOperator, RuleSet, RuleType, Validation,
};
pub use bulk::{BulkTriage, Triaged};
pub use client::{DefenderCloudClient, DefenderCloudClientBuilder};
pub use locations::{Locations, SecurityLocation};
pub use normalize::normalize;
pub use push::{
    OtherEvent, PushEvent, PushRequest, PushedAlert, Received, Receiver, Refusal, normalize_push,
};
pub use scope::{AlertScope, Location, ResourceGroup, SubscriptionId};
pub use setup::{DeployedPush, PushPlace, PushSetup, PushTrigger, automation_template};
pub use source::DefenderCloudDetections;
pub use subscriptions::{
    ManagingTenant, Subscription, SubscriptionPolicies, SubscriptionState, Subscriptions,
};
pub use suppression::{
    Condition, NewSuppressionRule, RuleName, RuleProperties, RuleState, SuppressionRule, SuppressionRules,
};

pub use pocketsoc_model::{
    Capabilities, Classification, Detail, Detection, DetectionChange, DetectionId, DetectionQuery,
    DetectionSource, DetectionSourceExt, DetectionStream, Determination, Entity, EntityKind, Error,
    ErrorKind, Operation, Principal, Product, Properties, RawJson, RequiredPermissions, Result, Severity,
    Status, Tactic, TechniqueId, TransitionTable, WalkReport,
};
/// Signing in, clouds, limits: what all clients share.
pub use pocketsoc_transport as transport;
pub use pocketsoc_transport::{
    Cloud, Connection, ConnectionBuilder, Credential, LongOperation, Progress, Quotas, RetryPolicy, Secret,
    SizeLimits, TimeLimits, Walk,
};
