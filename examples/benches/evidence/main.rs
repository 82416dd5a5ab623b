//! What a page of 1,000 alerts with all types of evidence costs, beside derived structs that keep nothing else.
//!
//! `cargo bench -p pocketsoc-examples --bench evidence` prints criterion's figures (CPU time) and then the ratio of two
//! runs in turn, so that it holds whatever the machine does. Ours is the whole walk, from the bytes of an answer to typed
//! evidence; theirs is one `serde_json::from_slice` over the page, which is there already.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::struct_field_names
)]

#[path = "../measurement/cpu.rs"]
mod cpu;
mod derived;

use std::time::Duration;

use bytes::Bytes;
use cpu_time::ProcessTime;
use criterion::{Criterion, Throughput};
use graph_security_client::{AlertQuery, Cloud, Connection, Credential, GraphSecurityClient, Secret};
use tokio::runtime::Runtime;

const ALERTS: usize = 1000;
/// Pieces of evidence an alert: the types take turns, so that the page has each of them 174 times.
const PIECES: usize = 8;

fn page() -> Bytes {
    let fixtures = include_str!("../../../graph-security-client/tests/it/fixtures/evidence.json");
    let pieces: Vec<&serde_json::value::RawValue> = serde_json::from_str(fixtures).unwrap();
    let alert = include_str!("../../../graph-security-client/tests/it/fixtures/alert_full.json");
    let alert: serde_json::Map<String, serde_json::Value> = serde_json::from_str(alert).unwrap();
    let mut page = String::from("{\"value\":[");
    for n in 0..ALERTS {
        let mut one = alert.clone();
        one.insert("id".into(), format!("da{n}_1").into());
        one.remove("evidence");
        // Structs by hand take texts only.
        one.remove("customDetails");
        one.remove("additionalData");
        let rest = serde_json::to_string(&one).unwrap();
        page.push_str(if n == 0 { "" } else { "," });
        page.push_str(rest.strip_suffix('}').unwrap());
        page.push_str(",\"evidence\":[");
        for piece in 0..PIECES {
            page.push_str(if piece == 0 { "" } else { "," });
            page.push_str(pieces[(n * PIECES + piece) % pieces.len()].get());
        }
        page.push_str("]}");
    }
    page.push_str(
        "],\"@odata.nextLink\":\"https://graph.microsoft.com/v1.0/security/alerts_v2?$skiptoken=end\"}",
    );
    page.into()
}

fn client(page: Bytes) -> GraphSecurityClient {
    let exchange = move |request: http::Request<Bytes>| {
        let at_the_end = request.uri().query().is_some_and(|query| query.contains("skiptoken"));
        let page = if at_the_end { Bytes::from_static(b"{\"value\":[]}") } else { page.clone() };
        async move {
            let chunks: Vec<_> = (0..page.len())
                .step_by(16 * 1024)
                .map(|at| Ok::<_, std::io::Error>(page.slice(at..page.len().min(at + 16 * 1024))))
                .collect();
            Ok::<_, std::io::Error>(http::Response::new(futures_util::stream::iter(chunks)))
        }
    };
    let credential = Credential::token(Secret::new("token"));
    let connection =
        Connection::builder(credential, Cloud::Public).http(exchange).without_pacing().build().unwrap();
    GraphSecurityClient::new(&connection).unwrap()
}

/// Every alert of the page with all of its evidence; how many pieces there were.
async fn ours(client: &GraphSecurityClient) -> usize {
    let mut walk = client.alerts().list(&AlertQuery::new());
    let mut pieces = 0;
    while let Some(alert) = walk.next().await {
        pieces += std::hint::black_box(alert.unwrap().evidence().unwrap()).len();
    }
    pieces
}

fn theirs(page: &[u8]) -> usize {
    let page: derived::Page = serde_json::from_slice(page).unwrap();
    std::hint::black_box(page).value.iter().map(|alert| alert.evidence.as_ref().unwrap().len()).sum()
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// The medians of both, in turn, and their ratio.
fn compare(runtime: &Runtime, client: &GraphSecurityClient, page: &[u8]) {
    let timed = |run: &dyn Fn() -> usize| {
        let begin = ProcessTime::now();
        assert_eq!(run(), ALERTS * PIECES);
        begin.elapsed()
    };
    let (mut own, mut hand) = (Vec::new(), Vec::new());
    for _ in 0..31 {
        own.push(timed(&|| runtime.block_on(ours(client))));
        hand.push(timed(&|| theirs(page)));
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64() * 1e6 / f64::from(u16::try_from(ALERTS).unwrap())
    };
    let (own, hand) = (median(&mut own), median(&mut hand));
    println!(
        "an alert of {} bytes: {own:.2} µs, derived structs {hand:.2} µs, ratio {:.2}",
        page.len() / ALERTS,
        own / hand
    );
}

fn main() {
    let page = page();
    let (runtime, client) = (runtime(), client(page.clone()));
    let mut criterion =
        Criterion::default().with_measurement(cpu::CpuTime).sample_size(20).configure_from_args();
    let mut group = criterion.benchmark_group("a page of 1,000 alerts with all types of evidence, CPU time");
    group.throughput(Throughput::Elements(ALERTS as u64)).measurement_time(Duration::from_secs(3));
    group.bench_function("ours, typed evidence", |bencher| {
        bencher.iter(|| assert_eq!(runtime.block_on(ours(&client)), ALERTS * PIECES));
    });
    group.bench_function("derived structs, from_slice", |bencher| {
        bencher.iter(|| assert_eq!(theirs(&page), ALERTS * PIECES));
    });
    group.finish();
    criterion.final_summary();
    if std::env::args().any(|arg| arg == "--bench") {
        compare(&runtime, &client, &page);
    }
}
