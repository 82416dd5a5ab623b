//! The two common ways to write it by hand: (a) derived types with owned strings, page by page; (b) untyped values.

mod arm;
mod graph;
mod mde;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::measure::Service;

#[derive(Deserialize)]
struct Page<T> {
    value: Vec<T>,
    #[serde(rename = "@odata.nextLink", alias = "nextLink")]
    next: Option<String>,
}

/// (a) Derived types, owned strings, chrono, `.json()` page by page.
pub async fn typed(service: Service, url: &str) -> usize {
    match service {
        Service::Endpoint => pages::<mde::Alert>(service, url).await,
        Service::Azure => pages::<arm::Alert>(service, url).await,
        Service::Graph => pages::<graph::Alert>(service, url).await,
    }
}

/// (b) `serde_json::Value`.
pub async fn untyped(service: Service, url: &str) -> usize {
    pages::<serde_json::Value>(service, url).await
}

async fn pages<T: DeserializeOwned>(service: Service, url: &str) -> usize {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut next = Some(format!("{url}{}", service.path()));
    let mut count = 0;
    while let Some(link) = next {
        let page: Page<T> = client.get(link).bearer_auth("token").send().await.unwrap().json().await.unwrap();
        // Used one by one, as an application would.
        for alert in page.value {
            std::hint::black_box(&alert);
            count += 1;
        }
        next = page.next;
    }
    count
}
