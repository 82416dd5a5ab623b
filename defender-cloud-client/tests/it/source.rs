//! Defender for Cloud as a source of detections: the contract, triage, and what a service may do wrong.

use defender_cloud_client::{
    AlertScope, Classification, DetectionChange, DetectionId, DetectionQuery, DetectionSource,
    DetectionSourceExt, ErrorKind, Location, ResourceGroup, Status, SubscriptionId,
};
use pocketsoc_testkit::hazards::{self, Routes};
use pocketsoc_testkit::{App, AzureRole, Fault, Reply, Tenant, Trouble, conformance};

use crate::virtual_tenant::{client, client_as, source, tenant};

fn posts(tenant: &Tenant) -> usize {
    tenant.requests_to("/subscriptions").iter().filter(|r| r.method == "POST").count()
}

fn scope(n: usize) -> AlertScope {
    let (id, _) = Tenant::subscriptions().nth(n).unwrap();
    AlertScope::subscription(SubscriptionId::new(id).unwrap())
}

#[tokio::test(start_paused = true)]
async fn it_keeps_the_contract_of_every_source() {
    conformance::run(&source(&tenant().build())).await;
    conformance::run(&source(&tenant().cloud_alerts(60).page_cap(7).build())).await;
    conformance::run(&client(&tenant().build()).detections("Production").within(scope(0))).await;
    let reader = tenant().build();
    reader.add_app(App::new("reader", "pw").with_azure_role(AzureRole::SecurityReader));
    conformance::run(&client_as(&reader, "reader", "pw").detections("Reader")).await;
    assert_eq!(posts(&reader), 1, "the service says that it may not, and nothing is repeated");
}

#[tokio::test(start_paused = true)]
async fn it_withstands_what_services_and_networks_do() {
    let tenant = tenant().cloud_alerts(40).page_cap(5).build();
    hazards::run(&source(&tenant), &tenant, &Routes::DEFENDER_FOR_CLOUD).await;
}

#[tokio::test(start_paused = true)]
async fn all_subscriptions_are_listed_and_a_scope_keeps_to_itself() {
    let tenant = tenant().build();
    let all = source(&tenant).collect(&DetectionQuery::all()).await.unwrap();
    let mut ids: Vec<_> = all.iter().map(|d| d.id.to_string()).collect();
    let mut expected = tenant.cloud_alert_ids();
    ids.sort();
    expected.sort();
    assert_eq!(ids, expected);

    let mut sum = 0;
    for n in 0..3 {
        let own = client(&tenant).detections("x").within(scope(n));
        let found = own.collect(&DetectionQuery::all()).await.unwrap();
        sum += found.len();
        let stranger = all.iter().find(|d| !found.iter().any(|f| f.id == d.id)).unwrap();
        assert_eq!(own.get(&stranger.id).await.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(own.get(&found[0].id).await.unwrap().id, found[0].id);
    }
    assert_eq!(sum, all.len());
    let narrow = scope(0)
        .with_resource_group(ResourceGroup::new("rg-SHOP").unwrap())
        .with_location(Location::new("WestEurope").unwrap());
    let narrow = client(&tenant).detections("x").within(narrow);
    let one = narrow.collect(&DetectionQuery::all()).await.unwrap().swap_remove(0);
    assert!(narrow.get(&one.id).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_cannot_be_read_is_said_and_the_others_arrive() {
    let tenant = tenant().build();
    let (second, _) = Tenant::subscriptions().nth(1).unwrap();
    let body = r#"{"error":{"code":"AuthorizationFailed","message":"The client does not have authorization over scope '/subscriptions/x'."}}"#;
    tenant.add_fault(Fault::on(format!("{second}/providers"), Trouble::Answer(Reply::json(403, body))));
    let mut stream = source(&tenant).list(&DetectionQuery::all());
    let (mut found, mut errors) = (0, Vec::new());
    while let Some(item) = stream.next().await {
        match item {
            Ok(_) => found += 1,
            Err(error) => errors.push(error),
        }
    }
    let missing = tenant.cloud_alert_ids().iter().filter(|id| id.contains(second)).count();
    assert_eq!(found, tenant.cloud_alert_ids().len() - missing);
    assert_eq!((errors.len(), errors[0].kind()), (1, ErrorKind::PermissionDenied));
    assert!(errors[0].hint().unwrap().contains("Security Reader"));
    let report = stream.report();
    assert!(!report.complete);

    tenant.clear_faults();
    let query = DetectionQuery::all().with_resume(report.resume.unwrap());
    assert_eq!(
        source(&tenant).collect(&query).await.unwrap().len(),
        missing,
        "the rest can be fetched later"
    );
}

#[tokio::test(start_paused = true)]
async fn an_alert_is_found_by_its_id_in_any_case_and_by_its_name() {
    let tenant = tenant().build();
    let source = source(&tenant);
    let id = tenant.cloud_alert_ids().swap_remove(7);
    let name = id.rsplit('/').next().unwrap().to_owned();
    for asked in [id.to_uppercase(), name.to_uppercase(), name] {
        let found = source.get(&DetectionId::new(asked).unwrap()).await.unwrap();
        assert_eq!(found.id.as_str(), id, "it is known by the service's own id");
    }
    let error =
        source.get(&DetectionId::new("/subscriptions/x/resourceGroups/y").unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(error.hint().unwrap().contains("Microsoft.Security/locations"));
}

#[tokio::test(start_paused = true)]
async fn every_pair_of_statuses_is_made_refused_or_left_alone() {
    let tenant = tenant().build();
    let source = source(&tenant);
    let id = DetectionId::new(tenant.cloud_alert_ids().swap_remove(0)).unwrap();
    let held = [Status::Active, Status::InProgress, Status::Resolved, Status::Dismissed];
    for from in held {
        for to in Status::ALL {
            source.update_walking(&id, &DetectionChange::status(from)).await.unwrap();
            tenant.forget_requests();
            let outcome = source.update(&id, &DetectionChange::status(to)).await;
            let legal = match from {
                Status::Active | Status::InProgress => held.contains(&to),
                _ => to == Status::Active || to == from,
            };
            if legal {
                assert_eq!(outcome.unwrap().status, to, "{from} -> {to}");
                assert_eq!(posts(&tenant), usize::from(from != to), "{from} -> {to}");
            } else {
                let error = outcome.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidTransition, "{from} -> {to}: {error}");
                assert_eq!(posts(&tenant), 0, "{from} -> {to} is refused before any write");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_resolved_alert_can_only_be_made_active_unless_the_way_is_walked() {
    let tenant = tenant().build();
    let source = source(&tenant);
    let id = DetectionId::new(tenant.cloud_alert_ids().swap_remove(0)).unwrap();
    source.update(&id, &DetectionChange::status(Status::Resolved)).await.unwrap();
    let error = source.dismiss(&id).await.unwrap_err();
    assert_eq!(error.transition().unwrap().allowed(), [Status::Active]);
    assert!(error.to_string().contains("the legal path is resolved -> active -> dismissed"), "{error}");
    tenant.forget_requests();
    let now = source.update_walking(&id, &DetectionChange::status(Status::Dismissed)).await.unwrap();
    assert_eq!((now.status, now.allowed_statuses.as_slice()), (Status::Dismissed, &[Status::Active][..]));
    let written: Vec<_> = tenant
        .requests_to("/alerts/")
        .iter()
        .filter(|r| r.method == "POST")
        .map(|r| r.path.rsplit('/').next().unwrap().to_owned())
        .collect();
    assert_eq!(written, ["activate", "dismiss"]);
}

#[tokio::test(start_paused = true)]
async fn what_the_product_cannot_hold_is_refused_before_any_write() {
    let tenant = tenant().build();
    let source = source(&tenant);
    let id = DetectionId::new(tenant.cloud_alert_ids().swap_remove(0)).unwrap();
    for (change, part) in [
        (DetectionChange::new().with_assigned_to("ada@contoso.example"), "assigned_to"),
        (
            DetectionChange::status(Status::Resolved).with_classification(Classification::TruePositive),
            "classification",
        ),
        (DetectionChange::status(Status::Dismissed).with_comment("noise"), "comment"),
    ] {
        let error = source.update(&id, &change).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains(&format!("does not hold {part}")), "{error}");
    }
    assert_eq!(posts(&tenant), 0);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_the_service_turns_down_is_a_conflict_with_its_code() {
    let tenant = tenant().build();
    let source = source(&tenant);
    let id = DetectionId::new(tenant.cloud_alert_ids().swap_remove(0)).unwrap();
    for (status, code) in [(400, "BadRequest"), (409, "Conflict")] {
        let body = format!(r#"{{"error":{{"code":"{code}","message":"not from here"}}}}"#);
        tenant.add_fault(Fault::on("/resolve", Trouble::Answer(Reply::json(status, body))).once());
        let error = source.update(&id, &DetectionChange::status(Status::Resolved)).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, Some(code)), "{error}");
        assert!(error.hint().unwrap().contains("look at the alert"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_was_made_before_the_service_got_busy_is_not_called_a_conflict() {
    let tenant = tenant().build();
    let source = source(&tenant);
    let id = DetectionId::new(tenant.cloud_alert_ids().swap_remove(0)).unwrap();
    tenant.add_fault(Fault::on("/resolve", Trouble::ResetAfter).once());
    let busy = r#"{"error":{"code":"AnotherOperationInProgress","message":"busy"}}"#;
    tenant.add_fault(Fault::on("/resolve", Trouble::Answer(Reply::json(409, busy))));
    let error = source.update(&id, &DetectionChange::status(Status::Resolved)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
    assert_eq!(source.get(&id).await.unwrap().status, Status::Resolved);

    let disabled = r#"{"error":{"code":"ReadOnlyDisabledSubscription","message":"disabled"}}"#;
    tenant.add_fault(Fault::on("/activate", Trouble::Answer(Reply::json(409, disabled))));
    let error = source.update(&id, &DetectionChange::status(Status::Active)).await.unwrap_err();
    assert!(error.hint().unwrap().contains("the subscription is disabled"), "{:?}", error.hint());
}

#[tokio::test(start_paused = true)]
async fn a_change_may_take_seconds_to_show() {
    let tenant = tenant().build();
    let source = source(&tenant);
    let id = DetectionId::new(tenant.cloud_alert_ids().swap_remove(0)).unwrap();
    // One look before the change, and three of the five after it, see the past.
    tenant.add_fault(Fault::on("/locations/", Trouble::Stale).for_method("GET").after(1).times(4));
    assert_eq!(source.dismiss(&id).await.unwrap().status, Status::Dismissed);
}

#[tokio::test(start_paused = true)]
async fn a_resume_point_of_another_scope_is_refused_and_a_failing_subscription_named() {
    let tenant = tenant().build();
    let (second, name) = Tenant::subscriptions().nth(1).unwrap();
    tenant.add_fault(Fault::status(format!("{second}/providers"), 404));
    let mut stream = source(&tenant).list(&DetectionQuery::all());
    let mut errors = Vec::new();
    while let Some(item) = stream.next().await {
        errors.extend(item.err());
    }
    assert_eq!(errors[0].operation(), format!("list alerts of the subscription {name}"));
    let query = DetectionQuery::all().with_resume(stream.report().resume.unwrap());
    tenant.clear_faults();
    let other = client(&tenant).detections("x").within(scope(0));
    assert_eq!(other.collect(&query).await.unwrap_err().kind(), ErrorKind::InvalidRequest);
    let own = client(&tenant).detections("x").within(scope(1));
    assert!(!own.collect(&query).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_alert_that_a_shifting_list_shows_twice_is_one() {
    let tenant = tenant().cloud_alerts(40).page_cap(5).build();
    let source = source(&tenant);
    let all = source.collect(&DetectionQuery::all()).await.unwrap();
    // The next page begins with what the one before ended with.
    tenant.add_fault(
        Fault::on("Microsoft.Security/alerts", Trouble::Replace("page~5".into(), "page~3".into())).once(),
    );
    assert_eq!(source.collect(&DetectionQuery::all()).await.unwrap().len(), all.len());
    tenant.clear_faults();
    tenant.add_fault(
        Fault::on("Microsoft.Security/alerts", Trouble::Replace("page~5".into(), "page~3".into())).once(),
    );
    let name = all[3].id.as_str().rsplit('/').next().unwrap();
    assert_eq!(source.get(&DetectionId::new(name).unwrap()).await.unwrap().id, all[3].id);
}

#[tokio::test(start_paused = true)]
async fn who_sees_no_subscription_has_an_empty_complete_list() {
    let tenant = tenant().build();
    tenant.add_app(App::new("nobody", "pw").with_azure_role(None));
    let mut stream = client_as(&tenant, "nobody", "pw").detections("x").list(&DetectionQuery::all());
    assert!(stream.next().await.is_none());
    assert!(stream.report().complete);
    let can = client_as(&tenant, "nobody", "pw").detections("x").capabilities().await.unwrap();
    assert_eq!(
        (can.view, can.triage, can.comment),
        (Some(false), Some(false), Some(false)),
        "without any role nothing can be done"
    );
    assert_eq!(can.missing, ["Security Reader", "Security Admin"]);
}

#[tokio::test(start_paused = true)]
async fn azure_is_asked_what_its_roles_allow_and_nothing_is_tried() {
    let tenant = tenant().build();
    tenant.add_app(App::new("reader", "pw").with_azure_role(AzureRole::SecurityReader));
    let all = client_as(&tenant, "reader", "pw").detections("x");
    let can = all.capabilities().await.unwrap();
    assert_eq!((can.view, can.triage, can.isolate), (Some(true), Some(false), Some(false)));
    assert_eq!(can.missing.len(), 3, "one for each subscription: {:?}", can.missing);
    assert!(can.missing[0].starts_with("Security Admin on the subscription "), "{:?}", can.missing);
    let one = all.within(scope(0)).capabilities().await.unwrap();
    assert_eq!(one.missing, ["Security Admin"]);
    assert_eq!(posts(&tenant), 0);

    let admin = client(&tenant).detections("x").capabilities().await.unwrap();
    assert_eq!((admin.view, admin.triage, admin.missing.len()), (Some(true), Some(true), 0));
    assert_eq!((admin.classify, admin.assign, admin.comment), (Some(false), Some(false), Some(false)));
    // Where Azure does not say what is allowed, nobody knows.
    tenant.add_fault(Fault::status("Microsoft.Authorization", 403));
    let unknown = client(&tenant).detections("x").capabilities().await.unwrap();
    assert_eq!((unknown.view, unknown.triage, unknown.missing.len()), (None, None, 0));
}
