//! What a walk over alerts costs, service by service, beside two common ways to write it by hand.
//!
//! `cargo bench -p pocketsoc-examples --bench alerts` prints criterion's figures (CPU time of this process) and then
//! the table of the README: all variants in turn in one run, so that the ratios hold whatever the machine does. The
//! server is a process of its own; so is each measurement of memory.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::struct_field_names
)]

mod by_hand;
#[path = "../measurement/cpu.rs"]
mod cpu;
mod measure;
mod server;
mod table;

use std::time::Duration;

use cpu::CpuTime;
use criterion::{Criterion, Throughput};
use measure::{Service, Variant};

fn main() {
    if server::serve_if_asked() || table::measure_memory_if_asked() {
        return;
    }
    let server = server::Server::spawn();
    let runtime = measure::runtime();
    let mut criterion = Criterion::default().with_measurement(CpuTime).sample_size(10).configure_from_args();
    for service in Service::ALL {
        let name = format!("{}: 10,000 alerts in pages of 200, CPU time", service.name());
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(10_000)).measurement_time(Duration::from_secs(3));
        let url = server.url(200, 10_000, Duration::ZERO);
        for variant in Variant::ALL {
            group.bench_function(variant.name(), |bencher| {
                bencher.iter(|| assert_eq!(runtime.block_on(variant.walk(service, &url)), 10_000));
            });
        }
        group.finish();
    }
    criterion.final_summary();
    if std::env::args().any(|arg| arg == "--bench") {
        table::print(&server, &runtime);
    }
}
