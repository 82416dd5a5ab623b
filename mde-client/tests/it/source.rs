//! Defender for Endpoint as a source of detections: the contract, triage, and what a service may do wrong.

use mde_client::{
    Classification, Detail, DetectionChange, DetectionId, DetectionQuery, DetectionSource,
    DetectionSourceExt, Determination, ErrorKind, Severity, Status,
};
use pocketsoc_testkit::hazards::{self, Routes};
use pocketsoc_testkit::{App, Fault, Reply, Tenant, Trouble, conformance};

use crate::virtual_tenant::{client_as, source, tenant};

async fn active(source: &impl DetectionSource) -> DetectionId {
    let query = DetectionQuery::all().with_statuses([Status::Active]).with_limit(1);
    source.collect(&query).await.unwrap().swap_remove(0).id
}

fn patches(tenant: &Tenant) -> usize {
    tenant.requests().iter().filter(|r| r.method == "PATCH").count()
}

#[tokio::test(start_paused = true)]
async fn it_keeps_the_contract_of_every_source() {
    conformance::run(&source(&tenant().alerts(120).build())).await;
    let reader = tenant().alerts(30).build();
    reader.add_app(App::new("reader", "pw").with_roles(["Alert.Read.All"]));
    conformance::run(&client_as(&reader, "reader", "pw").detections("Reader")).await;
    assert_eq!(reader.alert_count(), 30);
}

#[tokio::test(start_paused = true)]
async fn it_keeps_the_contract_on_small_pages_and_behind_a_pointer() {
    let tenant = tenant().alerts(50).page_cap(7).build();
    let source: std::sync::Arc<dyn DetectionSource> = std::sync::Arc::new(source(&tenant));
    conformance::run(&source).await;
}

#[tokio::test(start_paused = true)]
async fn it_withstands_what_services_and_networks_do() {
    let tenant = tenant().alerts(40).page_cap(7).build();
    hazards::run(&source(&tenant), &tenant, &Routes::DEFENDER_ENDPOINT).await;
}

#[tokio::test(start_paused = true)]
async fn filters_are_pushed_to_the_service_and_unknown_severities_pass() {
    let tenant = tenant().alerts(200).build();
    let query = DetectionQuery::updated_since("2026-09-01T00:00:00Z".parse().unwrap())
        .with_updated_until("2026-09-20T00:00:00Z".parse().unwrap())
        .with_statuses([Status::Active, Status::InProgress])
        .with_min_severity(Severity::Medium)
        .with_detail(Detail::Summary)
        .with_limit(25);
    let found = source(&tenant).collect(&query).await.unwrap();
    assert!(found.iter().all(|d| query.matches(d)) && !found.is_empty());
    let request = &tenant.requests_to("/api/alerts")[0];
    assert_eq!(
        request.option("$filter").unwrap(),
        "lastUpdateTime ge 2026-09-01T00:00:00Z and lastUpdateTime lt 2026-09-20T00:00:00Z \
         and (status eq 'New' or status eq 'InProgress') and severity ne 'Informational' and severity ne 'Low'"
    );
    assert_eq!((request.option("$top").as_deref(), request.option("$expand")), (Some("25"), None));

    let severe = DetectionQuery::all().with_min_severity(Severity::High);
    let found = source(&tenant).collect(&severe).await.unwrap();
    assert!(found.iter().any(|d| d.severity == Severity::Unknown), "an alert is never hidden by an odd word");
}

#[tokio::test(start_paused = true)]
async fn every_pair_of_statuses_is_made_refused_or_left_alone() {
    let tenant = tenant().alerts(10).build();
    let source = source(&tenant);
    let id = active(&source).await;
    let free = [Status::Active, Status::InProgress, Status::Resolved];
    for from in free {
        for to in Status::ALL {
            source.update(&id, &DetectionChange::status(from)).await.unwrap();
            tenant.forget_requests();
            let outcome = source.update(&id, &DetectionChange::status(to)).await;
            if free.contains(&to) {
                assert_eq!(outcome.unwrap().status, to, "{from} -> {to}");
                assert_eq!(patches(&tenant), usize::from(from != to), "{from} -> {to}");
            } else {
                let error = outcome.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidTransition, "{from} -> {to}: {error}");
                assert_eq!(patches(&tenant), 0, "{from} -> {to} is refused before any write");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn triage_is_read_back() {
    let tenant = tenant().alerts(10).build();
    let source = source(&tenant);
    let id = active(&source).await;
    tenant.forget_requests();
    let change = DetectionChange::status(Status::Resolved)
        .with_classification(Classification::InformationalExpected)
        .with_determination(Determination::SecurityTesting)
        .with_assigned_to("ada.byron@contoso.example")
        .with_comment("a test of ours");
    let now = source.update(&id, &change).await.unwrap();
    assert_eq!(
        (now.status, now.classification),
        (Status::Resolved, Some(Classification::InformationalExpected))
    );
    assert_eq!(now.assigned_to.as_deref(), Some("ada.byron@contoso.example"));
    assert_eq!(
        (now.comments.last().unwrap().text.as_str(), now.profile.as_str()),
        ("a test of ours", "Endpoint")
    );
    assert!(now.resolved_at.is_some());
    let methods: Vec<_> = tenant.requests().iter().map(|r| r.method.clone()).collect();
    assert_eq!(methods, ["GET", "PATCH", "GET"]);
    let body = tenant.requests()[1].json().unwrap();
    assert_eq!(body["classification"], "InformationalExpectedActivity");
    assert_eq!(body["determination"], "SecurityTesting");

    let again = DetectionChange::status(Status::Resolved).with_assigned_to("Ada.Byron@contoso.example");
    source.update(&id, &again).await.unwrap();
    assert_eq!(patches(&tenant), 1, "what already is, is not written");
}

#[tokio::test(start_paused = true)]
async fn what_the_product_cannot_hold_is_refused_before_any_write() {
    let tenant = tenant().alerts(10).build();
    let source = source(&tenant);
    let id = active(&source).await;
    let error = source.dismiss(&id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidTransition);
    assert_eq!(error.transition().unwrap().allowed(), [Status::InProgress, Status::Resolved]);
    assert!(error.to_string().contains("allowed: in_progress, resolved"), "{error}");

    let pair = DetectionChange::status(Status::Resolved)
        .with_classification(Classification::FalsePositive)
        .with_determination(Determination::Malware);
    let error = source.update(&id, &pair).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(error.to_string().contains("allowed: not_malicious, insufficient_data, other"), "{error}");

    let unknown = DetectionChange::new().with_classification(Classification::Unknown);
    assert_eq!(source.update(&id, &unknown).await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(patches(&tenant), 0);
}

#[tokio::test(start_paused = true)]
async fn p23_a_service_that_says_yes_and_does_nothing_is_found_out() {
    let tenant = tenant().alerts(10).build();
    let source = source(&tenant);
    let id = active(&source).await;
    tenant.add_fault(Fault::on("/api/alerts/", Trouble::Lie).for_method("PATCH"));
    let change = DetectionChange::status(Status::InProgress).with_comment("mine");
    let error = source.update(&id, &change).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotApplied);
    let said = "update the alert: the service answered success and did not change status, comment";
    assert_eq!(error.to_string(), said);
    assert_eq!(error.detection(), Some(&id));
}

#[tokio::test(start_paused = true)]
async fn a7_a_change_with_a_comment_is_never_sent_twice_and_without_one_it_may_be() {
    let tenant = tenant().alerts(10).build();
    let source = source(&tenant);
    let id = active(&source).await;
    tenant.add_fault(Fault::on("/api/alerts/", Trouble::ResetAfter).for_method("PATCH").once());
    let commented = DetectionChange::status(Status::InProgress).with_comment("once");
    let error = source.update(&id, &commented).await.unwrap_err();
    assert_eq!((error.kind(), patches(&tenant)), (ErrorKind::OutcomeUnknown, 1));
    let now = source.get(&id).await.unwrap();
    assert_eq!(now.comments.iter().filter(|c| c.text == "once").count(), 1);

    tenant.add_fault(Fault::on("/api/alerts/", Trouble::ResetAfter).for_method("PATCH").once());
    let now = source.update(&id, &DetectionChange::status(Status::Resolved)).await.unwrap();
    assert_eq!((now.status, patches(&tenant)), (Status::Resolved, 3));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_was_made_and_cannot_be_read_back_is_not_called_a_failure() {
    let tenant = tenant().alerts(10).build();
    let source = source(&tenant);
    let id = active(&source).await;
    tenant.add_fault(Fault::status("/api/alerts/", 404).for_method("GET").after(1));
    let error = source.update(&id, &DetectionChange::status(Status::Resolved)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert_eq!(error.applied(), ["status"]);
}

#[tokio::test(start_paused = true)]
async fn capabilities_are_read_from_the_token_and_nothing_is_tried() {
    let tenant = tenant().alerts(1).build();
    let can = source(&tenant).capabilities().await.unwrap();
    assert_eq!(
        (can.view, can.triage, can.isolate, can.hunt),
        (Some(true), Some(true), Some(true), Some(true))
    );
    assert!(can.missing.is_empty());
    tenant.add_app(App::new("reader", "pw").with_roles(["Alert.Read.All"]));
    let can = client_as(&tenant, "reader", "pw").detections("Reader").capabilities().await.unwrap();
    assert_eq!(
        (can.view, can.triage, can.comment, can.isolate),
        (Some(true), Some(false), Some(false), Some(false))
    );
    assert_eq!(
        can.missing,
        [
            "Alert.ReadWrite.All",
            "Machine.Read.All",
            "Machine.Isolate",
            "Machine.ReadWrite.All",
            "AdvancedQuery.Read.All"
        ]
    );
    assert!(tenant.requests_to("/api/").is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_guides_table_of_troubles_is_answered() {
    let tenant = tenant().alerts(1).build();
    tenant.add_app(App::new("powerless", "pw").with_roles(["Machine.Read.All"]));
    let error = client_as(&tenant, "powerless", "pw")
        .detections("x")
        .collect(&DetectionQuery::all())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(
        error.hint().unwrap().contains("Alert.Read.All") && error.hint().unwrap().contains("admin consent")
    );
    let error = client_as(&tenant, Tenant::CLIENT_ID, "old")
        .detections("x")
        .collect(&DetectionQuery::all())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.hint().unwrap().contains("client secret"), "{:?}", error.hint());
}

#[tokio::test(start_paused = true)]
async fn a_success_without_a_readable_answer_is_read_back_and_not_called_a_failure() {
    for answer in [Reply::empty(204), Reply::json(200, "{}"), Reply::json(200, "")] {
        let tenant = tenant().alerts(10).build();
        let source = source(&tenant);
        let id = active(&source).await;
        tenant.add_fault(Fault::on("/api/alerts/", Trouble::Answering(answer)).for_method("PATCH"));
        let change = DetectionChange::status(Status::Resolved).with_comment("once");
        let now = source.update(&id, &change).await.unwrap();
        assert_eq!((now.status, patches(&tenant)), (Status::Resolved, 1));
        let native = crate::virtual_tenant::client(&tenant).alerts();
        let update = mde_client::AlertUpdate::new().with_comment("twice");
        let error =
            native.update(&mde_client::AlertId::new(id.as_str()).unwrap(), &update).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_lags_behind_is_looked_at_again() {
    let tenant = tenant().alerts(10).build();
    let source = source(&tenant);
    let id = active(&source).await;
    tenant.add_fault(Fault::on("/api/alerts/", Trouble::Stale).for_method("GET").after(1).times(2));
    let now = source.update(&id, &DetectionChange::status(Status::Resolved)).await.unwrap();
    assert_eq!((now.status, patches(&tenant)), (Status::Resolved, 1));
}

#[tokio::test(start_paused = true)]
async fn a_verdict_goes_as_a_pair_because_the_service_recalculates_what_is_left_out() {
    let tenant = tenant().alerts(10).build();
    let source = source(&tenant);
    let id = active(&source).await;
    let bodies = || tenant.requests().into_iter().filter(|r| r.method == "PATCH").map(|r| r.json().unwrap());
    let verdict = |c, d| DetectionChange::new().with_classification(c).with_determination(d);
    source.update(&id, &verdict(Classification::TruePositive, Determination::Other)).await.unwrap();
    source.update(&id, &verdict(Classification::FalsePositive, Determination::Other)).await.unwrap();
    let now = source
        .update(&id, &DetectionChange::new().with_determination(Determination::NotMalicious))
        .await
        .unwrap();
    assert_eq!(now.classification, Some(Classification::FalsePositive));
    let now = source
        .update(&id, &DetectionChange::new().with_classification(Classification::TruePositive))
        .await
        .unwrap();
    assert_eq!(now.determination, None, "what does not go with the new verdict is left to the service");
    let sent: Vec<_> = bodies().collect();
    assert_eq!(sent[1], serde_json::json!({"classification": "FalsePositive", "determination": "Other"}));
    assert_eq!(
        sent[2],
        serde_json::json!({"classification": "FalsePositive", "determination": "NotMalicious"})
    );
    assert_eq!(sent[3], serde_json::json!({"classification": "TruePositive"}));
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_the_service_cannot_count_does_not_cost_a_call_per_alert() {
    let tenant = tenant().alerts(300).build();
    for statuses in [[Status::Dismissed], [Status::Unknown]] {
        tenant.forget_requests();
        let query = DetectionQuery::all().with_statuses(statuses).with_limit(1);
        assert!(source(&tenant).collect(&query).await.unwrap().is_empty());
        assert_eq!(tenant.requests_to("/api/alerts").len(), 1);
    }
}
