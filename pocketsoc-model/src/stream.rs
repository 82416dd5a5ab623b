//! A walk over detections, and its report: whether it saw everything.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_core::Stream;
use serde::{Deserialize, Serialize};

use crate::{Detection, Result};

/// Where a walk can be taken up again; opaque, holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ResumePoint(String);

impl ResumePoint {
    /// Wraps what the source needs to go on.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The source's token.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a walk saw. The end of the stream alone does not mean that it saw everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WalkReport {
    /// Everything that matched was delivered: the list was read to its end and no element failed.
    pub complete: bool,
    /// What the source had to do without to get an answer (such as expanded evidence).
    pub degraded: Vec<String>,
    /// Providers that the service could not reach: their detections are missing.
    pub partial: Vec<String>,
    /// Where to go on, when the walk ended before the list did.
    pub resume: Option<ResumePoint>,
    /// How many pages were read.
    pub pages: u64,
}

/// The writing end of a walk's report; clones write the same report.
#[derive(Debug, Clone, Default)]
pub struct WalkLog(Arc<Mutex<WalkReport>>);

impl WalkLog {
    /// An empty report: not complete.
    pub fn new() -> Self {
        Self::default()
    }

    /// Changes the report.
    pub fn update(&self, change: impl FnOnce(&mut WalkReport)) {
        change(&mut self.lock());
    }

    /// The report as it is now.
    pub fn report(&self) -> WalkReport {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, WalkReport> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A walk over detections.
pub type DetectionStream = Reported<Detection>;

/// A walk with a report: `next()` until `None`, then ask [`report`](Self::report).
///
/// An `Err` is one bad element or one lost page, not the end; the end is `None`. The stream does nothing while it is
/// not polled, and dropping it ends the walk.
pub struct Reported<T> {
    /// `None` once it has ended: a stream need not bear being asked again.
    inner: Option<Pin<Box<dyn Stream<Item = Result<T>> + Send>>>,
    log: WalkLog,
}

impl<T: Send + Unpin + 'static> Reported<T> {
    /// A walk over `stream` whose report `log` is written by it.
    pub fn new(stream: impl Stream<Item = Result<T>> + Send + 'static, log: WalkLog) -> Self {
        Self { inner: Some(Box::pin(stream)), log }
    }

    /// A walk over what is already here.
    pub fn from_vec(items: Vec<T>) -> Self {
        let log = WalkLog::new();
        let end = log.clone();
        let mut items = items.into_iter();
        let stream = PollNext(move || {
            let next = items.next().map(Ok);
            if next.is_none() {
                end.update(|report| report.complete = true);
            }
            next
        });
        Self::new(stream, log)
    }

    /// A walk that fails at once.
    pub fn failed(error: crate::Error) -> Self {
        let mut error = Some(error);
        Self::new(PollNext(move || error.take().map(Err)), WalkLog::new())
    }

    /// The next one or failure; `None` at the end, however often it is asked.
    pub async fn next(&mut self) -> Option<Result<T>> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// All of it, in memory, and the report.
    ///
    /// # Errors
    /// The first failure of the walk.
    pub async fn collect_all(mut self) -> Result<(Vec<T>, WalkReport)> {
        let mut all = Vec::new();
        while let Some(item) = self.next().await {
            all.push(item?);
        }
        Ok((all, self.report()))
    }

    /// What the walk saw so far; final once `next` has returned `None`.
    pub fn report(&self) -> WalkReport {
        self.log.report()
    }
}

impl<T> Stream for Reported<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
        let next = inner.as_mut().poll_next(cx);
        if matches!(next, Poll::Ready(None)) {
            self.inner = None;
        }
        next
    }
}

impl<T> fmt::Debug for Reported<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reported").field("report", &self.log.report()).finish_non_exhaustive()
    }
}

/// A stream that is always ready with what a closure gives.
struct PollNext<F>(F);

impl<T, F: FnMut() -> Option<T> + Unpin> Stream for PollNext<F> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<T>> {
        Poll::Ready((self.0)())
    }
}
