//! What analysts have made of something: status, verdict, owner, remarks; and what it was before the last write.

use chrono::{DateTime, Utc};

/// A remark of somebody.
#[derive(Debug, Clone)]
pub(crate) struct Remark {
    pub(crate) text: String,
    pub(crate) by: String,
    pub(crate) at: DateTime<Utc>,
}

/// What analysts have made of something. The status is in the words of the product that raised it, the verdict in those
/// of Defender for Endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Triage {
    pub(crate) status: String,
    pub(crate) classification: Option<String>,
    pub(crate) determination: Option<String>,
    pub(crate) assigned_to: Option<String>,
    pub(crate) remarks: Vec<Remark>,
    pub(crate) updated: DateTime<Utc>,
    pub(crate) resolved: Option<DateTime<Utc>>,
}

impl Triage {
    pub(crate) fn new(status: &str, updated: DateTime<Utc>) -> Self {
        Self {
            status: status.into(),
            classification: None,
            determination: None,
            assigned_to: None,
            remarks: Vec::new(),
            updated,
            resolved: None,
        }
    }

    /// Sets a status; which one means resolved is the same word in every product.
    pub(crate) fn set_status(&mut self, status: &str, now: DateTime<Utc>) {
        status.clone_into(&mut self.status);
        self.resolved = status.eq_ignore_ascii_case("resolved").then_some(now);
    }
}

/// The present state, and the one before the last write.
#[derive(Debug, Clone)]
pub(crate) struct Tracked {
    now: Triage,
    before: Option<Box<Triage>>,
}

impl Tracked {
    pub(crate) fn new(now: Triage) -> Self {
        Self { now, before: None }
    }

    /// The state, or the one before the last write.
    pub(crate) fn seen(&self, stale: bool) -> &Triage {
        self.before.as_deref().filter(|_| stale).unwrap_or(&self.now)
    }

    pub(crate) fn now(&self) -> &Triage {
        &self.now
    }

    /// Writes.
    pub(crate) fn change(&mut self, now: DateTime<Utc>, write: impl FnOnce(&mut Triage)) {
        self.before = Some(Box::new(self.now.clone()));
        self.now.updated = now;
        write(&mut self.now);
    }
}
