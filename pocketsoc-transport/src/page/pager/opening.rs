//! A page that is being asked for.

use std::time::Duration;

use pocketsoc_model::{Error, ErrorKind, Result};
use tokio::task::JoinHandle;
use tracing::Instrument as _;
use url::Url;

use crate::attempts::Opened;
use crate::call::Call;
use crate::endpoint::Endpoint;

/// A page that is being asked for, in a task of its own: a place in the quota's queue must not wait for a consumer
/// who is busy elsewhere. It ends when this is dropped.
pub(super) struct Opening(JoinHandle<Result<Opened>>);

impl Opening {
    /// `until` is the deadline of an earlier reading of the page that this one goes on with.
    pub(super) fn of(endpoint: &Endpoint, call: &Call, url: &Url, until: Option<Duration>) -> Self {
        let (endpoint, call, url) = (endpoint.clone(), call.clone(), url.clone());
        let span = tracing::Span::current();
        Self(tokio::spawn(async move { endpoint.open(&call, &url, until).await }.instrument(span)))
    }

    pub(super) async fn opened(mut self, operation: &'static str) -> Result<Opened> {
        (&mut self.0).await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Unexpected, operation).with_message("the runtime is shutting down"))
        })
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.0.abort();
    }
}
