//! Scripted faults, as data: which requests, and what goes wrong with them.

use std::time::Duration;

use crate::message::{Reply, Request};

/// What goes wrong.
#[derive(Debug, Clone)]
pub enum Trouble {
    /// This answer instead of the right one.
    Answer(Reply),
    /// The right answer, with this one of its parts replaced by text: the first occurrence of the one by the other.
    Replace(String, String),
    /// A write is answered with success and not made.
    Lie,
    /// Carried out, but this is the answer.
    Answering(Reply),
    /// A read shows what was there before the last write.
    Stale,
    /// Carried out, then the connection breaks before the head. In-memory exchange only.
    ResetAfter,
    /// Never carried out: the connection is refused. In-memory exchange only.
    Refuse,
    /// Carried out, then no answer, ever. In-memory exchange only.
    Hang,
    /// Carried out, and answered only after so long. In-memory exchange only.
    Late(Duration),
    /// The body breaks off with an error after so many bytes. In-memory exchange only.
    BreakOff(usize),
    /// The body just ends after so many bytes. In-memory exchange only.
    EndEarly(usize),
    /// The body comes in pieces of so many bytes, one each so often. In-memory exchange only.
    Drip(usize, Duration),
}

/// A fault: for requests of a method whose path contains a text, from the `skip`-th on, so many times.
#[derive(Debug, Clone)]
pub struct Fault {
    method: Option<&'static str>,
    query: Option<&'static str>,
    path: String,
    skip: u32,
    times: u32,
    trouble: Trouble,
}

impl Fault {
    /// Trouble with every request whose path contains `path`.
    pub fn on(path: impl Into<String>, trouble: Trouble) -> Self {
        Self { method: None, query: None, path: path.into(), skip: 0, times: u32::MAX, trouble }
    }

    /// Throttling: 429 with `Retry-After`.
    pub fn throttle(path: impl Into<String>, retry_after: &str) -> Self {
        let body = r#"{"error":{"code":"TooManyRequests","message":"API calls quota exceeded","target":"|throttle."}}"#;
        Self::on(path, Trouble::Answer(Reply::json(429, body).with_header("retry-after", retry_after)))
    }

    /// An answer with this status and no body.
    pub fn status(path: impl Into<String>, status: u16) -> Self {
        Self::on(path, Trouble::Answer(Reply::empty(status)))
    }

    /// Only for requests of this method.
    #[must_use]
    pub fn for_method(mut self, method: &'static str) -> Self {
        self.method = Some(method);
        self
    }

    /// Only for requests whose query, as sent, contains this text.
    #[must_use]
    pub fn for_query(mut self, text: &'static str) -> Self {
        self.query = Some(text);
        self
    }

    /// Lets the first so many matching requests through.
    #[must_use]
    pub fn after(mut self, requests: u32) -> Self {
        self.skip = requests;
        self
    }

    /// Only so many times.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Only once.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Whether it strikes this request; counts it.
    pub(crate) fn strikes(&mut self, request: &Request) -> Option<Trouble> {
        let meant = self.method.is_none_or(|m| m == request.method)
            && self.query.is_none_or(|text| request.query.contains(text))
            && request.path.contains(&self.path);
        if !meant {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.times = self.times.checked_sub(1)?;
        Some(self.trouble.clone())
    }
}
