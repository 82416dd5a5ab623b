//! Sample alerts, to try out what is built on real ones.

use pocketsoc_model::{Error, ErrorKind, Result, open_enum};
use pocketsoc_transport::{Call, LongOperation, Replay, Route, quota};
use serde::Serialize;

use super::{API_VERSION, Alerts};
use crate::scope::{Location, SubscriptionId};

const SIMULATE: Route = Route::post(
    "create sample alerts",
    "/subscriptions/{subscription}/providers/Microsoft.Security/locations/{location}/alerts/default/simulate",
    "the role Security Admin or Contributor",
    &quota::ARM_WRITE,
)
.with_query("api-version", API_VERSION);

open_enum! {
    /// A bundle of sample alerts: those of one plan.
    #[allow(missing_docs)] // the words are the service's own
    pub enum SampleBundle {
        AppServices = "AppServices",
        Dns = "DNS",
        KeyVaults = "KeyVaults",
        KubernetesService = "KubernetesService",
        ResourceManager = "ResourceManager",
        SqlServers = "SqlServers",
        StorageAccounts = "StorageAccounts",
        VirtualMachines = "VirtualMachines",
        CosmosDbs = "CosmosDbs",
    }
}

impl Alerts {
    /// Creates sample alerts: about fictional resources, their types beginning with `SIMULATED_`. They take about two
    /// minutes and go to automations as real ones do. Page: "Alerts - Simulate".
    ///
    /// It is never sent again where it may have been carried out. The operation can be followed to its end, or dropped. Needs Security Admin or Contributor
    /// (`Microsoft.Security/locations/alerts/simulate/action`), and the plan of each bundle switched on.
    ///
    /// # Errors
    /// `InvalidRequest` without a bundle; `OutcomeUnknown` when it may have begun.
    pub async fn simulate(
        &self,
        subscription: &SubscriptionId,
        location: &Location,
        bundles: &[SampleBundle],
    ) -> Result<LongOperation> {
        self.endpoint.begin(&simulate(subscription, location, bundles)?, &quota::ARM_READ).await
    }
}

/// The call behind [`Alerts::simulate`].
fn simulate(subscription: &SubscriptionId, location: &Location, bundles: &[SampleBundle]) -> Result<Call> {
    #[derive(Serialize)]
    struct Body<'a> {
        properties: Properties<'a>,
    }
    #[derive(Serialize)]
    struct Properties<'a> {
        kind: &'static str,
        bundles: Vec<&'a str>,
    }
    if bundles.is_empty() {
        return Err(Error::new(ErrorKind::InvalidRequest, "create sample alerts")
            .with_message("no bundle is given")
            .with_hint("name one, such as `SampleBundle::VirtualMachines`"));
    }
    let bundles = bundles.iter().map(SampleBundle::as_str).collect();
    let body = Body { properties: Properties { kind: "Bundles", bundles } };
    let call = SIMULATE.call(&[subscription.as_str(), location.as_str()])?;
    call.with_replay(Replay::Never).with_json(&body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sample_alerts_are_asked_for_as_the_page_has_it_and_only_once() {
        let (subscription, location) =
            (SubscriptionId::new("s-1").unwrap(), Location::new("westeurope").unwrap());
        let call = simulate(&subscription, &location, &[SampleBundle::Dns, "Quantum".into()]).unwrap();
        assert_eq!(
            call.target(),
            "/subscriptions/s-1/providers/Microsoft.Security/locations/westeurope/alerts/default/simulate?api-version=2022-01-01"
        );
        assert_eq!(
            std::str::from_utf8(call.body().unwrap()).unwrap(),
            r#"{"properties":{"kind":"Bundles","bundles":["DNS","Quantum"]}}"#
        );
        assert_eq!((call.method().as_str(), call.replay()), ("POST", Replay::Never));
        assert!(simulate(&subscription, &location, &[]).is_err());
    }
}
