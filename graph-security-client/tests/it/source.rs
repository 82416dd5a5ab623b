//! Alerts and incidents as sources of detections: the contract, triage, and what a service may do wrong.

use graph_security_client::{
    Classification, Cloud, Connection, Credential, Detail, DetectionChange, DetectionId, DetectionQuery,
    DetectionSource, DetectionSourceExt, Determination, ErrorKind, GraphSecurityClient, Secret, Severity,
    Status,
};
use pocketsoc_testkit::hazards::{self, Routes};
use pocketsoc_testkit::{App, Fault, Reply, Tenant, Trouble, conformance};

use crate::virtual_tenant::{alerts, client, clock, connection, incidents, tenant};

fn writes(tenant: &Tenant) -> Vec<String> {
    let writes = tenant.requests_to("/v1.0/security").into_iter().filter(|r| r.method != "GET");
    writes.map(|r| format!("{} {}", r.method, String::from_utf8_lossy(&r.body))).collect()
}

fn id(text: &str) -> DetectionId {
    DetectionId::new(text).unwrap()
}

#[tokio::test(start_paused = true)]
async fn both_keep_the_contract_of_every_source() {
    conformance::run(&alerts(&tenant().build())).await;
    conformance::run(&incidents(&tenant().build())).await;
    conformance::run(&alerts(&tenant().page_cap(7).build())).await;
    conformance::run(&incidents(&tenant().page_cap(7).build())).await;
    let reader = tenant().build();
    let roles = ["SecurityAlert.Read.All", "SecurityIncident.Read.All"];
    reader.add_app(App::new("reader", "pw").with_roles(roles));
    let graph = GraphSecurityClient::new(&connection(&reader, "reader", "pw")).unwrap();
    conformance::run(&graph.alert_detections("Reader")).await;
    conformance::run(&graph.incident_detections("Reader")).await;
}

#[tokio::test(start_paused = true)]
async fn alerts_withstand_what_services_and_networks_do() {
    let tenant = tenant().alerts(30).page_cap(9).build();
    hazards::run(&alerts(&tenant), &tenant, &Routes::GRAPH_ALERT).await;
}

#[tokio::test(start_paused = true)]
async fn incidents_withstand_what_services_and_networks_do() {
    let tenant = tenant().alerts(60).page_cap(5).build();
    hazards::run(&incidents(&tenant), &tenant, &Routes::GRAPH_INCIDENT).await;
}

#[tokio::test(start_paused = true)]
async fn filters_are_pushed_to_the_service() {
    let tenant = tenant().alerts(200).build();
    let query = DetectionQuery::updated_since("2026-09-01T00:00:00Z".parse().unwrap())
        .with_statuses([Status::Active, Status::InProgress])
        .with_min_severity(Severity::Medium)
        .with_limit(25);
    let found = alerts(&tenant).collect(&query).await.unwrap();
    assert!(found.iter().all(|d| query.matches(d)) && !found.is_empty());
    let request = &tenant.requests_to("/alerts_v2")[0];
    assert_eq!(
        request.option("$filter").unwrap(),
        "lastUpdateDateTime ge 2026-09-01T00:00:00Z and (status eq 'new' or status eq 'inProgress') \
         and severity ne 'informational' and severity ne 'low'"
    );
    assert_eq!(request.option("$top").as_deref(), Some("25"));

    let merged = DetectionQuery::all().with_statuses([Status::Merged]).with_detail(Detail::Summary);
    let found = incidents(&tenant).collect(&merged).await.unwrap();
    assert_eq!((found.len(), found[0].merged_into.as_ref().unwrap().as_str()), (1, "4000"));
    let request = &tenant.requests_to("/incidents")[0];
    assert_eq!(request.option("$filter").unwrap(), "status eq 'redirected'");
    assert_eq!(request.option("$expand"), None, "a summary does without the alerts");
    let waiting = DetectionQuery::all().with_statuses([Status::AwaitingAction]);
    let found = incidents(&tenant).collect(&waiting).await.unwrap();
    assert_eq!((found.len(), found[0].native_status.as_deref()), (1, Some("awaitingAction")));
}

#[tokio::test(start_paused = true)]
async fn every_pair_of_statuses_is_made_refused_or_left_alone() {
    let tenant = tenant().build();
    let free = [Status::Active, Status::InProgress, Status::Resolved];
    let sources: [(Box<dyn DetectionSource>, String); 2] = [
        (Box::new(alerts(&tenant)), tenant.graph_alert_ids().swap_remove(0)),
        (Box::new(incidents(&tenant)), "4000".into()),
    ];
    for (source, one) in sources {
        for from in free {
            for to in Status::ALL {
                source.update(&id(&one), &DetectionChange::status(from)).await.unwrap();
                tenant.forget_requests();
                let outcome = source.update(&id(&one), &DetectionChange::status(to)).await;
                if free.contains(&to) {
                    assert_eq!(outcome.unwrap().status, to, "{from} -> {to}");
                    assert_eq!(writes(&tenant).len(), usize::from(from != to), "{from} -> {to}");
                } else {
                    let error = outcome.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::InvalidTransition, "{from} -> {to}: {error}");
                    assert!(writes(&tenant).is_empty(), "{from} -> {to} is refused before any write");
                }
            }
        }
    }
    let all = incidents(&tenant).collect(&DetectionQuery::all()).await.unwrap();
    for (status, allowed) in [(Status::AwaitingAction, 3), (Status::Merged, 0)] {
        let one = all.iter().find(|d| d.status == status).unwrap();
        assert_eq!(one.allowed_statuses.len(), allowed);
        for to in Status::ALL.into_iter().filter(|to| *to != status && !one.allowed_statuses.contains(to)) {
            let error = incidents(&tenant).update(&one.id, &DetectionChange::status(to)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidTransition, "{status} -> {to}");
        }
    }
    let waiting = all.iter().find(|d| d.status == Status::AwaitingAction).unwrap();
    let now =
        incidents(&tenant).update(&waiting.id, &DetectionChange::status(Status::InProgress)).await.unwrap();
    assert_eq!(now.status, Status::InProgress);
}

#[tokio::test(start_paused = true)]
async fn triage_is_one_write_then_a_comment_and_is_read_back() {
    let tenant = tenant().build();
    let change = DetectionChange::status(Status::Resolved)
        .with_classification(Classification::InformationalExpected)
        .with_determination(Determination::ConfirmedActivity)
        .with_assigned_to("ada.byron@contoso.example")
        .with_comment("a test of ours");
    let one = tenant.graph_alert_ids().swap_remove(0);
    let now = alerts(&tenant).update(&id(&one), &change).await.unwrap();
    assert_eq!((now.status, now.classification), (Status::Resolved, change.classification));
    assert_eq!(
        (now.determination, now.assigned_to.as_deref()),
        (change.determination, Some("ada.byron@contoso.example"))
    );
    assert_eq!(now.comments.last().unwrap().text, "a test of ours");
    assert!(now.resolved_at.is_some());
    assert_eq!(
        writes(&tenant),
        [
            r#"PATCH {"status":"resolved","classification":"informationalExpectedActivity","determination":"confirmedActivity","assignedTo":"ada.byron@contoso.example"}"#,
            r#"POST {"@odata.type":"microsoft.graph.security.alertComment","comment":"a test of ours"}"#
        ]
    );
    tenant.forget_requests();
    incidents(&tenant).comment(&id("4000"), "only a remark").await.unwrap();
    assert_eq!(writes(&tenant).len(), 1, "a remark alone is one write");
}

#[tokio::test(start_paused = true)]
async fn a_verdict_goes_as_a_pair_because_the_service_recalculates_what_is_left_out() {
    let tenant = tenant().build();
    let one = id("4000");
    let source = incidents(&tenant);
    let verdict = |c, d| DetectionChange::new().with_classification(c).with_determination(d);
    source.update(&one, &verdict(Classification::TruePositive, Determination::Malware)).await.unwrap();
    tenant.forget_requests();
    source.update(&one, &DetectionChange::new().with_determination(Determination::Phishing)).await.unwrap();
    assert_eq!(writes(&tenant), [r#"PATCH {"classification":"truePositive","determination":"phishing"}"#]);
    // Which pairs this service takes is not documented: an unusual one is tried, and read back.
    let odd = verdict(Classification::FalsePositive, Determination::Malware);
    assert_eq!(source.update(&one, &odd).await.unwrap().determination, Some(Determination::Malware));
    let retired = DetectionChange::new().with_determination(Determination::Apt);
    assert_eq!(source.update(&one, &retired).await.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test(start_paused = true)]
async fn a_comment_that_fails_after_the_rest_says_what_was_made() {
    let tenant = tenant().build();
    tenant.add_fault(Fault::status("/comments", 403));
    let change = DetectionChange::status(Status::InProgress).with_comment("mine");
    let error = incidents(&tenant).update(&id("4000"), &change).await.unwrap_err();
    assert_eq!((error.kind(), error.applied()), (ErrorKind::PermissionDenied, &["status".to_owned()][..]));
    assert_eq!(incidents(&tenant).get(&id("4000")).await.unwrap().status, Status::InProgress);
}

#[tokio::test(start_paused = true)]
async fn a_merged_incident_leads_to_the_one_it_was_merged_into() {
    let tenant = tenant().build();
    let source = incidents(&tenant);
    let merged =
        source.collect(&DetectionQuery::all().with_statuses([Status::Merged])).await.unwrap().swap_remove(0);
    assert!(merged.allowed_statuses.is_empty());
    for change in [
        DetectionChange::status(Status::Resolved),
        DetectionChange::new().with_assigned_to("ada@contoso.example"),
        DetectionChange::new().with_comment("too late"),
        DetectionChange::status(Status::Merged).with_comment("too late"),
    ] {
        let error = source.update(&merged.id, &change).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::InvalidTransition | ErrorKind::Conflict), "{error}");
        assert_eq!(error.hint(), Some("it was merged into 4000: change that one"));
    }
    assert!(writes(&tenant).is_empty());

    // Merged while we were at it: the service says yes, and shows where to.
    let (inner, merging) = (tenant.exchange(), tenant.clone());
    let exchange = move |request: http::Request<bytes::Bytes>| {
        if request.method() == http::Method::PATCH {
            merging.merge_incident("4001", "4000");
        }
        inner(request)
    };
    let credential =
        Credential::token(Secret::new(tenant.graph_token_with_roles(&["SecurityIncident.ReadWrite.All"])));
    let connection =
        Connection::builder(credential, Cloud::Public).http(exchange).clock(clock()).build().unwrap();
    let source = GraphSecurityClient::new(&connection).unwrap().incident_detections("Graph");
    tenant.forget_requests();
    let change = DetectionChange::new().with_assigned_to("ada@contoso.example").with_comment("mine");
    let error = source.update(&id("4001"), &change).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotApplied, "{error}");
    assert_eq!(error.hint(), Some("it was merged into 4000: change that one"));
    assert_eq!(writes(&tenant).len(), 1, "the comment does not go to the wrong one");
}

#[tokio::test(start_paused = true)]
async fn where_the_service_fails_at_the_alerts_incidents_come_without_them_and_that_is_said() {
    let tenant = tenant().alerts(200).page_cap(20).build();
    let source = incidents(&tenant);
    let whole = source.collect(&DetectionQuery::all()).await.unwrap();
    assert!(whole[0].entities.len() > 3 && whole[0].properties.get("alerts").is_some());
    for after in [0, 2] {
        // Only what asks for the alerts fails.
        tenant.add_fault(Fault::status("/incidents", 500).for_query("$expand").after(after));
        let mut stream = source.list(&DetectionQuery::all());
        let mut found = Vec::new();
        while let Some(item) = stream.next().await {
            found.push(item.unwrap());
        }
        let report = stream.report();
        assert!(report.complete, "every incident is there");
        assert_eq!(report.degraded.len(), 1, "{report:?}");
        let ids = |list: &[graph_security_client::Detection]| {
            list.iter().map(|d| d.id.to_string()).collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!((found.len(), ids(&found)), (whole.len(), ids(&whole)), "each once");
        let one = source.get(&whole[0].id).await.unwrap();
        assert!(one.entities.is_empty() && one.properties.get("unreadableAlerts").is_some());
        tenant.clear_faults();
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_done_without_is_said_also_of_a_list_with_a_limit_and_of_one_taken_up_again() {
    let tenant = tenant().alerts(200).page_cap(20).build();
    let source = incidents(&tenant);
    tenant.add_fault(Fault::status("/incidents", 500).for_query("$expand"));
    let mut few = source.list(&DetectionQuery::all().with_limit(3));
    while few.next().await.is_some() {}
    assert_eq!(few.report().degraded.len(), 1);

    // The plain walk breaks off as well, and is taken up again when all is well: still without, and said.
    tenant.add_fault(Fault::status("/incidents", 403).for_query("$skiptoken").after(1));
    let mut early = source.list(&DetectionQuery::all());
    let mut before = Vec::new();
    while let Some(item) = early.next().await {
        before.extend(item.ok().map(|d| d.id));
    }
    let point = early.report().resume.unwrap();
    tenant.clear_faults();
    let mut rest = source.list(&DetectionQuery::all().with_resume(point));
    let mut after = Vec::new();
    while let Some(item) = rest.next().await {
        after.push(item.unwrap().id);
    }
    assert_eq!((rest.report().complete, rest.report().degraded.len()), (true, 1));
    assert_eq!(before.len() + after.len(), tenant.incident_ids().len());
    assert!(before.iter().all(|id| !after.contains(id)));
}

#[tokio::test(start_paused = true)]
async fn a_comment_that_was_made_is_not_called_a_failure_for_want_of_an_answer() {
    let tenant = tenant().build();
    tenant.add_fault(Fault::on("/comments", Trouble::Answering(Reply::empty(200))));
    for source in [&incidents(&tenant) as &dyn DetectionSource, &alerts(&tenant)] {
        let one = source.list(&DetectionQuery::all().with_limit(1)).next().await.unwrap().unwrap();
        let now = source.update(&one.id, &DetectionChange::new().with_comment("once")).await.unwrap();
        assert_eq!(now.comments.iter().filter(|c| c.text == "once").count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn capabilities_are_read_from_the_token_and_nothing_is_tried() {
    let tenant = tenant().build();
    tenant.add_app(App::new("reader", "pw").with_roles(["SecurityAlert.Read.All"]));
    let graph = GraphSecurityClient::new(&connection(&tenant, "reader", "pw")).unwrap();
    let can = graph.alert_detections("x").capabilities().await.unwrap();
    assert_eq!(
        (can.view, can.triage, can.comment, can.isolate),
        (Some(true), Some(false), Some(false), Some(false))
    );
    assert_eq!(can.missing, ["SecurityAlert.ReadWrite.All", "ThreatHunting.Read.All"]);
    let can = graph.incident_detections("x").capabilities().await.unwrap();
    assert_eq!(can.view, Some(false));
    assert!(tenant.requests_to("/v1.0/").is_empty());
    let error = graph.incident_detections("x").collect(&DetectionQuery::all()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.hint().unwrap().contains("SecurityIncident.Read.All"), "{:?}", error.hint());
}

#[tokio::test(start_paused = true)]
async fn ids_of_other_services_are_not_asked_for() {
    let tenant = tenant().build();
    let cloud = id(&tenant.cloud_alert_ids()[0]);
    assert_eq!(alerts(&tenant).get(&cloud).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(
        incidents(&tenant).get(&id(&tenant.alert_ids()[0])).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert!(tenant.requests().is_empty());
    let error = alerts(&tenant).get(&id("4000")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.request_id().is_some());
    assert!(
        client(&tenant).incidents().get(&graph_security_client::IncidentId::new("1").unwrap()).await.is_err()
    );
}
