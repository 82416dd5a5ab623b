//! Which one machine somebody means.

use std::net::IpAddr;

use chrono::TimeDelta;
use pocketsoc_model::{Error, ErrorKind, Lane, Result};
use pocketsoc_transport::odata::Filter;

use crate::machines::{Machine, MachineId, MachineQuery, Machines, fields};

const OPERATION: &str = "find the machine";
/// Addresses go from machine to machine.
const ADDRESS_IS_KEPT: TimeDelta = TimeDelta::days(1);

impl Machines {
    /// The one machine with this id, full or short name, or internal address, which it must have had within the last day.
    /// Never a guess: several that fit are an error that lists them.
    ///
    /// Needs `Machine.Read.All` (application) or `Machine.Read` (delegated).
    ///
    /// # Errors
    /// `NotFound`, or `Ambiguous` with the candidates.
    pub async fn find(&self, name: &str) -> Result<Machine> {
        let name = name.trim();
        let id = MachineId::new(name)?;
        if id.is_device() {
            let machine = self.get(&id).await?;
            return match &machine.merged_into_machine_id {
                None => Ok(machine),
                Some(into) => Err(Error::new(ErrorKind::NotFound, OPERATION)
                    .with_message("the machine has become part of another one")
                    .with_candidates([into.clone()])
                    .with_hint("give that one's id")),
            };
        }
        let address = name.parse::<IpAddr>().ok();
        let filter = if let Some(address) = address {
            Some(fields::LAST_IP_ADDRESS.eq(address.to_string().as_str()))
        } else {
            // Names are stored in lower case, mostly.
            let stored = [name, &name.to_ascii_lowercase()];
            Filter::any(stored.map(|name| fields::COMPUTER_DNS_NAME.starts_with(name)))
        };
        let lately = self.endpoint().connection().clock().now() - ADDRESS_IS_KEPT;
        let fits = |machine: &Machine| match (address, &machine.computer_dns_name) {
            // An address of long ago may be somebody else's by now.
            (Some(_), _) => machine.last_seen.is_none_or(|seen| seen >= lately),
            (None, Some(full)) => {
                let short = full.split('.').next().unwrap_or_default();
                full.eq_ignore_ascii_case(name) || short.eq_ignore_ascii_case(name)
            }
            (None, None) => false,
        };
        let mut found: Vec<Machine> = Vec::new();
        let mut walk = self.walk(&MachineQuery::new().with_filter(filter), Lane::Containment);
        while let Some(machine) = walk.next().await {
            let machine = machine?;
            // What has become part of another machine is not it any more.
            if fits(&machine) && machine.merged_into_machine_id.is_none() {
                found.push(machine);
            }
        }
        match found.len() {
            1 => Ok(found.swap_remove(0)),
            0 => Err(Error::new(ErrorKind::NotFound, OPERATION)
                .with_message(format!("no machine is named {name}, or has that address"))
                .with_hint(
                    "give the machine's id, its name or its internal address, as the portal shows it",
                )),
            _ => {
                let candidate = |machine: &Machine| match &machine.computer_dns_name {
                    Some(name) => format!("{} ({name})", machine.id),
                    None => machine.id.to_string(),
                };
                Err(Error::new(ErrorKind::Ambiguous, OPERATION)
                    .with_message(format!("{} machines are named {name}, or have that address", found.len()))
                    .with_candidates(found.iter().map(candidate))
                    .with_hint("give the machine's id"))
            }
        }
    }
}
