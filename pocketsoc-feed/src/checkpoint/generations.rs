//! Numbered generations of one thing in an object store: written once, never changed, the newest counts.

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutPayload};
use pocketsoc_model::{Error, ErrorKind, Result};

/// So many generations are kept: a reader may be at one while the next is written.
const KEPT: u64 = 3;

/// The digits of a number: with zeros before it, so that the names are in the order of the numbers.
const DIGITS: usize = 20;

/// The generations of one thing.
#[derive(Clone)]
pub(super) struct Generations {
    store: Arc<dyn ObjectStore>,
    folder: Path,
}

impl Generations {
    pub(super) fn new(store: Arc<dyn ObjectStore>, folder: Path) -> Self {
        Self { store, folder }
    }

    fn path(&self, number: u64) -> Path {
        self.folder.clone().join(format!("{number:0DIGITS$}"))
    }

    /// The number and the content of the newest one.
    pub(super) async fn newest(&self) -> Result<Option<(u64, Vec<u8>)>> {
        // What else lies there is none of them.
        let number = |meta: &object_store::ObjectMeta| {
            let name = meta.location.filename()?;
            let is_one = name.len() == DIGITS && name.bytes().all(|byte| byte.is_ascii_digit());
            name.parse::<u64>().ok().filter(|_| is_one)
        };
        loop {
            let all: Vec<_> = self.store.list(Some(&self.folder)).try_collect().await.map_err(failed)?;
            let Some(newest) = all.iter().filter_map(number).max() else { return Ok(None) };
            // Else newer ones have been written meanwhile, and this one was removed.
            if let Some(content) = self.content(newest).await? {
                return Ok(Some((newest, content)));
            }
        }
    }

    /// One of them; `None` when it is not there.
    pub(super) async fn content(&self, number: u64) -> Result<Option<Vec<u8>>> {
        match self.store.get(&self.path(number)).await {
            Ok(object) => Ok(Some(object.bytes().await.map_err(failed)?.to_vec())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// Writes one; whether nobody else had written it.
    pub(super) async fn create(&self, number: u64, content: Vec<u8>) -> Result<bool> {
        let (path, content) = (self.path(number), PutPayload::from(content));
        match self.store.put_opts(&path, content, PutMode::Create.into()).await {
            Ok(_) => {}
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                return Ok(false);
            }
            Err(error) => return Err(failed(error)),
        }
        if let Some(old) = number.checked_sub(KEPT) {
            // One that stays behind does no harm.
            drop(self.store.delete(&self.path(old)).await);
        }
        Ok(true)
    }
}

/// What the store says, without its words: they may hold addresses that open it.
#[allow(clippy::needless_pass_by_value)] // as `map_err` gives it
pub(super) fn failed(error: object_store::Error) -> Error {
    use object_store::Error as Store;
    let (kind, what) = match &error {
        Store::NotFound { .. } => (ErrorKind::NotFound, "it is not there"),
        Store::PermissionDenied { .. } => (ErrorKind::PermissionDenied, "this process may not"),
        Store::Unauthenticated { .. } => (ErrorKind::Unauthenticated, "the credential is refused"),
        Store::NotSupported { .. } | Store::NotImplemented { .. } => {
            (ErrorKind::Unsupported, "the store does not know create-only writes")
        }
        _ => (ErrorKind::Unavailable, "the store does not answer as it should"),
    };
    Error::new(kind, "use the checkpoints").with_message(what).with_hint(
        "check the store's address, and that the credential may list, read, create and delete there",
    )
}
