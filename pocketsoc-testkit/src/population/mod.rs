//! A believable population: machines, people, and alerts that tell what happened to them. The same seed, the same
//! tenant.

mod alerts;
mod cloud;
mod incidents;
mod stories;
mod triage;

pub(crate) use alerts::{AlertRecord, alerts, elsewhere};
pub use cloud::cloud_families;
pub(crate) use cloud::{CloudRecord, SUBSCRIPTIONS, cloud_alert, cloud_alerts};
pub(crate) use incidents::{ATTACK, IncidentRecord, incidents};
pub(crate) use stories::{Clue, Provider, Story};
pub(crate) use triage::{Remark, Tracked, Triage};

use fastrand::Rng;

pub(crate) static GROUPS: &[&str] = &["Servers", "Workstations", "Executives"];
pub(crate) static PEOPLE: &[(&str, &str)] = &[
    ("ada.byron", "Ada Byron"),
    ("c.shannon", "Claude Shannon"),
    ("g.hopper", "Grace Hopper"),
    ("k.johnson", "Katherine Johnson"),
    ("m.hamilton", "Margaret Hamilton"),
    ("r.perlman", "Radia Perlman"),
    ("svc-backup", "Backup service"),
    ("j.o'hara", "Jamie O'Hara"),
];

/// A machine of the tenant.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) group: &'static str,
}

/// Forty hexadecimal digits of a number, or as many as asked for.
pub(crate) fn hex(seed: u64, digits: usize) -> String {
    let mut rng = Rng::with_seed(seed);
    (0..digits).map(|_| char::from(b"0123456789abcdef"[rng.usize(..16)])).collect()
}

pub(crate) fn machines(seed: u64) -> Vec<Machine> {
    let kinds = ["ws", "srv", "lap", "dc", "web", "sql"];
    (0..24_u64)
        .map(|n| {
            let index = usize::try_from(n).unwrap_or_default();
            Machine {
                id: hex(seed ^ (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15), 40),
                name: format!("{}-{:03}.corp.contoso.example", kinds[index % kinds.len()], n + 1),
                group: GROUPS[index % GROUPS.len()],
            }
        })
        .collect()
}

/// A GUID of a number.
pub(crate) fn guid(seed: u64) -> String {
    let digits = hex(seed, 32);
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}
