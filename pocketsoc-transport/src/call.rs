//! A call as a pure value: what is asked, and when it may be asked again.

use std::fmt::{self, Write as _};

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use pocketsoc_model::{Error, ErrorKind, Lane, Result};
use serde::Serialize;

use crate::quota::Quota;

/// What one path segment or query value may hold as it is; everything else is percent-encoded.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The HTTP method of a [`Call`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // HTTP's own words
pub enum Method {
    Get,
    Post,
    Patch,
    Put,
    Delete,
}

impl Method {
    /// HTTP's own word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// When a call may be sent again. That it never reached the service, or was turned away at the door (429, 401,
/// 503 with `Retry-After`), always allows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Replay {
    /// Also after a failure that leaves open whether it was carried out: reads, and writes of an absolute state.
    Always,
    /// Once more after such a failure: reads that burn quota.
    Once,
    /// Never after such a failure, which is then `OutcomeUnknown`: actions, comments, creations.
    Never,
}

/// A call as a pure value. Built by a pure function, testable without a server.
///
/// ```
/// use pocketsoc_transport::{Call, Method, Replay, quota};
/// let call = Call::new(Method::Get, "get the alert", "/api/alerts/{id}", &["da1/..?#"], &quota::MDE)?
///     .with_query("$expand", "evidence");
/// assert_eq!(call.target(), "/api/alerts/da1%2F..%3F%23?$expand=evidence");
/// # Ok::<(), pocketsoc_transport::Error>(())
/// ```
#[derive(Clone)]
pub struct Call {
    pub(crate) method: Method,
    pub(crate) operation: &'static str,
    pub(crate) template: &'static str,
    path: String,
    query: Vec<(&'static str, String)>,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) body: Option<Bytes>,
    pub(crate) replay: Replay,
    pub(crate) quota: &'static Quota,
    pub(crate) lane: Lane,
    pub(crate) permission: Option<&'static str>,
    pub(crate) runs_long: bool,
    /// How many calls of its quota it counts as.
    pub(crate) weight: u32,
}

impl Call {
    /// A call of `template`, whose `{…}` places are filled with `ids` in order, each as one encoded segment.
    ///
    /// Reads and deletes may be repeated freely, everything else not, unless said otherwise.
    ///
    /// # Errors
    /// `InvalidRequest` for an id that URL parsing would swallow: empty, `.` or `..`; or if places and ids do not match.
    pub fn new(
        method: Method,
        operation: &'static str,
        template: &'static str,
        ids: &[&str],
        quota: &'static Quota,
    ) -> Result<Self> {
        let refuse =
            |reason: &str| Err(Error::new(ErrorKind::InvalidRequest, operation).with_message(reason));
        let mut path = String::with_capacity(template.len() + 32);
        let mut rest = template;
        let mut ids = ids.iter();
        while let Some((before, after)) = rest.split_once('{') {
            let (Some((_, after)), Some(id)) = (after.split_once('}'), ids.next()) else {
                return refuse("the route's places and the ids given do not match");
            };
            if matches!(*id, "" | "." | "..") {
                return refuse("an id is empty or a path step");
            }
            path.push_str(before);
            path.extend(utf8_percent_encode(id, PLAIN));
            rest = after;
        }
        path.push_str(rest);
        if ids.next().is_some() {
            return refuse("the route's places and the ids given do not match");
        }
        Ok(Self::at(path, method, operation, template, quota))
    }

    /// A call of a route without places.
    pub fn fixed(
        method: Method,
        operation: &'static str,
        route: &'static str,
        quota: &'static Quota,
    ) -> Self {
        Self::at(route.to_owned(), method, operation, route, quota)
    }

    fn at(
        path: String,
        method: Method,
        operation: &'static str,
        template: &'static str,
        quota: &'static Quota,
    ) -> Self {
        let replay =
            if matches!(method, Method::Get | Method::Delete) { Replay::Always } else { Replay::Never };
        Self {
            method,
            operation,
            template,
            path,
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            replay,
            quota,
            lane: Lane::Triage,
            permission: None,
            runs_long: false,
            weight: 1,
        }
    }

    /// Adds a query option; the value is encoded, the name is sent as it is.
    #[must_use]
    pub fn with_query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Sets a query option, replacing one of that name.
    #[must_use]
    pub(crate) fn replacing_query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.retain(|(n, _)| *n != name);
        self.with_query(name, value)
    }

    /// The value of a query option.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(own, _)| *own == name).map(|(_, value)| value.as_str())
    }

    /// Adds a constant header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Sets the JSON body.
    ///
    /// # Errors
    /// `InvalidRequest` when it cannot be written as JSON.
    pub fn with_json(mut self, body: &impl Serialize) -> Result<Self> {
        let bytes = serde_json::to_vec(body).map_err(|e| {
            Error::new(ErrorKind::InvalidRequest, self.operation)
                .with_message("the body is no JSON")
                .with_source(e)
        })?;
        self.body = Some(bytes.into());
        Ok(self)
    }

    /// Says when it may be sent again.
    #[must_use]
    pub fn with_replay(mut self, replay: Replay) -> Self {
        self.replay = replay;
        self
    }

    /// Says how urgent it is.
    #[must_use]
    pub fn with_lane(mut self, lane: Lane) -> Self {
        self.lane = lane;
        self
    }

    /// Names the permission it needs, for the hint when it is missing.
    #[must_use]
    pub fn with_permission(mut self, permission: &'static str) -> Self {
        self.permission = Some(permission);
        self
    }

    /// Says that the service may work on it for minutes: [`TimeLimits::long_run`](crate::TimeLimits) holds.
    #[must_use]
    pub fn with_long_run(mut self) -> Self {
        self.runs_long = true;
        self
    }

    /// Says how many calls of its quota it counts as.
    #[must_use]
    pub(crate) fn with_weight(mut self, calls: u32) -> Self {
        self.weight = calls;
        self
    }

    /// The method.
    pub fn method(&self) -> Method {
        self.method
    }

    /// When it may be sent again.
    pub fn replay(&self) -> Replay {
        self.replay
    }

    /// Whether it may change something: everything but reads.
    pub fn writes(&self) -> bool {
        self.method != Method::Get && self.replay != Replay::Once
    }

    /// The body.
    pub fn body(&self) -> Option<&[u8]> {
        self.body.as_deref()
    }

    /// Path and query as sent.
    pub fn target(&self) -> String {
        let mut target = self.path.clone();
        for (n, (name, value)) in self.query.iter().enumerate() {
            let mark = if n == 0 { '?' } else { '&' };
            let _ = write!(target, "{mark}{name}={}", utf8_percent_encode(value, PLAIN));
        }
        target
    }
}

impl fmt::Debug for Call {
    /// Neither ids nor query nor body: they hold names, comments and hunting queries.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("operation", &self.operation)
            .field("method", &self.method)
            .field("route", &self.template)
            .field("replay", &self.replay)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quota;

    #[test]
    fn what_a_path_would_swallow_is_refused_and_the_rest_is_one_segment() {
        for bad in ["", ".", ".."] {
            let error = Call::new(Method::Get, "get", "/a/{id}", &[bad], &quota::MDE).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        }
        let call =
            Call::new(Method::Get, "get", "/a/{id}/b/{other}", &["x/../y", "ü%2f"], &quota::MDE).unwrap();
        assert_eq!(call.target(), "/a/x%2F..%2Fy/b/%C3%BC%252f");
    }

    #[test]
    fn only_reads_may_be_repeated_unless_said_otherwise() {
        let replay = |method| Call::new(method, "x", "/a", &[], &quota::MDE).unwrap().replay();
        assert_eq!(replay(Method::Get), Replay::Always);
        assert_eq!(replay(Method::Delete), Replay::Always);
        assert_eq!(replay(Method::Post), Replay::Never);
        assert_eq!(replay(Method::Patch), Replay::Never);
    }
}
