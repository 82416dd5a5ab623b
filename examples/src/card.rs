//! One detection as a person wants to read it: what it is, who and what it involves, and the source's extras last.

use pocketsoc_model::{Detection, Entity, EntityKind, ProcessNode, same_word};
use serde::Serialize;

use crate::output::{clean, minute};

/// How wide the names of fields are.
const NAMES: usize = 19;

/// The card of a detection.
pub(crate) fn of(d: &Detection) -> String {
    let mut lines = vec![format!("{}  [{}]", clean(&d.title), d.severity)];
    let mut field = |name: &str, text: Option<String>| {
        lines.extend(text.filter(|text| !text.is_empty()).into_iter().flat_map(|text| folded(name, &text)));
    };
    let words = |list: Vec<String>| (!list.is_empty()).then(|| list.join(", "));
    let status = match &d.native_status {
        Some(native) if !same_word(native, &d.status.to_string()) => format!("{} ({native})", d.status),
        _ => d.status.to_string(),
    };
    field("id", Some(d.id.to_string()));
    field("profile", Some(d.profile.clone()));
    field("product", Some(d.product.to_string()));
    field("status", Some(status));
    field("may become", words(d.allowed_statuses.iter().map(ToString::to_string).collect()));
    field("merged into", d.merged_into.as_ref().map(ToString::to_string));
    field("classification", d.classification.map(|c| c.to_string()));
    field("determination", d.determination.map(|c| c.to_string()));
    field("assigned to", d.assigned_to.clone());
    field("category", d.category.clone());
    field("tactics", words(d.tactics.iter().map(ToString::to_string).collect()));
    field("techniques", words(d.techniques.iter().map(ToString::to_string).collect()));
    field("created", d.created_at.map(minute));
    field("updated", d.updated_at.map(minute));
    field("resolved", d.resolved_at.map(minute));
    field("provider", d.provider.clone());
    field("resources", words(d.resources.iter().map(|r| r.id.clone()).collect()));
    field("tags", words(d.tags.clone()));
    field("incident", d.incident_id.as_ref().map(|i| i.as_str().to_owned()));
    field("page", d.url.clone());
    if let Some(description) = &d.description {
        lines.push(String::new());
        lines.extend(description.lines().map(|line| format!("  {}", clean(line))));
    }
    for (kind, entities) in grouped(&d.entities) {
        lines.push(String::new());
        lines.push(format!("  {kind} ({})", entities.len()));
        if kind == "process" {
            lines.extend(d.process_tree().iter().map(|node| format!("    {}", process(node))));
        } else {
            lines.extend(entities.iter().map(|e| format!("    {}", entity(e))));
        }
    }
    if !d.comments.is_empty() {
        lines.push(String::new());
    }
    for comment in &d.comments {
        let by = comment.created_by.as_deref().unwrap_or("somebody");
        lines.extend(folded("comment", &format!("{by}: {}", comment.text)));
    }
    if !d.properties.is_empty() {
        lines.push(String::new());
    }
    for (name, text) in d.properties.iter() {
        lines.extend(folded(name, text));
    }
    lines.join("\n")
}

/// A field with its text, line by line.
fn folded(name: &str, text: &str) -> Vec<String> {
    let name = clean(name);
    let mut lines: Vec<String> = Vec::new();
    if name.chars().count() > NAMES {
        lines.push(format!("  {name}"));
    }
    for line in text.lines() {
        let before = if lines.is_empty() { name.as_str() } else { "" };
        lines.push(format!("  {before:<NAMES$} {}", clean(line)));
    }
    lines
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

/// A process of a tree: those that it has started follow, one deeper.
#[derive(Serialize)]
pub(crate) struct ProcessLine<'a> {
    depth: usize,
    name: &'a str,
    pid: Option<i64>,
    command_line: Option<&'a str>,
}

/// The processes of a detection, each behind the one that started it.
pub(crate) fn processes<'a>(d: &'a Detection) -> Vec<ProcessLine<'a>> {
    let line = |node: ProcessNode<'a>| ProcessLine {
        depth: node.depth,
        name: node.name,
        pid: node.process.pid,
        command_line: node.process.command_line.as_deref(),
    };
    d.process_tree().into_iter().map(line).collect()
}

/// So deep a process is moved to the right; those below stand beneath each other.
const DEEPEST: usize = 12;

/// A process, below the one that started it.
fn process(node: &ProcessNode<'_>) -> String {
    let arm = match node.depth.min(DEEPEST) {
        0 => String::new(),
        depth => format!("{}└─ ", "   ".repeat(depth - 1)),
    };
    let pid = node.process.pid.map(|pid| format!("  [{pid}]")).unwrap_or_default();
    let command = node.process.command_line.as_ref().map(|line| format!("  {line}")).unwrap_or_default();
    format!("{arm}{}", clean(&format!("{}{pid}{command}", node.name)).trim())
}

/// An entity in a line.
fn entity(entity: &Entity) -> String {
    let some = |texts: Vec<Option<String>>| texts.into_iter().flatten().collect::<Vec<_>>().join("  ");
    let more = match &entity.kind {
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
    clean(&format!("{}  {more}", entity.name)).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_tells_the_story_before_the_extras() {
        let alert = r#"{"id":"/subscriptions/s/providers/Microsoft.Security/locations/l/alerts/n","properties":{
            "alertDisplayName":"Odd process","severity":"High","status":"Active","description":"One.\nTwo.",
            "remediationSteps":["First.","Second."],"extendedProperties":{"a very long name of a property":"x"},
            "entities":[{"$id":"1","type":"process","processId":"0x10","imageFile":{"type":"file","name":"cmd.exe"}},
            {"type":"process","processId":"17","imageFile":{"type":"file","name":"dump.exe"},"parentProcess":{"$ref":"1"}},
            {"type":"ip","address":"192.0.2.1"}]}}"#;
        let alert = defender_cloud_client::Alert::from_json(alert).unwrap();
        let card = of(&defender_cloud_client::normalize(alert).unwrap());
        let expected = [
            "Odd process  [high]",
            "  status              active",
            "  Two.",
            "  process (2)",
            "    cmd.exe  [16]",
            "    └─ dump.exe  [17]",
            "  ip (1)",
            "    192.0.2.1",
            "  remediationSteps    First.",
            "                      Second.",
            "  a very long name of a property",
            "                      x",
        ];
        let mut rest = card.as_str();
        for line in expected {
            let at = rest
                .find(&format!("{line}\n"))
                .or_else(|| rest.ends_with(line).then_some(rest.len() - line.len()));
            rest = &rest[at.unwrap_or_else(|| panic!("{line:?} is not next in\n{card}"))..];
        }
        assert_eq!(card.matches("cmd.exe").count(), 1, "a parent stands once\n{card}");
    }
}
