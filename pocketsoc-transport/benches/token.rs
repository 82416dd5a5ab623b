//! What a call pays for its token when one is at hand.
#![allow(missing_docs, clippy::unwrap_used)]

use criterion::{Criterion, criterion_group, criterion_main};
use futures_util::FutureExt as _;
use pocketsoc_transport::{Cloud, Connection, Credential, Endpoint, Secret, Service};

fn endpoint() -> Endpoint {
    const HERE: &str = "http://127.0.0.1:9";
    let credential = Credential::token(Secret::new("t".repeat(2000)));
    let connection = Connection::builder(credential, Cloud::Public).authority(HERE).build().unwrap();
    connection.endpoint(Service::Graph, Some(HERE), None).unwrap()
}

fn cached(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let endpoint = endpoint();
    runtime.block_on(endpoint.token()).unwrap();
    criterion.bench_function("a cached token", |bencher| {
        bencher.iter(|| endpoint.token().now_or_never().unwrap().unwrap());
    });
}

criterion_group!(benches, cached);
criterion_main!(benches);
