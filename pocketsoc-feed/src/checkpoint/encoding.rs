//! A checkpoint as bytes: a line that says what it is, a digest, and the memory of one source.

use chrono::{DateTime, Utc};
use pocketsoc_model::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::known::Known;
use crate::name::{ByDigest, Name};
use crate::time::nanos;

/// What every checkpoint begins with; the number is the version of what follows.
const HEAD: &[u8] = b"pocketsoc feed checkpoint 2\n";
/// About so many bytes of it are one detection's.
const ABOUT: usize = 160;
const FAMILY: &[u8] = b"pocketsoc feed checkpoint ";

/// The memory of one source.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Stored {
    /// There was a checkpoint.
    pub(crate) is_begun: bool,
    pub(crate) floor: Option<DateTime<Utc>>,
    /// From when on its feed tells, as it was first set up.
    pub(crate) since: Option<DateTime<Utc>>,
    pub(crate) known: ByDigest<Name, Known>,
}

/// What stands before the detections and their number.
#[derive(Serialize)]
struct Written<'a> {
    source: &'a str,
    floor: Option<i64>,
    since: Option<i64>,
    known: usize,
}

/// The same as it is read, the detections behind their number included.
#[derive(Deserialize)]
struct Read {
    source: String,
    floor: Option<i64>,
    since: Option<i64>,
    known: Vec<(Name, Known)>,
}

/// The bytes of a checkpoint; of `known`, which may be long, their number and one after the other.
pub(crate) fn encode<'a>(
    source: &'a str,
    floor: Option<DateTime<Utc>>,
    since: Option<DateTime<Utc>>,
    (many, known): (usize, impl Iterator<Item = (&'a Name, &'a Known)>),
) -> Result<Vec<u8>> {
    let failed = |error: postcard::Error| {
        Error::new(ErrorKind::Unexpected, "write the checkpoint").with_message(error.to_string())
    };
    let mut bytes = Vec::with_capacity(ABOUT * (many + 1));
    bytes.extend_from_slice(HEAD);
    bytes.extend_from_slice(&[0; 8]);
    let written = Written { source, floor: nanos(floor), since: nanos(since), known: many };
    let mut bytes = postcard::to_extend(&written, bytes).map_err(failed)?;
    for one in known {
        bytes = postcard::to_extend(&one, bytes).map_err(failed)?;
    }
    let (head, body) = bytes.split_at_mut(HEAD.len() + 8);
    head[HEAD.len()..].copy_from_slice(&xxh3_64(body).to_le_bytes());
    Ok(bytes)
}

/// Reads a checkpoint; one that is damaged, or of another source or a later version, is refused.
pub(crate) fn decode(source: &str, bytes: &[u8]) -> Result<Stored> {
    let Some(rest) = bytes.strip_prefix(HEAD) else {
        return Err(if bytes.starts_with(FAMILY) {
            damaged(source, "it was written by another version of the feed")
                .with_hint("use the version that wrote it, or begin anew with another file")
        } else {
            damaged(source, "it is no checkpoint")
        });
    };
    let (digest, body) = rest.split_at_checked(8).ok_or_else(|| damaged(source, "it is cut off"))?;
    if digest != xxh3_64(body).to_le_bytes() {
        return Err(damaged(source, "it is not what was written"));
    }
    let read: Read = postcard::from_bytes(body).map_err(|_| damaged(source, "it cannot be read"))?;
    if read.source != source {
        return Err(damaged(source, &format!("it is of another source, {}", read.source)));
    }
    Ok(Stored {
        is_begun: true,
        floor: read.floor.map(DateTime::from_timestamp_nanos),
        since: read.since.map(DateTime::from_timestamp_nanos),
        known: read.known.into_iter().collect(),
    })
}

fn damaged(source: &str, why: &str) -> Error {
    Error::new(ErrorKind::Damaged, "read the checkpoint")
        .with_message(format!("the checkpoint of {source} cannot be used: {why}"))
        .with_hint(
            "put back a copy, or move it away to begin anew: then everything that the sources list is delivered again",
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use pocketsoc_model::{Detection, DetectionId, Product};

    fn checkpoint() -> (Stored, Vec<u8>) {
        let detection = Detection::new(DetectionId::new("da1").unwrap(), Product::GRAPH_ALERT, "Miner");
        let known = Known::of(&detection, smallvec::smallvec![7, 8, 9], DateTime::UNIX_EPOCH);
        let stored = Stored {
            is_begun: true,
            floor: DateTime::from_timestamp(1_790_000_000, 123_456_700),
            since: DateTime::from_timestamp(1_780_000_000, 0),
            known: ByDigest::from_iter([(Name::new("da1"), known)]),
        };
        let bytes = encode("Graph", stored.floor, stored.since, (1, stored.known.iter())).unwrap();
        (stored, bytes)
    }

    #[test]
    fn what_was_written_is_read() {
        let (stored, bytes) = checkpoint();
        assert_eq!(decode("Graph", &bytes).unwrap(), stored);
    }

    #[test]
    fn whatever_is_damaged_is_refused_and_never_taken_for_a_beginning() {
        let (_, bytes) = checkpoint();
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 0x10;
            assert_eq!(decode("Graph", &other).unwrap_err().kind(), ErrorKind::Damaged, "byte {at}");
            assert_eq!(decode("Graph", &bytes[..at]).unwrap_err().kind(), ErrorKind::Damaged, "cut at {at}");
        }
        let later = [b"pocketsoc feed checkpoint 3\n", &bytes[HEAD.len()..]].concat();
        assert!(decode("Graph", &later).unwrap_err().message().contains("another version"));
        assert!(decode("Endpoint", &bytes).unwrap_err().message().contains("of another source, Graph"));
    }
}
