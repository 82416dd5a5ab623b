//! The feed: drives the sources, takes what they bring, tells it, and writes down what was acknowledged.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use fastrand::Rng;
use futures_util::future::{self, BoxFuture, FutureExt as _};
use futures_util::stream::{self, FuturesUnordered, Stream, StreamExt as _};
use pocketsoc_model::{Clock, DetectionSource, Error, ErrorKind, Product, Result};
use tokio::sync::mpsc;

use crate::checkpoint::patiently;
use crate::event::{FeedEvent, Notice, Sequence};
use crate::health::Monitor;
use crate::options::FeedBuilder;
use crate::orders::Won;
use crate::plan::{Plan, Rules};
use crate::poll::{Do, Nudges, Order, What, Worker};
use crate::push::{PushHandle, Pushed};
use crate::shared::Shared;
use crate::source_state::SourceState;
use crate::through::FeedSource;
use crate::writing::{Saved, Writing};

/// So many pushes wait; who pushes waits then.
const WAITING: usize = 64;
/// So many sources are claimed at once.
const CLAIMED_AT_ONCE: usize = 16;

/// Many sources as one feed: [`next`](Self::next) until `None`, [`acknowledge`](Self::acknowledge) each change.
///
/// **Delivery**: each new detection, and each change of one as a poll shows it, is told at least once. A change is told
/// again after a restart unless it was acknowledged and that was written down. Changes of one detection come in their order;
/// of several between two polls, what they have come to is told.
///
/// Everything happens in `next`: while it is not polled, nothing is read, renewed or written down. A consumer that takes
/// its time belongs in a task of its own. Dropping `next` in the middle loses nothing.
///
/// ```
/// use pocketsoc_feed::{Feed, FeedEvent};
/// use pocketsoc_model::*;
/// use std::sync::Arc;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let clock: Arc<dyn Clock> = Arc::new(ManualClock::at("2026-01-31T10:00:00Z".parse()?));
/// let source = MemorySource::new("Demo", Product::DEFENDER_ENDPOINT, Arc::clone(&clock));
/// source.put(Detection::new(DetectionId::new("da1_1")?, Product::DEFENDER_ENDPOINT, "Miner"));
///
/// let mut feed = Feed::builder(clock).source(source).once().build().await?;
/// while let Some(event) = feed.next().await {
///     match event {
///         FeedEvent::Change(change) => {
///             println!("{} {}", change.kind, change.detection.title); // take care of it, then
///             feed.acknowledge(change.sequence);
///         }
///         FeedEvent::Notice(notice) => eprintln!("{notice}"),
///         _ => {}
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Feed {
    pub(crate) plan: Plan,
    pub(crate) shared: Arc<Shared>,
    /// What is done at the same time: each source's next step, claims that are kept, a checkpoint that is written.
    pub(crate) work: FuturesUnordered<BoxFuture<'static, Done>>,
    /// The source that has brought something last: asked for more before anything is waited for.
    pub(crate) at_hand: Option<Box<Worker>>,
    /// How often that has been done, and since when: everything else waits meanwhile.
    pub(crate) in_a_row: u32,
    pub(crate) row_began: Duration,
    /// What sources have brought while nothing was to be told: one thing each, and they wait.
    pub(crate) parked: VecDeque<(Box<Worker>, What)>,
    pub(crate) ready: VecDeque<FeedEvent>,
    /// The numbers of the notices about elements that were set aside, and the one that was given last: taken care of when
    /// the next event is asked for.
    pub(crate) aside: VecDeque<Sequence>,
    given: Option<Sequence>,
    /// Sources whose work goes on.
    pub(crate) working: usize,
    pub(crate) rng: Rng,
    pub(crate) writing: Writing,
    pushed: mpsc::Receiver<Pushed>,
    push: mpsc::Sender<Pushed>,
    /// The last thing that happened was a push.
    was_pushed: bool,
    waits_for_acknowledgement: bool,
    /// No more changes than so many are not acknowledged: counted without those that have been since.
    pub(crate) unacknowledged_at_most: usize,
}

/// Something that is done.
pub(crate) enum Done {
    Worked(Box<Worker>, What),
    /// Somebody else owns a source.
    Lost(usize, Option<u64>),
    Saved(Saved),
    Nothing,
}

/// Acknowledges changes from elsewhere than where the feed is polled. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Acknowledger(Arc<Shared>);

impl Acknowledger {
    /// Says that a change has been taken care of, as [`Feed::acknowledge`] does.
    pub fn acknowledge(&self, sequence: Sequence) {
        self.0.acknowledge(sequence);
    }
}

impl Feed {
    /// A feed to be set up.
    pub fn builder(clock: Arc<dyn Clock>) -> FeedBuilder {
        FeedBuilder::new(clock)
    }

    pub(crate) async fn set_up(mut plan: Plan) -> Result<Self> {
        let wanted = |source: &Arc<dyn DetectionSource>| {
            plan.products.is_empty() || plan.products.contains(&source.product())
        };
        let mut sources = Vec::new();
        for (source, options) in plan.sources.iter().filter(|(source, _)| wanted(source)) {
            let (since, every) = (options.since.or(plan.since), options.poll_every);
            let one = SourceState::new(Arc::clone(source), since, every.unwrap_or(plan.poll_every));
            if sources.iter().any(|other: &SourceState| other.key == one.key) {
                return Err(Error::new(ErrorKind::InvalidRequest, "set up the feed")
                    .with_message(format!("there are two sources {}", one.key))
                    .with_hint("give each profile a name of its own"));
            }
            sources.push(one);
        }
        if sources.is_empty() {
            return Err(
                Error::new(ErrorKind::InvalidRequest, "set up the feed").with_message("it has no source")
            );
        }
        plan.sources.clear();
        let rules = Rules {
            sightings: plan.sightings,
            heuristic: plan.heuristic,
            min_severity: plan.min_severity,
            machine_group: plan.machine_group.clone(),
            only: plan.only.clone(),
            overlap: TimeDelta::from_std(plan.overlap).unwrap_or(TimeDelta::MAX),
            remembered: plan.remembered,
        };
        let shared = Arc::new(Shared::new(Arc::clone(&plan.clock), rules, sources));
        let (push, pushed) = mpsc::channel(WAITING);
        let mut feed = Self {
            rng: Rng::with_seed(plan.seed),
            writing: Writing::new(plan.clock.monotonic()),
            plan,
            shared,
            work: FuturesUnordered::new(),
            at_hand: None,
            in_a_row: 0,
            row_began: Duration::ZERO,
            parked: VecDeque::new(),
            ready: VecDeque::new(),
            aside: VecDeque::new(),
            given: None,
            working: 0,
            pushed,
            push,
            was_pushed: false,
            waits_for_acknowledgement: false,
            unacknowledged_at_most: 0,
        };
        feed.begin().await?;
        Ok(feed)
    }

    /// Claims the sources: what is damaged is to be known before anything is read.
    async fn begin(&mut self) -> Result<()> {
        let mut workers: Vec<Worker> = {
            let state = self.shared.lock();
            state.sources.iter().enumerate().map(|(place, source)| self.worker(place, source)).collect()
        };
        let was_asked = |won: &Result<Won>| !matches!(won, Ok(Won::NotAsked));
        let mut outcomes = Vec::new();
        // Those that there was no room for, again where others were not to be had.
        while !workers.is_empty() {
            let (asked, rest): (Vec<_>, Vec<_>) =
                self.claim_all(workers).await.into_iter().partition(|(_, won)| was_asked(won));
            outcomes.extend(asked);
            if self.shared.lock().owned() >= self.plan.owned {
                outcomes.extend(rest);
                break;
            }
            workers = rest.into_iter().map(|(worker, _)| worker).collect();
        }
        outcomes.sort_by_key(|(worker, _)| worker.place);
        // One that cannot be claimed does not keep the others from being read; but when none can, something is set up
        // wrongly.
        let hopeless = outcomes.iter().filter(|(_, won)| was_asked(won)).all(|(_, won)| won.is_err());
        for (worker, won) in outcomes {
            let order = match won {
                Ok(Won::Yes) => Order::After(Duration::ZERO, Nudges::Count, Do::Ask),
                Ok(Won::Elsewhere) => Order::After(self.elsewhere(worker.place), Nudges::Count, Do::Claim),
                Ok(Won::NotAsked) => self.claim_later(worker.place),
                Err(error) if hopeless || error.kind() == ErrorKind::Damaged => {
                    drop(self.release().await);
                    return Err(error);
                }
                Err(error) => self.try_again(worker.place, error, Do::Claim),
            };
            self.working += 1;
            self.carry_out(Box::new(worker), order);
        }
        Ok(())
    }

    /// Claims sources, many at once.
    async fn claim_all(&mut self, workers: Vec<Worker>) -> Vec<(Worker, Result<Won>)> {
        let mut claims = stream::iter(workers)
            .map(|mut worker| async {
                let claimed = worker.claim().await;
                (worker, claimed)
            })
            .buffer_unordered(CLAIMED_AT_ONCE);
        let mut outcomes = Vec::new();
        loop {
            let (worker, claimed) = tokio::select! {
                // What is claimed is kept, however long the others take.
                Some(done) = self.work.next() => {
                    self.done(done, true);
                    continue;
                }
                claim = claims.next() => match claim {
                    Some(claim) => claim,
                    None => return outcomes,
                }
            };
            let won = self.claimed(worker.place, 0, claimed);
            outcomes.push((worker, won));
        }
    }

    fn worker(&self, place: usize, source: &SourceState) -> Worker {
        Worker {
            place,
            claim: 0,
            key: Arc::clone(&source.key),
            source: Arc::clone(&source.source),
            store: Arc::clone(&self.plan.store),
            shared: Arc::clone(&self.shared),
            most: self.plan.owned,
            clock: Arc::clone(&self.plan.clock),
            nudge: Arc::clone(&source.nudge),
            walk: None,
        }
    }

    /// The next event; `None` when every source is done with, which is only with [`once`](FeedBuilder::once).
    pub async fn next(&mut self) -> Option<FeedEvent> {
        if let Some(notice) = self.given.take() {
            self.shared.acknowledge(notice);
        }
        loop {
            if let Some(event) = self.ready.pop_front() {
                if let FeedEvent::Notice(Notice::SetAside { .. }) = event {
                    self.given = self.aside.pop_front();
                }
                return Some(event);
            }
            let full = self.is_full();
            if !full && let Some(worker) = self.at_hand.take() {
                self.read_at_once(worker);
                continue;
            }
            let due = self.write_in();
            if due.is_some_and(|due| due.is_zero()) {
                self.begin_writing();
                continue;
            }
            if !full && let Some((worker, what)) = self.parked.pop_front() {
                self.worked(worker, what);
                continue;
            }
            if full && !self.waits_for_acknowledgement {
                let changes = self.shared.lock().unacknowledged();
                tracing::warn!(changes, "nothing more is delivered before something is acknowledged");
                self.ready.push_back(FeedEvent::Notice(Notice::Unacknowledged { changes }));
            }
            // Said once, until the consumer has caught up.
            self.waits_for_acknowledgement =
                full || (self.waits_for_acknowledgement && !self.has_caught_up());
            if self.working == 0 && !full && !self.writing.is_under_way && self.ready.is_empty() {
                if due.is_none() || (self.writing.is_last && self.writing.failures > 0) {
                    return None;
                }
                self.writing.is_last = true;
                self.begin_writing();
            }
            if self.ready.is_empty() {
                // Sources that always have something at hand leave the thread to others now and then.
                tokio::task::coop::consume_budget().await;
                self.wait(due, full).await;
            }
        }
    }

    /// Until something happens.
    async fn wait(&mut self, due: Option<Duration>, full: bool) {
        // A flood of pushes does not keep the rest from being done.
        if std::mem::take(&mut self.was_pushed)
            && let Some(Some(done)) = self.work.next().now_or_never()
        {
            return self.done(done, full);
        }
        let timer = due.map(|due| self.plan.clock.sleep(due));
        tokio::select! {
            biased;
            Some(pushed) = self.pushed.recv(), if !full => {
                self.was_pushed = true;
                self.take_pushed(pushed);
            }
            Some(done) = self.work.next() => self.done(done, full),
            () = self.shared.acknowledged.notified() => {}
            () = async { if let Some(timer) = timer { timer.await } else { std::future::pending().await } } => {}
        }
    }

    /// Takes what is done; what would be told is kept while nothing is to be told.
    pub(crate) fn done(&mut self, done: Done, full: bool) {
        match done {
            Done::Worked(worker, what) if full => self.parked.push_back((worker, what)),
            Done::Worked(worker, what) => self.worked(worker, what),
            Done::Lost(source, claim) => {
                let is_present = claim.is_some() && self.shared.lock().sources[source].claim == claim;
                if is_present {
                    self.elsewhere(source);
                }
            }
            // It has been told of.
            Done::Saved(saved) => drop(self.saved(saved)),
            Done::Nothing => {}
        }
    }

    /// Says that a change has been taken care of: it is not told again, once that has been written down. That takes no longer
    /// than 5 s and what the store takes; [`commit`](Self::commit) does it at once.
    pub fn acknowledge(&self, sequence: Sequence) {
        self.shared.acknowledge(sequence);
    }

    /// The same for elsewhere, while [`next`](Self::next) is awaited.
    pub fn acknowledger(&self) -> Acknowledger {
        Acknowledger(Arc::clone(&self.shared))
    }

    /// Writes down what has been acknowledged, rather than when the feed finds time for it.
    ///
    /// # Errors
    /// What the store says; nothing is lost then, and it is tried again.
    pub async fn commit(&mut self) -> Result<()> {
        self.write_now().await
    }

    /// Writes down what has been acknowledged, and lets the sources go, for another worker to claim at once: also when it
    /// cannot be written.
    ///
    /// # Errors
    /// What the store says.
    pub async fn close(mut self) -> Result<()> {
        let written = self.write_now().await;
        written.and(self.release().await)
    }

    async fn release(&mut self) -> Result<()> {
        let claimed: Vec<_> = {
            let state = self.shared.lock();
            state.sources.iter().filter(|s| s.claim.is_some()).map(|s| Arc::clone(&s.key)).collect()
        };
        let (store, clock) = (&self.plan.store, &*self.plan.clock);
        let released = claimed.iter().map(|key| patiently(clock, store.release(key)));
        future::join_all(released).await.into_iter().collect()
    }

    /// A source to change detections through, by its name: what is changed there is not told when it comes back. Of two
    /// sources with one name the first one; see [`source_of`](Self::source_of).
    pub fn source(&self, name: &str) -> Option<FeedSource> {
        self.source_where(|source| &*source.name == name)
    }

    /// The same, by name and product.
    pub fn source_of(&self, name: &str, product: &Product) -> Option<FeedSource> {
        self.source_where(|source| &*source.name == name && source.product == *product)
    }

    fn source_where(&self, fits: impl Fn(&SourceState) -> bool) -> Option<FeedSource> {
        let state = self.shared.lock();
        let place = state.sources.iter().position(fits)?;
        let source = Arc::clone(&state.sources[place].source);
        Some(FeedSource::new(place, source, Arc::clone(&self.shared)))
    }

    /// The same events as a stream, for what combines streams. Take an [`acknowledger`](Self::acknowledger), and what else is
    /// needed of the feed, before. To end it, drop it: what was acknowledged within the last seconds is then told again after
    /// a restart, and its sources are free for other workers when the leases have ended. Who wants to
    /// [`close`](Self::close) it calls [`next`](Self::next) instead.
    pub fn into_stream(self) -> impl Stream<Item = FeedEvent> + Send + 'static {
        stream::unfold(self, |mut feed| async move {
            let event = feed.next().await?;
            Some((event, feed))
        })
    }

    /// How the feed fares, for elsewhere.
    pub fn monitor(&self) -> Monitor {
        Monitor::new(Arc::clone(&self.shared))
    }

    /// How many detections are remembered, of all sources.
    pub fn remembered(&self) -> usize {
        self.shared.lock().remembered()
    }

    /// Where detections are put that were pushed to this process, such as by a receiver of Defender for Cloud's. What is
    /// pushed for a source that another worker owns is left to that worker's polls.
    pub fn pushes(&self) -> PushHandle {
        PushHandle::new(self.push.clone(), Arc::clone(&self.shared))
    }

    fn is_full(&mut self) -> bool {
        let most = self.plan.unacknowledged;
        if self.unacknowledged_at_most >= most {
            self.unacknowledged_at_most = self.shared.lock().unacknowledged();
        }
        self.unacknowledged_at_most >= most
    }

    fn has_caught_up(&self) -> bool {
        self.shared.lock().unacknowledged() <= self.plan.unacknowledged / 2
    }
}

impl std::fmt::Debug for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feed")
            .field("plan", &self.plan)
            .field("working", &self.working)
            .finish_non_exhaustive()
    }
}
