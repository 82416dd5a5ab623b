//! What a walk over Defender for Endpoint's alerts costs, beside two common ways to write it by hand.
//!
//! `cargo bench -p pocketsoc-examples --bench alerts` prints criterion's figures (CPU time of this process) and then
//! the table of the README: all variants in turn in one run, so that the ratios hold whatever the machine does. The
//! server is a process of its own; so is each measurement of memory.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::struct_field_names
)]

mod by_hand;
mod measure;
mod server;
mod table;

use std::time::Duration;

use criterion::{Criterion, Throughput};
use measure::{CpuTime, Variant};

fn main() {
    if server::serve_if_asked() || table::measure_memory_if_asked() {
        return;
    }
    let server = server::Server::spawn();
    let runtime = measure::runtime();
    let mut criterion = Criterion::default().with_measurement(CpuTime).sample_size(10).configure_from_args();
    let mut group = criterion.benchmark_group("10,000 alerts in pages of 200, CPU time");
    group.throughput(Throughput::Elements(10_000)).measurement_time(Duration::from_secs(4));
    for variant in Variant::ALL {
        let url = server.url(200, 10_000);
        group.bench_function(variant.name(), |bencher| {
            bencher.iter(|| assert_eq!(runtime.block_on(variant.walk(&url)), 10_000));
        });
    }
    group.finish();
    criterion.final_summary();
    if std::env::args().any(|arg| arg == "--bench") {
        table::print(&server, &runtime);
    }
}
