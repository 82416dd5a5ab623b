//! Versions that a source shows after later ones: a reader that lags behind catches up, and what stays is the state.

use chrono::{DateTime, TimeDelta, Utc};

use crate::known::Known;
use crate::name::{ByDigest, NameDigest};
use crate::time::Seconds;

/// So often, and for so long, a version has to be shown that has an earlier time than the one that is known: clocks of a
/// service's parts differ, and then it is the later change that bears the earlier time.
const TIMES: u32 = 3;
const LAGGING: TimeDelta = TimeDelta::minutes(5);
const FORGOTTEN: TimeDelta = TimeDelta::hours(1);
/// So many detections are looked at; others have to wait.
const MOST: usize = 1000;

/// What a source shows in older versions than are known.
#[derive(Debug, Default)]
pub(crate) struct Older(ByDigest<NameDigest, Shown>);

#[derive(Debug)]
struct Shown {
    version: Known,
    first: Seconds,
    last: Seconds,
    times: u32,
}

impl Older {
    /// Whether an older version has been shown so often and so long, with no later one between, that it is the state.
    pub(crate) fn stays(&mut self, name: NameDigest, version: &Known, now: DateTime<Utc>) -> bool {
        let now = Seconds::of(now);
        if self.0.len() >= MOST && !self.0.contains_key(&name) {
            // Those that nothing was heard of for long are not shown any more.
            self.0.retain(|_, shown| now.since(shown.last) < FORGOTTEN);
            if self.0.len() >= MOST {
                return false;
            }
        }
        let begin = || Shown { version: version.clone(), first: now, last: now, times: 0 };
        let shown = self.0.entry(name).or_insert_with(begin);
        if !shown.version.is_version_of(version) {
            *shown = begin();
        }
        (shown.times, shown.last) = (shown.times.saturating_add(1), now);
        let stays = shown.times >= TIMES && now.since(shown.first) >= LAGGING;
        if stays {
            self.forget(name);
        }
        stays
    }

    /// The version that is known, or a later one, is shown.
    pub(crate) fn forget(&mut self, name: NameDigest) {
        if !self.0.is_empty() {
            self.0.swap_remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known::Digests;
    use crate::name::Name;
    use pocketsoc_model::{Detection, DetectionId, Product};

    #[test]
    fn an_older_version_is_the_state_once_it_has_been_shown_for_long_and_nothing_else() {
        let version = |title: &str| {
            let d = Detection::new(DetectionId::new("da1").unwrap(), Product::GRAPH_ALERT, title);
            Known::of(&d, Digests::new(), DateTime::UNIX_EPOCH)
        };
        let at = |seconds: i64| DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap();
        let (name, one, other) = (Name::new("da1").digest(), version("one"), version("other"));
        let mut older = Older::default();
        assert!(!older.stays(name, &one, at(0)) && !older.stays(name, &one, at(299)));
        assert!(older.stays(name, &one, at(300)));
        assert!(!older.stays(name, &one, at(301)), "it counts anew");
        assert!(!older.stays(name, &one, at(302)) && !older.stays(name, &other, at(700)), "another one does");
        older.forget(name);
        assert!(!older.stays(name, &other, at(1100)) && !older.stays(name, &other, at(1101)), "nor so few");
    }
}
