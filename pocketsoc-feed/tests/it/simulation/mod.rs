//! Nothing is lost: random services, random faults, and a crash at every await point, seed by seed.
//!
//! `POCKETSOC_SEEDS=3000 cargo test -p pocketsoc-feed --features object-store --release simulation` runs more of them: so
//! many of the services, and in proportion of the others; no fewer than 300.

mod scenario;
mod store;

#[cfg(feature = "object-store")]
pub(crate) use store::SlowCheckpoints;

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

use scenario::{HOUR, Scenario};

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

/// Says which seed it was, whatever fails with it.
struct Trial<'a>(u64, &'a [u64]);

#[allow(clippy::print_stderr)] // it is for whoever reads what a failing test prints
impl Drop for Trial<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("it was seed {}, with crashes after {:?} polls", self.0, self.1);
        }
    }
}

/// One scenario with a crash after each of these many polls, and a last life without. How many polls there were before.
fn run(scenario: Scenario, crashes: &[u64]) -> u64 {
    let _trial = Trial(scenario.seed, crashes);
    runtime().block_on(async {
        let (scenario, happening) = begin(scenario);
        let counted = AtomicU64::new(0);
        for crash in crashes {
            let until = scenario.clock.monotonic() + scenario.life;
            crash_after(*crash, &counted, scenario.live(until)).await;
            if scenario.is_long {
                scenario.clock.sleep(HOUR * 30).await;
            }
        }
        happening.await.unwrap();
        // Everything is visible, and every failure has been got over.
        let until = scenario.clock.monotonic() + HOUR * 3;
        scenario.live(until).await;
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
        run(Scenario::new(seed), &crashes);
    }
    assert!(scenario::FORGOT.load(Ordering::Relaxed) > 0, "no memory was ever too small");
}

#[test]
fn a_crash_at_every_single_await_point_loses_nothing() {
    for seed in 0..seeds(300) / 300 {
        // A short life, to its end.
        let life = Duration::from_secs(600);
        let short = || Scenario { steps: 6, life, is_long: false, ..Scenario::new(seed) };
        let all = run(short(), &[u64::MAX]);
        assert!(all > 100, "seed {seed}: {all} polls");
        for crash in 1..=all {
            run(short(), &[crash]);
        }
    }
}

/// Two workers of a fleet over one store, each with crashes of its own: a source goes from hand to hand.
#[cfg(feature = "object-store")]
#[test]
fn nothing_is_lost_when_sources_go_from_worker_to_worker() {
    use object_store::memory::InMemory;
    use pocketsoc_feed::ObjectCheckpoints;

    for seed in 0..seeds(300) / 5 {
        let _trial = Trial(seed, &[]);
        runtime().block_on(async {
            let scenario = Scenario { is_fleet: true, is_long: false, ..Scenario::new(seed) };
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
                        let until = HOUR * 5;
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
    for seed in 0..seeds(300) / 7 {
        let _trial = Trial(seed, &[]);
        runtime().block_on(async {
            let scenario =
                Scenario { changes_back: false, bound: 400, is_long: false, ..Scenario::new(seed) };
            let (scenario, _) = begin(scenario);
            scenario.live(HOUR * 5).await;
            scenario.check("no crash");
            assert_eq!(scenario.told.lock().unwrap().again, 0, "seed {seed}");
        });
    }
}

#[tokio::test(start_paused = true)]
async fn changes_through_the_feed_are_not_told_and_others_at_the_same_time_are() {
    for seed in 0..seeds(300) / 5 {
        let _trial = Trial(seed, &[]);
        let mut scenario = Scenario::new(seed);
        let habits = &mut scenario.services[0].habits;
        (habits.grain, habits.backwards, habits.partial, habits.stuck) = (1, 0, 0, 0);
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
