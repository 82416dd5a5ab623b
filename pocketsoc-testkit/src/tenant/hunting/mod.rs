//! Advanced hunting, as Defender for Endpoint and Graph answer it: a little KQL over a few tables, with the services'
//! limits.

mod events;
mod kql;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value as Json, json};

use super::Tenant;
use crate::message::{Reply, Request};
use kql::Table;

/// How hunts are answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// So many rows an answer, at most: it is cut off silently.
    pub(super) rows: usize,
    /// So many bytes an answer, at most: it is refused.
    pub(super) bytes: usize,
    /// The columns stand behind the rows.
    pub(super) schema_last: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rows: 100_000, bytes: 124 << 20, schema_last: false }
    }
}

/// Processes that were started.
#[derive(Debug, Clone, Copy)]
pub(super) struct Processes {
    pub(super) count: usize,
    /// All of them before this moment.
    pub(super) until: DateTime<Utc>,
}

/// How the members of an answer are spelled.
pub(super) struct Spelling {
    pub(super) schema: &'static str,
    pub(super) results: &'static str,
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
}

impl Tenant {
    /// Hunts answer with so many rows at most, cut off silently; 100,000 unless told.
    pub fn cut_hunts_off_at(&self, rows: usize) {
        self.lock().hunting.rows = rows;
    }

    /// Hunts whose answer would be larger than this are refused; 124 MB unless told.
    pub fn refuse_hunts_above(&self, bytes: usize) {
        self.lock().hunting.bytes = bytes;
    }

    /// Hunts answer with the columns behind the rows.
    pub fn give_hunts_schema_last(&self) {
        self.lock().hunting.schema_last = true;
    }

    /// So many processes were started, in the seven days before now, to be hunted for in `DeviceProcessEvents`.
    pub fn set_process_events(&self, count: usize) {
        let until = self.0.clock.now();
        self.lock().processes = Processes { count, until };
    }
}

/// Whether a process was started on this machine, at this time, in this report.
pub(super) fn knows_event(tenant: &Tenant, machine: &str, time: &str, report: &str) -> bool {
    let processes = tenant.lock().processes;
    let table = events::process_events(tenant, processes);
    let place = |name: &str| table.columns.iter().position(|(known, _)| known == name);
    let (Some(at), Some(on), Some(number)) = (place("Timestamp"), place("DeviceId"), place("ReportId"))
    else {
        return false;
    };
    let report = report.parse::<i64>().ok();
    table.rows.iter().any(|row| row[at] == time && row[on] == machine && row[number].as_i64() == report)
}

/// Runs what the request asks for; a refusal is a code and a message.
pub(super) fn run(
    tenant: &Tenant,
    request: &Request,
    spelling: &Spelling,
) -> Result<Reply, (u16, &'static str, String)> {
    let bad = |message: String| (400, "BadRequest", message);
    let body = request.json().unwrap_or_default();
    let Some(query) = body["Query"].as_str().or(body["query"].as_str()) else {
        return Err(bad("The request body does not contain a Query.".into()));
    };
    let now = tenant.0.clock.now();
    let (limits, processes) = {
        let state = tenant.lock();
        (state.hunting, state.processes)
    };
    let table = |name: &str| events::table(tenant, name, processes, now);
    let mut found = kql::run(query, now, table).map_err(bad)?;
    found.rows.truncate(limits.rows);
    let text = render(&found, spelling, limits.schema_last);
    if text.len() > limits.bytes {
        let message = "Query execution has exceeded the allowed result size. Optimize your query by limiting the number of \
                       results and try again.";
        return Err(bad(message.into()));
    }
    Ok(Reply::json(200, text))
}

fn render(found: &Table, spelling: &Spelling, schema_last: bool) -> String {
    let column = |(name, kind): &(String, &str)| json!({(spelling.name): name, (spelling.kind): kind});
    let schema: Json = found.columns.iter().map(column).collect();
    let row = |values: &Vec<Json>| -> Json {
        let names = found.columns.iter().map(|(name, _)| name.clone());
        Json::Object(names.zip(values.iter().cloned()).collect::<Map<_, _>>())
    };
    let rows: Json = found.rows.iter().map(row).collect();
    let (schema, rows) =
        (format!("\"{}\":{schema}", spelling.schema), format!("\"{}\":{rows}", spelling.results));
    if schema_last { format!("{{{rows},{schema}}}") } else { format!("{{{schema},{rows}}}") }
}
