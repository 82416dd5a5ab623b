//! The tables of the README: CPU time per alert, all variants in turn; peak memory in processes of their own; and what a
//! walk takes when each answer takes 50 ms.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use tokio::runtime::Runtime;

use crate::measure::{Service, Variant, runtime};
use crate::server::{Server, output};

const ASKED: &str = "POCKETSOC_BENCH_MEMORY";
const ROUNDS: usize = 9;
const NO_WAIT: Duration = Duration::ZERO;

pub fn print(server: &Server, runtime: &Runtime) {
    println!(
        "\nCPU time per alert (median of {ROUNDS} rounds, all variants of a service in turn) and peak memory over the idle process\n"
    );
    println!(
        "| | 200 a page, µs | ratio to (a) | large pages, µs | ratio to (a) | peak MB, 10,000 alerts | peak MB, 1,000,000 alerts |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for service in Service::ALL {
        let large_page = service.large_page();
        let small = medians(runtime, service, &server.url(200, 10_000, NO_WAIT), 10_000);
        let large =
            medians(runtime, service, &server.url(large_page, 2 * large_page, NO_WAIT), 2 * large_page);
        let reference = Variant::ALL.iter().position(|v| *v == Variant::Typed).unwrap();
        println!("| **{}**, large pages of {large_page} | | | | | | |", service.name());
        for (n, variant) in Variant::ALL.into_iter().enumerate() {
            // Large pages both times: memory must depend on neither.
            let memory = |total| match variant {
                // What holds a whole page of values holds it whatever follows.
                Variant::Untyped if total > 10_000 => f64::NAN,
                _ => peak(service, variant, &server.url(large_page, total, NO_WAIT)),
            };
            println!(
                "| {} | {:.2} | {:.2} | {:.2} | {:.2} | {:.1} | {:.1} |",
                variant.name(),
                small[n],
                small[n] / small[reference],
                large[n],
                large[n] / large[reference],
                memory(10_000),
                memory(1_000_000),
            );
        }
    }
    latency(server, runtime);
}

/// What a walk of 50 pages takes when each answer takes 50 ms.
fn latency(server: &Server, runtime: &Runtime) {
    const PAGES: u32 = 50;
    let wait = Duration::from_millis(50);
    let bound = wait * PAGES;
    println!(
        "\nA walk of {PAGES} pages of 200 alerts, each answered after 50 ms: seconds, and ratio to {PAGES} × 50 ms\n"
    );
    println!("| | normalized | ratio | (a) | ratio |\n|---|---:|---:|---:|---:|");
    for service in Service::ALL {
        let took = |variant: Variant| {
            let mut times: Vec<f64> = (0..3)
                .map(|_| {
                    let start = Instant::now();
                    let url = server.url(200, 200 * PAGES as usize, wait);
                    assert_eq!(runtime.block_on(variant.walk(service, &url)), 200 * PAGES as usize);
                    start.elapsed().as_secs_f64()
                })
                .collect();
            times.sort_by(f64::total_cmp);
            times[1]
        };
        let (ours, by_hand) = (took(Variant::Normalized), took(Variant::Typed));
        let ratio = |seconds: f64| seconds / bound.as_secs_f64();
        println!(
            "| {} | {ours:.2} | {:.3} | {by_hand:.2} | {:.3} |",
            service.name(),
            ratio(ours),
            ratio(by_hand)
        );
    }
}

/// The median CPU time per alert of each variant, in µs.
fn medians(runtime: &Runtime, service: Service, url: &str, total: usize) -> Vec<f64> {
    let mut times = vec![Vec::new(); Variant::ALL.len()];
    for round in 0..=ROUNDS {
        for (n, variant) in Variant::ALL.into_iter().enumerate() {
            let start = ProcessTime::now();
            assert_eq!(runtime.block_on(variant.walk(service, url)), total);
            let per_alert = start.elapsed().as_secs_f64() * 1e6 / f64::from(u32::try_from(total).unwrap());
            if round > 0 {
                times[n].push(per_alert);
            }
        }
    }
    times
        .into_iter()
        .map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        })
        .collect()
}

/// The peak memory of a process that walks, over what it had before, in MB.
fn peak(service: Service, variant: Variant, url: &str) -> f64 {
    let exe = std::env::current_exe().unwrap();
    let service = Service::ALL.iter().position(|s| *s == service).unwrap();
    let index = Variant::ALL.iter().position(|v| *v == variant).unwrap();
    let asked = format!("{service} {index} {url}");
    let child = Command::new(exe).env(ASKED, asked).stdout(Stdio::piped()).spawn().unwrap();
    output(child).trim().parse().unwrap()
}

/// Walks and prints the peak, if this process was started for that.
pub fn measure_memory_if_asked() -> bool {
    let Ok(asked) = std::env::var(ASKED) else { return false };
    let mut asked = asked.split(' ');
    let mut index = || asked.next().unwrap().parse::<usize>().unwrap();
    let (service, variant) = (Service::ALL[index()], Variant::ALL[index()]);
    let url = asked.next().unwrap();
    let runtime = runtime();
    let idle = high_water_mark();
    assert!(runtime.block_on(variant.walk(service, url)) > 0);
    println!("{}", (high_water_mark() - idle) / 1024.0);
    true
}

/// The most memory that this process ever had, in KB; Linux only.
fn high_water_mark() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0.0)
}
