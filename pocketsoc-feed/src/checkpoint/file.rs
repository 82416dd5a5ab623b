//! Checkpoints in one file, replaced whole: what is on the disk is always a checkpoint, the last one or the one before.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use pocketsoc_model::{Error, ErrorKind, Result};
use xxhash_rust::xxh3::xxh3_64;

use super::{CheckpointStore, Claim};

const HEAD: &[u8] = b"pocketsoc feed checkpoints 1\n";
/// What those of any version begin with.
const FAMILY: &[u8] = b"pocketsoc feed checkpoints ";

/// Checkpoints in one file, written next to it, brought to the disk, then put in its place.
///
/// For one process: a second one that uses the same file would overwrite what this one has written.
#[derive(Clone)]
pub struct FileCheckpoints {
    path: Arc<Path>,
    all: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    writing: Arc<Mutex<()>>,
}

impl fmt::Debug for FileCheckpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileCheckpoints").field("path", &self.path).finish_non_exhaustive()
    }
}

impl FileCheckpoints {
    /// Opens the file; one that does not exist is a beginning.
    ///
    /// # Errors
    /// `Damaged` when it is there and holds something else; `InvalidRequest` when there is no folder to put it in;
    /// `Unavailable` when it cannot be read.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let all = match std::fs::read(&path) {
            Ok(bytes) => read(&bytes).ok_or_else(|| damaged(&path, &bytes))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if !folder_of(&path).is_dir() {
                    return Err(Error::new(ErrorKind::InvalidRequest, "use the checkpoint")
                        .with_message(format!("there is no folder for {}", path.display()))
                        .with_hint("make the folder first"));
                }
                BTreeMap::new()
            }
            Err(error) => return Err(failed("read", &path, &error)),
        };
        clean_up(&path);
        Ok(Self { path: path.into(), all: Arc::new(Mutex::new(all)), writing: Arc::default() })
    }
}

#[async_trait]
impl CheckpointStore for FileCheckpoints {
    async fn claim(&self, source: &str) -> Result<Option<Claim>> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Some(Claim::for_good(all.get(source).cloned())))
    }

    async fn renew(&self, _: &str) -> Result<()> {
        Ok(())
    }

    async fn save(&self, checkpoints: Vec<(&str, Vec<u8>)>) -> Result<()> {
        {
            let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
            for (source, checkpoint) in checkpoints {
                all.insert(source.to_owned(), checkpoint);
            }
        }
        let store = self.clone();
        // One after the other, each with what is the latest then: a save that nobody waits for any more cannot overwrite a
        // later one.
        let work = tokio::task::spawn_blocking(move || {
            let _alone = store.writing.lock().unwrap_or_else(PoisonError::into_inner);
            let bytes = written(&store.all.lock().unwrap_or_else(PoisonError::into_inner));
            replace(&store.path, &bytes).map_err(|error| failed("write", &store.path, &error))
        });
        work.await.map_err(|error| {
            Error::new(ErrorKind::Unexpected, "write the checkpoint").with_message(error.to_string())
        })?
    }

    async fn release(&self, _: &str) -> Result<()> {
        Ok(())
    }
}

/// How a file is called that is to be put in the place of another one: what its name begins and ends with.
fn next_to(path: &Path) -> (OsString, &'static str) {
    let mut before = OsString::from(".");
    before.push(path.file_name().unwrap_or_default());
    before.push(".");
    (before, ".next")
}

/// Removes what a process has left behind that died while it wrote.
fn clean_up(path: &Path) {
    let (before, after) = next_to(path);
    for file in std::fs::read_dir(folder_of(path)).into_iter().flatten().flatten() {
        let name = file.file_name();
        let between = name.as_encoded_bytes().strip_prefix(before.as_encoded_bytes());
        let between = between.and_then(|rest| rest.strip_suffix(after.as_bytes()));
        // Another store's file may be called alike.
        if between.is_some_and(|random| !random.is_empty() && random.iter().all(u8::is_ascii_alphanumeric)) {
            let _ = std::fs::remove_file(file.path());
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Puts a file in the place of another one: after a crash it is either of them, whole.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let (before, after) = next_to(path);
    let mut file = tempfile::Builder::new().prefix(&before).suffix(after).tempfile_in(folder_of(path))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    // The name is on the disk only once its folder is; not every system opens folders.
    if let Ok(folder) = std::fs::File::open(folder_of(path)) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Each checkpoint behind its source's name, both behind their lengths, and a digest of it all.
fn written(all: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut body = Vec::new();
    for (source, checkpoint) in all {
        for part in [source.as_bytes(), checkpoint] {
            body.extend((part.len() as u64).to_le_bytes());
            body.extend(part);
        }
    }
    [HEAD, &xxh3_64(&body).to_le_bytes(), &body].concat()
}

fn read(bytes: &[u8]) -> Option<BTreeMap<String, Vec<u8>>> {
    let (digest, mut body) = bytes.strip_prefix(HEAD)?.split_at_checked(8)?;
    if digest != xxh3_64(body).to_le_bytes() {
        return None;
    }
    let mut all = BTreeMap::new();
    let mut part = || {
        let (length, rest) = body.split_first_chunk::<8>()?;
        let (part, rest) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        body = rest;
        Some(part.to_vec())
    };
    while let Some(source) = part() {
        all.insert(String::from_utf8(source).ok()?, part()?);
    }
    body.is_empty().then_some(all)
}

fn damaged(path: &Path, bytes: &[u8]) -> Error {
    let is_whole = |version: &[u8]| version.iter().take(10).any(|byte| *byte == b'\n');
    if !bytes.starts_with(HEAD) && bytes.strip_prefix(FAMILY).is_some_and(is_whole) {
        return Error::new(ErrorKind::Damaged, "read the checkpoint")
            .with_message(format!("{} was written by another version of the feed", path.display()))
            .with_hint("use the version that wrote it, or begin anew with another file");
    }
    Error::new(ErrorKind::Damaged, "read the checkpoint")
        .with_message(format!("{} is no checkpoint of a feed, or is damaged", path.display()))
        .with_hint(
            "put back a copy, or move the file away to begin anew: then everything that the sources list is delivered again",
        )
}

fn failed(what: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "use the checkpoint")
        .with_message(format!("cannot {what} {}: {error}", path.display()))
        .with_hint("the folder has to exist, and this process has to be allowed to write there")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_saved_is_there_after_a_restart_and_nothing_else_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("feed.checkpoint");
        let store = FileCheckpoints::open(&path).unwrap();
        assert_eq!(store.claim("a").await.unwrap(), Some(Claim::for_good(None)));
        store.save(vec![("a", vec![1, 2]), ("b", vec![])]).await.unwrap();
        store.save(vec![("a", vec![3])]).await.unwrap();
        // As if a process had died while it wrote.
        std::fs::write(folder.path().join(".feed.checkpoint.1x.next"), "half").unwrap();
        let store = FileCheckpoints::open(&path).unwrap();
        assert_eq!(store.claim("a").await.unwrap().unwrap().checkpoint, Some(vec![3]));
        assert_eq!(store.claim("b").await.unwrap().unwrap().checkpoint, Some(vec![]));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_damaged_file_is_refused_with_advice_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("feed.checkpoint");
        FileCheckpoints::open(&path).unwrap().save(vec![("a", vec![1; 40])]).await.unwrap();
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            std::fs::write(&path, &whole[..at]).unwrap();
            let error = FileCheckpoints::open(&path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Damaged, "cut at {at}");
            assert!(error.hint().unwrap().contains("move the file away"));
            assert_eq!(std::fs::read(&path).unwrap(), &whole[..at]);
        }
        let error = FileCheckpoints::open(folder.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "a folder is no file");
        let error = FileCheckpoints::open(folder.path().join("none/x")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "known before anything is read");
        std::fs::write(&path, [b"pocketsoc feed checkpoints 2\n", &whole[HEAD.len()..]].concat()).unwrap();
        assert!(FileCheckpoints::open(&path).unwrap_err().message().contains("another version"));
        // The folder may go away later.
        let gone = tempfile::tempdir().unwrap();
        let store = FileCheckpoints::open(gone.path().join("x")).unwrap();
        gone.close().unwrap();
        assert_eq!(store.save(vec![("a", vec![])]).await.unwrap_err().kind(), ErrorKind::Unavailable);
    }
}
