//! Machines: find, inspect, label.

mod inventory;
mod labels;
mod machine;
mod query;
mod words;

pub use inventory::{LogonUser, Software, Vulnerability};
pub use labels::{MachineUpdate, TagAction};
pub use machine::{IpInterface, Machine, MachineId, VmMetadata};
pub use query::{MachineQuery, fields};
pub use words::{DeviceValue, ExposureLevel, HealthStatus, OnboardingStatus, RiskScore};

use std::net::IpAddr;

use chrono::{DateTime, SecondsFormat, Utc};
use pocketsoc_model::{Error, ErrorKind, Lane, Result};
use pocketsoc_transport::odata::Filter;
use pocketsoc_transport::{Endpoint, PagePlan, Route, Walk, quota};

use crate::actions::MachineActions;
use crate::alerts::Alert;
use crate::containment::Turns;
use crate::route;

const READ: &str = "Machine.Read.All (application) or Machine.Read (delegated)";
const WRITE: &str = "Machine.ReadWrite.All (application) or Machine.ReadWrite (delegated)";

const LIST: Route = route::get("list machines", "/api/machines", READ).empty_is_404();
const GET: Route = route::get("get the machine", "/api/machines/{id}", READ);
const BY_TAG: Route = route::get("find machines by tag", "/api/machines/findbytag", READ);
const BY_IP: Route =
    route::get("find machines by address", "/api/machines/findbyip(ip='{ip}',timestamp={time})", READ);
const ALERTS: Route = route::get(
    "list the machine's alerts",
    "/api/machines/{id}/alerts",
    "Alert.Read.All (application) or Alert.Read (delegated)",
);
const LOGON_USERS: Route =
    route::get("list the machine's users", "/api/machines/{id}/logonusers", "User.Read.All");
const SOFTWARE: Route = route::get(
    "list the machine's software",
    "/api/machines/{id}/software",
    "Software.Read.All (application) or Software.Read (delegated)",
);
const VULNERABILITIES: Route = route::get(
    "list the machine's vulnerabilities",
    "/api/machines/{id}/vulnerabilities",
    "Vulnerability.Read.All (application) or Vulnerability.Read (delegated)",
)
.counted(&quota::MDE_VULNERABILITIES);
const COUNT: Route = route::get(
    "count the machine's alerts",
    "/api/machines/{id}/alerts/$count",
    "Alert.Read.All (application) or Alert.Read (delegated)",
);
/// The service remembers addresses for so long.
const ADDRESS_MEMORY: chrono::TimeDelta = chrono::TimeDelta::days(30);

/// The machines of a tenant, and what is done on them.
///
/// Limits: 100 calls a minute and 1,500 an hour, together with the other calls; vulnerabilities 50 a minute.
#[derive(Debug, Clone)]
pub struct Machines {
    endpoint: Endpoint,
    turns: Turns,
}

impl Machines {
    pub(crate) fn new(endpoint: Endpoint, turns: Turns) -> Self {
        Self { endpoint, turns }
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What serializes the intents on a machine.
    pub(crate) fn turns(&self) -> &Turns {
        &self.turns
    }

    pub(crate) fn actions(&self) -> MachineActions {
        MachineActions::new(self.endpoint.clone())
    }

    /// The same list, as urgently as this.
    pub(crate) fn walk(&self, query: &MachineQuery, lane: Lane) -> Walk<Machine> {
        LIST.pages(lane, &self.endpoint, query.page_size(), query.filter())
    }

    /// Walks over machines, in no particular order. Page: "List machines API".
    ///
    /// A tenant in which no machine has been seen lately answers 404, which is an empty list here. Needs
    /// `Machine.Read.All` (application) or `Machine.Read` (delegated).
    pub fn list(&self, query: &MachineQuery) -> Walk<Machine> {
        self.walk(query, Lane::Feed)
    }

    /// One machine. Page: "Get machine by ID API". Needs `Machine.Read.All` (application) or `Machine.Read` (delegated).
    ///
    /// # Errors
    /// `NotFound` when there is none with this id.
    pub async fn get(&self, id: &MachineId) -> Result<Machine> {
        self.endpoint.element(&GET.call(&[id.as_str()])?).await
    }

    /// The machines that had an internal address within a quarter of an hour of a time. Page: "Find devices by internal
    /// IP API". Needs `Machine.Read.All` (application) or `Machine.Read` (delegated).
    pub fn by_ip(&self, address: IpAddr, at: DateTime<Utc>) -> Walk<Machine> {
        if self.endpoint.connection().clock().now() - at > ADDRESS_MEMORY {
            let error = Error::new(ErrorKind::InvalidRequest, "find machines by address");
            return Walk::failed(
                error
                    .with_message("the service remembers addresses for 30 days only")
                    .with_hint("ask for a later time, or look for the address in the list of machines"),
            );
        }
        let time = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        BY_IP.list(&self.endpoint, &[&address.to_string(), &time])
    }

    /// The machines with a label, or with one that begins so. Page: "Find devices by tag API". Needs `Machine.Read.All`
    /// (application) or `Machine.Read` (delegated).
    pub fn by_tag(&self, tag: &str, begins_so: bool) -> Walk<Machine> {
        match BY_TAG.call(&[]).and_then(|call| Ok(call.with_query("tag", labels::checked(tag)?))) {
            Ok(call) => self
                .endpoint
                .walk(call.with_query("useStartsWithFilter", begins_so.to_string()), PagePlan::by_links()),
            Err(error) => Walk::failed(error),
        }
    }

    /// The alerts of a machine. Page: "Get machine related alerts API". Needs `Alert.Read.All` (application) or
    /// `Alert.Read` (delegated).
    pub fn alerts(&self, id: &MachineId) -> Walk<Alert> {
        ALERTS.list(&self.endpoint, &[id.as_str()])
    }

    /// How many alerts a machine has, or how many of them pass the filter. Page: "OData queries". Needs `Alert.Read.All`
    /// (application) or `Alert.Read` (delegated).
    ///
    /// # Errors
    /// `NotFound` when there is no machine with this id.
    pub async fn count_alerts(&self, id: &MachineId, filter: Option<&Filter>) -> Result<u64> {
        let call = COUNT.call(&[id.as_str()])?;
        let call = match filter {
            Some(filter) => call.with_query("$filter", filter.to_string()),
            None => call,
        };
        self.endpoint.json(&call).await
    }

    /// Who logs on to a machine. Page: "Get machine logon users API". Needs `User.Read.All`.
    pub fn logon_users(&self, id: &MachineId) -> Walk<LogonUser> {
        LOGON_USERS.list(&self.endpoint, &[id.as_str()])
    }

    /// What is installed on a machine. Page: "Get installed software". Needs `Software.Read.All` (application) or
    /// `Software.Read` (delegated).
    pub fn software(&self, id: &MachineId) -> Walk<Software> {
        SOFTWARE.list(&self.endpoint, &[id.as_str()])
    }

    /// The weaknesses of what is installed on a machine. Page: "Get discovered vulnerabilities". Needs
    /// `Vulnerability.Read.All` (application) or `Vulnerability.Read` (delegated). Limits: 50 calls a minute.
    pub fn vulnerabilities(&self, id: &MachineId) -> Walk<Vulnerability> {
        VULNERABILITIES.list(&self.endpoint, &[id.as_str()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_what_the_pages_say_and_ids_stay_one_segment() {
        let target = |route: &Route, ids: &[&str]| route.call(ids).unwrap().target();
        assert_eq!(target(&LIST, &[]), "/api/machines");
        assert_eq!(
            target(&BY_IP, &["10.20.4.15", "2026-09-21T13:00:00Z"]),
            "/api/machines/findbyip(ip='10.20.4.15',timestamp=2026-09-21T13%3A00%3A00Z)"
        );
        for (id, segment) in
            [("a/b", "a%2Fb"), ("a\\b", "a%5Cb"), ("a'b", "a%27b"), ("a%2fb", "a%252fb"), ("a b", "a%20b")]
        {
            assert_eq!(target(&ALERTS, &[id]), format!("/api/machines/{segment}/alerts"), "{id}");
        }
        for bad in ["", ".", ".."] {
            assert!(GET.call(&[bad]).is_err(), "{bad}");
        }
    }
}
