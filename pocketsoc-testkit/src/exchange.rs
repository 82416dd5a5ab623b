//! The tenant without a network: an exchange in memory, so that tests can run in virtual time.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use pocketsoc_model::{Clock, Sleep};

use crate::fault::Trouble;
use crate::message::{Reply, Request};
use crate::tenant::Tenant;

/// A pending answer of the tenant.
pub type ExchangeFuture = Pin<Box<dyn Future<Output = io::Result<http::Response<TenantBody>>> + Send>>;

/// How large the chunks of a body are.
const CHUNK: usize = 16 * 1024;

impl Tenant {
    /// A closure that moves HTTP messages to this tenant without a network; what transport takes as its exchange.
    pub fn exchange(&self) -> impl Fn(http::Request<Bytes>) -> ExchangeFuture + Send + Sync + 'static {
        let tenant = self.clone();
        move |request| Box::pin(exchange(tenant.clone(), request))
    }
}

async fn exchange(
    tenant: Tenant,
    mut request: http::Request<Bytes>,
) -> io::Result<http::Response<TenantBody>> {
    // What a client sends on the wire and `http` keeps in the address.
    if let Some(host) = request.uri().authority().map(|a| a.as_str().parse()) {
        request.headers_mut().insert(http::header::HOST, host.map_err(io::Error::other)?);
    }
    let (reply, trouble) = tenant.answer_with_trouble(&Request::from_http(request));
    match trouble {
        Some(Trouble::Refuse) => Err(io::ErrorKind::ConnectionRefused.into()),
        Some(Trouble::ResetAfter) => Err(io::ErrorKind::ConnectionReset.into()),
        Some(Trouble::Hang) => std::future::pending().await,
        Some(Trouble::Late(wait)) => {
            tenant.clock().sleep(wait).await;
            respond(reply, None, Arc::clone(tenant.clock()))
        }
        other => respond(reply, other.as_ref(), Arc::clone(tenant.clock())),
    }
}

fn respond(
    reply: Reply,
    trouble: Option<&Trouble>,
    clock: Arc<dyn Clock>,
) -> io::Result<http::Response<TenantBody>> {
    let body = TenantBody::new(&reply.body, trouble, clock);
    let mut response = http::Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(body).map_err(io::Error::other)
}

/// A body in the making.
pub struct TenantBody {
    chunks: VecDeque<Bytes>,
    /// How it ends, when not well.
    end: Option<io::ErrorKind>,
    every: Duration,
    clock: Arc<dyn Clock>,
    pause: Option<Sleep>,
}

impl TenantBody {
    fn new(body: &Bytes, trouble: Option<&Trouble>, clock: Arc<dyn Clock>) -> Self {
        let (length, size, every, end) = match trouble {
            Some(Trouble::BreakOff(after)) => {
                (*after, CHUNK, Duration::ZERO, Some(io::ErrorKind::ConnectionReset))
            }
            Some(Trouble::EndEarly(after)) => (*after, CHUNK, Duration::ZERO, None),
            Some(Trouble::Drip(size, every)) => (body.len(), *size, *every, None),
            _ => (body.len(), CHUNK, Duration::ZERO, None),
        };
        let body = body.slice(..length.min(body.len()));
        let chunks = (0..body.len())
            .step_by(size.max(1))
            .map(|at| body.slice(at..(at + size.max(1)).min(body.len())))
            .collect();
        Self { chunks, end, every, clock, pause: None }
    }
}

impl Stream for TenantBody {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !self.every.is_zero() {
            let (clock, every) = (Arc::clone(&self.clock), self.every);
            let pause = self.pause.get_or_insert_with(|| clock.sleep(every));
            std::task::ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        Poll::Ready(match self.chunks.pop_front() {
            Some(chunk) => Some(Ok(chunk)),
            None => self.end.take().map(|kind| Err(kind.into())),
        })
    }
}

impl fmt::Debug for TenantBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantBody").field("chunks", &self.chunks.len()).finish_non_exhaustive()
    }
}
