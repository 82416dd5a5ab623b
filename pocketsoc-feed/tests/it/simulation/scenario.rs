//! A world that happens to a feed, what the feed's consumers do, and whether anything was lost.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;
use futures_util::future::{self, Either};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use pocketsoc_feed::{
    ChangeKind, CheckpointStore, Feed, FeedChange, FeedEvent, MemoryCheckpoints, PushHandle, Sightings,
};
use pocketsoc_model::{
    Clock, CorrelationKey, Detection, DetectionChange, DetectionSource as _, Product, Result, Severity,
    Status,
};

use super::store::SlowCheckpoints;
use crate::world::{Habits, Service, VirtualClock};

/// What makes a version: nothing less, since several changes may share an instant.
type Version = (String, String, Option<DateTime<Utc>>, Status, Severity, Option<String>);

fn version(d: &Detection) -> Version {
    (d.profile.clone(), d.id.to_string(), d.updated_at, d.status, d.severity, d.assigned_to.clone())
}

fn without_time((profile, id, _, status, severity, owner): &Version) -> impl PartialEq + '_ {
    (profile, id, status, severity, owner)
}

/// Whether an alert is one in every service.
fn is_everywhere(id: &str) -> bool {
    id.ends_with(['0', '3', '6'])
}

/// What the consumers have been told and have acknowledged, over all their lives: what they had only been told when they
/// died counts for nothing.
#[derive(Debug, Default)]
pub(super) struct Told {
    seen: HashSet<Version>,
    acknowledged: HashSet<Version>,
    /// Alerts that were acknowledged as new.
    new: HashSet<String>,
    /// Statuses that were acknowledged as such: by id.
    statuses: HashSet<(String, Status)>,
    /// What came of changes of their own, as far as they have learned it.
    made: HashSet<Version>,
    /// Which detections they have set out to change.
    touched: HashSet<String>,
    pub(super) again: usize,
    remembered: usize,
    /// When the last version that was told was made, by source and id.
    last: BTreeMap<(String, String), Option<DateTime<Utc>>>,
    out_of_order: Vec<String>,
}

pub(super) struct Scenario {
    seed: u64,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) services: Vec<Service>,
    pub(super) store: SlowCheckpoints,
    pub(super) told: Mutex<Told>,
    /// What the cloud's receiver is going to be sent, and when.
    pushes: Mutex<Vec<(Duration, Detection)>>,
    /// Whether consumers change what they are told of.
    pub(super) changes_back: bool,
    /// Whether sources go from worker to worker: who gets one back begins where it was written down.
    pub(super) is_fleet: bool,
    bound: usize,
    sightings: Sightings,
}

impl Scenario {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let clock: Arc<dyn Clock> = VirtualClock::new();
        let mut habits = |native| Habits {
            native,
            page: [1, 3, 10, 50][rng.usize(..4)],
            ascending: rng.bool(),
            skew: TimeDelta::seconds(rng.i64(-300..=300)),
            // What is listed whole is pushed as well, when it is there.
            delay: if native { Duration::from_secs(rng.u64(0..=300)) } else { Duration::ZERO },
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
        let store = SlowCheckpoints {
            inner: Arc::new(MemoryCheckpoints::new()),
            clock: Arc::clone(&clock),
            rng: Arc::new(Mutex::new(Rng::with_seed(seed))),
            failing: [0, 20][rng.usize(..2)],
        };
        Self {
            seed,
            clock,
            services,
            store,
            told: Mutex::default(),
            pushes: Mutex::default(),
            changes_back: rng.bool(),
            is_fleet: false,
            bound: 400,
            sightings: [Sightings::Apart, Sightings::Together][rng.usize(..2)],
        }
    }

    /// The world: things happen for a while, then no more.
    pub(super) async fn happen(&self) {
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
                self.is_pushed(service, &id, &mut rng);
            }
        }
    }

    /// Of what is pushed some is lost, some comes twice, some at once and some late.
    fn is_pushed(&self, service: &Service, id: &str, rng: &mut Rng) {
        if service.habits.native {
            return;
        }
        let Some(detection) = service.truth().into_iter().find(|d| d.id.as_str() == id) else { return };
        for _ in 0..[0, 1, 1, 2][rng.usize(..4)] {
            let late = Duration::from_millis([0, rng.u64(..300), rng.u64(..600_000)][rng.usize(..3)]);
            self.pushes.lock().unwrap().push((self.clock.monotonic() + late, detection.clone()));
        }
    }

    /// Puts in what is pushed while a consumer lives.
    async fn push(&self, handle: PushHandle) {
        loop {
            let now = self.clock.monotonic();
            let (due, wait) = {
                let mut pushes = self.pushes.lock().unwrap();
                let next = (0..pushes.len()).min_by_key(|at| pushes[*at].0);
                let wait = next.map_or(Duration::MAX, |at| pushes[at].0.saturating_sub(now));
                (next.filter(|_| wait.is_zero()).map(|at| pushes.swap_remove(at).1), wait)
            };
            match due {
                Some(detection) => handle.push("Azure", detection).await.unwrap(),
                None => self.clock.sleep(wait.min(Duration::from_secs(20))).await,
            }
        }
    }

    /// One life of a consumer: from its checkpoint on, until nothing has been left to tell for a long time.
    pub(super) async fn live(&self, until: Duration) {
        let store = self.store.clone();
        self.live_with(store, until).await;
    }

    pub(super) async fn live_with(&self, store: impl CheckpointStore, until: Duration) {
        let mut builder = Feed::builder(Arc::clone(&self.clock)).checkpoints(store).seed(self.seed);
        builder = builder.remember(self.bound).sightings(self.sightings).most_unacknowledged(20);
        for service in &self.services {
            builder = builder.source(service.clone());
        }
        let Ok(feed) = builder.build().await else {
            // The store cannot be read just now.
            return self.clock.sleep(Duration::from_secs(1)).await;
        };
        let pushing = std::pin::pin!(self.push(feed.pushes()));
        let consuming = std::pin::pin!(self.consume(feed, until));
        future::select(pushing, consuming).await;
    }

    async fn consume(&self, mut feed: Feed, until: Duration) {
        let mut rng = Rng::with_seed(self.seed ^ 0xC0);
        let mut waiting: Vec<FeedChange> = Vec::new();
        // Some take their time with some changes.
        let slow = rng.u8(..3) == 0;
        let mut this_life = HashSet::new();
        let mut changing = FuturesUnordered::new();
        while self.clock.monotonic() < until {
            let end = self.clock.sleep(until.saturating_sub(self.clock.monotonic()));
            let event = {
                let next = std::pin::pin!(feed.next());
                let made = async {
                    match changing.next().await {
                        Some(made) => self.learns(made),
                        None => future::pending().await,
                    }
                };
                match future::select(next, future::select(std::pin::pin!(made), end)).await {
                    Either::Left((event, _)) => event,
                    Either::Right(_) => continue,
                }
            };
            let Some(FeedEvent::Change(change)) = event else { continue };
            self.is_told(&change, &feed, &mut this_life);
            let d = change.detection.clone();
            waiting.push(change);
            // Acknowledged at once, later, or in another order.
            match rng.u8(..4) {
                0 if waiting.len() < 15 => {}
                1 => waiting.drain(..).rev().for_each(|one| self.acknowledge(&feed, &one)),
                _ => waiting.drain(..).for_each(|one| self.acknowledge(&feed, &one)),
            }
            if slow && rng.u8(..10) == 0 {
                self.clock.sleep(Duration::from_millis(rng.u64(..50_000))).await;
            }
            if self.changes_back && rng.u8(..5) == 0 {
                self.told.lock().unwrap().touched.insert(d.id.to_string());
                let through = feed.source(&d.profile).unwrap();
                let (id, written) = (d.id.clone(), DetectionChange::status(Status::Resolved));
                changing.push(async move { through.update(&id, &written).await });
            }
        }
        for one in &waiting {
            self.acknowledge(&feed, one);
        }
    }

    fn acknowledge(&self, feed: &Feed, change: &FeedChange) {
        feed.acknowledge(change.sequence);
        let mut told = self.told.lock().unwrap();
        let (id, status) = (change.detection.id.to_string(), change.detection.status);
        told.acknowledged.insert(version(&change.detection));
        if change.kind == ChangeKind::New {
            told.new.insert(id.clone());
        }
        if change.kind == ChangeKind::New || change.changed_keys().contains(&"status") {
            told.statuses.insert((id, status));
        }
    }

    fn learns(&self, made: Result<Detection>) {
        if let Ok(detection) = made {
            self.told.lock().unwrap().made.insert(version(&detection));
        }
    }

    fn is_told(&self, change: &FeedChange, feed: &Feed, this_life: &mut HashSet<Version>) {
        let mut told = self.told.lock().unwrap();
        let d = &change.detection;
        let version = version(d);
        let is_touched = told.touched.contains(d.id.as_str());
        let is_first = this_life.insert(version.clone());
        assert!(
            is_first || is_touched || self.is_fleet,
            "seed {}: twice in one life: {version:?}",
            self.seed
        );
        told.again += usize::from(!told.seen.insert(version));
        told.remembered = told.remembered.max(feed.remembered());
        let place = (d.profile.clone(), d.id.to_string());
        // Across lives a version may be told again, and then all later ones are; and a push that is late may be the first to
        // show what was told before the crash and not acknowledged.
        let is_first_here = change.kind == ChangeKind::New || change.changed_keys().contains(&"sightings");
        if !is_first_here
            && told.last.get(&place).is_some_and(|last| *last > d.updated_at)
            && this_life.len() > 1
            && told.again == 0
        {
            told.out_of_order.push(format!("{place:?}"));
        }
        told.last.insert(place, d.updated_at);
    }

    pub(super) fn check(&self, crashes: &str) {
        let told = self.told.lock().unwrap();
        let seed = self.seed;
        let mut missing = Vec::new();
        for service in &self.services {
            for d in service.truth() {
                let version = version(&d);
                // Of several sightings of one alert, what one has shown need not be told again of another, part by part;
                // nor need what the consumer has made itself.
                let is_elsewhere = self.sightings == Sightings::Together && is_everywhere(&version.1);
                let known = || {
                    told.acknowledged
                        .iter()
                        .chain(&told.made)
                        .filter(|seen| seen.1 == version.1 && (is_elsewhere || seen.0 == version.0))
                };
                let part_by_part = (is_elsewhere || told.made.contains(&version))
                    && known().any(|seen| seen.3 == version.3)
                    && known().any(|seen| seen.4 == version.4)
                    && known().any(|seen| seen.5 == version.5);
                // The time of a change may be noted apart from it.
                let is_touched = told.touched.contains(&version.1);
                let but_for_the_time = is_touched
                    && told
                        .acknowledged
                        .iter()
                        .chain(&told.made)
                        .any(|seen| without_time(seen) == without_time(&version));
                let is_known = told.acknowledged.contains(&version) || part_by_part || but_for_the_time;
                let is_named = told.new.contains(&version.1)
                    && (told.statuses.contains(&(version.1.clone(), version.3)) || is_touched);
                if !is_known || !is_named {
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
