//! Changes of our own: made through the feed, and recognised when a source shows them.

use std::collections::HashMap;
use std::time::Duration;

use pocketsoc_model::{Detection, DetectionChange};

use crate::event::Changed;
use crate::known::{Digests, Known};
use crate::name::Name;
use crate::sightings::At;

/// So long a change of our own is awaited: services show what was written to another one with a delay.
const AWAITED: Duration = Duration::from_secs(900);
/// So long a list may show the state from before the change; later it is somebody who has put it back.
const LAGGING: Duration = Duration::from_secs(60);

/// Changes of our own that some sighting has still to show.
#[derive(Debug, Default)]
pub(crate) struct Echoes {
    all: HashMap<u64, Echo>,
    /// Which are awaited at a detection's own place, and by the keys that its other sightings have.
    by_name: HashMap<(usize, Name), Vec<u64>>,
    by_key: HashMap<u64, Vec<u64>>,
    made: u64,
}

#[derive(Debug)]
struct Echo {
    at: At,
    keys: Digests,
    change: DetectionChange,
    until: Duration,
    /// As it was before, and until when a list that lags behind may still show that.
    before: Option<Known>,
    lagging_until: Duration,
    /// Since when whoever made it knows what came of it: as good as told, with this number.
    answered: Option<u64>,
    /// What each source has shown of it: once shown, the next change of the kind is somebody else's.
    shown: Vec<(usize, &'static str)>,
}

/// Whether what a list shows is a change of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ours {
    No,
    /// In part at least, by the one that was made last, with the number under which it is as good as told.
    Yes(u64),
    /// Its answer is not here yet: whoever makes it may die before, and has to be told then.
    NotYet,
}

/// What of an echo a source may show without anything else having changed.
const ONLY_THE_TIME: &str = "updated_at";

impl Echoes {
    /// Awaits a change that is being made; its number.
    pub(crate) fn expect(
        &mut self,
        at: At,
        keys: Digests,
        before: Option<Known>,
        change: &DetectionChange,
        now: Duration,
    ) -> u64 {
        let over: Vec<u64> = self.all.iter().filter(|(_, e)| e.until <= now).map(|(n, _)| *n).collect();
        for number in over {
            self.call_off(number);
        }
        self.made += 1;
        self.by_name.entry((at.source, at.name.clone())).or_default().push(self.made);
        for key in &keys {
            self.by_key.entry(*key).or_default().push(self.made);
        }
        let (until, lagging_until) = (now + AWAITED, now + LAGGING);
        let (change, answered, shown) = (change.clone(), None, Vec::new());
        let echo = Echo { at, keys, change, until, before, lagging_until, answered, shown };
        self.all.insert(self.made, echo);
        self.made
    }

    /// It was made, at least in part.
    pub(crate) fn answered(&mut self, number: u64, told: u64) {
        if let Some(echo) = self.all.get_mut(&number) {
            echo.answered = Some(told);
        }
    }

    /// A source has shown some of it.
    pub(crate) fn shown(&mut self, number: u64, source: usize, keys: impl Iterator<Item = &'static str>) {
        if let Some(echo) = self.all.get_mut(&number) {
            echo.shown.extend(keys.map(|key| (source, key)));
        }
    }

    /// Whoever made it has given up: what has come of it nobody knows.
    pub(crate) fn end_unanswered(&mut self, number: u64) {
        if self.all.get(&number).is_some_and(|echo| echo.answered.is_none()) {
            self.call_off(number);
        }
    }

    /// It was not made after all, or is not awaited any more.
    fn call_off(&mut self, number: u64) {
        let Some(echo) = self.all.remove(&number) else { return };
        let place = (echo.at.source, echo.at.name);
        if let Some(all) = self.by_name.get_mut(&place) {
            all.retain(|one| *one != number);
            if all.is_empty() {
                self.by_name.remove(&place);
            }
        }
        for key in echo.keys {
            if let Some(all) = self.by_key.get_mut(&key) {
                all.retain(|one| *one != number);
                if all.is_empty() {
                    self.by_key.remove(&key);
                }
            }
        }
    }

    /// What is awaited of a detection.
    fn of(&self, at: &At, keys: &[u64]) -> Vec<u64> {
        if self.all.is_empty() {
            return Vec::new();
        }
        let by_name = self.by_name.get(&(at.source, at.name.clone()));
        let by_key = keys.iter().filter_map(|key| self.by_key.get(key));
        by_name.into_iter().chain(by_key).flatten().copied().collect()
    }

    /// Whether a list still shows a detection as it was before a change of our own.
    pub(crate) fn lags_behind(&self, at: &At, fresh: &Known, now: Duration) -> bool {
        self.of(at, &[]).iter().filter_map(|number| self.all.get(number)).any(|echo| {
            echo.lagging_until > now && echo.before.as_ref().is_some_and(|before| before.is_version_of(fresh))
        })
    }

    /// Takes away what a source shows of changes of our own, for the first time.
    pub(crate) fn take(
        &mut self,
        at: &At,
        changed: &mut Vec<Changed>,
        (before, fresh, detection): (&Known, &Known, &Detection),
        now: Duration,
    ) -> Ours {
        let awaited = self.of(at, &fresh.keys);
        let comments = fresh.comments_since(before);
        let is_being_made = awaited.iter().filter_map(|number| self.all.get(number)).any(|echo| {
            let shows_it = |one: &Changed| is_part_of(one, &echo.change, detection, comments);
            echo.answered.is_none()
                && echo.until > now
                && (changed.is_empty() || changed.iter().any(shows_it))
        });
        if is_being_made {
            return Ours::NotYet;
        }
        let mut ours = Ours::No;
        for number in awaited {
            let Some(echo) = self.all.get_mut(&number).filter(|echo| echo.until > now) else { continue };
            let Some(told) = echo.answered else { continue };
            let nothing_else = changed.is_empty() && ours == Ours::No;
            let (mut shown, mut others) = (Vec::new(), Vec::new());
            changed.retain(|change| {
                let place = (at.source, change.key());
                let is_first = !echo.shown.contains(&place);
                let is_ours = is_first && is_part_of(change, &echo.change, detection, comments);
                if is_ours {
                    shown.push(place);
                } else if is_first {
                    // Somebody else's: what comes after it is not ours either.
                    others.push(place);
                }
                !is_ours
            });
            // A service may note the time of a change apart from the change.
            if nothing_else && !echo.shown.contains(&(at.source, ONLY_THE_TIME)) {
                shown.push((at.source, ONLY_THE_TIME));
            }
            if !shown.is_empty() {
                ours = ours.max(Ours::Yes(told));
            }
            echo.shown.extend(shown.into_iter().chain(others));
        }
        ours
    }
}

/// Whether a change shows what was written. `comments` is how many there are more.
pub(crate) fn is_part_of(
    changed: &Changed,
    written: &DetectionChange,
    detection: &Detection,
    comments: u16,
) -> bool {
    let same = |a: &Option<String>, b: &Option<String>| {
        a.as_deref().unwrap_or_default().eq_ignore_ascii_case(b.as_deref().unwrap_or_default())
    };
    match changed {
        // What follows from the status comes with it.
        Changed::Status { .. } | Changed::Reopened | Changed::Other("native_status" | "resolved_at") => {
            written.status == Some(detection.status)
        }
        Changed::AssignedTo(to) => written.assigned_to.is_some() && same(&written.assigned_to, to),
        // Either half is recalculated by some services when the other is written.
        Changed::Classification(to) => written.classification == *to && to.is_some(),
        Changed::Determination(to) => match written.determination {
            Some(_) => written.determination == *to,
            None => written.classification.is_some() && written.classification == detection.classification,
        },
        Changed::Other("comments") => {
            let is_ours =
                |text: &str| written.comment.as_deref().is_some_and(|own| own.trim() == text.trim());
            comments == 1 && detection.comments.iter().any(|comment| is_ours(&comment.text))
        }
        _ => false,
    }
}
