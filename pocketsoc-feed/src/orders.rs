//! What a feed makes of what its sources bring, and what it has them do next.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use pocketsoc_model::{Detection, DetectionQuery, Error, Filtering, Lane, Result};
use xxhash_rust::xxh3::xxh3_64;

use crate::checkpoint::{Claim, Keeper, decode};
use crate::event::{FeedEvent, Notice};
use crate::feed::Feed;
use crate::poll::{Do, News, Order, Over, Reading, What};
use crate::push::Pushed;
use crate::state::BrokenOff;

/// The longest wait after failures.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// So many polls in a row without everything are worth a notice.
const NO_PROGRESS: u32 = 5;
/// A source that is asked by time for longer than this is read in windows.
const LONG: TimeDelta = TimeDelta::days(1);
/// Errors about elements that are remembered, so that each is told once.
const ASIDE: usize = 1000;
/// So often a poll that broke off is taken up in vain, before it is begun anew.
const IN_VAIN: u32 = 8;

impl Feed {
    pub(crate) fn take_pushed(&mut self, pushed: Pushed) {
        let change = self.shared.lock().pushed(pushed.source, pushed.detection);
        self.ready.extend(change.map(FeedEvent::Change));
    }

    /// Takes what a source brings.
    pub(crate) fn take(&mut self, news: News) {
        let News { source, claim, what } = news;
        let now = self.plan.clock.monotonic();
        let (is_present, ran_out) = {
            let state = self.shared.lock();
            let is_present = state.sources[source].is_claimed(claim, now);
            (is_present, !is_present && state.sources[source].claim == Some(claim))
        };
        if ran_out {
            // The feed was not polled for too long. What it knows may be older than what somebody else has written.
            self.elsewhere(source);
        }
        match what {
            What::Found(detection) if is_present => self.found(source, detection),
            What::Unreadable(error) if is_present => self.set_aside(source, error),
            What::Found(_) | What::Unreadable(_) => {}
            What::Lost if is_present => {
                self.elsewhere(source);
            }
            What::Lost => {}
            What::Over(over, answer) => {
                let order = self.order_after(source, claim, is_present, over);
                if matches!(order, Order::Stop) {
                    self.working -= 1;
                }
                // A worker that is gone needs no order.
                drop(answer.send(order));
            }
        }
    }

    fn found(&mut self, source: usize, detection: Box<Detection>) {
        let now = self.plan.clock.monotonic();
        let (change, full) = {
            let mut state = self.shared.lock();
            let change = state.seen(source, detection, now);
            let full = if change.is_some() { state.keep_within_bound(source) } else { None };
            (change, full)
        };
        self.ready.extend(change.map(FeedEvent::Change));
        if let Some(holds) = full {
            let source = self.name(source);
            self.notice(Notice::MemoryFull { source, holds });
        }
    }

    fn set_aside(&mut self, source: usize, error: Error) {
        let what = xxh3_64(format!("{} {:?}", error.message(), error.detection()).as_bytes());
        // Where it stands changes from poll to poll; how many there are of a kind does not.
        let is_new = {
            let aside = &mut self.shared.lock().sources[source].aside;
            if aside.len() >= ASIDE {
                aside.clear();
            }
            let (now, told) = aside.entry(what).or_default();
            *now += 1;
            let is_new = *now > *told;
            *told = (*told).max(*now);
            is_new
        };
        if is_new {
            tracing::warn!(source = &*self.name(source), %error, "an element is set aside");
            let source = self.name(source);
            self.notice(Notice::SetAside { source, error });
        }
    }

    /// What a source is to do next.
    fn order_after(&mut self, source: usize, claim: u64, is_present: bool, over: Over) -> Order {
        match over {
            Over::Claimed(Ok(Some(won))) => match self.claimed(source, claim, won) {
                Ok(()) => Order::After(Duration::ZERO, Do::Ask),
                Err(error) => {
                    let wait = self.failed(source, error);
                    self.again(wait, Do::Claim)
                }
            },
            Over::Claimed(Err(error)) => {
                let wait = self.failed(source, error);
                self.again(wait, Do::Claim)
            }
            // Somebody else owns it, or does by now.
            Over::Claimed(Ok(None)) => self.claim_later(source),
            Over::Asked(_) | Over::Read(_) if !is_present => self.claim_later(source),
            Over::Asked(Ok(filters)) => {
                self.shared.lock().sources[source].filters = Some(filters);
                Order::After(Duration::ZERO, self.reading(source))
            }
            Over::Asked(Err(error)) => {
                let wait = self.failed(source, error);
                self.again(wait, Do::Ask)
            }
            Over::Read(reading) => {
                let wait = if reading.is_complete() {
                    self.was_read(source, &reading)
                } else {
                    self.was_read_in_part(source, reading)
                };
                let next = self.reading(source);
                self.again(wait, next)
            }
        }
    }

    /// Something after a while, where anything is done again.
    fn again(&self, wait: Duration, next: Do) -> Order {
        if self.plan.once { Order::Stop } else { Order::After(wait, next) }
    }

    fn claim_later(&mut self, source: usize) -> Order {
        let every = self.shared.lock().sources[source].poll_every;
        let wait = self.about(every);
        self.again(wait, Do::Claim)
    }

    /// How a source is read next.
    fn reading(&mut self, source: usize) -> Do {
        let mut state = self.shared.lock();
        let rules = state.rules.clone();
        let source = &mut state.sources[source];
        if source.broken_off.is_none() {
            source.ledger.begin();
            source.aside.values_mut().for_each(|(now, _)| *now = 0);
        }
        let mut query = DetectionQuery::all().with_lane(Lane::Feed);
        query.min_severity = rules.min_severity;
        let can_group = source.filters.is_some_and(|filters| filters.machine_group != Filtering::Refused);
        query.machine_group = rules.machine_group.filter(|_| can_group);
        let mut windows = None;
        if source.is_asked_by_time() {
            query.updated_since = source.ledger.since(rules.overlap).or(source.since);
            let long = query.updated_since.is_some_and(|since| self.plan.clock.now() - since > LONG);
            windows = (long && self.plan.windows > 1).then_some(self.plan.windows);
        }
        if let Some(rest) = &source.broken_off {
            query.resume = Some(rest.point.clone());
            windows = None;
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
                state.forget_gone(source);
            }
            let one = &mut state.sources[source];
            one.failures = 0;
            (Arc::clone(&one.name), std::mem::replace(&mut one.failing, false), one.poll_every)
        };
        if recovered {
            self.notice(Notice::SourceRecovered { source: name });
        }
        self.about(every)
    }

    /// A source was read, but not to its end; when it is read again.
    fn was_read_in_part(&mut self, source: usize, reading: Reading) -> Duration {
        let gets_on = {
            let one = &mut self.shared.lock().sources[source];
            one.broken_off = rest_of(one.broken_off.take(), &reading);
            one.broken_off.as_ref().is_some_and(|rest| rest.in_vain == 0)
        };
        if gets_on {
            self.shared.lock().sources[source].failures = 0;
        }
        if let Some(error) = reading.failure {
            return self.failed(source, error);
        }
        let was_failing = std::mem::replace(&mut self.shared.lock().sources[source].failing, true);
        if !was_failing {
            let name = self.name(source);
            self.notice(Notice::Incomplete { source: name, partial: reading.report.partial });
        }
        self.after_failure(source, None)
    }

    /// A source failed; when it is tried again.
    fn failed(&mut self, source: usize, error: Error) -> Duration {
        let wait = self.after_failure(source, error.retry_after());
        self.shared.lock().sources[source].failing = true;
        let name = self.name(source);
        tracing::warn!(source = &*name, %error, ?wait, "a source failed");
        self.notice(Notice::SourceFailed { source: name, error, retry_in: wait });
        wait
    }

    /// How long a source that failed is left alone: twice as long each time.
    fn after_failure(&mut self, source: usize, asked: Option<Duration>) -> Duration {
        let (failures, every) = {
            let mut state = self.shared.lock();
            let one = &mut state.sources[source];
            one.failures = one.failures.saturating_add(1);
            (one.failures, one.poll_every)
        };
        if failures.is_multiple_of(NO_PROGRESS) {
            let notice = Notice::NoProgress { source: self.name(source), polls: failures };
            tracing::warn!(%notice, "no progress");
            self.notice(notice);
        }
        let wait = every.max(Duration::from_secs(1)).saturating_mul(1 << (failures - 1).min(10));
        self.about(wait.min(LONGEST_WAIT.max(every))).max(asked.unwrap_or_default())
    }

    /// A wait, a tenth less or more: many sources that begin together do not stay together.
    fn about(&mut self, wait: Duration) -> Duration {
        wait.mul_f64(0.9 + 0.2 * self.rng.f64())
    }

    pub(crate) fn claimed(&mut self, source: usize, claim: u64, won: Claim) -> Result<()> {
        let key = Arc::clone(&self.shared.lock().sources[source].key);
        let stored = won.checkpoint.map(|bytes| decode(&key, &bytes)).transpose()?.unwrap_or_default();
        let mut state = self.shared.lock();
        state.load(source, stored);
        let one = &mut state.sources[source];
        one.claim = Some(claim);
        one.renew_within = won.renew_within;
        one.renewed_at = self.plan.clock.monotonic();
        drop(state);
        if let Some(within) = won.renew_within {
            let keeper = Keeper {
                shared: Arc::clone(&self.shared),
                store: Arc::clone(&self.plan.store),
                clock: Arc::clone(&self.plan.clock),
                news: self.sender.clone(),
                within,
            };
            self.work.push(Box::pin(keeper.keep(source, claim, key)));
        }
        Ok(())
    }

    /// Somebody else owns a source; how long until it is claimed again.
    pub(crate) fn elsewhere(&mut self, source: usize) -> Duration {
        let mut state = self.shared.lock();
        state.unload(source);
        let one = &mut state.sources[source];
        one.claim = None;
        let (name, every) = (Arc::clone(&one.name), one.poll_every);
        drop(state);
        self.notice(Notice::Elsewhere { source: name });
        self.about(every)
    }

    fn name(&self, source: usize) -> Arc<str> {
        Arc::clone(&self.shared.lock().sources[source].name)
    }

    fn notice(&mut self, notice: Notice) {
        self.ready.push_back(FeedEvent::Notice(notice));
    }
}

/// What is left of a poll that did not see everything, where it can be taken up again: what is missing from its middle is
/// not behind the point, and a point that leads nowhere is given up.
fn rest_of(before: Option<BrokenOff>, reading: &Reading) -> Option<BrokenOff> {
    let began = before.as_ref().map_or(reading.began, |rest| rest.began);
    if !reading.report.partial.is_empty() {
        return None;
    }
    if let Some(point) = reading.report.resume.clone().filter(|_| reading.items > 0) {
        return Some(BrokenOff { point, began, in_vain: 0 });
    }
    let may_help = reading.items == 0 && reading.failure.as_ref().is_some_and(Error::is_transient);
    before
        .filter(|rest| may_help && rest.in_vain < IN_VAIN)
        .map(|rest| BrokenOff { in_vain: rest.in_vain + 1, ..rest })
}
