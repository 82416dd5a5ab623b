//! Which product raised a detection; open to other vendors.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The product, and kind of record, that a detection comes from.
///
/// ```
/// use pocketsoc_model::Product;
/// assert_eq!(Product::DEFENDER_ENDPOINT.as_str(), "defender_endpoint");
/// assert_eq!(Product::new("acme_edr"), Product::new(String::from("acme_edr")));
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Product(Cow<'static, str>);

impl Product {
    /// Alerts of Microsoft Defender for Endpoint.
    pub const DEFENDER_ENDPOINT: Self = Self(Cow::Borrowed("defender_endpoint"));
    /// Alerts of Microsoft Defender for Cloud.
    pub const DEFENDER_FOR_CLOUD: Self = Self(Cow::Borrowed("defender_for_cloud"));
    /// Alerts of Microsoft Graph security (`alerts_v2`).
    pub const GRAPH_ALERT: Self = Self(Cow::Borrowed("graph_alert"));
    /// Incidents of Microsoft Graph security.
    pub const GRAPH_INCIDENT: Self = Self(Cow::Borrowed("graph_incident"));

    /// Another vendor's product, in snake_case.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self(name.into())
    }

    /// The name in snake_case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
