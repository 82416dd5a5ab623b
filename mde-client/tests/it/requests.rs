//! Every call as it goes over the wire: method, path, query, headers and body.

use mde_client::{
    AlertClassification, AlertDetermination, AlertId, AlertQuery, AlertStatus, AlertUpdate, ErrorKind, fields,
};
use pocketsoc_testkit::Request;

use crate::virtual_tenant::{client, client_of_any_pair, tenant};

fn asked(request: &Request) -> String {
    let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
    format!("{} {}{query}", request.method, request.path)
}

#[tokio::test(start_paused = true)]
async fn listing_asks_for_large_pages_and_for_evidence_only_when_wanted() {
    let tenant = tenant().alerts(3).build();
    let alerts = client(&tenant).alerts();
    alerts.list(&AlertQuery::new()).collect().await.unwrap();
    let since = "2026-01-31T10:00:00.5Z".parse().unwrap();
    let filter = fields::LAST_UPDATE_TIME.ge(&since).and(fields::STATUS.eq(&AlertStatus::New));
    alerts
        .list(&AlertQuery::new().with_filter(filter).with_evidence().with_page_size(50))
        .collect()
        .await
        .unwrap();
    let requests = tenant.requests_to("/api/");
    assert_eq!(asked(&requests[0]), "GET /api/alerts?$top=10000");
    assert_eq!(
        asked(&requests[1]),
        "GET /api/alerts?$filter=lastUpdateTime%20ge%202026-01-31T10%3A00%3A00.5Z%20and%20status%20eq%20%27New%27&$expand=evidence&$top=50"
    );
    for request in requests {
        assert_eq!(request.header("accept"), Some("application/json"));
        assert!(request.header("authorization").unwrap().starts_with("Bearer "));
        assert_eq!((request.header("referer"), request.header("content-type")), (None, None));
        assert!(request.body.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn getting_and_updating_name_the_alert_and_only_what_changes() {
    let tenant = tenant().alerts(3).build();
    let alerts = client(&tenant).alerts();
    let id = AlertId::new(tenant.alert_ids().swap_remove(1)).unwrap();
    let got = alerts.get(&id).await.unwrap();
    assert_eq!(got.id, id);
    assert!(!got.evidence.is_empty(), "evidence comes without asking");
    let update = AlertUpdate::new()
        .with_status(AlertStatus::Resolved)
        .with_assigned_to("j.o'hara@contoso.example")
        .with_determination(AlertDetermination::NotMalicious)
        .with_comment("checked");
    let now = alerts.update(&id, &update).await.unwrap();
    assert_eq!(now.status, Some(AlertStatus::Resolved));

    let requests = tenant.requests_to("/api/");
    assert_eq!(asked(&requests[0]), format!("GET /api/alerts/{id}"));
    assert_eq!(asked(&requests[1]), format!("PATCH /api/alerts/{id}"));
    assert_eq!(requests[1].header("content-type"), Some("application/json"));
    assert_eq!(
        std::str::from_utf8(&requests[1].body).unwrap(),
        r#"{"status":"Resolved","assignedTo":"j.o'hara@contoso.example","determination":"NotMalicious","comment":"checked"}"#
    );
}

#[tokio::test(start_paused = true)]
async fn an_id_stays_one_segment_and_a_stranger_is_not_found() {
    let tenant = tenant().alerts(1).build();
    let alerts = client(&tenant).alerts();
    let error = alerts.get(&AlertId::new("da1/../../machines?x#y").unwrap()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.status(), error.code()),
        (ErrorKind::NotFound, Some(404), Some("ResourceNotFound"))
    );
    assert!(error.request_id().is_some());
    assert_eq!(asked(&tenant.requests_to("/api/")[0]), "GET /api/alerts/da1%2F..%2F..%2Fmachines%3Fx%23y");
}

#[tokio::test(start_paused = true)]
async fn a_filter_that_the_service_refuses_is_an_error_and_no_empty_list() {
    let tenant = tenant().alerts(3).build();
    let odd = AlertQuery::new().with_filter(mde_client::odata::Filter::Raw("title eq 'x'".into()));
    let error = client(&tenant).alerts().list(&odd).collect().await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::InvalidRequest, Some("ODataError")));
    assert!(!error.to_string().contains("$filter=") && error.message().contains("title"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_verdict_and_its_reason_go_together_or_are_refused_with_the_legal_ones_named() {
    use AlertClassification::{FalsePositive, InformationalExpectedActivity, TruePositive};
    use AlertDetermination as Why;
    let tenant = tenant().alerts(2).build();
    let id = AlertId::new(tenant.alert_ids().swap_remove(0)).unwrap();
    let legal = [
        (TruePositive, vec![Why::MultiStagedAttack, Why::MaliciousUserActivity, Why::CompromisedUser]),
        (TruePositive, vec![Why::Malware, Why::Phishing, Why::UnwantedSoftware, Why::Other]),
        (InformationalExpectedActivity, vec![Why::SecurityTesting, Why::LineOfBusinessApplication]),
        (InformationalExpectedActivity, vec![Why::ConfirmedActivity, Why::Other]),
        (FalsePositive, vec![Why::NotMalicious, Why::InsufficientData, Why::Other]),
    ];
    let all: Vec<Why> = legal.iter().flat_map(|(_, whys)| whys.clone()).collect();
    for verdict in [TruePositive, InformationalExpectedActivity, FalsePositive] {
        for why in &all {
            let update =
                AlertUpdate::new().with_classification(verdict.clone()).with_determination(why.clone());
            let fits = legal.iter().any(|(of, whys)| *of == verdict && whys.contains(why));
            tenant.forget_requests();
            let one = client(&tenant).alerts().update(&id, &update).await;
            let many = client(&tenant).alerts().update_many(std::slice::from_ref(&id), &update).await;
            assert_eq!((one.is_ok(), many.is_ok()), (fits, fits), "{verdict:?} {why:?}: {one:?}");
            if let (Err(one), Err(many)) = (one, many) {
                assert_eq!((one.kind(), many.kind()), (ErrorKind::InvalidRequest, ErrorKind::InvalidRequest));
                assert!(tenant.requests().is_empty(), "nothing was sent");
                let named = one.to_string().to_lowercase().replace([' ', '_', '-'], "");
                assert!(named.contains("other"), "the legal ones are named: {one}");
                assert!(client_of_any_pair(&tenant).alerts().update(&id, &update).await.is_ok());
            }
        }
    }
    // A word that this version does not know is the caller's own business.
    let new_word = AlertUpdate::new().with_classification(FalsePositive).with_determination("Novel".into());
    let error = client(&tenant).alerts().update(&id, &new_word).await.unwrap_err();
    assert_eq!(error.code(), Some("InvalidInput"), "the service decides");
}
