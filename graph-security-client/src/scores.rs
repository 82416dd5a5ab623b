//! Secure scores: how well the tenant is set up, a figure a day.

use chrono::{DateTime, Utc};
use pocketsoc_model::{RawJson, Result};
use pocketsoc_transport::{Endpoint, KeepRaw, PagePlan, Route, Walk, lenient, quota};
use serde::Deserialize;

const READ: &str = "SecurityEvents.Read.All";
const LIST: Route =
    Route::get("list secure scores", "/v1.0/security/secureScores", READ, &quota::GRAPH_SECURITY);
const PROFILES: Route = Route::get(
    "list secure score controls",
    "/v1.0/security/secureScoreControlProfiles",
    READ,
    &quota::GRAPH_SECURITY,
);

/// Secure scores. Limits: 150 calls a minute, four at a time.
#[derive(Debug, Clone)]
pub struct SecureScores {
    endpoint: Endpoint,
}

impl SecureScores {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }

    /// Walks over the scores of the last 90 days, newest first. Page: "List secureScores". Needs
    /// `SecurityEvents.Read.All`.
    pub fn list(&self) -> Walk<SecureScore> {
        LIST.list(&self.endpoint, &[])
    }

    /// The latest score, if there is one. Page: "List secureScores". Needs `SecurityEvents.Read.All`.
    ///
    /// # Errors
    /// What the service says.
    pub async fn latest(&self) -> Result<Option<SecureScore>> {
        // One element is wanted, whatever lies behind it.
        let plan = PagePlan::by_links().with_page_size(1).without_look_ahead();
        self.endpoint.walk(LIST.call(&[])?, plan).next().await.transpose()
    }

    /// Walks over what the score is made of. Page: "List secureScoreControlProfiles". Needs `SecurityEvents.Read.All`.
    pub fn controls(&self) -> Walk<SecureScoreControl> {
        PROFILES.list(&self.endpoint, &[])
    }
}

/// A score of one day. Page: "secureScore resource type".
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SecureScore {
    /// Its id: the tenant and the day.
    pub id: String,
    /// The tenant.
    #[serde(default, deserialize_with = "lenient::text")]
    pub azure_tenant_id: Option<String>,
    /// The day.
    #[serde(default, deserialize_with = "lenient::time")]
    pub created_date_time: Option<DateTime<Utc>>,
    /// How much has been reached.
    #[serde(default, deserialize_with = "lenient::number")]
    pub current_score: Option<f64>,
    /// How much could be.
    #[serde(default, deserialize_with = "lenient::number")]
    pub max_score: Option<f64>,
    /// How many users were active.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub active_user_count: Option<i64>,
    /// How many have a licence.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub licensed_user_count: Option<i64>,
    /// The products that count.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub enabled_services: Vec<String>,
    /// What others have reached.
    #[serde(default, deserialize_with = "lenient::objects")]
    pub average_comparative_scores: Vec<AverageScore>,
    /// What each control has reached.
    #[serde(default, deserialize_with = "lenient::objects")]
    pub control_scores: Vec<ControlScore>,
    #[serde(skip)]
    raw: Option<RawJson>,
}

/// What others have reached.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AverageScore {
    /// Who they are, such as `AllTenants`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub basis: Option<String>,
    /// Their average.
    #[serde(default, deserialize_with = "lenient::number")]
    pub average_score: Option<f64>,
}

/// What a control has reached.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ControlScore {
    /// The control.
    #[serde(default, deserialize_with = "lenient::text")]
    pub control_name: Option<String>,
    /// What it is about, such as `Identity`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub control_category: Option<String>,
    /// What it says.
    #[serde(default, deserialize_with = "lenient::text")]
    pub description: Option<String>,
    /// How much it has reached.
    #[serde(default, deserialize_with = "lenient::number")]
    pub score: Option<f64>,
}

/// Something that the score is made of. Page: "secureScoreControlProfile resource type".
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SecureScoreControl {
    /// Its id, which is its name in the scores.
    pub id: String,
    /// Its title.
    #[serde(default, deserialize_with = "lenient::text")]
    pub title: Option<String>,
    /// What it is about, such as `Identity`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub control_category: Option<String>,
    /// The product.
    #[serde(default, deserialize_with = "lenient::text")]
    pub service: Option<String>,
    /// How much it can reach.
    #[serde(default, deserialize_with = "lenient::number")]
    pub max_score: Option<f64>,
    /// What to do.
    #[serde(default, deserialize_with = "lenient::text")]
    pub remediation: Option<String>,
    #[serde(skip)]
    raw: Option<RawJson>,
}

/// The accessor and what a walk needs.
macro_rules! keep_raw {
    ($($name:ident),+) => {
        $(impl $name {
            /// Its JSON as it came, byte for byte.
            pub fn raw(&self) -> Option<&RawJson> {
                self.raw.as_ref()
            }
        }

        impl KeepRaw for $name {
            fn keep_raw(&mut self, raw: RawJson) {
                self.raw = Some(raw);
            }
        })+
    };
}
keep_raw!(SecureScore, SecureScoreControl);
