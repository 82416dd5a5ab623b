//! What goes to stdout: tables on a terminal, one JSON object per line everywhere else.

use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write as _};

use chrono::{DateTime, Utc};
use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, Color, ColumnConstraint, ContentArrangement, Table, Width};
use pocketsoc_model::ocsf::Activity;
use pocketsoc_model::{Detection, Entity, EntityKind, Severity, Status};
use serde::Serialize;

use crate::args::Common;
use crate::failure::Failure;

/// Rows of a table that are printed together.
const BATCH: usize = 100;

/// Prints detections as they come.
#[allow(clippy::struct_excessive_bools)] // independent switches of the user
pub(crate) struct Output {
    out: BufWriter<Stdout>,
    table: bool,
    colour: bool,
    raw: bool,
    ocsf: bool,
    rows: Vec<Detection>,
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
        self.rows.push(detection);
        if self.rows.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    /// A detection with everything it has, or as a line of JSON.
    pub(crate) fn card(&mut self, detection: &Detection, activity: Activity) -> Result<(), Failure> {
        if self.table { self.text(&card(detection)) } else { self.json(detection, activity) }
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
            let place = place(d);
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
    field("merged into", d.merged_into.as_ref().map(ToString::to_string));
    field("provider", d.provider.clone());
    field("resources", words(d.resources.iter().map(|r| r.id.clone()).collect()));
    field("tags", words(d.tags.clone()));
    field("incident", d.incident_id.as_ref().map(|i| i.as_str().to_owned()));
    field("page", d.url.clone());
    for (name, text) in d.properties.iter() {
        field(name, Some(text.to_owned()));
    }
    if let Some(description) = &d.description {
        lines.push(String::new());
        lines.extend(description.lines().map(|line| format!("  {}", clean(line))));
    }
    for (kind, entities) in grouped(&d.entities) {
        lines.push(String::new());
        lines.push(format!("  {kind} ({})", entities.len()));
        lines.extend(entities.iter().flat_map(|e| entity(e)).map(|line| format!("    {line}")));
    }
    if !d.comments.is_empty() {
        lines.push(String::new());
    }
    for comment in &d.comments {
        let by = comment.created_by.as_deref().unwrap_or("somebody");
        lines.push(format!("  {:<14}{}: {}", "comment", clean(by), clean(&comment.text)));
    }
    lines.join("\n")
}

/// Entities by kind, in the order in which the kinds first appear.
fn grouped(entities: &[Entity]) -> Vec<(&'static str, Vec<&Entity>)> {
    let mut groups: Vec<(&'static str, Vec<&Entity>)> = Vec::new();
    for entity in entities {
        match groups.iter_mut().find(|(kind, _)| *kind == entity.type_name()) {
            Some((_, group)) => group.push(entity),
            None => groups.push((entity.type_name(), vec![entity])),
        }
    }
    groups
}

/// An entity in a line; a process under the one that started it.
fn entity(entity: &Entity) -> Vec<String> {
    let some = |texts: Vec<Option<String>>| texts.into_iter().flatten().collect::<Vec<_>>().join("  ");
    let more = match &entity.kind {
        EntityKind::Process(process) => {
            let told = some(vec![process.pid.map(|pid| format!("[{pid}]")), process.command_line.clone()]);
            let name = line(entity, &told);
            return match &process.parent {
                Some(parent) => {
                    let pid = parent.process.pid.map(|pid| format!("  [{pid}]")).unwrap_or_default();
                    vec![clean(&format!("{}{pid}", parent.name)), format!("└─ {name}")]
                }
                None => vec![name],
            };
        }
        EntityKind::File(file) => {
            some(vec![file.path.clone(), file.sha256.clone().or_else(|| file.sha1.clone())])
        }
        EntityKind::User(user) => user.upn.clone().or_else(|| user.domain.clone()).unwrap_or_default(),
        EntityKind::Device(device) => some(vec![device.os.clone(), device.group.clone()]),
        EntityKind::Registry(registry) => some(vec![registry.value_name.clone(), registry.value.clone()]),
        EntityKind::Ip(ip) => ip.country.clone().unwrap_or_default(),
        EntityKind::Email(mail) => some(vec![
            mail.sender.as_ref().map(|from| format!("from {from}")),
            mail.recipient.as_ref().map(|to| format!("to {to}")),
        ]),
        EntityKind::CloudResource(resource) => resource.id.clone().unwrap_or_default(),
        EntityKind::Container(container) => some(vec![container.image.clone(), container.pod.clone()]),
        EntityKind::Other(other) => other.kind.clone().unwrap_or_default(),
        _ => String::new(),
    };
    vec![line(entity, &more)]
}

fn line(entity: &Entity, more: &str) -> String {
    clean(&format!("{}  {more}", entity.name)).trim().to_owned()
}
