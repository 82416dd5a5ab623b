//! The services and the variants.

use defender_cloud_client::{AlertScope, DefenderCloudClient, SubscriptionId};
use graph_security_client::GraphSecurityClient;
use mde_client::{Cloud, Connection, Credential, MdeClient, Secret};
use pocketsoc_model::{Detail, DetectionQuery, DetectionSource};
use pocketsoc_transport::Walk;

use crate::by_hand;

/// Whose alerts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Endpoint,
    Azure,
    Graph,
}

pub const SUBSCRIPTION: &str = "5ca1ab1e-0001-4000-8000-0000000000a1";

impl Service {
    pub const ALL: [Self; 3] = [Self::Endpoint, Self::Azure, Self::Graph];

    pub fn name(self) -> &'static str {
        match self {
            Self::Endpoint => "Defender for Endpoint",
            Self::Azure => "Defender for Cloud",
            Self::Graph => "Graph security",
        }
    }

    /// Where a list begins.
    pub fn path(self) -> String {
        match self {
            Self::Endpoint => "/api/alerts?$expand=evidence".into(),
            Self::Azure => format!(
                "/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Security/alerts?api-version=2022-01-01"
            ),
            Self::Graph => "/v1.0/security/alerts_v2?$top=500".into(),
        }
    }

    /// The largest page that the service is known to give.
    pub fn large_page(self) -> usize {
        if self == Self::Endpoint { 10_000 } else { 1000 }
    }

    /// One of its sources.
    fn source(self, url: &str) -> Box<dyn DetectionSource> {
        match self {
            Self::Endpoint => Box::new(endpoint(url).detections("bench")),
            Self::Azure => Box::new(azure(url).detections("bench").within(scope())),
            Self::Graph => Box::new(graph(url).alert_detections("bench")),
        }
    }
}

fn scope() -> AlertScope {
    AlertScope::subscription(SubscriptionId::new(SUBSCRIPTION).unwrap())
}

fn connection() -> Connection {
    let credential = Credential::token(Secret::new("token"));
    Connection::builder(credential, Cloud::Public).without_pacing().build().unwrap()
}

fn endpoint(url: &str) -> MdeClient {
    MdeClient::builder(&connection()).base_url(url).build().unwrap()
}

fn azure(url: &str) -> DefenderCloudClient {
    DefenderCloudClient::builder(&connection()).base_url(url).build().unwrap()
}

fn graph(url: &str) -> GraphSecurityClient {
    GraphSecurityClient::builder(&connection()).base_url(url).build().unwrap()
}

/// One way to walk over alerts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    Normalized,
    Summary,
    Native,
    Typed,
    Untyped,
}

impl Variant {
    pub const ALL: [Self; 5] = [Self::Normalized, Self::Summary, Self::Native, Self::Typed, Self::Untyped];

    pub fn name(self) -> &'static str {
        match self {
            Self::Normalized => "normalized with entities",
            Self::Summary => "normalized, summary",
            Self::Native => "native",
            Self::Typed => "(a) derive, owned strings, .json()",
            Self::Untyped => "(b) serde_json::Value",
        }
    }

    /// Walks over all alerts under an address; how many there were.
    pub async fn walk(self, service: Service, url: &str) -> usize {
        match self {
            Self::Normalized => detections(service, url, Detail::Full).await,
            Self::Summary => detections(service, url, Detail::Summary).await,
            Self::Native => match service {
                Service::Endpoint => {
                    let query = mde_client::AlertQuery::new().with_evidence();
                    elements(endpoint(url).alerts().list(&query)).await
                }
                Service::Azure => elements(azure(url).alerts().list(&scope())).await,
                Service::Graph => {
                    elements(graph(url).alerts().list(&graph_security_client::AlertQuery::new())).await
                }
            },
            Self::Typed => by_hand::typed(service, url).await,
            Self::Untyped => by_hand::untyped(service, url).await,
        }
    }
}

async fn detections(service: Service, url: &str, detail: Detail) -> usize {
    let mut stream = service.source(url).list(&DetectionQuery::all().with_detail(detail));
    let mut count = 0;
    while let Some(item) = stream.next().await {
        std::hint::black_box(item.unwrap());
        count += 1;
    }
    assert!(stream.report().complete);
    count
}

async fn elements<T>(mut walk: Walk<T>) -> usize {
    let mut count = 0;
    while let Some(item) = walk.next().await {
        std::hint::black_box(item.unwrap());
        count += 1;
    }
    count
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
