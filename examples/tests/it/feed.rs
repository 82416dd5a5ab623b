//! A feed over the real clients and a fake tenant: sightings, pushes, quotas.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use defender_cloud_client::{DefenderCloudClient, PushRequest, Receiver};
use graph_security_client::GraphSecurityClient;
use mde_client::MdeClient;
use pocketsoc_feed::{ChangeKind, Feed, FeedEvent, MatchedBy, SourceOptions};
use pocketsoc_model::{Clock, DetectionChange, DetectionSource as _, Status};
use pocketsoc_testkit::{Tenant, TenantBuilder};
use pocketsoc_transport::{Cloud, Connection, ConnectionBuilder, Credential, Quotas, Secret, SystemClock};

fn tenant(build: impl FnOnce(TenantBuilder) -> TenantBuilder) -> (Tenant, Arc<dyn Clock>) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::starting_at("2026-09-21T13:00:00Z".parse().unwrap()));
    (build(Tenant::builder().clock(Arc::clone(&clock))).build(), clock)
}

fn connect(tenant: &Tenant, clock: &Arc<dyn Clock>) -> ConnectionBuilder {
    let credential = Credential::client_secret(Tenant::ID, Tenant::CLIENT_ID, Secret::new(Tenant::SECRET));
    Connection::builder(credential, Cloud::Public).http(tenant.exchange()).clock(Arc::clone(clock))
}

#[tokio::test(start_paused = true)]
async fn what_is_pushed_is_told_at_once_under_its_source_and_its_changes_when_they_are_listed() {
    let (tenant, clock) = tenant(|tenant| tenant.cloud_alerts(5));
    let connection = connect(&tenant, &clock).build().unwrap();
    let azure = DefenderCloudClient::new(&connection).unwrap();
    let mut feed = Feed::builder(Arc::clone(&clock)).source(azure.detections("Azure")).build().await.unwrap();
    for _ in 0..5 {
        let Some(FeedEvent::Change(change)) = feed.next().await else { panic!() };
        feed.acknowledge(change.sequence);
    }
    tenant.push_to("https://soc.example/");
    let id = tenant.raise_cloud_alert();
    let handle = feed.pushes();
    let receiver = Receiver::new();
    let pushed = async {
        for push in tenant.take_pushes() {
            let request = PushRequest::post("/", push.body.as_bytes());
            for detection in receiver.receive(&request).unwrap().detections {
                handle.push("Azure", detection).await.unwrap();
            }
        }
    };
    let begin = clock.monotonic();
    let (event, ()) = futures_util::future::join(feed.next(), pushed).await;
    let Some(FeedEvent::Change(change)) = event else { panic!("{event:?}") };
    assert!(clock.monotonic().saturating_sub(begin) < Duration::from_secs(1), "before the next poll");
    assert_eq!((change.kind, &*change.detection.profile), (ChangeKind::New, "Azure"));
    assert!(change.detection.allowed_statuses.contains(&Status::Dismissed));
    assert_eq!(id.rsplit('/').next(), change.detection.id.as_str().rsplit('/').next());
    feed.acknowledge(change.sequence);
    // The list shows it as well: nothing is new.
    let quiet = tokio::time::timeout(Duration::from_secs(120), feed.next()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    // Through the source that it was told under it can be changed, and nothing comes back.
    let id = pocketsoc_model::DetectionId::new(id).unwrap();
    let dismissed = DetectionChange::status(Status::Dismissed);
    let through = feed.source(&change.detection.profile).unwrap();
    through.update(&id, &dismissed).await.unwrap();
    let quiet = tokio::time::timeout(Duration::from_secs(120), feed.next()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    // Somebody else's change is told, under the id that the list knows.
    azure.detections("Portal").update(&id, &DetectionChange::status(Status::Active)).await.unwrap();
    let Some(FeedEvent::Change(change)) = feed.next().await else { panic!() };
    assert_eq!((change.kind, change.detection.status), (ChangeKind::StatusChanged, Status::Active));
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_polls_as_often_as_it_may_stays_within_every_quota_and_uses_it() {
    let (tenant, clock) = tenant(|tenant| tenant.alerts(3).cloud_alerts(3));
    tenant.keep_quotas();
    tenant.keep_buckets();
    let connection = connect(&tenant, &clock).quotas(&Quotas::new()).build().unwrap();
    let graph = GraphSecurityClient::new(&connection).unwrap();
    let often = SourceOptions::new().with_poll_every(Duration::from_millis(500));
    let mut feed = Feed::builder(Arc::clone(&clock))
        .source_with(MdeClient::new(&connection).unwrap().detections("Endpoint"), often)
        .source(DefenderCloudClient::new(&connection).unwrap().detections("Azure"))
        .source(graph.alert_detections("Graph"))
        .source(graph.incident_detections("Graph"))
        .poll_every(Duration::from_secs(5))
        .build()
        .await
        .unwrap();
    let mut slowest = Duration::ZERO;
    for _ in 0..16 {
        let (id, raised) = (tenant.raise_alert(), clock.monotonic());
        let end = tokio::time::Instant::now() + Duration::from_secs(30);
        while let Ok(Some(event)) = tokio::time::timeout_at(end, feed.next()).await {
            let FeedEvent::Change(change) = event else { panic!("{event:?}") };
            feed.acknowledge(change.sequence);
            if change.detection.id.as_str() == id && change.detection.profile == "Endpoint" {
                slowest = slowest.max(clock.monotonic().saturating_sub(raised));
            }
        }
    }
    let asked = tenant.requests().iter().filter(|request| request.path.ends_with("/api/alerts")).count();
    assert_eq!((tenant.refused_by_quota(), tenant.refused_by_buckets()), (0, 0), "of {asked}");
    // A hundred a minute, of which a part is kept for what must not wait.
    assert!((550..=800).contains(&asked), "{asked} polls of Defender for Endpoint in 8 minutes");
    assert!(slowest < Duration::from_secs(5), "an alert took {slowest:?}");
}

/// The alerts of the tenant are known: which are one through several services, and which are not.
#[tokio::test]
async fn of_a_labelled_population_each_alert_is_one_detection_exactly() {
    let (tenant, clock) = tenant(|tenant| tenant.alerts(150).cloud_alerts(80));
    let connection = connect(&tenant, &clock).without_pacing().build().unwrap();
    let graph = GraphSecurityClient::new(&connection).unwrap();
    let mut feed = Feed::builder(clock)
        .source(MdeClient::new(&connection).unwrap().detections("Endpoint"))
        .source(DefenderCloudClient::new(&connection).unwrap().detections("Azure"))
        .source(graph.alert_detections("Graph"))
        .source(graph.incident_detections("Graph"))
        .once()
        .build()
        .await
        .unwrap();
    let (mut alerts, mut incidents, mut sighted, mut held) = (Vec::new(), 0, 0, 0);
    while let Some(event) = feed.next().await {
        let FeedEvent::Change(change) = event else { panic!("{event:?}") };
        feed.acknowledge(change.sequence);
        let id = change.detection.id.to_string();
        let name = |id: &str| id.rsplit('/').next().unwrap().trim_start_matches("dc").to_ascii_lowercase();
        for sighting in &change.sightings {
            match sighting.by {
                MatchedBy::Containment => held += 1,
                _ => assert_eq!(guid(&name(sighting.id.as_str())), guid(&name(&id)), "one alert"),
            }
        }
        match change.kind {
            ChangeKind::New if change.detection.product.as_str() == "graph_incident" => incidents += 1,
            ChangeKind::New => alerts.push(guid(&name(&id))),
            _ => sighted += 1,
        }
    }
    // What is there: by the tenant's own word.
    let own = tenant.alert_ids().len() + tenant.cloud_alert_ids().len();
    let forwarded = tenant.graph_alert_ids().iter().filter(|id| id.starts_with("dc")).count();
    let only_graph = tenant.graph_alert_ids().len() - tenant.alert_ids().len() - forwarded;
    let unique: BTreeSet<_> = alerts.iter().collect();
    assert_eq!(
        (alerts.len(), unique.len()),
        (own + only_graph, own + only_graph),
        "recall: nothing twice; precision: nothing missing"
    );
    assert_eq!(sighted, tenant.alert_ids().len() + forwarded);
    assert_eq!(incidents, tenant.incident_ids().len());
    assert!(forwarded > 20 && held > 0);
}

/// What an alert of Defender for Cloud is known by everywhere.
fn guid(name: &str) -> String {
    name.split_once('_').filter(|(digits, _)| digits.len() == 19).map_or(name, |(_, guid)| guid).to_owned()
}
