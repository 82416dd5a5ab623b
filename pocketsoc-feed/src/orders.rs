//! What a feed makes of what its sources bring, and what it has them do next.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use pocketsoc_model::{DetectionQuery, Error, ErrorKind, Lane, Result};
use xxhash_rust::xxh3::xxh3_64;

use crate::checkpoint::decode;
use crate::event::{FeedChange, FeedEvent, Notice};
use crate::feed::{Done, Feed};
use crate::keeper::Keeper;
use crate::poll::{Claimed, Do, Nudges, Order, Over, Reading, What, Worker};
use crate::push::Pushed;
use crate::source_state::BrokenOff;
use crate::state::State;

/// The longest wait after failures.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// A source that is asked by time for longer than this is read in windows.
const LONG: TimeDelta = TimeDelta::days(1);
/// So many elements of one source are taken before it is looked at what others have brought.
const IN_A_ROW: u32 = 32;
const LONGEST_ROW: Duration = Duration::from_millis(20);
/// So often a poll that broke off is taken up in vain, before it is begun anew.
const IN_VAIN: u32 = 4;
/// After so long at most it is looked whether a source that somebody else owns is free.
const CLAIM_AGAIN: Duration = Duration::from_secs(30);
/// No wait is longer.
const LONGEST_OF_ALL: Duration = Duration::from_secs(366 * 24 * 3600);

/// What came of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Won {
    Yes,
    /// Somebody else owns it.
    Elsewhere,
    /// As many are owned as may be.
    NotAsked,
}

impl Feed {
    pub(crate) fn take_pushed(&mut self, pushed: Pushed) {
        self.look_at(pushed.source, |state| state.pushed(pushed.source, pushed.detection));
    }

    /// Takes what a step on a source has brought, and has the next one made.
    pub(crate) fn worked(&mut self, mut worker: Box<Worker>, what: What) {
        let (source, claim) = (worker.place, worker.claim);
        let is_present = self.is_present(source, claim);
        let order = match what {
            What::Over(over) => self.order_after(source, claim, is_present, over),
            _ if !is_present => {
                // Somebody else reads it.
                worker.walk = None;
                self.claim_later(source)
            }
            What::Found(detection) => {
                self.look_at(source, |state| state.seen(source, detection));
                return self.read_on(worker);
            }
            What::Unreadable(error) => {
                self.set_aside(source, error);
                return self.read_on(worker);
            }
        };
        self.carry_out(worker, order);
    }

    /// Reads on where something was just found: at once, as long as others need not wait for it.
    fn read_on(&mut self, worker: Box<Worker>) {
        if self.at_hand.is_some() {
            return self.read_beside(worker);
        }
        if self.in_a_row == 0 {
            self.row_began = self.plan.clock.monotonic();
        }
        self.in_a_row += 1;
        self.at_hand = Some(worker);
    }

    /// Whether others have waited long enough, for many elements or for a consumer that takes its time with few.
    fn is_row_over(&self) -> bool {
        self.in_a_row > IN_A_ROW || self.plan.clock.monotonic().saturating_sub(self.row_began) > LONGEST_ROW
    }

    /// Takes what a source has without waiting: most elements of a page are there with its first, and need no task.
    pub(crate) fn read_at_once(&mut self, mut worker: Box<Worker>) {
        if self.is_row_over() {
            return self.read_beside(worker);
        }
        match worker.at_once() {
            Some(what) => self.worked(worker, what),
            None => self.read_beside(worker),
        }
    }

    fn read_beside(&mut self, worker: Box<Worker>) {
        self.in_a_row = 0;
        self.work.push(Box::pin(async {
            let (worker, what) = worker.go_on().await;
            Done::Worked(worker, what)
        }));
    }

    pub(crate) fn carry_out(&mut self, worker: Box<Worker>, order: Order) {
        match order {
            Order::Stop => self.working -= 1,
            Order::After(wait, nudges, next) => self.work.push(Box::pin(async move {
                let (worker, what) = worker.go(wait, nudges, next).await;
                Done::Worked(worker, what)
            })),
        }
    }

    /// Whether a claim is the present one. One that has run out is given up: the feed was not polled for too long, and what
    /// it knows may be older than what somebody else has written.
    fn is_present(&mut self, source: usize, claim: u64) -> bool {
        let (is_present, runs_out) = {
            let one = &self.shared.lock().sources[source];
            (one.claim == Some(claim), one.runs_out())
        };
        if is_present && runs_out.is_some_and(|end| end <= self.plan.clock.monotonic()) {
            self.elsewhere(source);
            return false;
        }
        is_present
    }

    /// Has a detection looked at, tells what comes of it, and that the memory is too small for what it held before.
    fn look_at(&mut self, source: usize, look: impl FnOnce(&mut State) -> Option<FeedChange>) {
        let (change, too_many) = {
            let mut state = self.shared.lock();
            (look(&mut state), state.keep_within_bound(source))
        };
        if let Some(change) = change {
            self.unacknowledged_at_most += 1;
            self.ready.push_back(FeedEvent::Change(change));
        }
        if let Some(holds) = too_many {
            let source = self.name(source);
            self.notice(Notice::MemoryFull { source, holds });
        }
    }

    fn set_aside(&mut self, source: usize, error: Error) {
        let what = xxh3_64(format!("{} {:?}", error.message(), error.detection()).as_bytes());
        let number = self.shared.lock().set_aside(source, what, error.detection().is_some());
        if let Some(number) = number {
            let source = self.name(source);
            tracing::warn!(source = &*source, %error, "an element is set aside");
            self.unacknowledged_at_most += 1;
            self.aside.push_back(number);
            self.notice(Notice::SetAside { source, error });
        }
    }

    /// What a source is to do next.
    fn order_after(&mut self, source: usize, claim: u64, is_present: bool, over: Over) -> Order {
        match over {
            Over::Claimed(claimed) => match self.claimed(source, claim, claimed) {
                Ok(Won::Yes) => Order::After(Duration::ZERO, Nudges::Count, Do::Ask),
                Ok(Won::Elsewhere | Won::NotAsked) => self.claim_later(source),
                Err(error) => self.try_again(source, error, Do::Claim),
            },
            // Somebody else does by now.
            Over::Asked(_) | Over::Read(_) if !is_present => self.claim_later(source),
            Over::Asked(Ok(filters)) => {
                self.shared.lock().sources[source].filters = Some(filters);
                Order::After(Duration::ZERO, Nudges::Count, self.reading(source))
            }
            Over::Asked(Err(error)) => self.try_again(source, error, Do::Ask),
            Over::Read(reading) => {
                let wait = if reading.is_complete() {
                    self.was_read(source, &reading)
                } else {
                    self.was_read_in_part(source, reading)
                };
                let next = self.reading(source);
                self.again(source, wait, next)
            }
        }
    }

    /// What failed, once more after its wait.
    pub(crate) fn try_again(&mut self, source: usize, error: Error, next: Do) -> Order {
        let wait = self.failed(source, error, false);
        self.again(source, wait, next)
    }

    /// Something after a while, where anything is done again.
    fn again(&self, source: usize, wait: Duration, next: Do) -> Order {
        if self.plan.once {
            return Order::Stop;
        }
        let well = self.shared.lock().sources[source].failures == 0;
        Order::After(wait, if well { Nudges::Count } else { Nudges::Wait }, next)
    }

    pub(crate) fn claim_later(&mut self, source: usize) -> Order {
        let every = self.shared.lock().sources[source].poll_every;
        let wait = self.about(every.min(CLAIM_AGAIN));
        self.again(source, wait, Do::Claim)
    }

    /// How a source is read next. What is too harmless to be told is read all the same: what was told once is told on,
    /// whatever becomes of it.
    fn reading(&mut self, source: usize) -> Do {
        let mut state = self.shared.lock();
        let overlap = state.rules.overlap;
        let source = &mut state.sources[source];
        let mut query = DetectionQuery::all().with_lane(Lane::Feed);
        let mut windows = None;
        if source.is_asked_by_time() {
            query.updated_since = source.ledger.since(overlap).or(source.since);
            // What has been read whole a while ago holds no more than that while.
            let now = self.plan.clock.now();
            let long = query.updated_since.is_some_and(|since| now - source.read_at.unwrap_or(since) > LONG);
            windows = (long && self.plan.windows > 1).then_some(self.plan.windows);
        }
        if let Some(rest) = &source.broken_off {
            query.resume = Some(rest.point.clone());
            windows = None;
        } else {
            source.ledger.begin();
            source.aside.values_mut().for_each(|(now, _)| *now = 0);
        }
        Do::Read(Box::new(query), windows)
    }

    /// A source was read to its end; when it is read again.
    fn was_read(&mut self, source: usize, reading: &Reading) -> Duration {
        let (name, recovered, every) = {
            let mut state = self.shared.lock();
            let told = state.told();
            let broken_off = state.sources[source].broken_off.take();
            let began = broken_off.map_or(reading.began, |rest| rest.began);
            if state.sources[source].is_asked_by_time() {
                state.sources[source].ledger.complete(began, told);
                state.note_floor(source);
            } else {
                state.forget_gone(source, began);
            }
            let one = &mut state.sources[source];
            one.read_at = Some(began);
            (one.incomplete, one.failures) = (0, 0);
            (Arc::clone(&one.name), one.failing.take().is_some(), one.poll_every)
        };
        if recovered {
            self.notice(Notice::SourceRecovered { source: name });
        }
        self.about(every)
    }

    /// A source was read, but not to its end; when it is read again.
    fn was_read_in_part(&mut self, source: usize, reading: Reading) -> Duration {
        let (is_to_go_on, every) = {
            let one = &mut self.shared.lock().sources[source];
            one.broken_off = rest_of(one.broken_off.take(), &reading);
            (one.broken_off.is_some(), one.poll_every)
        };
        let Some(error) = reading.failure else {
            // It answers, if not for all that it stands for.
            self.count_incomplete(source);
            if self.fails_anew(source, ErrorKind::Unavailable) {
                let name = self.name(source);
                self.notice(Notice::Incomplete { source: name, partial: reading.report.partial });
            }
            return self.about(every);
        };
        self.failed(source, error, is_to_go_on)
    }

    /// A source failed; when it is tried again. What broke off and has somewhere to go on does not wait longer each time.
    fn failed(&mut self, source: usize, error: Error, is_to_go_on: bool) -> Duration {
        self.count_incomplete(source);
        let (failures, every) = {
            let one = &mut self.shared.lock().sources[source];
            one.failures = one.failures.saturating_add(1);
            (one.failures, one.poll_every)
        };
        let times = if is_to_go_on { 0 } else { (failures - 1).min(10) };
        let longer = every.max(Duration::from_secs(1)).saturating_mul(1 << times);
        // Nothing is sent before the service's own time, whatever is asked for here.
        let asked = error.retry_after().unwrap_or_default().min(LONGEST_WAIT);
        let wait = self.about(longer.min(LONGEST_WAIT.max(every))).max(asked);
        let name = self.name(source);
        tracing::warn!(source = &*name, %error, ?wait, "a source failed");
        if self.fails_anew(source, error.kind()) {
            self.notice(Notice::SourceFailed { source: name, error, retry_in: wait });
        }
        wait
    }

    /// Whether a source fails for the first time, or in another way than before.
    fn fails_anew(&mut self, source: usize, kind: ErrorKind) -> bool {
        self.shared.lock().sources[source].failing.replace(kind) != Some(kind)
    }

    fn count_incomplete(&mut self, source: usize) {
        let polls = {
            let one = &mut self.shared.lock().sources[source];
            one.incomplete = one.incomplete.saturating_add(1);
            one.incomplete
        };
        if polls.is_multiple_of(self.plan.no_progress) {
            let notice = Notice::NoProgress { source: self.name(source), polls };
            tracing::warn!(%notice, "no progress");
            self.notice(notice);
        }
    }

    /// A wait, a tenth less or more: many sources that begin together do not stay together.
    fn about(&mut self, wait: Duration) -> Duration {
        wait.min(LONGEST_OF_ALL).mul_f64(0.9 + 0.2 * self.rng.f64())
    }

    /// Takes note of a claim, and goes on where the source was left.
    pub(crate) fn claimed(&mut self, source: usize, claim: u64, claimed: Claimed) -> Result<Won> {
        let Some(answer) = claimed.claim else { return Ok(Won::NotAsked) };
        let Some(won) = answer? else {
            let was_failing = self.shared.lock().sources[source].goes_elsewhere();
            if was_failing {
                // Who was told that it fails is told that it is somebody else's now.
                let source = self.name(source);
                self.notice(Notice::Elsewhere { source });
            }
            return Ok(Won::Elsewhere);
        };
        let key = Arc::clone(&self.shared.lock().sources[source].key);
        let stored = won.checkpoint.map(|bytes| decode(&key, &bytes)).transpose()?.unwrap_or_default();
        let mut state = self.shared.lock();
        state.load(source, stored);
        let one = &mut state.sources[source];
        one.claim = Some(claim);
        one.renew_within = won.renew_within;
        one.renewed_at = claimed.asked;
        drop(state);
        if let Some(within) = won.renew_within {
            let keeper = Keeper {
                shared: Arc::clone(&self.shared),
                store: Arc::clone(&self.plan.store),
                clock: Arc::clone(&self.plan.clock),
                within,
            };
            self.work.push(Box::pin(async move {
                if keeper.keep(source, claim, key).await {
                    Done::Lost(source, Some(claim))
                } else {
                    Done::Nothing
                }
            }));
        }
        Ok(Won::Yes)
    }

    /// Somebody else owns a source; how long until it is claimed again.
    pub(crate) fn elsewhere(&mut self, source: usize) -> Duration {
        let mut state = self.shared.lock();
        state.unload(source);
        let one = &mut state.sources[source];
        one.goes_elsewhere();
        let (name, every) = (Arc::clone(&one.name), one.poll_every);
        drop(state);
        self.notice(Notice::Elsewhere { source: name });
        self.about(every.min(CLAIM_AGAIN))
    }

    fn name(&self, source: usize) -> Arc<str> {
        Arc::clone(&self.shared.lock().sources[source].name)
    }

    fn notice(&mut self, notice: Notice) {
        self.ready.push_back(FeedEvent::Notice(notice));
    }
}

/// What is left of a poll that did not see everything, where it can be taken up again: what is missing from its middle is
/// not behind the point. A point that leads nowhere is given up, since what is new stands at the other end.
fn rest_of(before: Option<BrokenOff>, reading: &Reading) -> Option<BrokenOff> {
    let began = before.as_ref().map_or(reading.began, |rest| rest.began);
    if !reading.report.partial.is_empty() {
        return None;
    }
    let in_vain = |rest: BrokenOff| {
        Some(BrokenOff { in_vain: rest.in_vain + 1, ..rest }).filter(|r| r.in_vain <= IN_VAIN)
    };
    match (reading.report.resume.clone().filter(|_| reading.items > 0), before) {
        (Some(point), Some(rest)) if rest.point == point => in_vain(rest),
        (Some(point), _) => Some(BrokenOff { point, began, in_vain: 0 }),
        (None, Some(rest)) if reading.failure.as_ref().is_some_and(Error::is_transient) => in_vain(rest),
        (None, _) => None,
    }
}
