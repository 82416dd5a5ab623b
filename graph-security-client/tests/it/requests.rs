//! Every call as it goes over the wire: method, path, query, headers and body.

use graph_security_client::{
    AlertClassification, AlertDetermination, AlertId, AlertQuery, AlertSeverity, AlertStatus, AlertUpdate,
    IncidentId, IncidentQuery, IncidentStatus, IncidentUpdate, ServiceSource, alert_fields, incident_fields,
};
use pocketsoc_testkit::Request;

use crate::virtual_tenant::{client, tenant};

fn asked(request: &Request) -> String {
    let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
    format!("{} {}{query}", request.method, request.path)
}

fn body(request: &Request) -> &str {
    std::str::from_utf8(&request.body).unwrap()
}

#[tokio::test(start_paused = true)]
async fn lists_ask_for_every_word_and_for_pages_that_the_service_gives() {
    let tenant = tenant().build();
    let graph = client(&tenant);
    graph.alerts().list(&AlertQuery::new()).collect().await.unwrap();
    let cloud = alert_fields::SERVICE_SOURCE.eq(&ServiceSource::MicrosoftDefenderForCloud);
    let since = alert_fields::LAST_UPDATE_DATE_TIME.ge(&"2026-07-15T18:53:12Z".parse().unwrap());
    let query = AlertQuery::new().with_filter(cloud.and(since)).with_page_size(100_000);
    let found = graph.alerts().list(&query).collect().await.unwrap();
    assert!(!found.is_empty());
    assert!(found.iter().all(|a| a.service_source == Some(ServiceSource::MicrosoftDefenderForCloud)));
    graph.incidents().list(&IncidentQuery::new()).collect().await.unwrap();
    let severe = incident_fields::SEVERITY.eq(&AlertSeverity::High);
    let query = IncidentQuery::new().with_filter(severe).with_alerts().with_page_size(500);
    graph.incidents().list(&query).collect().await.unwrap();

    let requests = tenant.requests_to("/v1.0/security");
    let lines: Vec<_> = requests.iter().map(asked).collect();
    assert_eq!(
        lines,
        [
            "GET /v1.0/security/alerts_v2?$top=500",
            "GET /v1.0/security/alerts_v2?$filter=serviceSource%20eq%20%27microsoftDefenderForCloud%27%20and%20lastUpdateDateTime%20ge%202026-07-15T18%3A53%3A12Z&$top=1000",
            "GET /v1.0/security/incidents?$top=50",
            "GET /v1.0/security/incidents?$filter=severity%20eq%20%27high%27&$expand=alerts&$top=50",
        ]
    );
    for request in &requests {
        assert_eq!(request.header("prefer"), Some("include-unknown-enum-members"));
        assert_eq!(request.header("accept"), Some("application/json"));
        assert!(request.header("authorization").unwrap().starts_with("Bearer "));
    }
    let scope = tenant.requests_to("/oauth2/")[0].field("scope");
    assert_eq!(scope.as_deref(), Some("https://graph.microsoft.com/.default"));
}

#[tokio::test(start_paused = true)]
async fn further_pages_ask_for_every_word_too() {
    let tenant = tenant().alerts(30).page_cap(10).build();
    let all = client(&tenant).alerts().list(&AlertQuery::new()).collect().await.unwrap();
    assert_eq!(all.len(), tenant.graph_alert_ids().len());
    assert!(tenant.requests_to("/alerts_v2").len() > 3);
    for request in tenant.requests_to("/alerts_v2") {
        assert_eq!(request.header("prefer"), Some("include-unknown-enum-members"));
    }
    assert!(all.iter().any(|a| a.service_source == Some(ServiceSource::MicrosoftSentinel)));
    assert!(all.iter().all(|a| a.service_source.as_ref().unwrap().is_known()));
}

#[tokio::test(start_paused = true)]
async fn changes_of_an_alert_name_only_what_changes_in_the_words_of_the_schema() {
    let tenant = tenant().build();
    let alerts = client(&tenant).alerts();
    let id = AlertId::new(tenant.graph_alert_ids().swap_remove(0)).unwrap();
    let update = AlertUpdate::new()
        .with_status(AlertStatus::Resolved)
        .with_classification(AlertClassification::FalsePositive)
        .with_determination(AlertDetermination::NotEnoughDataToValidate)
        .with_assigned_to("j.o'hara@contoso.example");
    let now = alerts.update(&id, &update).await.unwrap();
    assert_eq!(now.determination, Some(AlertDetermination::NotEnoughDataToValidate));
    assert_eq!(alerts.update(&id, &AlertUpdate::new().unassigned()).await.unwrap().assigned_to, None);
    let comments = alerts.comment(&id, "checked").await.unwrap();
    assert_eq!(comments.last().unwrap().comment.as_deref(), Some("checked"));
    let requests = tenant.requests_to("/alerts_v2");
    assert_eq!(asked(&requests[0]), format!("PATCH /v1.0/security/alerts_v2/{id}"));
    assert_eq!(
        body(&requests[0]),
        r#"{"status":"resolved","classification":"falsePositive","determination":"notEnoughDataToValidate","assignedTo":"j.o'hara@contoso.example"}"#
    );
    assert_eq!(body(&requests[1]), r#"{"assignedTo":null}"#);
    assert_eq!(asked(&requests[2]), format!("POST /v1.0/security/alerts_v2/{id}/comments"));
    assert_eq!(
        body(&requests[2]),
        r#"{"@odata.type":"microsoft.graph.security.alertComment","comment":"checked"}"#
    );
    assert_eq!(requests[2].header("content-type"), Some("application/json"));
}

#[tokio::test(start_paused = true)]
async fn changes_of_an_incident_may_be_of_all_that_the_service_lets_change() {
    let tenant = tenant().build();
    let incidents = client(&tenant).incidents();
    let id = IncidentId::new("4000").unwrap();
    let mut update = IncidentUpdate::new()
        .with_status(IncidentStatus::InProgress)
        .with_custom_tags(["Demo", "Q3"])
        .with_determination(AlertDetermination::CompromisedAccount);
    update.display_name = Some("From mail to cloud".into());
    update.severity = Some(AlertSeverity::High);
    update.resolving_comment = Some("not yet".into());
    let now = incidents.update(&id, &update).await.unwrap();
    assert_eq!(
        (now.custom_tags, now.display_name.as_deref()),
        (vec!["Demo".into(), "Q3".into()], Some("From mail to cloud"))
    );
    let got = incidents.get(&id).await.unwrap();
    assert!(got.alerts.is_none());
    let whole = incidents.get_with_alerts(&id).await.unwrap();
    assert!(whole.alerts().all(|alert| alert.unwrap().incident_id.as_deref() == Some("4000")));
    incidents.comment(&id, "mine").await.unwrap();
    let requests = tenant.requests_to("/incidents");
    assert_eq!(
        body(&requests[0]),
        r#"{"status":"inProgress","determination":"compromisedAccount","customTags":["Demo","Q3"],"displayName":"From mail to cloud","severity":"high","resolvingComment":"not yet"}"#
    );
    let lines: Vec<_> = requests.iter().map(asked).collect();
    assert_eq!(
        lines[1..],
        [
            "GET /v1.0/security/incidents/4000",
            "GET /v1.0/security/incidents/4000?$expand=alerts",
            "POST /v1.0/security/incidents/4000/comments"
        ]
    );
}
