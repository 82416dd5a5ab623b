//! Files, addresses, domains and accounts: what the tenant and the vendor know of them.

mod types;

pub use types::{Domain, DomainStats, File, FileStats, IpAddress, IpStats};

use std::net::IpAddr;

use pocketsoc_model::{Error, ErrorKind, Result};
use pocketsoc_transport::{Call, Endpoint, Route, Walk};

use crate::alerts::Alert;
use crate::machines::Machine;
use crate::route;

const FILE_READ: &str = "File.Read.All";
const IP_READ: &str = "Ip.Read.All";
const URL_READ: &str = "URL.Read.All";
const ALERT_READ: &str = "Alert.Read.All (application) or Alert.Read (delegated)";
const MACHINE_READ: &str = "Machine.Read.All (application) or Machine.Read (delegated)";

const FILE: Route = route::get("get the file", "/api/files/{hash}", FILE_READ);
const FILE_STATS: Route = route::get("get the file's statistics", "/api/files/{hash}/stats", FILE_READ);
const FILE_ALERTS: Route = route::get("list the file's alerts", "/api/files/{hash}/alerts", ALERT_READ);
const FILE_MACHINES: Route =
    route::get("list the file's machines", "/api/files/{hash}/machines", MACHINE_READ);
const IP_STATS: Route = route::get("get the address's statistics", "/api/ips/{ip}/stats", IP_READ);
const IP_ALERTS: Route = route::get("list the address's alerts", "/api/ips/{ip}/alerts", ALERT_READ);
const DOMAIN_STATS: Route =
    route::get("get the domain's statistics", "/api/domains/{domain}/stats", URL_READ);
const DOMAIN_ALERTS: Route =
    route::get("list the domain's alerts", "/api/domains/{domain}/alerts", ALERT_READ);
const DOMAIN_MACHINES: Route =
    route::get("list the domain's machines", "/api/domains/{domain}/machines", MACHINE_READ);
const USER_ALERTS: Route = route::get("list the user's alerts", "/api/users/{user}/alerts", ALERT_READ);
const USER_MACHINES: Route =
    route::get("list the user's machines", "/api/users/{user}/machines", MACHINE_READ);

/// How far statistics look back, in hours: 1 to 720 (30 days), which is the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookBack(u16);

impl LookBack {
    const LONGEST: u16 = 720;

    /// So many hours.
    ///
    /// # Errors
    /// `InvalidRequest` for what the service does not look back.
    pub fn hours(hours: u16) -> Result<Self> {
        if (1..=Self::LONGEST).contains(&hours) {
            return Ok(Self(hours));
        }
        Err(Error::new(ErrorKind::InvalidRequest, "look back")
            .with_message(format!("{hours} hours are given; the service looks back 1 to {}", Self::LONGEST)))
    }
}

impl Default for LookBack {
    fn default() -> Self {
        Self(Self::LONGEST)
    }
}

/// Files, addresses, domains and accounts.
///
/// Limits: 100 calls a minute and 1,500 an hour, together with the other calls.
#[derive(Debug, Clone)]
pub struct Observables {
    endpoint: Endpoint,
}

impl Observables {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }

    /// A file by its SHA-1 or SHA-256. Page: "Get file information API". Needs `File.Read.All`.
    ///
    /// # Errors
    /// `NotFound` for a file that nobody has seen; `InvalidRequest` for what is no such hash.
    pub async fn file(&self, hash: &str) -> Result<File> {
        self.endpoint.element(&FILE.call(&[checked(hash)?])?).await
    }

    /// How often a file has been seen. Page: "Get file statistics API". Needs `File.Read.All`.
    ///
    /// # Errors
    /// As [`file`](Self::file).
    pub async fn file_stats(&self, hash: &str, back: LookBack) -> Result<FileStats> {
        self.endpoint.element(&looking_back(&FILE_STATS, checked(hash)?, back)?).await
    }

    /// The alerts about a file. Needs `Alert.Read.All` (application) or `Alert.Read` (delegated).
    ///
    /// The call is known, its page has not been read.
    pub fn file_alerts(&self, hash: &str) -> Walk<Alert> {
        checked(hash).map_or_else(Walk::failed, |hash| FILE_ALERTS.list(&self.endpoint, &[hash]))
    }

    /// The machines that have a file. Needs `Machine.Read.All` (application) or `Machine.Read` (delegated).
    ///
    /// The call is known, its page has not been read.
    pub fn file_machines(&self, hash: &str) -> Walk<Machine> {
        checked(hash).map_or_else(Walk::failed, |hash| FILE_MACHINES.list(&self.endpoint, &[hash]))
    }

    /// How often an address has been seen; one that nobody has seen has been seen 0 times. Page: "Get IP statistics API".
    /// Needs `Ip.Read.All`.
    ///
    /// # Errors
    /// What the service says.
    pub async fn ip_stats(&self, address: IpAddr, back: LookBack) -> Result<IpStats> {
        self.endpoint.element(&looking_back(&IP_STATS, &address.to_string(), back)?).await
    }

    /// The alerts about an address. Needs `Alert.Read.All` (application) or `Alert.Read` (delegated).
    ///
    /// The call is known, its page has not been read.
    pub fn ip_alerts(&self, address: IpAddr) -> Walk<Alert> {
        IP_ALERTS.list(&self.endpoint, &[&address.to_string()])
    }

    /// How often a domain has been seen; one that nobody has seen has been seen 0 times. Page: "Get domain statistics
    /// API". Needs `URL.Read.All`.
    ///
    /// # Errors
    /// What the service says; `InvalidRequest` for an empty name.
    pub async fn domain_stats(&self, domain: &str, back: LookBack) -> Result<DomainStats> {
        self.endpoint.element(&looking_back(&DOMAIN_STATS, domain, back)?).await
    }

    /// The alerts about a domain. Needs `Alert.Read.All` (application) or `Alert.Read` (delegated).
    ///
    /// The call is known, its page has not been read.
    pub fn domain_alerts(&self, domain: &str) -> Walk<Alert> {
        DOMAIN_ALERTS.list(&self.endpoint, &[domain])
    }

    /// The machines that have talked to a domain, at most 500. Page: "Get domain-related machines API". Needs
    /// `Machine.Read.All` (application) or `Machine.Read` (delegated).
    pub fn domain_machines(&self, domain: &str) -> Walk<Machine> {
        DOMAIN_MACHINES.list(&self.endpoint, &[domain])
    }

    /// The alerts about an account, named without its domain. Page: "Get user-related alerts API". Needs `Alert.Read.All`
    /// (application) or `Alert.Read` (delegated).
    pub fn user_alerts(&self, account: &str) -> Walk<Alert> {
        USER_ALERTS.list(&self.endpoint, &[account])
    }

    /// The machines that an account has logged on to, named without its domain. Needs `Machine.Read.All` (application) or
    /// `Machine.Read` (delegated).
    ///
    /// The call is known, its page has not been read.
    pub fn user_machines(&self, account: &str) -> Walk<Machine> {
        USER_MACHINES.list(&self.endpoint, &[account])
    }
}

/// A file is known by its SHA-1 or SHA-256.
fn checked(hash: &str) -> Result<&str> {
    if matches!(hash.len(), 40 | 64) && hash.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(hash);
    }
    Err(Error::new(ErrorKind::InvalidRequest, "name the file")
        .with_message("a file is named by its SHA-1 or SHA-256 in hexadecimal digits"))
}

fn looking_back(route: &Route, id: &str, back: LookBack) -> Result<Call> {
    Ok(route.call(&[id])?.with_query("lookBackHours", back.0.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_what_the_pages_say() {
        let sha1 = "6ed11b70af4ccae3c2a3c6bd5ad4b0a3f3c8a1c7";
        let call = looking_back(&FILE_STATS, sha1, LookBack::hours(48).unwrap()).unwrap();
        assert_eq!(call.target(), format!("/api/files/{sha1}/stats?lookBackHours=48"));
        let call = looking_back(&DOMAIN_STATS, "evil.example/x", LookBack::default()).unwrap();
        assert_eq!(call.target(), "/api/domains/evil.example%2Fx/stats?lookBackHours=720");
        let target = USER_ALERTS.call(&["j.o'hara"]).unwrap().target();
        assert_eq!(target, "/api/users/j.o%27hara/alerts");
        assert!(LookBack::hours(0).is_err() && LookBack::hours(721).is_err());
        for bad in ["", "abc", &"g".repeat(40), &sha1[1..]] {
            assert!(checked(bad).is_err(), "{bad}");
        }
    }
}
