//! Which calls go first when a quota is short.

/// Which calls go first when a quota is short, most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Isolating or releasing a host. A part of every quota is kept for it.
    Containment,
    /// What an analyst waits for: one detection, a change.
    Triage,
    /// Keeping up with new detections.
    Feed,
    /// Exports and back-fills.
    Bulk,
}
