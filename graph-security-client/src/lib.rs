#![doc = include_str!("../README.md")]

mod alerts;
mod client;
mod comment;
pub mod evidence;
mod hunting;
mod incidents;
mod many;
mod normalize;
mod rules;
mod scores;
mod source;
mod words;

pub use alerts::{Alert, AlertId, AlertQuery, AlertUpdate, Alerts, fields as alert_fields};
pub use client::{GraphSecurityClient, GraphSecurityClientBuilder};
pub use comment::AlertComment;
pub use evidence::{Evidence, EvidenceDetail};
pub use hunting::Hunting;
pub use incidents::{
    Incident, IncidentId, IncidentMerge, IncidentQuery, IncidentUpdate, Incidents, fields as incident_fields,
};
pub use many::{Many, OneOfMany};
pub use normalize::{normalize_alert, normalize_incident};
pub use rules::{
    AlertTemplate, DetectionAction, DetectionRule, DetectionRuleUpdate, DetectionRules, LastRun,
    NewAlertTemplate, NewDetectionRule, QueryCondition, RuleId, RuleSchedule, RuleStatus, RuleTactic,
    fields as rule_fields,
};
pub use scores::{AverageScore, ControlScore, SecureScore, SecureScoreControl, SecureScores};
pub use source::{GraphAlertDetections, GraphIncidentDetections};
pub use words::{
    AlertClassification, AlertDetermination, AlertSeverity, AlertStatus, DetectionOrigin, EvidenceRole,
    EvidenceVerdict, IncidentStatus, InvestigationState, RemediationStatus, ServiceSource,
};

pub use pocketsoc_model::{
    Capabilities, Classification, Detail, Detection, DetectionChange, DetectionId, DetectionQuery,
    DetectionSource, DetectionSourceExt, DetectionStream, Determination, Entity, EntityKind, Error,
    ErrorKind, Hunt, HuntColumn, HuntColumnKind, HuntQuery, HuntRow, HuntRows, HuntValue, Operation,
    Principal, Product, Properties, RawJson, RequiredPermissions, Result, Severity, Status, Tactic,
    TechniqueId, ThrottledBy, Timespan, TransitionTable, WalkReport, flag_column, json_column,
};
/// Signing in, clouds, limits: what all clients share.
pub use pocketsoc_transport as transport;
pub use pocketsoc_transport::{
    Cloud, Connection, ConnectionBuilder, Credential, Quotas, RetryPolicy, Secret, SizeLimits, TimeLimits,
    Walk, odata,
};
