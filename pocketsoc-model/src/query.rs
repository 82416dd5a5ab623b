//! Which detections to list.

use chrono::{DateTime, Utc};

use crate::{Detection, Lane, ResumePoint, Severity, Status};

/// The lane of a list unless the query says otherwise.
pub const DEFAULT_LANE: Lane = Lane::Feed;

/// How much of each detection a list should carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Detail {
    /// Everything the source has, entities included.
    #[default]
    Full,
    /// What a table needs; evidence is left out, or raw.
    Summary,
}

/// Which detections to list. Empty means all that the source still keeps.
///
/// Sources push filters to the service where it has them and apply the rest themselves; a filter is never widened.
///
/// ```
/// use pocketsoc_model::{DetectionQuery, Severity, Status};
/// let query = DetectionQuery::updated_since("2026-01-31T00:00:00Z".parse()?)
///     .with_statuses([Status::Active, Status::InProgress])
///     .with_min_severity(Severity::Medium)
///     .with_limit(100);
/// assert_eq!(query.limit, Some(100));
/// # Ok::<(), chrono::ParseError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct DetectionQuery {
    /// Updated at or after this instant.
    pub updated_since: Option<DateTime<Utc>>,
    /// Updated before this instant.
    pub updated_until: Option<DateTime<Utc>>,
    /// In one of these statuses; empty means any. A status unknown to us matches only when asked for.
    pub statuses: Vec<Status>,
    /// At least this severe; an unknown severity passes.
    pub min_severity: Option<Severity>,
    /// On a machine of this device group, ASCII case ignored.
    pub machine_group: Option<String>,
    /// At most this many.
    pub limit: Option<usize>,
    /// How much of each.
    pub detail: Detail,
    /// How urgent the list is when the quota is short; [`DEFAULT_LANE`] unless set.
    pub lane: Option<Lane>,
    /// Go on where an earlier walk of the same query ended.
    pub resume: Option<ResumePoint>,
}

impl DetectionQuery {
    /// All detections.
    pub fn all() -> Self {
        Self::default()
    }

    /// Detections updated at or after `since`.
    pub fn updated_since(since: DateTime<Utc>) -> Self {
        Self { updated_since: Some(since), ..Self::default() }
    }

    /// Only those updated before `until`.
    #[must_use]
    pub fn with_updated_until(mut self, until: DateTime<Utc>) -> Self {
        self.updated_until = Some(until);
        self
    }

    /// Only those in one of `statuses`.
    #[must_use]
    pub fn with_statuses(mut self, statuses: impl IntoIterator<Item = Status>) -> Self {
        self.statuses = statuses.into_iter().collect();
        self
    }

    /// Only those at least this severe, and those of unknown severity.
    #[must_use]
    pub fn with_min_severity(mut self, severity: Severity) -> Self {
        self.min_severity = Some(severity);
        self
    }

    /// Only those on machines of this device group.
    #[must_use]
    pub fn with_machine_group(mut self, group: impl Into<String>) -> Self {
        self.machine_group = Some(group.into());
        self
    }

    /// At most `limit` of them.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// This much of each.
    #[must_use]
    pub fn with_detail(mut self, detail: Detail) -> Self {
        self.detail = detail;
        self
    }

    /// This urgent.
    #[must_use]
    pub fn with_lane(mut self, lane: Lane) -> Self {
        self.lane = Some(lane);
        self
    }

    /// Goes on where an earlier walk of the same query ended.
    #[must_use]
    pub fn with_resume(mut self, point: ResumePoint) -> Self {
        self.resume = Some(point);
        self
    }

    /// Whether a detection is one of those asked for; limit and detail aside.
    ///
    /// What lacks an update time is inside every window: nothing is hidden for want of a field. A device group is
    /// matched only by detections that name one.
    pub fn matches(&self, detection: &Detection) -> bool {
        let in_window = detection.updated_at.is_none_or(|at| {
            self.updated_since.is_none_or(|since| at >= since)
                && self.updated_until.is_none_or(|until| at < until)
        });
        in_window
            && (self.statuses.is_empty() || self.statuses.contains(&detection.status))
            && self.min_severity.is_none_or(|threshold| detection.severity.meets(threshold))
            && self.machine_group.as_ref().is_none_or(|group| {
                detection.machine_group.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(group))
            })
    }
}
