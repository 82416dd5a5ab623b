//! The smaller groups of the service: requests as the pages have them, answers as they come.

use mde_client::{
    AlertId, AlertStatus, AlertUpdate, ErrorKind, File, ImportOutcome, Indicator, Investigation, LogonUser,
    LookBack, MachineId, Software, Vulnerability, indicator_fields,
};
use pocketsoc_testkit::{Fault, Reply, Tenant, Trouble};
use pocketsoc_transport::Decode;

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

/// Reads every element of an example; how many there are.
fn read<T: Decode>(folder: &std::path::Path, name: &str) -> Vec<T> {
    let bytes = std::fs::read(folder.join(name)).unwrap();
    let mut elements = pocketsoc_transport::elements(bytes);
    let mut all = Vec::new();
    while let Some(element) = elements.next_as::<T>() {
        all.push(element.unwrap_or_else(|e| panic!("{name}: {e}")));
    }
    assert!(!all.is_empty(), "{name}");
    all
}

#[test]
fn the_vendors_examples_of_the_smaller_groups_are_read() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/specimens/mde");
    if !folder.exists() {
        return;
    }
    assert!(read::<LogonUser>(&folder, "machine_logonusers.json").iter().all(|u| u.account_name.is_some()));
    assert!(read::<Software>(&folder, "machine_software.json").iter().all(|s| s.vendor.is_some()));
    assert!(
        read::<Vulnerability>(&folder, "machine_vulnerabilities.json")
            .iter()
            .all(|v| v.id.starts_with("CVE"))
    );
    assert!(read::<File>(&folder, "file_get.json").iter().all(|f| f.sha1.is_some() && f.size.is_some()));
    assert!(read::<File>(&folder, "alert_files.json").iter().all(|f| f.sha256.is_some()));
    let of_value =
        |i: &Indicator| i.indicator_value.is_some() && i.created_at.is_some() && i.action.is_some();
    for name in ["indicators_list.json", "indicators_list_filter_action.json", "indicator_resource.json"] {
        assert!(read::<Indicator>(&folder, name).iter().all(of_value), "{name}");
    }
    for name in ["investigations_list.json", "investigation_resource.json"] {
        assert!(
            read::<Investigation>(&folder, name).iter().all(|i| i.start_time.is_some() && i.state.is_some()),
            "{name}"
        );
    }
    let import = std::fs::read(folder.join("indicators_import_response.json")).unwrap();
    let import: serde_json::Value = serde_json::from_slice(&import).unwrap();
    let outcomes: Vec<ImportOutcome> = serde_json::from_value(import["value"].clone()).unwrap();
    assert!(outcomes.len() == 2 && outcomes.iter().all(ImportOutcome::is_taken));
}
