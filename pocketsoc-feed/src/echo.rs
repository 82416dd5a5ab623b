//! Changes of our own: made through the feed, and recognised when a source shows them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pocketsoc_model::{
    Capabilities, Clock, Detection, DetectionChange, DetectionId, DetectionQuery, DetectionSource,
    DetectionStream, ErrorKind, Product, Result,
};

use crate::event::Changed;
use crate::known::name_of;
use crate::sightings::{At, Keys};
use crate::state::Shared;

/// So long a change of our own is awaited: services show what was written to another one with a delay.
const AWAITED: Duration = Duration::from_secs(900);

/// Changes of our own that a source has still to show.
#[derive(Debug, Default)]
pub(crate) struct Echoes {
    /// By the detection's place, and by the digests that its sightings have as well.
    by_name: HashMap<(usize, Arc<str>), Vec<Echo>>,
    by_key: HashMap<u64, Vec<Echo>>,
    /// How many there have been.
    made: u64,
}

#[derive(Debug, Clone)]
struct Echo {
    number: u64,
    change: Arc<DetectionChange>,
    until: Duration,
}

impl Echoes {
    fn expect(&mut self, at: &At, keys: &[u64], change: &DetectionChange, now: Duration) -> u64 {
        self.made += 1;
        let echo = Echo { number: self.made, change: Arc::new(change.clone()), until: now + AWAITED };
        self.by_name.retain(|_, all| all.iter().any(|echo| echo.until > now));
        self.by_key.retain(|_, all| all.iter().any(|echo| echo.until > now));
        self.by_name.entry((at.source, Arc::clone(&at.name))).or_default().push(echo.clone());
        for key in keys {
            self.by_key.entry(*key).or_default().push(echo.clone());
        }
        echo.number
    }

    /// It was not made after all.
    fn call_off(&mut self, number: u64) {
        for all in self.by_name.values_mut().chain(self.by_key.values_mut()) {
            all.retain(|echo| echo.number != number);
        }
    }

    fn of<'a>(&'a self, at: &At, keys: &'a [u64], now: Duration) -> impl Iterator<Item = &'a Echo> {
        let by_name = self.by_name.get(&(at.source, Arc::clone(&at.name)));
        let by_key = keys.iter().filter_map(|key| self.by_key.get(key));
        by_name.into_iter().chain(by_key).flatten().filter(move |echo| echo.until > now)
    }

    /// Whether a change of our own to the detection is awaited.
    pub(crate) fn is_awaited(&self, at: &At, keys: &[u64], now: Duration) -> bool {
        self.of(at, keys, now).next().is_some()
    }

    /// Whether what has changed is what we have written.
    pub(crate) fn is_ours(
        &self,
        at: &At,
        keys: &[u64],
        changed: &Changed,
        detection: &Detection,
        now: Duration,
    ) -> bool {
        self.of(at, keys, now).any(|echo| is_part_of(changed, &echo.change, detection))
    }
}

/// Whether a change shows what was written.
fn is_part_of(changed: &Changed, written: &DetectionChange, detection: &Detection) -> bool {
    let same = |a: &Option<String>, b: &Option<String>| {
        a.as_deref().unwrap_or_default().eq_ignore_ascii_case(b.as_deref().unwrap_or_default())
    };
    match changed {
        // What follows from the status comes with it.
        Changed::Status { .. } | Changed::Reopened | Changed::Other("native_status" | "resolved_at") => {
            written.status == Some(detection.status)
        }
        Changed::AssignedTo(to) => written.assigned_to.is_some() && same(&written.assigned_to, to),
        // Either half is recalculated by some services when the other is written.
        Changed::Classification(to) => written.classification == *to && to.is_some(),
        Changed::Determination(to) => match written.determination {
            Some(_) => written.determination == *to,
            None => written.classification.is_some() && written.classification == detection.classification,
        },
        Changed::Other("comments") => written.comment.as_ref().is_some_and(|text| {
            detection.comments.last().is_some_and(|last| last.text.trim() == text.trim())
                || detection.comments.first().is_some_and(|first| first.text.trim() == text.trim())
        }),
        _ => false,
    }
}

/// A source of a feed: what is changed through it is not told as a change when it comes back.
///
/// Reads go to the source as they are. Somebody else's change at the same time is told: only the parts that were written
/// here, with the values that were written here, are taken for ours.
#[derive(Debug, Clone)]
pub struct FeedSource {
    place: usize,
    source: Arc<dyn DetectionSource>,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
}

impl FeedSource {
    pub(crate) fn new(
        place: usize,
        source: Arc<dyn DetectionSource>,
        shared: Arc<Shared>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { place, source, shared, clock }
    }

    fn at(&self, id: &DetectionId) -> At {
        At { source: self.place, name: name_of(id) }
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
        let at = self.at(id);
        let now = self.clock.monotonic();
        // Who goes away in the middle may have made the change: it stays awaited.
        let echo = self.shared.lock().expect(&at, change, now);
        match self.source.update(id, change).await {
            Ok(detection) => {
                self.shared.lock().written(&at, change, &detection);
                Ok(detection)
            }
            Err(error) => {
                let nothing = matches!(
                    error.kind(),
                    ErrorKind::InvalidTransition
                        | ErrorKind::Unsupported
                        | ErrorKind::NotFound
                        | ErrorKind::NotApplied
                        | ErrorKind::PermissionDenied
                        | ErrorKind::Unauthenticated
                        | ErrorKind::InvalidRequest
                );
                if nothing && error.applied().is_empty() {
                    self.shared.lock().echoes.call_off(echo);
                }
                Err(error)
            }
        }
    }
}

impl crate::state::State {
    /// Awaits a change of our own, here and at the detection's other sightings; its number.
    fn expect(&mut self, at: &At, change: &DetectionChange, now: Duration) -> u64 {
        let known = self.sources[at.source].ledger.get(&at.name);
        let keys = known.map(|known| known.keys.clone()).unwrap_or_default();
        self.echoes.expect(at, &keys, change, now)
    }

    /// What was written and read back: known from now on, as far as it is ours.
    fn written(&mut self, at: &At, change: &DetectionChange, detection: &Detection) {
        let keys = Keys::of(detection, self.rules.heuristic);
        let fresh = crate::known::Known::of(detection, keys.own);
        let Some(known) = self.sources[at.source].ledger.get_mut(&at.name) else { return };
        let changes = known.changes(&fresh, detection);
        let ours: Vec<&str> =
            changes.iter().filter(|c| is_part_of(c, change, detection)).map(Changed::key).collect();
        if ours.len() == changes.len() {
            let poll = known.poll;
            *known = fresh;
            known.poll = poll;
        } else {
            known.take_over(&fresh, &ours);
        }
        self.sources[at.source].changes += 1;
    }
}
