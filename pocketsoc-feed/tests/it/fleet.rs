//! Hundreds of tenants in one process: none waits for another.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use pocketsoc_feed::{Feed, FeedEvent};
use pocketsoc_model::{Clock, Product};

use crate::world::{Habits, Service, VirtualClock};

/// How long each change of each tenant took until it was told, at the median and at most.
async fn lag(tenants: usize, hanging: usize, busy: usize) -> (Duration, Duration) {
    let clock: Arc<dyn Clock> = VirtualClock::new();
    let services: Vec<_> = (0..tenants)
        .map(|n| {
            let habits = Habits { hangs: n < hanging, ..Habits::default() };
            let name = format!("tenant {n}");
            Service::new(&name, Product::DEFENDER_ENDPOINT, Arc::clone(&clock), habits, n as u64)
        })
        .collect();
    let mut builder = Feed::builder(Arc::clone(&clock)).seed(7).most_unacknowledged(100_000);
    for service in &services {
        builder = builder.source(service.clone());
    }
    let mut feed = builder.build().await.unwrap();
    let mut raised: HashMap<(String, String), Duration> = HashMap::new();
    let mut lags = Vec::new();
    for round in 0..40 {
        for (n, service) in services.iter().enumerate() {
            // Some have a flood.
            for m in 0..if n >= tenants - busy { 200 } else { 1 } {
                let id = format!("da{round}_{m}");
                service.change(&id, |_| {});
                raised.insert((service.name.clone(), id), clock.monotonic());
            }
        }
        let end = clock.monotonic() + Duration::from_secs(60);
        while clock.monotonic() < end {
            let left = end.saturating_sub(clock.monotonic());
            let Ok(Some(event)) = tokio::time::timeout(left, feed.next()).await else { continue };
            if let FeedEvent::Change(change) = event {
                feed.acknowledge(change.sequence);
                let d = &change.detection;
                let at = raised.remove(&(d.profile.clone(), d.id.to_string())).unwrap();
                let n: usize = d.profile.rsplit(' ').next().unwrap().parse().unwrap();
                if n < tenants - busy {
                    lags.push(clock.monotonic().saturating_sub(at));
                }
            }
        }
    }
    lags.sort_unstable();
    let left = raised.keys().filter(|(name, _)| {
        let n: usize = name.rsplit(' ').next().unwrap().parse().unwrap();
        n >= hanging
    });
    assert_eq!(left.count(), 0, "everything of those that answer is told");
    (lags[lags.len() / 2], *lags.last().unwrap())
}

#[tokio::test(start_paused = true)]
async fn two_hundred_tenants_and_one_that_hangs_and_the_lag_of_the_others_is_unchanged() {
    let alone = lag(200, 0, 0).await;
    let beside_a_dead_one = lag(200, 1, 0).await;
    let difference = |a: Duration, b: Duration| a.max(b).saturating_sub(a.min(b));
    assert!(
        difference(alone.0, beside_a_dead_one.0) < Duration::from_secs(1),
        "{alone:?} {beside_a_dead_one:?}"
    );
    assert!(
        difference(alone.1, beside_a_dead_one.1) < Duration::from_secs(2),
        "{alone:?} {beside_a_dead_one:?}"
    );
    assert!(alone.1 < Duration::from_secs(35), "at most a poll's time: {alone:?}");
}

#[tokio::test(start_paused = true)]
async fn a_tenant_with_a_flood_does_not_delay_the_others() {
    let alone = lag(50, 0, 0).await;
    let beside_a_flood = lag(50, 0, 1).await;
    assert!(beside_a_flood.0 < alone.0 + Duration::from_secs(3), "{alone:?} {beside_a_flood:?}");
}
