//! Sample alerts: asked for, on their way, there.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value as Json, json};

use super::alerts::Scope;
use super::{Answer, refusal};
use crate::message::{Reply, Request};
use crate::population::{self, SUBSCRIPTIONS};
use crate::tenant::{Tenant, origin};

/// How long they take.
const TAKES: TimeDelta = TimeDelta::seconds(120);

/// Operations that have begun: their names, the subscriptions, the bundles that they will raise, and when.
pub(super) type Begun = Vec<(String, usize, Vec<String>, DateTime<Utc>)>;

/// The bundles, and the family of alerts that each is about.
const BUNDLES: [(&str, &str); 9] = [
    ("AppServices", "app_service"),
    ("DNS", "dns"),
    ("KeyVaults", "resource_manager"),
    ("KubernetesService", "kubernetes"),
    ("ResourceManager", "resource_manager"),
    ("SqlServers", "sql"),
    ("StorageAccounts", "storage"),
    ("VirtualMachines", "windows"),
    ("CosmosDbs", "cosmos_db"),
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
    let strange = bundles.iter().find(|bundle| !BUNDLES.iter().any(|(known, _)| known == bundle));
    let subscription = SUBSCRIPTIONS.iter().position(|(id, .., region)| {
        id.eq_ignore_ascii_case(scope.subscription)
            && scope.location.is_some_and(|location| location.eq_ignore_ascii_case(region))
    });
    let Some(subscription) = subscription else {
        return Err(refusal(404, "ResourceNotFound", "The subscription's alerts are not stored there."));
    };
    if said["kind"] != "Bundles" || bundles.is_empty() || strange.is_some() {
        return Err(refusal(400, "InvalidParameter", "The bundles are not valid."));
    }
    let due = tenant.0.clock.now() + TAKES;
    let mut state = tenant.lock();
    let operation = format!("op-{}", state.arm.samples.len() + 1);
    state.arm.samples.push((operation.clone(), subscription, bundles, due));
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

impl Tenant {
    /// Raises a sample of each bundle, at once, in the first subscription.
    pub fn raise_sample_alerts(&self) {
        let bundles = BUNDLES.map(|(bundle, _)| bundle.to_owned()).to_vec();
        let now = self.0.clock.now();
        self.lock().arm.samples.push(("op-at-once".to_owned(), 0, bundles, now));
        raise_those_due(self);
    }
}

/// Raises the alerts whose time has come.
pub(super) fn raise_those_due(tenant: &Tenant) {
    let now = tenant.0.clock.now();
    let due: Vec<(usize, String)> = {
        let mut state = tenant.lock();
        let due = state.arm.samples.iter_mut().filter(|(.., at)| *at <= now);
        due.flat_map(|(_, subscription, bundles, _)| {
            let subscription = *subscription;
            std::mem::take(bundles).into_iter().map(move |bundle| (subscription, bundle))
        })
        .collect()
    };
    for (subscription, bundle) in due {
        let family =
            BUNDLES.iter().find(|(known, _)| *known == bundle).map_or("windows", |(_, family)| family);
        let seed = 0x5A3B ^ tenant.lock().cloud.len() as u64;
        let place = population::cloud_families().position(|(name, _)| name == family).unwrap_or_default();
        let record = population::cloud_alert(seed, place, now).into_sample(subscription);
        tenant.raise_in_the_cloud(record);
    }
}
