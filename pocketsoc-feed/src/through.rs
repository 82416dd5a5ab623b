//! A source of a feed to write through: what is changed there is recognised when it comes back.

use std::sync::Arc;

use async_trait::async_trait;
use pocketsoc_model::{
    Capabilities, Detection, DetectionChange, DetectionId, DetectionQuery, DetectionSource, DetectionStream,
    ErrorKind, Product, Result,
};

use crate::echo::is_part_of;
use crate::event::Changed;
use crate::known::Known;
use crate::name::Name;
use crate::shared::Shared;
use crate::sightings::{At, Keys};
use crate::state::State;

/// A source of a feed: what is changed through it is not told as a change when it comes back, if whoever changed it has
/// learned that it was made. A change that is dropped before its answer, or whose outcome is unknown, is told.
///
/// Reads go to the source as they are. Somebody else's change at the same time is told: only the parts that were written
/// here, with the values that were written here, are taken for ours, and only the first time that a source shows them.
#[derive(Debug, Clone)]
pub struct FeedSource {
    place: usize,
    source: Arc<dyn DetectionSource>,
    shared: Arc<Shared>,
}

impl FeedSource {
    pub(crate) fn new(place: usize, source: Arc<dyn DetectionSource>, shared: Arc<Shared>) -> Self {
        Self { place, source, shared }
    }
}

#[async_trait]
impl DetectionSource for FeedSource {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn product(&self) -> Product {
        self.source.product()
    }

    async fn capabilities(&self) -> Result<Capabilities> {
        self.source.capabilities().await
    }

    fn list(&self, query: &DetectionQuery) -> DetectionStream {
        self.source.list(query)
    }

    async fn get(&self, id: &DetectionId) -> Result<Detection> {
        self.source.get(id).await
    }

    async fn update(&self, id: &DetectionId, change: &DetectionChange) -> Result<Detection> {
        // A poll may show it before the answer is here.
        let at = At { source: self.place, name: Name::of(id) };
        let echo = Awaited { shared: &self.shared, number: self.shared.lock().expect(&at, change) };
        let outcome = self.source.update(id, change).await;
        match &outcome {
            Ok(detection) => echo.shared.lock().written(echo.number, &at, change, detection),
            Err(error) if error.kind() != ErrorKind::OutcomeUnknown && !error.applied().is_empty() => {
                let mut state = echo.shared.lock();
                let now = state.clock.now();
                let told = state.next_told(now);
                state.echoes.answered(echo.number, told);
            }
            Err(_) => {}
        }
        outcome
    }
}

/// A change that is being made. What ends without an answer is called off.
struct Awaited<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        self.shared.lock().echoes.end_unanswered(self.number);
    }
}

impl State {
    /// Awaits a change of our own, here and at the detection's other sightings; its number.
    fn expect(&mut self, at: &At, change: &DetectionChange) -> u64 {
        let before = self.sources[at.source].ledger.get(&at.name).cloned();
        let keys = before.as_ref().map(|known| known.keys.clone()).unwrap_or_default();
        // What is only alike, and what an incident holds, is not the same alert.
        let keys = keys.into_iter().filter(|key| Keys::is_of_the_alert(*key)).collect();
        let now = self.clock.monotonic();
        self.echoes.expect(at.clone(), keys, before, change, now)
    }

    /// What was written and read back: known from now on, as far as it is ours.
    fn written(&mut self, echo: u64, at: &At, change: &DetectionChange, detection: &Detection) {
        let keys = Keys::of(detection, self.rules.heuristic);
        let now = self.clock.now();
        let fresh = Known::of(detection, keys.own, now);
        let told = self.next_told(now);
        self.echoes.answered(echo, told);
        let Some(known) = self.sources[at.source].ledger.get_mut(&at.name) else { return };
        let changes = known.changes(&fresh, detection);
        let comments = fresh.comments_since(known);
        let ours: Vec<&'static str> = changes
            .iter()
            .filter(|one| is_part_of(one, change, detection, comments))
            .map(Changed::key)
            .collect();
        if ours.len() == changes.len() && fresh.keys == known.keys {
            let (seen, pushed) = (known.seen, known.pushed);
            *known = fresh;
            (known.seen, known.pushed) = (seen, pushed);
        } else {
            known.take_over(&fresh, &ours);
        }
        // Whoever wrote it knows: it is as good as told.
        known.told = told;
        self.sources[at.source].changes += 1;
        self.unwritten += 1;
        // Here it has been shown: the answer was the first to show it.
        let follow =
            ["status", "native_status", "resolved_at"].into_iter().filter(|_| change.status.is_some());
        self.echoes.shown(echo, at.source, ours.into_iter().chain(follow));
    }
}
