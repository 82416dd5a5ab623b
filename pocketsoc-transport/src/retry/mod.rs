//! When to ask again, and when to wait: a pure table over outcome, replay class and remaining time.

mod budget;
mod hint;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use budget::RetryBudget;
pub(crate) use hint::server_hint;

use crate::call::Replay;

/// How often and how patiently a call is asked again.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// The first wait is drawn from zero to this.
    pub base: Duration,
    /// No wait of our own is longer than this.
    pub cap: Duration,
    /// No wait that a service asks for is followed if longer than this; the call then fails at once.
    pub hint_cap: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 4,
            base: Duration::from_millis(500),
            cap: Duration::from_secs(20),
            hint_cap: Duration::from_secs(300),
        }
    }
}

impl RetryPolicy {
    /// Asks only once.
    pub fn never() -> Self {
        Self { attempts: 1, ..Self::default() }
    }

    /// With this many attempts in all.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// With these waits: the first is drawn from zero to `base`, none is longer than `cap`.
    #[must_use]
    pub fn with_backoff(mut self, base: Duration, cap: Duration) -> Self {
        (self.base, self.cap) = (base, cap);
        self
    }

    /// The wait before attempt `attempt + 1` (counted from 1): uniform from zero to min(cap, base·2^(attempt−1)).
    pub(crate) fn backoff(&self, attempt: u32, jitter: &Jitter) -> Duration {
        let factor = 2_u32.checked_pow(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(self.cap).mul_f64(jitter.draw())
    }
}

/// Where waits get their randomness from: a number from 0 (inclusive) to 1 (exclusive).
#[derive(Clone)]
pub struct Jitter(Arc<dyn Fn() -> f64 + Send + Sync>);

impl Jitter {
    /// Random.
    pub fn random() -> Self {
        Self(Arc::new(fastrand::f64))
    }

    /// By a function; for tests.
    pub fn from_fn(draw: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(draw))
    }

    pub(crate) fn draw(&self) -> f64 {
        (self.0)().clamp(0.0, 1.0)
    }
}

impl fmt::Debug for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jitter")
    }
}

/// What became of an attempt, as far as repeating it is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It never reached the service.
    NeverSent,
    /// The service turned it away at the door.
    TurnedAway,
    /// It may have been carried out.
    Ambiguous,
    /// A plain answer: asking again changes nothing.
    Final,
}

impl Outcome {
    /// The outcome that an HTTP status stands for.
    pub(crate) fn of_status(status: u16, has_hint: bool) -> Self {
        match status {
            429 => Self::TurnedAway,
            503 if has_hint => Self::TurnedAway,
            501 | 505 => Self::Final,
            408 | 500.. => Self::Ambiguous,
            _ => Self::Final,
        }
    }

    /// Whether a call of this class may be sent again after `attempts` attempts with such an outcome.
    pub(crate) fn may_repeat(self, replay: Replay, ambiguous_before: u32) -> bool {
        match (self, replay) {
            (Self::Final, _) | (Self::Ambiguous, Replay::Never) => false,
            (Self::Ambiguous, Replay::Once) => ambiguous_before == 0,
            _ => true,
        }
    }
}

/// What to do after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Decision {
    /// Ask again after this wait.
    After(Duration),
    /// Report the failure now.
    GiveUp,
}

impl RetryPolicy {
    /// What to do after attempt number `attempt` failed in a way that may be repeated.
    ///
    /// `hint` is what the service asked for, `remaining` the time the whole operation has left, `attempt_limit` the
    /// time one attempt may take: none starts with less than a tenth of it.
    pub(crate) fn decide(
        &self,
        attempt: u32,
        hint: Option<Duration>,
        remaining: Duration,
        attempt_limit: Duration,
        jitter: &Jitter,
    ) -> Decision {
        if attempt >= self.attempts {
            return Decision::GiveUp;
        }
        let Some(latest) = remaining.checked_sub(attempt_limit / 10) else { return Decision::GiveUp };
        match hint {
            Some(hint) if hint > self.hint_cap || hint > latest => Decision::GiveUp,
            Some(hint) => {
                let spread = (hint / 10 + Duration::from_secs(1)).mul_f64(jitter.draw());
                Decision::After((hint + spread).min(latest))
            }
            None => Decision::After(self.backoff(attempt, jitter).min(latest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a1_waits_are_spread_evenly_from_zero_to_the_doubling_limit() {
        let policy = RetryPolicy::default();
        for attempt in 1..=8_u32 {
            let limit = (policy.base * 2_u32.pow(attempt - 1)).min(policy.cap);
            let waits: Vec<Duration> = (0..10_000)
                .map(|seed| {
                    let draw = fastrand::Rng::with_seed(seed).f64();
                    policy.backoff(attempt, &Jitter::from_fn(move || draw))
                })
                .collect();
            assert!(waits.iter().all(|w| *w <= limit));
            let mean = waits.iter().sum::<Duration>() / 10_000;
            let half = limit / 2;
            assert!(mean.abs_diff(half) < half / 20, "attempt {attempt}: {mean:?} is not about {half:?}");
        }
        assert!(policy.backoff(u32::MAX, &Jitter::from_fn(|| 1.0)) == policy.cap, "no overflow");
    }

    #[test]
    fn a1_a_hundred_clients_do_not_come_back_together() {
        let policy = RetryPolicy::default();
        let mut slots = std::collections::BTreeMap::<u128, usize>::new();
        for client in 0..100 {
            let draw = fastrand::Rng::with_seed(client).f64();
            let wait = policy.backoff(5, &Jitter::from_fn(move || draw));
            *slots.entry(wait.as_millis() / 100).or_default() += 1;
        }
        // 80 slots of 100 ms for 100 clients: chance alone puts up to six into one now and then.
        assert!(slots.values().all(|clients| *clients <= 6), "{slots:?}");
    }

    #[test]
    fn a2_a_hint_is_followed_and_never_undercut() {
        let policy = RetryPolicy::default();
        let minute = Duration::from_secs(60);
        for (draw, expected) in [(0.0, 10_000), (0.5, 11_000), (1.0, 12_000)] {
            let decision = policy.decide(
                1,
                Some(Duration::from_secs(10)),
                minute,
                Duration::from_secs(1),
                &Jitter::from_fn(move || draw),
            );
            assert_eq!(decision, Decision::After(Duration::from_millis(expected)));
        }
        let one = Jitter::from_fn(|| 1.0);
        let late = policy.decide(1, Some(minute), minute, Duration::from_secs(1), &one);
        assert_eq!(late, Decision::GiveUp, "a hint beyond the deadline fails now");
        let hour = Duration::from_secs(3600);
        assert_eq!(
            policy.decide(1, Some(hour), hour * 2, minute, &one),
            Decision::GiveUp,
            "nor beyond the cap"
        );
    }

    #[test]
    fn no_attempt_starts_with_less_than_a_tenth_of_its_time() {
        let policy = RetryPolicy::default();
        let one = Jitter::from_fn(|| 1.0);
        let limit = Duration::from_secs(2);
        assert_eq!(policy.decide(1, None, Duration::from_millis(199), limit, &one), Decision::GiveUp);
        let short = policy.decide(3, None, Duration::from_millis(600), limit, &one);
        assert_eq!(
            short,
            Decision::After(Duration::from_millis(400)),
            "a wait of ours is shortened to leave a tenth"
        );
        assert_eq!(policy.decide(4, None, limit, limit, &one), Decision::GiveUp, "attempts are counted");
    }

    #[test]
    fn what_may_be_repeated_is_what_the_table_says() {
        use Outcome::{Ambiguous, Final, NeverSent, TurnedAway};
        for (outcome, replay, before, expected) in [
            (NeverSent, Replay::Never, 0, true),
            (TurnedAway, Replay::Never, 3, true),
            (Ambiguous, Replay::Never, 0, false),
            (Ambiguous, Replay::Once, 0, true),
            (Ambiguous, Replay::Once, 1, false),
            (Ambiguous, Replay::Always, 2, true),
            (Final, Replay::Always, 0, false),
        ] {
            assert_eq!(outcome.may_repeat(replay, before), expected, "{outcome:?} {replay:?}");
        }
        for (status, hint, expected) in [
            (429, false, TurnedAway),
            (503, true, TurnedAway),
            (503, false, Ambiguous),
            (500, true, Ambiguous),
            (502, false, Ambiguous),
            (504, false, Ambiguous),
            (520, false, Ambiguous),
            (529, false, Ambiguous),
            (501, false, Final),
            (400, true, Final),
            (404, false, Final),
        ] {
            assert_eq!(Outcome::of_status(status, hint), expected, "{status}");
        }
    }
}
