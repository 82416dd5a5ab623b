//! The tables that can be hunted in: machines, alerts, and processes that were started.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value as Json, json};

use super::kql::Table;
use super::{Processes, Tenant};
use crate::population::{PEOPLE, hex};

/// Processes are started within so long before now.
const SPAN: TimeDelta = TimeDelta::days(7);

/// The table with this name.
pub(super) fn table(tenant: &Tenant, name: &str, processes: Processes, now: DateTime<Utc>) -> Option<Table> {
    match name {
        "DeviceInfo" => Some(machines(tenant, now)),
        "AlertInfo" => Some(alerts(tenant)),
        "DeviceProcessEvents" => Some(process_events(tenant, processes)),
        _ => None,
    }
}

/// As the engine writes times: seven digits, trailing zeros dropped.
fn stamp(at: DateTime<Utc>) -> Json {
    let text = at.format("%Y-%m-%dT%H:%M:%S%.9f").to_string();
    let text = text[..text.len() - 2].trim_end_matches('0').trim_end_matches('.').to_owned();
    json!(text + "Z")
}

fn columns(columns: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
    columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect()
}

fn machines(tenant: &Tenant, now: DateTime<Utc>) -> Table {
    let rows = tenant.machines().iter().map(|machine| {
        vec![
            stamp(now - TimeDelta::hours(1)),
            json!(machine.id),
            json!(machine.name),
            json!(machine.group),
            json!(1),
        ]
    });
    Table {
        columns: columns(&[
            ("Timestamp", "DateTime"),
            ("DeviceId", "String"),
            ("DeviceName", "String"),
            ("MachineGroup", "String"),
            ("IsAzureADJoined", "SByte"),
        ]),
        rows: rows.collect(),
    }
}

fn alerts(tenant: &Tenant) -> Table {
    let state = tenant.lock();
    let rows = state.alerts.iter().map(|alert| {
        vec![
            stamp(alert.created),
            json!(alert.id),
            json!(alert.story.title),
            json!(alert.story.category),
            json!(alert.severity),
            json!("Microsoft Defender for Endpoint"),
        ]
    });
    Table {
        columns: columns(&[
            ("Timestamp", "DateTime"),
            ("AlertId", "String"),
            ("Title", "String"),
            ("Category", "String"),
            ("Severity", "String"),
            ("ServiceSource", "String"),
        ]),
        rows: rows.collect(),
    }
}

/// Processes, the newest first; every fifth at the same moment as the one before, most of them within the last day.
pub(super) fn process_events(tenant: &Tenant, Processes { count, until }: Processes) -> Table {
    let files = ["powershell.exe", "cmd.exe", "csc.exe", "rundll32.exe", "teams.exe", "curl"];
    let machines = tenant.machines();
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // a rough spread is enough
    let at = |n: usize| {
        let share = (n - usize::from(n % 5 == 4)) as f64 / count.max(1) as f64;
        until
            - TimeDelta::nanoseconds((SPAN.num_seconds() as f64 * share.powi(3) * 1e9) as i64 / 100 * 100)
            - TimeDelta::milliseconds(1)
    };
    let rows = (0..count).map(|n| {
        let machine = &machines[n % machines.len()];
        let file = files[(n / 3) % files.len()];
        let (account, _) = PEOPLE[n % PEOPLE.len()];
        vec![
            stamp(at(n)),
            json!(machine.id),
            json!(machine.name),
            json!("ProcessCreated"),
            json!(file),
            json!(hex(n as u64 % 97, 40)),
            json!(format!("{file} --run {}", n % 7)),
            json!(account),
            json!(i64::try_from(n).unwrap_or_default() + 1),
            json!(i64::from(n % 9 == 0)),
            json!(json!({"InitiatingProcess": "explorer.exe", "Rank": n % 3}).to_string()),
        ]
    });
    Table {
        columns: columns(&[
            ("Timestamp", "DateTime"),
            ("DeviceId", "String"),
            ("DeviceName", "String"),
            ("ActionType", "String"),
            ("FileName", "String"),
            ("SHA1", "String"),
            ("ProcessCommandLine", "String"),
            ("AccountName", "String"),
            ("ReportId", "Int64"),
            ("IsProcessRemoteSession", "SByte"),
            ("AdditionalFields", "Object"),
        ]),
        rows: rows.collect(),
    }
}
