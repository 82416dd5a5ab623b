//! Nothing is lost: random services, random faults, and a crash at every await point, seed by seed.
//!
//! `POCKETSOC_SEEDS=5000 cargo test -p pocketsoc-feed --release simulation` runs more of them.

mod scenario;
mod store;

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use fastrand::Rng;
use pocketsoc_feed::{ChangeKind, Feed, FeedEvent};
use pocketsoc_model::{DetectionChange, DetectionSource as _, Status};

use scenario::Scenario;

/// Runs a future until its so manyth poll; `None` when it was not over by then. What is dropped in the middle has crashed.
async fn crash_after<T>(polls: u64, counted: &AtomicU64, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        counted.fetch_add(1, Ordering::Relaxed);
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// Lets things happen in a scenario, beside whoever lives in it.
fn begin(scenario: Scenario) -> (Arc<Scenario>, tokio::task::JoinHandle<()>) {
    let scenario = Arc::new(scenario);
    let world = Arc::clone(&scenario);
    (scenario, tokio::spawn(async move { world.happen().await }))
}

/// One scenario with a crash after each of these many polls, and a last life without. How many polls the last life took.
fn run(seed: u64, crashes: &[u64]) -> u64 {
    runtime().block_on(async {
        let (scenario, happening) = begin(Scenario::new(seed));
        let counted = AtomicU64::new(0);
        let whole = Duration::from_secs(60 * 90 * 2);
        for crash in crashes {
            crash_after(*crash, &counted, scenario.live(whole)).await;
        }
        counted.store(0, Ordering::Relaxed);
        happening.await.unwrap();
        // Everything is visible, and every failure has been got over.
        let until = scenario.clock.monotonic() + Duration::from_secs(60 * 60 * 3);
        crash_after(u64::MAX, &counted, scenario.live(until)).await;
        scenario.check(&format!("crashes after {crashes:?}"));
        counted.load(Ordering::Relaxed)
    })
}

fn seeds(usual: u64) -> u64 {
    std::env::var("POCKETSOC_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

#[test]
fn nothing_is_lost_whatever_the_services_do_and_whenever_the_process_dies() {
    for seed in 0..seeds(300) {
        let mut rng = Rng::with_seed(seed ^ 0xDEAD);
        let crashes: Vec<u64> = (0..rng.usize(..6)).map(|_| rng.u64(1..2000)).collect();
        run(seed, &crashes);
    }
}

#[test]
fn a_crash_at_every_single_await_point_loses_nothing() {
    for seed in [3, 11] {
        let mut crash = 1;
        // Each point of the beginning, where everything is new, then the others in steps.
        while crash < 4000 {
            run(seed, &[crash]);
            crash += 1 + crash / 40;
        }
    }
}

/// Two workers of a fleet over one store, each with crashes of its own: a source goes from hand to hand.
#[cfg(feature = "object-store")]
#[test]
fn nothing_is_lost_when_sources_go_from_worker_to_worker() {
    use object_store::memory::InMemory;
    use pocketsoc_feed::ObjectCheckpoints;

    for seed in 0..seeds(60) {
        runtime().block_on(async {
            let mut scenario = Scenario::new(seed);
            scenario.is_fleet = true;
            let (scenario, _) = begin(scenario);
            let objects = Arc::new(InMemory::new());
            let worker = |name: &'static str| {
                let (scenario, objects) = (Arc::clone(&scenario), Arc::clone(&objects));
                async move {
                    let mut rng = Rng::with_seed(seed ^ u64::from(name.as_bytes()[0]));
                    let crashes = rng.usize(..4);
                    let crashes = (0..crashes).map(|_| rng.u64(1..2000)).chain([u64::MAX]);
                    for crash in crashes.collect::<Vec<_>>() {
                        let clock = Arc::clone(&scenario.clock);
                        let inner = ObjectCheckpoints::new(objects.clone(), "fleet", name, clock);
                        let store = scenario.store.clone().over(inner);
                        let until = Duration::from_secs(60 * 60 * 4);
                        crash_after(crash, &AtomicU64::new(0), scenario.live_with(store, until)).await;
                    }
                }
            };
            futures_util::future::join(Box::pin(worker("ada")), Box::pin(worker("bob"))).await;
            scenario.check("two workers");
        });
    }
}

#[test]
fn without_a_crash_everything_is_told_once() {
    for seed in 0..40 {
        runtime().block_on(async {
            let mut scenario = Scenario::new(seed);
            scenario.changes_back = false;
            let (scenario, _) = begin(scenario);
            scenario.live(Duration::from_secs(60 * 60 * 5)).await;
            scenario.check("no crash");
            assert_eq!(scenario.told.lock().unwrap().again, 0, "seed {seed}");
        });
    }
}

#[tokio::test(start_paused = true)]
async fn changes_through_the_feed_are_not_told_and_others_at_the_same_time_are() {
    for seed in 0..60 {
        let mut scenario = Scenario::new(seed);
        scenario.services[0].habits.grain = 1;
        let service = &scenario.services[0];
        for n in 0..5 {
            service.change(&format!("da{n}"), |_| {});
        }
        let builder = Feed::builder(Arc::clone(&scenario.clock)).source(service.clone()).seed(seed);
        let mut feed = builder.build().await.unwrap();
        let through = feed.source("Endpoint").unwrap();
        let mut rng = Rng::with_seed(seed);
        let mut told = Vec::new();
        let mut ours = BTreeSet::new();
        let end = scenario.clock.monotonic() + Duration::from_secs(60 * 60);
        while scenario.clock.monotonic() < end {
            let wait = tokio::time::timeout(Duration::from_secs(60), feed.next()).await;
            if let Ok(Some(FeedEvent::Change(change))) = wait {
                feed.acknowledge(change.sequence);
                let status = change.changed_keys().contains(&"status");
                told.push((change.kind, change.detection.id.to_string(), change.detection.status));
                if change.kind == ChangeKind::New && rng.bool() {
                    let id = change.detection.id.clone();
                    ours.insert(id.to_string());
                    let written = DetectionChange::status(Status::Resolved);
                    through.update(&id, &written).await.unwrap();
                    if rng.bool() {
                        // Somebody else, a moment later.
                        service.change(id.as_str(), |d| d.assigned_to = Some("eve".into()));
                    }
                } else if status {
                    assert!(!ours.contains(&change.detection.id.to_string()), "seed {seed}: {told:?}");
                }
            }
        }
        let theirs = service.truth().into_iter().filter(|d| d.assigned_to.is_some()).count();
        let updated = told.iter().filter(|(kind, _, _)| *kind == ChangeKind::Updated).count();
        assert_eq!(updated, theirs, "seed {seed}: {told:?}");
    }
}
