//! Exchanges that play a script, and a connection over them.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::{self, StreamExt as _};
use pocketsoc_model::RawJson;
use pocketsoc_testkit::Tenant;
use pocketsoc_transport::{
    Call, Clock as _, Cloud, Connection, ConnectionBuilder, Credential, Endpoint, KeepRaw, Method, PagePlan,
    Secret, Service, SystemClock, Walk, quota,
};
use serde::Deserialize;

pub(crate) type Chunks = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;
pub(crate) type Answer = Pin<Box<dyn Future<Output = io::Result<http::Response<Chunks>>> + Send>>;

/// What happens to a request.
#[derive(Clone)]
pub(crate) enum Act {
    Reply(u16, Vec<(&'static str, String)>, Bytes),
    /// The right head, then these chunks, then a break.
    Broken(Vec<Bytes>),
    /// These chunks, each after so long.
    Slow(Vec<Bytes>, Duration),
    Refuse,
    Reset,
    Hang,
}

pub(crate) fn ok(body: impl Into<Bytes>) -> Act {
    Act::Reply(200, vec![], body.into())
}

pub(crate) fn status(status: u16) -> Act {
    Act::Reply(status, vec![], Bytes::new())
}

pub(crate) fn throttled(header: &'static str, value: &str) -> Act {
    Act::Reply(429, vec![(header, value.to_owned())], Bytes::new())
}

/// When each request came, and what it was.
#[derive(Clone, Default)]
#[allow(clippy::type_complexity)] // read here and nowhere else
pub(crate) struct Log(Arc<Mutex<Vec<(Duration, http::Request<Bytes>)>>>);

impl Log {
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
    pub(crate) fn times(&self) -> Vec<Duration> {
        self.0.lock().unwrap().iter().map(|(at, _)| *at).collect()
    }
    pub(crate) fn targets(&self) -> Vec<String> {
        let log = self.0.lock().unwrap();
        log.iter().map(|(_, r)| r.uri().path_and_query().unwrap().to_string()).collect()
    }
    pub(crate) fn requests(&self) -> Vec<http::Request<Bytes>> {
        self.0.lock().unwrap().iter().map(|(_, r)| r.clone()).collect()
    }
}

/// An exchange that asks `script` what to do with the nth request.
pub(crate) fn scripted(
    script: impl Fn(usize, &http::Request<Bytes>) -> Act + Send + Sync + 'static,
) -> (impl Fn(http::Request<Bytes>) -> Answer + Send + Sync + 'static, Log) {
    let (log, count, clock) = (Log::default(), AtomicUsize::new(0), SystemClock::new());
    let seen = log.clone();
    let exchange = move |request: http::Request<Bytes>| -> Answer {
        let act = script(count.fetch_add(1, Ordering::SeqCst), &request);
        seen.0.lock().unwrap().push((clock.monotonic(), request));
        Box::pin(play(act))
    };
    (exchange, log)
}

async fn play(act: Act) -> io::Result<http::Response<Chunks>> {
    let reply = |status: u16, headers: Vec<(&'static str, String)>, body: Chunks| {
        let mut response = http::Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(name, value);
        }
        response.body(body).map_err(io::Error::other)
    };
    match act {
        Act::Reply(status, headers, body) => reply(status, headers, stream::iter([Ok(body)]).boxed()),
        Act::Broken(chunks) => {
            let end = stream::iter([Err(io::ErrorKind::ConnectionReset.into())]);
            reply(200, vec![], stream::iter(chunks.into_iter().map(Ok)).chain(end).boxed())
        }
        Act::Slow(chunks, every) => {
            let slow = stream::iter(chunks).then(move |chunk| async move {
                tokio::time::sleep(every).await;
                Ok(chunk)
            });
            reply(200, vec![], slow.boxed())
        }
        Act::Refuse => Err(io::ErrorKind::ConnectionRefused.into()),
        Act::Reset => Err(io::ErrorKind::ConnectionReset.into()),
        Act::Hang => std::future::pending().await,
    }
}

/// A connection with a ready token over an exchange, without pacing.
pub(crate) fn over(http: impl pocketsoc_transport::HttpSend) -> ConnectionBuilder {
    let credential = Credential::token(Secret::new("ready-token"));
    Connection::builder(credential, Cloud::Public)
        .http(http)
        .clock(Arc::new(SystemClock::new()))
        .without_pacing()
}

/// A connection that signs in to a tenant in memory.
pub(crate) fn to(tenant: &Tenant) -> ConnectionBuilder {
    let credential = Credential::client_secret(Tenant::ID, Tenant::CLIENT_ID, Secret::new(Tenant::SECRET));
    Connection::builder(credential, Cloud::Public)
        .http(tenant.exchange())
        .clock(Arc::clone(&clock_of(tenant)))
        .without_pacing()
}

/// A tenant in the runtime's (virtual) time.
pub(crate) fn tenant() -> pocketsoc_testkit::TenantBuilder {
    let start = "2026-09-21T13:00:00Z".parse().unwrap();
    Tenant::builder().clock(Arc::new(SystemClock::starting_at(start)))
}

fn clock_of(_: &Tenant) -> Arc<dyn pocketsoc_transport::Clock> {
    Arc::new(SystemClock::starting_at("2026-09-21T13:00:00Z".parse().unwrap()))
}

pub(crate) fn endpoint(connection: ConnectionBuilder) -> Endpoint {
    connection.build().unwrap().endpoint(Service::DefenderEndpoint, None, None).unwrap()
}

pub(crate) fn get() -> Call {
    Call::fixed(Method::Get, "read the thing", "/api/thing", &quota::MDE)
}

pub(crate) fn post() -> Call {
    Call::fixed(Method::Post, "isolate the machine", "/api/machines/m/isolate", &quota::MDE)
        .with_json(&serde_json::json!({"Comment": "INC-42"}))
        .unwrap()
}

/// An element with an id.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Row {
    pub(crate) id: String,
    #[serde(skip)]
    pub(crate) raw: Option<RawJson>,
}

impl KeepRaw for Row {
    fn keep_raw(&mut self, raw: RawJson) {
        self.raw = Some(raw);
    }
}

pub(crate) fn walk(endpoint: &Endpoint, plan: PagePlan) -> Walk<Row> {
    endpoint.walk(Call::fixed(Method::Get, "list alerts", "/api/alerts", &quota::MDE), plan)
}

/// Everything a walk gives: ids and errors.
pub(crate) async fn drain(walk: &mut Walk<Row>) -> (Vec<String>, Vec<pocketsoc_transport::Error>) {
    let (mut ids, mut errors) = (Vec::new(), Vec::new());
    while let Some(item) = walk.next().await {
        match item {
            Ok(row) => ids.push(row.id),
            Err(error) => errors.push(error),
        }
    }
    (ids, errors)
}

/// A page with these ids and perhaps a next link.
pub(crate) fn page(ids: &[&str], next: Option<&str>) -> Bytes {
    let elements: Vec<String> =
        ids.iter().map(|id| format!("{{\"id\":\"{id}\",\"pad\":\"{}\"}}", "x".repeat(40))).collect();
    let next = next.map(|n| format!(",\"@odata.nextLink\":\"{n}\"")).unwrap_or_default();
    format!("{{\"value\":[{}]{next}}}", elements.join(",")).into()
}
