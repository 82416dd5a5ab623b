//! A world that happens to a feed, what the feed's consumers do, and whether anything was lost.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;
use futures_util::future::{self, Either};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use pocketsoc_feed::{
    ChangeKind, CheckpointStore, Feed, FeedChange, FeedEvent, MemoryCheckpoints, Notice, PushHandle,
    Sightings,
};
use pocketsoc_model::{
    Clock, CorrelationKey, Detection, DetectionChange, DetectionSource as _, Product, Result, Severity,
    Status,
};

use super::store::SlowCheckpoints;
use crate::world::{Habits, Service, VirtualClock};

/// In how many worlds there was more than the memories hold: a test asks that there were some.
pub(super) static FORGOT: AtomicU64 = AtomicU64::new(0);

pub(super) const HOUR: Duration = Duration::from_secs(60 * 60);

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
    /// Statuses that were acknowledged as such.
    statuses: HashSet<(String, Status)>,
    /// What came of changes of their own, as far as they have learned it.
    made: HashSet<Version>,
    /// Which detections they have set out to change.
    touched: HashSet<String>,
    /// What could not be read and was named.
    named: HashSet<String>,
    /// The state of each alert that is one everywhere, as the latest change that was acknowledged shows it, with when that
    /// was told.
    state: BTreeMap<String, (u64, Version)>,
    /// How many changes were told.
    count: u64,
    pub(super) again: usize,
    remembered: usize,
    /// The last version that was told, by source and id.
    last: BTreeMap<(String, String), Version>,
    out_of_order: Vec<String>,
}

pub(super) struct Scenario {
    pub(super) seed: u64,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) services: Vec<Service>,
    pub(super) store: SlowCheckpoints,
    pub(super) told: Mutex<Told>,
    /// What the cloud's receiver is going to be sent, and when.
    pub(super) pushes: Mutex<Vec<(Duration, Detection)>>,
    /// Whether consumers change what they are told of.
    pub(super) changes_back: bool,
    /// Whether sources go from worker to worker: who gets one back begins where it was written down.
    pub(super) is_fleet: bool,
    /// How many detections a source's memory holds: in some worlds fewer than there are.
    pub(super) bound: usize,
    pub(super) sightings: Sightings,
    /// How many steps the world takes.
    pub(super) steps: u64,
    /// How long a consumer lives, unless it dies before.
    pub(super) life: Duration,
    /// Whether nobody is there for a day or two after each crash, in which things go on.
    pub(super) is_long: bool,
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
            partial: [0, 0, 0, 20][rng.usize(..4)],
            stuck: [0, 0, 5][rng.usize(..3)],
            backwards: if native { [0, 0, 20][rng.usize(..3)] } else { 0 },
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
        let store = SlowCheckpoints::new(MemoryCheckpoints::new(), Arc::clone(&clock), failing, seed);
        Self {
            seed,
            clock,
            services,
            store,
            told: Mutex::default(),
            pushes: Mutex::default(),
            changes_back: rng.bool(),
            is_fleet: false,
            bound: [400, 400, 25][rng.usize(..3)],
            sightings: [Sightings::Apart, Sightings::Together][rng.usize(..2)],
            steps: rng.u64(20..60),
            life: HOUR * 3,
            is_long: rng.u8(..6) == 0,
        }
    }

    /// The world: things happen for a while, then no more.
    pub(super) async fn happen(&self) {
        let mut rng = Rng::with_seed(self.seed ^ 0xE0);
        for step in 0..self.steps {
            let longest = if self.is_long && rng.u8(..4) == 0 { 20_000_000 } else { 90_000 };
            self.clock.sleep(Duration::from_millis(rng.u64(0..longest))).await;
            for _ in 0..[1, 1, 1, 12][rng.usize(..4)] {
                let service = &self.services[rng.usize(..self.services.len())];
                let id = format!("da{}", rng.u64(..30 + step));
                let (what, status) = (rng.u8(..5), rng.usize(..3));
                let is_poison = rng.u8(..8) == 0 && !is_everywhere(&id);
                // Some change twice at once.
                let times = [1, 1, 1, 2][rng.usize(..4)];
                // Some are the same alert in every service, which each shows in its own time.
                let all = if is_everywhere(&id) { &self.services[..] } else { std::slice::from_ref(service) };
                let own = if is_everywhere(&id) { String::new() } else { service.name.clone() };
                for service in all.iter().flat_map(|one| std::iter::repeat_n(one, times)) {
                    service.change(&id, |d| {
                        d.correlation_keys = vec![CorrelationKey::alert(&format!("{own}{id}"))];
                        d.title = format!("Title of {id}");
                        match what {
                            0 | 1 => {
                                d.status = [Status::Active, Status::InProgress, Status::Resolved][status];
                            }
                            2 => d.severity = [Severity::Low, Severity::Medium, Severity::High][status],
                            3 => d.assigned_to = Some(format!("user{step}")),
                            // It cannot be read until it changes again.
                            _ if is_poison && service.habits.native => d.title = "poison".into(),
                            _ => {}
                        }
                    });
                    self.is_pushed(service, &id, &mut rng);
                }
            }
        }
        self.services.iter().for_each(Service::be_well);
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
        let store = Arc::new(store);
        let feed = loop {
            let mut builder = Feed::builder(Arc::clone(&self.clock)).checkpoints(Arc::clone(&store));
            builder = builder.remember(self.bound).sightings(self.sightings).most_unacknowledged(20);
            for service in &self.services {
                builder = builder.source(service.clone());
            }
            match builder.seed(self.seed).build().await {
                Ok(feed) => break feed,
                // The store cannot be read just now.
                Err(_) => self.clock.sleep(Duration::from_secs(1)).await,
            }
        };
        let pushing = std::pin::pin!(self.push(feed.pushes()));
        let consuming = std::pin::pin!(self.consume(feed, until));
        future::select(pushing, consuming).await;
    }

    async fn consume(&self, mut feed: Feed, until: Duration) {
        let mut rng = Rng::with_seed(self.seed ^ 0xC0);
        let mut waiting: Vec<(u64, FeedChange)> = Vec::new();
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
            let change = match event {
                Some(FeedEvent::Change(change)) => change,
                Some(FeedEvent::Notice(Notice::SetAside { error, .. })) => {
                    let id = error.detection().unwrap().to_string();
                    self.told.lock().unwrap().named.insert(id);
                    continue;
                }
                _ => continue,
            };
            let number = self.is_told(&change, &feed, &mut this_life);
            let d = change.detection.clone();
            waiting.push((number, change));
            // Acknowledged at once, later, in another order, or some of them.
            let mut rest = Vec::new();
            match rng.u8(..6) {
                0 if waiting.len() < 15 => rest.append(&mut waiting),
                1 => waiting.reverse(),
                2 if waiting.len() < 15 => rest.extend(waiting.drain(..waiting.len() - 1)),
                3 if waiting.len() < 15 => {
                    let (some, others) = waiting.drain(..).partition(|_| rng.bool());
                    (waiting, rest) = (some, others);
                }
                _ => {}
            }
            waiting.drain(..).for_each(|(number, one)| self.acknowledge(&feed, number, &one));
            waiting = rest;
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
        for (number, one) in &waiting {
            self.acknowledge(&feed, *number, one);
        }
    }

    fn acknowledge(&self, feed: &Feed, number: u64, change: &FeedChange) {
        feed.acknowledge(change.sequence);
        let mut told = self.told.lock().unwrap();
        let (id, status) = (self.alert(&change.detection), change.detection.status);
        let version = version(&change.detection);
        let state = told.state.entry(id.clone()).or_insert_with(|| (number, version.clone()));
        if number > state.0 {
            *state = (number, version.clone());
        }
        told.acknowledged.insert(version);
        if change.kind == ChangeKind::New {
            told.new.insert(id.clone());
        }
        if change.kind == ChangeKind::New || change.changed_keys().contains(&"status") {
            told.statuses.insert((id, status));
        }
    }

    /// What tells an alert from others: its id in its service, unless it is one in all of them.
    fn alert(&self, d: &Detection) -> String {
        let is_one = self.sightings == Sightings::Together && is_everywhere(d.id.as_str());
        if is_one { d.id.to_string() } else { format!("{}/{}", d.profile, d.id) }
    }

    fn learns(&self, made: Result<Detection>) {
        if let Ok(detection) = made {
            self.told.lock().unwrap().made.insert(version(&detection));
        }
    }

    /// Takes note of what is told; which of all it is.
    fn is_told(&self, change: &FeedChange, feed: &Feed, this_life: &mut HashSet<Version>) -> u64 {
        let mut told = self.told.lock().unwrap();
        told.count += 1;
        let d = &change.detection;
        let version = version(d);
        let is_touched = told.touched.contains(d.id.as_str());
        let place = (d.profile.clone(), d.id.to_string());
        // There and back within one instant is no repetition.
        let last = told.last.get(&place);
        let is_back = last.is_some_and(|last| last.2 == version.2 && *last != version);
        let is_first = this_life.insert(version.clone()) || is_back;
        assert!(
            is_first || is_touched || self.is_fleet || self.is_forgetful(),
            "seed {}: twice in one life: {version:?}",
            self.seed
        );
        told.again += usize::from(!told.seen.insert(version.clone()) && !is_back);
        told.remembered = told.remembered.max(feed.remembered());
        // Across lives a version may be told again, and then all later ones are; and a push that is late may be the first to
        // show what was told before the crash and not acknowledged.
        let is_first_here = change.kind == ChangeKind::New || change.changed_keys().contains(&"sightings");
        let goes_back = self.services.iter().any(|s| s.name == d.profile && s.habits.backwards > 0);
        if !(is_first_here || goes_back)
            && told.last.get(&place).is_some_and(|last| last.2 > d.updated_at)
            && this_life.len() > 1
            && told.again == 0
        {
            told.out_of_order.push(format!("{place:?}"));
        }
        told.last.insert(place, version);
        told.count
    }

    fn is_forgetful(&self) -> bool {
        self.bound < 100
    }

    pub(super) fn check(&self, crashes: &str) {
        let told = self.told.lock().unwrap();
        let seed = self.seed;
        let mut missing = Vec::new();
        for service in &self.services {
            for d in service.truth() {
                let version = version(&d);
                if d.title == "poison" {
                    if !told.named.contains(&version.1) {
                        missing.push(version);
                    }
                    continue;
                }
                // Of several sightings of one alert, what one has shown need not be told again of another, part by part;
                // nor need what the consumer has made itself.
                let is_touched = told.touched.contains(&version.1);
                let is_one = self.sightings == Sightings::Together || is_touched;
                let is_elsewhere = is_one && is_everywhere(&version.1);
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
                let but_for_the_time = is_touched
                    && told
                        .acknowledged
                        .iter()
                        .chain(&told.made)
                        .any(|seen| without_time(seen) == without_time(&version));
                let is_known = told.acknowledged.contains(&version) || part_by_part || but_for_the_time;
                let alert = self.alert(&d);
                let is_named = told.new.contains(&alert)
                    && (told.statuses.contains(&(alert.clone(), version.3)) || is_touched);
                // Where all show the same in the end, it is what the consumer was told last.
                let is_last = !is_elsewhere || is_touched || {
                    let last = told.state.get(&alert).map(|(_, last)| last);
                    last.is_some_and(|last| (last.3, last.4, &last.5) == (version.3, version.4, &version.5))
                };
                if !is_known || !is_named || !is_last {
                    missing.push(version);
                }
            }
        }
        assert!(missing.is_empty(), "seed {seed}, {crashes}: never told of {missing:?}");
        assert!(told.out_of_order.is_empty(), "seed {seed}, {crashes}: {:?}", told.out_of_order);
        // What is listed whole is remembered whole, as long as it is there.
        let whole = self.services.iter().filter(|s| !s.habits.native).map(|s| s.truth().len()).sum::<usize>();
        let most = 2 * (self.bound + self.bound / 8 + 1) + whole;
        assert!(told.remembered <= most, "seed {seed}, {crashes}: {} remembered", told.remembered);
        let all: usize = self.services.iter().map(|s| s.truth().len()).sum();
        FORGOT.fetch_add(u64::from(all > most), Ordering::Relaxed);
    }
}
