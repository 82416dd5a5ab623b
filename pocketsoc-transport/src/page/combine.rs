//! Walks made of walks: one after the other, and a plainer one where the first fails.

use std::borrow::Cow;
use std::future::Future;

use futures_util::{StreamExt as _, stream};
use pocketsoc_model::{Error, Result, WalkLog, WalkReport};

use super::memory::Remembered;
use super::{Walk, digest};

impl<T: Send + 'static> Walk<T> {
    /// One walk after the other: what `open` walks over for each element of this one, such as the alerts of each
    /// subscription.
    ///
    /// The report is that of all of them together: complete when each was. Where just one ended early, its resume point
    /// is the whole walk's.
    pub fn flat_map<U: Send + 'static>(
        self,
        open: impl FnMut(T) -> Option<Walk<U>> + Send + 'static,
    ) -> Walk<U> {
        let log = WalkLog::new();
        let chain = Box::new(Chain {
            outer: self,
            open,
            inner: None,
            log: log.clone(),
            lost: false,
            broken: Vec::new(),
        });
        let inner = stream::unfold(chain, |mut chain| async move {
            let item = chain.next().await?;
            Some((item, chain))
        });
        Walk::over(inner, log)
    }

    /// The walk with its errors under a name of their own, such as which part of a larger one it is.
    pub fn named(self, operation: impl Into<Cow<'static, str>>) -> Self {
        let (log, operation) = (self.log(), operation.into());
        Self::over(self.map(move |item| item.map_err(|error| error.with_operation(operation.clone()))), log)
    }

    /// The walk with each element taken further by a call of its own, one after the other.
    pub fn then<U, F>(self, mut further: impl FnMut(T) -> F + Send + 'static) -> Walk<U>
    where
        U: Send + 'static,
        F: Future<Output = Result<U>> + Send + 'static,
    {
        let log = self.log();
        let further = move |item: Result<T>| {
            let further = item.map(&mut further);
            async move { further?.await }
        };
        Walk::over(stream::StreamExt::then(self, further), log)
    }

    /// Goes over to a plainer walk over the same list when this one fails in a way that the plainer one may not: what
    /// was given already, by its `key`, is not given again, and the report says what was done `without`.
    pub fn falling_back_to(
        self,
        plainer: Self,
        without: &'static str,
        fails: impl Fn(&Error) -> bool + Send + 'static,
        key: impl Fn(&T) -> String + Send + 'static,
    ) -> Self {
        let log = WalkLog::new();
        let fallback = Fallback {
            walk: self,
            plainer: Some(plainer),
            without,
            fails,
            key,
            given: Remembered::default(),
            seed: fastrand::u64(..),
            log: log.clone(),
        };
        let inner = stream::unfold(fallback, |mut fallback| async move {
            let item = fallback.next().await?;
            Some((item, fallback))
        });
        Self::over(inner, log)
    }
}

/// A walk, and a plainer one for when it fails.
struct Fallback<T, W, K> {
    walk: Walk<T>,
    plainer: Option<Walk<T>>,
    without: &'static str,
    fails: W,
    key: K,
    given: Remembered,
    seed: u64,
    log: WalkLog,
}

impl<T, W: Fn(&Error) -> bool, K: Fn(&T) -> String> Fallback<T, W, K> {
    async fn next(&mut self) -> Option<Result<T>> {
        loop {
            match self.walk.next().await {
                Some(Ok(element)) => {
                    let new = self.given.is_new(digest((self.key)(&element).as_bytes(), self.seed));
                    self.tell();
                    if new {
                        return Some(Ok(element));
                    }
                }
                Some(Err(error)) if (self.fails)(&error) && self.plainer.is_some() => {
                    tracing::info!(%error, "going on without what the service fails to give");
                    if let Some(plainer) = self.plainer.take() {
                        self.walk = plainer;
                        self.log.update(|report| report.degraded.push(self.without.to_owned()));
                    }
                }
                Some(Err(error)) => return Some(Err(error)),
                None => {
                    self.tell();
                    return None;
                }
            }
        }
    }
}

impl<T, W, K> Fallback<T, W, K> {
    /// The present walk's report as this one's own, and what is done without.
    fn tell(&self) {
        let mut report = self.walk.report();
        if self.plainer.is_none() {
            report.degraded.insert(0, self.without.to_owned());
        }
        self.log.update(|all| *all = report);
    }
}

/// Walks over what each element of another walk leads to.
struct Chain<T, U, F> {
    outer: Walk<T>,
    open: F,
    inner: Option<Walk<U>>,
    log: WalkLog,
    lost: bool,
    /// The reports of the walks that did not see everything.
    broken: Vec<WalkReport>,
}

impl<T, U, F: FnMut(T) -> Option<Walk<U>>> Chain<T, U, F> {
    async fn next(&mut self) -> Option<Result<U>> {
        loop {
            if let Some(walk) = &mut self.inner {
                if let Some(item) = walk.next().await {
                    return Some(item);
                }
                let report = walk.report();
                self.inner = None;
                self.count(report);
                continue;
            }
            match self.outer.next().await {
                Some(Ok(element)) => self.inner = (self.open)(element),
                Some(Err(error)) => {
                    self.lost = true;
                    return Some(Err(error));
                }
                None => {
                    self.end();
                    return None;
                }
            }
        }
    }

    fn count(&mut self, report: WalkReport) {
        self.log.update(|all| {
            all.pages += report.pages;
            all.degraded.extend(report.degraded.iter().cloned());
            all.partial.extend(report.partial.iter().cloned());
        });
        if !report.complete {
            self.broken.push(report);
        }
    }

    fn end(&mut self) {
        let outer = self.outer.report();
        let outer_seen = outer.complete && !self.lost;
        let broken = std::mem::take(&mut self.broken);
        self.log.update(|all| {
            all.complete = outer_seen && broken.is_empty();
            if let ([one], true) = (broken.as_slice(), outer_seen) {
                all.resume.clone_from(&one.resume);
            }
        });
    }
}
