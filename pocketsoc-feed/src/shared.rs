//! What the parts of a feed share: the state, and who is woken by it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pocketsoc_model::Clock;
use tokio::sync::Notify;

use crate::event::Sequence;
use crate::plan::Rules;
use crate::source_state::SourceState;
use crate::state::State;

/// What the parts of a feed share. Its `Debug` shows nothing: what is known is for nobody's log.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Something was acknowledged.
    pub(crate) acknowledged: Notify,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(clock: Arc<dyn Clock>, rules: Rules, sources: Vec<SourceState>) -> Self {
        Self { state: Mutex::new(State::new(clock, rules, sources)), acknowledged: Notify::new() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one more source may be claimed, of so many at most; what is given back keeps its place until it is dropped.
    pub(crate) fn may_claim(self: &Arc<Self>, most: usize) -> Option<Claiming> {
        let mut state = self.lock();
        if state.owned() + state.claiming >= most {
            return None;
        }
        state.claiming += 1;
        Some(Claiming(Arc::clone(self)))
    }

    pub(crate) fn acknowledge(&self, sequence: Sequence) {
        if self.lock().acknowledge(sequence) {
            self.acknowledged.notify_one();
        }
    }
}

/// A claim that is being made, or was and is not noted yet.
pub(crate) struct Claiming(Arc<Shared>);

impl Drop for Claiming {
    fn drop(&mut self) {
        self.0.lock().claiming -= 1;
    }
}
