//! The counting behind a limiter: sliding windows and buckets, in monotonic time, without waiting or locking.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Bucket, Rule, Window, reserve};

/// A slot is counted a little longer than the service counts it, for clocks that do not run alike.
const SKEW: Duration = Duration::from_millis(50);

/// The state of one quota.
#[derive(Debug)]
pub(super) enum Counter {
    Windows {
        windows: &'static [Window],
        /// When each answered call was answered, oldest first; as many as the longest window counts.
        answered: VecDeque<Duration>,
        /// Calls that wait for their answer.
        in_flight: u32,
        /// When a paced call was last let go.
        last_paced: Duration,
    },
    Bucket {
        bucket: Bucket,
        level: f64,
        at: Duration,
    },
}

/// When a call may go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Ready {
    Now,
    /// Not before this much time has passed.
    In(Duration),
    /// Not before another call is answered.
    WhenAnswered,
}

impl Counter {
    pub(super) fn new(rule: Rule, now: Duration) -> Self {
        match rule {
            Rule::Windows(windows) => {
                Self::Windows { windows, answered: VecDeque::new(), in_flight: 0, last_paced: Duration::ZERO }
            }
            Rule::Bucket(bucket) => Self::Bucket { bucket, level: f64::from(bucket.capacity), at: now },
        }
    }

    /// When one more call may go; `urgent` ones may use the reserve, `paced` ones are spread over the window once
    /// half of it is used.
    pub(super) fn ready(&self, now: Duration, urgent: bool, paced: bool) -> Ready {
        match self {
            Self::Windows { windows, answered, in_flight, last_paced } => {
                let mut wait = Duration::ZERO;
                for window in *windows {
                    let length = window.per + SKEW;
                    let first = answered.partition_point(|at| *at + length <= now);
                    let done = u32::try_from(answered.len() - first).unwrap_or(u32::MAX);
                    let limit = window.calls - if urgent { 0 } else { window.kept };
                    let used = done.saturating_add(*in_flight);
                    if used >= limit {
                        // The slot that must come free is this far from the oldest one.
                        let behind = (used - limit) as usize;
                        let Some(at) = answered.get(first + behind) else { return Ready::WhenAnswered };
                        wait = wait.max((*at + length).saturating_sub(now));
                    }
                }
                if paced && let Some(slowest) = windows.iter().max_by_key(|w| w.per) {
                    wait = wait.max(pace(*slowest, answered, *in_flight, now, *last_paced));
                }
                if wait.is_zero() { Ready::Now } else { Ready::In(wait) }
            }
            Self::Bucket { bucket, level, at } => {
                // One bucket of skew: what the service may have refilled later than we think.
                let skew = SKEW.as_secs_f64() * f64::from(bucket.per_second);
                let floor = if urgent { skew } else { f64::from(reserve(bucket.capacity)).max(skew) };
                let have = refilled(*bucket, *level, *at, now);
                let short = floor + 1.0 - have;
                if short <= 0.0 {
                    Ready::Now
                } else {
                    // Rounded up to a whole millisecond, so that it is enough when the time has come.
                    let millis = (short / f64::from(bucket.per_second) * 1000.0).ceil();
                    Ready::In(Duration::from_secs_f64(millis / 1000.0))
                }
            }
        }
    }

    /// A call goes now.
    pub(super) fn take(&mut self, now: Duration, paced: bool) {
        match self {
            Self::Windows { windows, answered, in_flight, last_paced } => {
                *in_flight += 1;
                if paced {
                    *last_paced = now;
                }
                if let Some(longest) = windows.iter().map(|w| w.per).max() {
                    while answered.front().is_some_and(|at| *at + longest + SKEW <= now) {
                        answered.pop_front();
                    }
                }
            }
            Self::Bucket { bucket, level, at } => {
                *level = refilled(*bucket, *level, *at, now) - 1.0;
                *at = now;
            }
        }
    }

    /// A call that went is answered (`counted`), or turned out never to have been sent.
    pub(super) fn answered(&mut self, now: Duration, counted: bool) {
        match self {
            Self::Windows { answered, in_flight, .. } => {
                *in_flight = in_flight.saturating_sub(1);
                if counted {
                    answered.push_back(now);
                }
            }
            Self::Bucket { bucket, level, .. } => {
                if !counted {
                    *level = (*level + 1.0).min(f64::from(bucket.capacity));
                }
            }
        }
    }

    /// The service has so many left. Windows are not told of that way.
    pub(super) fn learn_remaining(&mut self, now: Duration, calls: u32) {
        if let Self::Bucket { bucket, level, at } = self {
            *level = refilled(*bucket, *level, *at, now).min(f64::from(calls));
            *at = now;
        }
    }

    #[cfg(test)]
    pub(super) fn in_flight(&self) -> u32 {
        match self {
            Self::Windows { in_flight, .. } => *in_flight,
            Self::Bucket { .. } => 0,
        }
    }
}

fn refilled(bucket: Bucket, level: f64, at: Duration, now: Duration) -> f64 {
    let more = now.saturating_sub(at).as_secs_f64() * f64::from(bucket.per_second);
    (level + more).min(f64::from(bucket.capacity))
}

/// How long a paced call waits so that what is left of the window lasts until its oldest slot comes free.
fn pace(
    window: Window,
    answered: &VecDeque<Duration>,
    in_flight: u32,
    now: Duration,
    last: Duration,
) -> Duration {
    let length = window.per + SKEW;
    let first = answered.partition_point(|at| *at + length <= now);
    let used = u32::try_from(answered.len() - first).unwrap_or(u32::MAX).saturating_add(in_flight);
    let usable = window.calls - window.kept;
    let Some(oldest) = answered.get(first) else { return Duration::ZERO };
    if used < usable / 2 || used >= usable {
        return Duration::ZERO;
    }
    let interval = (*oldest + length).saturating_sub(last) / (usable - used + 1);
    (last + interval).saturating_sub(now)
}
