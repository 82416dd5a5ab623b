//! After a write: looking at what became of it.

use std::future::Future;
use std::time::Duration;

use crate::{ChangePart, Clock, Detection, DetectionChange, Error, ErrorKind, Result};

/// The usual waits of [`read_back`]: three looks within a second and a half, since readers may lag behind writers.
pub const USUAL_LOOKS: &[Duration] = &[Duration::ZERO, Duration::from_millis(500), Duration::from_secs(1)];

/// Reads a detection back after a change that its service accepted, and returns what it now is.
///
/// For implementers of [`DetectionSource::update`](crate::DetectionSource::update): `before` is the detection as it was
/// before the write, `look` fetches it as it now is, before each look one of `looks` is waited for.
///
/// # Errors
/// `NotApplied`, naming the parts, when the change does not show; `OutcomeUnknown` when it cannot be read back.
pub async fn read_back<F>(
    look: impl Fn() -> F,
    clock: &dyn Clock,
    looks: &[Duration],
    operation: &'static str,
    change: &DetectionChange,
    before: &Detection,
) -> Result<Detection>
where
    F: Future<Output = Result<Detection>>,
{
    let (mut missing, mut merged_into) = (Vec::new(), None);
    for wait in looks {
        if !wait.is_zero() {
            clock.sleep(*wait).await;
        }
        let now = look().await.map_err(|error| unreadable(operation, change, error))?;
        missing = not_applied(change, before, &now);
        if missing.is_empty() {
            return Ok(now);
        }
        merged_into = now.merged_into;
    }
    let applied = change.parts().filter(|part| !missing.contains(part));
    let words: Vec<_> = missing.iter().map(ToString::to_string).collect();
    let error = Error::new(ErrorKind::NotApplied, operation)
        .with_message(format!("the service answered success and did not change {}", words.join(", ")))
        .with_applied(applied)
        .with_detection(before.id.clone());
    Err(match merged_into {
        Some(target) => error.with_hint(format!("meanwhile it was merged into {target}: change that one")),
        None => error.with_hint(
            "look at it again in a minute; if it stays as it was, check that the credential may change it (in Azure: the role Security Admin)",
        ),
    })
}

fn unreadable(operation: &'static str, change: &DetectionChange, error: Error) -> Error {
    Error::new(ErrorKind::OutcomeUnknown, operation)
        .with_message(format!("the change was accepted but could not be read back: {}", error.message()))
        .with_applied(change.parts())
        .with_source(error)
}

/// The parts of a change that `now` does not show. A comment shows when there is one more with its text than before.
fn not_applied(change: &DetectionChange, before: &Detection, now: &Detection) -> Vec<ChangePart> {
    let ours = |d: &Detection| {
        let text = change.comment.as_deref().map(str::trim);
        d.comments.iter().filter(|c| Some(c.text.trim()) == text).count()
    };
    let mut missing = change.missing_from(now);
    missing.retain(|part| *part != ChangePart::Comment);
    if change.comment.is_some() && ours(now) <= ours(before) {
        missing.push(ChangePart::Comment);
    }
    missing
}
