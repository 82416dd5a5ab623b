//! Labels of machines, and how much each matters.

use pocketsoc_model::{Error, ErrorKind, Result};
use pocketsoc_transport::{Call, PagePlan, Replay, Route};
use serde::Serialize;

use super::{DeviceValue, Machine, MachineId, Machines, WRITE};
use crate::route;

const UPDATING: &str = "update the machine";
const UPDATE: Route = route::patch(UPDATING, "/api/machines/{id}", WRITE);
const TAG: Route = route::post("change the machine's tags", "/api/machines/{id}/tags", WRITE);
const TAG_MANY: Route =
    route::post("change machines' tags", "/api/machines/AddOrRemoveTagForMultipleMachines", WRITE);
const VALUE: Route = route::post("set the machine's value", "/api/machines/{id}/setDeviceValue", WRITE);

/// So many machines are labelled in one call.
const MOST_TAGGED: usize = 500;

/// Whether a label is put on or taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum TagAction {
    /// On.
    Add,
    /// Off.
    Remove,
}

/// What to change on a machine; what is not named stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct MachineUpdate {
    added: Vec<String>,
    removed: Vec<String>,
    value: Option<DeviceValue>,
}

impl MachineUpdate {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also this label on.
    pub fn with_tag(mut self, label: impl Into<String>) -> Self {
        self.added.push(label.into());
        self
    }

    /// Also this label off.
    pub fn without_tag(mut self, label: impl Into<String>) -> Self {
        self.removed.push(label.into());
        self
    }

    /// Also how much it matters.
    pub fn with_value(mut self, value: DeviceValue) -> Self {
        self.value = Some(value);
        self
    }
}

/// A change of labels.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TagChange<'a> {
    value: &'a str,
    action: TagAction,
    #[serde(skip_serializing_if = "Option::is_none")]
    machine_ids: Option<Vec<&'a str>>,
}

impl Machines {
    /// Puts a label on a machine or takes it off; doing it twice is doing it once. Page: "Add or remove machine tags
    /// API". Needs `Machine.ReadWrite.All` (application) or `Machine.ReadWrite` (delegated).
    ///
    /// # Errors
    /// `NotFound` when there is no machine with this id; `InvalidRequest` for an empty label.
    pub async fn tag(&self, id: &MachineId, label: &str, action: TagAction) -> Result<Machine> {
        let change = TagChange { value: checked(label)?, action, machine_ids: None };
        let call = TAG.call(&[id.as_str()])?.with_replay(Replay::Always).with_json(&change)?;
        self.endpoint.element(&call).await
    }

    /// The same for up to 500 machines; they are returned as they then are. Page: "Add or remove a tag for multiple
    /// machines". Needs `Machine.ReadWrite.All` (application) or `Machine.ReadWrite` (delegated).
    ///
    /// # Errors
    /// `InvalidRequest` for an empty label, none or more than 500; `OutcomeUnknown` when it may have happened.
    pub async fn tag_many(&self, ids: &[MachineId], label: &str, action: TagAction) -> Result<Vec<Machine>> {
        let tagged = self.endpoint.walk(tag_many(ids, label, action)?, PagePlan::by_links()).collect().await;
        tagged.map_err(|error| match error.kind() {
            // The service has said yes before it said what cannot be read.
            ErrorKind::Decode => error.with_kind(ErrorKind::OutcomeUnknown),
            _ => error,
        })
    }

    /// Changes labels and value of a machine. Page: "Update machine entity API". Needs `Machine.ReadWrite.All`
    /// (application) or `Machine.ReadWrite` (delegated).
    ///
    /// The page says both that labels are added and that they are replaced: where labels change, the machine is read first,
    /// and what is sent are the labels that it then has all together. Labels that somebody else changes at the same moment
    /// may be lost; [`tag`](Self::tag) changes one alone.
    ///
    /// # Errors
    /// `NotFound` when there is no machine with this id; `InvalidRequest` for an empty label or no change at all;
    /// `NotApplied` when the service answers success and the machine is not as asked.
    pub async fn update(&self, id: &MachineId, change: &MachineUpdate) -> Result<Machine> {
        change.check()?;
        let labels = if change.changes_labels() { Some(change.labels(&self.get(id).await?)) } else { None };
        let now: Machine = self.endpoint.element(&update(id, change, labels.as_deref())?).await?;
        let as_asked = labels.is_none_or(|asked| same(&asked, &now.machine_tags))
            && change.value.as_ref().is_none_or(|asked| now.device_value.as_ref() == Some(asked));
        if as_asked {
            return Ok(now);
        }
        Err(Error::new(ErrorKind::NotApplied, UPDATING)
            .with_message("the service answered success, and the machine is not as asked")
            .with_hint("change one label at a time with `tag`, and the value with `set_value`"))
    }

    /// Says how much a machine matters. Page: "Set device value API". Needs `Machine.ReadWrite.All` (application) or
    /// `Machine.ReadWrite` (delegated).
    ///
    /// # Errors
    /// `NotFound` when there is no machine with this id.
    pub async fn set_value(&self, id: &MachineId, value: &DeviceValue) -> Result<Machine> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Change<'a> {
            device_value: &'a str,
        }
        let change = Change { device_value: value.as_str() };
        let call = VALUE.call(&[id.as_str()])?.with_replay(Replay::Always).with_json(&change)?;
        self.endpoint.element(&call).await
    }
}

impl MachineUpdate {
    fn changes_labels(&self) -> bool {
        !self.added.is_empty() || !self.removed.is_empty()
    }

    fn check(&self) -> Result<()> {
        self.added.iter().try_for_each(|label| checked(label).map(drop))?;
        if *self == Self::default() {
            return Err(
                Error::new(ErrorKind::InvalidRequest, UPDATING).with_message("nothing is to be changed")
            );
        }
        Ok(())
    }

    /// The labels that a machine then has.
    fn labels(&self, now: &Machine) -> Vec<String> {
        let mut labels = now.machine_tags.clone();
        labels.retain(|label| !self.removed.contains(label));
        for label in &self.added {
            if !labels.contains(label) {
                labels.push(label.clone());
            }
        }
        labels
    }
}

/// Whether the labels are the same ones, in whatever order.
fn same(asked: &[String], found: &[String]) -> bool {
    asked.len() == found.len() && asked.iter().all(|label| found.contains(label))
}

/// The call behind [`Machines::update`].
fn update(id: &MachineId, change: &MachineUpdate, labels: Option<&[String]>) -> Result<Call> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        machine_tags: Option<&'a [String]>,
        #[serde(skip_serializing_if = "Option::is_none")]
        device_value: Option<&'a str>,
    }
    let body = Body { machine_tags: labels, device_value: change.value.as_ref().map(DeviceValue::as_str) };
    UPDATE.call(&[id.as_str()])?.with_replay(Replay::Always).with_json(&body)
}

/// The call behind [`Machines::tag_many`].
fn tag_many(ids: &[MachineId], label: &str, action: TagAction) -> Result<Call> {
    if ids.is_empty() || ids.len() > MOST_TAGGED {
        return Err(Error::new(ErrorKind::InvalidRequest, "change machines' tags").with_message(format!(
            "{} machines are given; the service takes 1 to {MOST_TAGGED}",
            ids.len()
        )));
    }
    let machine_ids = Some(ids.iter().map(MachineId::as_str).collect());
    let change = TagChange { value: checked(label)?, action, machine_ids };
    TAG_MANY.call(&[])?.with_replay(Replay::Always).with_json(&change)
}

/// Refuses an empty label: every label begins so.
pub(super) fn checked(label: &str) -> Result<&str> {
    if label.trim().is_empty() {
        return Err(Error::new(ErrorKind::InvalidRequest, "change the machine's tags")
            .with_message("the label is empty"));
    }
    Ok(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_changed_in_pascal_case_and_for_at_most_five_hundred() {
        let id = MachineId::new("m1").unwrap();
        let call = tag_many(std::slice::from_ref(&id), "quarantine", TagAction::Add).unwrap();
        assert_eq!(
            std::str::from_utf8(call.body().unwrap()).unwrap(),
            r#"{"Value":"quarantine","Action":"Add","MachineIds":["m1"]}"#
        );
        assert_eq!(call.replay(), Replay::Always);
        assert!(tag_many(&[], "x", TagAction::Add).is_err());
        assert!(tag_many(&vec![id.clone(); 501], "x", TagAction::Remove).is_err());
        assert!(tag_many(&[id], " ", TagAction::Add).is_err());
    }

    #[test]
    fn a_change_sends_all_labels_that_the_machine_then_has() {
        let now = Machine::from_json(r#"{"id":"m1","machineTags":["old","stale"]}"#).unwrap();
        let change = MachineUpdate::new()
            .with_tag("new")
            .with_tag("old")
            .without_tag("stale")
            .with_value(DeviceValue::High);
        let labels = change.labels(&now);
        let call = update(&now.id, &change, Some(&labels)).unwrap();
        assert_eq!((call.method().as_str(), call.target().as_str()), ("PATCH", "/api/machines/m1"));
        assert_eq!(
            std::str::from_utf8(call.body().unwrap()).unwrap(),
            r#"{"machineTags":["old","new"],"deviceValue":"High"}"#
        );
        assert_eq!(call.replay(), Replay::Always);
        let valued = MachineUpdate::new().with_value(DeviceValue::Low);
        let call = update(&now.id, &valued, None).unwrap();
        assert_eq!(std::str::from_utf8(call.body().unwrap()).unwrap(), r#"{"deviceValue":"Low"}"#);
        assert!(!valued.changes_labels() && valued.check().is_ok());
        assert!(MachineUpdate::new().check().is_err() && MachineUpdate::new().with_tag(" ").check().is_err());
    }
}
