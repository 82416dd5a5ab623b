//! Sample alerts: asked for, on their way, there.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value as Json, json};

use super::alerts::Scope;
use super::{Answer, refusal};
use crate::message::{Reply, Request};
use crate::population;
use crate::tenant::{Tenant, origin};

/// How long they take.
const TAKES: TimeDelta = TimeDelta::seconds(120);

/// Operations that have begun, the bundles that they will raise, and when.
pub(super) type Begun = Vec<(String, Vec<String>, DateTime<Utc>)>;

const BUNDLES: [&str; 9] = [
    "AppServices",
    "DNS",
    "KeyVaults",
    "KubernetesService",
    "ResourceManager",
    "SqlServers",
    "StorageAccounts",
    "VirtualMachines",
    "CosmosDbs",
];

/// Begins an operation.
pub(super) fn begin(tenant: &Tenant, request: &Request, scope: &Scope<'_>) -> Answer {
    let body = request.json().unwrap_or_default();
    let said = &body["properties"];
    let bundles: Vec<String> = said["bundles"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .map(str::to_owned)
        .collect();
    let strange = bundles.iter().find(|bundle| !BUNDLES.contains(&bundle.as_str()));
    if said["kind"] != "Bundles" || bundles.is_empty() || strange.is_some() {
        return Err(refusal(400, "InvalidParameter", "The bundles are not valid."));
    }
    let due = tenant.0.clock.now() + TAKES;
    let mut state = tenant.lock();
    let operation = format!("op-{}", state.arm.samples.len() + 1);
    state.arm.samples.push((operation.clone(), bundles, due));
    drop(state);
    let link = format!(
        "{}/subscriptions/{}/providers/Microsoft.Security/locations/{}/alerts/default/simulate/{operation}?api-version=2022-01-01",
        origin(request, "management.azure.com"),
        scope.subscription,
        scope.location.unwrap_or_default(),
    );
    Ok(Reply::empty(202).with_header("location", link).with_header("retry-after", "20"))
}

/// Says how an operation stands: 202 until it is done.
pub(super) fn progress(tenant: &Tenant, request: &Request, operation: &str) -> Answer {
    let now = tenant.0.clock.now();
    let begun = tenant.lock().arm.samples.iter().find(|(own, ..)| own == operation).cloned();
    match begun {
        None => Err(refusal(404, "ResourceNotFound", "The operation was not found.")),
        Some((.., due)) if now >= due => Ok(Reply::empty(200)),
        Some(_) => Ok(Reply::json(202, json!({}).to_string())
            .with_header(
                "location",
                format!("{}{}?{}", origin(request, "management.azure.com"), request.path, request.query),
            )
            .with_header("retry-after", "20")),
    }
}

/// Raises the alerts whose time has come.
pub(super) fn raise_those_due(tenant: &Tenant) {
    let now = tenant.0.clock.now();
    let due: Vec<String> = {
        let mut state = tenant.lock();
        let due = state.arm.samples.iter_mut().filter(|(.., at)| *at <= now);
        due.flat_map(|(_, bundles, _)| std::mem::take(bundles)).collect()
    };
    for bundle in due {
        let family = BUNDLES.iter().position(|known| *known == bundle).unwrap_or_default();
        let seed = 0x5A3B ^ tenant.lock().cloud.len() as u64;
        let record = population::cloud_alert(seed, family, now).into_sample();
        tenant.raise_in_the_cloud(record);
    }
}
