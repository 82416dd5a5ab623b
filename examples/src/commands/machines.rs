//! `soc machines` and `soc machine`: the machines of Defender for Endpoint.

use mde_client::{Machine, MachineQuery};
use pocketsoc_model::{Error, ErrorKind, same_word};
use serde::Serialize;

use super::snake;
use crate::args::{Common, MachinesArgs};
use crate::failure::{Failure, Outcome};
use crate::output::{Output, Rows};
use crate::session::{Fleet, Session};

/// A machine as `soc` prints it.
#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    profile: String,
    name: Option<String>,
    os: Option<String>,
    health: Option<String>,
    risk: Option<String>,
    exposure: Option<String>,
    group: Option<String>,
    ips: Vec<String>,
    last_seen_at: Option<chrono::DateTime<chrono::Utc>>,
}

impl Shown {
    fn of(profile: &str, machine: Machine) -> Self {
        let mut ips: Vec<String> = machine.last_ip_address.into_iter().collect();
        let others = machine.ip_addresses.into_iter().filter_map(|interface| interface.ip_address);
        for ip in others.chain(machine.last_external_ip_address).filter(|ip| !ip.is_empty()) {
            if !ips.contains(&ip) {
                ips.push(ip);
            }
        }
        Self {
            id: machine.id.to_string(),
            profile: profile.to_owned(),
            name: machine.computer_dns_name,
            os: machine.os_platform,
            health: machine.health_status.map(|word| snake(word.as_str())),
            risk: machine.risk_score.map(|word| snake(word.as_str())),
            exposure: machine.exposure_level.map(|word| snake(word.as_str())),
            group: machine.rbac_group_name,
            ips,
            last_seen_at: machine.last_seen,
        }
    }
}

pub(crate) async fn list(common: &Common, args: MachinesArgs) -> Result<Outcome, Failure> {
    let session = Session::open(common).await?;
    let mut output = Output::new(common);
    let mut outcome = Outcome::Complete;
    let mut found = Vec::new();
    for fleet in session.fleets()? {
        let mut walk = fleet.client.machines().list(&MachineQuery::new());
        while let Some(machine) = walk.next().await {
            match machine {
                Ok(machine) => {
                    let shown = Shown::of(&fleet.name, machine);
                    let fits = |own: &Option<String>, asked: &Option<String>| {
                        asked
                            .as_ref()
                            .is_none_or(|asked| own.as_ref().is_some_and(|own| same_word(own, asked)))
                    };
                    let in_group = args.group.as_ref().is_none_or(|group| {
                        shown.group.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(group))
                    });
                    if fits(&shown.health, &args.health) && fits(&shown.risk, &args.risk) && in_group {
                        found.push(shown);
                    }
                }
                Err(error) => {
                    Failure::of(&fleet.name, &error).report();
                    outcome = Outcome::WithFailures;
                }
            }
        }
    }
    output.rows(&Table(&found))?;
    Ok(session.outcome(outcome))
}

pub(crate) async fn show(common: &Common, name: &str) -> Result<Outcome, Failure> {
    let session = Session::open(common).await?;
    let (fleet, machine) = find(&session, name).await?;
    Output::new(common).rows(&Table(&[Shown::of(&fleet.name, machine)]))?;
    Ok(session.outcome(Outcome::Complete))
}

/// The one machine with an id, name or address, and its profile. Nothing is done where several profiles have one, or one
/// could not be asked.
pub(super) async fn find<'a>(session: &'a Session, name: &str) -> Result<(&'a Fleet, Machine), Failure> {
    let (mut found, mut missing, mut failures) = (Vec::new(), None, Vec::new());
    failures.extend(session.refused.iter().map(crate::session::Refused::failure));
    for fleet in session.fleets()? {
        match fleet.client.machines().find(name).await {
            Ok(machine) => found.push((fleet, machine)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                missing = Some(Failure::of(&fleet.name, &error));
            }
            Err(error) => failures.push(Failure::of(&fleet.name, &error)),
        }
    }
    if found.len() > 1 {
        let names: Vec<_> = found.iter().map(|(fleet, _)| fleet.name.as_str()).collect();
        let error = Error::new(ErrorKind::Ambiguous, "find the machine")
            .with_message(format!("several profiles have {name}: {}", names.join(", ")))
            .with_hint("name one with --profile");
        return Err(Failure::plain(&error));
    }
    if let Some(last) = failures.pop() {
        for failure in &failures {
            failure.report();
        }
        return Err(if found.is_empty() {
            last
        } else {
            last.with_hint("or name the profile with --profile")
        });
    }
    found.pop().ok_or_else(|| missing.unwrap_or_else(|| Failure::usage("no profile has machines")))
}

struct Table<'a>(&'a [Shown]);

impl Rows for Table<'_> {
    type Row = Shown;

    fn rows(&self) -> &[Shown] {
        self.0
    }

    fn columns(&self) -> Vec<&str> {
        vec!["RISK", "EXPOSURE", "HEALTH", "GROUP", "OS", "LAST SEEN (UTC)", "NAME, ID"]
    }

    fn cells(&self, row: &Shown) -> Vec<String> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let seen = row.last_seen_at.map(|at| at.format("%Y-%m-%d %H:%M").to_string()).unwrap_or_default();
        let name = format!("{} {}", text(&row.name), row.id);
        vec![
            text(&row.risk),
            text(&row.exposure),
            text(&row.health),
            text(&row.group),
            text(&row.os),
            seen,
            name,
        ]
    }
}
