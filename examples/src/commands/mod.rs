//! One module a command.

mod actions;
mod automation_template;
mod check;
mod hunt;
mod list;
mod machines;
mod normalize;
mod receive;
mod show;
mod tenant;
mod tour;
mod triage;
mod watch;

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
        Some(Command::Machines(which)) => machines::list(common, which).await,
        Some(Command::Machine { machine }) => machines::show(common, &machine).await,
        Some(Command::Isolate { what, selective }) => actions::isolate(common, what, selective).await,
        Some(Command::Release { what }) => actions::release(common, what).await,
        Some(Command::Actions { machine }) => actions::list(common, machine).await,
        Some(Command::Action { id }) => actions::show(common, &id).await,
        Some(Command::Cancel { id, comment }) => actions::cancel(common, &id, &comment).await,
        Some(Command::Hunt(what)) => hunt::run(common, what).await,
        Some(Command::Watch(what)) => watch::run(common, what).await,
        Some(Command::Check) => check::run(common).await,
        Some(Command::Normalize { from, file }) => normalize::run(common, from, &file),
        Some(Command::AutomationTemplate { webhook_url, min_severity, name }) => {
            automation_template::run(&webhook_url, min_severity, name.as_deref())
        }
        Some(Command::Receive { listen, path_secret_env }) => {
            receive::run(common, listen, path_secret_env.as_deref()).await
        }
        Some(Command::Tenant { port, alerts, seed, push_to, raise_every }) => {
            tenant::run(port, alerts, seed, push_to, raise_every).await
        }
    }
}

/// A word of the service in snake_case: `NoSensorData` is `no_sensor_data`.
fn snake(word: &str) -> String {
    let mut out = String::with_capacity(word.len() + 4);
    for c in word.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::snake;

    #[test]
    fn words_of_the_service_become_words_of_the_contract() {
        for (word, expected) in [
            ("Unisolate", "unisolate"),
            ("NoSensorData", "no_sensor_data"),
            ("RunAntiVirusScan", "run_anti_virus_scan"),
            ("new", "new"),
            ("", ""),
        ] {
            assert_eq!(snake(word), expected);
        }
    }
}
