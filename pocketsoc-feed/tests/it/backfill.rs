//! A long time, read side by side: faster than the chain of links, and as complete.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;
use pocketsoc_feed::Backfill;
use pocketsoc_model::{Clock, DetectionQuery, DetectionSourceExt as _, Product, Status};

use crate::world::{Habits, Service, VirtualClock};

/// A service with so many detections over a month, where a share of them is of one hour.
fn filled(seed: u64, count: u64, burst: u8, habits: Habits) -> (Service, DateTime<Utc>, DateTime<Utc>) {
    let clock: Arc<dyn Clock> = VirtualClock::new();
    let service = Service::new("Endpoint", Product::DEFENDER_ENDPOINT, Arc::clone(&clock), habits, seed);
    let from = clock.now();
    let mut rng = Rng::with_seed(seed);
    let mut times: Vec<i64> = (0..count)
        .map(|_| if rng.u8(..100) < burst { 2_000_000 + rng.i64(0..3600) } else { rng.i64(0..2_592_000) })
        .collect();
    times.sort_unstable();
    for (n, seconds) in times.into_iter().enumerate() {
        let at = from + TimeDelta::seconds(seconds);
        service.put_at(&format!("da{n}"), at);
    }
    (service, from, from + TimeDelta::days(30))
}

async fn ids(backfill: Backfill) -> (Vec<(String, Option<DateTime<Utc>>)>, bool) {
    let mut walk = backfill.walk();
    let mut all = Vec::new();
    while let Some(item) = walk.next().await {
        let d = item.unwrap();
        all.push((d.id.to_string(), d.updated_at));
    }
    (all, walk.report().complete)
}

#[tokio::test(start_paused = true)]
async fn fifty_pages_take_a_third_of_the_time_of_the_chain_however_they_are_spread() {
    for (seed, burst) in [(1, 0), (2, 50), (3, 80)] {
        let habits = Habits { page: 100, ..Habits::default() };
        let (service, from, until) = filled(seed, 5000, burst, habits);
        let begin = tokio::time::Instant::now();
        let chained = service.collect(&DetectionQuery::updated_since(from)).await.unwrap();
        let chain = begin.elapsed();
        assert_eq!((chained.len(), chain), (5000, Duration::from_millis(50 * 50)));
        let begin = tokio::time::Instant::now();
        let (all, complete) = ids(Backfill::new(Arc::new(service.clone()), from, until)).await;
        let ratio = begin.elapsed().as_secs_f64() / chain.as_secs_f64();
        assert!(complete && all.len() == 5000, "{} of 5000", all.len());
        println!("{burst} % in one hour: {ratio:.2} of the chain");
        assert!(ratio <= 0.35, "burst of {burst} %: {ratio:.2}");
    }
}

#[tokio::test(start_paused = true)]
async fn windows_meet_without_a_gap_and_without_anything_twice() {
    for seed in 0..60 {
        let mut rng = Rng::with_seed(seed);
        let habits = Habits { page: [3, 10, 50][rng.usize(..3)], ascending: rng.bool(), ..Habits::default() };
        let (service, from, until) = filled(seed, rng.u64(..600), rng.u8(..100), habits);
        let query = DetectionQuery::all().with_statuses([Status::Active]);
        let windows = rng.usize(1..12);
        let backfill = Backfill::new(Arc::new(service.clone()), from, until).with_windows_at_once(windows);
        let backfill = backfill.with_query(query);
        let truth: BTreeSet<_> = service.truth().iter().map(|d| d.id.to_string()).collect();
        for ordered in [false, true] {
            let backfill = if ordered { backfill.clone().in_time_order() } else { backfill.clone() };
            let (all, complete) = ids(backfill).await;
            let unique: BTreeSet<_> = all.iter().map(|(id, _)| id.clone()).collect();
            assert_eq!(
                (all.len(), &unique, complete),
                (truth.len(), &truth, true),
                "seed {seed}, ordered {ordered}"
            );
            assert!(!ordered || all.is_sorted_by_key(|(_, at)| *at), "seed {seed}: in the order of time");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_window_that_fails_makes_the_whole_incomplete_and_the_others_go_on() {
    let habits = Habits { failing: 20, ..Habits::default() };
    let (service, from, until) = filled(5, 400, 0, habits);
    let mut walk = Backfill::new(Arc::new(service), from, until).walk();
    let (mut found, mut failed) = (0, 0);
    while let Some(item) = walk.next().await {
        if item.is_ok() { found += 1 } else { failed += 1 }
    }
    assert!(failed > 0 && found > 40, "{found} found, {failed} failed");
    assert!(!walk.report().complete);
}

#[tokio::test(start_paused = true)]
async fn hundreds_of_one_instant_are_read_once_and_the_walk_ends() {
    for (seed, ascending) in [(1, true), (2, false)] {
        let habits = Habits { page: 50, ascending, ..Habits::default() };
        let (service, from, until) = filled(seed, 200, 0, habits);
        // Somebody closes a queue at once: some seconds of work, then one instant.
        let burst = from + TimeDelta::days(9);
        for n in 0..40 {
            service.put_at(&format!("before{n}"), burst - TimeDelta::seconds(n));
        }
        for n in 0..700 {
            service.put_at(&format!("burst{n:03}"), burst + TimeDelta::milliseconds(n / 10));
        }
        let backfill = Backfill::new(Arc::new(service.clone()), from, until);
        let ended = tokio::time::timeout(Duration::from_secs(60), ids(backfill)).await;
        let (all, complete) = ended.expect("the walk ends");
        let pages = service.asked().0;
        assert!(complete && all.len() == 940, "{} of 940", all.len());
        assert!(pages < 100, "{pages} pages of 19");
    }
}

#[tokio::test(start_paused = true)]
async fn in_the_order_of_time_no_more_is_held_than_agreed() {
    for seed in 0..20 {
        let habits = Habits { page: 50, ascending: seed % 2 == 0, ..Habits::default() };
        let (service, from, until) = filled(seed, 6000, 60, habits);
        let backfill = Backfill::new(Arc::new(service.clone()), from, until);
        let mut walk = backfill.in_time_order().hold_at_most(500).walk();
        let (mut given, mut last, mut most) = (0, None, 0);
        while let Some(item) = walk.next().await {
            let d = item.unwrap();
            assert!(last <= d.updated_at, "seed {seed}");
            last = d.updated_at;
            given += 1;
            most = most.max(service.copies() - 6000);
        }
        assert_eq!((given, walk.report().complete), (6000, true), "seed {seed}");
        // What is held, as much again of the window whose turn it is, and a page of each of eight.
        assert!((400..=2 * 500 + 8 * 50).contains(&most), "seed {seed}: {most} at once");
        assert!(service.asked().0 < 6000 / 50 * 6, "seed {seed}: {} pages of 120", service.asked().0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_newer_than_the_end_belongs_to_the_last_window_and_the_walk_ends() {
    for (seed, ascending) in [(1, false), (2, true), (3, false)] {
        let habits = Habits { page: 20, ascending, ..Habits::default() };
        let (service, from, until) = filled(seed, 3000, 30, habits);
        // Asked for as if it were weeks ago; and somewhere a time is none.
        service.put_at("odd", "9999-12-31T00:00:00Z".parse().unwrap());
        for end in [until - TimeDelta::days(20), until - TimeDelta::days(2), from + TimeDelta::hours(1)] {
            let backfill = Backfill::new(Arc::new(service.clone()), from, end);
            for backfill in [backfill.clone(), backfill.in_time_order()] {
                let ended = tokio::time::timeout(Duration::from_secs(600), ids(backfill)).await;
                let (all, complete) = ended.expect("the walk ends");
                let unique: BTreeSet<_> = all.iter().map(|(id, _)| id).collect();
                assert_eq!(
                    (all.len(), unique.len(), complete),
                    (3001, 3001, true),
                    "seed {seed}, until {end}"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_changes_while_it_is_read_is_in_it_whatever_window_it_has_left() {
    for seed in 0..120 {
        let failing = u8::from(seed % 4 < 2);
        let habits = Habits { page: 10, ascending: seed % 2 == 0, failing, ..Habits::default() };
        let (service, from, until) = filled(seed, 800, 20, habits);
        service.put_at("odd", "9999-12-31T00:00:00Z".parse().unwrap());
        let backfill = Backfill::new(Arc::new(service.clone()), from, until);
        let mut walk = if seed % 3 == 0 { backfill.in_time_order() } else { backfill }.walk();
        let (mut seen, mut rng, mut moved) = (BTreeSet::new(), Rng::with_seed(seed), 0);
        while let Some(item) = walk.next().await {
            // Pages break off now and then, and are read again.
            let Ok(d) = item else { continue };
            seen.insert(d.id.to_string());
            if rng.u8(..10) == 0 && moved < 40 {
                moved += 1;
                let at = until + TimeDelta::seconds(seen.len().try_into().unwrap());
                service.put_at(&format!("da{}", rng.u64(..800)), at);
            }
        }
        let missing: Vec<_> =
            service.truth().iter().map(|d| d.id.to_string()).filter(|id| !seen.contains(id)).collect();
        // A report that says complete keeps its word, whatever broke off on the way.
        assert!(failing > 0 || walk.report().complete, "seed {seed}");
        assert!(!walk.report().complete || missing.is_empty(), "seed {seed}: {missing:?} of {moved} moved");
    }
}
