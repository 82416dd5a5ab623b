//! What every call does is free of allocations: counted, in a process of its own.
#![allow(clippy::unwrap_used)]

use futures_util::FutureExt as _;
use pocketsoc_transport::{Cloud, Connection, Credential, Secret, Service};

#[tokio::test]
async fn a_cached_token_costs_no_allocation() {
    const HERE: &str = "http://127.0.0.1:9";
    let credential = Credential::token(Secret::new("t".repeat(2000)));
    let connection = Connection::builder(credential, Cloud::Public).authority(HERE).build().unwrap();
    let endpoint = connection.endpoint(Service::Graph, Some(HERE), None).unwrap();
    endpoint.token().await.unwrap();
    let counted = allocation_counter::measure(|| {
        for _ in 0..1000 {
            assert!(endpoint.token().now_or_never().unwrap().is_ok());
        }
    });
    assert_eq!(counted.count_total, 0);
}
