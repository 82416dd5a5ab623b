//! One attack, seen through three services: the same alert has a key in common, different alerts have none.

use std::collections::{BTreeMap, BTreeSet};

use graph_security_client::{DetectionQuery, DetectionSource, DetectionSourceExt as _, Entity, EntityKind};

use graph_security_client::{Cloud, Connection, Credential, GraphSecurityClient, Secret};
use pocketsoc_testkit::Tenant;

#[tokio::test]
async fn sightings_of_one_alert_share_a_key_and_of_two_alerts_never() {
    let tenant = Tenant::builder().build();
    let credential = Credential::client_secret(Tenant::ID, Tenant::CLIENT_ID, Secret::new(Tenant::SECRET));
    let clock = std::sync::Arc::new(pocketsoc_transport::SystemClock::starting_at(
        "2026-09-21T13:00:00Z".parse().unwrap(),
    ));
    let connection =
        Connection::builder(credential, Cloud::Public).http(tenant.exchange()).clock(clock).build().unwrap();
    let graph_client = GraphSecurityClient::new(&connection).unwrap();
    let endpoint = mde_client::MdeClient::new(&connection).unwrap().detections("Endpoint");
    let azure = defender_cloud_client::DefenderCloudClient::new(&connection).unwrap().detections("Azure");
    let (graph, groups) = (graph_client.alert_detections("Graph"), graph_client.incident_detections("Graph"));
    let sources: [&dyn DetectionSource; 4] = [&endpoint, &azure, &graph, &groups];

    let mut by_key: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    let mut listed = BTreeMap::new();
    for source in sources {
        for detection in source.collect(&DetectionQuery::all()).await.unwrap() {
            for key in &detection.correlation_keys {
                let sighting = (source.product().to_string(), detection.id.to_string());
                by_key.entry(key.to_string()).or_default().insert(sighting);
            }
            assert!(!detection.correlation_keys.is_empty());
            listed.insert((source.product().to_string(), detection.id.to_string()), detection);
        }
    }
    for (key, sightings) in &by_key {
        let products: BTreeSet<_> = sightings.iter().map(|(product, _)| product).collect();
        assert_eq!(products.len(), sightings.len(), "{key} is of one alert: {sightings:?}");
    }
    let shared = |one: &str, other: &str| {
        by_key
            .values()
            .filter(|s| s.iter().any(|(p, _)| p == one) && s.iter().any(|(p, _)| p == other))
            .flat_map(|s| s.iter().filter(|(p, _)| p == one).map(|(_, id)| id.clone()))
            .collect::<BTreeSet<_>>()
            .len()
    };
    assert_eq!(
        shared("defender_endpoint", "graph_alert"),
        tenant.alert_ids().len(),
        "each alert of Endpoint has its twin"
    );
    let forwarded = tenant.graph_alert_ids().iter().filter(|id| id.starts_with("dc")).count();
    assert_eq!(
        shared("defender_for_cloud", "graph_alert"),
        forwarded,
        "each that Azure passes on has its twin"
    );
    assert!(forwarded > 20);

    // The attack: a mail, a machine, a server in the cloud; one incident.
    let attack = &listed[&("graph_incident".to_owned(), "4000".to_owned())];
    let members = attack.properties.get("alerts").unwrap();
    for prefix in ["da", "dc", "fa"] {
        assert!(members.split(", ").any(|id| id.starts_with(prefix)), "{prefix} in {members}");
    }
    let first = |product: &str, id: &str| &listed[&(product.to_owned(), id.to_owned())];
    let machine = |entities: &[Entity]| {
        entities.iter().find_map(|e| match &e.kind {
            EntityKind::Device(device) => device.dns_name.clone(),
            _ => None,
        })
    };
    let on_endpoint = machine(&first("defender_endpoint", &tenant.alert_ids()[0]).entities);
    let in_cloud = machine(&first("defender_for_cloud", &tenant.cloud_alert_ids()[0]).entities);
    assert!(on_endpoint.is_some());
    assert_eq!(on_endpoint, in_cloud, "the same machine from both sides");
    assert!(attack.entities.iter().any(|e| e.type_name() == "email"));
    assert!(attack.entities.iter().any(|e| e.type_name() == "cloud_resource"));
    assert_eq!(attack.provider.as_deref(), Some("Azure"));
}
