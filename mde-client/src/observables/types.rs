//! What is known of files, addresses and domains, as the service has it.

use chrono::{DateTime, Utc};
use pocketsoc_model::RawJson;
use pocketsoc_transport::lenient;
use serde::Deserialize;

use crate::native::keep_raw;

keep_raw!(File, FileStats, IpStats, DomainStats, Domain, IpAddress);

/// A file. Page: "File resource type".
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct File {
    /// SHA-1.
    #[serde(default, deserialize_with = "lenient::text")]
    pub sha1: Option<String>,
    /// SHA-256.
    #[serde(default, deserialize_with = "lenient::text")]
    pub sha256: Option<String>,
    /// MD5; of an alert's files only.
    #[serde(default, deserialize_with = "lenient::text")]
    pub md5: Option<String>,
    /// How often the vendor has seen it.
    #[serde(default, alias = "globallyPrevalence", deserialize_with = "lenient::integer")]
    pub global_prevalence: Option<i64>,
    /// When the vendor first saw it.
    #[serde(default, deserialize_with = "lenient::time")]
    pub global_first_observed: Option<DateTime<Utc>>,
    /// When the vendor last saw it.
    #[serde(default, deserialize_with = "lenient::time")]
    pub global_last_observed: Option<DateTime<Utc>>,
    /// Bytes.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub size: Option<i64>,
    /// The kind of file.
    #[serde(default, deserialize_with = "lenient::text")]
    pub file_type: Option<String>,
    /// Whether it is a program.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub is_pe_file: Option<bool>,
    /// Who published it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub file_publisher: Option<String>,
    /// The product that it is part of.
    #[serde(default, deserialize_with = "lenient::text")]
    pub file_product_name: Option<String>,
    /// Who signed it.
    #[serde(default, deserialize_with = "lenient::text")]
    pub signer: Option<String>,
    /// Who vouches for the signer.
    #[serde(default, deserialize_with = "lenient::text")]
    pub issuer: Option<String>,
    /// The signer's certificate.
    #[serde(default, deserialize_with = "lenient::text")]
    pub signer_hash: Option<String>,
    /// Whether that is valid.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub is_valid_certificate: Option<bool>,
    /// What the vendor holds it for, such as `Malware`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub determination_type: Option<String>,
    /// Which one.
    #[serde(default, deserialize_with = "lenient::text")]
    pub determination_value: Option<String>,
    #[serde(skip)]
    raw: Option<RawJson>,
}

/// How often a file has been seen. Page: "Get file statistics API".
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct FileStats {
    /// SHA-1.
    #[serde(default, deserialize_with = "lenient::text")]
    pub sha1: Option<String>,
    /// In this organization.
    #[serde(default, alias = "orgPrevalence", deserialize_with = "lenient::integer")]
    pub organization_prevalence: Option<i64>,
    /// When first, here.
    #[serde(default, deserialize_with = "lenient::time")]
    pub org_first_seen: Option<DateTime<Utc>>,
    /// When last, here.
    #[serde(default, deserialize_with = "lenient::time")]
    pub org_last_seen: Option<DateTime<Utc>>,
    /// Anywhere; the service spells it `globallyPrevalence`.
    #[serde(
        default,
        rename = "globallyPrevalence",
        alias = "globalPrevalence",
        deserialize_with = "lenient::integer"
    )]
    pub global_prevalence: Option<i64>,
    /// When first, anywhere.
    #[serde(default, deserialize_with = "lenient::time")]
    pub global_first_observed: Option<DateTime<Utc>>,
    /// When last, anywhere.
    #[serde(default, deserialize_with = "lenient::time")]
    pub global_last_observed: Option<DateTime<Utc>>,
    /// The names that it mostly goes by.
    #[serde(default, deserialize_with = "lenient::texts")]
    pub top_file_names: Vec<String>,
    #[serde(skip)]
    raw: Option<RawJson>,
}

/// How often an address has been seen. Page: "Get IP statistics API".
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct IpStats {
    /// The address.
    #[serde(default, deserialize_with = "lenient::text")]
    pub ip_address: Option<String>,
    /// In this organization.
    #[serde(default, alias = "orgPrevalence", deserialize_with = "lenient::integer")]
    pub organization_prevalence: Option<i64>,
    /// When first.
    #[serde(default, deserialize_with = "lenient::time")]
    pub org_first_seen: Option<DateTime<Utc>>,
    /// When last.
    #[serde(default, deserialize_with = "lenient::time")]
    pub org_last_seen: Option<DateTime<Utc>>,
    #[serde(skip)]
    raw: Option<RawJson>,
}

/// How often a domain has been seen. Page: "Get domain statistics API".
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DomainStats {
    /// The domain.
    #[serde(default, deserialize_with = "lenient::text")]
    pub host: Option<String>,
    /// In this organization.
    #[serde(default, alias = "orgPrevalence", deserialize_with = "lenient::integer")]
    pub organization_prevalence: Option<i64>,
    /// When first.
    #[serde(default, deserialize_with = "lenient::time")]
    pub org_first_seen: Option<DateTime<Utc>>,
    /// When last.
    #[serde(default, deserialize_with = "lenient::time")]
    pub org_last_seen: Option<DateTime<Utc>>,
    #[serde(skip)]
    raw: Option<RawJson>,
}

/// A domain of an alert. Page: "Get alert related domain information API".
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Domain {
    /// Its name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub host: Option<String>,
    #[serde(skip)]
    raw: Option<RawJson>,
}

/// An address of an alert. Page: "Get alert related IPs' information API".
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct IpAddress {
    /// The address.
    #[serde(default, deserialize_with = "lenient::text")]
    pub id: Option<String>,
    #[serde(skip)]
    raw: Option<RawJson>,
}
