//! One limiter per quota: callers wait in lanes, the most urgent first; within a lane, whoever has waiting calls gets his
//! turn, however many another one has.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pocketsoc_model::{Clock, Error, ErrorKind, Lane, Result};
use tokio::sync::Notify;

use super::Rule;
use super::window::{Counter, Ready};

/// Lets calls go within a quota.
#[derive(Debug)]
pub(crate) struct Limiter {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Who takes several slots takes them alone: two with half of what they need would wait for each other.
    several: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct State {
    counter: Counter,
    /// The service said 429: nothing goes before this moment.
    paused_until: Duration,
    /// Who waits: lane first, then turn, then order of arrival. Only the first one watches the clock.
    queue: BTreeMap<Key, Arc<Notify>>,
    arrivals: u64,
    /// The turn that is on in each lane, and the turn of each flow's latest call.
    turns: HashMap<Lane, u64>,
    latest: HashMap<(Lane, Flow), u64>,
}

/// Whose call it is: of one list of one client. Flows take turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) struct Flow(pub(crate) u64);

type Key = (Lane, u64, u64);

/// So many flows are remembered although they have nothing waiting.
const FLOWS: usize = 1024;

impl State {
    fn wake_first(&self) {
        if let Some(first) = self.queue.values().next() {
            first.notify_one();
        }
    }
}

/// Slots of a call. They are free again when this is dropped, unless the call was sent: then they are counted from that
/// moment, which is when the answer is there.
#[derive(Debug)]
pub(crate) struct Permit {
    limiter: Arc<Limiter>,
    is_sent: bool,
    slots: u32,
}

impl Permit {
    /// The call is sent now: it counts, whatever becomes of it.
    pub(crate) fn sent(&mut self) {
        self.is_sent = true;
    }

    /// The call never reached the service after all, so it does not count.
    pub(crate) fn never_sent(mut self) {
        self.is_sent = false;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let now = self.limiter.clock.monotonic();
        let mut state = self.limiter.lock();
        for _ in 0..self.slots {
            state.counter.answered(now, self.is_sent);
        }
        state.wake_first();
    }
}

/// A place in the queue, given up when dropped: a caller that goes away holds nobody up.
struct Place<'a> {
    limiter: &'a Limiter,
    key: Key,
    flow: Flow,
    notify: Arc<Notify>,
    went: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.limiter.lock();
        // Who goes away without having gone gives the turn back, where nobody stands behind.
        let latest = (self.key.0, self.flow);
        if !self.went && state.latest.get(&latest) == Some(&self.key.1) {
            state.latest.insert(latest, self.key.1.saturating_sub(1));
        }
        state.queue.remove(&self.key);
        state.wake_first();
    }
}

impl Limiter {
    pub(crate) fn new(rule: Rule, clock: Arc<dyn Clock>) -> Self {
        let counter = Counter::new(rule, clock.monotonic());
        let state = State {
            counter,
            paused_until: Duration::ZERO,
            queue: BTreeMap::new(),
            arrivals: 0,
            turns: HashMap::new(),
            latest: HashMap::new(),
        };
        Self { clock, state: Mutex::new(state), several: tokio::sync::Mutex::new(()) }
    }

    /// Waits for a slot.
    ///
    /// # Errors
    /// `RateLimited` at once when the service has asked for a pause longer than `patience`.
    pub(crate) async fn acquire(
        self: &Arc<Self>,
        (lane, flow): (Lane, Flow),
        operation: &'static str,
        patience: Duration,
    ) -> Result<Permit> {
        let mut place = self.queue_up(lane, flow);
        loop {
            match self.try_go(&place, lane, operation, patience)? {
                Turn::Go => {
                    place.went = true;
                    return Ok(Permit { limiter: Arc::clone(self), is_sent: false, slots: 1 });
                }
                Turn::Sleep(wait) => {
                    tokio::select! {
                        () = self.clock.sleep(wait) => {}
                        () = place.notify.notified() => {}
                    }
                }
                Turn::Wait => place.notify.notified().await,
            }
        }
    }

    /// Waits for as many slots as a call counts for.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    pub(crate) async fn acquire_all(
        self: &Arc<Self>,
        slots: u32,
        lane: (Lane, Flow),
        operation: &'static str,
        patience: Duration,
    ) -> Result<Permit> {
        if slots <= 1 {
            return self.acquire(lane, operation, patience).await;
        }
        let _alone = self.several.lock().await;
        let mut all = self.acquire(lane, operation, patience).await?;
        while all.slots < slots {
            let mut one = self.acquire(lane, operation, patience).await?;
            all.slots += std::mem::take(&mut one.slots);
        }
        Ok(all)
    }

    /// Nothing goes for `wait`: the service said so.
    pub(crate) fn pause(&self, wait: Duration) {
        let until = self.clock.monotonic().saturating_add(wait);
        let mut state = self.lock();
        state.paused_until = state.paused_until.max(until);
        // Who cannot wait that long is to know now.
        for waiting in state.queue.values() {
            waiting.notify_one();
        }
    }

    /// So many calls are left, as the service counts; others may use the same quota.
    pub(crate) fn learn_remaining(&self, calls: u32) {
        let now = self.clock.monotonic();
        self.lock().counter.learn_remaining(now, calls);
    }

    fn queue_up(&self, lane: Lane, flow: Flow) -> Place<'_> {
        let mut state = self.lock();
        state.arrivals += 1;
        let on = state.turns.get(&lane).copied().unwrap_or_default();
        // One turn behind the flow's latest call, but not in the past.
        let turn = state.latest.get(&(lane, flow)).map_or(on, |latest| (latest + 1).max(on));
        state.latest.insert((lane, flow), turn);
        if state.latest.len() > FLOWS {
            let State { turns, latest, .. } = &mut *state;
            latest.retain(|(lane, _), turn| turns.get(lane).is_none_or(|on| *turn >= *on));
        }
        let key = (lane, turn, state.arrivals);
        let notify = Arc::new(Notify::new());
        state.queue.insert(key, Arc::clone(&notify));
        Place { limiter: self, key, flow, notify, went: false }
    }

    fn try_go(
        &self,
        place: &Place<'_>,
        lane: Lane,
        operation: &'static str,
        patience: Duration,
    ) -> Result<Turn> {
        let now = self.clock.monotonic();
        let mut state = self.lock();
        let pause = state.paused_until.saturating_sub(now);
        if pause > patience {
            return Err(Error::new(ErrorKind::RateLimited, operation)
                .with_message(format!(
                    "after a 429, calls are held back for {} s more",
                    pause.as_secs().max(1)
                ))
                .with_hint("the service's quota is used up; wait, or allow more time")
                .with_retry_after(pause));
        }
        if state.queue.keys().next() != Some(&place.key) {
            return Ok(Turn::Wait);
        }
        if !pause.is_zero() {
            return Ok(Turn::Sleep(pause));
        }
        let paced = lane >= Lane::Feed;
        Ok(match state.counter.ready(now, lane == Lane::Containment, paced) {
            Ready::Now => {
                state.counter.take(now, paced);
                state.turns.insert(lane, place.key.1);
                Turn::Go
            }
            Ready::In(wait) => Turn::Sleep(wait),
            Ready::WhenAnswered => Turn::Wait,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Turn {
    Go,
    Sleep(Duration),
    Wait,
}

#[cfg(test)]
#[allow(clippy::unchecked_time_subtraction)] // later times minus earlier ones
mod tests {
    use super::*;
    use crate::SystemClock;
    use crate::quota::{ARM_READ, GRAPH_HUNTING, GRAPH_SECURITY, MDE, MDE_HUNTING, Quota};
    use proptest::prelude::*;

    const FOREVER: Duration = Duration::MAX;

    /// The call is sent, and its answer is here.
    fn answered(mut permit: Permit) {
        permit.sent();
    }

    fn limiter(quota: &Quota) -> Arc<Limiter> {
        Arc::new(Limiter::new(quota.rule, Arc::new(SystemClock::new())))
    }

    /// Offers `calls` at once and records when each went, for as long as `span`.
    async fn departures(limiter: &Arc<Limiter>, calls: usize, lane: Lane, span: Duration) -> Vec<Duration> {
        let times = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..calls {
            let (limiter, times) = (Arc::clone(limiter), Arc::clone(&times));
            tasks.spawn(async move {
                let permit = limiter.acquire((lane, Flow::default()), "test", FOREVER).await.unwrap();
                times.lock().unwrap().push(limiter.clock.monotonic());
                answered(permit);
            });
        }
        tokio::time::sleep(span).await;
        tasks.abort_all();
        times.lock().unwrap().clone()
    }

    /// The most calls in any window of this length, as the service would count them.
    fn busiest(times: &[Duration], per: Duration) -> usize {
        (0..times.len())
            .map(|i| times[i..].iter().take_while(|t| **t < times[i] + per).count())
            .max()
            .unwrap_or(0)
    }

    #[tokio::test(start_paused = true)]
    async fn a11_ten_thousand_calls_at_once_stay_within_both_windows_and_use_them() {
        let times = departures(&limiter(&MDE), 10_000, Lane::Bulk, Duration::from_secs(7200)).await;
        assert!(busiest(&times, Duration::from_secs(60)) <= 100);
        assert!(busiest(&times, Duration::from_secs(3600)) <= 1500);
        assert!(times.len() >= 2 * 1500 * 98 / 100 - 2, "{} of 3000", times.len());
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_walk_is_paced_evenly_instead_of_stopping_for_most_of_the_hour() {
        let times = departures(&limiter(&MDE), 10_000, Lane::Bulk, Duration::from_secs(3600)).await;
        let longest = times.windows(2).map(|w| w[1] - w[0]).max().unwrap();
        assert!(longest < Duration::from_secs(61), "a gap of {longest:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a12_hunts_stay_within_their_windows_and_use_them() {
        let times = departures(&limiter(&MDE_HUNTING), 5000, Lane::Triage, Duration::from_secs(7200)).await;
        assert!(busiest(&times, Duration::from_secs(60)) <= 45);
        assert!(busiest(&times, Duration::from_secs(3600)) <= 1500);
        assert!(times.len() >= 2 * 1500 * 98 / 100 - 2, "{} of 3000", times.len());
        let times = departures(&limiter(&GRAPH_HUNTING), 5000, Lane::Triage, Duration::from_secs(3600)).await;
        assert!(busiest(&times, Duration::from_secs(60)) <= 45);
        assert!(times.len() >= 60 * 45 * 98 / 100, "{} of {}", times.len(), 60 * 45);
    }

    #[tokio::test(start_paused = true)]
    async fn a12_hunting_keeps_its_own_quota_and_a_429_pauses_the_whole_key() {
        let limiter = limiter(&MDE_HUNTING);
        let times = departures(&limiter, 200, Lane::Triage, Duration::from_secs(120)).await;
        assert!(busiest(&times, Duration::from_secs(60)) <= 45);

        limiter.pause(Duration::from_secs(300));
        let before = limiter.clock.monotonic();
        let error = limiter
            .acquire((Lane::Triage, Flow::default()), "hunt", Duration::from_secs(100))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert!(error.retry_after().unwrap() > Duration::from_secs(290));
        assert_eq!(limiter.clock.monotonic(), before, "who cannot wait is told at once");
        answered(limiter.acquire((Lane::Containment, Flow::default()), "hunt", FOREVER).await.unwrap());
        assert!(limiter.clock.monotonic() - before >= Duration::from_secs(300));
    }

    #[tokio::test(start_paused = true)]
    async fn a13_the_bucket_is_never_overdrawn_even_with_skew_and_well_used() {
        // In the urgent lane, which has no reserve to hide behind.
        let times =
            departures(&limiter(&ARM_READ), 10_000, Lane::Containment, Duration::from_secs(120)).await;
        let mut rng = fastrand::Rng::with_seed(13);
        let mut arrivals: Vec<f64> = times.iter().map(|t| t.as_secs_f64() + rng.f64() * 0.1 - 0.05).collect();
        arrivals.sort_by(f64::total_cmp);
        let (mut level, mut at) = (250.0_f64, 0.0_f64);
        for arrival in arrivals {
            let now = arrival.max(at);
            level = (level + (now - at) * 25.0).min(250.0) - 1.0;
            at = now;
            assert!(level >= -1e-6, "overdrawn at {now}");
        }
        assert!(times.len() * 100 >= (250 + 120 * 25) * 98, "{}", times.len());
    }

    #[tokio::test(start_paused = true)]
    async fn a14_an_isolation_goes_at_once_while_an_export_saturates_the_quota() {
        let limiter = limiter(&MDE);
        let export = {
            let limiter = Arc::clone(&limiter);
            tokio::spawn(
                async move { departures(&limiter, 10_000, Lane::Bulk, Duration::from_secs(3000)).await },
            )
        };
        for wait in [10, 61, 500, 1800] {
            tokio::time::sleep(Duration::from_secs(wait)).await;
            let asked = limiter.clock.monotonic();
            answered(
                limiter.acquire((Lane::Containment, Flow::default()), "isolate", FOREVER).await.unwrap(),
            );
            let waited = limiter.clock.monotonic() - asked;
            assert!(waited <= Duration::from_millis(2400), "{waited:?}");
        }
        export.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn flows_take_turns_however_many_calls_one_of_them_has() {
        let limiter = limiter(&GRAPH_SECURITY);
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = tokio::task::JoinSet::new();
        // The quota is used up; then one flow has 60 calls waiting, and two others come later with a few.
        for _ in 0..147 {
            answered(limiter.acquire((Lane::Triage, Flow(9)), "x", FOREVER).await.unwrap());
        }
        for (flow, calls) in [(1, 60), (2, 5), (3, 5)] {
            for _ in 0..calls {
                let (limiter, order) = (Arc::clone(&limiter), Arc::clone(&order));
                tasks.spawn(async move {
                    let permit = limiter.acquire((Lane::Triage, Flow(flow)), "x", FOREVER).await.unwrap();
                    order.lock().unwrap().push(flow);
                    answered(permit);
                });
            }
            tokio::task::yield_now().await;
        }
        while tasks.join_next().await.is_some() {}
        let order = order.lock().unwrap();
        for flow in [2, 3] {
            let last = order.iter().rposition(|one| *one == flow).unwrap();
            assert!(last < 18, "{flow} had its turns among the first: {:?}", &order[..20]);
        }
        assert_eq!(order.len(), 70);
    }

    #[tokio::test(start_paused = true)]
    async fn what_others_have_used_of_a_bucket_is_learnt_from_the_service() {
        let limiter = limiter(&ARM_READ);
        answered(limiter.acquire((Lane::Triage, Flow::default()), "x", FOREVER).await.unwrap());
        limiter.learn_remaining(10_000);
        // The answer took its time: what has come back since the call is not there a second time.
        tokio::time::sleep(Duration::from_secs(2)).await;
        limiter.learn_remaining(20);
        let begin = limiter.clock.monotonic();
        let times = departures(&limiter, 100, Lane::Containment, Duration::from_secs(10)).await;
        let at_once = times.iter().filter(|at| **at == begin).count();
        assert!((15..=20).contains(&at_once), "{at_once} at once");
        assert_eq!(times.len(), 100, "25 a second come back");
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_goes_away_holds_nobody_up_and_leaves_no_trace() {
        let limiter = limiter(&GRAPH_SECURITY);
        let held: Vec<_> = futures_util::future::join_all(
            (0..147).map(|_| limiter.acquire((Lane::Feed, Flow::default()), "x", FOREVER)),
        )
        .await;
        let mut first = Box::pin(limiter.acquire((Lane::Triage, Flow::default()), "x", FOREVER));
        let second = limiter.acquire((Lane::Feed, Flow::default()), "x", FOREVER);
        assert!(futures_util::poll!(&mut first).is_pending());
        drop(first);
        drop(held);
        drop(second.await.unwrap());
        assert!(limiter.lock().queue.is_empty());
        assert_eq!(limiter.lock().counter.in_flight(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_gives_up_on_the_way_to_its_slots_counts_for_none_of_them() {
        let limiter = limiter(&crate::quota::MDE_PACKAGE_URI);
        let held = limiter.acquire((Lane::Triage, Flow::default()), "x", FOREVER).await;
        let mut both = Box::pin(limiter.acquire_all(2, (Lane::Containment, Flow::default()), "x", FOREVER));
        assert!(futures_util::poll!(&mut both).is_pending());
        drop(both);
        drop(held.map(Permit::never_sent));
        for _ in 0..2 {
            limiter.acquire((Lane::Containment, Flow::default()), "x", FOREVER).await.unwrap().never_sent();
        }
        assert_eq!(limiter.clock.monotonic(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_never_sent_does_not_count() {
        let limiter = limiter(&crate::quota::MDE_PACKAGE_URI);
        for _ in 0..10 {
            let mut permit =
                limiter.acquire((Lane::Containment, Flow::default()), "x", FOREVER).await.unwrap();
            permit.sent();
            permit.never_sent();
            drop(limiter.acquire((Lane::Containment, Flow::default()), "x", FOREVER).await.unwrap());
        }
        assert_eq!(limiter.clock.monotonic(), Duration::ZERO);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn no_pattern_of_arrivals_and_answers_exceeds_a_window(gaps in proptest::collection::vec((0_u64..4000, 0_u64..3000, 0_usize..4), 50..300)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            let times = runtime.block_on(async {
                let limiter = limiter(&MDE_HUNTING);
                let times = Arc::new(Mutex::new(Vec::new()));
                let mut tasks = tokio::task::JoinSet::new();
                for (gap, latency, lane) in gaps {
                    tokio::time::sleep(Duration::from_millis(gap / 10)).await;
                    let (limiter, times) = (Arc::clone(&limiter), Arc::clone(&times));
                    let lane = [Lane::Containment, Lane::Triage, Lane::Feed, Lane::Bulk][lane];
                    tasks.spawn(async move {
                        let permit = limiter.acquire((lane, Flow::default()), "x", FOREVER).await.unwrap();
                        // The service counts a call somewhere between its sending and its answer.
                        let sent = limiter.clock.monotonic();
                        tokio::time::sleep(Duration::from_millis(latency)).await;
                        times.lock().unwrap().push(sent + Duration::from_millis(latency / 2));
                        answered(permit);
                    });
                }
                while tasks.join_next().await.is_some() {}
                let mut times = times.lock().unwrap().clone();
                times.sort_unstable();
                times
            });
            prop_assert!(busiest(&times, Duration::from_secs(60)) <= 45);
        }
    }
}
