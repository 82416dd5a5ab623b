//! One module a command.

mod check;
mod list;
mod normalize;
mod show;
mod tenant;
mod tour;
mod triage;

use crate::args::{Args, Command};
use crate::failure::{Failure, Outcome};

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<Outcome, Failure> {
    let common = &args.common;
    match args.command {
        None => tour::run(common).await,
        Some(Command::List(what)) => list::run(common, what).await,
        Some(Command::Show { id }) => show::run(common, &id).await,
        Some(Command::Triage(what)) => triage::run(common, what).await,
        Some(Command::Check) => check::run(common).await,
        Some(Command::Normalize { from, file }) => normalize::run(common, from, &file),
        Some(Command::Tenant { port, alerts, seed }) => tenant::run(port, alerts, seed).await,
    }
}
