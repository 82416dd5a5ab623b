//! Where a feed writes down how far it has come, one checkpoint a source.

mod encoding;
mod file;
#[cfg(feature = "object-store")]
mod generations;
mod memory;
#[cfg(feature = "object-store")]
mod object;

pub(crate) use encoding::{Stored, decode, encode};
pub use file::FileCheckpoints;
pub use memory::MemoryCheckpoints;
#[cfg(feature = "object-store")]
pub use object::ObjectCheckpoints;

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{self, Either};
use pocketsoc_model::{Clock, Error, ErrorKind, Result};

/// A source that has been claimed.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claim {
    /// How far its feed had come, as it was saved; `None` for a source that nobody has read yet.
    pub checkpoint: Option<Vec<u8>>,
    /// How soon the claim has to be renewed; `None` where nobody else can claim it.
    pub renew_within: Option<Duration>,
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.checkpoint.as_ref().map(Vec::len);
        f.debug_struct("Claim")
            .field("bytes", &bytes)
            .field("renew_within", &self.renew_within)
            .finish_non_exhaustive()
    }
}

impl Claim {
    /// A claim that nobody else can make.
    pub fn for_good(checkpoint: Option<Vec<u8>>) -> Self {
        Self { checkpoint, renew_within: None }
    }

    /// A claim that ends unless it is renewed in time.
    pub fn for_now(checkpoint: Option<Vec<u8>>, renew_within: Duration) -> Self {
        Self { checkpoint, renew_within: Some(renew_within) }
    }
}

/// Where a feed writes down how far it has come.
///
/// A checkpoint is opaque bytes with a version and a digest of their own; a store keeps them as they are. `source` is the
/// source's name and product. What [`save`](Self::save) has answered is there after a crash, whole or not at all.
///
/// There are no default bodies: a wrapper cannot forget to forward one.
#[async_trait]
pub trait CheckpointStore: Debug + Send + Sync + 'static {
    /// Claims a source and reads how far its feed had come. `None`: another worker owns it at present. What this store
    /// holds already can be claimed again.
    ///
    /// # Errors
    /// `Damaged` when what is there is no checkpoint: it is never taken for none. `Unavailable` when it cannot be read.
    async fn claim(&self, source: &str) -> Result<Option<Claim>>;

    /// Renews a claim.
    ///
    /// # Errors
    /// `Conflict` when another worker owns the source by now.
    async fn renew(&self, source: &str) -> Result<()>;

    /// Saves the checkpoints of sources that are claimed.
    ///
    /// # Errors
    /// `Conflict` when another worker owns one of them by now; its checkpoint is the one that stands. `Unavailable` when
    /// they cannot be written.
    async fn save(&self, checkpoints: Vec<(&str, Vec<u8>)>) -> Result<()>;

    /// Lets a source go, for another worker to claim at once.
    ///
    /// # Errors
    /// When that cannot be told: the claim then ends by itself.
    async fn release(&self, source: &str) -> Result<()>;
}

/// One store for several feeds, or one that is chosen while the program runs.
#[async_trait]
impl<S: CheckpointStore + ?Sized> CheckpointStore for Arc<S> {
    async fn claim(&self, source: &str) -> Result<Option<Claim>> {
        (**self).claim(source).await
    }

    async fn renew(&self, source: &str) -> Result<()> {
        (**self).renew(source).await
    }

    async fn save(&self, checkpoints: Vec<(&str, Vec<u8>)>) -> Result<()> {
        (**self).save(checkpoints).await
    }

    async fn release(&self, source: &str) -> Result<()> {
        (**self).release(source).await
    }
}

/// A store that gives no answer for so long is taken for one that failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a store answers, unless it takes too long.
pub(crate) async fn patiently<T>(clock: &dyn Clock, answer: impl Future<Output = Result<T>>) -> Result<T> {
    match future::select(std::pin::pin!(answer), clock.sleep(PATIENCE)).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(Error::new(ErrorKind::Timeout, "use the checkpoint")
            .with_message(format!("the store gave no answer for {} s", PATIENCE.as_secs()))),
    }
}
