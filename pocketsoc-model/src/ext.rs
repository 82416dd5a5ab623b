//! Conveniences on every source.

use std::future::Future;

use crate::{
    Classification, Detection, DetectionChange, DetectionId, DetectionQuery, DetectionSource, Error,
    ErrorKind, Result, Status,
};

/// Conveniences on every [`DetectionSource`]; implemented for all of them.
pub trait DetectionSourceExt: DetectionSource {
    /// Resolves it with a verdict.
    ///
    /// # Errors
    /// As [`DetectionSource::update`].
    fn resolve(
        &self,
        id: &DetectionId,
        classification: Classification,
    ) -> impl Future<Output = Result<Detection>> + Send {
        let change = DetectionChange::status(Status::Resolved).with_classification(classification);
        async move { self.update(id, &change).await }
    }

    /// Marks it as being worked on.
    ///
    /// # Errors
    /// As [`DetectionSource::update`].
    fn start(&self, id: &DetectionId) -> impl Future<Output = Result<Detection>> + Send {
        let change = DetectionChange::status(Status::InProgress);
        async move { self.update(id, &change).await }
    }

    /// Sets it aside, where the product knows that.
    ///
    /// # Errors
    /// As [`DetectionSource::update`].
    fn dismiss(&self, id: &DetectionId) -> impl Future<Output = Result<Detection>> + Send {
        let change = DetectionChange::status(Status::Dismissed);
        async move { self.update(id, &change).await }
    }

    /// Makes it active again.
    ///
    /// # Errors
    /// As [`DetectionSource::update`].
    fn reopen(&self, id: &DetectionId) -> impl Future<Output = Result<Detection>> + Send {
        let change = DetectionChange::status(Status::Active);
        async move { self.update(id, &change).await }
    }

    /// Gives it to somebody, usually a user principal name.
    ///
    /// # Errors
    /// As [`DetectionSource::update`].
    fn assign(&self, id: &DetectionId, user: &str) -> impl Future<Output = Result<Detection>> + Send {
        let change = DetectionChange::new().with_assigned_to(user);
        async move { self.update(id, &change).await }
    }

    /// Adds a comment.
    ///
    /// # Errors
    /// As [`DetectionSource::update`].
    fn comment(&self, id: &DetectionId, text: &str) -> impl Future<Output = Result<Detection>> + Send {
        let change = DetectionChange::new().with_comment(text);
        async move { self.update(id, &change).await }
    }

    /// Changes it; where the status cannot be reached in one step, takes the legal path to it.
    ///
    /// # Errors
    /// As [`DetectionSource::update`]; when a later step fails, [`Error::applied`](crate::Error::applied) names the
    /// statuses already reached.
    fn update_walking(
        &self,
        id: &DetectionId,
        change: &DetectionChange,
    ) -> impl Future<Output = Result<Detection>> + Send {
        async move {
            let refusal = match self.update(id, change).await {
                Err(error) if error.kind() == ErrorKind::InvalidTransition => error,
                outcome => return outcome,
            };
            let Some(path) = refusal.transition().and_then(|t| t.path()).map(<[_]>::to_vec) else {
                return Err(refusal);
            };
            let mut reached = Vec::new();
            for &step in path.iter().take(path.len().saturating_sub(1)) {
                let change = DetectionChange::status(step);
                self.update(id, &change).await.map_err(|e| after(&reached, e))?;
                reached.push(step.to_string());
            }
            self.update(id, change).await.map_err(|e| after(&reached, e))
        }
    }

    /// Everything that matches, in memory.
    ///
    /// # Errors
    /// The first failure of the walk; use [`DetectionSource::list`] to go on past one.
    fn collect(&self, query: &DetectionQuery) -> impl Future<Output = Result<Vec<Detection>>> + Send {
        let mut stream = self.list(query);
        async move {
            let mut all = Vec::new();
            while let Some(item) = stream.next().await {
                all.push(item?);
            }
            Ok(all)
        }
    }
}

/// The failure of a later step, with what the steps before it have reached.
fn after(reached: &[String], error: Error) -> Error {
    let applied = [reached, error.applied()].concat();
    error.with_applied(applied)
}

impl<T: DetectionSource + ?Sized> DetectionSourceExt for T {}
