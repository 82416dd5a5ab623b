//! What goes to stdout: tables on a terminal, one JSON object per line everywhere else.

use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write as _};

use chrono::{DateTime, Utc};
use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, Color, ColumnConstraint, ContentArrangement, Table, Width};
use pocketsoc_feed::{ChangeKind, FeedChange, Sighting};
use pocketsoc_model::ocsf::Activity;
use pocketsoc_model::{Detection, DetectionId, EntityKind, Product, RawJson, Severity, Status};
use serde::Serialize;

use crate::args::Common;
use crate::card;
use crate::failure::Failure;

/// Rows of a table that are printed together.
const BATCH: usize = 100;

/// A table whose columns would be narrower than this is no table.
const LEAST_COLUMN: usize = 12;

/// What can be printed as a table or as lines of JSON.
pub(crate) trait Rows {
    type Row: Serialize;
    /// One line each.
    fn rows(&self) -> &[Self::Row];
    /// What stands over the columns.
    fn columns(&self) -> Vec<&str>;
    /// A row's cells.
    fn cells(&self, row: &Self::Row) -> Vec<String>;
}

/// A detection with its processes in order, as a line of JSON.
#[derive(Serialize)]
struct Card<'a> {
    #[serde(flatten)]
    detection: WithRaw<'a>,
    process_tree: Vec<card::ProcessLine<'a>>,
}

/// A change, as a line of JSON.
#[derive(Serialize)]
struct ChangeLine<'a> {
    change: &'a str,
    changed: Vec<&'a str>,
    detection: WithRaw<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sightings: Vec<SightingLine<'a>>,
}

#[derive(Serialize)]
struct WithRaw<'a> {
    #[serde(flatten)]
    detection: &'a Detection,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<&'a RawJson>,
}

/// The same alert elsewhere.
#[derive(Serialize)]
struct SightingLine<'a> {
    profile: &'a str,
    product: &'a Product,
    id: &'a DetectionId,
}

impl<'a> SightingLine<'a> {
    fn of(sighting: &'a Sighting) -> Self {
        Self { profile: &sighting.profile, product: &sighting.product, id: &sighting.id }
    }
}

fn activity_of(change: &FeedChange) -> Activity {
    match (change.kind, change.detection.status) {
        (ChangeKind::New, _) => Activity::Create,
        (ChangeKind::StatusChanged, Status::Resolved | Status::Dismissed | Status::Merged) => Activity::Close,
        _ => Activity::Update,
    }
}

/// Prints detections as they come.
#[allow(clippy::struct_excessive_bools)] // independent switches of the user
pub(crate) struct Output {
    out: BufWriter<Stdout>,
    table: bool,
    colour: bool,
    raw: bool,
    ocsf: bool,
    rows: Vec<(Option<String>, Detection)>,
    headed: bool,
}

impl Output {
    pub(crate) fn new(common: &Common) -> Self {
        let terminal = io::stdout().is_terminal();
        Self {
            out: BufWriter::new(io::stdout()),
            table: terminal && !common.json && !common.raw && !common.ocsf,
            colour: std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
            raw: common.raw,
            ocsf: common.ocsf,
            rows: Vec::new(),
            headed: false,
        }
    }

    /// Whether tables are printed.
    pub(crate) fn is_table(&self) -> bool {
        self.table
    }

    /// A detection as a row, or as a line of JSON.
    pub(crate) fn row(&mut self, detection: Detection) -> Result<(), Failure> {
        if !self.table {
            return self.json(&detection, Activity::Create);
        }
        self.rows.push((None, detection));
        if self.rows.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    /// A change as a row, or as a line of JSON; on its way when this returns.
    pub(crate) fn change(&mut self, change: FeedChange) -> Result<(), Failure> {
        if self.table {
            let what: Vec<_> = std::iter::once(change.kind.as_str()).chain(change.changed_keys()).collect();
            self.rows.push((Some(what.join("\n")), *change.detection));
        } else if self.ocsf {
            self.json(&change.detection, activity_of(&change))?;
        } else {
            let raw = change.detection.raw.as_ref().filter(|_| self.raw);
            self.line(&ChangeLine {
                change: change.kind.as_str(),
                changed: change.changed_keys(),
                detection: WithRaw { detection: &change.detection, raw },
                sightings: change.sightings.iter().map(SightingLine::of).collect(),
            })?;
        }
        self.flush()
    }

    /// A detection with everything it has, or as a line of JSON.
    pub(crate) fn card(&mut self, detection: &Detection, activity: Activity) -> Result<(), Failure> {
        if self.table {
            return self.text(&card::of(detection));
        }
        let processes = card::processes(detection);
        if self.ocsf || processes.is_empty() {
            return self.json(detection, activity);
        }
        let raw = detection.raw.as_ref().filter(|_| self.raw);
        self.line(&Card { detection: WithRaw { detection, raw }, process_tree: processes })
    }

    /// A detection as a line of JSON.
    pub(crate) fn json(&mut self, detection: &Detection, activity: Activity) -> Result<(), Failure> {
        if self.ocsf {
            let finding = detection.to_ocsf(activity);
            let finding = if self.raw { finding.with_raw_data(detection) } else { finding };
            return self.line(&finding);
        }
        if self.raw { self.line(&detection.with_raw()) } else { self.line(detection) }
    }

    /// Rows of something else, as a table or as lines of JSON.
    pub(crate) fn rows<R: Rows>(&mut self, rows: &R) -> Result<(), Failure> {
        if !self.table {
            for row in rows.rows() {
                self.line(row)?;
            }
            return self.flush();
        }
        let mut table = Table::new();
        table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        let columns = rows.columns();
        if table.width().is_some_and(|width| columns.len() * LEAST_COLUMN > usize::from(width)) {
            return self.text(&blocks(rows));
        }
        table.set_header(columns.into_iter().map(|text| self.paint(Cell::new(text), None, true)));
        for row in rows.rows() {
            table.add_row(rows.cells(row).iter().map(|cell| clean(cell)));
        }
        self.text(&table.to_string())
    }

    /// Plain text.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Failure> {
        self.flush()?;
        writeln!(self.out, "{text}").and_then(|()| self.out.flush()).map_err(|e| unwritable(&e))
    }

    /// Prints what is held back.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        if !self.rows.is_empty() {
            let rows = std::mem::take(&mut self.rows);
            let table = self.table_of(&rows);
            writeln!(self.out, "{table}").map_err(|e| unwritable(&e))?;
            self.headed = true;
        }
        self.out.flush().map_err(|e| unwritable(&e))
    }

    fn line(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.out, value).map_err(|e| unwritable(&e.into()))?;
        self.out.write_all(b"\n").map_err(|e| unwritable(&e))
    }

    fn table_of(&self, detections: &[(Option<String>, Detection)]) -> Table {
        let mut table = Table::new();
        table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        // On a narrow terminal the title comes before who and where.
        let wide = table.width().is_none_or(|width| width >= 110);
        let mut columns = vec![("SEVERITY", 8), ("STATUS", 11)];
        if detections.iter().any(|(change, _)| change.is_some()) {
            columns.insert(0, ("CHANGE", 14));
        }
        if wide {
            columns.extend([("UPDATED (UTC)", 16), ("PROFILE", 10), ("WHERE", 14)]);
        }
        if !self.headed {
            let header = columns.iter().map(|(name, _)| *name).chain(["TITLE, ID"]);
            table.set_header(header.map(|text| self.paint(Cell::new(text), None, true)));
        }
        for (change, d) in detections {
            let severity =
                if d.severity == Severity::Informational { "info".into() } else { d.severity.to_string() };
            let mut cells: Vec<_> = change.iter().map(Cell::new).collect();
            cells.extend([
                self.paint(Cell::new(severity), colour_of(d.severity), d.severity == Severity::High),
                self.paint(Cell::new(d.status), (d.status == Status::Active).then_some(Color::Yellow), false),
            ]);
            if wide {
                cells.push(Cell::new(d.updated_at.map(minute).unwrap_or_default()));
                cells.push(Cell::new(clean(&d.profile)));
                cells.push(Cell::new(clean(place(d))));
            }
            cells.push(Cell::new(format!("{}\n{}", clean(&d.title), clean(short_id(d)))));
            table.add_row(cells);
        }
        // Fixed widths, so that one batch stands under the other.
        for (index, (_, width)) in columns.iter().enumerate() {
            if let Some(column) = table.column_mut(index) {
                column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width + 2)));
            }
        }
        table
    }

    fn paint(&self, cell: Cell, colour: Option<Color>, bold: bool) -> Cell {
        if !self.colour {
            return cell;
        }
        let cell = match colour {
            Some(colour) => cell.fg(colour),
            None => cell,
        };
        if bold { cell.add_attribute(Attribute::Bold) } else { cell }
    }
}

/// Rows one under the other, a line for each column that has something.
fn blocks<R: Rows>(rows: &R) -> String {
    let columns = rows.columns();
    let widest = columns.iter().map(|name| name.chars().count()).max().unwrap_or_default();
    let block = |row: &R::Row| -> String {
        let cells = rows.cells(row).into_iter().zip(&columns).filter(|(cell, _)| !cell.is_empty());
        let lines: Vec<_> = cells.map(|(cell, name)| format!("{name:widest$}  {}", clean(&cell))).collect();
        lines.join("\n") + "\n"
    };
    rows.rows().iter().map(block).collect::<Vec<_>>().join("\n")
}

fn unwritable(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        // The reader has seen enough, as `head` does.
        std::process::exit(0);
    }
    Failure::operation(format!("write to standard output: {error}"))
}

fn colour_of(severity: Severity) -> Option<Color> {
    match severity {
        Severity::Critical | Severity::High => Some(Color::Red),
        Severity::Medium => Some(Color::Yellow),
        Severity::Low => Some(Color::Cyan),
        _ => None,
    }
}

/// Where it happened: the machine, or the resource, or whose account.
fn place(d: &Detection) -> &str {
    let named =
        |kind: fn(&EntityKind) -> bool| d.entities.iter().find(|e| kind(&e.kind)).map(|e| e.name.as_str());
    let machine = named(|kind| matches!(kind, EntityKind::Device(_)));
    let machine = machine.map(|name| name.split('.').next().unwrap_or_default());
    let resource = || d.resources.first().map(|r| r.name.as_deref().unwrap_or(&r.id));
    machine
        .or_else(resource)
        .or_else(|| named(|kind| matches!(kind, EntityKind::User(_))))
        .unwrap_or_default()
}

/// What `show` and `triage` know it by: of an Azure resource the name is enough.
fn short_id(d: &Detection) -> &str {
    let id = d.id.as_str();
    if d.id.is_azure_resource() { id.rsplit('/').next().unwrap_or(id) } else { id }
}

pub(crate) fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M").to_string()
}

/// Text of a service for a terminal: one line, no control characters.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
