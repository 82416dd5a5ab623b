//! Detections that are pushed to this process: told at once, and once, though a poll brings them as well.

use std::fmt;
use std::sync::Arc;

use pocketsoc_model::{Detection, Error, ErrorKind, Result};
use tokio::sync::mpsc;

use crate::shared::Shared;

/// What was pushed.
pub(crate) struct Pushed {
    pub(crate) source: usize,
    pub(crate) detection: Box<Detection>,
}

/// Where detections are put that were pushed to this process. Cheap to clone.
///
/// A push makes things fast, the poll makes them certain: a push that is lost, doubled or late changes nothing of what is
/// told, only when. What the feed does not know is told at once; what it knows is a reason to poll now.
#[derive(Clone)]
pub struct PushHandle {
    sender: mpsc::Sender<Pushed>,
    shared: Arc<Shared>,
}

impl fmt::Debug for PushHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushHandle").finish_non_exhaustive()
    }
}

impl PushHandle {
    pub(crate) fn new(sender: mpsc::Sender<Pushed>, shared: Arc<Shared>) -> Self {
        Self { sender, shared }
    }

    /// Puts in a detection that came for the source with this name, which it is told under. Waits while the feed is busy.
    ///
    /// Defender for Cloud pushes some under the bare name of the alert: it is told under that id, and what changes later under
    /// the full id, which the list shows. Both are the same to the feed, and share a correlation key.
    ///
    /// Answer the service only when this has returned. What was put in and not told is not lost when the process ends: the
    /// poll brings it.
    ///
    /// # Errors
    /// `NotFound` when the feed has no such source; `Unavailable` when the feed is gone.
    pub async fn push(&self, source: &str, detection: Detection) -> Result<()> {
        let failed = |kind| Error::new(kind, "take a pushed detection");
        let place = {
            let state = self.shared.lock();
            state.sources.iter().position(|one| &*one.name == source && one.product == detection.product)
        };
        let Some(source) = place else {
            return Err(failed(ErrorKind::NotFound)
                .with_message("the feed has no source of this name and of the detection's product")
                .with_detection(detection.id));
        };
        let pushed = Pushed { source, detection: Box::new(detection) };
        self.sender
            .send(pushed)
            .await
            .map_err(|_| failed(ErrorKind::Unavailable).with_message("the feed is gone"))
    }
}
