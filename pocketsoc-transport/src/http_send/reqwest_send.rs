//! The exchange over reqwest.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};

use super::{BodyStream, HttpSend, SendError, SendFuture};

/// Longest time for connecting, name resolution and TLS included.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// reqwest with everything that could leak or loop switched off.
///
/// Plain http, which only goes to this machine and the platform below it, has a client of its own: no proxy, no
/// compression, no platform certificates needed.
pub(crate) struct ReqwestSend {
    user_agent: String,
    compression: Option<bool>,
    near: OnceLock<Result<reqwest::Client, String>>,
    remote: OnceLock<Result<reqwest::Client, String>>,
}

impl ReqwestSend {
    /// Whether this build can speak https at all.
    pub(crate) const HAS_TLS: bool = cfg!(any(feature = "rustls", feature = "native-tls"));

    pub(crate) fn new(user_agent: String, compression: Option<bool>) -> Self {
        Self { user_agent, compression, near: OnceLock::new(), remote: OnceLock::new() }
    }

    fn client(&self, near: bool) -> Result<reqwest::Client, SendError> {
        let cell = if near { &self.near } else { &self.remote };
        cell.get_or_init(|| self.build(near).map_err(|e| innermost(&e)))
            .clone()
            .map_err(|text| SendError::never_sent(std::io::Error::other(text)))
    }

    fn build(&self, near: bool) -> reqwest::Result<reqwest::Client> {
        // Pinned one by one: another crate's features may switch decoders on.
        let compressed = self.compression.unwrap_or(!near);
        let builder = reqwest::Client::builder()
            .user_agent(&self.user_agent)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_LIMIT)
            .gzip(compressed)
            .deflate(compressed)
            .no_brotli()
            .no_zstd()
            .retry(reqwest::retry::never());
        let builder = if near { builder.no_proxy() } else { builder };
        #[cfg(feature = "rustls")]
        let builder = if near { builder.tls_certs_only([]) } else { builder };
        builder.build()
    }
}

impl HttpSend for ReqwestSend {
    fn send(&self, request: Request<Bytes>) -> SendFuture {
        let plain = request.uri().scheme_str() == Some("http");
        let near = plain && request.uri().host().is_some_and(crate::link::is_near);
        let client = self.client(near);
        Box::pin(async move {
            let request =
                reqwest::Request::try_from(request).map_err(|e| SendError::never_sent(e.without_url()))?;
            let answer = client?.execute(request).await.map_err(classify)?;
            let mut head = Response::builder().status(answer.status());
            if let Some(headers) = head.headers_mut() {
                headers.clone_from(answer.headers());
            }
            let body: BodyStream = Box::pin(stream::unfold(Some(answer), |answer| async move {
                let mut answer = answer?;
                match answer.chunk().await {
                    Ok(chunk) => chunk.map(|bytes| (Ok(bytes), Some(answer))),
                    Err(error) => Some((Err(classify(error)), None)),
                }
            }));
            head.body(body).map_err(SendError::broken)
        })
    }
}

/// Connection failures never reached the service. The address, which holds the query, is taken out.
fn classify(error: reqwest::Error) -> SendError {
    let never = error.is_connect() || error.is_builder();
    let error = error.without_url();
    if never { SendError::never_sent(error) } else { SendError::broken(error) }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
