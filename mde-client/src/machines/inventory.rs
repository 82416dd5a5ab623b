//! What is known of a machine beside itself: who logs on, what is installed, and its weaknesses.

use chrono::{DateTime, Utc};
use pocketsoc_model::RawJson;
use pocketsoc_transport::lenient;
use serde::Deserialize;

use crate::native::keep_raw;

keep_raw!(LogonUser, Software, Vulnerability);

/// An account that logs on to machines. Page: "User resource type".
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LogonUser {
    /// Domain and account, with a backslash between.
    pub id: String,
    /// The account.
    #[serde(default, deserialize_with = "lenient::text")]
    pub account_name: Option<String>,
    /// Its domain.
    #[serde(default, deserialize_with = "lenient::text")]
    pub account_domain: Option<String>,
    /// Its security identifier.
    #[serde(default, deserialize_with = "lenient::text")]
    pub account_sid: Option<String>,
    /// When it first logged on.
    #[serde(default, deserialize_with = "lenient::time")]
    pub first_seen: Option<DateTime<Utc>>,
    /// When it last logged on.
    #[serde(default, deserialize_with = "lenient::time")]
    pub last_seen: Option<DateTime<Utc>>,
    /// The machine that it logs on to most.
    #[serde(default, deserialize_with = "lenient::text")]
    pub most_prevalent_machine_id: Option<String>,
    /// The machine that it logs on to least.
    #[serde(default, deserialize_with = "lenient::text")]
    pub least_prevalent_machine_id: Option<String>,
    /// How it logs on; several ways stand in one text.
    #[serde(default, deserialize_with = "lenient::text")]
    pub logon_types: Option<String>,
    /// On how many machines.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub log_on_machines_count: Option<i64>,
    /// Whether it is an administrator of the domain.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub is_domain_admin: Option<bool>,
    /// Whether it logs on over the network only.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub is_only_network_user: Option<bool>,
    #[serde(skip)]
    raw: Option<RawJson>,
}

/// A piece of software on a machine. Page: "Software resource type".
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Software {
    /// Vendor and name, with `-_-` between.
    pub id: String,
    /// The name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub name: Option<String>,
    /// The vendor.
    #[serde(default, deserialize_with = "lenient::text")]
    pub vendor: Option<String>,
    /// How many weaknesses it has.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub weaknesses: Option<i64>,
    /// Whether an exploit of it is public.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub public_exploit: Option<bool>,
    /// Whether an alert is about it.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub active_alert: Option<bool>,
    /// How many machines it exposes.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub exposed_machines: Option<i64>,
    /// How much it weighs on the tenant's exposure score.
    #[serde(default, deserialize_with = "lenient::number")]
    pub impact_score: Option<f64>,
    #[serde(skip)]
    raw: Option<RawJson>,
}

/// A weakness of what is installed on a machine. Page: "Vulnerability resource type".
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Vulnerability {
    /// The CVE.
    pub id: String,
    /// The name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub name: Option<String>,
    /// Paragraphs.
    #[serde(default, deserialize_with = "lenient::text")]
    pub description: Option<String>,
    /// How bad, in the service's word.
    #[serde(default, deserialize_with = "lenient::text")]
    pub severity: Option<String>,
    /// How bad, by CVSS 3: 0 to 10.
    #[serde(default, rename = "cvssV3", deserialize_with = "lenient::number")]
    pub cvss_v3: Option<f64>,
    /// How many machines it exposes.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub exposed_machines: Option<i64>,
    /// When it was published.
    #[serde(default, deserialize_with = "lenient::time")]
    pub published_on: Option<DateTime<Utc>>,
    /// When its description last changed.
    #[serde(default, deserialize_with = "lenient::time")]
    pub updated_on: Option<DateTime<Utc>>,
    /// Whether an exploit of it is public.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub public_exploit: Option<bool>,
    /// Whether the exploit works.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub exploit_verified: Option<bool>,
    /// Whether it is part of a kit.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub exploit_in_kit: Option<bool>,
    /// What kind of exploits there are.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub exploit_types: Vec<String>,
    /// Where they are described.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub exploit_uris: Vec<String>,
    #[serde(skip)]
    raw: Option<RawJson>,
}
