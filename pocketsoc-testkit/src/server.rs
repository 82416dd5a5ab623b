//! The tenant on a loopback port, served by wiremock.

use std::io;
use std::net::TcpListener;

use bytes::Bytes;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Respond, ResponseTemplate};

use crate::message::{Reply, Request};
use crate::tenant::Tenant;

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

    /// The tenant.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }
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
