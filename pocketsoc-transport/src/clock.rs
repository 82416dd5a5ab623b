//! The clock of a running program: tokio's timers and the system's wall time.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use pocketsoc_model::{Clock, Sleep};
use tokio::time::Instant;

/// Tokio's timers and the system's wall time. Under a paused tokio runtime its monotonic time is virtual.
#[derive(Debug, Clone)]
pub struct SystemClock {
    origin: Instant,
    /// Wall time at `origin`, when wall time is to follow the monotonic one.
    start: Option<DateTime<Utc>>,
}

impl SystemClock {
    /// The system's clock.
    pub fn new() -> Self {
        Self { origin: Instant::now(), start: None }
    }

    /// A clock whose wall time is `start` now and follows the monotonic time, so that a paused runtime moves it too.
    pub fn starting_at(start: DateTime<Utc>) -> Self {
        Self { start: Some(start), ..Self::new() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        match self.start {
            Some(start) => start + TimeDelta::from_std(self.monotonic()).unwrap_or(TimeDelta::MAX),
            None => Utc::now(),
        }
    }

    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}
