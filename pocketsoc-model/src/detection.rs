//! The normalized detection.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Classification, CorrelationKey, DetectionId, Determination, Entity, Product, Properties, RawJson,
    Severity, Status, Tactic, TechniqueId, TransitionTable,
};

/// A remark on a detection.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Comment {
    /// What was written.
    pub text: String,
    /// By whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<DateTime<Utc>>,
}

impl Comment {
    /// A remark.
    pub fn new(text: impl Into<String>, by: Option<String>, at: Option<DateTime<Utc>>) -> Self {
        Self { text: text.into(), created_by: by, created_at: at }
    }
}

/// A page about the detection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Link {
    /// What it leads to.
    pub title: String,
    /// Where.
    pub url: String,
}

impl Link {
    /// A titled link.
    pub fn new(title: impl Into<String>, url: impl Into<String>) -> Self {
        Self { title: title.into(), url: url.into() }
    }
}

/// A cloud resource that the detection affects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Resource {
    /// The provider's full id.
    pub id: String,
    /// Its kind, such as `AzureResource`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Resource {
    /// A resource with its full id.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), kind: None, name: None }
    }
}

/// The incident that a detection belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IncidentRef(String);

impl IncidentRef {
    /// The incident's id as text.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The incident's id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One detection, whichever product raised it.
///
/// The source's own words stay beside the normalized ones, and [`raw`](Self::raw) has every byte it sent. All times
/// are UTC. In JSON the keys are the field names; [`raw`](Self::raw) is left out unless asked for with
/// [`with_raw`](Self::with_raw).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Detection {
    /// The service's own id.
    pub id: DetectionId,
    /// The display name of the profile it came through; empty outside a source.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub profile: String,
    /// The product that raised it.
    pub product: Product,
    /// One line; empty when the source gave none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// A paragraph or more.
    #[serde(default)]
    pub description: Option<String>,
    /// How bad.
    #[serde(default)]
    pub severity: Severity,
    /// The source's own word, where the severity is not one that this version knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native_severity: Option<String>,
    /// Where it stands.
    #[serde(default)]
    pub status: Status,
    /// The source's own word for the status.
    #[serde(default)]
    pub native_status: Option<String>,
    /// The detection it was merged into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<DetectionId>,
    /// The verdict.
    #[serde(default)]
    pub classification: Option<Classification>,
    /// The reason behind the verdict.
    #[serde(default)]
    pub determination: Option<Determination>,
    /// Whose it is.
    #[serde(default)]
    pub assigned_to: Option<String>,
    /// The source's own category.
    #[serde(default)]
    pub category: Option<String>,
    /// ATT&CK tactics.
    #[serde(default)]
    pub tactics: Vec<Tactic>,
    /// ATT&CK techniques and sub-techniques.
    #[serde(default)]
    pub techniques: Vec<TechniqueId>,
    /// When the detection was raised.
    #[serde(default)]
    pub created_at: Option<DateTime<Utc>>,
    /// When anything of it last changed.
    #[serde(default)]
    pub updated_at: Option<DateTime<Utc>>,
    /// The first activity it is about.
    #[serde(default)]
    pub first_activity_at: Option<DateTime<Utc>>,
    /// The last activity it is about.
    #[serde(default)]
    pub last_activity_at: Option<DateTime<Utc>>,
    /// When it was resolved.
    #[serde(default)]
    pub resolved_at: Option<DateTime<Utc>>,
    /// Its page in the product's portal. Text, since what a service sends need not be a valid address.
    #[serde(default)]
    pub url: Option<String>,
    /// Further pages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// The cloud provider, such as `Azure`.
    #[serde(default)]
    pub provider: Option<String>,
    /// Affected cloud resources.
    #[serde(default)]
    pub resources: Vec<Resource>,
    /// The source's own extras.
    #[serde(default)]
    pub properties: Properties,
    /// The incident it belongs to.
    #[serde(default)]
    pub incident_id: Option<IncidentRef>,
    /// Equal for sightings of the same alert through different services.
    #[serde(default)]
    pub correlation_keys: Vec<CorrelationKey>,
    /// What is involved.
    #[serde(default)]
    pub entities: Vec<Entity>,
    /// Remarks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<Comment>,
    /// Labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The device group of the machine it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_group: Option<String>,
    /// The Entra tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// The statuses that may follow the present one.
    #[serde(default)]
    pub allowed_statuses: Vec<Status>,
    /// The source's own JSON object, byte for byte.
    #[serde(default, skip_serializing)]
    pub raw: Option<RawJson>,
}

impl Detection {
    /// A detection with nothing but an identity; set the rest field by field.
    pub fn new(id: DetectionId, product: Product, title: impl Into<String>) -> Self {
        Self {
            id,
            profile: String::new(),
            product,
            title: title.into(),
            description: None,
            severity: Severity::Unknown,
            native_severity: None,
            status: Status::Unknown,
            native_status: None,
            merged_into: None,
            classification: None,
            determination: None,
            assigned_to: None,
            category: None,
            tactics: Vec::new(),
            techniques: Vec::new(),
            created_at: None,
            updated_at: None,
            first_activity_at: None,
            last_activity_at: None,
            resolved_at: None,
            url: None,
            links: Vec::new(),
            provider: None,
            resources: Vec::new(),
            properties: Properties::default(),
            incident_id: None,
            correlation_keys: Vec::new(),
            entities: Vec::new(),
            comments: Vec::new(),
            tags: Vec::new(),
            machine_group: None,
            tenant_id: None,
            allowed_statuses: Vec::new(),
            raw: None,
        }
    }

    /// Names the profile, and sets the statuses that may follow by `table`. For `source.rs` of a client.
    #[must_use]
    pub fn seen_through(mut self, profile: &str, table: &TransitionTable) -> Self {
        profile.clone_into(&mut self.profile);
        self.allowed_statuses = table.allowed_from(self.status);
        self
    }

    /// The detection for JSON together with the source's own object under `raw`, without white space between tokens.
    pub fn with_raw(&self) -> impl Serialize + '_ {
        #[derive(Serialize)]
        struct WithRaw<'a> {
            #[serde(flatten)]
            detection: &'a Detection,
            raw: &'a Option<RawJson>,
        }
        WithRaw { detection: self, raw: &self.raw }
    }
}
