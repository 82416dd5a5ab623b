//! One error for the family: what was being done, what the service said, and what to fix.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::{DetectionId, Status};

/// The result of everything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure it is; decide on this, not on texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The named thing does not exist, or the caller may not see it.
    NotFound,
    /// Several things fit the name; [`Error::candidates`] lists them.
    Ambiguous,
    /// The credential was refused.
    Unauthenticated,
    /// A person has to sign in.
    InteractionRequired,
    /// Signed in, but the grant or role is missing.
    PermissionDenied,
    /// Somebody else changed it, or an action of that kind is already running.
    Conflict,
    /// The status may not follow the present one; [`Error::transition`] has the legal path. Nothing was sent.
    InvalidTransition,
    /// The service answered success and did not change it.
    NotApplied,
    /// The request may or may not have been carried out; look before asking again.
    OutcomeUnknown,
    /// A quota is used up.
    RateLimited,
    /// The service is down or unreachable.
    Unavailable,
    /// No answer in time.
    Timeout,
    /// The answer is not what the service documents; [`Error::position`] says where.
    Decode,
    /// A link or redirect leads out of the configured service. It was not followed.
    Untrusted,
    /// The product cannot do or hold this. Nothing was sent.
    Unsupported,
    /// The request itself is wrong.
    InvalidRequest,
    /// A checkpoint or session file cannot be used.
    Damaged,
    /// None of the above.
    Unexpected,
}

/// Which quota a service says is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ThrottledBy {
    /// Too many calls.
    Calls,
    /// Too much run time (advanced hunting).
    RunTime,
}

/// Where in a list an error happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Position {
    /// The page, counted from 1; 0 where there are no pages.
    pub page: u64,
    /// The element within the page, counted from 0.
    pub index: Option<u64>,
    /// The byte within the page's (decompressed) body.
    pub offset: Option<u64>,
}

impl Position {
    /// On a page, counted from 1.
    pub fn page(page: u64) -> Self {
        Self { page, ..Self::default() }
    }

    /// At an element of the page, counted from 0.
    #[must_use]
    pub fn with_index(mut self, index: u64) -> Self {
        self.index = Some(index);
        self
    }

    /// At a byte of the page's body.
    #[must_use]
    pub fn with_offset(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts =
            [("page", Some(self.page).filter(|p| *p > 0)), ("element", self.index), ("byte", self.offset)];
        let said: Vec<_> = parts.iter().filter_map(|(what, n)| n.map(|n| format!("{what} {n}"))).collect();
        f.write_str(&said.join(", "))
    }
}

/// A status change that the product's table forbids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedTransition {
    from: Status,
    to: Status,
    allowed: Vec<Status>,
    path: Option<Vec<Status>>,
}

impl RefusedTransition {
    /// Says what was asked and what would be legal.
    pub fn new(from: Status, to: Status, allowed: Vec<Status>, path: Option<Vec<Status>>) -> Self {
        Self { from, to, allowed, path }
    }

    /// The present status.
    pub fn from(&self) -> Status {
        self.from
    }

    /// The status asked for.
    pub fn to(&self) -> Status {
        self.to
    }

    /// The statuses that one write can reach.
    pub fn allowed(&self) -> &[Status] {
        &self.allowed
    }

    /// The shortest legal way to the status asked for, if there is one.
    pub fn path(&self) -> Option<&[Status]> {
        self.path.as_deref()
    }
}

/// What went wrong: one pointer wide, cheap to clone, safe to log.
///
/// `Display` is one line: operation, message, then (HTTP status, service code, request id). It never holds a query,
/// a body or a token, and never repeats the [`source`](StdError::source).
#[derive(Clone)]
pub struct Error(Box<Repr>);

#[derive(Clone)]
struct Repr {
    kind: ErrorKind,
    operation: Cow<'static, str>,
    message: String,
    status: Option<u16>,
    code: Option<String>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    hint: Option<Cow<'static, str>>,
    details: Details,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

#[derive(Clone, Default)]
struct Details {
    transition: Option<RefusedTransition>,
    position: Option<Position>,
    candidates: Vec<String>,
    applied: Vec<String>,
    throttled_by: Option<ThrottledBy>,
    detection: Option<DetectionId>,
}

/// Longest message kept, in characters; services are known to answer with whole HTML pages.
const MESSAGE_LIMIT: usize = 400;

/// One line of at most [`MESSAGE_LIMIT`] characters without control characters.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(MESSAGE_LIMIT));
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.chars().count() > MESSAGE_LIMIT {
            line = line.chars().take(MESSAGE_LIMIT).collect();
            line.push('…');
            break;
        }
    }
    line
}

impl Error {
    /// An error of a kind, met while doing `operation` (such as "update the alert").
    pub fn new(kind: ErrorKind, operation: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Repr {
            kind,
            operation: operation.into(),
            message: String::new(),
            status: None,
            code: None,
            request_id: None,
            retry_after: None,
            hint: None,
            details: Details::default(),
            source: None,
        }))
    }

    /// Says what happened; made one line, cut when very long. Must not contain secrets.
    #[must_use]
    pub fn with_message(mut self, message: impl AsRef<str>) -> Self {
        self.0.message = one_line(message.as_ref());
        self
    }

    /// Names another operation: what the user asked for, rather than the step that failed.
    #[must_use]
    pub fn with_operation(mut self, operation: impl Into<Cow<'static, str>>) -> Self {
        self.0.operation = operation.into();
        self
    }

    /// Makes it another kind.
    #[must_use]
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// Makes it [`ErrorKind::OutcomeUnknown`]: what failed is the answer, and nobody knows what became of the request.
    #[must_use]
    pub fn with_outcome_unknown(self) -> Self {
        let message = format!("it may or may not have been carried out: {}", self.message());
        self.with_kind(ErrorKind::OutcomeUnknown)
            .with_message(message)
            .with_hint("look whether it happened before asking again")
    }

    /// Adds the HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// Adds the service's own code.
    #[must_use]
    pub fn with_code(mut self, code: impl AsRef<str>) -> Self {
        self.0.code = Some(one_line(code.as_ref())).filter(|c| !c.is_empty());
        self
    }

    /// Adds the id under which the service's support finds the request.
    #[must_use]
    pub fn with_request_id(mut self, id: impl AsRef<str>) -> Self {
        self.0.request_id = Some(one_line(id.as_ref())).filter(|i| !i.is_empty());
        self
    }

    /// Adds how long the service asked to wait.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Adds what to fix.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds the refused status change.
    #[must_use]
    pub fn with_transition(mut self, transition: RefusedTransition) -> Self {
        self.0.details.transition = Some(transition);
        self
    }

    /// Adds where in a list it happened.
    #[must_use]
    pub fn with_position(mut self, position: Position) -> Self {
        self.0.details.position = Some(position);
        self
    }

    /// Adds the things that fit an ambiguous name.
    #[must_use]
    pub fn with_candidates(mut self, candidates: impl IntoIterator<Item = String>) -> Self {
        self.0.details.candidates = candidates.into_iter().collect();
        self
    }

    /// Adds the parts of a change that took effect before the failure.
    #[must_use]
    pub fn with_applied(mut self, parts: impl IntoIterator<Item = impl ToString>) -> Self {
        self.0.details.applied = parts.into_iter().map(|p| p.to_string()).collect();
        self
    }

    /// Adds which quota is used up.
    #[must_use]
    pub fn with_throttled_by(mut self, by: ThrottledBy) -> Self {
        self.0.details.throttled_by = Some(by);
        self
    }

    /// Adds the detection it is about.
    #[must_use]
    pub fn with_detection(mut self, id: DetectionId) -> Self {
        self.0.details.detection = Some(id);
        self
    }

    /// Adds the cause. Its text is not repeated in `Display`; it must not contain secrets.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What was being done.
    pub fn operation(&self) -> &str {
        &self.0.operation
    }

    /// What happened, in the service's words where it gave some.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The HTTP status, where there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The service's own error code.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The id under which the service's support finds the request.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// How long the service asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What to fix, for the person who operates this.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The refused status change, for [`ErrorKind::InvalidTransition`].
    pub fn transition(&self) -> Option<&RefusedTransition> {
        self.0.details.transition.as_ref()
    }

    /// Where in a list it happened.
    pub fn position(&self) -> Option<Position> {
        self.0.details.position
    }

    /// The things that fit, for [`ErrorKind::Ambiguous`].
    pub fn candidates(&self) -> &[String] {
        &self.0.details.candidates
    }

    /// The parts of a change that took effect before the failure.
    pub fn applied(&self) -> &[String] {
        &self.0.details.applied
    }

    /// Which quota is used up, for [`ErrorKind::RateLimited`].
    pub fn throttled_by(&self) -> Option<ThrottledBy> {
        self.0.details.throttled_by
    }

    /// The detection it is about, where one is known.
    pub fn detection(&self) -> Option<&DetectionId> {
        self.0.details.detection.as_ref()
    }

    /// Whether asking again later may help without anybody fixing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self.0.kind, ErrorKind::RateLimited | ErrorKind::Unavailable | ErrorKind::Timeout)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let repr = &*self.0;
        f.write_str(&repr.operation)?;
        if repr.message.is_empty() {
            write!(f, ": {:?}", repr.kind)?;
        } else {
            write!(f, ": {}", repr.message)?;
        }
        if let Some(position) = repr.details.position {
            write!(f, " at {position}")?;
        }
        let mut facts = Vec::with_capacity(3);
        facts.extend(repr.status.map(|s| s.to_string()));
        facts.extend(repr.code.clone());
        facts.extend(repr.request_id.as_ref().map(|id| format!("request id {id}")));
        if facts.is_empty() { Ok(()) } else { write!(f, " ({})", facts.join(", ")) }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.0.kind).field("text", &self.to_string());
        if let Some(hint) = &self.0.hint {
            out.field("hint", hint);
        }
        if let Some(source) = &self.0.source {
            out.field("source", source);
        }
        out.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|s| s.as_ref() as &(dyn StdError + 'static))
    }
}

impl From<crate::InvalidId> for Error {
    fn from(error: crate::InvalidId) -> Self {
        Self::new(ErrorKind::InvalidRequest, "read an id").with_message(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_pointer_wide_and_one_line_long() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        let error = Error::new(ErrorKind::NotFound, "get the alert")
            .with_message("Alert da1\r\nwas   not\u{7} found")
            .with_status(404)
            .with_code("ResourceNotFound")
            .with_request_id("43f4cb08");
        assert_eq!(
            error.to_string(),
            "get the alert: Alert da1 was not found (404, ResourceNotFound, request id 43f4cb08)"
        );
        assert_eq!(Error::new(ErrorKind::Timeout, "list alerts").to_string(), "list alerts: Timeout");
    }

    #[test]
    fn it_says_where_in_a_list() {
        let error = Error::new(ErrorKind::Decode, "list alerts")
            .with_message("no id")
            .with_position(Position::page(3).with_index(7));
        assert_eq!(error.to_string(), "list alerts: no id at page 3, element 7");
    }

    #[test]
    fn a_page_of_html_does_not_flood_a_log() {
        let error = Error::new(ErrorKind::Unavailable, "x").with_message("word ".repeat(10_000));
        assert!(error.to_string().chars().count() < 420);
    }

    #[test]
    fn the_source_is_chained_and_not_repeated() {
        let error = Error::new(ErrorKind::Unavailable, "list")
            .with_message("no answer")
            .with_source(std::io::Error::other("reset"));
        assert_eq!(error.to_string(), "list: no answer");
        assert_eq!(StdError::source(&error).unwrap().to_string(), "reset");
    }
}
