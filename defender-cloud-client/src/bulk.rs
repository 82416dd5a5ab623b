//! Many alerts taken to one status: paced, skipping those that are there, one outcome each.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::stream::{self, Stream, StreamExt as _};
use pocketsoc_model::{Detection, DetectionChange, DetectionId, Error, ErrorKind, Lane, Result, Status};

use crate::source::DefenderCloudDetections;

/// So many at a time: enough to keep the quota of writes busy as long as a change shows within some ten seconds.
const AT_ONCE: usize = 96;

/// What became of one alert.
#[derive(Debug)]
#[non_exhaustive]
pub struct Triaged {
    /// The alert, as it was named.
    pub id: DetectionId,
    /// It, read back; or why it is not there. Of one whose path has several steps, `Error::applied` names those taken.
    pub outcome: Result<Detection>,
    /// Whether anything was written: one that was there already is passed over.
    pub written: bool,
}

/// Alerts on their way to a status, in the order in which they arrive; `next()` until `None`.
#[must_use = "nothing is done before it is polled"]
pub struct BulkTriage(Pin<Box<dyn Stream<Item = Triaged> + Send>>);

impl BulkTriage {
    /// What became of the next alert.
    pub async fn next(&mut self) -> Option<Triaged> {
        self.0.next().await
    }

    /// What became of all of them.
    pub async fn finish(mut self) -> Vec<Triaged> {
        let mut all = Vec::new();
        while let Some(one) = self.next().await {
            all.push(one);
        }
        all
    }
}

impl Stream for BulkTriage {
    type Item = Triaged;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Triaged>> {
        self.0.as_mut().poll_next(context)
    }
}

impl fmt::Debug for BulkTriage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkTriage").finish_non_exhaustive()
    }
}

/// Many at once.
impl DefenderCloudDetections {
    /// Takes many alerts to one status, along the shortest legal path where one step is not allowed. Each is read first,
    /// written only where need be, and read back.
    ///
    /// It keeps to the budget of writes, 10 a second after a burst of 200, and leaves other calls their turn. Stopped
    /// halfway, it is taken up by doing it again: what is there already is passed over. Needs Security Admin. One failure
    /// does not end the others; where nobody is signed in, or the role is missing, all are refused alike. Full resource ids
    /// only: each bare name would take a whole list.
    pub fn triage_many(
        &self,
        ids: impl IntoIterator<Item = DetectionId, IntoIter: Send + 'static>,
        status: Status,
    ) -> BulkTriage {
        let source = self.clone();
        let triaged = stream::iter(ids).map(move |id| {
            let source = source.clone();
            async move { source.take_to(id, status).await }
        });
        BulkTriage(Box::pin(triaged.buffer_unordered(AT_ONCE)))
    }

    /// Takes one alert to a status.
    async fn take_to(&self, id: DetectionId, status: Status) -> Triaged {
        let mut written = false;
        let outcome = self.walk_to(&id, status, &mut written).await;
        Triaged { id, outcome, written }
    }

    async fn walk_to(&self, id: &DetectionId, status: Status, written: &mut bool) -> Result<Detection> {
        if !id.is_azure_resource() {
            return Err(Error::new(ErrorKind::InvalidRequest, "update the alert")
                .with_message("the alert is named without its place")
                .with_hint("give full resource ids: to find a name, a whole list is read"));
        }
        let mut now = self.get_in(Lane::Bulk, id).await?;
        let mut reached: Vec<String> = Vec::new();
        let path = match self.transitions().check("update the alert", now.status, status) {
            Ok(_) => vec![status],
            Err(error) => match error.transition().and_then(|transition| transition.path()) {
                Some(path) => path.to_vec(),
                None => return Err(error),
            },
        };
        for step in path {
            let change = DetectionChange::status(step);
            let taken = self.change_in(Lane::Bulk, &now, &change).await;
            let after = |error: Error| {
                let applied = [reached.as_slice(), error.applied()].concat();
                error.with_applied(applied)
            };
            let (next, wrote) = taken.map_err(after).inspect_err(|error| {
                // What may have happened is not called untouched.
                *written |= matches!(error.kind(), ErrorKind::OutcomeUnknown | ErrorKind::NotApplied);
            })?;
            *written |= wrote;
            now = next;
            reached.push(step.to_string());
        }
        Ok(now)
    }
}
