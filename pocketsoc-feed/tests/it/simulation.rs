//! Nothing is lost: random services, random faults, and a crash at every await point, seed by seed.
//!
//! `POCKETSOC_SEEDS=5000 cargo test -p pocketsoc-feed --release simulation` runs more of them.

use std::collections::{BTreeSet, HashSet};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;
use pocketsoc_feed::{ChangeKind, CheckpointStore, Claim, Feed, FeedEvent, MemoryCheckpoints, Sightings};
use pocketsoc_model::{
    Clock, CorrelationKey, Detection, DetectionChange, DetectionSource as _, Error, ErrorKind, Product,
    Result, Severity, Status,
};

use crate::world::{Habits, Service, VirtualClock};

/// What makes a version: nothing less, since several changes may share an instant.
type Version = (String, String, Option<DateTime<Utc>>, Status, Severity, Option<String>);

fn version(d: &Detection) -> Version {
    (d.profile.clone(), d.id.to_string(), d.updated_at, d.status, d.severity, d.assigned_to.clone())
}

/// Checkpoints that take their time and sometimes cannot be written.
#[derive(Debug, Clone)]
struct SlowCheckpoints {
    inner: MemoryCheckpoints,
    clock: Arc<dyn Clock>,
    rng: Arc<Mutex<Rng>>,
    failing: u8,
}

impl SlowCheckpoints {
    fn fails(&self) -> bool {
        self.rng.lock().unwrap().u8(..100) < self.failing
    }
}

#[async_trait]
impl CheckpointStore for SlowCheckpoints {
    async fn claim(&self, source: &str) -> Result<Option<Claim>> {
        self.clock.sleep(Duration::from_millis(3)).await;
        self.inner.claim(source).await
    }
    async fn renew(&self, source: &str) -> Result<()> {
        self.inner.renew(source).await
    }
    async fn save(&self, checkpoints: Vec<(&str, Vec<u8>)>) -> Result<()> {
        self.clock.sleep(Duration::from_millis(5)).await;
        if self.fails() {
            return Err(Error::new(ErrorKind::Unavailable, "save").with_message("scripted"));
        }
        self.inner.save(checkpoints).await?;
        // Written, but who asked may not live to hear of it.
        self.clock.sleep(Duration::from_millis(5)).await;
        Ok(())
    }
    async fn release(&self, source: &str) -> Result<()> {
        self.inner.release(source).await
    }
}

/// Whether an alert is one in every service.
fn is_everywhere(id: &str) -> bool {
    id.ends_with(['0', '3', '6'])
}

/// What the consumer has been told, over all its lives.
#[derive(Debug, Default)]
struct Told {
    seen: HashSet<Version>,
    again: usize,
    times: usize,
    remembered: usize,
    /// Statuses in the order they were told, by source and id.
    last: std::collections::BTreeMap<(String, String), Option<DateTime<Utc>>>,
    out_of_order: Vec<String>,
}

struct Scenario {
    seed: u64,
    clock: Arc<dyn Clock>,
    services: Vec<Service>,
    store: SlowCheckpoints,
    told: Mutex<Told>,
    bound: usize,
    sightings: Sightings,
}

impl Scenario {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let clock: Arc<dyn Clock> = VirtualClock::new();
        let mut habits = |native| Habits {
            native,
            page: [1, 3, 10, 50][rng.usize(..4)],
            ascending: rng.bool(),
            skew: TimeDelta::seconds(rng.i64(-300..=300)),
            delay: Duration::from_secs(rng.u64(0..=300)),
            latency: Duration::from_millis(rng.u64(1..200)),
            failing: [0, 0, 10, 30][rng.usize(..4)],
            grain: [1, 1000, 60_000][rng.usize(..3)],
            hangs: false,
        };
        let service =
            |name: &str, product, habits| Service::new(name, product, Arc::clone(&clock), habits, seed);
        let services = vec![
            service("Endpoint", Product::DEFENDER_ENDPOINT, habits(true)),
            service("Graph", Product::GRAPH_ALERT, habits(true)),
            service("Azure", Product::DEFENDER_FOR_CLOUD, habits(false)),
        ];
        let failing = [0, 20][rng.usize(..2)];
        let store = SlowCheckpoints {
            inner: MemoryCheckpoints::new(),
            clock: Arc::clone(&clock),
            rng: Arc::new(Mutex::new(Rng::with_seed(seed))),
            failing,
        };
        let sightings = [Sightings::Apart, Sightings::Together][rng.usize(..2)];
        Self { seed, clock, services, store, told: Mutex::default(), bound: 400, sightings }
    }

    /// The world: things happen for a while, then no more.
    async fn happen(&self) {
        let mut rng = Rng::with_seed(self.seed ^ 0xE0);
        for step in 0..rng.u64(20..60) {
            self.clock.sleep(Duration::from_millis(rng.u64(0..90_000))).await;
            for _ in 0..[1, 1, 1, 12][rng.usize(..4)] {
                let service = &self.services[rng.usize(..self.services.len())];
                let id = format!("da{}", rng.u64(..30 + step));
                let what = rng.u8(..4);
                service.change(&id, |d| {
                    // Some are the same alert in every service, and change there each by itself.
                    let own = if is_everywhere(&id) { String::new() } else { service.name.clone() };
                    d.correlation_keys = vec![CorrelationKey::alert(&format!("{own}{id}"))];
                    match what {
                        0 => {
                            d.status = [Status::Active, Status::InProgress, Status::Resolved]
                                [usize::from(d.status == Status::Active)];
                        }
                        1 => d.severity = Severity::Low,
                        2 => d.assigned_to = Some(format!("user{step}")),
                        _ => {}
                    }
                });
            }
        }
    }

    /// One life of the consumer: from its checkpoint on, until nothing has been left to tell for a long time.
    async fn live(&self, until: Duration) {
        let mut builder =
            Feed::builder(Arc::clone(&self.clock)).checkpoints(self.store.clone()).seed(self.seed);
        builder = builder.remember(self.bound).sightings(self.sightings).most_unacknowledged(20);
        for service in &self.services {
            builder = builder.source(service.clone());
        }
        let mut rng = Rng::with_seed(self.seed ^ 0xC0);
        let mut feed = builder.build().await.unwrap();
        let mut waiting = Vec::new();
        let mut this_life = HashSet::new();
        while self.clock.monotonic() < until {
            let left = until.saturating_sub(self.clock.monotonic());
            let Ok(event) = tokio::time::timeout(left, feed.next()).await else { break };
            let Some(FeedEvent::Change(change)) = event else { continue };
            {
                let mut told = self.told.lock().unwrap();
                let d = &change.detection;
                let version = version(d);
                told.times += 1;
                assert!(this_life.insert(version.clone()), "twice in one life: {version:?}");
                told.again += usize::from(!told.seen.insert(version));
                told.remembered = told.remembered.max(feed.remembered());
                let place = (d.profile.clone(), d.id.to_string());
                // Across lives a version may be told again, and then all later ones are.
                if change.kind != ChangeKind::New
                    && told.last.get(&place).is_some_and(|last| *last > d.updated_at)
                    && this_life.len() > 1
                    && told.again == 0
                {
                    told.out_of_order.push(format!("{place:?}"));
                }
                told.last.insert(place, d.updated_at);
            }
            waiting.push(change.sequence);
            // Acknowledged at once, later, or in another order.
            match rng.u8(..4) {
                0 if waiting.len() < 15 => {}
                1 => waiting.drain(..).rev().for_each(|one| feed.acknowledge(one)),
                _ => waiting.drain(..).for_each(|one| feed.acknowledge(one)),
            }
        }
    }

    fn check(&self, crashes: &str) {
        let told = self.told.lock().unwrap();
        let seed = self.seed;
        let mut missing = Vec::new();
        for service in &self.services {
            for d in service.truth() {
                let version = version(&d);
                // Of several sightings of one alert, what one has shown need not be told again of another, part by part.
                let of_it = || told.seen.iter().filter(|seen| seen.1 == version.1);
                let elsewhere = self.sightings == Sightings::Together
                    && is_everywhere(&version.1)
                    && of_it().any(|seen| seen.3 == version.3)
                    && of_it().any(|seen| seen.4 == version.4)
                    && of_it().any(|seen| seen.5 == version.5);
                if !told.seen.contains(&version) && !elsewhere {
                    missing.push(version);
                }
            }
        }
        assert!(missing.is_empty(), "seed {seed}, {crashes}: never told of {missing:?}");
        assert!(told.out_of_order.is_empty(), "seed {seed}, {crashes}: {:?}", told.out_of_order);
        let most = self.services.len() * (self.bound + self.bound / 8 + 1);
        assert!(told.remembered <= most, "seed {seed}, {crashes}: {} remembered", told.remembered);
    }
}

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

/// One scenario with a crash after each of these many polls, and a last life without. How many polls the last life took.
fn run(seed: u64, crashes: &[u64]) -> u64 {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let scenario = Arc::new(Scenario::new(seed));
        let world = Arc::clone(&scenario);
        let happening = tokio::spawn(async move { world.happen().await });
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

#[test]
fn without_a_crash_everything_is_told_once() {
    for seed in 0..40 {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let scenario = Arc::new(Scenario::new(seed));
            let world = Arc::clone(&scenario);
            tokio::spawn(async move { world.happen().await });
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
