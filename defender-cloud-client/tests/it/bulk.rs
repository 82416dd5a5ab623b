//! Thousands of alerts taken to one status: paced, each once, each told.

use std::time::Duration;

use defender_cloud_client::{DetectionId, ErrorKind, Status};
use pocketsoc_testkit::{Fault, Tenant, Trouble};

use crate::virtual_tenant::{paced, source, tenant};

fn ids(tenant: &Tenant) -> Vec<DetectionId> {
    tenant.cloud_alert_ids().into_iter().map(|id| DetectionId::new(id).unwrap()).collect()
}

/// The changes that the tenant has received.
fn writes(tenant: &Tenant) -> usize {
    tenant.requests_to("/alerts/").iter().filter(|request| request.method == "POST").count()
}

#[tokio::test(start_paused = true)]
async fn five_thousand_are_dismissed_without_a_429_in_the_time_that_the_budget_takes() {
    let tenant = tenant().cloud_alerts(5_000).build();
    // All subscriptions out of one bucket, which is the hardest case; each answer takes its time.
    tenant.keep_one_bucket();
    tenant.add_fault(Fault::on("/alerts/", Trouble::Late(Duration::from_millis(120))));
    let stood = |status: &str| {
        let as_listed = format!("\"status\":\"{status}\"");
        tenant
            .cloud_alerts_in_both_forms()
            .iter()
            .filter(|(_, listed, _)| listed.contains(&as_listed))
            .count()
    };
    // What is dismissed is passed over, what is resolved takes two steps.
    let (dismissed, resolved) = (stood("Dismissed"), stood("Resolved"));
    let expected = 5_000 - dismissed + resolved;
    assert!(dismissed > 100 && resolved > 100);
    let source = paced(&tenant);
    let before = tokio::time::Instant::now();
    let triaged = source.triage_many(ids(&tenant), Status::Dismissed).finish().await;
    let took = before.elapsed().as_secs_f64();
    assert!(
        triaged.iter().all(|one| one.outcome.is_ok()),
        "{:?}",
        triaged.iter().find(|one| one.outcome.is_err())
    );
    assert_eq!(triaged.iter().filter(|one| one.written).count(), 5_000 - dismissed);
    assert_eq!(writes(&tenant), expected, "each step once");
    #[allow(clippy::cast_precision_loss)] // thousands
    let theory = (expected as f64 - 200.0) / 10.0;
    assert_eq!(tenant.refused_by_buckets(), 0);
    assert!(took >= theory * 0.98, "{took} s is faster than the budget: {theory} s");
    assert!(took <= theory * 1.05, "{took} s, where the budget takes {theory} s for {expected} changes");

    // Once more: nothing is left to do.
    tenant.forget_requests();
    let some: Vec<DetectionId> = ids(&tenant).into_iter().take(500).collect();
    let again = source.triage_many(some, Status::Dismissed).finish().await;
    assert!(again.iter().all(|one| one.outcome.is_ok() && !one.written));
    assert_eq!((again.len(), writes(&tenant)), (500, 0));
}

#[tokio::test(start_paused = true)]
async fn each_outcome_is_told_and_one_failure_does_not_end_the_others() {
    let tenant = tenant().cloud_alerts(60).build();
    let mut all = ids(&tenant);
    all.push(DetectionId::new(format!("{}_nobody", all[0])).unwrap());
    let names: Vec<String> =
        all.iter().map(|id| id.as_str().rsplit('/').next().unwrap().to_owned()).collect();
    // One lies, one is broken, one dies halfway along its path.
    tenant.add_fault(Fault::on(format!("{}/dismiss", names[0]), Trouble::Lie));
    let resolved = source(&tenant);
    let mut halfway = None;
    for id in &all[1..60] {
        use defender_cloud_client::DetectionSource as _;
        if resolved.get(id).await.unwrap().status == Status::Resolved {
            halfway = Some(id.clone());
            break;
        }
    }
    let halfway = halfway.unwrap();
    let name = halfway.as_str().rsplit('/').next().unwrap();
    tenant.add_fault(Fault::status(format!("{name}/dismiss"), 403));
    let mut triaged = source(&tenant).triage_many(all.clone(), Status::Dismissed);
    let mut outcomes = std::collections::HashMap::new();
    while let Some(one) = triaged.next().await {
        assert!(outcomes.insert(one.id.clone(), one).is_none(), "one outcome each");
    }
    assert_eq!(outcomes.len(), 61);
    let error = |id: &DetectionId| outcomes[id].outcome.as_ref().unwrap_err();
    assert_eq!(error(&all[0]).kind(), ErrorKind::NotApplied);
    assert!(outcomes[&all[0]].written, "something was sent");
    assert_eq!(error(&all[60]).kind(), ErrorKind::NotFound);
    let stopped = error(&halfway);
    assert_eq!(
        (stopped.kind(), stopped.applied()),
        (ErrorKind::PermissionDenied, &["active".to_owned()][..])
    );
    assert!(outcomes[&halfway].written, "it is active now");
    assert_eq!(outcomes.values().filter(|one| one.outcome.is_err()).count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_shows_late_is_waited_for_and_a_bare_name_is_not_looked_for() {
    let tenant = tenant().cloud_alerts(24).build();
    // Each look but the third shows what was there before.
    tenant.add_fault(Fault::on("/alerts/", Trouble::Stale).for_method("GET").after(1).times(3));
    let first = ids(&tenant).swap_remove(0);
    let one = source(&tenant).triage_many([first.clone()], Status::InProgress).finish().await.swap_remove(0);
    assert_eq!(one.outcome.unwrap().status, Status::InProgress);
    let name = DetectionId::new(first.as_str().rsplit('/').next().unwrap()).unwrap();
    tenant.forget_requests();
    let one = source(&tenant).triage_many([name], Status::Active).finish().await.swap_remove(0);
    let error = one.outcome.unwrap_err();
    assert!(error.kind() == ErrorKind::InvalidRequest && error.hint().unwrap().contains("full"), "{error}");
    assert!(tenant.requests().is_empty(), "each would take a whole list");
}
