//! `soc isolate`, `release`, `actions`, `action`, `cancel`: what is done on machines.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use mde_client::{
    Intent, IsolationScope, Machine, MachineAction, MachineActionId, MachineActionQuery, PlannedAction,
    action_fields,
};
use pocketsoc_model::{ActionStatus, Error, ErrorKind};
use serde::Serialize;

use super::{machines, snake};
use crate::args::{Common, ContainArgs};
use crate::failure::{Failure, Outcome, note};
use crate::output::{Output, Rows};
use crate::session::{Fleet, Session};

/// An action as `soc` prints it.
#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    profile: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    status: ActionStatus,
    machine_id: Option<String>,
    machine_name: Option<String>,
    requested_by: Option<String>,
    comment: Option<String>,
    created_at: Option<chrono::DateTime<chrono::Utc>>,
    updated_at: Option<chrono::DateTime<chrono::Utc>>,
}

impl Shown {
    fn of(profile: &str, action: &MachineAction) -> Self {
        Self {
            id: action.id.to_string(),
            profile: profile.to_owned(),
            kind: action.kind.as_ref().map(|word| snake(word.as_str())),
            status: action.progress(),
            machine_id: action.machine_id.clone(),
            machine_name: action.computer_dns_name.clone(),
            requested_by: action.requestor.clone(),
            comment: action.requestor_comment.clone(),
            created_at: action.creation_date_time_utc,
            updated_at: action.last_update_date_time_utc,
        }
    }
}

pub(crate) async fn isolate(common: &Common, args: ContainArgs, selective: bool) -> Result<Outcome, Failure> {
    let scope = if selective { IsolationScope::Selective } else { IsolationScope::Full };
    contain(common, args, Intent::Isolate(scope)).await
}

pub(crate) async fn release(common: &Common, args: ContainArgs) -> Result<Outcome, Failure> {
    contain(common, args, Intent::Release).await
}

async fn contain(common: &Common, args: ContainArgs, intent: Intent) -> Result<Outcome, Failure> {
    let session = Session::open(common).await?;
    let (fleet, machine) = machines::find(&session, &args.machine).await?;
    let told = |error: Error| Failure::of(&fleet.name, &error);
    if args.dry_run {
        let plan = fleet.client.machines().plan(&machine.id, &intent, &args.comment).await.map_err(told)?;
        return Output::new(common)
            .rows(&Plans(&[Planned::of(&fleet.name, machine, plan)?]))
            .map(|()| Outcome::Complete);
    }
    let handle = fleet.client.machines().begin(&machine.id, &intent, &args.comment).await.map_err(told)?;
    if handle.has_joined() {
        note(&format!("such an action is under way already: {}", handle.id()));
    }
    note(&format!("action {}", handle.id()));
    let mut action = match handle.begun() {
        Some(action) => action.clone(),
        None => handle.now().await.map_err(told)?,
    };
    if args.wait {
        let spinner = spinner(machine.computer_dns_name.as_deref().unwrap_or(&args.machine));
        let ended = handle.wait().await;
        spinner.finish_and_clear();
        action = ended.map_err(told)?;
    }
    let mut shown = Shown::of(&fleet.name, &action);
    // The service names the machine only later.
    shown.machine_name = shown.machine_name.or(machine.computer_dns_name);
    Output::new(common).rows(&Table(&[shown]))?;
    if args.wait {
        action.outcome().map_err(told)?;
        fleet.client.actions().ensure_it_stands(&action).await.map_err(told)?;
    }
    Ok(Outcome::Complete)
}

/// What a dry run prints.
#[derive(Debug, Serialize)]
struct Planned {
    profile: String,
    machine_id: String,
    machine_name: Option<String>,
    would_post_to: String,
    body: serde_json::Value,
    would_join: Option<String>,
}

impl Planned {
    fn of(profile: &str, machine: Machine, plan: PlannedAction) -> Result<Self, Failure> {
        Ok(Self {
            profile: profile.to_owned(),
            machine_id: machine.id.to_string(),
            machine_name: machine.computer_dns_name,
            would_post_to: plan.target,
            body: serde_json::from_str(&plan.body).map_err(|e| Failure::usage(e.to_string()))?,
            would_join: plan.joins.map(|id| id.to_string()),
        })
    }
}

struct Plans<'a>(&'a [Planned]);

impl Rows for Plans<'_> {
    type Row = Planned;

    fn rows(&self) -> &[Planned] {
        self.0
    }

    fn columns(&self) -> Vec<&str> {
        vec!["MACHINE", "WOULD JOIN", "ELSE WOULD POST TO", "BODY"]
    }

    fn cells(&self, row: &Planned) -> Vec<String> {
        vec![
            row.machine_name.clone().unwrap_or_else(|| row.machine_id.clone()),
            row.would_join.clone().unwrap_or_default(),
            row.would_post_to.clone(),
            row.body.to_string(),
        ]
    }
}

pub(crate) async fn list(common: &Common, machine: Option<String>) -> Result<Outcome, Failure> {
    let session = Session::open(common).await?;
    let mut output = Output::new(common);
    let (fleets, filter): (Vec<&Fleet>, _) = match &machine {
        None => (session.fleets()?, None),
        Some(name) => {
            let (fleet, machine) = machines::find(&session, name).await?;
            (vec![fleet], Some(action_fields::MACHINE_ID.eq(machine.id.as_str())))
        }
    };
    let (mut outcome, mut found) = (Outcome::Complete, Vec::new());
    for fleet in fleets {
        let query = MachineActionQuery::new().with_filter(filter.clone());
        let mut walk = fleet.client.actions().list(&query);
        while let Some(action) = walk.next().await {
            match action {
                Ok(action) => found.push(Shown::of(&fleet.name, &action)),
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

pub(crate) async fn show(common: &Common, id: &str) -> Result<Outcome, Failure> {
    let session = Session::open(common).await?;
    let (fleet, action) = find(&session, id).await?;
    Output::new(common).rows(&Table(&[Shown::of(&fleet.name, &action)]))?;
    Ok(Outcome::Complete)
}

pub(crate) async fn cancel(common: &Common, id: &str, comment: &str) -> Result<Outcome, Failure> {
    let session = Session::open(common).await?;
    let (fleet, action) = find(&session, id).await?;
    let cancelled = fleet.client.actions().cancel(&action.id, comment).await;
    let action = cancelled.map_err(|error| Failure::of(&fleet.name, &error))?;
    Output::new(common).rows(&Table(&[Shown::of(&fleet.name, &action)]))?;
    Ok(Outcome::Complete)
}

/// The action with an id, which no two profiles share, and its profile.
async fn find<'a>(session: &'a Session, id: &str) -> Result<(&'a Fleet, MachineAction), Failure> {
    let id = MachineActionId::new(id).map_err(|e| Failure::usage(e.to_string()))?;
    let mut failures: Vec<Failure> = session.refused.iter().map(crate::session::Refused::failure).collect();
    let mut missing = None;
    for fleet in session.fleets()? {
        match fleet.client.actions().get(&id).await {
            Ok(action) => return Ok((fleet, action)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                missing = Some(Failure::of(&fleet.name, &error));
            }
            Err(error) => failures.push(Failure::of(&fleet.name, &error)),
        }
    }
    let last = failures.pop().or(missing).unwrap_or_else(|| Failure::usage("no profile has machines"));
    for failure in &failures {
        failure.report();
    }
    Err(last)
}

/// A spinner on stderr, where somebody watches.
fn spinner(machine: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner().with_style(ProgressStyle::default_spinner());
    bar.set_message(format!("waiting for {machine}; the action goes on if this is interrupted"));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

struct Table<'a>(&'a [Shown]);

impl Rows for Table<'_> {
    type Row = Shown;

    fn rows(&self) -> &[Shown] {
        self.0
    }

    fn columns(&self) -> Vec<&str> {
        vec!["STATUS", "TYPE", "MACHINE", "CREATED (UTC)", "ID", "COMMENT"]
    }

    fn cells(&self, row: &Shown) -> Vec<String> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let status = serde_json::to_value(row.status).ok().and_then(|word| word.as_str().map(str::to_owned));
        let created = row.created_at.map(|at| at.format("%Y-%m-%d %H:%M").to_string()).unwrap_or_default();
        let machine = row.machine_name.clone().or_else(|| row.machine_id.clone());
        vec![
            status.unwrap_or_default(),
            text(&row.kind),
            text(&machine),
            created,
            row.id.clone(),
            text(&row.comment),
        ]
    }
}
