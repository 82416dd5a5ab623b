//! The tenant on a loopback port, served by wiremock.

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Respond, ResponseTemplate};

use crate::message::{Reply, Request};
use crate::tenant::{Push, Tenant};

/// So long an answer to a push is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// More of an answer to a push is not read.
const MOST_OF_AN_ANSWER: u64 = 4096;

/// A tenant on a loopback port; it stops when dropped.
#[derive(Debug)]
pub struct TenantServer {
    server: MockServer,
    tenant: Tenant,
}

impl TenantServer {
    /// Serves a tenant on a port of the system's choice.
    ///
    /// # Errors
    /// When no loopback port can be had.
    pub async fn start(tenant: Tenant) -> io::Result<Self> {
        Self::start_on(tenant, 0).await
    }

    /// Serves a tenant on a port.
    ///
    /// # Errors
    /// When the port cannot be had.
    pub async fn start_on(tenant: Tenant, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        // The tenant keeps its own record; wiremock's would grow for ever.
        let server = MockServer::builder().listener(listener).disable_request_recording().start().await;
        Mock::given(any()).respond_with(Answering(tenant.clone())).mount(&server).await;
        Ok(Self { server, tenant })
    }

    /// The address, such as `http://127.0.0.1:49152`: of the services and of the sign-in alike.
    pub fn uri(&self) -> String {
        self.server.uri()
    }

    /// Sends the pushes that are on their way, and says what each was answered. What fails is tried four more times, with
    /// the next ones. Only to addresses on this machine: the
    /// tenant does not reach beyond it.
    pub async fn deliver_pushes(&self) -> Vec<(Push, io::Result<u16>)> {
        let mut all = Vec::new();
        for push in self.tenant.take_pushes() {
            let answer = tokio::time::timeout(PATIENCE, post(&push)).await;
            let answer = answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
            if !matches!(&answer, Ok(status) if *status < 500 && *status != 408 && *status != 429) {
                self.tenant.try_again(push.clone());
            }
            all.push((push, answer));
        }
        all
    }

    /// The tenant.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }
}

/// Sends a push, as a Logic App would; the status of the answer.
async fn post(push: &Push) -> io::Result<u16> {
    let rest = push.url.strip_prefix("http://").unwrap_or_default();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let here = host.starts_with("127.0.0.1:") || host.starts_with("localhost:") || host.starts_with("[::1]:");
    if !here {
        return Err(io::Error::other("the tenant pushes to addresses on this machine only"));
    }
    let mut stream = tokio::net::TcpStream::connect(host).await?;
    let head = format!(
        "POST /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        push.body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(push.body.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(MOST_OF_AN_ANSWER).read_to_end(&mut answer).await?;
    let line = String::from_utf8_lossy(&answer);
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.ok_or_else(|| io::Error::other("an answer that is no HTTP"))
}

struct Answering(Tenant);

impl Respond for Answering {
    fn respond(&self, request: &wiremock::Request) -> ResponseTemplate {
        let headers = request
            .headers
            .iter()
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        let Reply { status, headers, body } = self.0.answer(&Request {
            method: request.method.as_str().to_owned(),
            path: request.url.path().to_owned(),
            query: request.url.query().unwrap_or_default().to_owned(),
            headers,
            body: Bytes::copy_from_slice(&request.body),
        });
        let kind = headers.iter().find(|(n, _)| n == "content-type").map_or("", |(_, value)| value.as_str());
        let template = ResponseTemplate::new(status).set_body_raw(body.to_vec(), kind);
        headers
            .iter()
            .filter(|(n, _)| n != "content-type")
            .fold(template, |template, (name, value)| template.append_header(name.as_str(), value.as_str()))
    }
}
