//! A world that changes while it is read: services with clocks of their own, late, failing, in whatever order.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;
use futures_util::stream;
use pocketsoc_model::*;

/// Virtual time: the paused runtime's.
#[derive(Debug)]
pub(crate) struct VirtualClock(tokio::time::Instant, DateTime<Utc>);

impl VirtualClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(tokio::time::Instant::now(), "2026-09-21T13:00:00Z".parse().unwrap()))
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> DateTime<Utc> {
        self.1 + TimeDelta::from_std(self.monotonic()).unwrap()
    }
    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// The version of a detection that is visible, and those that are not yet, with when they are.
type Versions = (Option<Detection>, Vec<(Duration, Detection)>);

/// What a service has: detections, each with when it becomes visible.
#[derive(Debug, Default)]
struct Stock {
    /// By id: what is visible, and newer versions that are not yet, with the moment from which on they are.
    all: BTreeMap<String, Versions>,
    rng: Rng,
    listed: u64,
    updates: u64,
    /// What the next change is refused with.
    refusal: Option<ErrorKind>,
    /// A provider behind it does not answer: what it has, which ends in a seven, is not listed.
    is_partial: bool,
    /// Nothing fails any more.
    is_well: bool,
}

/// How a service behaves.
#[derive(Debug, Clone)]
pub(crate) struct Habits {
    /// Asked by update time, or listed whole.
    pub(crate) native: bool,
    pub(crate) page: usize,
    /// Oldest first, or newest first.
    pub(crate) ascending: bool,
    /// What its clock is ahead of ours.
    pub(crate) skew: TimeDelta,
    /// How long a version may take to become visible.
    pub(crate) delay: Duration,
    pub(crate) latency: Duration,
    /// Out of a hundred pages, so many fail.
    pub(crate) failing: u8,
    /// Out of a hundred pages, so many are without what one of its providers has.
    pub(crate) partial: u8,
    /// Out of a thousand pages, so many do not come before anybody has lost patience.
    pub(crate) stuck: u16,
    /// Out of a hundred changes, so many bear a time of up to three seconds before.
    pub(crate) backwards: u8,
    /// Times are cut to multiples of so many milliseconds: many are equal.
    pub(crate) grain: i64,
    /// It never answers.
    pub(crate) hangs: bool,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            native: true,
            page: 10,
            ascending: false,
            skew: TimeDelta::zero(),
            delay: Duration::ZERO,
            latency: Duration::from_millis(50),
            failing: 0,
            partial: 0,
            stuck: 0,
            backwards: 0,
            grain: 1,
            hangs: false,
        }
    }
}

/// A service.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) product: Product,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) habits: Habits,
    stock: Arc<Mutex<Stock>>,
    /// Part of each detection that was put there: how many there are is how often it is held.
    mark: Arc<str>,
}

impl Service {
    pub(crate) fn new(
        name: &str,
        product: Product,
        clock: Arc<dyn Clock>,
        habits: Habits,
        seed: u64,
    ) -> Self {
        let stock = Stock { rng: Rng::with_seed(seed), ..Stock::default() };
        Self {
            name: name.into(),
            product,
            clock,
            habits,
            stock: Arc::new(Mutex::new(stock)),
            mark: "{}".into(),
        }
    }

    fn time(&self) -> DateTime<Utc> {
        let now = self.clock.now() + self.habits.skew;
        let millis = now.timestamp_millis().div_euclid(self.habits.grain) * self.habits.grain;
        DateTime::from_timestamp_millis(millis).unwrap()
    }

    /// Raises a detection, or changes it; it becomes visible after a while.
    pub(crate) fn change(&self, id: &str, change: impl FnOnce(&mut Detection)) {
        let now = self.clock.monotonic();
        let mut stock = self.stock.lock().unwrap();
        let delay = self.habits.delay.mul_f64(stock.rng.f64());
        let back = (stock.rng.u8(..100) < self.habits.backwards).then(|| stock.rng.i64(1..3000));
        let (visible, coming) = stock.all.entry(id.to_owned()).or_default();
        let latest = coming.last().map(|(_, detection)| detection).or(visible.as_ref()).cloned();
        let mut next = latest.unwrap_or_else(|| {
            let mut d =
                Detection::new(DetectionId::new(id).unwrap(), self.product.clone(), format!("Title of {id}"));
            (d.status, d.severity) = (Status::Active, Severity::High);
            d.created_at = Some(self.time());
            d
        });
        next.profile.clone_from(&self.name);
        change(&mut next);
        // Services do not go back in time, unless their parts have clocks of their own.
        next.updated_at = match back {
            Some(back) => Some(self.time() - TimeDelta::milliseconds(back)),
            None => Some(self.time()).max(next.updated_at),
        };
        let text = format!("{:?}{:?}{:?}{:?}", next.status, next.severity, next.assigned_to, next.updated_at);
        next.raw = Some(RawJson::new(serde_json_text(&text)));
        let at = (now + delay).max(coming.last().map_or(Duration::ZERO, |(at, _)| *at));
        coming.push((at, next));
    }

    /// Refuses the next change.
    pub(crate) fn refuse(&self, kind: ErrorKind) {
        self.stock.lock().unwrap().refusal = Some(kind);
    }

    /// From now on nothing fails.
    pub(crate) fn be_well(&self) {
        self.stock.lock().unwrap().is_well = true;
    }

    /// Lists without what one of its providers has, or with it again.
    pub(crate) fn be_partial(&self, is_partial: bool) {
        self.stock.lock().unwrap().is_partial = is_partial;
    }

    /// Puts a detection there that was changed last at this time.
    pub(crate) fn put_at(&self, id: &str, at: DateTime<Utc>) {
        let mut d = Detection::new(DetectionId::new(id).unwrap(), self.product.clone(), "Old");
        (d.status, d.updated_at, d.profile) = (Status::Active, Some(at), self.name.clone());
        d.raw = Some(RawJson::new(Arc::clone(&self.mark)));
        self.stock.lock().unwrap().all.insert(id.to_owned(), (Some(d), Vec::new()));
    }

    /// The last version of everything, visible or not.
    pub(crate) fn truth(&self) -> Vec<Detection> {
        let stock = self.stock.lock().unwrap();
        let last = |(visible, coming): &Versions| {
            coming.last().map(|(_, d)| d.clone()).or_else(|| visible.clone()).unwrap()
        };
        stock.all.values().map(last).collect()
    }

    /// How many copies there are of detections that were put there, its own included.
    pub(crate) fn copies(&self) -> usize {
        Arc::strong_count(&self.mark)
    }

    /// How many pages were asked for, and how many changes.
    pub(crate) fn asked(&self) -> (u64, u64) {
        let stock = self.stock.lock().unwrap();
        (stock.listed, stock.updates)
    }

    fn latency(&self) -> Duration {
        let mut stock = self.stock.lock().unwrap();
        if stock.rng.u16(..1000) < self.habits.stuck && !stock.is_well {
            Duration::from_secs(1200)
        } else {
            self.habits.latency
        }
    }

    /// Whether a list that breaks off has to be begun anew.
    fn forgets(&self) -> bool {
        self.stock.lock().unwrap().rng.u8(..3) == 0
    }

    /// A page of a query behind a place in the order.
    fn page(&self, query: &DetectionQuery, behind: Option<&Place>) -> Result<Page> {
        {
            let mut stock = self.stock.lock().unwrap();
            stock.listed += 1;
            if stock.rng.u8(..100) < self.habits.failing && !stock.is_well {
                let kind = [
                    ErrorKind::Unavailable,
                    ErrorKind::RateLimited,
                    ErrorKind::Timeout,
                    ErrorKind::PermissionDenied,
                ][stock.rng.usize(..4)];
                return Err(Error::new(kind, "list detections").with_message("scripted"));
            }
        }
        let (now, mut stock) = (self.clock.monotonic(), self.stock.lock().unwrap());
        let is_partial = stock.is_partial || (stock.rng.u8(..100) < self.habits.partial && !stock.is_well);
        for (visible, coming) in stock.all.values_mut() {
            while coming.first().is_some_and(|(at, _)| *at <= now) {
                *visible = Some(coming.remove(0).1);
            }
        }
        let is_behind = |place: &Place| {
            behind.is_none_or(|behind| if self.habits.ascending { place > behind } else { place < behind })
        };
        let is_there = |d: &&Detection| query.matches(d) && !(is_partial && d.id.as_str().ends_with('7'));
        let visible = stock.all.values().filter_map(|(visible, _)| visible.as_ref()).filter(is_there);
        let mut rest: Vec<_> = visible.map(|d| (place(d), d)).filter(|(place, _)| is_behind(place)).collect();
        rest.sort_by(
            |(one, _), (other, _)| if self.habits.ascending { one.cmp(other) } else { other.cmp(one) },
        );
        let more = rest.len() > self.habits.page;
        let page = rest.into_iter().take(self.habits.page).map(|(_, d)| d.clone()).collect();
        Ok((page, more, is_partial))
    }
}

type Place = (Option<DateTime<Utc>>, String);

/// What is on it, whether there is more, and whether a provider was missing.
type Page = (Vec<Detection>, bool, bool);

fn place(d: &Detection) -> Place {
    (d.updated_at, d.id.to_string())
}

fn serde_json_text(text: &str) -> String {
    format!("{text:?}")
}

/// A walk over the pages of a service.
struct Pages {
    service: Service,
    query: DetectionQuery,
    log: WalkLog,
    behind: Option<Place>,
    page: std::vec::IntoIter<Detection>,
    more: bool,
}

impl Pages {
    async fn next(&mut self) -> Option<Result<Detection>> {
        loop {
            if let Some(detection) = self.page.next() {
                if detection.title.contains("poison") {
                    let error = Error::new(ErrorKind::Decode, "list detections")
                        .with_message("an element cannot be read")
                        .with_position(Position::page(1).with_index(0))
                        .with_detection(detection.id);
                    self.lost();
                    return Some(Err(error));
                }
                return Some(Ok(detection));
            }
            if !self.more {
                return None;
            }
            if self.service.habits.hangs {
                std::future::pending::<()>().await;
            }
            self.service.clock.sleep(self.service.latency()).await;
            match self.service.page(&self.query, self.behind.as_ref()) {
                Ok((page, more, is_partial)) => {
                    self.behind = page.last().map(place).or_else(|| self.behind.take());
                    self.page = page.into_iter();
                    self.more = more;
                    let poisoned = self.log.report().degraded.iter().any(|d| d == "poison");
                    self.log.update(|report| {
                        report.pages += 1;
                        if is_partial && report.partial.is_empty() {
                            report.partial.push("Provider of sevens".into());
                        }
                        report.complete = !more && !poisoned && report.partial.is_empty();
                    });
                }
                Err(error) => {
                    self.more = false;
                    // Some have nothing to go on from.
                    let behind = self.behind.as_ref().filter(|_| !self.service.forgets());
                    let point = behind.map(|(at, id)| format!("{} {id}", at.unwrap().to_rfc3339()));
                    self.log.update(|report| {
                        report.complete = false;
                        report.resume = point.map(ResumePoint::new);
                    });
                    return Some(Err(error));
                }
            }
        }
    }

    fn lost(&self) {
        self.log.update(|report| {
            report.degraded.push("poison".into());
            report.complete = false;
        });
    }
}

#[async_trait]
impl DetectionSource for Service {
    fn name(&self) -> &str {
        &self.name
    }

    fn product(&self) -> Product {
        self.product.clone()
    }

    async fn capabilities(&self) -> Result<Capabilities> {
        if self.habits.hangs {
            std::future::pending::<()>().await;
        }
        self.clock.sleep(self.habits.latency).await;
        let mut can = Capabilities::unknown();
        if self.habits.native {
            can.filters = can.filters.with_updated(Filtering::Native);
        }
        Ok(can)
    }

    fn list(&self, query: &DetectionQuery) -> DetectionStream {
        let log = WalkLog::new();
        let pages = Pages {
            service: self.clone(),
            query: query.clone(),
            log: log.clone(),
            behind: query.resume.as_ref().map(|point| {
                let (at, id) = point.as_str().split_once(' ').unwrap();
                (at.parse().ok(), id.to_owned())
            }),
            page: Vec::new().into_iter(),
            more: true,
        };
        let stream = stream::unfold(pages, |mut pages| async move {
            let item = pages.next().await?;
            Some((item, pages))
        });
        DetectionStream::new(stream, log)
    }

    async fn get(&self, id: &DetectionId) -> Result<Detection> {
        let found = self.truth().into_iter().find(|d| d.id.same_as(id));
        found.ok_or_else(|| Error::new(ErrorKind::NotFound, "get the detection"))
    }

    async fn update(&self, id: &DetectionId, change: &DetectionChange) -> Result<Detection> {
        let refusal = {
            let mut stock = self.stock.lock().unwrap();
            stock.updates += 1;
            stock.refusal.take()
        };
        if let Some(kind) = refusal {
            return Err(Error::new(kind, "update the detection").with_message("scripted"));
        }
        self.clock.sleep(self.habits.latency).await;
        self.change(id.as_str(), |d| {
            d.status = change.status.unwrap_or(d.status);
            if change.assigned_to.is_some() {
                d.assigned_to.clone_from(&change.assigned_to);
            }
            d.classification = change.classification.or(d.classification);
        });
        self.clock.sleep(self.habits.latency).await;
        self.get(id).await
    }
}
