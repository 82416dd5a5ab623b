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

#[tokio::test(start_paused = true)]
async fn each_page_gets_the_spelling_it_wants_or_the_one_that_is_given() {
    use mde_client::{AlertClassification as Verdict, AlertDetermination as Why};
    let tenant = tenant().alerts(2).build();
    let id = AlertId::new(tenant.alert_ids().swap_remove(0)).unwrap();
    let sent = async |update: AlertUpdate| {
        tenant.forget_requests();
        let alerts = client(&tenant).alerts();
        let _ = alerts.update(&id, &update).await;
        let _ = alerts.update_many(std::slice::from_ref(&id), &update).await;
        let word = |path: &str, name: &str| {
            tenant.requests_to(path)[0].json().unwrap()[name].as_str().unwrap_or_default().to_owned()
        };
        let one = format!("/api/alerts/{id}");
        [
            word(&one, "determination"),
            word("/batchUpdate", "determination"),
            word("/batchUpdate", "classification"),
        ]
    };
    let update = AlertUpdate::new;
    let false_alarm = update().with_classification(Verdict::FalsePositive);
    assert_eq!(
        sent(false_alarm.clone().with_determination(Why::NotMalicious)).await,
        ["NotMalicious", "Clean", "FalsePositive"]
    );
    for word in ["NotMalicious", "Clean"] {
        assert_eq!(
            sent(false_alarm.clone().with_determination_spelled(word)).await,
            [word, word, "FalsePositive"]
        );
    }
    let shown = "Informational, expected activity";
    let expected = update().with_classification_spelled(shown).with_determination(Why::ConfirmedActivity);
    assert_eq!(sent(expected).await, ["ConfirmedActivity", "ConfirmedUserActivity", shown]);

    // What is only read, and no change at all, is refused.
    for bad in [
        update(),
        update().with_status(AlertStatus::Unknown),
        update().with_classification(Verdict::Unknown),
        update().with_determination(Why::Apt),
        update().with_determination(Why::NotAvailable),
    ] {
        tenant.forget_requests();
        let error = client(&tenant).alerts().update(&id, &bad).await.unwrap_err();
        assert_eq!((error.kind(), tenant.requests().len()), (ErrorKind::InvalidRequest, 0), "{bad:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn many_are_read_back_until_the_change_shows_and_a_stranger_is_told() {
    let tenant = tenant().alerts(60).build();
    let mut ids: Vec<AlertId> = tenant.alert_ids().into_iter().map(|id| AlertId::new(id).unwrap()).collect();
    ids.push(AlertId::new("da1_1").unwrap());
    tenant.add_fault(Fault::on("/api/alerts", Trouble::Stale).for_method("GET").times(2));
    let update = AlertUpdate::new().with_assigned_to("SOC@contoso.example").with_comment("taken over");
    let updated = client(&tenant).alerts().update_many(&ids, &update).await.unwrap();
    assert!(updated[..60].iter().all(|one| one.outcome.is_ok()), "{:?}", updated[0].outcome);
    assert_eq!(updated[60].outcome.as_ref().unwrap_err().kind(), ErrorKind::NotFound);
    let looks = tenant.requests_to("/api/alerts").iter().filter(|r| r.method == "GET").count();
    assert!(looks < 10, "a few at a time: {looks}");
    // A service that only says yes.
    tenant.add_fault(Fault::on("/batchUpdate", Trouble::Lie));
    let only_a_comment = AlertUpdate::new().with_comment("another");
    let updated = client(&tenant).alerts().update_many(&ids[..1], &only_a_comment).await.unwrap();
    assert_eq!(updated[0].outcome.as_ref().unwrap_err().kind(), ErrorKind::NotApplied);
}

#[tokio::test(start_paused = true)]
async fn success_that_was_none_is_not_reported_as_one() {
    use mde_client::{IndicatorAction, IndicatorKind, MachineUpdate, NewIndicator, TagAction};
    let tenant = tenant().alerts(2).build();
    let id = MachineId::new(tenant.machine_names().swap_remove(0).0).unwrap();
    let machines = client(&tenant).machines();
    machines.tag(&id, "old", TagAction::Add).await.unwrap();
    // A service that adds labels where they were to be replaced.
    let appended = format!(r#"{{"id":"{id}","machineTags":["old","new"]}}"#);
    let patch = Fault::on("/api/machines/", Trouble::Answer(Reply::json(200, appended))).for_method("PATCH");
    tenant.add_fault(patch);
    let change = MachineUpdate::new().with_tag("new").without_tag("old");
    let error = machines.update(&id, &change).await.unwrap_err();
    assert!(error.kind() == ErrorKind::NotApplied && error.hint().unwrap().contains("tag"), "{error}");
    assert_eq!(
        machines.update(&id, &MachineUpdate::new()).await.unwrap_err().kind(),
        ErrorKind::InvalidRequest
    );
    let mut everything = machines.by_tag(" ", true);
    assert_eq!(everything.next().await.unwrap().unwrap_err().kind(), ErrorKind::InvalidRequest);
    // Labels were put on, and what the service then says cannot be read.
    tenant.add_fault(Fault::on("/AddOrRemove", Trouble::Answer(Reply::json(200, r#"{"value":[{"id":5}]}"#))));
    let error = machines.tag_many(&[id], "x", TagAction::Add).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");

    let ip =
        |value: &str| NewIndicator::new(&IndicatorKind::IpAddress, value, &IndicatorAction::Block, "t", "d");
    tenant.add_fault(Fault::on("/import", Trouble::Answer(Reply::json(200, r#"{"value":[]}"#))));
    let error = client(&tenant).indicators().import(&[ip("192.0.2.1")]).await.unwrap_err();
    assert!(error.kind() == ErrorKind::OutcomeUnknown && error.message().contains("0 of 1"), "{error}");
    let error = client(&tenant).indicators().import(&[ip("192.0.2.1"), ip("nowhere")]).await.unwrap_err();
    assert!(error.message().contains("indicator 1") && !error.to_string().contains("nowhere"), "{error}");
}
