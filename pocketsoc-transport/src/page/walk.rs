//! A walk over a list: elements until the end, and a report on whether all were seen.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_util::StreamExt as _;
use futures_util::stream;
use pocketsoc_model::{Detection, DetectionQuery, DetectionStream, Error, Result, WalkLog, WalkReport};

use super::pager::Pager;
use super::{Decode, PagePlan};
use crate::call::Call;
use crate::endpoint::Endpoint;

/// A walk over a list: `next()` until `None`, then ask [`report`](Self::report).
///
/// An `Err` is one bad element or one lost page, not the end; the end is `None`. Nothing is sent before it is polled.
#[must_use = "nothing is sent before it is polled"]
pub struct Walk<T> {
    inner: Pin<Box<dyn Stream<Item = Result<T>> + Send>>,
    log: WalkLog,
}

impl<T: Decode> Walk<T> {
    pub(crate) fn new(endpoint: Endpoint, call: Call, plan: PagePlan) -> Self {
        let log = WalkLog::new();
        let pager = Box::new(Pager::new(endpoint, call, plan, log.clone()));
        let inner = stream::unfold(pager, |mut pager| async move {
            let item = pager.next::<T>().await?;
            Some((item, pager))
        });
        Self { inner: Box::pin(inner.fuse()), log }
    }
}

impl<T: Send + 'static> Walk<T> {
    /// A walk over what a stream gives, whose report `log` is written by it.
    pub(super) fn over(stream: impl Stream<Item = Result<T>> + Send + 'static, log: WalkLog) -> Self {
        Self { inner: Box::pin(stream.fuse()), log }
    }

    /// A walk that fails at once.
    pub fn failed(error: Error) -> Self {
        Self::over(stream::iter([Err(error)]), WalkLog::new())
    }

    /// The walk as detections: normalized, filtered once more by the query, no more than its limit, with the walk's
    /// own report. For the `source.rs` of a client.
    pub fn detections(
        self,
        query: &DetectionQuery,
        normalize: impl FnMut(T) -> Result<Detection> + Send + Unpin + 'static,
    ) -> DetectionStream {
        let (log, left) = (self.log(), query.limit.unwrap_or(usize::MAX));
        DetectionStream::new(Matching { walk: self, normalize, query: query.clone(), left }, log)
    }
}

impl<T> Walk<T> {
    /// The next element or failure; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<T>> {
        std::future::poll_fn(|cx| self.inner.as_mut().poll_next(cx)).await
    }

    /// All elements, in memory.
    ///
    /// # Errors
    /// The first failure of the walk.
    pub async fn collect(mut self) -> Result<Vec<T>> {
        let mut all = Vec::new();
        while let Some(item) = self.next().await {
            all.push(item?);
        }
        Ok(all)
    }

    /// What the walk saw so far; final once `next` has returned `None`.
    pub fn report(&self) -> WalkReport {
        self.log.report()
    }

    /// The writing end of the report, for those who build on the walk.
    pub fn log(&self) -> WalkLog {
        self.log.clone()
    }
}

impl<T> Stream for Walk<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.inner.as_mut().poll_next(cx)
    }
}

/// What of a walk matches a query.
struct Matching<T, F> {
    walk: Walk<T>,
    normalize: F,
    query: DetectionQuery,
    left: usize,
}

impl<T, F: FnMut(T) -> Result<Detection> + Unpin> Stream for Matching<T, F> {
    type Item = Result<Detection>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        while this.left > 0 {
            let detection = match std::task::ready!(Pin::new(&mut this.walk).poll_next(cx)) {
                None => break,
                Some(element) => element.and_then(&mut this.normalize),
            };
            match detection {
                Ok(detection) if !this.query.matches(&detection) => {}
                Ok(detection) => {
                    this.left -= 1;
                    return Poll::Ready(Some(Ok(detection)));
                }
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
        Poll::Ready(None)
    }
}

impl<T> fmt::Debug for Walk<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk").field("report", &self.report()).finish_non_exhaustive()
    }
}
