//! The variants, and CPU time as criterion's measure.

use std::time::Duration;

use cpu_time::ProcessTime;
use criterion::Throughput;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use mde_client::{
    AlertQuery, Cloud, Connection, Credential, DetectionQuery, DetectionSource as _, MdeClient, Secret,
};

use crate::by_hand;

/// One way to walk over alerts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    Normalized,
    Native,
    Typed,
    Untyped,
}

impl Variant {
    pub const ALL: [Self; 4] = [Self::Normalized, Self::Native, Self::Typed, Self::Untyped];

    pub fn name(self) -> &'static str {
        match self {
            Self::Normalized => "mde-client, normalized with entities",
            Self::Native => "mde-client, native",
            Self::Typed => "(a) derive, owned strings, .json()",
            Self::Untyped => "(b) serde_json::Value",
        }
    }

    /// Walks over all alerts under an address; how many there were.
    pub async fn walk(self, url: &str) -> usize {
        match self {
            Self::Normalized => {
                let mut stream = client(url).detections("bench").list(&DetectionQuery::all());
                let mut count = 0;
                while let Some(item) = stream.next().await {
                    std::hint::black_box(item.unwrap());
                    count += 1;
                }
                assert!(stream.report().complete);
                count
            }
            Self::Native => {
                let mut walk = client(url).alerts().list(&AlertQuery::new().with_evidence());
                let mut count = 0;
                while let Some(item) = walk.next().await {
                    std::hint::black_box(item.unwrap());
                    count += 1;
                }
                count
            }
            Self::Typed => by_hand::typed(url).await,
            Self::Untyped => by_hand::untyped(url).await,
        }
    }
}

fn client(url: &str) -> MdeClient {
    let credential = Credential::token(Secret::new("token"));
    let connection = Connection::builder(credential, Cloud::Public).without_pacing().build().unwrap();
    MdeClient::builder(&connection).base_url(url).build().unwrap()
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// CPU time of this process, all threads, user and system.
pub struct CpuTime;

impl Measurement for CpuTime {
    type Intermediate = ProcessTime;
    type Value = Duration;

    fn start(&self) -> ProcessTime {
        ProcessTime::now()
    }
    fn end(&self, start: ProcessTime) -> Duration {
        start.elapsed()
    }
    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }
    fn zero(&self) -> Duration {
        Duration::ZERO
    }
    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }
    fn formatter(&self) -> &dyn ValueFormatter {
        &Formatter
    }
}

/// Criterion's own way to write durations.
struct Formatter;

impl ValueFormatter for Formatter {
    fn scale_values(&self, typical: f64, values: &mut [f64]) -> &'static str {
        WallTime.formatter().scale_values(typical, values)
    }
    fn scale_throughputs(&self, typical: f64, throughput: &Throughput, values: &mut [f64]) -> &'static str {
        WallTime.formatter().scale_throughputs(typical, throughput, values)
    }
    fn scale_for_machines(&self, values: &mut [f64]) -> &'static str {
        WallTime.formatter().scale_for_machines(values)
    }
}
