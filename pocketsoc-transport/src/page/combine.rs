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

    /// The walk with each element taken further by a call of its own, one after the other. A call that fails is an
    /// element lost; what a call gives only in part, it notes as `partial` in the log that it gets.
    pub fn then<U, F>(self, further: impl FnMut(T, WalkLog) -> F + Send + 'static) -> Walk<U>
    where
        U: Send + 'static,
        F: Future<Output = Result<U>> + Send + 'static,
    {
        let log = WalkLog::new();
        let then =
            Further { walk: self, call: further, notes: WalkLog::new(), lost: false, log: log.clone() };
        let inner = stream::unfold(then, |mut then| async move {
            let item = then.next().await?;
            Some((item, then))
        });
        Walk::over(inner, log)
    }

    /// Goes over to a plainer walk over the same list when this one fails in a way that the plainer one may not: what
    /// was given already, by its `key`, is not given again, and the report says what was done `without`. With each
    /// element comes whether it is from the plainer walk.
    pub fn falling_back_to(
        self,
        plainer: Self,
        without: &'static str,
        fails: impl Fn(&Error) -> bool + Send + 'static,
        key: impl Fn(&T) -> String + Send + 'static,
    ) -> Walk<(T, bool)> {
        let log = WalkLog::new();
        let fallback = Fallback {
            walk: self,
            plainer: Some(plainer),
            without,
            fails,
            key,
            before: WalkReport::default(),
            given: Remembered::default(),
            seed: fastrand::u64(..),
            log: log.clone(),
        };
        let inner = stream::unfold(fallback, |mut fallback| async move {
            let item = fallback.next().await?;
            Some((item, fallback))
        });
        Walk::over(inner, log)
    }
}

/// A walk whose elements are taken further.
struct Further<T, N> {
    walk: Walk<T>,
    call: N,
    /// What the further calls note.
    notes: WalkLog,
    lost: bool,
    log: WalkLog,
}

impl<T, N> Further<T, N> {
    async fn next<U, F>(&mut self) -> Option<Result<U>>
    where
        N: FnMut(T, WalkLog) -> F,
        F: Future<Output = Result<U>>,
    {
        let item = match self.walk.next().await {
            Some(Ok(element)) => {
                let further = (self.call)(element, self.notes.clone()).await;
                self.lost |= further.is_err();
                Some(further)
            }
            Some(Err(error)) => Some(Err(error)),
            None => None,
        };
        let (mut report, notes) = (self.walk.report(), self.notes.report());
        report.complete &= !self.lost && notes.partial.is_empty();
        report.partial.extend(notes.partial);
        self.log.update(|all| *all = report);
        item
    }
}

/// A walk, and a plainer one for when it fails.
struct Fallback<T, W, K> {
    walk: Walk<T>,
    plainer: Option<Walk<T>>,
    without: &'static str,
    fails: W,
    key: K,
    /// What the first walk reported, once it is left.
    before: WalkReport,
    given: Remembered,
    seed: u64,
    log: WalkLog,
}

impl<T, W: Fn(&Error) -> bool, K: Fn(&T) -> String> Fallback<T, W, K> {
    async fn next(&mut self) -> Option<Result<(T, bool)>> {
        loop {
            match self.walk.next().await {
                Some(Ok(element)) => {
                    let new = self.given.is_new(digest((self.key)(&element).as_bytes(), self.seed));
                    self.tell();
                    if new {
                        return Some(Ok((element, self.plainer.is_none())));
                    }
                }
                Some(Err(error)) if self.plainer.is_some() && (self.fails)(&error) => {
                    tracing::info!(%error, "going on without what the service fails to give");
                    if let Some(plainer) = self.plainer.take() {
                        self.before = self.walk.report();
                        self.before.degraded.insert(0, self.without.to_owned());
                        self.walk = plainer;
                        self.tell();
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
    /// The present walk's report as this one's own, behind what the one before it has reported: what that one gave in
    /// part is not asked for again.
    fn tell(&self) {
        let mut report = self.walk.report();
        report.complete &= self.before.partial.is_empty();
        report.pages += self.before.pages;
        for (all, before) in
            [(&mut report.degraded, &self.before.degraded), (&mut report.partial, &self.before.partial)]
        {
            let own = std::mem::replace(all, before.clone());
            all.extend(own.into_iter().filter(|one| !before.contains(one)));
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
