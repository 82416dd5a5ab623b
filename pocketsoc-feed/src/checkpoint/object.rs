//! Checkpoints in an object store, for a fleet: each source is owned by one worker, until that lets go or dies.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::stream::{self, StreamExt as _};
use object_store::ObjectStore;
use object_store::path::Path;
use pocketsoc_model::{Clock, Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::generations::Generations;
use super::{CheckpointStore, Claim};

/// So many checkpoints are written at once.
const AT_ONCE: usize = 16;

/// Checkpoints in an object store (Azure Blob, S3, a disk), and who owns which source.
///
/// Checkpoints and leases are numbered generations, written with create-only puts, which every store knows; the newest
/// counts. A worker owns a source by a lease with an end and a fencing number; it renews it while its feed is polled. When
/// it dies, another one claims the source once the lease has ended, with a higher number; what the first one writes then,
/// should it only have been slow, does not count, and tells it so. Nothing is lost either way; what was told and not
/// written down is told again.
///
/// A source whose worker has died is read again once its lease and the allowance for clocks have passed, and another worker
/// has looked, which each does every 30 s at most. A disk keeps what it was given through a power cut only with
/// `LocalFileSystem::with_fsync(true)`.
///
/// The store may list, read, create and delete in the folder: of Azure's roles that is `Storage Blob Data Contributor`.
///
/// Workers' clocks may differ by as much as [`with_clock_allowance`](Self::with_clock_allowance) says.
///
/// For a store in Azure or S3, depend on [`object_store`] of the version that is exported here, with its feature `azure` or
/// `aws`. Each worker is given all sources, and says how many it [owns at most](crate::FeedBuilder::own_at_most).
///
/// ```
/// use pocketsoc_feed::object_store::memory::InMemory; // such as MicrosoftAzureBuilder::from_env()…build()?
/// use pocketsoc_feed::{Feed, ObjectCheckpoints};
/// use pocketsoc_model::*;
/// use std::sync::Arc;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let clock: Arc<dyn Clock> = Arc::new(ManualClock::at("2026-01-31T10:00:00Z".parse()?));
/// let blobs = Arc::new(InMemory::new());
/// let store = ObjectCheckpoints::new(blobs, "soc/feed", "worker 1", Arc::clone(&clock));
/// let mut feed = Feed::builder(Arc::clone(&clock)).checkpoints(store).own_at_most(50);
/// for tenant in ["Contoso", "Fabrikam"] {
///     feed = feed.source(MemorySource::new(tenant, Product::GRAPH_ALERT, Arc::clone(&clock)));
/// }
/// let feed = feed.build().await?;
/// assert!(feed.monitor().sources().iter().all(|source| source.is_owned));
/// feed.close().await?; // lets them go at once, rather than when the leases end
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ObjectCheckpoints {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    owner: String,
    clock: Arc<dyn Clock>,
    lease: Duration,
    allowance: Duration,
    held: Mutex<HashMap<String, Held>>,
}

/// Without the store: how some write themselves down shows the key that opens them.
impl fmt::Debug for ObjectCheckpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectCheckpoints")
            .field("folder", &self.prefix.as_ref())
            .field("owner", &self.owner)
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}

/// A source that is owned.
#[derive(Debug, Clone, Copy)]
struct Held {
    fencing: u64,
    lease: u64,
    /// When the lease ends by this worker's clock: somebody else may own the source then.
    ends_at: i64,
    checkpoint: u64,
}

/// Who owns a source.
#[derive(Debug, Serialize, Deserialize)]
struct Lease {
    owner: String,
    fencing: u64,
    /// In milliseconds since 1970.
    ends_at: i64,
}

/// A checkpoint, and by which lease it was written.
#[derive(Serialize, Deserialize)]
struct Written {
    fencing: u64,
    checkpoint: Vec<u8>,
}

impl ObjectCheckpoints {
    /// Under a folder of a store. `worker` names this one, for people who look at the leases; two may have the same name.
    pub fn new(
        store: Arc<dyn ObjectStore>,
        folder: &str,
        worker: impl Into<String>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        // A worker that begins anew is another one: what it had in hand before is gone.
        let owner = format!("{}#{:016x}", worker.into(), fastrand::u64(..));
        Self {
            store,
            prefix: Path::from(folder),
            owner,
            clock,
            lease: Duration::from_secs(60),
            allowance: Duration::from_secs(10),
            held: Mutex::default(),
        }
    }

    /// How long a lease lasts unless it is renewed: how long a source is not read after its worker has died, at least. 60 s.
    #[must_use]
    pub fn with_lease(mut self, time: Duration) -> Self {
        self.lease = time;
        self
    }

    /// By how much the clocks of workers may differ. 10 s.
    #[must_use]
    pub fn with_clock_allowance(mut self, time: Duration) -> Self {
        self.allowance = time;
        self
    }

    fn leases(&self, source: &str) -> Generations {
        Generations::new(Arc::clone(&self.store), self.folder(source).join("lease"))
    }

    fn checkpoints(&self, source: &str) -> Generations {
        Generations::new(Arc::clone(&self.store), self.folder(source).join("checkpoint"))
    }

    fn folder(&self, source: &str) -> Path {
        // Any name, as one part of a path.
        let mut part = String::new();
        for byte in source.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
                part.push(char::from(byte));
            } else {
                // Writing to a string does not fail.
                let _ = write!(part, "={byte:02x}");
            }
        }
        self.prefix.clone().join(part)
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hold(&self, source: &str) -> Result<Held> {
        self.held().get(source).copied().ok_or_else(|| elsewhere(source))
    }

    fn lease_by(&self, fencing: u64) -> Lease {
        let lease = TimeDelta::from_std(self.lease).unwrap_or(TimeDelta::MAX);
        let ends_at = self.clock.now().checked_add_signed(lease).unwrap_or(DateTime::<Utc>::MAX_UTC);
        Lease { owner: self.owner.clone(), fencing, ends_at: ends_at.timestamp_millis() }
    }

    /// What is held of a source, as far as nobody else has taken it over after its end. Old generations are removed, so that
    /// the next number being free says nothing then.
    async fn still_held(&self, source: &str) -> Result<Held> {
        let held = self.hold(source)?;
        if self.clock.now().timestamp_millis() < held.ends_at {
            return Ok(held);
        }
        let Some((number, bytes)) = self.leases(source).newest().await? else { return Ok(held) };
        if number <= held.lease {
            return Ok(held);
        }
        if !self.is_ours(&decode(source, &bytes)?, held) {
            self.held().remove(source);
            return Err(elsewhere(source));
        }
        // One of our own, whose answer was lost: the next one comes after it.
        let held = Held { lease: number, ..held };
        self.held().insert(source.to_owned(), held);
        Ok(held)
    }

    /// Whether a lease is one of those by which this worker holds a source.
    fn is_ours(&self, lease: &Lease, held: Held) -> bool {
        lease.owner == self.owner && lease.fencing == held.fencing
    }

    fn is_over(&self, lease: &Lease) -> bool {
        let allowance = TimeDelta::from_std(self.allowance).unwrap_or(TimeDelta::MAX);
        let end = DateTime::<Utc>::from_timestamp_millis(lease.ends_at).unwrap_or(DateTime::<Utc>::MAX_UTC);
        end.checked_add_signed(allowance).is_some_and(|end| self.clock.now() >= end)
    }

    /// Writes the next lease of a source that is owned.
    async fn prolong(&self, source: &str) -> Result<()> {
        let held = self.still_held(source).await?;
        let lease = self.lease_by(held.fencing);
        let Some(number) = self.write_lease(source, held, &lease).await? else {
            self.held().remove(source);
            return Err(elsewhere(source));
        };
        if let Some(held) = self.held().get_mut(source) {
            (held.lease, held.ends_at) = (number, lease.ends_at);
        }
        Ok(())
    }

    /// Writes a lease behind those of ours; under which number. `None`: somebody else's is there.
    async fn write_lease(&self, source: &str, held: Held, lease: &Lease) -> Result<Option<u64>> {
        let (leases, mut number) = (self.leases(source), held.lease);
        loop {
            number = number.saturating_add(1);
            if leases.create(number, encode(lease)?).await? {
                return Ok(Some(number));
            }
            // Perhaps it is one of our own, whose answer was lost or is not here yet.
            let there = leases.content(number).await?;
            let there = there.map(|bytes| decode::<Lease>(source, &bytes)).transpose()?;
            if there.is_none_or(|there| !self.is_ours(&there, held)) {
                return Ok(None);
            }
        }
    }

    async fn save_one(&self, source: &str, checkpoint: Vec<u8>) -> Result<()> {
        let mut held = self.still_held(source).await?;
        let all = self.checkpoints(source);
        let bytes = encode(&Written { fencing: held.fencing, checkpoint })?;
        loop {
            held.checkpoint = held.checkpoint.saturating_add(1);
            if all.create(held.checkpoint, bytes.clone()).await? {
                break;
            }
            // By an earlier owner that was slow, by ourselves when the answer was lost, or by a later owner.
            let there = all.content(held.checkpoint).await?;
            let there = there.map(|bytes| decode::<Written>(source, &bytes)).transpose()?;
            if there.is_none_or(|there| there.fencing > held.fencing) {
                self.held().remove(source);
                return Err(elsewhere(source));
            }
        }
        if let Some(own) = self.held().get_mut(source) {
            own.checkpoint = held.checkpoint;
        }
        Ok(())
    }
}

#[async_trait]
impl CheckpointStore for ObjectCheckpoints {
    async fn claim(&self, source: &str) -> Result<Option<Claim>> {
        let leases = self.leases(source);
        let number = match leases.newest().await? {
            None => 1,
            Some((number, bytes)) => {
                let lease: Lease = decode(source, &bytes)?;
                if !self.is_over(&lease) && lease.owner != self.owner {
                    return Ok(None);
                }
                number.saturating_add(1)
            }
        };
        let lease = self.lease_by(number);
        if !leases.create(number, encode(&lease)?).await? {
            return Ok(None);
        }
        let newest = self.checkpoints(source).newest().await?;
        let (checkpoint, written) = match newest {
            Some((number, bytes)) => (number, Some(decode::<Written>(source, &bytes)?.checkpoint)),
            None => (0, None),
        };
        self.held().insert(
            source.to_owned(),
            Held { fencing: number, lease: number, ends_at: lease.ends_at, checkpoint },
        );
        Ok(Some(Claim::for_now(written, self.lease)))
    }

    async fn renew(&self, source: &str) -> Result<()> {
        self.prolong(source).await
    }

    async fn save(&self, checkpoints: Vec<(&str, Vec<u8>)>) -> Result<()> {
        // All of them, whatever becomes of one.
        let mut outcome = Ok(());
        let mut saves = Vec::with_capacity(checkpoints.len());
        for (source, checkpoint) in checkpoints {
            saves.push(self.save_one(source, checkpoint));
        }
        let mut saves = stream::iter(saves).buffered(AT_ONCE);
        while let Some(saved) = saves.next().await {
            outcome = outcome.and(saved);
        }
        outcome
    }

    async fn release(&self, source: &str) -> Result<()> {
        if self.hold(source).is_ok() {
            // It has ended, whatever the allowance.
            let held = self.hold(source)?;
            let ended = Lease { owner: String::new(), fencing: held.fencing, ends_at: 0 };
            self.write_lease(source, held, &ended).await?;
            self.held().remove(source);
        }
        Ok(())
    }
}

fn encode(value: &impl Serialize) -> Result<Vec<u8>> {
    postcard::to_stdvec(value).map_err(|error| {
        Error::new(ErrorKind::Unexpected, "write the checkpoint").with_message(error.to_string())
    })
}

fn decode<'a, T: Deserialize<'a>>(source: &str, bytes: &'a [u8]) -> Result<T> {
    postcard::from_bytes(bytes).map_err(|_| {
        Error::new(ErrorKind::Damaged, "read the checkpoint")
            .with_message(format!("what is stored for {source} is no checkpoint or lease"))
            .with_hint("remove its newest generation: the one before counts then")
    })
}

fn elsewhere(source: &str) -> Error {
    Error::new(ErrorKind::Conflict, "use the checkpoint")
        .with_message(format!("another worker owns {source} by now"))
}
