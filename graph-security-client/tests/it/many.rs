//! Many at once: twenty a request, one outcome each, in the order that was asked for.

use graph_security_client::{
    AlertId, AlertStatus, AlertUpdate, ErrorKind, GraphSecurityClient, IncidentId, IncidentStatus,
    IncidentUpdate,
};
use pocketsoc_testkit::{Fault, Tenant, Trouble};

use crate::virtual_tenant::{client, paced, paced_by, tenant};

fn alert_ids(tenant: &Tenant) -> Vec<AlertId> {
    tenant.graph_alert_ids().into_iter().map(|id| AlertId::new(id).unwrap()).collect()
}

fn batches(tenant: &Tenant) -> Vec<serde_json::Value> {
    tenant.requests_to("/$batch").iter().map(|request| request.json().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn many_are_got_twenty_a_request_in_the_order_of_their_ids() {
    let tenant = tenant().alerts(40).build();
    let mut ids = alert_ids(&tenant);
    ids.truncate(45);
    ids.insert(7, AlertId::new("no such/alert?").unwrap());
    let all = client(&tenant).alerts().get_many(ids.clone()).finish().await;
    assert_eq!(all.iter().map(|one| &one.id).collect::<Vec<_>>(), ids.iter().collect::<Vec<_>>());
    for one in &all {
        match &one.outcome {
            Ok(alert) => assert_eq!((&alert.id, alert.raw().is_some()), (&one.id, true)),
            Err(error) => {
                assert_eq!((one.id.as_str(), error.kind()), ("no such/alert?", ErrorKind::NotFound));
                assert_eq!(error.operation(), "get the alert");
            }
        }
    }
    let batches = batches(&tenant);
    let sizes: Vec<_> = batches.iter().map(|batch| batch["requests"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [20, 20, 6]);
    let part = &batches[0]["requests"][7];
    assert_eq!(part["url"], "/security/alerts_v2/no%20such%2Falert%3F");
    assert_eq!(
        (&part["method"], &part["headers"]["prefer"]),
        (&"GET".into(), &"include-unknown-enum-members".into())
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_throttled_is_asked_for_again_alone_when_the_service_says() {
    let tenant = tenant().alerts(40).build();
    let ids: Vec<_> = alert_ids(&tenant).into_iter().take(20).collect();
    tenant.add_fault(Fault::throttle(format!("/alerts_v2/{}", ids[3]), "20").times(2));
    let begin = tokio::time::Instant::now();
    let all = client(&tenant).alerts().get_many(ids.clone()).finish().await;
    assert!(all.iter().all(|one| one.outcome.is_ok()));
    let sizes: Vec<_> = batches(&tenant).iter().map(|b| b["requests"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [20, 1, 1]);
    assert!(begin.elapsed().as_secs() >= 40, "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_change_of_many_is_looked_at_and_each_failure_is_its_own() {
    let tenant = tenant().alerts(40).build();
    let ids: Vec<_> = alert_ids(&tenant).into_iter().take(25).collect();
    let path = |n: usize| format!("/alerts_v2/{}", ids[n]);
    // One lies, one shows the change late, one fails in a way that says nothing, one is gone.
    tenant.add_fault(Fault::on(path(1), Trouble::Lie).for_method("PATCH"));
    tenant.add_fault(
        Fault::on(
            path(2),
            Trouble::Answering(pocketsoc_testkit::Reply::json(200, format!("{{\"id\":\"{}\"}}", ids[2]))),
        )
        .for_method("PATCH"),
    );
    tenant.add_fault(Fault::on(path(2), Trouble::Stale).for_method("GET").once());
    tenant.add_fault(Fault::status(path(4), 502).for_method("PATCH"));
    let mut asked = ids.clone();
    asked.push(AlertId::new("gone").unwrap());
    let update =
        AlertUpdate::new().with_status(AlertStatus::Resolved).with_assigned_to("ada@contoso.example");
    let all = client(&tenant).alerts().update_many(asked, &update).finish().await;
    for (n, one) in all.iter().enumerate() {
        let outcome = one
            .outcome
            .as_ref()
            .map(|alert| alert.status.clone())
            .map_err(graph_security_client::Error::kind);
        let expected = match n {
            1 => Err(ErrorKind::NotApplied),
            4 => Err(ErrorKind::OutcomeUnknown),
            25 => Err(ErrorKind::NotFound),
            _ => Ok(Some(AlertStatus::Resolved)),
        };
        assert_eq!(outcome, expected, "{n}");
    }
    let first = &batches(&tenant)[0]["requests"][0];
    assert_eq!(first["headers"]["content-type"], "application/json");
    assert_eq!(first["body"], serde_json::json!({"status": "resolved", "assignedTo": "ada@contoso.example"}));
}

#[tokio::test(start_paused = true)]
async fn a_merged_incident_among_many_names_where_it_leads() {
    let tenant = tenant().build();
    tenant.merge_incident("4001", "4000");
    let ids = ["4000", "4001", "4002"].map(|id| IncidentId::new(id).unwrap());
    let update = IncidentUpdate::new().with_status(IncidentStatus::InProgress).with_custom_tags(["q3"]);
    let all = client(&tenant).incidents().update_many(ids.clone(), &update).finish().await;
    assert!(all[0].outcome.is_ok() && all[2].outcome.is_ok());
    let error = all[1].outcome.as_ref().unwrap_err();
    assert_eq!(
        (error.kind(), error.hint()),
        (ErrorKind::NotApplied, Some("it was merged into 4000: change that one"))
    );
    let got = client(&tenant).incidents().get_many(ids).finish().await;
    assert!(got.iter().all(|one| one.outcome.is_ok()));
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_fails_as_a_whole_fails_each_of_its_parts_and_no_other() {
    let tenant = tenant().alerts(60).build();
    let ids: Vec<_> = alert_ids(&tenant).into_iter().take(40).collect();
    tenant.add_fault(Fault::status("/$batch", 403).after(1));
    let all = client(&tenant).alerts().get_many(ids).finish().await;
    assert!(all[..20].iter().all(|one| one.outcome.is_ok()));
    assert!(
        all[20..]
            .iter()
            .all(|one| one.outcome.as_ref().is_err_and(|e| e.kind() == ErrorKind::PermissionDenied))
    );
}

#[tokio::test(start_paused = true)]
async fn each_part_counts_as_a_call_and_two_walks_of_many_do_not_hold_each_other_up() {
    let tenant = tenant().alerts(400).build();
    tenant.keep_quotas();
    let graph = GraphSecurityClient::new(&paced(&tenant)).unwrap();
    let ids = alert_ids(&tenant);
    assert!(ids.len() > 400);
    let (one, other) = tokio::join!(
        graph.alerts().get_many(ids.clone()).finish(),
        graph.alerts().get_many(ids.clone()).finish()
    );
    assert!(one.iter().chain(&other).all(|one| one.outcome.is_ok()));
    assert_eq!(tenant.refused_by_quota(), 0, "150 a minute, twenty at a time");
}

#[tokio::test(start_paused = true)]
async fn connections_of_one_application_share_one_budget_where_they_are_given_it() {
    let tenant = tenant().alerts(400).build();
    let ids = alert_ids(&tenant);
    for (shared, refused) in [(true, false), (false, true)] {
        tokio::time::advance(std::time::Duration::from_secs(120)).await;
        tenant.keep_quotas();
        let quotas = pocketsoc_transport::Quotas::new();
        let graph = |_: u32| {
            let own = pocketsoc_transport::Quotas::new();
            GraphSecurityClient::new(&paced_by(&tenant, if shared { &quotas } else { &own })).unwrap()
        };
        let clients: Vec<_> = (0..3).map(graph).collect();
        let walks = clients.iter().map(|graph| graph.alerts().get_many(ids.clone()).finish());
        futures_util::future::join_all(walks).await;
        assert_eq!(tenant.refused_by_quota() > 0, refused, "shared: {shared}");
    }
}
