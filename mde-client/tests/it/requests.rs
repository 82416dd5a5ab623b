//! Every call as it goes over the wire: method, path, query, headers and body.

use mde_client::{AlertDetermination, AlertId, AlertQuery, AlertStatus, AlertUpdate, ErrorKind, fields};
use pocketsoc_testkit::Request;

use crate::virtual_tenant::{client, tenant};

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
