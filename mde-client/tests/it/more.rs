//! The smaller groups of the service: requests as the pages have them, answers as they come.

use mde_client::{AlertId, AlertStatus, AlertUpdate, ErrorKind, LookBack, MachineId, indicator_fields};
use pocketsoc_testkit::{Fault, Reply, Tenant, Trouble};

use crate::virtual_tenant::{client, tenant};

/// A tenant that answers one address with this.
fn answering(path: &str, status: u16, body: &str) -> Tenant {
    let tenant = tenant().alerts(5).build();
    tenant.add_fault(Fault::on(path, Trouble::Answer(Reply::json(status, body.to_owned()))));
    tenant
}

fn asked(tenant: &Tenant) -> (String, String) {
    let request = tenant.requests().pop().unwrap();
    (
        request.method,
        if request.query.is_empty() { request.path } else { format!("{}?{}", request.path, request.query) },
    )
}

#[tokio::test(start_paused = true)]
async fn what_an_alert_is_about_is_asked_of_the_alert() {
    let id = AlertId::new("da1_-2").unwrap();
    let tenant = answering("/domains", 200, r#"{"value":[{"host":"evil.example"}]}"#);
    let domain = client(&tenant).alerts().domains(&id).next().await.unwrap().unwrap();
    assert_eq!(
        (domain.host.as_deref(), asked(&tenant).1.as_str()),
        (Some("evil.example"), "/api/alerts/da1_-2/domains")
    );
    let tenant = answering("/ips", 200, r#"{"value":[{"id":"192.0.2.1"}]}"#);
    let ip = client(&tenant).alerts().ips(&id).next().await.unwrap().unwrap();
    assert_eq!(ip.id.as_deref(), Some("192.0.2.1"));
    let tenant = answering("/user", 404, r#"{"error":{"code":"ResourceNotFound","message":"no user"}}"#);
    assert!(client(&tenant).alerts().user(&id).await.unwrap().is_none(), "an alert without a user");
    let tenant = answering("/machine", 200, r#"{"id":"m1","computerDnsName":"a.corp"}"#);
    assert_eq!(client(&tenant).alerts().machine(&id).await.unwrap().id.as_str(), "m1");
}

#[tokio::test(start_paused = true)]
async fn many_alerts_are_changed_at_once_and_each_is_read_back() {
    let tenant = answering("/batchUpdate", 200, "");
    let ids: Vec<AlertId> =
        tenant.alert_ids().into_iter().take(2).map(|id| AlertId::new(id).unwrap()).collect();
    let stands = client(&tenant).alerts().get(&ids[0]).await.unwrap().status.unwrap();
    let updated =
        client(&tenant).alerts().update_many(&ids, &AlertUpdate::new().with_status(stands)).await.unwrap();
    assert!(updated[0].outcome.is_ok(), "{:?}", updated[0]);
    // The fake says yes and does nothing: that is noticed.
    let unlikely =
        AlertUpdate::new().with_assigned_to("nobody@contoso.example").with_status(AlertStatus::InProgress);
    let updated = client(&tenant).alerts().update_many(&ids, &unlikely).await.unwrap();
    assert_eq!(updated.len(), 2);
    for one in &updated {
        assert_eq!(one.outcome.as_ref().unwrap_err().kind(), ErrorKind::NotApplied, "{:?}", one.id);
    }
}

#[tokio::test(start_paused = true)]
async fn files_addresses_and_domains_are_counted() {
    let sha1 = "6ed11b70af4ccae3c2a3c6bd5ad4b0a3f3c8a1c7";
    let tenant = answering(
        "/stats",
        200,
        r#"{"sha1":"x","orgPrevalence":"14850","globallyPrevalence":705012,"topFileNames":["MREC.exe"]}"#,
    );
    let observables = client(&tenant).observables();
    let stats = observables.file_stats(sha1, LookBack::hours(48).unwrap()).await.unwrap();
    assert_eq!(
        (stats.organization_prevalence, stats.global_prevalence),
        (Some(14850), Some(705_012)),
        "numbers come as texts"
    );
    assert_eq!(asked(&tenant).1, format!("/api/files/{sha1}/stats?lookBackHours=48"));
    observables.ip_stats("192.0.2.1".parse().unwrap(), LookBack::default()).await.unwrap();
    assert_eq!(asked(&tenant).1, "/api/ips/192.0.2.1/stats?lookBackHours=720");
    assert_eq!(observables.file("no hash").await.unwrap_err().kind(), ErrorKind::InvalidRequest);
    assert!(observables.file_alerts("no hash").next().await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn investigations_and_indicators_are_asked_for_as_the_pages_say() {
    let machine = MachineId::new("m1").unwrap();
    let tenant = answering("/startInvestigation", 201, r#"{"id":"63004","state":"Queued"}"#);
    let investigation = client(&tenant).investigations().start(&machine, "look").await.unwrap();
    assert_eq!(investigation.id.as_str(), "63004");
    assert_eq!(tenant.requests().pop().unwrap().json().unwrap(), serde_json::json!({"Comment": "look"}));
    assert!(client(&tenant).investigations().start(&machine, " ").await.is_err());

    let tenant = answering(
        "/indicators",
        200,
        r#"{"value":[{"id":"995","indicatorValue":"192.0.2.1","action":"Block"}]}"#,
    );
    let by_value = indicator_fields::INDICATOR_VALUE.eq("192.0.2.1");
    let found = client(&tenant).indicators().list(Some(by_value)).next().await.unwrap().unwrap();
    assert_eq!(found.id.as_str(), "995");
    assert_eq!(
        tenant.requests().pop().unwrap().option("$filter").as_deref(),
        Some("indicatorValue eq '192.0.2.1'")
    );
    let tenant = answering("/indicators/995", 204, "");
    client(&tenant).indicators().delete(&found.id).await.unwrap();
    assert_eq!(asked(&tenant), ("DELETE".into(), "/api/indicators/995".into()));
}
