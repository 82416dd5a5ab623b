//! What an application chooses: which detections, by which keys they are one, how it listens, how it looks at the feed.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use pocketsoc_feed::{ChangeKind, Changed, FeedEvent, MemoryCheckpoints, Notice, Sightings};
use pocketsoc_model::{
    CorrelationKey, Detection, DetectionId, Entity, EntityKind, ErrorKind, Ip, KeyBasis, Product, Status,
};

use crate::behaviour::{clock, feed_of, next, service, told, words};
use crate::world::{Habits, Service};

#[tokio::test(start_paused = true)]
async fn what_a_function_lets_pass_is_told_and_told_on_whatever_becomes_of_it() {
    let clock = clock();
    let one = service(&clock, "One", Product::GRAPH_ALERT);
    let other = service(&clock, "Other", Product::DEFENDER_ENDPOINT);
    one.change("da1", |_| {});
    one.change("da2", |d| d.status = Status::Resolved);
    other.change("da3", |_| {});
    let passes = |d: &Detection| d.profile == "One" && d.status == Status::Active;
    let mut feed = feed_of(&clock, &[&one, &other]).only(passes).build().await.unwrap();
    let (changes, _) = told(&mut feed, 40).await;
    assert_eq!(words(&changes), [(ChangeKind::New, "da1".into(), String::new())]);
    one.change("da1", |d| d.status = Status::Resolved);
    one.change("da2", |d| d.status = Status::Active);
    let (mut changes, _) = told(&mut feed, 40).await;
    changes.sort_by_key(|c| c.detection.id.to_string());
    let kinds: Vec<_> = changes.iter().map(|c| c.kind).collect();
    assert_eq!(kinds, [ChangeKind::StatusChanged, ChangeKind::New], "{:?}", words(&changes));
}

#[tokio::test(start_paused = true)]
async fn what_only_an_inferred_key_joins_is_one_detection_unless_exact_keys_are_asked_for() {
    let clock = clock();
    let azure = service(&clock, "Azure", Product::DEFENDER_FOR_CLOUD);
    let graph = service(&clock, "Graph", Product::GRAPH_ALERT);
    let endpoint = service(&clock, "Endpoint", Product::DEFENDER_ENDPOINT);
    let inferred = CorrelationKey::cloud_alert("2518");
    assert!(inferred.iter().any(|key| key.basis() != KeyBasis::Exact), "{inferred:?}");
    let inferred: Vec<_> = inferred.into_iter().filter(|key| key.basis() != KeyBasis::Exact).collect();
    azure.change("/a/2518", |d| d.correlation_keys = inferred.clone());
    graph.change("dc2518", |d| d.correlation_keys = inferred.clone());
    for service in [&graph, &endpoint] {
        service.change("da1", |d| d.correlation_keys = vec![CorrelationKey::alert("da1")]);
    }
    for (sightings, new) in [(Sightings::Together, 2), (Sightings::ByExactKeys, 3), (Sightings::Apart, 4)] {
        let builder = feed_of(&clock, &[&azure, &graph, &endpoint]).sightings(sightings);
        let (changes, _) = told(&mut builder.build().await.unwrap(), 40).await;
        let told_new = changes.iter().filter(|c| c.kind == ChangeKind::New).count();
        let sighted = changes.iter().filter(|c| c.changed.contains(&Changed::Sighted)).count();
        assert_eq!((told_new, sighted), (new, 4 - new), "{sightings:?}: {:?}", words(&changes));
        // Who else shows it is named either way.
        assert_eq!(changes.iter().map(|c| c.sightings.len()).sum::<usize>(), 2, "{sightings:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_feed_is_a_stream_for_those_who_want_one_and_may_live_in_a_task() {
    fn is_send<T: Send>(_: &T) {}
    let clock = clock();
    let one = service(&clock, "One", Product::GRAPH_ALERT);
    one.change("da1", |_| {});
    let store = MemoryCheckpoints::new();
    let build = || feed_of(&clock, &[&one]).checkpoints(store.clone()).once().build();
    let feed = build().await.unwrap();
    is_send(&feed);
    let acknowledger = feed.acknowledger();
    let stream = feed.into_stream();
    let task = tokio::spawn(async move {
        let events = stream.map(|event| match event {
            FeedEvent::Change(change) => {
                acknowledger.acknowledge(change.sequence);
                change.detection.id.to_string()
            }
            other => panic!("{other:?}"),
        });
        events.collect::<Vec<_>>().await
    });
    assert_eq!(task.await.unwrap(), ["da1"]);
    assert!(told(&mut build().await.unwrap(), 40).await.0.is_empty(), "it was written down at the end");
}

#[tokio::test(start_paused = true)]
async fn whoever_watches_the_feed_sees_how_each_source_fares() {
    let clock = clock();
    let well = service(&clock, "Well", Product::GRAPH_ALERT);
    let ill = Habits { failing: 100, ..Habits::default() };
    let ill = Service::new("Ill", Product::DEFENDER_ENDPOINT, Arc::clone(&clock), ill, 1);
    well.change("da1", |_| {});
    let mut feed = feed_of(&clock, &[&well, &ill]).no_progress_after(3).build().await.unwrap();
    let monitor = feed.monitor();
    assert!(monitor.sources().iter().all(|one| one.is_owned && one.read_at.is_none()));
    let change = next(&mut feed).await;
    assert_eq!(monitor.unacknowledged(), 1);
    feed.acknowledge(change.sequence);
    assert_eq!(monitor.unacknowledged(), 0);
    let (_, notices) = told(&mut feed, 600).await;
    assert!(notices.iter().any(|n| matches!(n, Notice::NoProgress { polls: 3, .. })), "{notices:?}");
    let [well, ill] = &monitor.sources()[..] else { panic!() };
    assert_eq!((&*well.profile, well.failing, well.polls_in_vain, well.remembered), ("Well", None, 0, 1));
    assert!(well.read_at.is_some_and(|at| clock.now() - at < chrono::TimeDelta::seconds(60)));
    assert!(ill.read_at.is_none() && ill.polls_in_vain >= 3 && ill.failing.is_some());
    // What is known is in nobody's log.
    let said = format!("{feed:?} {monitor:?} {:?} {:?}", feed.acknowledger(), feed.pushes());
    assert!(!said.contains("da1"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn more_that_is_involved_is_counted() {
    let clock = clock();
    let one = service(&clock, "One", Product::GRAPH_ALERT);
    one.change("da1", |_| {});
    let mut feed = feed_of(&clock, &[&one]).build().await.unwrap();
    told(&mut feed, 40).await;
    let ip = |name: &str| Entity::new(EntityKind::Ip(Ip::default()), name);
    one.change("da1", |d| d.entities = vec![ip("192.0.2.1"), ip("192.0.2.2")]);
    let (changes, _) = told(&mut feed, 40).await;
    assert_eq!(changes[0].changed, [Changed::EvidenceAdded(2)]);
}

#[tokio::test(start_paused = true)]
async fn what_becomes_visible_late_is_told_as_long_as_the_overlap_reaches() {
    for (overlap, is_told) in [(Duration::from_secs(60), false), (Duration::from_secs(3600), true)] {
        let clock = clock();
        let one = service(&clock, "One", Product::GRAPH_ALERT);
        let mut feed = feed_of(&clock, &[&one]).overlap(overlap).build().await.unwrap();
        for n in 0..10 {
            one.change(&format!("da{n}"), |_| {});
            told(&mut feed, 100).await;
        }
        one.put_at("late", clock.now() - chrono::TimeDelta::minutes(10));
        assert_eq!(told(&mut feed, 100).await.0.len(), usize::from(is_told), "{overlap:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_number_of_one_feed_says_nothing_to_another() {
    let clock = clock();
    let one = service(&clock, "One", Product::GRAPH_ALERT);
    one.change("da1", |_| {});
    let (mut feed, mut other) =
        (feed_of(&clock, &[&one]).build().await.unwrap(), feed_of(&clock, &[&one]).build().await.unwrap());
    let (own, others) = (next(&mut feed).await.sequence, next(&mut other).await.sequence);
    feed.acknowledge(others);
    assert_eq!(feed.monitor().unacknowledged(), 1);
    feed.acknowledge(own);
    assert_eq!(feed.monitor().unacknowledged(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_never_answers_and_a_store_that_never_does_are_given_up() {
    let clock = clock();
    let hangs = Habits { hangs: true, ..Habits::default() };
    let hangs = Service::new("Hangs", Product::GRAPH_ALERT, Arc::clone(&clock), hangs, 1);
    let mut feed = feed_of(&clock, &[&hangs]).build().await.unwrap();
    let (_, notices) = told(&mut feed, 1000).await;
    let gave_up =
        |n: &Notice| matches!(n, Notice::SourceFailed { error, .. } if error.kind() == ErrorKind::Timeout);
    assert!(notices.iter().any(gave_up), "{notices:?}");
    let begin = clock.monotonic();
    let error = feed_of(&clock, &[&hangs]).checkpoints(Mute).build().await.unwrap_err();
    assert_eq!(
        (error.kind(), clock.monotonic().checked_sub(begin).unwrap()),
        (ErrorKind::Timeout, Duration::from_secs(120))
    );
}

/// A store that gives no answer.
#[derive(Debug)]
struct Mute;

#[async_trait::async_trait]
impl pocketsoc_feed::CheckpointStore for Mute {
    async fn claim(&self, _: &str) -> pocketsoc_model::Result<Option<pocketsoc_feed::Claim>> {
        std::future::pending().await
    }
    async fn renew(&self, _: &str) -> pocketsoc_model::Result<()> {
        std::future::pending().await
    }
    async fn save(&self, _: Vec<(&str, Vec<u8>)>) -> pocketsoc_model::Result<()> {
        std::future::pending().await
    }
    async fn release(&self, _: &str) -> pocketsoc_model::Result<()> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_pushed_and_told_is_told_on_when_the_list_shows_it_otherwise_under_its_full_id() {
    let clock = clock();
    let azure = service(&clock, "Azure", Product::DEFENDER_FOR_CLOUD);
    let is_active = |d: &Detection| d.status == Status::Active;
    let mut feed = feed_of(&clock, &[&azure]).only(is_active).build().await.unwrap();
    told(&mut feed, 5).await;
    azure.change("/subscriptions/s/alerts/7", |d| d.correlation_keys = CorrelationKey::cloud_alert("7"));
    let mut pushed = azure.truth().swap_remove(0);
    (pushed.id, pushed.raw) = (DetectionId::new("7").unwrap(), None);
    feed.pushes().push("Azure", pushed).await.unwrap();
    assert_eq!(words(&told(&mut feed, 1).await.0), [(ChangeKind::New, "7".into(), String::new())]);
    // Before any list has shown it.
    azure.change("/subscriptions/s/alerts/7", |d| d.status = Status::Resolved);
    let (changes, _) = told(&mut feed, 100).await;
    assert_eq!((changes.len(), changes[0].kind), (1, ChangeKind::StatusChanged), "{changes:?}");
}
