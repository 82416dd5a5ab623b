//! Incidents: what alerts are grouped into.

use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;

use super::triage::{Tracked, Triage};

/// The incident of the attack that all services see.
pub(crate) const ATTACK: i64 = 4000;

/// One incident as the tenant keeps it.
#[derive(Debug, Clone)]
pub(crate) struct IncidentRecord {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) severity: String,
    pub(crate) description: Option<String>,
    pub(crate) summary: Option<String>,
    pub(crate) resolving_comment: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) redirected_to: Option<i64>,
    pub(crate) created: DateTime<Utc>,
    /// The status in the words of Graph.
    pub(crate) triage: Tracked,
}

/// So many incidents as the alerts need, newest first, then one that waits for an action of the customer and one that
/// was merged into the attack.
pub(crate) fn incidents(seed: u64, count: i64, now: DateTime<Utc>) -> Vec<IncidentRecord> {
    let mut rng = Rng::with_seed(seed ^ 0x1AC1);
    let mut all: Vec<_> = (0..count.max(3) + 2).map(|n| incident(&mut rng, n, now)).collect();
    let at = all.len() - 2;
    all[at].triage = Tracked::new(Triage::new("awaitingAction", all[at].created));
    all[at + 1].triage = Tracked::new(Triage::new("redirected", all[at + 1].created));
    all[at + 1].redirected_to = Some(ATTACK);
    all
}

fn incident(rng: &mut Rng, n: i64, now: DateTime<Utc>) -> IncidentRecord {
    let created = now - TimeDelta::minutes(5) - TimeDelta::hours(5) * i32::try_from(n).unwrap_or_default();
    let created = DateTime::from_timestamp_nanos(created.timestamp_micros() * 1000 + 300);
    let updated = (created + TimeDelta::seconds(rng.i64(1..30_000))).min(now);
    let (status, verdict) = match rng.u8(..8) {
        0..=4 => ("active", None),
        5..=6 => ("inProgress", None),
        _ => ("resolved", Some(("TruePositive", "MultiStagedAttack"))),
    };
    let mut triage = Triage::new(if n == 0 { "active" } else { status }, updated);
    if let Some((classification, determination)) = verdict.filter(|_| n > 0) {
        triage.classification = Some(classification.into());
        triage.determination = Some(determination.into());
        triage.assigned_to = Some("analyst@contoso.example".into());
        triage.resolved = Some(updated);
    }
    let kinds = ["Initial access", "Credential access", "Impact", "Exfiltration"];
    let kind = kinds[usize::try_from(n).unwrap_or_default() % kinds.len()];
    IncidentRecord {
        id: ATTACK + n,
        name: if n == 0 {
            "Multi-stage attack: from a mail to a server in the cloud".into()
        } else {
            format!("{kind} involving several resources")
        },
        severity: ["high", "medium", "low", "informational"][rng.usize(..4)].into(),
        description: (n % 2 == 0)
            .then(|| "Several alerts that belong together by machine, account or time.".into()),
        summary: None,
        resolving_comment: None,
        tags: if n == 0 { vec!["Crown jewels".into()] } else { Vec::new() },
        redirected_to: None,
        created,
        triage: Tracked::new(triage),
    }
}
