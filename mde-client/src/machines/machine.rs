//! The machine as the service has it: every documented field and those seen beside them.

use chrono::{DateTime, Utc};
use pocketsoc_model::{Error, ErrorKind, RawJson, Result, id_type};
use pocketsoc_transport::{Decode as _, lenient};
use serde::Deserialize;

use super::words::{DeviceValue, ExposureLevel, HealthStatus, OnboardingStatus, RiskScore};
use crate::native::keep_raw;

id_type! {
    /// The id of a machine: forty hexadecimal digits.
    pub struct MachineId("machine id");
}

impl MachineId {
    /// Whether it is an id, and not a name, which the service takes in many places as well.
    pub(crate) fn is_device(&self) -> bool {
        self.as_str().len() == 40 && self.as_str().bytes().all(|b| b.is_ascii_hexdigit())
    }
}

/// A machine of Defender for Endpoint. Page: "Machine resource type".
///
/// Only the id can be relied on; every other field may be absent. [`raw`](Self::raw) has what is not typed.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Machine {
    /// The id.
    pub id: MachineId,
    /// The fully qualified name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub computer_dns_name: Option<String>,
    /// When it was first seen.
    #[serde(default, deserialize_with = "lenient::time")]
    pub first_seen: Option<DateTime<Utc>>,
    /// When it last gave a full report, about daily; the portal shows another time.
    #[serde(default, deserialize_with = "lenient::time")]
    pub last_seen: Option<DateTime<Utc>>,
    /// The operating system, such as `Windows11`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub os_platform: Option<String>,
    /// The operating system's own version; usually absent.
    #[serde(default, deserialize_with = "lenient::text")]
    pub os_version: Option<String>,
    /// The processor, such as `x64`; superseded by `os_architecture`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub os_processor: Option<String>,
    /// `64-bit` or `32-bit`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub os_architecture: Option<String>,
    /// The release of the operating system, such as `23H2`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub version: Option<String>,
    /// The build of the operating system.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub os_build: Option<i64>,
    /// The sensor's version.
    #[serde(default, deserialize_with = "lenient::text")]
    pub agent_version: Option<String>,
    /// The last internal address.
    #[serde(default, deserialize_with = "lenient::text")]
    pub last_ip_address: Option<String>,
    /// The last external address.
    #[serde(default, deserialize_with = "lenient::text")]
    pub last_external_ip_address: Option<String>,
    /// How well its sensor reports.
    #[serde(default, deserialize_with = "lenient::word")]
    pub health_status: Option<HealthStatus>,
    /// Whether it is onboarded.
    #[serde(default, alias = "onboardingstatus", deserialize_with = "lenient::word")]
    pub onboarding_status: Option<OnboardingStatus>,
    /// How its antivirus is doing.
    #[serde(default, deserialize_with = "lenient::text")]
    pub defender_av_status: Option<String>,
    /// What manages it, such as `Intune`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub managed_by: Option<String>,
    /// How that goes.
    #[serde(default, deserialize_with = "lenient::text")]
    pub managed_by_status: Option<String>,
    /// Its device group's number; 0 for none.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub rbac_group_id: Option<i64>,
    /// Its device group.
    #[serde(default, deserialize_with = "lenient::text")]
    pub rbac_group_name: Option<String>,
    /// How much is at risk by what happens on it.
    #[serde(default, deserialize_with = "lenient::word")]
    pub risk_score: Option<RiskScore>,
    /// How exposed it is by its weaknesses.
    #[serde(default, deserialize_with = "lenient::word")]
    pub exposure_level: Option<ExposureLevel>,
    /// How much it matters.
    #[serde(default, deserialize_with = "lenient::word")]
    pub device_value: Option<DeviceValue>,
    /// Whether it is joined to Entra.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub is_aad_joined: Option<bool>,
    /// The Entra device id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub aad_device_id: Option<String>,
    /// Labels.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub machine_tags: Vec<String>,
    /// Its network interfaces.
    #[serde(default, alias = "ipInterfaces", deserialize_with = "lenient::objects")]
    pub ip_addresses: Vec<IpInterface>,
    /// The machine that it has become part of.
    #[serde(default, deserialize_with = "lenient::text")]
    pub merged_into_machine_id: Option<String>,
    /// Whether it may be another one's double.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub is_potential_duplication: Option<bool>,
    /// Whether it is left out of the inventory.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub is_excluded: Option<bool>,
    /// Why.
    #[serde(default, deserialize_with = "lenient::text")]
    pub exclusion_reason: Option<String>,
    /// The virtual machine it is, if it is one.
    #[serde(default, deserialize_with = "lenient::object")]
    pub vm_metadata: Option<VmMetadata>,
    #[serde(skip)]
    raw: Option<RawJson>,
}

/// One network interface of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct IpInterface {
    /// The address; may be empty.
    #[serde(default, deserialize_with = "lenient::text")]
    pub ip_address: Option<String>,
    /// The hardware address, without separators.
    #[serde(default, deserialize_with = "lenient::text")]
    pub mac_address: Option<String>,
    /// The kind, such as `Ethernet`.
    #[serde(default, rename = "type", deserialize_with = "lenient::text")]
    pub kind: Option<String>,
    /// `Up` or `Down`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub operational_status: Option<String>,
}

/// The virtual machine that a machine is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct VmMetadata {
    /// Its id in the cloud.
    #[serde(default, deserialize_with = "lenient::text")]
    pub vm_id: Option<String>,
    /// The cloud.
    #[serde(default, deserialize_with = "lenient::text")]
    pub cloud_provider: Option<String>,
    /// Its resource.
    #[serde(default, deserialize_with = "lenient::text")]
    pub resource_id: Option<String>,
    /// Its subscription.
    #[serde(default, deserialize_with = "lenient::text")]
    pub subscription_id: Option<String>,
}

keep_raw!(Machine);

impl Machine {
    /// Reads a machine from its JSON, as the service or a file has it.
    ///
    /// # Errors
    /// `Decode` when it is no JSON object with an id.
    pub fn from_json(text: &str) -> Result<Self> {
        Self::decode(text).map_err(|e| {
            Error::new(ErrorKind::Decode, "read a machine").with_message("it is no machine").with_source(e)
        })
    }
}
