//! What a consumer of a feed sees.

use std::sync::Arc;
use std::time::Duration;

use pocketsoc_feed::{
    ChangeKind, Changed, CheckpointStore, Claim, Feed, FeedBuilder, FeedChange, FeedEvent, FileCheckpoints,
    MatchedBy, MemoryCheckpoints, Notice, Sightings, SourceOptions,
};
use pocketsoc_model::{
    Clock, CorrelationKey, Detection, DetectionChange, DetectionId, DetectionSource as _, Device, Entity,
    EntityKind, Error, ErrorKind, KeyBasis, Product, Result, Severity, Status,
};

use crate::world::{Habits, Service, VirtualClock};

pub(crate) fn clock() -> Arc<dyn Clock> {
    VirtualClock::new()
}

pub(crate) fn service(clock: &Arc<dyn Clock>, name: &str, product: Product) -> Service {
    let native = product != Product::DEFENDER_FOR_CLOUD;
    Service::new(name, product, Arc::clone(clock), Habits { native, ..Habits::default() }, 1)
}

pub(crate) fn feed_of(clock: &Arc<dyn Clock>, services: &[&Service]) -> FeedBuilder {
    let builder = Feed::builder(Arc::clone(clock)).seed(1);
    services.iter().fold(builder, |builder, service| builder.source((*service).clone()))
}

/// The next thing that is told, which is a change.
pub(crate) async fn next(feed: &mut Feed) -> FeedChange {
    match feed.next().await {
        Some(FeedEvent::Change(change)) => change,
        other => panic!("{other:?}"),
    }
}

/// What is told within so many seconds, everything acknowledged.
pub(crate) async fn told(feed: &mut Feed, seconds: u64) -> (Vec<FeedChange>, Vec<Notice>) {
    let (mut changes, mut notices) = (Vec::new(), Vec::new());
    let end = tokio::time::Instant::now() + Duration::from_secs(seconds);
    while let Ok(Some(event)) = tokio::time::timeout_at(end, feed.next()).await {
        match event {
            FeedEvent::Change(change) => {
                feed.acknowledge(change.sequence);
                changes.push(change);
            }
            FeedEvent::Notice(notice) => notices.push(notice),
            _ => {}
        }
    }
    (changes, notices)
}

pub(crate) fn words(changes: &[FeedChange]) -> Vec<(ChangeKind, String, String)> {
    changes.iter().map(|c| (c.kind, c.detection.id.to_string(), c.changed_keys().join(","))).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_new_and_what_changes_is_told_with_what_has_changed() {
    let clock = clock();
    for product in [Product::DEFENDER_ENDPOINT, Product::DEFENDER_FOR_CLOUD] {
        let service = service(&clock, "One", product);
        service.change("da1", |_| {});
        let mut feed = feed_of(&clock, &[&service]).build().await.unwrap();
        assert_eq!(words(&told(&mut feed, 40).await.0), [(ChangeKind::New, "da1".into(), String::new())]);
        service.change("da1", |d| (d.status, d.assigned_to) = (Status::InProgress, Some("ada".into())));
        let (changes, _) = told(&mut feed, 40).await;
        assert_eq!(words(&changes), [(ChangeKind::StatusChanged, "da1".into(), "assigned_to,status".into())]);
        assert_eq!(changes[0].changed[0], Changed::Status { from: Status::Active, to: Status::InProgress });
        service.change("da1", |d| d.severity = Severity::Critical);
        assert_eq!(
            words(&told(&mut feed, 40).await.0),
            [(ChangeKind::Updated, "da1".into(), "severity".into())]
        );
        service.change("da1", |d| d.status = Status::Resolved);
        told(&mut feed, 40).await;
        service.change("da1", |d| d.status = Status::Active);
        let (changes, _) = told(&mut feed, 40).await;
        assert!(changes[0].changed.contains(&Changed::Reopened), "{changes:?}");
        service.change("da1", |d| {
            (d.status, d.merged_into) = (Status::Merged, Some(DetectionId::new("da9").unwrap()));
        });
        let (changes, _) = told(&mut feed, 40).await;
        assert!(changes[0].changed.contains(&Changed::MergedInto(DetectionId::new("da9").unwrap())));
        // Nothing more.
        assert!(told(&mut feed, 300).await.0.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_acknowledged_is_not_told_again_after_a_restart_and_what_was_not_is() {
    let clock = clock();
    let service = service(&clock, "One", Product::GRAPH_ALERT);
    let store = MemoryCheckpoints::new();
    for n in 0..30 {
        service.change(&format!("da{n}"), |_| {});
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    let build = || feed_of(&clock, &[&service]).checkpoints(store.clone()).build();
    let mut feed = build().await.unwrap();
    let mut acknowledged = Vec::new();
    for n in 0..30 {
        let Some(FeedEvent::Change(change)) = feed.next().await else { panic!() };
        // Every third one is still in hand.
        if n % 3 != 0 {
            feed.acknowledge(change.sequence);
            acknowledged.push(change.detection.id.to_string());
        }
    }
    drop(tokio::time::timeout(Duration::from_secs(120), feed.next()).await);
    drop(feed);
    let (changes, _) = told(&mut build().await.unwrap(), 40).await;
    assert_eq!(changes.len(), 10);
    assert!(
        changes
            .iter()
            .all(|c| c.kind == ChangeKind::New && !acknowledged.contains(&c.detection.id.to_string()))
    );
    assert!(told(&mut build().await.unwrap(), 40).await.0.is_empty(), "written down by now");
}

#[tokio::test(start_paused = true)]
async fn commit_and_close_write_down_at_once() {
    let clock = clock();
    let service = service(&clock, "One", Product::GRAPH_ALERT);
    service.change("da1", |_| {});
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c");
    let open = || feed_of(&clock, &[&service]).checkpoints(FileCheckpoints::open(&path).unwrap()).build();
    let mut feed = open().await.unwrap();
    let Some(FeedEvent::Change(change)) = feed.next().await else { panic!() };
    feed.acknowledge(change.sequence);
    feed.commit().await.unwrap();
    drop(feed);
    let mut feed = open().await.unwrap();
    assert!(told(&mut feed, 40).await.0.is_empty());
    service.change("da2", |_| {});
    let (changes, _) = told(&mut feed, 40).await;
    assert_eq!(changes.len(), 1);
    feed.close().await.unwrap();
    // Bytes that are not a checkpoint are refused, and stay.
    std::fs::write(&path, b"something else").unwrap();
    assert_eq!(FileCheckpoints::open(&path).unwrap_err().kind(), ErrorKind::Damaged);
    assert_eq!(std::fs::read(&path).unwrap(), b"something else");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_backs_off_and_the_others_go_on() {
    let clock = clock();
    let bad = Service::new(
        "Bad",
        Product::DEFENDER_ENDPOINT,
        Arc::clone(&clock),
        Habits { failing: 100, ..Habits::default() },
        1,
    );
    let good = service(&clock, "Good", Product::GRAPH_ALERT);
    bad.change("da0", |_| {});
    let mut feed = feed_of(&clock, &[&bad, &good]).build().await.unwrap();
    for n in 0..60 {
        good.change(&format!("da{n}"), |_| {});
        let (changes, _) = told(&mut feed, 40).await;
        assert_eq!(words(&changes), [(ChangeKind::New, format!("da{n}"), String::new())]);
    }
    let (asked, _) = bad.asked();
    assert!((5..25).contains(&asked), "asked {asked} times in 40 minutes: every 5 minutes in the end");
    let mut other = feed_of(&clock, &[&bad]).build().await.unwrap();
    let (_, notices) = told(&mut other, 3600).await;
    let failed = |n: &Notice| matches!(n, Notice::SourceFailed { source, retry_in, .. } if &**source == "Bad" && !retry_in.is_zero());
    assert!(failed(&notices[0]));
    assert!(notices.iter().any(|n| matches!(n, Notice::NoProgress { polls: 5, .. })), "{notices:?}");
    assert!(notices[0].to_string().starts_with("Bad: list detections: scripted"), "{}", notices[0]);
}

#[tokio::test(start_paused = true)]
async fn one_element_that_cannot_be_read_is_named_once_and_holds_nobody_up() {
    let clock = clock();
    let service = service(&clock, "One", Product::GRAPH_ALERT);
    service.change("da1", |d| d.title = "poison".into());
    for n in 2..30 {
        service.change(&format!("da{n}"), |_| {});
    }
    let store = MemoryCheckpoints::new();
    let mut feed = feed_of(&clock, &[&service]).checkpoints(store.clone()).build().await.unwrap();
    let (changes, notices) = told(&mut feed, 600).await;
    assert_eq!(changes.len(), 28);
    let aside: Vec<_> = notices.iter().filter(|n| matches!(n, Notice::SetAside { .. })).collect();
    assert_eq!((aside.len(), notices.len()), (1, 1), "{notices:?}");
    // It is behind us: the window has moved past it.
    tokio::time::advance(Duration::from_secs(3600)).await;
    service.change("da99", |_| {});
    told(&mut feed, 100).await;
    drop(feed);
    let (before, _) = service.asked();
    let mut feed = feed_of(&clock, &[&service]).checkpoints(store).build().await.unwrap();
    assert!(told(&mut feed, 20).await.0.is_empty());
    assert_eq!(service.asked().0 - before, 1, "one page, not everything again");
}

#[tokio::test(start_paused = true)]
async fn one_alert_through_three_services_is_one_detection_with_its_sightings() {
    let clock = clock();
    let mde = service(&clock, "Endpoint", Product::DEFENDER_ENDPOINT);
    let graph = service(&clock, "Graph", Product::GRAPH_ALERT);
    let azure = service(&clock, "Azure", Product::DEFENDER_FOR_CLOUD);
    let incidents = service(&clock, "Graph", Product::GRAPH_INCIDENT);
    let key = |key: CorrelationKey| move |d: &mut Detection| d.correlation_keys = vec![key];
    mde.change("da1", key(CorrelationKey::alert("da1")));
    graph.change("da1", key(CorrelationKey::alert("da1")));
    let cloud = CorrelationKey::cloud_alert("2325cf9e-42a2").swap_remove(0);
    azure.change("/subscriptions/S/alerts/2325cf9e-42a2", key(cloud));
    graph.change("dc2325cf9e-42a2", key(CorrelationKey::alert("dc2325cf9e-42a2")));
    graph.change("aa7", key(CorrelationKey::alert("aa7")));
    incidents.change("40", |d| d.properties.set("alerts", "da1, aa7"));
    let mut feed = feed_of(&clock, &[&mde, &graph, &azure, &incidents]).build().await.unwrap();
    let (changes, _) = told(&mut feed, 40).await;
    let new = changes.iter().filter(|c| c.kind == ChangeKind::New).count();
    assert_eq!(
        (new, changes.len()),
        (4, 6),
        "da1, the one of Azure, aa7, the incident: {:?}",
        words(&changes)
    );
    let sighted: Vec<_> = changes.iter().filter(|c| c.changed == [Changed::Sighted]).collect();
    assert_eq!(sighted.len(), 2);
    let by = |c: &FeedChange| c.sightings.iter().find(|s| s.product != Product::GRAPH_INCIDENT).map(|s| s.by);
    let by: Vec<_> = sighted.iter().map(|c| by(c)).collect();
    assert!(
        by.contains(&Some(MatchedBy::Key(KeyBasis::Exact)))
            && by.contains(&Some(MatchedBy::Key(KeyBasis::Inferred))),
        "{by:?}"
    );
    // Resolved: each service shows it, the feed tells it once.
    mde.change("da1", |d| d.status = Status::Resolved);
    graph.change("da1", |d| d.status = Status::Resolved);
    let (changes, _) = told(&mut feed, 100).await;
    assert_eq!(changes.len(), 1, "{:?}", words(&changes));
    assert_eq!(changes[0].kind, ChangeKind::StatusChanged);
    let profiles: Vec<_> = changes[0].sightings.iter().map(|s| (s.product.to_string(), s.by)).collect();
    assert!(
        profiles.iter().any(|(product, by)| product == "graph_incident" && *by == MatchedBy::Containment),
        "{profiles:?}"
    );
    // Apart, each is new.
    let builder = feed_of(&clock, &[&mde, &graph, &azure, &incidents]).sightings(Sightings::Apart);
    let (changes, _) = told(&mut builder.build().await.unwrap(), 40).await;
    assert!(changes.len() == 6 && changes.iter().all(|c| c.kind == ChangeKind::New));
}

/// One service lags behind the other: the last that is told is how things stand.
#[tokio::test(start_paused = true)]
async fn of_sightings_that_lag_behind_each_other_the_last_state_is_told_last() {
    for seed in 0..200 {
        let clock = clock();
        let mut rng = fastrand::Rng::with_seed(seed);
        let habits = || Habits { delay: Duration::from_secs(200), ..Habits::default() };
        let one = Service::new("One", Product::DEFENDER_ENDPOINT, Arc::clone(&clock), habits(), seed);
        let other = Service::new("Other", Product::GRAPH_ALERT, Arc::clone(&clock), habits(), seed ^ 0x99);
        let store = MemoryCheckpoints::new();
        let build = || feed_of(&clock, &[&one, &other]).checkpoints(store.clone()).build();
        let mut feed = build().await.unwrap();
        let mut last = None;
        for _ in 0..6 {
            let status = [Status::Active, Status::InProgress, Status::Resolved][rng.usize(..3)];
            for service in [&one, &other] {
                service.change("da1", |d| {
                    (d.status, d.correlation_keys) = (status, vec![CorrelationKey::alert("da1")]);
                });
            }
            // Some lives end before what they were told has been taken care of: it does not count.
            if rng.u8(..3) == 0 {
                let end = tokio::time::Instant::now() + Duration::from_secs(rng.u64(1..300));
                while tokio::time::timeout_at(end, feed.next()).await.is_ok() {}
                feed = build().await.unwrap();
                continue;
            }
            let (changes, _) = told(&mut feed, rng.u64(1..300)).await;
            last = changes.last().map(|c| c.detection.status).or(last);
            if rng.bool() {
                feed.commit().await.unwrap();
                feed = build().await.unwrap();
            }
        }
        let (changes, _) = told(&mut feed, 600).await;
        last = changes.last().map(|c| c.detection.status).or(last);
        assert_eq!(last, Some(one.truth()[0].status), "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_only_looks_alike_is_named_where_that_is_asked_for_and_changes_nothing() {
    let clock = clock();
    let (one, other) =
        (service(&clock, "One", Product::new("acme")), service(&clock, "Other", Product::GRAPH_ALERT));
    let about = |name: &str| {
        let entity = Entity::new(EntityKind::Device(Box::<Device>::default()), name);
        move |d: &mut Detection| (d.title, d.entities) = ("Odd logon".into(), vec![entity])
    };
    one.change("x1", about("srv-1.contoso.example"));
    other.change("da1", about("SRV-1"));
    other.change("da2", about("srv-2"));
    for heuristic in [false, true] {
        let builder = feed_of(&clock, &[&one, &other]);
        let builder = if heuristic { builder.with_heuristic_sightings() } else { builder };
        let (changes, _) = told(&mut builder.build().await.unwrap(), 40).await;
        assert!(changes.iter().all(|c| c.kind == ChangeKind::New) && changes.len() == 3);
        let guesses: Vec<_> = changes.iter().flat_map(|c| &c.sightings).map(|s| s.by).collect();
        assert_eq!(guesses, if heuristic { vec![MatchedBy::Heuristic] } else { Vec::new() });
    }
}

#[tokio::test(start_paused = true)]
async fn only_what_is_asked_for_is_told_and_an_unknown_severity_passes() {
    let clock = clock();
    let one = service(&clock, "One", Product::GRAPH_ALERT);
    let azure = service(&clock, "Azure", Product::DEFENDER_FOR_CLOUD);
    for (n, severity) in
        [Severity::Low, Severity::Medium, Severity::High, Severity::Unknown].into_iter().enumerate()
    {
        one.change(&format!("da{n}"), |d| {
            (d.severity, d.machine_group) = (severity, (n > 1).then(|| "Servers".into()));
        });
        azure.change(&format!("/a/{n}"), |d| d.severity = severity);
    }
    let count = async |builder: FeedBuilder| told(&mut builder.build().await.unwrap(), 40).await.0.len();
    assert_eq!(count(feed_of(&clock, &[&one, &azure]).min_severity(Severity::Medium)).await, 6);
    assert_eq!(count(feed_of(&clock, &[&one, &azure]).products([Product::GRAPH_ALERT])).await, 4);
    assert_eq!(count(feed_of(&clock, &[&one]).machine_group("servers")).await, 2);
    // What becomes more severe comes into view.
    let mut feed = feed_of(&clock, &[&one]).min_severity(Severity::High).build().await.unwrap();
    assert_eq!(told(&mut feed, 40).await.0.len(), 2);
    one.change("da0", |d| d.severity = Severity::High);
    assert_eq!(words(&told(&mut feed, 40).await.0), [(ChangeKind::New, "da0".into(), String::new())]);
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_begins_later_is_silent_on_what_was_before_and_tells_its_changes() {
    let clock = clock();
    let azure = service(&clock, "Azure", Product::DEFENDER_FOR_CLOUD);
    let mde = service(&clock, "Endpoint", Product::DEFENDER_ENDPOINT);
    azure.change("/a/1", |_| {});
    mde.change("da1", |_| {});
    tokio::time::advance(Duration::from_secs(3600)).await;
    let since = clock.now();
    azure.change("/a/2", |_| {});
    mde.change("da2", |_| {});
    let mut feed = feed_of(&clock, &[&azure, &mde]).since(since).build().await.unwrap();
    let new: Vec<_> = words(&told(&mut feed, 40).await.0).into_iter().map(|(_, id, _)| id).collect();
    assert_eq!(new.len(), 2, "{new:?}");
    // A status that changes where there is no update time is seen all the same.
    azure.change("/a/1", |d| d.status = Status::Dismissed);
    let (changes, _) = told(&mut feed, 40).await;
    assert_eq!(words(&changes), [(ChangeKind::StatusChanged, "/a/1".into(), "status".into())]);
}

#[tokio::test(start_paused = true)]
async fn once_reads_each_source_once_and_ends() {
    let clock = clock();
    let one = service(&clock, "One", Product::GRAPH_ALERT);
    let bad = Service::new(
        "Bad",
        Product::GRAPH_INCIDENT,
        Arc::clone(&clock),
        Habits { failing: 100, ..Habits::default() },
        1,
    );
    one.change("da1", |_| {});
    let store = MemoryCheckpoints::new();
    let build = || feed_of(&clock, &[&one, &bad]).checkpoints(store.clone()).once().build();
    let (changes, notices) = told(&mut build().await.unwrap(), 3600).await;
    assert_eq!((changes.len(), notices.len()), (1, 1));
    assert!(told(&mut build().await.unwrap(), 3600).await.0.is_empty());
    assert!(clock.monotonic() < Duration::from_secs(60), "it ended by itself");
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_acknowledges_nothing_is_told_so_and_gets_no_more_than_agreed() {
    let clock = clock();
    let one = service(&clock, "One", Product::GRAPH_ALERT);
    for n in 0..50 {
        one.change(&format!("da{n}"), |_| {});
    }
    let mut feed = feed_of(&clock, &[&one]).most_unacknowledged(10).build().await.unwrap();
    let mut sequences = Vec::new();
    let mut notices = 0;
    let end = tokio::time::Instant::now() + Duration::from_secs(600);
    while let Ok(Some(event)) = tokio::time::timeout_at(end, feed.next()).await {
        match event {
            FeedEvent::Change(change) => sequences.push(change.sequence),
            FeedEvent::Notice(Notice::Unacknowledged { changes }) => notices += changes,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((sequences.len(), notices), (10, 10));
    sequences.drain(..).for_each(|one| feed.acknowledge(one));
    assert_eq!(told(&mut feed, 40).await.0.len(), 40);
}

/// Pushes that are lost, doubled, late; each detection is told once, at the earlier of push and poll.
#[tokio::test(start_paused = true)]
async fn pushes_make_it_faster_and_never_twice() {
    for seed in 0..20 {
        let clock = clock();
        let azure = Service::new(
            "Azure",
            Product::DEFENDER_FOR_CLOUD,
            Arc::clone(&clock),
            Habits { native: false, delay: Duration::from_secs(20), ..Habits::default() },
            seed,
        );
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut feed = feed_of(&clock, &[&azure]).build().await.unwrap();
        told(&mut feed, 5).await;
        let mut late: Vec<Detection> = Vec::new();
        let (mut all, mut fast) = (Vec::new(), 0);
        for n in 0..100 {
            let id = format!("/subscriptions/s/alerts/{n}");
            azure.change(&id, |d| d.correlation_keys = CorrelationKey::cloud_alert(&n.to_string()));
            let pushed = azure.get(&DetectionId::new(&*id).unwrap()).await.unwrap();
            let handle = feed.pushes();
            let fate = rng.u8(..10);
            // What is pushed may have a bare name, and nothing but its own form.
            let bare = |mut d: Detection| {
                if n % 2 == 0 {
                    d.id = DetectionId::new(n.to_string()).unwrap();
                }
                d.raw = None;
                d.description = Some("as it is pushed".into());
                d
            };
            match fate {
                0..3 => {}
                3..5 => late.push(bare(pushed)),
                5..7 => {
                    handle.push("Azure", bare(pushed.clone())).await.unwrap();
                    handle.push("Azure", bare(pushed)).await.unwrap();
                }
                _ => handle.push("Azure", bare(pushed)).await.unwrap(),
            }
            let begin = clock.monotonic();
            let (changes, _) = told(&mut feed, rng.u64(1..4)).await;
            fast += usize::from(
                fate >= 5 && changes.iter().any(|c| c.detection.id.as_str().ends_with(&n.to_string())),
            );
            assert!(clock.monotonic() < begin + Duration::from_secs(5));
            all.extend(words(&changes));
            if rng.u8(..5) == 0 {
                for d in late.drain(..) {
                    feed.pushes().push("Azure", d).await.unwrap();
                }
            }
            if rng.u8(..8) == 0 && n > 3 {
                // A change after the push: told as one, though a late push knows nothing of it.
                azure.change(&id, |d| d.status = Status::Dismissed);
            }
        }
        for d in late.drain(..) {
            feed.pushes().push("Azure", d).await.unwrap();
        }
        all.extend(words(&told(&mut feed, 200).await.0));
        let dismissed = azure.truth().iter().filter(|d| d.status == Status::Dismissed).count();
        let new: std::collections::BTreeSet<_> = all
            .iter()
            .filter(|(kind, ..)| *kind == ChangeKind::New)
            .map(|(_, id, _)| id.rsplit('/').next().unwrap().to_owned())
            .collect();
        let told_new = all.iter().filter(|(kind, ..)| *kind == ChangeKind::New).count();
        assert_eq!((new.len(), told_new), (100, 100), "seed {seed}: each once: {all:?}");
        let changed = all.iter().filter(|(kind, ..)| *kind == ChangeKind::StatusChanged).count();
        assert!(changed <= dismissed && all.len() - told_new == changed, "seed {seed}: {all:?}");
        assert!(fast > 30, "seed {seed}: {fast} were told at once");
        let error = feed.pushes().push("Elsewhere", azure.truth().swap_remove(0)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}

#[tokio::test(start_paused = true)]
async fn a_steady_poll_costs_one_request_and_the_window_stays_small() {
    let clock = clock();
    let one = service(&clock, "One", Product::GRAPH_ALERT);
    for n in 0..500 {
        one.put_at(&format!("da{n}"), clock.now() - chrono::TimeDelta::minutes(n));
    }
    let mut feed = feed_of(&clock, &[&one]).build().await.unwrap();
    assert_eq!(told(&mut feed, 60).await.0.len(), 500);
    one.change("da1000", |_| {});
    tokio::time::advance(Duration::from_secs(20 * 60)).await;
    one.change("da1001", |_| {});
    told(&mut feed, 60).await;
    let (before, _) = one.asked();
    assert!(told(&mut feed, 600).await.0.is_empty());
    assert!((18..=23).contains(&(one.asked().0 - before)), "one page a poll: {}", one.asked().0 - before);
}

#[tokio::test(start_paused = true)]
async fn sources_may_differ_in_how_they_are_read_and_names_must() {
    let clock = clock();
    let (one, other) =
        (service(&clock, "One", Product::GRAPH_ALERT), service(&clock, "Other", Product::GRAPH_ALERT));
    let slow = SourceOptions::new().with_poll_every(Duration::from_secs(600));
    let builder = Feed::builder(Arc::clone(&clock)).source(one.clone()).source_with(other.clone(), slow);
    let mut feed = builder.build().await.unwrap();
    told(&mut feed, 1200).await;
    assert!(one.asked().0 > 30 && other.asked().0 < 5);
    let error = feed_of(&clock, &[&one, &one]).build().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(error.to_string().contains("One/graph_alert"));
    assert_eq!(Feed::builder(clock).build().await.unwrap_err().kind(), ErrorKind::InvalidRequest);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_our_own_hides_nobody_elses() {
    let clock = clock();
    let one = service(&clock, "One", Product::DEFENDER_ENDPOINT);
    let twin = Service::new(
        "Twin",
        Product::GRAPH_ALERT,
        Arc::clone(&clock),
        Habits { delay: Duration::from_secs(100), ..Habits::default() },
        3,
    );
    for service in [&one, &twin] {
        service.change("da1", |d| d.correlation_keys = vec![CorrelationKey::alert("da1")]);
    }
    let mut feed = feed_of(&clock, &[&one, &twin]).build().await.unwrap();
    told(&mut feed, 300).await;
    let through = feed.source("One").unwrap();
    assert!(feed.source("Two").is_none() && feed.source_of("One", &Product::GRAPH_INCIDENT).is_none());
    let (id, resolved) = (DetectionId::new("da1").unwrap(), DetectionChange::status(Status::Resolved));
    // Refused: somebody else was faster, and that is to be told.
    one.refuse(ErrorKind::Conflict);
    assert_eq!(through.update(&id, &resolved).await.unwrap_err().kind(), ErrorKind::Conflict);
    one.change("da1", |d| d.status = Status::Resolved);
    let (changes, _) = told(&mut feed, 40).await;
    assert_eq!(words(&changes), [(ChangeKind::StatusChanged, "da1".into(), "status".into())]);
    one.change("da1", |d| d.status = Status::Active);
    twin.change("da1", |d| d.status = Status::Active);
    told(&mut feed, 300).await;
    // Made; then somebody reopens it before the other service has shown anything, and somebody resolves it again.
    through.update(&id, &resolved).await.unwrap();
    twin.change("da1", |d| d.status = Status::Resolved);
    assert!(told(&mut feed, 35).await.0.is_empty());
    let mut shown = None;
    for status in [Status::Active, Status::Resolved, Status::Active] {
        for service in [&one, &twin] {
            service.change("da1", |d| d.status = status);
        }
        let (changes, _) = told(&mut feed, 40).await;
        // The slow one may just have told of what it is again.
        let is_told = shown == Some(status) || changes.iter().any(|c| c.detection.status == status);
        assert!(is_told, "{status:?}: {:?}", words(&changes));
        shown = changes.last().map(|c| c.detection.status).or(shown);
    }
    let (changes, _) = told(&mut feed, 400).await;
    assert!(changes.last().is_none_or(|c| c.detection.status == Status::Active), "{:?}", words(&changes));
}

#[tokio::test(start_paused = true)]
async fn a_change_of_our_own_is_told_when_nobody_has_learned_that_it_was_made() {
    let clock = clock();
    let slow = Habits { latency: Duration::from_secs(20), ..Habits::default() };
    let one = Service::new("One", Product::GRAPH_ALERT, Arc::clone(&clock), slow, 1);
    let store = MemoryCheckpoints::new();
    one.change("da1", |_| {});
    let (id, resolved) = (DetectionId::new("da1").unwrap(), DetectionChange::status(Status::Resolved));
    let mut feed = feed_of(&clock, &[&one]).checkpoints(store.clone()).build().await.unwrap();
    assert_eq!(told(&mut feed, 100).await.0.len(), 1);
    // Made, shown by a poll, and not answered yet: nothing is told, and nothing is written down as known.
    let through = feed.source("One").unwrap();
    let mut update = Box::pin(through.update(&id, &resolved));
    let both = futures_util::future::join(told(&mut feed, 200), async {
        let answer = tokio::time::timeout(Duration::from_secs(39), &mut update).await;
        assert!(answer.is_err(), "it takes 40 s");
        tokio::time::sleep(Duration::from_secs(150)).await;
    });
    let ((changes, _), ()) = both.await;
    assert!(changes.is_empty(), "{:?}", words(&changes));
    feed.commit().await.unwrap();
    drop((update, feed));
    let mut feed = feed_of(&clock, &[&one]).checkpoints(store.clone()).build().await.unwrap();
    let (changes, _) = told(&mut feed, 100).await;
    assert_eq!(words(&changes), [(ChangeKind::StatusChanged, "da1".into(), "status".into())], "it died");
    // Given up by its caller after it was made.
    let active = DetectionChange::status(Status::Active);
    let through = feed.source("One").unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(30), through.update(&id, &active)).await.is_err());
    let (changes, _) = told(&mut feed, 100).await;
    assert_eq!(words(&changes), [(ChangeKind::StatusChanged, "da1".into(), "status".into())], "given up");
    // Answered: whoever made it knows.
    let through = feed.source("One").unwrap();
    let (answer, (changes, _)) =
        futures_util::future::join(through.update(&id, &resolved), told(&mut feed, 200)).await;
    assert_eq!(answer.unwrap().status, Status::Resolved);
    assert!(changes.is_empty(), "{:?}", words(&changes));
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_takes_its_time_has_its_acknowledgements_written_down() {
    let clock = clock();
    let one = service(&clock, "One", Product::GRAPH_ALERT);
    for n in 0..40 {
        one.change(&format!("da{n}"), |_| {});
    }
    let store = MemoryCheckpoints::new();
    {
        let mut feed = feed_of(&clock, &[&one]).checkpoints(store.clone()).build().await.unwrap();
        for _ in 0..20 {
            let Some(FeedEvent::Change(change)) = feed.next().await else { panic!() };
            tokio::time::sleep(Duration::from_secs(2)).await;
            feed.acknowledge(change.sequence);
        }
    }
    let mut feed = feed_of(&clock, &[&one]).checkpoints(store.clone()).build().await.unwrap();
    let again = told(&mut feed, 100).await.0.len();
    assert!((20..=25).contains(&again), "{again} of 40 after 20 were taken care of");
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_is_restarted_with_since_goes_on_where_it_was() {
    let clock = clock();
    let one = service(&clock, "One", Product::GRAPH_ALERT);
    let store = MemoryCheckpoints::new();
    let build = || {
        let since = clock.now() - chrono::TimeDelta::hours(1);
        feed_of(&clock, &[&one]).since(since).checkpoints(store.clone()).build()
    };
    one.change("da1", |_| {});
    assert_eq!(told(&mut build().await.unwrap(), 40).await.0.len(), 1);
    // The service is down for a weekend.
    tokio::time::advance(Duration::from_secs(3600)).await;
    one.change("da2", |_| {});
    tokio::time::advance(Duration::from_secs(60 * 3600)).await;
    assert_eq!(
        words(&told(&mut build().await.unwrap(), 40).await.0),
        [(ChangeKind::New, "da2".into(), String::new())]
    );
}

/// Checkpoints that can never be written.
#[derive(Debug)]
struct Full;

#[async_trait::async_trait]
impl CheckpointStore for Full {
    async fn claim(&self, _: &str) -> Result<Option<Claim>> {
        Ok(Some(Claim::for_good(None)))
    }
    async fn renew(&self, _: &str) -> Result<()> {
        Ok(())
    }
    async fn save(&self, _: Vec<(&str, Vec<u8>)>) -> Result<()> {
        Err(Error::new(ErrorKind::Unavailable, "use the checkpoint").with_message("the disk is full"))
    }
    async fn release(&self, _: &str) -> Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_is_told_of_now_and_then_and_the_feed_goes_on() {
    let clock = clock();
    let one = service(&clock, "One", Product::GRAPH_ALERT);
    let mut feed = feed_of(&clock, &[&one]).checkpoints(Full).build().await.unwrap();
    let (mut changes, mut notices) = (0, Vec::new());
    for n in 0..60 {
        one.change(&format!("da{n}"), |_| {});
        let (new, said) = told(&mut feed, 60).await;
        changes += new.len();
        notices.extend(said);
    }
    assert_eq!(changes, 60);
    assert!((20..90).contains(&notices.len()), "about one a minute: {}", notices.len());
    assert!(notices[0].to_string().contains("the disk is full"));
    assert!(feed.commit().await.is_err());
    let mut feed = feed_of(&clock, &[&one]).checkpoints(Full).once().build().await.unwrap();
    let (changes, notices) = told(&mut feed, 600).await;
    assert!(changes.len() == 60 && matches!(notices.last(), Some(Notice::CheckpointFailed { .. })));
}

#[tokio::test(start_paused = true)]
async fn changes_are_acknowledged_from_elsewhere_while_the_feed_is_awaited() {
    let clock = clock();
    let one = service(&clock, "One", Product::GRAPH_ALERT);
    for n in 0..30 {
        one.change(&format!("da{n}"), |_| {});
    }
    let mut feed = feed_of(&clock, &[&one]).most_unacknowledged(4).build().await.unwrap();
    let acknowledger = feed.acknowledger();
    let (sender, mut work) = tokio::sync::mpsc::unbounded_channel();
    let worker = tokio::spawn(async move {
        while let Some(sequence) = work.recv().await {
            tokio::time::sleep(Duration::from_millis(300)).await;
            acknowledger.acknowledge(sequence);
        }
    });
    let mut count = 0;
    while count < 30 {
        if let Some(FeedEvent::Change(change)) = feed.next().await {
            sender.send(change.sequence).unwrap();
            count += 1;
        }
    }
    drop(sender);
    worker.await.unwrap();
    feed.commit().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_memory_that_is_too_small_is_told_of_and_stays_within_its_bound() {
    let clock = clock();
    let one = service(&clock, "One", Product::GRAPH_ALERT);
    let mut feed = feed_of(&clock, &[&one]).remember(40).build().await.unwrap();
    let mut full = 0;
    for n in 0..200 {
        one.change(&format!("da{n}"), |_| {});
        let (_, notices) = told(&mut feed, 2).await;
        full += notices.iter().filter(|n| matches!(n, Notice::MemoryFull { .. })).count();
        assert!(feed.remembered() <= 46, "{}", feed.remembered());
    }
    assert_eq!(full, 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_told_once_is_told_on_whatever_becomes_of_its_severity() {
    let clock = clock();
    for product in [Product::GRAPH_ALERT, Product::DEFENDER_FOR_CLOUD] {
        let one = service(&clock, "One", product);
        one.change("da1", |_| {});
        let mut feed = feed_of(&clock, &[&one]).min_severity(Severity::High).build().await.unwrap();
        told(&mut feed, 40).await;
        for change in
            [|d: &mut Detection| d.severity = Severity::Low, |d: &mut Detection| d.status = Status::Resolved]
        {
            one.change("da1", change);
            assert_eq!(told(&mut feed, 40).await.0.len(), 1);
        }
    }
}
