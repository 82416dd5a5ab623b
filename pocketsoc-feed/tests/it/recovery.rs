//! What is still told after the process has died, or after a service has shown less than there is.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use pocketsoc_feed::{ChangeKind, Changed, FeedEvent, MemoryCheckpoints, Notice};
use pocketsoc_model::{CorrelationKey, DetectionChange, DetectionId, DetectionSource as _, Product, Status};

use crate::behaviour::{clock, feed_of, next, service, told, words};

#[tokio::test(start_paused = true)]
async fn what_one_sighting_showed_in_vain_is_told_though_what_was_told_before_it_is_acknowledged() {
    for is_severity_between in [false, true] {
        let clock = clock();
        let one = service(&clock, "One", Product::DEFENDER_ENDPOINT);
        let other = service(&clock, "Other", Product::GRAPH_ALERT);
        let store = MemoryCheckpoints::new();
        let mut feed = feed_of(&clock, &[&one, &other]).checkpoints(store.clone()).build().await.unwrap();
        let key = || vec![CorrelationKey::alert("da1")];
        one.change("da1", |d| d.correlation_keys = key());
        let mut done = vec![next(&mut feed).await.sequence];
        other.change("da1", |d| d.correlation_keys = key());
        done.push(next(&mut feed).await.sequence);
        if is_severity_between {
            other.change("da1", |d| d.severity = pocketsoc_model::Severity::Critical);
            assert_eq!(next(&mut feed).await.changed_keys(), ["severity"]);
        }
        one.change("da1", |d| d.status = Status::Resolved);
        assert_eq!(next(&mut feed).await.kind, ChangeKind::StatusChanged);
        other.change("da1", |d| d.status = Status::Resolved);
        // It is left out, since the first one has shown it. The process dies with the latest changes in hand.
        assert!(tokio::time::timeout(Duration::from_secs(100), feed.next()).await.is_err());
        for sequence in done {
            feed.acknowledge(sequence);
        }
        feed.commit().await.unwrap();
        drop(feed);
        let mut feed = feed_of(&clock, &[&one, &other]).checkpoints(store).build().await.unwrap();
        let (changes, _) = told(&mut feed, 100).await;
        let resolved = changes
            .iter()
            .any(|c| c.kind == ChangeKind::StatusChanged && c.detection.status == Status::Resolved);
        assert!(resolved, "{:?}", words(&changes));
        let severe = changes.iter().any(|c| c.changed_keys().contains(&"severity"));
        assert_eq!(severe, is_severity_between, "{:?}", words(&changes));
    }
}

#[tokio::test(start_paused = true)]
async fn a_feed_since_ever_goes_on_after_a_restart_whatever_times_services_say() {
    let clock = clock();
    for since in [DateTime::<Utc>::MIN_UTC, "0001-01-01T00:00:00Z".parse().unwrap()] {
        let one = service(&clock, "One", Product::GRAPH_ALERT);
        let store = MemoryCheckpoints::new();
        let build = || feed_of(&clock, &[&one]).since(since).checkpoints(store.clone()).build();
        one.put_at("da1", "0001-01-01T00:00:00Z".parse().unwrap());
        one.put_at("da2", "9999-12-31T23:59:59Z".parse().unwrap());
        assert_eq!(told(&mut build().await.unwrap(), 40).await.0.len(), 2);
        tokio::time::advance(Duration::from_secs(3600)).await;
        one.change("da3", |_| {});
        let new = [(ChangeKind::New, "da3".into(), String::new())];
        assert_eq!(words(&told(&mut build().await.unwrap(), 40).await.0), new);
        tokio::time::advance(Duration::from_secs(3600)).await;
        one.change("da2", |d| (d.status, d.updated_at) = (Status::Resolved, None));
        let (changes, _) = told(&mut build().await.unwrap(), 40).await;
        assert_eq!(changes[0].kind, ChangeKind::StatusChanged, "{changes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_bears_an_earlier_time_is_told_once_it_stays() {
    let clock = clock();
    let one = service(&clock, "One", Product::GRAPH_ALERT);
    one.change("da1", |d| d.status = Status::InProgress);
    let mut feed = feed_of(&clock, &[&one]).build().await.unwrap();
    assert_eq!(told(&mut feed, 40).await.0.len(), 1);
    // Another part of the service, whose clock is behind.
    let earlier = one.truth()[0].updated_at.unwrap() - TimeDelta::seconds(2);
    one.put_at("da1", earlier);
    assert!(told(&mut feed, 200).await.0.is_empty(), "it may be a reader that lags behind");
    let (changes, _) = told(&mut feed, 300).await;
    assert_eq!((changes.len(), changes[0].kind), (1, ChangeKind::StatusChanged), "{changes:?}");
    assert!(changes[0].changed.contains(&Changed::Status { from: Status::InProgress, to: Status::Active }));
    assert!(told(&mut feed, 1000).await.0.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_element_that_cannot_be_read_is_named_again_when_nobody_came_to_know_of_it() {
    for is_known in [false, true] {
        let clock = clock();
        // The list begins with what changed last: the element that cannot be read is the last one of it.
        let one = service(&clock, "One", Product::GRAPH_ALERT);
        one.change("da1", |d| d.title = "poison".into());
        tokio::time::advance(Duration::from_secs(7200)).await;
        one.change("da2", |_| {});
        let store = MemoryCheckpoints::new();
        let build = || feed_of(&clock, &[&one]).checkpoints(store.clone()).build();
        let is_named = |event: &FeedEvent| matches!(event, FeedEvent::Notice(Notice::SetAside { .. }));
        let mut feed = build().await.unwrap();
        let change = next(&mut feed).await;
        feed.acknowledge(change.sequence);
        assert!(feed.next().await.as_ref().is_some_and(is_named));
        if is_known {
            // Whoever asks for more has taken care of it.
            assert!(tokio::time::timeout(Duration::from_secs(20), feed.next()).await.is_err());
        }
        feed.commit().await.unwrap();
        drop(feed);
        let (changes, notices) = told(&mut build().await.unwrap(), 40).await;
        assert!(changes.is_empty(), "{changes:?}");
        assert_eq!(notices.len(), usize::from(!is_known), "known: {is_known}, {notices:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_written_through_the_feed_is_not_told_after_a_restart_either() {
    let clock = clock();
    let one = service(&clock, "One", Product::GRAPH_ALERT);
    one.change("da1", |_| {});
    let store = MemoryCheckpoints::new();
    let build = || feed_of(&clock, &[&one]).checkpoints(store.clone()).build();
    let mut feed = build().await.unwrap();
    let change = next(&mut feed).await;
    feed.acknowledge(change.sequence);
    feed.commit().await.unwrap();
    let resolved = DetectionChange::status(Status::Resolved);
    feed.source("One").unwrap().update(&DetectionId::new("da1").unwrap(), &resolved).await.unwrap();
    feed.commit().await.unwrap();
    drop(feed);
    assert!(told(&mut build().await.unwrap(), 100).await.0.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_provider_has_that_did_not_answer_is_told_when_it_does() {
    let clock = clock();
    let one = service(&clock, "One", Product::GRAPH_ALERT);
    let store = MemoryCheckpoints::new();
    one.be_partial(true);
    one.change("da7", |_| {});
    let mut feed = feed_of(&clock, &[&one]).checkpoints(store.clone()).build().await.unwrap();
    let mut all = Vec::new();
    // Hours, in which others are seen, and the window must not move past what is missing.
    for n in 0..6 {
        one.change(&format!("da{n}"), |_| {});
        let (changes, notices) = told(&mut feed, 3600).await;
        assert_eq!(words(&changes), [(ChangeKind::New, format!("da{n}"), String::new())]);
        all.extend(notices);
    }
    let said =
        |n: &&Notice| matches!(n, Notice::Incomplete { partial, .. } if partial == &["Provider of sevens"]);
    assert_eq!(all.iter().filter(said).count(), 1, "once: {all:?}");
    assert!(all.iter().any(|n| matches!(n, Notice::NoProgress { .. })), "{all:?}");
    feed.commit().await.unwrap();
    drop(feed);
    let mut feed = feed_of(&clock, &[&one]).checkpoints(store).build().await.unwrap();
    assert!(told(&mut feed, 100).await.0.is_empty());
    one.be_partial(false);
    let (changes, notices) = told(&mut feed, 400).await;
    assert_eq!(words(&changes), [(ChangeKind::New, "da7".into(), String::new())]);
    assert!(notices.iter().any(|n| matches!(n, Notice::SourceRecovered { .. })), "{notices:?}");
}
