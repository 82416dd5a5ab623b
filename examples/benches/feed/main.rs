//! What a feed costs on top of its sources: changes told, lists compared, polls that bring nothing, many sources.
//!
//! `cargo bench -p pocketsoc-examples --bench feed` prints criterion's figures (CPU time) and then the lines of the feed's
//! README. Answers are rendered once by the fake tenant and served from memory, so that its work is not counted.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

#[path = "../measurement/cpu.rs"]
mod cpu;
mod served;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cpu_time::ProcessTime;
use criterion::{Criterion, Throughput};
use pocketsoc_feed::{CheckpointStore, Claim, Feed, FeedBuilder, FeedEvent};
use pocketsoc_model::{Clock, DetectionQuery, DetectionSource, Result};
use pocketsoc_transport::SystemClock;
use served::Served;
use tokio::runtime::Runtime;

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::starting_at("2026-09-21T13:00:00Z".parse().unwrap()))
}

/// Checkpoints that nobody needs: the memory is to be the feed's own.
#[derive(Debug)]
struct Forgetful;

#[async_trait]
impl CheckpointStore for Forgetful {
    async fn claim(&self, _: &str) -> Result<Option<Claim>> {
        Ok(Some(Claim::for_good(None)))
    }
    async fn renew(&self, _: &str) -> Result<()> {
        Ok(())
    }
    async fn save(&self, _: Vec<(&str, Vec<u8>)>) -> Result<()> {
        Ok(())
    }
    async fn release(&self, _: &str) -> Result<()> {
        Ok(())
    }
}

fn builder() -> FeedBuilder {
    Feed::builder(clock()).seed(1)
}

/// Lists everything; how much there was.
async fn list(source: &dyn DetectionSource) -> usize {
    let mut stream = source.list(&DetectionQuery::all());
    let mut count = 0;
    while let Some(item) = stream.next().await {
        std::hint::black_box(item.unwrap());
        count += 1;
    }
    count
}

/// Tells everything once, all acknowledged; how much there was.
async fn tell(source: impl DetectionSource) -> usize {
    let mut feed = builder().source(source).once().build().await.unwrap();
    let mut count = 0;
    while let Some(event) = feed.next().await {
        let FeedEvent::Change(change) = event else { panic!("{event:?}") };
        feed.acknowledge(std::hint::black_box(change).sequence);
        count += 1;
    }
    count
}

/// A feed that has told everything, and polls again at once until so many requests were answered.
async fn poll_again(feed: &mut Feed, served: &Served, polls: u64) {
    let end = served.answered() + polls;
    let done = async {
        while served.answered() < end {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        event = feed.next() => panic!("nothing is new: {event:?}"),
        () = done => {}
    }
}

async fn told(feed: &mut Feed, count: usize) {
    for _ in 0..count {
        let Some(FeedEvent::Change(change)) = feed.next().await else { panic!() };
        feed.acknowledge(change.sequence);
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn microseconds(time: Duration, count: u64) -> f64 {
    time.as_secs_f64() * 1e6 / u32::try_from(count).map(f64::from).unwrap()
}

/// Resident memory of this process, in bytes.
fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok()).unwrap_or_default() * 4096.0
}

/// Changes told, beside the same list without a feed: in turn, the medians.
fn changes(runtime: &Runtime, count: usize) {
    let served = Served::endpoint(count);
    let source = || served.client().detections("Endpoint");
    assert_eq!(runtime.block_on(list(&source())), count);
    let timed = |told: bool| {
        let begin = ProcessTime::now();
        let found = if told { runtime.block_on(tell(source())) } else { runtime.block_on(list(&source())) };
        assert_eq!(found, count);
        begin.elapsed()
    };
    let mut both: [Vec<Duration>; 2] = Default::default();
    for _ in 0..5 {
        both[0].push(timed(false));
        both[1].push(timed(true));
    }
    let [listed, told] = both.map(|mut times| {
        times.sort_unstable();
        microseconds(times[times.len() / 2], count as u64)
    });
    println!(
        "{count} changes: listed {listed:.2} µs each, through the feed {told:.2} µs each, ratio {:.2}",
        told / listed
    );
}

/// Everything known, listed again and compared: the time, and the memory that it is known by.
fn compared(runtime: &Runtime, count: usize) {
    let served = Served::azure(count);
    let source = served.azure_client().detections("Azure");
    assert_eq!(runtime.block_on(list(&source)), count);
    let asked = served.answered();
    let begin = ProcessTime::now();
    runtime.block_on(list(&source));
    let requests = served.answered() - asked;
    let listed = microseconds(begin.elapsed(), count as u64);
    let before = resident();
    let mut feed = runtime
        .block_on(builder().source(source).checkpoints(Forgetful).poll_every(Duration::ZERO).build())
        .unwrap();
    runtime.block_on(told(&mut feed, count));
    runtime.block_on(poll_again(&mut feed, &served, 1));
    assert_eq!(feed.remembered(), count);
    let each = (resident() - before) / f64::from(u32::try_from(count).unwrap());
    let begin = ProcessTime::now();
    runtime.block_on(poll_again(&mut feed, &served, requests * 3));
    let again = microseconds(begin.elapsed(), count as u64 * 3);
    println!(
        "{count} alerts of Defender for Cloud listed again and compared: {again:.2} µs each (listed alone {listed:.2}), {each:.0} bytes of memory each"
    );
}

/// Polls that bring nothing, of one source and of many.
fn idle(runtime: &Runtime, sources: u32) {
    let served = Served::endpoint(3);
    let before = resident();
    // Without a pause: waiting is not what is measured.
    let mut builder = builder().poll_every(Duration::ZERO);
    for n in 0..sources {
        // A connection each.
        builder = builder.source(served.client().detections(format!("tenant {n}")));
    }
    let mut feed = runtime.block_on(builder.build()).unwrap();
    runtime.block_on(told(&mut feed, 3 * sources as usize));
    runtime.block_on(poll_again(&mut feed, &served, u64::from(sources)));
    let polls = u64::from(sources) * 20 + 2000;
    let asked = served.answered();
    let begin = ProcessTime::now();
    runtime.block_on(poll_again(&mut feed, &served, polls));
    let took = begin.elapsed();
    let each = microseconds(took, served.answered() - asked);
    let share = each * f64::from(sources) / 60e6 * 100.0;
    println!(
        "{sources} sources with nothing new: {each:.1} µs of CPU a poll, at one poll a minute each {share:.2} % of a core; {:.1} MB",
        (resident() - before) / 1e6
    );
}

fn main() {
    let runtime = runtime();
    let mut criterion =
        Criterion::default().with_measurement(cpu::CpuTime).sample_size(10).configure_from_args();
    let mut group = criterion.benchmark_group("10,000 alerts of Defender for Endpoint, CPU time");
    let served = Served::endpoint(10_000);
    let source = || served.client().detections("Endpoint");
    group.throughput(Throughput::Elements(10_000)).measurement_time(Duration::from_secs(3));
    group.bench_function("listed", |bencher| {
        bencher.iter(|| assert_eq!(runtime.block_on(list(&source())), 10_000));
    });
    group.bench_function("told", |bencher| {
        bencher.iter(|| assert_eq!(runtime.block_on(tell(source())), 10_000));
    });
    group.finish();
    criterion.final_summary();
    if std::env::args().any(|arg| arg == "--bench") {
        idle(&runtime, 1);
        idle(&runtime, 1000);
        compared(&runtime, 100_000);
        changes(&runtime, 100_000);
    }
}
