//! A fleet of workers over one object store: one owner a source, another when it dies.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt as _, local::LocalFileSystem};
use pocketsoc_feed::{CheckpointStore as _, Feed, FeedBuilder, FeedEvent, Notice, ObjectCheckpoints};
use pocketsoc_model::{Clock, ErrorKind, ManualClock, Product, Status};

use crate::simulation::SlowCheckpoints;
use crate::world::{Habits, Service, VirtualClock};

fn manual() -> Arc<ManualClock> {
    Arc::new(ManualClock::at("2026-09-21T13:00:00Z".parse().unwrap()))
}

fn worker(store: &Arc<dyn ObjectStore>, name: &str, clock: &Arc<ManualClock>) -> ObjectCheckpoints {
    ObjectCheckpoints::new(Arc::clone(store), "fleet/a", name, Arc::clone(clock) as Arc<dyn Clock>)
}

#[tokio::test]
async fn one_worker_owns_a_source_and_another_one_takes_over_when_it_dies_on_a_disk_too() {
    let folder = tempfile::tempdir().unwrap();
    let disk: Arc<dyn ObjectStore> = Arc::new(LocalFileSystem::new_with_prefix(folder.path()).unwrap());
    for store in [Arc::new(InMemory::new()) as Arc<dyn ObjectStore>, disk] {
        let clock = manual();
        let (one, other) = (worker(&store, "one", &clock), worker(&store, "other", &clock));
        let source = "Graph €/graph_alert";
        assert_eq!(one.claim(source).await.unwrap().unwrap().checkpoint, None);
        assert!(other.claim(source).await.unwrap().is_none(), "it is owned");
        one.save(vec![(source, vec![1])]).await.unwrap();
        one.save(vec![(source, vec![2])]).await.unwrap();
        for _ in 0..5 {
            clock.advance(Duration::from_secs(50));
            one.renew(source).await.unwrap();
            assert!(other.claim(source).await.unwrap().is_none(), "it is renewed");
        }
        // It dies: nobody renews.
        clock.advance(Duration::from_secs(69));
        assert!(other.claim(source).await.unwrap().is_none(), "its clock may be behind");
        clock.advance(Duration::from_secs(1));
        assert_eq!(other.claim(source).await.unwrap().unwrap().checkpoint, Some(vec![2]));
        // It was only slow: what it writes does not count any more, and it is told, though its generations are gone.
        for _ in 0..4 {
            other.renew(source).await.unwrap();
        }
        other.save(vec![(source, vec![3])]).await.unwrap();
        for refused in [one.save(vec![(source, vec![9])]).await, one.renew(source).await] {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::Conflict);
        }
        other.save(vec![(source, vec![4])]).await.unwrap();
        other.release(source).await.unwrap();
        assert_eq!(one.claim(source).await.unwrap().unwrap().checkpoint, Some(vec![4]), "at once");
    }
}

#[tokio::test]
async fn what_a_slow_owner_writes_between_is_overtaken_and_not_mixed_up() {
    let (store, clock): (Arc<dyn ObjectStore>, _) = (Arc::new(InMemory::new()), manual());
    // Its clock stands still: it does not know that its time is over.
    let (one, other) = (worker(&store, "one", &manual()), worker(&store, "other", &clock));
    one.claim("s").await.unwrap().unwrap();
    one.save(vec![("s", vec![1])]).await.unwrap();
    clock.advance(Duration::from_secs(80));
    assert_eq!(other.claim("s").await.unwrap().unwrap().checkpoint, Some(vec![1]));
    // Before the new owner has written anything.
    one.save(vec![("s", vec![2])]).await.unwrap();
    other.save(vec![("s", vec![3])]).await.unwrap();
    assert_eq!(one.save(vec![("s", vec![4])]).await.unwrap_err().kind(), ErrorKind::Conflict);
    other.release("s").await.unwrap();
    assert_eq!(other.claim("s").await.unwrap().unwrap().checkpoint, Some(vec![3]));
}

#[tokio::test]
async fn of_many_that_claim_at_once_one_wins() {
    for _ in 0..20 {
        let (store, clock): (Arc<dyn ObjectStore>, _) = (Arc::new(InMemory::new()), manual());
        let workers: Vec<_> = (0..10).map(|n| worker(&store, &n.to_string(), &clock)).collect();
        let claims = futures_util::future::join_all(workers.iter().map(|one| one.claim("s"))).await;
        assert_eq!(claims.into_iter().filter(|claim| claim.as_ref().unwrap().is_some()).count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn feeds_of_a_fleet_hand_a_source_over_and_nothing_is_lost() {
    let clock: Arc<dyn Clock> = VirtualClock::new();
    let service =
        Service::new("Endpoint", Product::DEFENDER_ENDPOINT, Arc::clone(&clock), Habits::default(), 1);
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let feed = |name: &str| {
        let checkpoints = ObjectCheckpoints::new(Arc::clone(&store), "fleet", name, Arc::clone(&clock));
        Feed::builder(Arc::clone(&clock)).source(service.clone()).checkpoints(checkpoints).build()
    };
    let mut seen = Vec::new();
    let (mut one, mut other) = (feed("one").await.unwrap(), feed("other").await.unwrap());
    for n in 0..30 {
        service.change(&format!("da{n}"), |d| d.status = Status::Active);
        // The first one dies in the middle.
        let (feed, idle) = if n < 15 { (&mut one, &mut other) } else { (&mut other, &mut one) };
        let end = clock.monotonic() + Duration::from_secs(if n == 15 { 200 } else { 35 });
        while clock.monotonic() < end {
            let event = if n < 15 {
                // Both live: one owns, the other waits.
                tokio::select! {
                    event = feed.next() => event,
                    event = idle.next() => {
                        assert!(matches!(event, Some(FeedEvent::Notice(Notice::Elsewhere { .. }))), "{event:?}");
                        continue;
                    }
                    () = tokio::time::sleep(Duration::from_secs(1)) => continue,
                }
            } else {
                match tokio::time::timeout(Duration::from_secs(1), feed.next()).await {
                    Ok(event) => event,
                    Err(_) => continue,
                }
            };
            if let Some(FeedEvent::Change(change)) = event {
                feed.acknowledge(change.sequence);
                seen.push(change.detection.id.to_string());
            }
        }
    }
    let unique: std::collections::BTreeSet<_> = seen.iter().collect();
    assert_eq!(unique.len(), 30, "{seen:?}");
    assert!(seen.len() <= 31, "hardly anything twice: {seen:?}");
    // The first one comes back to life: it notices, and does not disturb.
    let event = tokio::time::timeout(Duration::from_secs(300), one.next()).await;
    assert!(matches!(event, Ok(Some(FeedEvent::Notice(Notice::Elsewhere { .. })))), "{event:?}");
}

#[tokio::test(start_paused = true)]
async fn workers_share_the_sources_out_and_one_that_closes_lets_its_own_go_at_once() {
    let clock: Arc<dyn Clock> = VirtualClock::new();
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let services: Vec<_> = (0..6)
        .map(|n| {
            let name = format!("Tenant {n}");
            Service::new(&name, Product::GRAPH_ALERT, Arc::clone(&clock), Habits::default(), n)
        })
        .collect();
    let feed = |name: &'static str, most: usize| {
        let store = ObjectCheckpoints::new(Arc::clone(&objects), "fleet", name, Arc::clone(&clock));
        let builder = Feed::builder(Arc::clone(&clock)).checkpoints(store).own_at_most(most).seed(1);
        services.iter().fold(builder, |builder, service| builder.source(service.clone())).build()
    };
    let owned = |feed: &Feed| feed.monitor().sources().iter().filter(|one| one.is_owned).count();
    let (mut ada, mut bob) = (feed("ada", 4).await.unwrap(), feed("bob", 5).await.unwrap());
    assert_eq!((owned(&ada), owned(&bob)), (4, 2));
    // What it has no room for it says nothing of: nobody was asked.
    let quiet = tokio::time::timeout(Duration::from_secs(5), ada.next()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    ada.close().await.unwrap();
    for service in &services {
        service.change("da1", |_| {});
    }
    let (mut told, mut most, mut elsewhere) = (std::collections::BTreeSet::new(), 0, 0);
    let end = tokio::time::Instant::now() + Duration::from_secs(40);
    while let Ok(Some(event)) = tokio::time::timeout_at(end, bob.next()).await {
        most = most.max(owned(&bob));
        match event {
            FeedEvent::Change(change) => {
                bob.acknowledge(change.sequence);
                told.insert(change.detection.profile.clone());
            }
            FeedEvent::Notice(Notice::Elsewhere { .. }) => elsewhere += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(elsewhere, 4, "those that ada had when bob began");
    assert_eq!((most, owned(&bob), told.len()), (5, 5, 5), "within half a minute, and not more than it may");
}

#[tokio::test]
async fn a_lease_whose_answer_was_lost_is_found_and_prolonged_and_what_else_lies_there_is_none() {
    let clock = manual();
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let short = Duration::from_secs(20);
    let one = worker(&objects, "one", &clock).with_lease(short).with_clock_allowance(Duration::from_secs(1));
    let source = "Graph";
    one.claim(source).await.unwrap().unwrap();
    // What somebody has put there.
    for name in ["7", "+9", "readme.txt"] {
        let path = format!("fleet/a/Graph/lease/{name}").into();
        objects.put(&path, "x".into()).await.unwrap();
    }
    // Its own lease under the next number, as if the answer had not come.
    let list = objects.list(None).map(|meta| meta.unwrap().location).collect::<Vec<_>>().await;
    let lease = list.iter().find(|path| path.as_ref().ends_with("lease/00000000000000000001")).unwrap();
    let bytes = objects.get(lease).await.unwrap().bytes().await.unwrap();
    objects.put(&"fleet/a/Graph/lease/00000000000000000002".into(), bytes.into()).await.unwrap();
    // It has ended by its own clock, and nobody else has taken it over.
    clock.advance(Duration::from_secs(21));
    one.renew(source).await.unwrap();
    let other = worker(&objects, "other", &clock).with_clock_allowance(Duration::from_secs(1));
    clock.advance(Duration::from_secs(15));
    assert!(other.claim(source).await.unwrap().is_none(), "it is prolonged by what was written last");
    clock.advance(Duration::from_secs(6));
    assert!(other.claim(source).await.unwrap().is_some(), "20 s after, and one for the clocks");
    assert!(!format!("{one:?}").contains("InMemory"), "how a store writes itself down may show its key");
}

#[tokio::test(start_paused = true)]
async fn who_may_own_some_gets_those_that_are_free_though_others_were_asked_for_first() {
    let clock: Arc<dyn Clock> = VirtualClock::new();
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let feed = |name: &'static str, most: usize| {
        let store = ObjectCheckpoints::new(Arc::clone(&objects), "fleet", name, Arc::clone(&clock));
        // Its answers take their time: claims are made side by side.
        let builder = Feed::builder(Arc::clone(&clock)).checkpoints(SlowCheckpoints::new(
            store,
            Arc::clone(&clock),
            0,
            0,
        ));
        let sources = (0..10).map(|n| {
            let name = format!("Tenant {n}");
            Service::new(&name, Product::GRAPH_ALERT, Arc::clone(&clock), Habits::default(), n)
        });
        sources.fold(builder.own_at_most(most).once(), FeedBuilder::source).build()
    };
    let owned = |feed: &Feed| feed.monitor().sources().iter().filter(|one| one.is_owned).count();
    let (ada, bob) = (feed("ada", 5).await.unwrap(), feed("bob", 5).await.unwrap());
    assert_eq!((owned(&ada), owned(&bob)), (5, 5));
}
