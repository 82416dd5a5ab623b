//! A source whose detections live in memory: for tests, demonstrations, and as the shortest full implementation.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::{
    Capabilities, Clock, Comment, Detection, DetectionChange, DetectionId, DetectionQuery, DetectionSource,
    DetectionStream, Error, ErrorKind, Product, Result, Status, Step, TransitionTable, check_pair,
};

/// A source whose detections live in memory.
///
/// ```
/// use pocketsoc_model::*;
/// use std::sync::Arc;
/// let clock = Arc::new(ManualClock::at("2026-01-31T10:00:00Z".parse()?));
/// let source = MemorySource::new("Demo", Product::DEFENDER_ENDPOINT, clock);
/// let mut detection = Detection::new(DetectionId::new("da1_1")?, Product::DEFENDER_ENDPOINT, "Miner");
/// detection.status = Status::Active;
/// source.put(detection);
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let now = source.resolve(&DetectionId::new("da1_1")?, Classification::TruePositive).await?;
/// assert_eq!(now.status, Status::Resolved);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct MemorySource {
    name: String,
    product: Product,
    table: TransitionTable,
    clock: Arc<dyn Clock>,
    detections: Mutex<Vec<Detection>>,
}

impl MemorySource {
    /// An empty source with the product's own transition table.
    pub fn new(name: impl Into<String>, product: Product, clock: Arc<dyn Clock>) -> Self {
        let table = TransitionTable::for_product(&product);
        Self { name: name.into(), product, table, clock, detections: Mutex::default() }
    }

    /// Uses another transition table.
    #[must_use]
    pub fn with_transitions(mut self, table: TransitionTable) -> Self {
        self.table = table;
        self
    }

    /// Adds a detection, or replaces the one with its id.
    pub fn put(&self, detection: Detection) {
        let detection = detection.seen_through(&self.name, &self.table);
        let mut all = self.lock();
        match all.iter_mut().find(|d| d.id.same_as(&detection.id)) {
            Some(place) => *place = detection,
            None => all.push(detection),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Detection>> {
        self.detections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl DetectionSource for MemorySource {
    fn name(&self) -> &str {
        &self.name
    }

    fn product(&self) -> Product {
        self.product.clone()
    }

    async fn capabilities(&self) -> Result<Capabilities> {
        let mut can = Capabilities::unknown();
        can.view = Some(true);
        can.triage = Some(true);
        can.classify = Some(true);
        can.assign = Some(true);
        can.comment = Some(true);
        can.isolate = Some(false);
        can.hunt = Some(false);
        can.statuses = self.table.writable();
        Ok(can)
    }

    fn list(&self, query: &DetectionQuery) -> DetectionStream {
        let limit = query.limit.unwrap_or(usize::MAX);
        DetectionStream::from_vec(
            self.lock().iter().filter(|d| query.matches(d)).take(limit).cloned().collect(),
        )
    }

    async fn get(&self, id: &DetectionId) -> Result<Detection> {
        let found = self.lock().iter().find(|d| d.id.same_as(id)).cloned();
        found.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "get the detection").with_message(format!("there is no {id}"))
        })
    }

    async fn update(&self, id: &DetectionId, change: &DetectionChange) -> Result<Detection> {
        const OPERATION: &str = "update the detection";
        let mut all = self.lock();
        let Some(detection) = all.iter_mut().find(|d| d.id.same_as(id)) else {
            return Err(Error::new(ErrorKind::NotFound, OPERATION).with_message(format!("there is no {id}")));
        };
        if let Some(status) = change.status {
            self.table.check(OPERATION, detection.status, status)?;
        }
        let classification = change.classification.or(detection.classification);
        if let (Some(classification), Some(determination)) = (classification, change.determination) {
            check_pair(classification, determination)
                .map_err(|e| Error::new(ErrorKind::InvalidRequest, OPERATION).with_message(e.to_string()))?;
        }
        if change.comment.is_none() && change.missing_from(detection).is_empty() {
            return Ok(detection.clone());
        }
        let now = self.clock.now();
        if let Some(status) = change.status
            && self.table.check(OPERATION, detection.status, status)? == Step::Write
        {
            detection.status = status;
            detection.native_status = Some(status.as_str().to_owned());
            detection.resolved_at = (status == Status::Resolved).then_some(now);
            detection.allowed_statuses = self.table.allowed_from(status);
        }
        detection.classification = classification;
        detection.determination = change.determination.or(detection.determination);
        if change.assigned_to.is_some() {
            detection.assigned_to.clone_from(&change.assigned_to);
        }
        detection.comments.extend(change.comment.as_ref().map(|text| Comment::new(text, None, Some(now))));
        detection.updated_at = Some(now);
        Ok(detection.clone())
    }
}
