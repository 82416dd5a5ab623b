//! Locations: where Defender for Cloud stores what it knows of a subscription.

use pocketsoc_model::{RawJson, Result};
use pocketsoc_transport::{Endpoint, KeepRaw, Route, Walk, lenient, quota};
use serde::Deserialize;

use crate::scope::{Location, SubscriptionId};

const VERSION: &str = "2015-06-01-preview";
const READ: &str = "the role Security Reader";
const LIST: Route = Route::get(
    "list locations",
    "/subscriptions/{subscription}/providers/Microsoft.Security/locations",
    READ,
    &quota::ARM_READ,
)
.with_query("api-version", VERSION);
const GET: Route = Route::get(
    "get the location",
    "/subscriptions/{subscription}/providers/Microsoft.Security/locations/{location}",
    READ,
    &quota::ARM_READ,
)
.with_query("api-version", VERSION);

/// The regions in which Defender for Cloud stores what it knows of a subscription, normally one. Action:
/// `Microsoft.Security/locations/read`. Limits: reads 25 a second; the service has been seen to begin its own counter at 100.
#[derive(Debug, Clone)]
pub struct Locations {
    endpoint: Endpoint,
}

impl Locations {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }

    /// Walks over them. Page: "Locations - List". Needs Security Reader.
    pub fn list(&self, subscription: &SubscriptionId) -> Walk<SecurityLocation> {
        LIST.list(&self.endpoint, &[subscription.as_str()])
    }

    /// One of them. Page: "Locations - Get". Needs Security Reader.
    ///
    /// # Errors
    /// `NotFound` when there is none with this name.
    pub async fn get(&self, subscription: &SubscriptionId, location: &Location) -> Result<SecurityLocation> {
        self.endpoint.element(&GET.call(&[subscription.as_str(), location.as_str()])?).await
    }
}

/// A location. Page: "Locations - List".
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct SecurityLocation {
    /// Its name, such as `westeurope`.
    pub name: Location,
    /// Its full id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub id: Option<String>,
    /// Its type.
    #[serde(default, rename = "type", deserialize_with = "lenient::text")]
    pub kind: Option<String>,
    #[serde(default, deserialize_with = "lenient::object")]
    properties: Option<Said>,
    #[serde(skip)]
    raw: Option<RawJson>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    #[serde(default, deserialize_with = "lenient::text")]
    home_region_name: Option<String>,
}

impl SecurityLocation {
    /// The region that it stands for, where the service says.
    pub fn home_region(&self) -> Option<&str> {
        self.properties.as_ref()?.home_region_name.as_deref()
    }

    /// Its JSON as it came, byte for byte.
    pub fn raw(&self) -> Option<&RawJson> {
        self.raw.as_ref()
    }
}

impl KeepRaw for SecurityLocation {
    fn keep_raw(&mut self, raw: RawJson) {
        self.raw = Some(raw);
    }
}
