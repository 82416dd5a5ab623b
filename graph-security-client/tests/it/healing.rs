//! Lists that heal themselves: whatever the service does not give, nothing is lost, and what was done without is said.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;
use graph_security_client::{
    Alert, AlertQuery, Cloud, Connection, Credential, DetectionQuery, DetectionSource, DetectionSourceExt,
    ErrorKind, GraphSecurityClient, IncidentQuery, Secret, Walk, WalkReport,
};
use pocketsoc_testkit::{GraphTroubles, Request, Tenant};

use crate::virtual_tenant::{client, clock, incidents, tenant};

/// An id and an update time: a version of something.
type Version = (String, DateTime<Utc>);

async fn versions(mut walk: Walk<Alert>) -> (Vec<Version>, WalkReport) {
    let mut all = Vec::new();
    while let Some(alert) = walk.next().await {
        let alert = alert.unwrap();
        all.push((alert.id.to_string(), alert.last_update_date_time.unwrap()));
    }
    (all, walk.report())
}

fn each_once(seen: &[Version], truth: &[Version]) {
    let known: BTreeSet<_> = seen.iter().collect();
    assert_eq!(known.len(), seen.len(), "each once");
    assert_eq!(known, truth.iter().collect(), "all of them");
}

#[tokio::test(start_paused = true)]
async fn p05_a_page_that_is_refused_is_asked_for_smaller_and_the_size_is_remembered() {
    let tenant = tenant().alerts(300).build();
    tenant.trouble_graph(GraphTroubles::new().refusing_pages_above(100));
    let graph = client(&tenant);
    let (seen, report) = versions(graph.alerts().list(&AlertQuery::new())).await;
    each_once(&seen, &tenant.graph_alert_versions());
    assert!(report.complete);
    assert_eq!(report.degraded, ["pages of more than 100"]);
    let tops: Vec<_> = tenant.requests_to("/alerts_v2").iter().map(|r| r.option("$top").unwrap()).collect();
    assert_eq!(tops[..2], ["500", "100"]);
    assert!(tops[1..].iter().all(|top| top == "100"));

    tenant.forget_requests();
    let (seen, report) = versions(graph.alerts().list(&AlertQuery::new().with_page_size(1000))).await;
    assert_eq!((seen.len(), report.degraded.len()), (tenant.graph_alert_ids().len(), 0));
    assert_eq!(tenant.requests_to("/alerts_v2")[0].option("$top").as_deref(), Some("100"), "at once");

    tenant.trouble_graph(GraphTroubles::new().refusing_pages_above(20));
    let found = graph.incidents().list(&IncidentQuery::new()).collect().await.unwrap();
    assert_eq!(found.len(), tenant.incident_ids().len());
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_the_query_itself_is_said_in_the_services_words() {
    let tenant = tenant().build();
    let query =
        AlertQuery::new().with_filter(graph_security_client::odata::Filter::Raw("title eq 'x'".into()));
    let error = client(&tenant).alerts().list(&query).collect().await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::InvalidRequest, Some(400)));
    assert!(error.message().contains("Invalid filter property"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn p08_a_link_that_the_service_rejects_is_replaced_by_windows_of_the_update_time() {
    let tenant = tenant().alerts(200).page_cap(40).build();
    tenant.trouble_graph(GraphTroubles::new().with_links_that_die_at(80));
    let status = graph_security_client::alert_fields::STATUS.eq(&graph_security_client::AlertStatus::New);
    let other =
        graph_security_client::alert_fields::STATUS.eq(&graph_security_client::AlertStatus::InProgress);
    let walk = client(&tenant).alerts().list(&AlertQuery::new().with_filter(status.or(other)));
    let (seen, report) = versions(walk).await;
    assert!(report.complete);
    assert_eq!(report.degraded.len(), 1, "{report:?}");
    let requests = tenant.requests_to("/alerts_v2");
    let by_time = |r: &&Request| r.option("$orderby").as_deref() == Some("lastUpdateDateTime asc");
    let windows: Vec<_> = requests.iter().filter(by_time).map(|r| r.option("$filter").unwrap()).collect();
    assert!(windows.len() > 2, "{windows:#?}");
    assert_eq!(windows[0], "status eq 'new' or status eq 'inProgress'", "from the beginning");
    for window in &windows[1..] {
        let rest =
            window.strip_prefix("(status eq 'new' or status eq 'inProgress') and lastUpdateDateTime ge ");
        assert!(rest.is_some_and(|time| time.parse::<DateTime<Utc>>().is_ok()), "{window}");
    }
    tenant.trouble_graph(GraphTroubles::new());
    let all = client(&tenant).alerts().list(&AlertQuery::new()).collect().await.unwrap();
    let open = |a: &&Alert| a.status.as_ref().is_some_and(|s| matches!(s.as_str(), "new" | "inProgress"));
    assert_eq!(seen.len(), all.iter().filter(open).count());
}

#[tokio::test(start_paused = true)]
async fn p02_full_pages_without_a_link_and_links_by_number_do_not_end_the_list_early() {
    for troubles in [
        GraphTroubles::new().without_links(),
        GraphTroubles::new().with_links_by_skip(),
        GraphTroubles::new().with_links_by_skip().stalling_at(600),
        GraphTroubles::new().stalling_at(100),
    ] {
        let tenant = tenant().alerts(900).build();
        tenant.trouble_graph(troubles);
        let walk = client(&tenant).alerts().list(&AlertQuery::new().with_page_size(100));
        let (seen, report) = versions(walk).await;
        each_once(&seen, &tenant.graph_alert_versions());
        assert!(report.complete && report.degraded.len() == 1, "{report:?}");
        let skips =
            tenant.requests_to("/alerts_v2").iter().filter_map(|r| r.option("$skip")?.parse().ok()).max();
        assert!(skips.is_none_or(|most: u32| most <= 500), "never deep: {skips:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_walk_by_time_that_broke_off_is_taken_up_again_by_time() {
    let tenant = tenant().alerts(200).page_cap(40).build();
    tenant.trouble_graph(GraphTroubles::new().with_links_that_die_at(80));
    let source = client(&tenant).alert_detections("Graph");
    tenant.add_fault(pocketsoc_testkit::Fault::status("/alerts_v2", 403).for_query("%20ge%20").after(1));
    let mut stream = source.list(&DetectionQuery::all());
    let (mut ids, mut failed) = (BTreeSet::new(), 0);
    while let Some(item) = stream.next().await {
        match item {
            Ok(detection) => drop(ids.insert(detection.id.to_string())),
            Err(_) => failed += 1,
        }
    }
    assert_eq!(failed, 1);
    tenant.clear_faults();
    let resume = stream.report().resume.unwrap();
    assert!(resume.as_str().contains("$orderby"), "{resume:?}");
    let mut stream = source.list(&DetectionQuery::all().with_resume(resume));
    while let Some(item) = stream.next().await {
        ids.insert(item.unwrap().id.to_string());
    }
    assert!(stream.report().complete);
    assert_eq!(ids, tenant.graph_alert_ids().into_iter().collect());
}

#[tokio::test(start_paused = true)]
async fn more_at_one_instant_than_the_service_gives_is_told_of_and_the_rest_is_read() {
    let tenant = tenant().alerts(120).build();
    tenant.align_updates(TimeDelta::days(10_000));
    tenant.touch_in_graph(&tenant.graph_alert_ids()[5]);
    tenant.trouble_graph(GraphTroubles::new().without_links());
    let mut walk = client(&tenant).alerts().list(&AlertQuery::new().with_page_size(50));
    let (mut seen, mut errors) = (Vec::new(), Vec::new());
    while let Some(item) = walk.next().await {
        match item {
            Ok(alert) => seen.push(alert.id.to_string()),
            Err(error) => errors.push(error),
        }
    }
    assert_eq!(errors.len(), 1);
    assert!(errors[0].message().contains("more was changed at"), "{}", errors[0]);
    assert!(!walk.report().complete);
    assert!(seen.contains(&tenant.graph_alert_ids()[5]), "what comes after is there");
}

#[tokio::test(start_paused = true)]
async fn p01_incidents_whose_alerts_are_too_much_at_once_are_asked_for_apart() {
    let tenant = tenant().alerts(200).build();
    let source = incidents(&tenant);
    let whole = source.collect(&DetectionQuery::all()).await.unwrap();
    let most = |d: &graph_security_client::Detection| {
        d.properties.get("alerts").map_or(0, |a| a.split(", ").count())
    };
    let largest = whole.iter().map(most).max().unwrap();
    tenant.trouble_graph(GraphTroubles::new().failing_above_alerts(largest - 1));
    tenant.forget_requests();
    let mut stream = source.list(&DetectionQuery::all());
    let mut found = Vec::new();
    while let Some(item) = stream.next().await {
        found.push(item.unwrap());
    }
    let report = stream.report();
    assert!(report.complete && report.degraded.len() == 1, "{report:?}");
    assert_eq!(found.len(), whole.len());
    for (now, before) in found.iter().zip(&whole) {
        assert_eq!(now.id, before.id, "in the same order");
        if most(before) < largest {
            assert_eq!(now.entities, before.entities);
        } else {
            assert!(now.entities.is_empty() && now.properties.get("unreadableAlerts").is_some());
        }
    }
    // What has failed is not asked for at once, in vain, with the next list.
    tenant.forget_requests();
    let again = source.collect(&DetectionQuery::all()).await.unwrap();
    assert_eq!(again.len(), whole.len());
    let lists =
        tenant.requests_to("/security/incidents").into_iter().filter(|r| r.path.ends_with("/incidents"));
    assert!(lists.into_iter().all(|r| r.option("$expand").is_none()));
}

#[tokio::test(start_paused = true)]
async fn p13_a_provider_that_does_not_answer_is_named_and_the_list_is_not_complete() {
    let tenant = tenant().build();
    let inner = tenant.exchange();
    let exchange = move |request: http::Request<bytes::Bytes>| {
        let list = request.uri().path().ends_with("/alerts_v2");
        let answer = inner(request);
        async move {
            let mut answer = answer.await?;
            if list {
                *answer.status_mut() = http::StatusCode::PARTIAL_CONTENT;
                for warning in ["199 - \"Microsoft/WDATP/401/12\"", "199 - \"Microsoft/MCAS/504/10000\""] {
                    answer.headers_mut().append("warning", warning.parse().unwrap());
                }
            }
            Ok::<_, std::io::Error>(answer)
        }
    };
    let credential = Credential::client_secret(Tenant::ID, Tenant::CLIENT_ID, Secret::new(Tenant::SECRET));
    let connection =
        Connection::builder(credential, Cloud::Public).http(exchange).clock(clock()).build().unwrap();
    let source = GraphSecurityClient::new(&connection).unwrap().alert_detections("Graph");
    let mut stream = source.list(&DetectionQuery::all());
    let mut count = 0;
    while let Some(item) = stream.next().await {
        item.unwrap();
        count += 1;
    }
    assert_eq!(count, tenant.graph_alert_ids().len());
    let report = stream.report();
    assert!(!report.complete);
    assert_eq!(
        report.partial,
        ["Microsoft WDATP answered 401 after 12 ms", "Microsoft MCAS answered 504 after 10000 ms"]
    );
}

/// Random populations, arrivals and changes during the walk, equal times, page sizes, and each trouble.
#[tokio::test(start_paused = true)]
async fn whatever_happens_during_a_walk_each_version_that_stays_is_seen_once() {
    for seed in 0..40 {
        let mut rng = Rng::with_seed(seed);
        let tenant = tenant().seed(seed).alerts(rng.usize(..400)).build();
        if rng.bool() {
            // Several share an instant, more or fewer than a page holds.
            tenant.align_updates(TimeDelta::minutes([1, 60, 60 * 24 * 365][rng.usize(..3)]));
        }
        let page = [1, 7, 50, 100, 500][rng.usize(..5)];
        let troubles = GraphTroubles::new();
        let largest = page.min(50);
        tenant.trouble_graph(match rng.u8(..6) {
            0 => troubles,
            1 => troubles.refusing_pages_above(60),
            2 => troubles.with_links_that_die_at(rng.usize(1..120).max(usize::try_from(largest).unwrap())),
            3 => troubles.with_links_by_skip(),
            4 => troubles.stalling_at(100).refusing_pages_above(60),
            _ => troubles.with_links_by_skip().stalling_at(550),
        });
        let moving = tenant.clone();
        let (asked, mut chance) = (Arc::new(AtomicUsize::new(0)), Rng::with_seed(seed ^ 0xA11));
        let before = tenant.graph_alert_versions();
        let every = rng.usize(2..20);
        let source = client(&tenant);
        let mut walk = source.alerts().list(&AlertQuery::new().with_page_size(page));
        let (mut seen, mut lost, mut touched) = (Vec::new(), 0, BTreeSet::new());
        while let Some(item) = walk.next().await {
            match item {
                Ok(alert) => seen.push((alert.id.to_string(), alert.last_update_date_time.unwrap())),
                // An instant of which the service gives no more.
                Err(_) => lost += 1,
            }
            if asked.fetch_add(1, Ordering::Relaxed) % every == 0 {
                tokio::time::advance(std::time::Duration::from_millis(chance.u64(..3))).await;
                if chance.bool() {
                    moving.raise_alert();
                } else if !before.is_empty() {
                    let (id, _) = &before[chance.usize(..before.len())];
                    moving.touch_in_graph(id);
                    touched.insert(id.clone());
                }
            }
        }
        let report = walk.report();
        let known: BTreeSet<_> = seen.iter().cloned().collect();
        assert_eq!(known.len(), seen.len(), "seed {seed}: no version twice");
        let missing: Vec<_> =
            before.iter().filter(|v| !known.contains(v) && !touched.contains(&v.0)).collect();
        let ids: BTreeSet<_> = seen.iter().map(|(id, _)| id.clone()).collect();
        assert!(
            touched.iter().all(|id| lost > 0 || ids.contains(id)),
            "seed {seed}: in one version at least"
        );
        assert!(lost > 0 || missing.is_empty(), "seed {seed}: {} missing of {}", missing.len(), before.len());
        assert_eq!(report.complete, lost == 0, "seed {seed}: {report:?}");
    }
}

/// The same for incidents: some have more alerts than the service gives at once, and they change while they are read.
#[tokio::test(start_paused = true)]
async fn whatever_happens_during_a_walk_over_incidents_the_latest_version_of_each_is_seen() {
    for seed in 0..24 {
        let mut rng = Rng::with_seed(seed);
        let tenant = tenant().seed(seed).alerts(rng.usize(1..300)).build();
        let source = incidents(&tenant);
        let ids = tenant.incident_ids();
        let limit = rng.usize(0..6);
        if rng.bool() {
            tenant.trouble_graph(GraphTroubles::new().failing_above_alerts(limit));
        } else {
            // The list fails in the middle, behind pages that were given.
            let page = rng.u32(1..3);
            let fault = pocketsoc_testkit::Fault::status("/security/incidents", 500).for_query("expand");
            tenant.add_fault(fault.after(page));
        }
        let mut stream = source.list(&DetectionQuery::all());
        let mut seen = BTreeSet::new();
        while let Some(item) = stream.next().await {
            let incident = item.unwrap();
            assert!(
                seen.insert((incident.id.to_string(), incident.updated_at)),
                "seed {seed}: no version twice"
            );
            tokio::time::advance(std::time::Duration::from_millis(1)).await;
            if rng.u8(..4) == 0 {
                tenant.touch_in_graph(&ids[rng.usize(..ids.len())]);
            }
        }
        let report = stream.report();
        assert!(report.complete, "seed {seed}: {report:?}");
        let named: BTreeSet<_> = seen.iter().map(|(id, _)| id.clone()).collect();
        assert_eq!(named, ids.iter().cloned().collect(), "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_incident_that_changed_before_the_list_was_asked_for_plainly_is_given_in_its_new_version() {
    let tenant = tenant().alerts(300).build();
    let source = incidents(&tenant);
    assert!(tenant.incident_ids().len() > 50, "more than a page");
    let fault = pocketsoc_testkit::Fault::status("/security/incidents", 500).for_query("expand");
    tenant.add_fault(fault.after(1).times(4));
    let mut stream = source.list(&DetectionQuery::all());
    let first = stream.next().await.unwrap().unwrap();
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    tenant.touch_in_graph(first.id.as_str());
    let mut versions = vec![first.updated_at];
    while let Some(item) = stream.next().await {
        let incident = item.unwrap();
        if incident.id == first.id {
            versions.push(incident.updated_at);
        }
    }
    assert_eq!(versions.len(), 2);
    assert!(versions[1] > versions[0]);
}

#[tokio::test(start_paused = true)]
async fn an_incident_whose_alerts_may_not_be_read_is_an_error_and_the_list_is_not_complete() {
    let tenant = tenant().alerts(100).build();
    let source = incidents(&tenant);
    tenant.trouble_graph(GraphTroubles::new().failing_above_alerts(0));
    let id = tenant.incident_ids().swap_remove(3);
    tenant.add_fault(pocketsoc_testkit::Fault::status(format!("/incidents/{id}"), 403));
    let mut stream = source.list(&DetectionQuery::all());
    let mut errors = 0;
    while let Some(item) = stream.next().await {
        errors += usize::from(item.is_err());
    }
    assert_eq!((errors, stream.report().complete), (1, false));
}

#[tokio::test(start_paused = true)]
async fn lists_with_alerts_are_tried_again_after_an_hour() {
    let tenant = tenant().alerts(60).build();
    let source = incidents(&tenant);
    tenant.trouble_graph(GraphTroubles::new().failing_above_alerts(0));
    source.collect(&DetectionQuery::all()).await.unwrap();
    tenant.trouble_graph(GraphTroubles::new());
    for minutes in [10, 20, 31] {
        tokio::time::advance(std::time::Duration::from_secs(minutes * 60)).await;
        tenant.forget_requests();
        source.collect(&DetectionQuery::all()).await.unwrap();
        let lists = tenant.requests_to("/security/incidents");
        let expanded = lists.iter().any(|r| r.path.ends_with("/incidents") && r.option("$expand").is_some());
        assert_eq!(expanded, minutes == 31, "after {minutes} more minutes");
    }
}

#[tokio::test(start_paused = true)]
async fn an_incident_that_is_larger_than_allowed_is_seen_without_its_alerts() {
    let tenant = tenant().alerts(200).build();
    let sizes =
        graph_security_client::transport::SizeLimits::default().with_element(40_000).with_answer(40_000);
    let credential = Credential::client_secret(Tenant::ID, Tenant::CLIENT_ID, Secret::new(Tenant::SECRET));
    let connection = Connection::builder(credential, Cloud::Public).http(tenant.exchange()).clock(clock());
    let connection = connection.without_pacing().size_limits(sizes).build().unwrap();
    let source = GraphSecurityClient::new(&connection).unwrap().incident_detections("Graph");
    let all = source.collect(&DetectionQuery::all()).await.unwrap();
    assert_eq!(all.len(), tenant.incident_ids().len());
    let without = all.iter().filter(|d| d.properties.get("unreadableAlerts").is_some()).count();
    assert!(without > 0 && without < all.len(), "{without} of {}", all.len());
}
