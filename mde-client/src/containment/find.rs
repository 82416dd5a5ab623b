//! Which one machine somebody means.

use std::net::IpAddr;

use pocketsoc_model::{Error, ErrorKind, Lane, Result};
use pocketsoc_transport::odata::Filter;

use crate::machines::{Machine, MachineId, MachineQuery, Machines, fields};

const OPERATION: &str = "find the machine";

impl Machines {
    /// The one machine with this id, full or short name, or internal address. Never a guess: several that fit are an error
    /// that lists them.
    ///
    /// Needs `Machine.Read.All` (application) or `Machine.Read` (delegated).
    ///
    /// # Errors
    /// `NotFound`, or `Ambiguous` with the candidates.
    pub async fn find(&self, name: &str) -> Result<Machine> {
        let name = name.trim();
        if name.len() == 40 && name.bytes().all(|b| b.is_ascii_hexdigit()) {
            return self.get(&MachineId::new(name)?).await;
        }
        let address = name.parse::<IpAddr>().ok();
        let filter = if let Some(address) = address {
            Some(fields::LAST_IP_ADDRESS.eq(address.to_string().as_str()))
        } else {
            // Names are stored in lower case, mostly.
            let stored = [name, &name.to_ascii_lowercase()];
            Filter::any(stored.map(|name| fields::COMPUTER_DNS_NAME.starts_with(name)))
        };
        let fits = |machine: &Machine| match (address, &machine.computer_dns_name) {
            (Some(_), _) => true,
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
