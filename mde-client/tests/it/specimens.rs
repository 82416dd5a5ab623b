//! The vendor's own examples, where they are at hand: `POCKETSOC_SPECIMENS`, else `../shared/specimens`.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use mde_client::{
    Alert, AlertId, AlertSeverity, AlertUpdate, DeviceValue, Domain, DomainStats, File, FileStats, Hunt as _,
    HuntQuery, ImportOutcome, Indicator, IndicatorId, Intent, Investigation, IpAddress, IpStats,
    IsolationScope, LiveResponse, LogonUser, Machine, MachineAction, MachineActionId, MachineId,
    MachineUpdate, MdeClient, NewAlert, NewIndicator, ScanDepth, ScriptOutput, Severity, Software, Status,
    TagAction, Vulnerability, normalize,
};
use pocketsoc_testkit::{Fault, Reply, Tenant, Trouble};
use pocketsoc_transport::Decode;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::virtual_tenant::{client, client_of_any_pair, tenant};

#[allow(clippy::print_stdout)] // so that nobody takes the silence for a check
fn folder() -> Option<PathBuf> {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/specimens");
    let folder = std::env::var_os("POCKETSOC_SPECIMENS").map_or(default, PathBuf::from).join("mde");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("the vendor's example payloads are not at hand: not checked");
    None
}

#[test]
fn every_alert_of_the_vendors_examples_is_normalized_right() {
    let Some(folder) = folder() else { return };
    for (file, id, entities) in [
        ("alerts_list.json", "da637308392288907382_-880718168", 2),
        ("alerts_list_expand_evidence.json", "da637472900382838869_1364969609", 5),
        ("alert_get.json", "da637472900382838869_1364969609", 5),
    ] {
        let document = std::fs::read(folder.join(file)).unwrap();
        let mut elements = pocketsoc_transport::elements(document);
        let alert = elements.next_as::<Alert>().unwrap().unwrap_or_else(|e| panic!("{file}: {e}"));
        assert!(elements.next_as::<Alert>().is_none(), "{file} holds one");
        let d = normalize(alert).unwrap();
        assert_eq!((d.id.as_str(), d.severity, d.status), (id, Severity::Low, Status::Active), "{file}");
        assert_eq!(d.entities.len(), entities, "{file}: {:?}", d.entities);
        assert_eq!(
            d.techniques.iter().map(mde_client::TechniqueId::as_str).collect::<Vec<_>>(),
            ["T1064", "T1085", "T1220"],
            "{file}"
        );
        assert!(d.created_at.is_some() && d.updated_at.is_some() && d.resolved_at.is_none(), "{file}");
        assert_eq!(d.comments[0].text, "test comment for docs", "{file}");
    }
}

/// Makes sure that nothing of an element is lost: `raw` has all of it, and every member has a field of its own, however
/// deep it stands.
fn nothing_is_lost<T: DeserializeOwned + Debug>(
    name: &str,
    raw: Option<&mde_client::RawJson>,
    their: &Value,
) {
    let kept: Value = serde_json::from_str(raw.unwrap().as_str()).unwrap();
    assert_eq!(kept, *their, "{name}");
    let without = pocketsoc_testkit::members_without_a_field::<T>(their);
    assert!(without.is_empty(), "{name}: {without:?} have no field");
}

/// Reads every element of an example, and makes sure that nothing of it is lost.
fn read<T: Decode + DeserializeOwned + Debug>(
    folder: &Path,
    name: &str,
    raw: impl Fn(&T) -> Option<&mde_client::RawJson>,
) -> Vec<T> {
    let bytes = std::fs::read(folder.join(name)).unwrap();
    let whole: Value = serde_json::from_slice(&bytes).unwrap();
    let theirs = match &whole["value"] {
        Value::Array(all) => all.clone(),
        _ => vec![whole.clone()],
    };
    let mut elements = pocketsoc_transport::elements(bytes);
    let mut all = Vec::new();
    while let Some(element) = elements.next_as::<T>() {
        all.push(element.unwrap_or_else(|e| panic!("{name}: {e}")));
    }
    assert_eq!(all.len(), theirs.len(), "{name}");
    for (own, their) in all.iter().zip(&theirs) {
        nothing_is_lost::<T>(name, raw(own), their);
    }
    all
}

#[tokio::test(start_paused = true)]
#[allow(clippy::too_many_lines)] // one example after the other
async fn every_answer_of_the_vendors_examples_is_read_and_nothing_is_lost() {
    let Some(folder) = folder() else { return };
    let folder = folder.as_path();
    let mut left: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name != "INDEX.md" && !name.ends_with("_request.json"))
        .collect();
    let mut take = |name: &'static str| {
        assert!(left.remove(name), "{name}");
        name
    };
    for name in ["alerts_list.json", "alerts_list_expand_evidence.json", "alert_get.json"] {
        read::<Alert>(folder, take(name), Alert::raw);
    }
    for name in [
        "machines_list.json",
        "machine_get.json",
        "machines_filter_risk_high.json",
        "machines_filter_health.json",
        "alert_machine.json",
    ] {
        let machines = read::<Machine>(folder, take(name), Machine::raw);
        assert!(machines.iter().all(|m| m.computer_dns_name.is_some() && m.last_seen.is_some()), "{name}");
        assert!(machines.iter().all(|m| m.risk_score.as_ref().is_none_or(mde_client::RiskScore::is_known)));
    }
    for name in [
        "machineaction_resource.json",
        "machineaction_get.json",
        "machineactions_list.json",
        "machineactions_list_by_machine.json",
        "machineactions_filter_avscan.json",
        "liveresponse_run_response.json",
    ] {
        for action in read::<MachineAction>(folder, take(name), MachineAction::raw) {
            assert!(action.kind.as_ref().is_some_and(mde_client::MachineActionKind::is_known), "{name}");
            assert!(action.status.as_ref().is_some_and(mde_client::MachineActionStatus::is_known), "{name}");
            assert!(action.creation_date_time_utc.is_some() && action.last_update_date_time_utc.is_some());
        }
    }
    read::<LogonUser>(folder, take("machine_logonusers.json"), LogonUser::raw);
    read::<LogonUser>(folder, take("alert_user.json"), LogonUser::raw);
    read::<Software>(folder, take("machine_software.json"), Software::raw);
    read::<Vulnerability>(folder, take("machine_vulnerabilities.json"), Vulnerability::raw);
    read::<Domain>(folder, take("alert_domains.json"), Domain::raw);
    read::<IpAddress>(folder, take("alert_ips.json"), IpAddress::raw);
    read::<File>(folder, take("alert_files.json"), File::raw);
    read::<File>(folder, take("file_get.json"), File::raw);
    let stats = read::<FileStats>(folder, take("file_stats.json"), FileStats::raw);
    assert!(stats[0].organization_prevalence.is_some() && stats[0].global_prevalence.is_some());
    read::<IpStats>(folder, take("ip_stats.json"), IpStats::raw);
    read::<DomainStats>(folder, take("domain_stats.json"), DomainStats::raw);
    for name in ["indicators_list.json", "indicators_list_filter_action.json", "indicator_resource.json"] {
        read::<Indicator>(folder, take(name), Indicator::raw);
    }
    for name in ["investigations_list.json", "investigation_resource.json"] {
        read::<Investigation>(folder, take(name), Investigation::raw);
    }

    // The answers that are no elements are given to the client by a tenant.
    let answering = |name: &'static str, path: &'static str, status: u16| {
        let tenant = tenant().alerts(1).build();
        let body = std::fs::read(folder.join(name)).unwrap();
        tenant.add_fault(Fault::on(path, Trouble::Answer(Reply::json(status, body))));
        client(&tenant)
    };
    let (machine, action) = (MachineId::new("m").unwrap(), MachineActionId::new("a").unwrap());
    let c = answering(take("alerts_count.json"), "$count", 200);
    assert_eq!(c.machines().count_alerts(&machine, None).await.unwrap(), 4);
    let c = answering(take("machineaction_package_uri.json"), "getPackageUri", 200);
    let link = c.actions().package_link(&action).await.unwrap();
    assert!(
        link.expose().starts_with("https://") && link.expose().ends_with("%3d%3d"),
        "the quotes are gone"
    );
    let c = answering(take("liveresponse_result_link.json"), "DownloadLink", 200);
    assert!(c.actions().live_response_link(&action, 0).await.unwrap().expose().ends_with("SAMPLE"));
    let c = answering(take("hunting_response.json"), "advancedqueries", 200);
    let mut rows = c.hunting().hunt(&HuntQuery::new("DeviceProcessEvents"));
    assert_eq!(rows.next().await.unwrap().unwrap().text("FileName"), Some("csc.exe"));
    let c = answering(take("error_resource_not_found.json"), "/api/machines/m", 404);
    let error = c.machines().get(&machine).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (mde_client::ErrorKind::NotFound, Some("ResourceNotFound")));
    assert_eq!(error.message(), "Machine 123123123 was not found");
    let c = answering(take("error_invalid_request_body.json"), "/api/machines/m", 400);
    assert_eq!(c.machines().get(&machine).await.unwrap_err().code(), Some("InvalidRequestBody"));
    let import: Value =
        serde_json::from_slice(&std::fs::read(folder.join(take("indicators_import_response.json"))).unwrap())
            .unwrap();
    let outcomes: Vec<ImportOutcome> = serde_json::from_value(import["value"].clone()).unwrap();
    assert!(outcomes.len() == 2 && outcomes.iter().all(ImportOutcome::is_taken));

    let transcript = std::fs::read_to_string(folder.join(take("liveresponse_transcript.json"))).unwrap();
    let output = ScriptOutput::from_json(&transcript).unwrap();
    assert_eq!((output.script_name.as_deref(), output.exit_code), (Some("minidump.ps1"), Some(0)));
    let c = answering(take("token_response.json"), "/token", 200);
    let error = c.machines().get(&machine).await.unwrap_err();
    assert_eq!(
        error.status(),
        Some(401),
        "Entra's answer was taken, and the tenant does not know the token: {error}"
    );
    // Incidents go by Graph.
    take("xdr_incidents_list.json");
    assert!(left.is_empty(), "not looked at: {left:?}");
}

/// What a client sends to one address.
async fn sent(path: &str, ask: impl AsyncFnOnce(&MdeClient)) -> Value {
    let tenant: Tenant = tenant().alerts(1).build();
    tenant.add_fault(Fault::on(path, Trouble::Answer(Reply::empty(400))));
    let connection = client(&tenant);
    ask(&connection).await;
    let request = tenant.requests_to(path).into_iter().find(|r| !r.body.is_empty()).unwrap();
    request.json().unwrap()
}

#[tokio::test(start_paused = true)]
#[allow(clippy::too_many_lines)] // one example after the other
async fn every_request_of_the_vendors_examples_is_what_the_client_sends() {
    let Some(folder) = folder() else { return };
    let mut left: BTreeSet<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with("request.json"))
        .collect();
    let mut theirs = |name: &str| -> Value {
        assert!(left.remove(name), "{name}");
        serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
    };
    let text = |json: &Value, name: &str| json[name].as_str().unwrap().to_owned();
    let (machine, action) = (MachineId::new("e".repeat(40)).unwrap(), MachineActionId::new("a").unwrap());

    let update = |json: &Value| {
        AlertUpdate::new()
            .with_status(text(json, "status").as_str().into())
            .with_assigned_to(text(json, "assignedTo"))
            .with_classification(text(json, "classification").as_str().into())
            .with_determination(text(json, "determination").as_str().into())
            .with_comment(text(json, "comment"))
    };
    let json = theirs("alert_update_request.json");
    let tenant = tenant().alerts(1).build();
    let any_pair = client_of_any_pair(&tenant);
    let _ = any_pair.alerts().update(&AlertId::new("da1_1").unwrap(), &update(&json)).await;
    assert_eq!(tenant.requests_to("/alerts/da1_1")[0].json().unwrap(), json);
    let json = theirs("alerts_batch_update_request.json");
    let ids: Vec<AlertId> = json["alertIds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| AlertId::new(id.as_str().unwrap()).unwrap())
        .collect();
    let _ = any_pair.alerts().update_many(&ids, &update(&json)).await;
    assert_eq!(tenant.requests_to("/batchUpdate")[0].json().unwrap(), json);

    let json = theirs("alert_create_by_reference_request.json");
    let about = MachineId::new(text(&json, "machineId")).unwrap();
    let alert = NewAlert::about(&about, text(&json, "eventTime"), text(&json, "reportId"))
        .saying(text(&json, "title"), text(&json, "description"), text(&json, "recommendedAction"))
        .with_severity(&AlertSeverity::Low)
        .with_category(text(&json, "category"));
    let ours = sent("/CreateAlertByReference", async |c| drop(c.alerts().create(&alert).await)).await;
    assert_eq!(ours, json);

    let indicator = |json: &Value| {
        let mut ours = NewIndicator::new(
            &text(json, "indicatorType").as_str().into(),
            text(json, "indicatorValue"),
            &text(json, "action").as_str().into(),
            text(json, "title"),
            text(json, "description"),
        )
        .with_application(text(json, "application"))
        .with_expiration(text(json, "expirationTime").parse().unwrap())
        .with_severity(&text(json, "severity").as_str().into())
        .with_recommended_actions(text(json, "recommendedActions"));
        if let Some(groups) = json["rbacGroupNames"].as_array() {
            ours = ours.with_machine_groups(groups.iter().map(|group| group.as_str().unwrap()));
        }
        ours
    };
    let json = theirs("indicator_submit_request.json");
    let one = indicator(&json);
    assert_eq!(sent("/api/indicators", async |c| drop(c.indicators().submit(&one).await)).await, json);
    let json = theirs("indicators_import_request.json");
    let many: Vec<NewIndicator> = json["Indicators"].as_array().unwrap().iter().map(indicator).collect();
    assert_eq!(sent("/import", async |c| drop(c.indicators().import(&many).await)).await, json);
    let json = theirs("indicators_batch_delete_request.json");
    let ids = ["1", "2", "5"].map(|id| IndicatorId::new(id).unwrap());
    assert_eq!(sent("/BatchDelete", async |c| drop(c.indicators().delete_many(&ids).await)).await, json);

    let json = theirs("investigation_start_request.json");
    let comment = text(&json, "Comment");
    let ours =
        sent("/startInvestigation", async |c| drop(c.investigations().start(&machine, &comment).await)).await;
    assert_eq!(ours, json);
    let json = theirs("machineaction_cancel_request.json");
    let comment = text(&json, "Comment");
    assert_eq!(sent("/cancel", async |c| drop(c.actions().cancel(&action, &comment).await)).await, json);
    let json = theirs("machine_tag_request.json");
    let tag = text(&json, "Value");
    let ours = sent("/tags", async |c| drop(c.machines().tag(&machine, &tag, TagAction::Add).await)).await;
    assert_eq!(ours, json);
    let json = theirs("machines_tag_multiple_request.json");
    let ids: Vec<MachineId> = json["MachineIds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| MachineId::new(id.as_str().unwrap()).unwrap())
        .collect();
    let tag = text(&json, "Value");
    let ours = sent("/AddOrRemoveTagForMultipleMachines", async |c| {
        drop(c.machines().tag_many(&ids, &tag, TagAction::Add).await);
    });
    assert_eq!(ours.await, json);
    let json = theirs("machine_device_value_request.json");
    let ours =
        sent("/setDeviceValue", async |c| drop(c.machines().set_value(&machine, &DeviceValue::High).await));
    assert_eq!(ours.await, json);
    let json = theirs("machine_update_request.json");
    let tags = json["machineTags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap());
    let change = tags.fold(MachineUpdate::new().with_value(DeviceValue::Normal), MachineUpdate::with_tag);
    let tenant = crate::virtual_tenant::tenant().alerts(1).build();
    let known = MachineId::new(tenant.machine_names().swap_remove(0).0).unwrap();
    client(&tenant).machines().update(&known, &change).await.unwrap();
    assert_eq!(tenant.requests_to("/api/machines").pop().unwrap().json().unwrap(), json);
    let json = theirs("hunting_request.json");
    let query = HuntQuery::new(text(&json, "Query"));
    let ours = sent("/advancedqueries", async |c| drop(c.hunting().hunt(&query).next().await)).await;
    assert_eq!(ours, json);

    // Actions carry a correlation id behind the comment.
    let live = LiveResponse::new()
        .run_script("minidump.ps1", Some("OfficeClickToRun"))
        .get_file("C:\\windows\\TEMP\\OfficeClickToRun.dmp.zip");
    let sha1 = "87662bc3d60e4200ceaf7aae249d1c343f4b83c9".to_owned();
    for (name, intent) in [
        ("machine_isolate_request.json", Intent::Isolate(IsolationScope::Full)),
        ("machine_unisolate_request.json", Intent::Release),
        ("machine_restrict_request.json", Intent::Restrict),
        ("machine_avscan_request.json", Intent::Scan(ScanDepth::Full)),
        ("machine_stop_quarantine_request.json", Intent::Quarantine(sha1)),
        ("machine_collect_package_request.json", Intent::Collect),
        ("machine_offboard_request.json", Intent::Offboard),
        ("liveresponse_run_request.json", Intent::LiveResponse(live)),
    ] {
        let json = theirs(name);
        let comment = text(&json, "Comment");
        let mut ours =
            sent("/api/machines/e", async |c| drop(c.machines().begin(&machine, &intent, &comment).await))
                .await;
        assert!(text(&ours, "Comment").starts_with(&comment), "{name}");
        ours["Comment"] = comment.into();
        assert_eq!(ours, json, "{name}");
    }
    // Incidents go by Graph.
    theirs("xdr_incident_update_request.json");
    assert!(left.is_empty(), "not looked at: {left:?}");
}

#[test]
fn every_member_of_every_type_has_a_field() {
    let whole: Value = serde_json::from_str(include_str!("fixtures/whole.json")).unwrap();
    let mut left: BTreeSet<&String> = whole.as_object().unwrap().keys().collect();
    macro_rules! whole {
        ($($name:literal: $kind:ident),+ $(,)?) => {
            $(assert!(left.remove(&$name.to_owned()));
            let mut elements = pocketsoc_transport::elements(whole[$name].to_string().into_bytes());
            let own = elements.next_as::<$kind>().unwrap().unwrap();
            nothing_is_lost::<$kind>($name, $kind::raw(&own), &whole[$name]);)+
        };
    }
    whole!(
        "machine": Machine, "action": MachineAction, "user": LogonUser, "software": Software,
        "vulnerability": Vulnerability, "file": File, "fileStats": FileStats, "ipStats": IpStats,
        "domainStats": DomainStats, "domain": Domain, "ip": IpAddress, "investigation": Investigation,
        "indicator": Indicator,
    );
    assert!(left.is_empty(), "{left:?}");
}
