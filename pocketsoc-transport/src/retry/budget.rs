//! How many repetitions all calls of a connection may add together: a storm of retries is nobody's cure.

use std::sync::{Mutex, PoisonError};

/// What one first attempt adds, in thousandths of a retry: a fifth.
const DEPOSIT: u32 = 200;
/// What one retry takes.
const RETRY: u32 = 1000;
/// How much can be saved up: 50 retries.
const CAPACITY: u32 = 50 * RETRY;

/// A shared budget: in steady failure retries stay within a fifth of the calls; a quiet client has a reserve.
#[derive(Debug)]
pub(crate) struct RetryBudget(Mutex<u32>);

impl RetryBudget {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(CAPACITY))
    }

    /// A first attempt is about to be made.
    pub(crate) fn deposit(&self) {
        self.with(|saved| *saved = (*saved + DEPOSIT).min(CAPACITY));
    }

    /// Whether one more retry is within the budget; takes it if so.
    pub(crate) fn withdraw(&self) -> bool {
        self.with(|saved| {
            let enough = *saved >= RETRY;
            if enough {
                *saved -= RETRY;
            }
            enough
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut u32) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_steady_failure_retries_stay_within_a_fifth_of_the_calls() {
        let budget = RetryBudget::new();
        let mut retries = 0;
        for _ in 0..10_000 {
            budget.deposit();
            while budget.withdraw() {
                retries += 1;
            }
        }
        assert!(retries <= 10_000 / 5 + CAPACITY / RETRY, "{retries}");
        assert!(retries >= 10_000 / 5, "{retries}");
    }
}
