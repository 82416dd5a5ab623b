//! Automated investigations: those of the alerts, and those that somebody starts.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value as Json, json};

use super::actions::comment;
use super::listing::{list, page, text, time};
use super::render::stamp;
use super::{ALERT_READ, ALERT_WRITE, Answer, admit, machines, refusal, unknown};
use crate::message::{Reply, Request};
use crate::tenant::Tenant;

/// The fields that the service filters investigations by.
const FIELDS: &[&str] = &["startTime", "id", "state", "machineId", "triggeringAlertId"];

/// An investigation that somebody started.
pub(super) struct Started {
    machine: usize,
    at: DateTime<Utc>,
}

/// Starts one.
pub(super) fn start(tenant: &Tenant, request: &Request, id: &str) -> Answer {
    if request.method != "POST" {
        return Err(unknown());
    }
    admit(tenant, request, ALERT_WRITE)?;
    let machine = machines::found(tenant, id)?;
    if comment(request).is_none() {
        return Err(refusal(400, "MissingRequiredParameter", "Comment is required."));
    }
    let at = tenant.0.clock.now();
    let number = {
        let mut state = tenant.lock();
        state.mde.investigations.push(Started { machine, at });
        state.mde.investigations.len() - 1
    };
    Ok(Reply::json(201, render(tenant, number, machine, at).to_string()))
}

/// Answers `/api/investigations…`.
pub(super) fn investigations(tenant: &Tenant, request: &Request, path: &[&str]) -> Answer {
    if request.method != "GET" {
        return Err(unknown());
    }
    admit(tenant, request, ALERT_READ)?;
    let all = all(tenant);
    match path {
        [] => {
            let found = page(request, all, FIELDS, |one, name| match name {
                "startTime" => time(&one[name]),
                _ => text(&one[name]),
            })?;
            Ok(list("Investigations", &found))
        }
        [id] => {
            let found = all.into_iter().find(|one| one["id"] == **id);
            let found =
                found.ok_or_else(|| refusal(404, "ResourceNotFound", "Investigation was not found"))?;
            Ok(Reply::json(200, found.to_string()))
        }
        _ => Err(unknown()),
    }
}

fn all(tenant: &Tenant) -> Vec<Json> {
    let state = tenant.lock();
    let started = state.mde.investigations.iter().enumerate().rev();
    let started = started.map(|(number, one)| render(tenant, number, one.machine, one.at));
    let of_alerts = state.alerts.iter().filter_map(|alert| {
        let machine = &tenant.machines()[alert.machine % tenant.machines().len()];
        Some(json!({
            "id": alert.investigation()?.to_string(),
            "startTime": stamp(alert.created),
            "endTime": stamp(alert.created + TimeDelta::minutes(11)),
            "state": "Benign",
            "cancelledBy": null,
            "statusDetails": null,
            "machineId": machine.id,
            "computerDnsName": machine.name,
            "triggeringAlertId": alert.id,
        }))
    });
    started.chain(of_alerts).collect()
}

fn render(tenant: &Tenant, number: usize, machine: usize, at: DateTime<Utc>) -> Json {
    let machine = &tenant.machines()[machine];
    let done = tenant.0.clock.now() - at >= TimeDelta::minutes(10);
    json!({
        "id": (100_000 + number).to_string(),
        "startTime": stamp(at),
        "endTime": done.then(|| stamp(at + TimeDelta::minutes(10))),
        "state": if done { "SuccessfullyRemediated" } else { "Running" },
        "cancelledBy": null,
        "statusDetails": null,
        "machineId": machine.id,
        "computerDnsName": machine.name,
        "triggeringAlertId": format!("ia{}_1", 100_000 + number),
    })
}
