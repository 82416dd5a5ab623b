//! One service for one connection: every call of every client goes through here.

use std::sync::Arc;
use std::time::Duration;

use pocketsoc_model::{Capabilities, Error, ErrorKind, Principal, Product, Result};
use serde::de::DeserializeOwned;
use url::Url;
use xxhash_rust::xxh3::xxh3_64;

use crate::attempts::{Opened, Reading};
use crate::auth::Grants;
use crate::call::Call;
use crate::connection::{Connection, require_tls};
use crate::page::{Decode, PagePlan, Walk, partial};
use crate::quota::Flow;
use crate::{Secret, Service, link};

/// One service for one connection. Cheap to clone; for those who write clients.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub(crate) connection: Connection,
    pub(crate) service: Service,
    base: Arc<Url>,
    hosts: &'static [&'static str],
    pub(crate) resource: Arc<str>,
    /// Whose calls these are, among those that share a quota.
    flow: Flow,
}

impl Endpoint {
    pub(crate) fn new(
        connection: Connection,
        service: Service,
        base: Option<&str>,
        audience: Option<&str>,
    ) -> Result<Self> {
        let site = connection.cloud().site(service);
        let (Some(address), Some(resource)) =
            (base.or(site.map(|s| s.base)), audience.or(site.map(|s| s.resource)))
        else {
            return Err(Error::new(ErrorKind::Unsupported, "set up the client")
                .with_message(format!("{service} is not offered in the cloud {}", connection.cloud()))
                .with_hint("choose another cloud, or give both the base URL and the audience"));
        };
        let base = link::configured("base_url", address)?;
        require_tls(connection.0.needs_tls_feature, &base)?;
        let hosts = site.map_or(&[][..], |s| s.hosts);
        let resource = resource.strip_suffix("/.default").unwrap_or(resource).into();
        let flow = connection.flow();
        Ok(Self { connection, service, base: Arc::new(base), hosts, resource, flow })
    }

    /// Whose call it is: the lists of one client take turns as well.
    pub(crate) fn flow_of(&self, call: &Call) -> Flow {
        Flow(self.flow.0.wrapping_add(xxh3_64(call.template.as_bytes())))
    }

    /// The connection.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The present token, for calls that this crate does not make; signs in if need be. It goes to no other service.
    ///
    /// # Errors
    /// When the sign-in fails.
    pub async fn token(&self) -> Result<Secret> {
        Ok(self.connection.0.tokens.get(&self.resource).await?.secret)
    }

    /// What the present token grants, as far as it tells; signs in if need be. `None` for an unreadable token.
    ///
    /// # Errors
    /// When the sign-in fails.
    pub async fn grants(&self) -> Result<Option<Grants>> {
        Ok(Grants::read(self.connection.0.tokens.get(&self.resource).await?.secret.expose()))
    }

    /// What the present token allows, by the product's table of grants; signs in if need be. Nothing is asked of the
    /// service.
    ///
    /// # Errors
    /// When the sign-in fails.
    pub async fn capabilities(&self, product: &Product) -> Result<Capabilities> {
        // A token for another service tells nothing about this one.
        let grants = self.grants().await?.filter(|grants| grants.is_for(&self.resource, self.service));
        let principal = grants.as_ref().map_or(Principal::Application, Grants::principal);
        Ok(Capabilities::of(product, principal, |name| grants.as_ref().map(|grants| grants.has_any(&[name]))))
    }

    /// Makes a call and reads its JSON answer.
    ///
    /// # Errors
    /// What the service said; `Decode` when the answer is not of that shape, which is `OutcomeUnknown` for a write.
    pub async fn json<T: DeserializeOwned>(&self, call: &Call) -> Result<T> {
        let bytes = self.bytes(call).await?;
        serde_json::from_str(text(call, &bytes)?).map_err(|e| unreadable(call, &place(&e)))
    }

    /// Makes a call and reads one element, its raw bytes kept.
    ///
    /// # Errors
    /// What the service said; `Decode` when the answer is not of that shape, which is `OutcomeUnknown` for a write.
    pub async fn element<T: Decode>(&self, call: &Call) -> Result<T> {
        self.read(call, &self.bytes(call).await?)
    }

    /// Makes a call and reads one element, its raw bytes kept, and which providers behind the service are missing from it.
    ///
    /// # Errors
    /// As [`element`](Self::element).
    pub async fn element_in_part<T: Decode>(&self, call: &Call) -> Result<(T, Vec<String>)> {
        let opened = self.attempts(call, &self.url_of(call)?, Reading::Whole, None).await?;
        Ok((self.read(call, &opened.whole)?, partial::providers(opened.status, &opened.headers)))
    }

    /// Reads the answer of a call as one element, its raw bytes kept.
    ///
    /// # Errors
    /// `Decode` when it is not of that shape, which is `OutcomeUnknown` for a write.
    pub fn read<T: Decode>(&self, call: &Call, answer: &[u8]) -> Result<T> {
        T::decode(text(call, answer)?).map_err(|e| unreadable(call, &place(&e)))
    }

    /// Makes a call and reads its whole answer, which may be empty.
    ///
    /// # Errors
    /// What the service said.
    pub async fn bytes(&self, call: &Call) -> Result<Vec<u8>> {
        let url = self.url_of(call)?;
        Ok(self.attempts(call, &url, Reading::Whole, None).await?.whole)
    }

    /// Walks over the elements of a list.
    pub fn walk<T: Decode>(&self, call: Call, plan: PagePlan) -> Walk<T> {
        Walk::new(self.clone(), call, plan)
    }

    /// Makes a call and gives the answer as soon as its head is there.
    pub(crate) async fn open(&self, call: &Call, url: &Url, until: Option<Duration>) -> Result<Opened> {
        self.attempts(call, url, Reading::Head, until).await
    }

    pub(crate) fn url_of(&self, call: &Call) -> Result<Url> {
        let base = self.base.as_str().trim_end_matches('/');
        Url::parse(&format!("{base}{}", call.target())).map_err(|_| {
            Error::new(ErrorKind::InvalidRequest, call.operation)
                .with_message("the request's address cannot be built")
        })
    }

    /// A link that the service gave, led back to this service.
    pub(crate) fn follow(&self, text: &str) -> Result<Url> {
        link::follow(&self.base, self.hosts, text)
    }
}

fn text<'a>(call: &Call, bytes: &'a [u8]) -> Result<&'a str> {
    std::str::from_utf8(bytes).map_err(|_| unreadable(call, "bytes that are no text"))
}

/// An answer that is not of the documented shape. A write was accepted all the same: what became of it is to be seen.
fn unreadable(call: &Call, why: &str) -> Error {
    let error = Error::new(ErrorKind::Decode, call.operation)
        .with_message(format!("the answer is not what the service documents ({why})"));
    if call.writes() { error.with_outcome_unknown() } else { error }
}

/// What a parser may say of an error: the kind and the place, and the name of a field that is missing. Its other
/// words may quote what is in an alert.
pub(crate) fn place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let missing =
        text.starts_with("missing field").then(|| text.split(" at line").next().unwrap_or_default());
    match missing {
        Some(missing) => missing.to_owned(),
        None => format!("{:?} error at line {}, column {}", error.classify(), error.line(), error.column()),
    }
}
