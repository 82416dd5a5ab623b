//! What goes to stdout: tables on a terminal, one JSON object per line everywhere else.

use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write as _};

use chrono::{DateTime, Utc};
use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, Color, ColumnConstraint, ContentArrangement, Table, Width};
use pocketsoc_model::{Detection, Entity, EntityKind, Severity, Status};
use serde::Serialize;

use crate::args::Common;
use crate::failure::Failure;

/// Rows of a table that are printed together.
const BATCH: usize = 100;

/// Prints detections as they come.
#[allow(clippy::struct_excessive_bools)] // four independent switches of the user
pub(crate) struct Output {
    out: BufWriter<Stdout>,
    table: bool,
    colour: bool,
    raw: bool,
    rows: Vec<Detection>,
    headed: bool,
}

impl Output {
    pub(crate) fn new(common: &Common) -> Self {
        let terminal = io::stdout().is_terminal();
        Self {
            out: BufWriter::new(io::stdout()),
            table: terminal && !common.json && !common.raw,
            colour: std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
            raw: common.raw,
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
            return self.json(&detection);
        }
        self.rows.push(detection);
        if self.rows.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    /// A detection with everything it has, or as a line of JSON.
    pub(crate) fn card(&mut self, detection: &Detection) -> Result<(), Failure> {
        if self.table { self.text(&card(detection)) } else { self.json(detection) }
    }

    /// A detection as a line of JSON.
    pub(crate) fn json(&mut self, detection: &Detection) -> Result<(), Failure> {
        if self.raw { self.line(&detection.with_raw()) } else { self.line(detection) }
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

    fn table_of(&self, detections: &[Detection]) -> Table {
        let mut table = Table::new();
        table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        if !self.headed {
            let header = ["SEVERITY", "STATUS", "UPDATED (UTC)", "PROFILE", "WHERE", "TITLE", "ID"];
            table.set_header(header.map(|text| self.paint(Cell::new(text), None, true)));
        }
        for d in detections {
            let device = d.entities.iter().find(|e| matches!(e.kind, EntityKind::Device(_)));
            let place = device.map_or("", |e| e.name.split('.').next().unwrap_or_default());
            table.add_row([
                self.paint(Cell::new(d.severity), colour_of(d.severity), d.severity == Severity::High),
                self.paint(Cell::new(d.status), (d.status == Status::Active).then_some(Color::Yellow), false),
                Cell::new(d.updated_at.map(minute).unwrap_or_default()),
                Cell::new(clean(&d.profile)),
                Cell::new(clean(place)),
                Cell::new(clean(&d.title)),
                Cell::new(clean(d.id.as_str())),
            ]);
        }
        // Fixed widths, so that one batch stands under the other.
        for (index, width) in [13, 15, 16, 12, 12].into_iter().enumerate() {
            if let Some(column) = table.column_mut(index) {
                column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width + 2)));
            }
        }
        if let Some(column) = table.column_mut(6) {
            column.set_constraint(ColumnConstraint::ContentWidth);
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

fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M").to_string()
}

/// Text of a service for a terminal: one line, no control characters.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A detection with everything that a person wants to read.
fn card(d: &Detection) -> String {
    let mut lines = vec![format!("{}  [{}]", clean(&d.title), d.severity)];
    let mut field = |name: &str, text: Option<String>| {
        if let Some(text) = text.filter(|t| !t.is_empty()) {
            lines.push(format!("  {name:<19} {}", clean(&text)));
        }
    };
    let words = |list: Vec<String>| (!list.is_empty()).then(|| list.join(", "));
    field("id", Some(d.id.to_string()));
    field("profile", Some(d.profile.clone()));
    field("product", Some(d.product.to_string()));
    field("status", Some(d.status.to_string()));
    field("may become", words(d.allowed_statuses.iter().map(ToString::to_string).collect()));
    field("classification", d.classification.map(|c| c.to_string()));
    field("determination", d.determination.map(|c| c.to_string()));
    field("assigned to", d.assigned_to.clone());
    field("category", d.category.clone());
    field("tactics", words(d.tactics.iter().map(ToString::to_string).collect()));
    field("techniques", words(d.techniques.iter().map(ToString::to_string).collect()));
    field("created", d.created_at.map(minute));
    field("updated", d.updated_at.map(minute));
    field("resolved", d.resolved_at.map(minute));
    field("incident", d.incident_id.as_ref().map(|i| i.as_str().to_owned()));
    field("page", d.url.clone());
    for (name, text) in d.properties.iter() {
        field(name, Some(text.to_owned()));
    }
    if let Some(description) = &d.description {
        lines.push(String::new());
        lines.extend(description.lines().map(|line| format!("  {}", clean(line))));
    }
    if !d.entities.is_empty() {
        lines.push(String::new());
        lines.extend(d.entities.iter().map(|e| format!("  {:<14}{}", e.type_name(), entity(e))));
    }
    for comment in &d.comments {
        let by = comment.created_by.as_deref().unwrap_or("somebody");
        lines.push(format!("  {:<14}{}: {}", "comment", clean(by), clean(&comment.text)));
    }
    lines.join("\n")
}

/// An entity in a line; a process with the one that started it.
fn entity(entity: &Entity) -> String {
    let more = match &entity.kind {
        EntityKind::Process(process) => {
            let parent = process.parent.as_ref().map(|p| format!("started by {}", p.name));
            [process.command_line.clone(), parent].into_iter().flatten().collect::<Vec<_>>().join("  ")
        }
        EntityKind::File(file) => file.path.clone().unwrap_or_default(),
        EntityKind::User(user) => user.upn.clone().or_else(|| user.domain.clone()).unwrap_or_default(),
        EntityKind::Device(device) => device.group.clone().unwrap_or_default(),
        EntityKind::Registry(registry) => registry.value.clone().unwrap_or_default(),
        _ => String::new(),
    };
    clean(&format!("{}  {more}", entity.name)).trim_end().to_owned()
}
