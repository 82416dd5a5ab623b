//! Reading a body: bounded in size, and in the time spent waiting for it.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use pocketsoc_model::{Clock, Error, ErrorKind, Result, Sleep};

use crate::http_send::BodyStream;

/// A body must bring at least this many bytes per stall limit spent waiting, or it is stalled.
///
/// An idle limit alone is no bound: a byte a second would keep a call alive for ever.
const PROGRESS: u64 = 64;

/// What a body gets whose time was up before anybody looked.
const GRACE: Duration = Duration::from_secs(1);

/// A body being read. Only time spent waiting for bytes counts: a slow consumer is never a time-out.
pub(crate) struct Body {
    stream: BodyStream,
    clock: Arc<dyn Clock>,
    operation: &'static str,
    stall: Duration,
    cap: u64,
    /// When the first byte must be there: the operation's deadline runs until then.
    first_by: Duration,
    read: u64,
    waited: Duration,
    progress: u64,
}

impl Body {
    pub(crate) fn new(
        stream: BodyStream,
        clock: Arc<dyn Clock>,
        operation: &'static str,
        stall: Duration,
        cap: u64,
    ) -> Self {
        let (first_by, waited) = (Duration::MAX, Duration::ZERO);
        Self { stream, clock, operation, stall, cap, first_by, read: 0, waited, progress: 0 }
    }

    /// The same body, whose first byte must be there at this moment.
    pub(crate) fn with_first_by(mut self, moment: Duration) -> Self {
        self.first_by = moment;
        self
    }

    /// The same body with another size limit.
    pub(crate) fn with_cap(mut self, cap: u64) -> Self {
        self.cap = cap;
        self
    }

    /// The next bytes; `None` at the end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>> {
        let mut waiting: Option<(Duration, Duration, Sleep)> = None;
        let outcome = std::future::poll_fn(|cx| {
            if let Poll::Ready(next) = self.stream.as_mut().poll_next(cx) {
                return Poll::Ready(Some(next));
            }
            let (_, _, sleep) = waiting.get_or_insert_with(|| {
                let now = self.clock.monotonic();
                let stalled = self.stall.saturating_sub(self.waited);
                // A page that was asked for ahead may be looked at only after its deadline: it gets a moment.
                let late = match self.first_by.checked_sub(now) {
                    _ if self.read > 0 => Duration::MAX,
                    Some(left) if !left.is_zero() => left,
                    _ => GRACE,
                };
                let limit = stalled.min(late);
                (now, limit, self.clock.sleep(limit))
            });
            sleep.as_mut().poll(cx).map(|()| None)
        })
        .await;
        let now = self.clock.monotonic();
        if let Some((since, limit, _)) = waiting {
            let elapsed = now.saturating_sub(since);
            // Bytes after more than the limit were there earlier: it was the consumer who did not look.
            if outcome.is_none() || elapsed <= limit {
                self.waited += elapsed;
            }
        }
        let Some(next) = outcome else { return Err(self.stalled()) };
        let chunk = match next.transpose() {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return Ok(None),
            Err(error) => {
                return Err(Error::new(ErrorKind::Unavailable, self.operation)
                    .with_message(format!("the answer broke off: {error}"))
                    .with_source(error));
            }
        };
        self.read += chunk.len() as u64;
        self.progress += chunk.len() as u64;
        if self.read > self.cap {
            return Err(Error::new(ErrorKind::Decode, self.operation)
                .with_message(format!("the answer is larger than {} bytes, the limit for it", self.cap)));
        }
        if self.progress >= PROGRESS {
            (self.waited, self.progress) = (Duration::ZERO, 0);
        } else if self.waited >= self.stall {
            return Err(self.stalled());
        }
        Ok(Some(chunk))
    }

    /// All that is left of it.
    pub(crate) async fn read(&mut self) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all)
    }

    fn stalled(&self) -> Error {
        Error::new(ErrorKind::Timeout, self.operation).with_message(format!(
            "the answer stalled: fewer than {PROGRESS} bytes in {:.1?} of waiting",
            self.waited
        ))
    }
}
