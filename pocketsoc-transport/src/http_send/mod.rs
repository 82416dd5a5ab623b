//! The seam between this crate and whatever moves HTTP messages: one small trait, in `http` types only.

mod reqwest_send;

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_core::Stream;
use http::{Request, Response};

pub(crate) use reqwest_send::ReqwestSend;

/// A response body: decoded bytes as they arrive.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, SendError>> + Send>>;

/// A pending exchange.
pub type SendFuture = Pin<Box<dyn Future<Output = Result<Response<BodyStream>, SendError>> + Send>>;

/// Moves one HTTP request to a service and its answer back.
///
/// Implementations follow no redirects, add no header that names where a request came from, and give the body with
/// any content encoding undone (or leave the `content-encoding` header, which is then an error). Time limits, size
/// limits and retries are the caller's.
///
/// Implemented for any closure from `Request<Bytes>` to a future of a `Response` whose body is a stream of `Bytes`:
/// tests hand one in instead of a network.
pub trait HttpSend: Send + Sync + 'static {
    /// Sends the request; resolves when the head of the answer is there.
    fn send(&self, request: Request<Bytes>) -> SendFuture;
}

impl<F, A, S, E> HttpSend for F
where
    F: Fn(Request<Bytes>) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Response<S>, E>> + Send + 'static,
    S: Stream<Item = Result<Bytes, E>> + Send + 'static,
    E: Into<SendError> + 'static,
{
    fn send(&self, request: Request<Bytes>) -> SendFuture {
        let answer = self(request);
        Box::pin(async move {
            let response = answer.await.map_err(Into::into)?;
            Ok(response.map(|body| {
                use futures_util::StreamExt as _;
                Box::pin(body.map(|chunk| chunk.map_err(Into::into))) as BodyStream
            }))
        })
    }
}

/// Why an exchange failed before an answer could be read.
#[derive(Clone)]
pub struct SendError {
    never_sent: bool,
    source: Arc<dyn std::error::Error + Send + Sync>,
}

impl SendError {
    /// The request certainly never reached the service: name resolution, connection or TLS failed.
    pub fn never_sent(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { never_sent: true, source: Arc::new(source) }
    }

    /// The request may have reached the service.
    pub fn broken(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { never_sent: false, source: Arc::new(source) }
    }

    /// Whether the request certainly never reached the service.
    pub fn was_never_sent(&self) -> bool {
        self.never_sent
    }
}

impl From<io::Error> for SendError {
    fn from(error: io::Error) -> Self {
        // Only what cannot happen once a request is on its way; an unreachable network can.
        use io::ErrorKind::{AddrNotAvailable, ConnectionRefused, NotFound};
        let never = matches!(error.kind(), ConnectionRefused | AddrNotAvailable | NotFound);
        Self { never_sent: never, source: Arc::new(error) }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The innermost cause says what happened; the layers above it name the address.
        let mut cause: &dyn std::error::Error = &*self.source;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        write!(f, "{cause}")
    }
}

impl fmt::Debug for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SendError({self}, never sent: {})", self.never_sent)
    }
}

impl std::error::Error for SendError {}
