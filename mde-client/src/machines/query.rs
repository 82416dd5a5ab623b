//! Which machines to list.

use pocketsoc_transport::odata::Filter;

use crate::route::LARGEST_PAGE;

/// The fields that machines can be filtered by. Page: "List machines API".
pub mod fields {
    use chrono::{DateTime, Utc};
    use pocketsoc_transport::odata::{Field, ListField};

    use crate::machines::{DeviceValue, ExposureLevel, HealthStatus, OnboardingStatus, RiskScore};

    /// The id.
    pub const ID: Field<str> = Field::new("id");
    /// The fully qualified name.
    pub const COMPUTER_DNS_NAME: Field<str> = Field::new("computerDnsName");
    /// The version of the operating system.
    pub const VERSION: Field<str> = Field::new("version");
    /// How much it matters.
    pub const DEVICE_VALUE: Field<DeviceValue> = Field::new("deviceValue");
    /// Its labels. How the service wants them filtered is not documented: this is OData's own way.
    pub const MACHINE_TAGS: ListField = ListField::new("machineTags");
    /// The Entra device id.
    pub const AAD_DEVICE_ID: Field<str> = Field::new("aadDeviceId");
    /// When it last gave a full report.
    pub const LAST_SEEN: Field<DateTime<Utc>> = Field::new("lastSeen");
    /// How exposed it is.
    pub const EXPOSURE_LEVEL: Field<ExposureLevel> = Field::new("exposureLevel");
    /// Whether it is onboarded.
    pub const ONBOARDING_STATUS: Field<OnboardingStatus> = Field::new("onboardingStatus");
    /// Its last internal address.
    pub const LAST_IP_ADDRESS: Field<str> = Field::new("lastIpAddress");
    /// How well its sensor reports.
    pub const HEALTH_STATUS: Field<HealthStatus> = Field::new("healthStatus");
    /// The operating system.
    pub const OS_PLATFORM: Field<str> = Field::new("osPlatform");
    /// How much is at risk.
    pub const RISK_SCORE: Field<RiskScore> = Field::new("riskScore");
    /// Its device group's number.
    pub const RBAC_GROUP_ID: Field<i64> = Field::new("rbacGroupId");
}

/// Which machines to list.
///
/// ```
/// use mde_client::{MachineQuery, RiskScore, machine_fields};
/// let query = MachineQuery::new().with_filter(machine_fields::RISK_SCORE.eq(&RiskScore::High));
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct MachineQuery {
    filter: Option<Filter>,
    page_size: Option<u32>,
}

impl MachineQuery {
    /// All machines.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only those that pass the filter.
    pub fn with_filter(mut self, filter: impl Into<Option<Filter>>) -> Self {
        self.filter = filter.into();
        self
    }

    /// So many a page, from 1 to 10,000 (the default).
    pub fn with_page_size(mut self, size: u32) -> Self {
        self.page_size = Some(size.clamp(1, LARGEST_PAGE));
        self
    }

    pub(super) fn filter(&self) -> Option<String> {
        self.filter.as_ref().map(ToString::to_string)
    }

    pub(super) fn page_size(&self) -> u32 {
        self.page_size.unwrap_or(LARGEST_PAGE)
    }
}
