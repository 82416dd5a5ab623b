//! Who receives the push, whatever web framework carries it: what is taken, what is refused, and how it is answered.

use std::fmt;

use pocketsoc_model::{Detection, Error, ErrorKind};
use pocketsoc_transport::{Decode as _, Elements, Secret};
use serde::de::IgnoredAny;
use subtle::ConstantTimeEq as _;

use super::event::{OtherEvent, PushEvent, normalize_push};

/// So many errors of one body are kept.
const ERRORS_KEPT: usize = 16;

/// Receives pushed alerts: a function from a request to detections or a refusal, for any web framework.
///
/// Answer with [`Received::STATUS`], never with 202 and a `Location`, which a Logic App would follow. Answer 503 when the
/// detections could not be taken over: the Logic App tries again. An alert may be pushed more than once; its id is the
/// same each time.
///
/// ```
/// use defender_cloud_client::{PushRequest, Receiver, Secret};
/// let receiver = Receiver::new().with_path_secret(Secret::new("0f6a41cd"));
/// let body = br#"{"SystemAlertId": "2517_4d25", "AlertDisplayName": "Odd sign-in", "Severity": "High"}"#;
/// let received = receiver.receive(&PushRequest::post("/0f6a41cd", body)).unwrap();
/// assert_eq!(received.detections[0].title, "Odd sign-in");
/// assert_eq!(receiver.receive(&PushRequest::post("/guess", body)).unwrap_err().status, 404);
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Receiver {
    path: Option<Secret>,
    header: Option<(String, Secret)>,
    profile: String,
}

/// A request, as any web framework has it.
#[derive(Clone, Copy)]
pub struct PushRequest<'a> {
    /// The method.
    pub method: &'a str,
    /// The path as it came, percent-encoded, without the query.
    pub path: &'a str,
    /// Names, in whatever letter case, and values of the headers.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
}

impl<'a> PushRequest<'a> {
    /// A POST without headers.
    pub fn post(path: &'a str, body: &'a [u8]) -> Self {
        Self { method: "POST", path, headers: &[], body }
    }

    fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

impl fmt::Debug for PushRequest<'_> {
    /// Without path and headers, which hold secrets, and without the body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushRequest")
            .field("method", &self.method)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// What was received.
#[derive(Debug)]
#[non_exhaustive]
pub struct Received {
    /// The alerts, as detections.
    pub detections: Vec<Detection>,
    /// Events of the same channel that are no alerts: taken and passed over.
    pub others: Vec<OtherEvent>,
    /// What could not be read although the rest could; it would not be sent again. The first sixteen of them.
    pub errors: Vec<Error>,
    /// How many could not be read, all told.
    pub unreadable: usize,
}

impl Received {
    /// What to answer: 200.
    pub const STATUS: u16 = 200;
}

/// Why a request is not taken, and what to answer.
#[derive(Debug)]
#[non_exhaustive]
pub struct Refusal {
    /// What to answer: 404, 405, 413, 415 or 400.
    pub status: u16,
    /// Why.
    pub error: Error,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.error, self.status)
    }
}

impl std::error::Error for Refusal {}

impl Receiver {
    /// The largest body that is taken: 4 MiB.
    pub const MOST_BYTES: usize = 4 << 20;
    /// The most events in one body; a Logic App sends one at a time.
    pub const MOST_EVENTS: usize = 1000;

    /// At `/`, for everybody who can reach it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only at `/` and this secret. It is compared in constant time, its length aside; a wrong one looks like a wrong path.
    pub fn with_path_secret(mut self, secret: Secret) -> Self {
        // With the slash in front it is the same path.
        let plain = secret.expose().strip_prefix('/').map(Secret::new);
        self.path = Some(plain.unwrap_or(secret));
        self
    }

    /// Only with this secret in a header; it is compared in constant time.
    pub fn with_header_secret(mut self, name: impl Into<String>, secret: Secret) -> Self {
        self.header = Some((name.into(), secret));
        self
    }

    /// Detections are those of this profile.
    pub fn with_profile(mut self, name: impl Into<String>) -> Self {
        self.profile = name.into();
        self
    }

    /// Takes a request or refuses it. Nothing in a body makes it panic, and what it costs is bounded by the body's size.
    ///
    /// # Errors
    /// 404 for a wrong path or secret, 405 for another method than POST, 413 for more than [`MOST_BYTES`](Self::MOST_BYTES) or
    /// [`MOST_EVENTS`](Self::MOST_EVENTS)
    /// (told by the header before the body is there, too), 415 for a body that is compressed, 400 for what is not JSON or
    /// holds nothing that can be read.
    pub fn receive(&self, request: &PushRequest<'_>) -> Result<Received, Refusal> {
        self.admit(request)?;
        let body = request.body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(request.body);
        let text = std::str::from_utf8(body).map_err(|_| refused(400, "the body is not UTF-8"))?;
        serde_json::from_str::<IgnoredAny>(text).map_err(|_| refused(400, "the body is not JSON"))?;
        if !text.trim_start().starts_with(['{', '[']) {
            return Err(refused(400, "an alert, or a list of alerts, is expected"));
        }
        let mut received =
            Received { detections: Vec::new(), others: Vec::new(), errors: Vec::new(), unreadable: 0 };
        if text.trim_start().starts_with('{') {
            // One event, whatever members it has.
            self.take(&mut received, PushEvent::decode(text).map_err(|e| unreadable(&e)));
        } else {
            let mut elements: Elements = pocketsoc_transport::elements(body);
            let mut count = 0;
            while let Some(event) = elements.next_as::<PushEvent>() {
                count += 1;
                if count > Self::MOST_EVENTS {
                    return Err(refused(413, "the body holds more than a thousand events"));
                }
                self.take(&mut received, event);
            }
        }
        let nothing = received.detections.is_empty() && received.others.is_empty();
        match received.errors.pop() {
            Some(error) if nothing => Err(Refusal { status: 400, error }),
            error => {
                received.errors.extend(error);
                Ok(received)
            }
        }
    }

    fn take(&self, received: &mut Received, event: Result<PushEvent, Error>) {
        let detection = match event {
            Ok(PushEvent::Other(other)) => return received.others.push(other),
            Ok(PushEvent::Alert(alert)) => normalize_push(*alert),
            Err(error) => Err(error),
        };
        match detection {
            Ok(mut detection) => {
                detection.profile.clone_from(&self.profile);
                received.detections.push(detection);
            }
            Err(error) => {
                received.unreadable += 1;
                if received.errors.len() < ERRORS_KEPT {
                    received.errors.push(error);
                }
            }
        }
    }

    /// Whether a request would be taken, its body aside: for those who look before they read the body.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub fn admit(&self, request: &PushRequest<'_>) -> Result<(), Refusal> {
        let known = request.path.strip_prefix('/').is_some_and(|given| self.is_known(given));
        let with_header = self
            .header
            .as_ref()
            .is_none_or(|(name, secret)| same(request.header(name).unwrap_or_default(), secret.expose()));
        if !known || !with_header {
            return Err(refused(404, "there is nothing at this path"));
        }
        if !request.method.eq_ignore_ascii_case("POST") {
            return Err(refused(405, "alerts are pushed by POST"));
        }
        let announced = request.header("content-length").and_then(|length| length.trim().parse::<u64>().ok());
        if request.body.len() > Self::MOST_BYTES
            || announced.is_some_and(|length| length > Self::MOST_BYTES as u64)
        {
            return Err(refused(413, "the body is larger than 4 MiB"));
        }
        let encoding = request.header("content-encoding").map(str::trim).unwrap_or_default();
        if !(encoding.is_empty() || encoding.eq_ignore_ascii_case("identity")) {
            return Err(refused(415, "the body is compressed"));
        }
        Ok(())
    }

    fn is_known(&self, given: &str) -> bool {
        let given = percent_encoding::percent_decode_str(given).decode_utf8_lossy();
        match &self.path {
            Some(secret) => same(&given, secret.expose()),
            None => given.is_empty(),
        }
    }
}

/// Whether two texts are the same, in a time that does not tell where they differ.
fn same(given: &str, secret: &str) -> bool {
    !secret.is_empty() && bool::from(given.as_bytes().ct_eq(secret.as_bytes()))
}

/// Without what stands in the body.
fn unreadable(error: &serde_json::Error) -> Error {
    let place = format!("at line {}, column {}", error.line(), error.column());
    Error::new(ErrorKind::Decode, "receive pushed alerts")
        .with_message(format!("this is no alert ({place})"))
        .with_hint("an alert has `SystemAlertId` as it is pushed, or `id` and `properties` as it is listed")
}

fn refused(status: u16, why: &str) -> Refusal {
    let kind = match status {
        404 => ErrorKind::NotFound,
        400 => ErrorKind::Decode,
        _ => ErrorKind::InvalidRequest,
    };
    Refusal { status, error: Error::new(kind, "receive pushed alerts").with_message(why) }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("profile", &self.profile).finish_non_exhaustive()
    }
}
