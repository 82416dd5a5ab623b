//! Alerts as the tenant keeps them, and how they come about.

use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;

use super::incidents::ATTACK;
use super::stories::{Clue, ELSEWHERE, STORIES, Story};
use super::triage::{Remark, Tracked, Triage};
use super::{PEOPLE, guid};

/// One alert as the tenant keeps it.
#[derive(Debug, Clone)]
pub(crate) struct AlertRecord {
    pub(crate) id: String,
    pub(crate) incident: i64,
    pub(crate) story: &'static Story,
    pub(crate) machine: usize,
    pub(crate) user: usize,
    pub(crate) severity: &'static str,
    pub(crate) created: DateTime<Utc>,
    /// In the words of Defender for Endpoint.
    pub(crate) triage: Tracked,
    /// Feeds the details that are rendered on demand: process ids, hashes.
    pub(crate) grain: u64,
}

impl AlertRecord {
    /// When the last event happened that it is about.
    pub(crate) fn last_event(&self) -> DateTime<Utc> {
        self.created - TimeDelta::seconds(61)
    }

    /// A process of it, by its place among the clues: its id and when it started, and the same of the one that started
    /// it, which may be among the clues as well.
    pub(crate) fn process(&self, n: usize, clues: &[&Clue]) -> [(u64, DateTime<Utc>); 2] {
        let of = |n: usize| {
            let place = i64::try_from(n).unwrap_or_default();
            // The shell, which stands last, was there before.
            let before = if n + 1 == clues.len() { 400 } else { 139 - place };
            (1000 + (self.grain ^ n as u64) % 9000, self.created - TimeDelta::seconds(before))
        };
        let parent = |clue: &&Clue| matches!((clue, clues[n]), (Clue::Process(name, ..), Clue::Process(.., parent)) if name == parent);
        let (pid, started) = of(n);
        let above = clues.iter().position(parent).filter(|at| *at != n).map(of);
        [(pid, started), above.unwrap_or((1000 + (pid + 17) % 9000, self.created - TimeDelta::seconds(800)))]
    }

    /// The number of its automated investigation, which some have.
    pub(crate) fn investigation(&self) -> Option<i64> {
        self.grain.is_multiple_of(3).then_some(i64::try_from(self.grain % 90_000).unwrap_or_default())
    }
}

/// Alerts of Defender for Endpoint of the thirty days before `now`, newest first.
pub(crate) fn alerts(seed: u64, count: usize, machines: usize, now: DateTime<Utc>) -> Vec<AlertRecord> {
    let mut rng = Rng::with_seed(seed);
    let mut created = now - TimeDelta::minutes(7);
    let step = TimeDelta::days(30) / i32::try_from(count.max(1)).unwrap_or(i32::MAX);
    (0..count)
        .map(|n| {
            // The first of each story come in order, so that small tenants show all of them.
            let story = &STORIES[if n < STORIES.len() { n } else { rng.usize(..STORIES.len()) }];
            let record = alert(&mut rng, n, story, machines, created, now);
            created -= step
                - TimeDelta::microseconds(rng.i64(0..1_000_000).min(step.num_microseconds().unwrap_or(0)));
            record
        })
        .collect()
}

/// Alerts of the other Defender products, which only Graph shows, newest first: each story twice.
pub(crate) fn elsewhere(seed: u64, machines: usize, now: DateTime<Utc>) -> Vec<AlertRecord> {
    let mut rng = Rng::with_seed(seed ^ 0xE15E);
    (0..ELSEWHERE.len() * 2)
        .map(|n| {
            let story = &ELSEWHERE[n % ELSEWHERE.len()];
            let created =
                now - TimeDelta::minutes(9) - TimeDelta::hours(31) * i32::try_from(n).unwrap_or_default();
            let mut record = alert(&mut rng, n, story, machines, created, now);
            record.id = format!("{}{}_1", story.provider.prefix(), guid(rng.u64(..)));
            record
        })
        .collect()
}

fn alert(
    rng: &mut Rng,
    n: usize,
    story: &'static Story,
    machines: usize,
    created: DateTime<Utc>,
    now: DateTime<Utc>,
) -> AlertRecord {
    // Whole ticks of 100 ns, as the service counts them. The id does not depend on when the tenant was made: the same
    // seed gives the same ids in every run.
    let created = DateTime::from_timestamp_nanos((created.timestamp_micros() * 10 + rng.i64(0..10)) * 100);
    let ticks =
        637_472_900_000_000_000 + i64::try_from(n).unwrap_or_default() * 10_000_000 + rng.i64(0..10_000_000);
    let updated = (created + TimeDelta::seconds(rng.i64(2..20_000))).min(now).max(created);
    let (status, classification, determination, assigned_to) = match rng.u8(..10) {
        0..=5 => ("New", None, None, None),
        6..=7 => ("InProgress", None, None, Some("analyst@contoso.example")),
        8 => ("Resolved", Some("TruePositive"), Some("Malware"), Some("analyst@contoso.example")),
        _ => ("Resolved", Some("FalsePositive"), Some("NotMalicious"), Some("Automation")),
    };
    let mut triage = Triage::new(status, updated);
    triage.classification = classification.map(Into::into);
    triage.determination = determination.map(Into::into);
    triage.assigned_to = assigned_to.map(Into::into);
    if status == "Resolved" {
        triage.resolved = Some(updated);
        let by = "analyst@contoso.example".into();
        triage.remarks.push(Remark { text: "Closed after review.".into(), by, at: updated });
    }
    AlertRecord {
        id: format!("da{ticks}_{}", rng.i32(..)),
        incident: ATTACK + i64::try_from(n / 3).unwrap_or_default(),
        story,
        machine: rng.usize(..machines.max(1)),
        user: rng.usize(..PEOPLE.len()),
        severity: if rng.u8(..50) == 0 { "UnSpecified" } else { story.severity },
        created,
        triage: Tracked::new(triage),
        grain: rng.u64(..),
    }
}
