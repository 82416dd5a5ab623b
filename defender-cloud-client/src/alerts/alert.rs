//! The alert as the service has it: every documented field and those seen beside them.

use chrono::{DateTime, Utc};
use pocketsoc_model::{Error, ErrorKind, Properties, RawJson, Result};
use pocketsoc_transport::{Decode as _, KeepRaw, lenient};
use serde::Deserialize;

use super::entities::AlertEntities;
use super::id::AlertId;
use super::words::{AlertSeverity, AlertStatus, ResourceIdentifierKind};

/// An alert of Defender for Cloud. Page: "Alerts - Get Subscription Level", version 2022-01-01.
///
/// Only the id can be relied on; every other field may be absent. [`raw`](Self::raw) has what is not typed.
#[derive(Debug, Clone, Deserialize)]
#[non_exhaustive]
pub struct Alert {
    /// The full resource id.
    pub id: AlertId,
    /// The name: the last part of the id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub name: Option<String>,
    /// The resource type, `Microsoft.Security/Locations/alerts`.
    #[serde(default, rename = "type", deserialize_with = "lenient::text")]
    pub resource_type: Option<String>,
    /// What it says.
    #[serde(default, deserialize_with = "properties")]
    pub properties: AlertProperties,
    #[serde(skip)]
    raw: Option<RawJson>,
}

fn properties<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<AlertProperties, D::Error> {
    lenient::object(deserializer).map(Option::unwrap_or_default)
}

impl Alert {
    /// Reads an alert from its JSON, as the service or a file has it.
    ///
    /// # Errors
    /// `Decode` when it is no JSON object with an id.
    pub fn from_json(text: &str) -> Result<Self> {
        Self::decode(text).map_err(|e| {
            Error::new(ErrorKind::Decode, "read an alert").with_message("it is no alert").with_source(e)
        })
    }

    /// The alert's JSON as it came, byte for byte.
    pub fn raw(&self) -> Option<&RawJson> {
        self.raw.as_ref()
    }

    pub(crate) fn take_raw(&mut self) -> Option<RawJson> {
        self.raw.take()
    }
}

impl KeepRaw for Alert {
    fn keep_raw(&mut self, raw: RawJson) {
        self.raw = Some(raw);
    }
}

/// What an alert says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AlertProperties {
    /// The version of the alert's form, such as `2022-01-01.1`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub version: Option<String>,
    /// The rule that raised it, such as `VM_EICAR`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub alert_type: Option<String>,
    /// The alert's own id; on the wire the same as its name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub system_alert_id: Option<String>,
    /// The plan or component that raised it, such as `Databases`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub product_component_name: Option<String>,
    /// One line.
    #[serde(default, deserialize_with = "lenient::text")]
    pub alert_display_name: Option<String>,
    /// Paragraphs.
    #[serde(default, deserialize_with = "lenient::text")]
    pub description: Option<String>,
    /// How bad.
    #[serde(default, deserialize_with = "lenient::word")]
    pub severity: Option<AlertSeverity>,
    /// The kill-chain intents, separated by commas; see [`intents`](Self::intents).
    #[serde(default, deserialize_with = "lenient::text")]
    pub intent: Option<String>,
    /// The first activity.
    #[serde(default, rename = "startTimeUtc", deserialize_with = "lenient::time")]
    pub start_time: Option<DateTime<Utc>>,
    /// The last activity.
    #[serde(default, rename = "endTimeUtc", deserialize_with = "lenient::time")]
    pub end_time: Option<DateTime<Utc>>,
    /// When it was raised.
    #[serde(default, rename = "timeGeneratedUtc", deserialize_with = "lenient::time")]
    pub time_generated: Option<DateTime<Utc>>,
    /// When the service had processed it.
    #[serde(default, rename = "processingEndTimeUtc", deserialize_with = "lenient::time")]
    pub processing_end_time: Option<DateTime<Utc>>,
    /// What it is about.
    #[serde(default, deserialize_with = "lenient::objects")]
    pub resource_identifiers: Vec<ResourceIdentifier>,
    /// What the service advises: plain text, or JSON in a text.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub remediation_steps: Vec<String>,
    /// The vendor of the rule.
    #[serde(default, deserialize_with = "lenient::text")]
    pub vendor_name: Option<String>,
    /// Where it stands.
    #[serde(default, deserialize_with = "lenient::word")]
    pub status: Option<AlertStatus>,
    /// Pages about it.
    #[serde(default, deserialize_with = "lenient::objects")]
    pub extended_links: Vec<ExtendedLink>,
    /// Its page in the portal.
    #[serde(default, deserialize_with = "lenient::text")]
    pub alert_uri: Option<String>,
    /// The product that raised it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub product_name: Option<String>,
    /// What is involved, as it came; see [`entities`](Self::entities).
    #[serde(default)]
    pub entities: Option<RawJson>,
    /// Whether it groups several alerts.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub is_incident: Option<bool>,
    /// What related alerts share.
    #[serde(default, deserialize_with = "lenient::text")]
    pub correlation_key: Option<String>,
    /// The rule's own extras: each name with its text.
    #[serde(default, deserialize_with = "lenient::properties")]
    pub extended_properties: Properties,
    /// The resource most affected, as a name to show.
    #[serde(default, deserialize_with = "lenient::text")]
    pub compromised_entity: Option<String>,
    /// ATT&CK techniques.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub techniques: Vec<String>,
    /// ATT&CK sub-techniques.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub sub_techniques: Vec<String>,
    /// A table, list or tree of evidence, by the alert's type.
    #[serde(default)]
    pub supporting_evidence: Option<RawJson>,
}

impl AlertProperties {
    /// The single intents, such as `LateralMovement`.
    pub fn intents(&self) -> impl Iterator<Item = &str> {
        // The activity log has them as a JSON list in a text.
        let listed = self.intent.as_deref().unwrap_or_default().split([',', '[', ']', '"']);
        listed.map(str::trim).filter(|intent| !intent.is_empty())
    }

    /// What is involved, read now, with references between entities resolved.
    ///
    /// # Errors
    /// `Decode` when it is no list of objects.
    pub fn entities(&self) -> Result<AlertEntities<'_>> {
        AlertEntities::read(self.entities.as_ref().map_or("[]", RawJson::as_str))
    }

    /// The latest of the alert's own times: the service has no time of the last change.
    pub fn latest_time(&self) -> Option<DateTime<Utc>> {
        [self.start_time, self.end_time, self.time_generated, self.processing_end_time]
            .into_iter()
            .flatten()
            .max()
    }
}

/// What an alert is about. Flat: the fields that are not of its kind are absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ResourceIdentifier {
    /// Its kind.
    #[serde(default, rename = "type", deserialize_with = "lenient::word")]
    pub kind: Option<ResourceIdentifierKind>,
    /// The resource's full id.
    #[serde(default, deserialize_with = "lenient::text")]
    pub azure_resource_id: Option<String>,
    /// The tenant of the resource.
    #[serde(default, deserialize_with = "lenient::text")]
    pub azure_resource_tenant_id: Option<String>,
    /// The workspace.
    #[serde(default, deserialize_with = "lenient::text")]
    pub workspace_id: Option<String>,
    /// The workspace's subscription.
    #[serde(default, deserialize_with = "lenient::text")]
    pub workspace_subscription_id: Option<String>,
    /// The workspace's resource group.
    #[serde(default, deserialize_with = "lenient::text")]
    pub workspace_resource_group: Option<String>,
    /// The workspace's tenant.
    #[serde(default, deserialize_with = "lenient::text")]
    pub workspace_tenant_id: Option<String>,
    /// The agent that reported.
    #[serde(default, deserialize_with = "lenient::text")]
    pub agent_id: Option<String>,
    /// The Entra tenant.
    #[serde(default, deserialize_with = "lenient::text")]
    pub aad_tenant_id: Option<String>,
}

/// A page about an alert. The service writes the names in either letter case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExtendedLink {
    /// Where.
    pub href: Option<String>,
    /// What sort of page.
    pub category: Option<String>,
    /// What to call it.
    pub label: Option<String>,
    /// How to open it, such as `webLink`.
    pub kind: Option<String>,
}

impl<'de> Deserialize<'de> for ExtendedLink {
    /// One answer may have a name in both letter cases.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let bag = lenient::properties(deserializer)?;
        let text = |name: &str| {
            let entry = bag.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
            entry.map(|(_, text)| text.to_owned())
        };
        Ok(Self { href: text("href"), category: text("category"), label: text("label"), kind: text("type") })
    }
}
