//! The table of the README: CPU time per alert, all variants in turn, and peak memory in processes of their own.

use std::process::{Command, Stdio};

use cpu_time::ProcessTime;
use tokio::runtime::Runtime;

use crate::measure::{Variant, runtime};
use crate::server::{Server, output};

const ASKED: &str = "POCKETSOC_BENCH_MEMORY";
const ROUNDS: usize = 9;

pub fn print(server: &Server, runtime: &Runtime) {
    println!(
        "\nCPU time per alert (median of {ROUNDS} rounds, all variants in turn) and peak memory over the idle process\n"
    );
    println!(
        "| | 200 a page, µs | ratio to (a) | 10,000 a page, µs | ratio to (a) | peak MB, 10,000 alerts | peak MB, 1,000,000 alerts |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    let small = medians(runtime, &server.url(200, 10_000), 10_000);
    let large = medians(runtime, &server.url(10_000, 20_000), 20_000);
    let reference = Variant::ALL.iter().position(|v| *v == Variant::Typed).unwrap();
    for (n, variant) in Variant::ALL.into_iter().enumerate() {
        let memory = |total| {
            // Large pages both times: memory must depend on neither.
            let peak = peak(variant, &server.url(10_000, total));
            format!("{peak:.1}")
        };
        println!(
            "| {} | {:.2} | {:.2} | {:.2} | {:.2} | {} | {} |",
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

/// The median CPU time per alert of each variant, in µs.
fn medians(runtime: &Runtime, url: &str, total: usize) -> Vec<f64> {
    let mut times = vec![Vec::new(); Variant::ALL.len()];
    for round in 0..=ROUNDS {
        for (n, variant) in Variant::ALL.into_iter().enumerate() {
            let start = ProcessTime::now();
            assert_eq!(runtime.block_on(variant.walk(url)), total);
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
fn peak(variant: Variant, url: &str) -> f64 {
    let exe = std::env::current_exe().unwrap();
    let index = Variant::ALL.iter().position(|v| *v == variant).unwrap();
    let child =
        Command::new(exe).env(ASKED, format!("{index} {url}")).stdout(Stdio::piped()).spawn().unwrap();
    output(child).trim().parse().unwrap()
}

/// Walks and prints the peak, if this process was started for that.
pub fn measure_memory_if_asked() -> bool {
    let Ok(asked) = std::env::var(ASKED) else { return false };
    let (index, url) = asked.split_once(' ').unwrap();
    let variant = Variant::ALL[index.parse::<usize>().unwrap()];
    let runtime = runtime();
    let idle = high_water_mark();
    assert!(runtime.block_on(variant.walk(url)) > 0);
    println!("{}", (high_water_mark() - idle) / 1024.0);
    true
}

/// The most memory that this process ever had, in KB; Linux only.
fn high_water_mark() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0.0)
}
