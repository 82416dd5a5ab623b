//! The conformance suite: it passes what keeps the contract, and it fails what breaks it.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use pocketsoc_model::{
    Capabilities, Clock as _, Detection, DetectionChange, DetectionId, DetectionQuery, DetectionSource,
    DetectionStream, ManualClock, MemorySource, Product, Result, Severity, Status,
};
use pocketsoc_testkit::conformance;

fn memory(product: &Product) -> MemorySource {
    let clock = Arc::new(ManualClock::at("2026-01-31T00:00:00Z".parse().unwrap()));
    let source = MemorySource::new("Memory", product.clone(), Arc::<ManualClock>::clone(&clock));
    for n in 0..12_usize {
        let id = DetectionId::new(format!("d{n}")).unwrap();
        let mut detection = Detection::new(id, product.clone(), format!("thing {n}"));
        detection.severity = Severity::ALL[n % 6];
        detection.status = [Status::Active, Status::InProgress, Status::Resolved][n % 3];
        detection.native_status = Some(detection.status.to_string());
        detection.updated_at = Some(clock.now() + TimeDelta::hours(i64::try_from(n).unwrap()));
        detection.machine_group = (n % 2 == 0).then(|| "Servers".to_owned());
        source.put(detection);
    }
    source
}

#[tokio::test]
async fn the_in_memory_source_keeps_the_contract_for_every_product() {
    for product in [
        Product::DEFENDER_ENDPOINT,
        Product::DEFENDER_FOR_CLOUD,
        Product::GRAPH_ALERT,
        Product::GRAPH_INCIDENT,
    ] {
        conformance::run(&memory(&product)).await;
    }
}

/// What a bad source does.
#[derive(Debug, Clone, Copy)]
enum Sin {
    ListsTwice,
    WidensFilters,
    IgnoresLimits,
    ForgetsItsName,
    LiesAboutWrites,
    AllowsEverything,
    InventsStrangers,
    DropsParts,
}

#[derive(Debug)]
struct Sinner(MemorySource, Sin);

#[async_trait]
impl DetectionSource for Sinner {
    fn name(&self) -> &str {
        self.0.name()
    }
    fn product(&self) -> Product {
        self.0.product()
    }
    async fn capabilities(&self) -> Result<Capabilities> {
        self.0.capabilities().await
    }
    fn list(&self, query: &DetectionQuery) -> DetectionStream {
        let mut query = query.clone();
        match self.1 {
            Sin::WidensFilters => query.statuses.clear(),
            Sin::IgnoresLimits => query.limit = None,
            _ => {}
        }
        let mut all = futures_executor(self.0.list(&query));
        match self.1 {
            Sin::ListsTwice => all.extend(all.clone()),
            Sin::ForgetsItsName => all.iter_mut().for_each(|d| d.profile.clear()),
            _ => {}
        }
        DetectionStream::from_vec(all)
    }
    async fn get(&self, id: &DetectionId) -> Result<Detection> {
        match self.0.get(id).await {
            Err(_) if matches!(self.1, Sin::InventsStrangers) => {
                Ok(Detection::new(id.clone(), self.product(), "stranger"))
            }
            other => other,
        }
    }
    async fn update(&self, id: &DetectionId, change: &DetectionChange) -> Result<Detection> {
        match self.1 {
            Sin::LiesAboutWrites => {
                let mut lie = self.0.get(id).await?;
                lie.status = change.status.unwrap_or(lie.status);
                Ok(lie)
            }
            Sin::DropsParts => {
                let mut less = change.clone();
                less.assigned_to = None;
                self.0.update(id, &less).await
            }
            Sin::AllowsEverything => match self.0.update(id, change).await {
                Err(_) => self.0.get(id).await,
                done => done,
            },
            _ => self.0.update(id, change).await,
        }
    }
}

/// Everything of a stream that is always ready.
fn futures_executor(mut stream: DetectionStream) -> Vec<Detection> {
    let mut all = Vec::new();
    let waker = std::task::Waker::noop();
    let mut context = std::task::Context::from_waker(waker);
    loop {
        let next = std::pin::pin!(stream.next()).poll(&mut context);
        match next {
            std::task::Poll::Ready(Some(Ok(detection))) => all.push(detection),
            _ => return all,
        }
    }
}

#[tokio::test]
async fn a_source_that_breaks_a_promise_fails_the_suite() {
    for sin in [
        Sin::ListsTwice,
        Sin::WidensFilters,
        Sin::IgnoresLimits,
        Sin::ForgetsItsName,
        Sin::LiesAboutWrites,
        Sin::AllowsEverything,
        Sin::InventsStrangers,
        Sin::DropsParts,
    ] {
        let run = tokio::spawn(async move {
            conformance::run(&Sinner(memory(&Product::DEFENDER_FOR_CLOUD), sin)).await;
        });
        assert!(run.await.unwrap_err().is_panic(), "{sin:?} went unnoticed");
    }
}
