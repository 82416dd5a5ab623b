//! The in-memory source, used as any source is: behind a pointer, through the conveniences.

use std::sync::Arc;
use std::time::Duration;

use pocketsoc_model::{
    Classification, Clock, Detection, DetectionChange, DetectionId, DetectionQuery, DetectionSource,
    DetectionSourceExt, Determination, ErrorKind, ManualClock, MemorySource, Product, Severity, Status,
};

fn id(text: &str) -> DetectionId {
    DetectionId::new(text).unwrap()
}

/// A source with one detection per severity, an hour apart, all resolved but the first.
fn source(product: &Product) -> (Arc<dyn DetectionSource>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at("2026-01-31T00:00:00Z".parse().unwrap()));
    let source = MemorySource::new("Demo", product.clone(), clock.clone());
    for (n, severity) in Severity::ALL.into_iter().enumerate() {
        let mut detection =
            Detection::new(id(&format!("d{n}")), product.clone(), format!("{severity} thing"));
        detection.severity = severity;
        detection.status = if n == 0 { Status::Active } else { Status::Resolved };
        detection.updated_at = Some(clock.now());
        source.put(detection);
        clock.advance(Duration::from_secs(3600));
    }
    (Arc::new(source), clock)
}

#[tokio::test]
async fn a_list_is_filtered_and_never_hides_what_is_unknown() {
    let (source, _) = source(&Product::DEFENDER_ENDPOINT);
    let ids = async |query: DetectionQuery| {
        let found = source.collect(&query).await.unwrap();
        found.into_iter().map(|d| d.id.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ids(DetectionQuery::all()).await, "d0 d1 d2 d3 d4 d5");
    assert_eq!(ids(DetectionQuery::all().with_min_severity(Severity::High)).await, "d0 d4 d5");
    assert_eq!(ids(DetectionQuery::all().with_statuses([Status::Active])).await, "d0");
    assert_eq!(ids(DetectionQuery::all().with_limit(2)).await, "d0 d1");
    let window = DetectionQuery::updated_since("2026-01-31T01:00:00Z".parse().unwrap())
        .with_updated_until("2026-01-31T03:00:00Z".parse().unwrap());
    assert_eq!(ids(window).await, "d1 d2");
    assert_eq!(ids(DetectionQuery::all().with_machine_group("Servers")).await, "");
}

#[tokio::test]
async fn the_report_says_complete_only_at_the_end() {
    let (source, _) = source(&Product::DEFENDER_ENDPOINT);
    let mut stream = source.list(&DetectionQuery::all());
    assert!(stream.next().await.is_some());
    assert!(!stream.report().complete);
    while stream.next().await.is_some() {}
    assert!(stream.report().complete);
}

#[tokio::test]
async fn a_change_is_seen_and_a_forbidden_one_is_refused_with_the_way() {
    let (source, _) = source(&Product::DEFENDER_FOR_CLOUD);
    let error = source.dismiss(&id("d1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidTransition);
    assert_eq!(error.transition().unwrap().path(), Some(&[Status::Active, Status::Dismissed][..]));

    let walked = source.update_walking(&id("d1"), &DetectionChange::status(Status::Dismissed)).await.unwrap();
    assert_eq!(walked.status, Status::Dismissed);
    assert_eq!(walked.allowed_statuses, [Status::Active]);
}

#[tokio::test]
async fn triage_sets_what_it_was_given_and_moves_the_update_time() {
    let (source, clock) = source(&Product::DEFENDER_ENDPOINT);
    let change = DetectionChange::status(Status::Resolved)
        .with_classification(Classification::TruePositive)
        .with_determination(Determination::Malware)
        .with_assigned_to("ada@example.test")
        .with_comment("cleaned");
    let now = source.update(&id("d0"), &change).await.unwrap();
    assert!(change.missing_from(&now).is_empty());
    assert_eq!(now.updated_at, Some(clock.now()));
    assert_eq!(now.resolved_at, now.updated_at);

    clock.advance(Duration::from_secs(60));
    let again = source.update(&id("d0"), &DetectionChange::status(Status::Resolved)).await.unwrap();
    assert_eq!(again, now, "a change to what already is changes nothing");

    let pair = DetectionChange::new().with_determination(Determination::SecurityTesting);
    assert_eq!(source.update(&id("d0"), &pair).await.unwrap_err().kind(), ErrorKind::InvalidRequest);
    assert_eq!(source.get(&id("nobody")).await.unwrap_err().kind(), ErrorKind::NotFound);
}
