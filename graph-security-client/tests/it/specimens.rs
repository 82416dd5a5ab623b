//! The vendor's own examples, where they are at hand: `POCKETSOC_SPECIMENS`, else `../shared/specimens`.

use std::path::PathBuf;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Duration;

use graph_security_client::{
    Alert, AlertComment, AlertId, AlertSeverity, AlertUpdate, Detection, DetectionRule, Evidence,
    EvidenceDetail, Hunt as _, HuntQuery, Incident, IncidentId, IncidentMerge, IncidentUpdate,
    NewAlertTemplate, NewDetectionRule, RuleId, Severity, Status, Timespan, normalize_alert,
    normalize_incident,
};
use pocketsoc_testkit::{Fault, Reply, Tenant, Trouble, members_without_a_field};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::virtual_tenant::{client, tenant};

#[allow(clippy::print_stdout)] // so that nobody takes the silence for a check
fn folder() -> Option<PathBuf> {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/specimens");
    let folder =
        std::env::var_os("POCKETSOC_SPECIMENS").map_or(default, PathBuf::from).join("graph-security");
    if !folder.is_dir() {
        println!("the vendor's example payloads are not at hand: not checked");
        return None;
    }
    Some(folder)
}

fn document(file: &str) -> Option<Value> {
    Some(serde_json::from_slice(&std::fs::read(folder()?.join(file)).unwrap()).unwrap())
}

/// The objects of an example, with what each becomes.
fn read(file: &str, normalize: fn(&str) -> Detection) -> Vec<(Value, Detection)> {
    let Some(document) = document(file) else { return Vec::new() };
    let list = match &document["value"] {
        Value::Array(list) => list.clone(),
        _ => vec![document],
    };
    list.into_iter().map(|theirs| (theirs.clone(), normalize(&theirs.to_string()))).collect()
}

fn check(file: &str, theirs: &Value, d: &Detection, title: &str) {
    assert_eq!(d.id.as_str(), theirs["id"], "{file}");
    assert_eq!(d.title, theirs[title].as_str().unwrap(), "{file}");
    assert_eq!(d.severity, Severity::from_native(theirs["severity"].as_str().unwrap()), "{file}");
    assert_eq!(d.status, Status::from_native(theirs["status"].as_str().unwrap()), "{file}");
    assert_ne!(d.status, Status::Unknown, "{file}");
    assert_eq!(d.classification.is_some(), theirs["classification"].is_string(), "{file}");
    assert_eq!(d.assigned_to.as_deref(), theirs["assignedTo"].as_str(), "{file}");
    assert_eq!(d.comments.len(), theirs["comments"].as_array().map_or(0, Vec::len), "{file}");
    assert!(d.created_at.is_some() && d.updated_at.is_some(), "{file}");
}

#[test]
fn every_alert_of_the_vendors_examples_is_normalized_right() {
    for file in [
        "alerts_v2_list_response.json",
        "alerts_v2_list_sentinel_response.json",
        "alert_update_response.json",
    ] {
        for (theirs, d) in read(file, |text| normalize_alert(Alert::from_json(text).unwrap()).unwrap()) {
            check(file, &theirs, &d, "title");
            assert_eq!(d.category.as_deref(), theirs["category"].as_str(), "{file}");
            assert_eq!(d.techniques.len(), theirs["mitreTechniques"].as_array().unwrap().len(), "{file}");
            assert_eq!(d.incident_id.as_ref().unwrap().as_str(), theirs["incidentId"], "{file}");
            assert_eq!(d.url.as_deref(), theirs["alertWebUrl"].as_str(), "{file}");
            assert_eq!(
                d.entities.len(),
                theirs["evidence"].as_array().unwrap().len(),
                "{file}: {:#?}",
                d.entities
            );
            assert!(d.entities.iter().all(|e| !e.name.is_empty() && e.type_name() != "other"), "{file}");
            assert_eq!(d.properties.get("detectorId"), theirs["detectorId"].as_str(), "{file}");
            for (name, value) in theirs["customDetails"].as_object().into_iter().flatten() {
                assert_eq!(d.properties.get(name), value.as_str(), "{file}");
            }
        }
    }
}

#[test]
fn every_incident_of_the_vendors_examples_is_normalized_right() {
    for file in [
        "incidents_list_response.json",
        "incidents_list_expand_alerts_response.json",
        "incidents_list_response_2023.json",
        "incident_update_response.json",
        "incident_update_response_2023.json",
    ] {
        for (theirs, d) in read(file, |text| normalize_incident(Incident::from_json(text).unwrap()).unwrap())
        {
            check(file, &theirs, &d, "displayName");
            let alerts = theirs["alerts"].as_array().map_or(0, Vec::len);
            let listed = d.properties.get("alerts").map_or(0, |ids| ids.split(", ").count());
            assert_eq!((listed, d.properties.get("unreadableAlerts")), (alerts, None), "{file}");
            assert_eq!(d.entities.is_empty(), alerts == 0, "{file}");
        }
    }
}

/// Every member has a field; what an element says of itself with `@odata` aside.
fn whole<T: DeserializeOwned + Debug>(file: &str, theirs: &Value) {
    let without = members_without_a_field::<T>(theirs);
    assert!(without.is_empty(), "{file}: {without:?} have no field");
}

/// An alert, and its evidence, which is read apart.
fn whole_alert(file: &str, theirs: &Value) {
    whole::<Alert>(file, theirs);
    for piece in theirs["evidence"].as_array().unwrap() {
        whole::<Evidence>(file, piece);
        let read: Evidence = serde_json::from_value(piece.clone()).unwrap();
        assert!(!matches!(read.detail, EvidenceDetail::Other(_)) && read.more.is_empty(), "{file}: {read:?}");
    }
    let kept = Alert::from_json(&theirs.to_string()).unwrap();
    let kept: Value = serde_json::from_str(kept.raw().unwrap().as_str()).unwrap();
    assert_eq!(kept, *theirs, "{file}");
}

fn of_list(document: &Value) -> Vec<Value> {
    document["value"].as_array().cloned().unwrap_or_else(|| vec![document.clone()])
}

#[tokio::test(start_paused = true)]
async fn every_answer_of_the_vendors_examples_is_read_and_nothing_is_lost() {
    let Some(folder) = folder() else { return };
    let mut left: BTreeSet<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name != "INDEX.md" && !name.ends_with("_request.json") && !name.contains("_request_"))
        .collect();
    let mut take = |file: &'static str| {
        assert!(left.remove(file), "{file}");
        (file, document(file).unwrap())
    };
    for file in [
        "alerts_v2_list_response.json",
        "alerts_v2_list_sentinel_response.json",
        "alert_update_response.json",
    ] {
        let (file, document) = take(file);
        for theirs in of_list(&document) {
            whole_alert(file, &theirs);
        }
    }
    for file in [
        "incidents_list_response.json",
        "incidents_list_expand_alerts_response.json",
        "incidents_list_response_2023.json",
        "incident_update_response.json",
        "incident_update_response_2023.json",
    ] {
        let (file, document) = take(file);
        for theirs in of_list(&document) {
            whole::<Incident>(file, &theirs);
            theirs["alerts"].as_array().into_iter().flatten().for_each(|alert| whole_alert(file, alert));
        }
    }
    for file in ["alert_comments_post_response.json", "incident_comments_post_response.json"] {
        let (file, document) = take(file);
        for theirs in of_list(&document) {
            whole::<AlertComment>(file, &theirs);
        }
    }
    for file in [
        "detectionrule_create_response.json",
        "detectionrule_create_response_2023.json",
        "detectionrules_list_response.json",
    ] {
        let (file, document) = take(file);
        for theirs in of_list(&document) {
            whole::<DetectionRule>(file, &theirs);
            let rule: DetectionRule = serde_json::from_value(theirs).unwrap();
            assert_eq!(rule.is_at_work(), Some(true), "{file}");
        }
    }

    // The answers that are no elements are given to the client by a tenant.
    let answering = |document: &Value, path: &'static str, status: u16| {
        let tenant = tenant().alerts(1).build();
        tenant.add_fault(Fault::on(path, Trouble::Answer(Reply::json(status, document.to_string()))));
        client(&tenant)
    };
    let (_, merged) = take("incident_merge_response.json");
    let ids = ["2972395", "2972396"].map(|id| IncidentId::new(id).unwrap());
    let target = answering(&merged, "mergeIncidents", 200).incidents().merge(&IncidentMerge::of(&ids)).await;
    assert_eq!(target.unwrap(), ids[0]);
    for file in [
        "hunting_response_default.json",
        "hunting_response_timespan.json",
        "hunting_response_pascalcase_schema.json",
    ] {
        let (file, document) = take(file);
        let g = answering(&document, "runHuntingQuery", 200);
        let (rows, report) = g.hunting().hunt(&HuntQuery::new("T")).collect_all().await.unwrap();
        let theirs = document["results"].as_array().unwrap();
        assert_eq!((rows.len(), report.complete), (theirs.len(), true), "{file}");
        for (row, theirs) in rows.iter().zip(theirs) {
            for (name, value) in theirs.as_object().unwrap().iter().filter(|(name, _)| !name.contains('@')) {
                assert!(row.get(name).is_some(), "{file}: {name} {value}");
            }
        }
    }
    let alert = AlertId::new("a").unwrap();
    let (_, generic) = take("error_generic.json");
    let error = answering(&generic, "/alerts_v2/a", 400).alerts().get(&alert).await.unwrap_err();
    assert_eq!(error.code(), generic["error"]["code"].as_str(), "{error}");
    let (_, denied) = take("error_403_authorization_requestdenied.json");
    let error = answering(&denied, "/alerts_v2/a", 403).alerts().get(&alert).await.unwrap_err();
    assert_eq!(error.code(), Some("Authorization_RequestDenied"));
    let (_, empty) = take("error_403_empty_code.json");
    let error = answering(&empty, "/alerts_v2/a", 403).alerts().get(&alert).await.unwrap_err();
    assert_eq!((error.code(), error.message()), (None, empty["error"]["message"].as_str().unwrap()));
    assert!(error.request_id().is_some());
    // Parts in any order, each with what it says; a part that nothing is said of is told of.
    let (_, batch) = take("batch_response.json");
    let g = answering(&batch, "$batch", 200);
    let all = g.alerts().get_many((0..5).map(|n| AlertId::new(n.to_string()).unwrap())).finish().await;
    let said: Vec<_> = all.iter().map(|one| one.outcome.as_ref().unwrap_err().message().to_owned()).collect();
    assert_eq!(said[2], "You do not have the required permissions to access this item.");
    assert_eq!(said[3], "Insufficient privileges to complete the operation.");
    assert_eq!(said[4], "Specified HTTP method is not allowed for the request target.");
    assert_eq!(said[0], "the answer says nothing of this part of the request");
    // Change notifications know the legacy alerts only, which are not built.
    take("change_notification.json");
    assert!(left.is_empty(), "not looked at: {left:?}");
}

/// What the client sent, and to where.
fn sent(tenant: &Tenant) -> (String, Value) {
    let request = tenant.requests().pop().unwrap();
    (format!("{} {}", request.method, request.path), request.json().unwrap())
}

#[tokio::test(start_paused = true)]
async fn every_request_of_the_vendors_examples_is_what_the_client_sends() {
    let Some(alert) = document("alert_update_request.json") else { return };
    let tenant = tenant().build();
    let g = client(&tenant);
    let text = |theirs: &Value, name: &str| theirs[name].as_str().unwrap().to_owned();
    let mut ours = AlertUpdate::new().with_assigned_to(text(&alert, "assignedTo"));
    ours.classification = alert["classification"].as_str().map(Into::into);
    ours.determination = alert["determination"].as_str().map(Into::into);
    ours.status = alert["status"].as_str().map(Into::into);
    ours.custom_details = serde_json::from_value(alert["customDetails"].clone()).unwrap();
    let id = AlertId::new(tenant.graph_alert_ids().swap_remove(0)).unwrap();
    let _ = g.alerts().update(&id, &ours).await;
    assert_same(&sent(&tenant).1, &alert);

    let incident = document("incident_update_request.json").unwrap();
    let mut ours = IncidentUpdate::new();
    ours.classification = incident["classification"].as_str().map(Into::into);
    ours.determination = incident["determination"].as_str().map(Into::into);
    ours.status = incident["status"].as_str().map(Into::into);
    ours.assigned_to = incident["assignedTo"].as_str().map(|owner| Some(owner.to_owned()));
    ours.custom_tags = serde_json::from_value(incident["customTags"].clone()).unwrap();
    let _ = g.incidents().update(&IncidentId::new("4000").unwrap(), &ours).await;
    assert_same(&sent(&tenant).1, &incident);

    for file in ["alert_comments_post_request.json", "incident_comments_post_request.json"] {
        let theirs = document(file).unwrap();
        if file.starts_with("alert") {
            g.alerts().comment(&id, &text(&theirs, "comment")).await.unwrap();
        } else {
            g.incidents()
                .comment(&IncidentId::new("4000").unwrap(), &text(&theirs, "comment"))
                .await
                .unwrap();
        }
        assert_eq!(sent(&tenant).1, theirs, "{file}");
    }

    let merge = document("incident_merge_request.json").unwrap();
    let ids: Vec<IncidentId> = merge["incidentIds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| IncidentId::new(id.as_str().unwrap()).unwrap())
        .collect();
    let ours = IncidentMerge::of(&ids)
        .with_comment(text(&merge, "incidentComment"))
        .with_reasons(text(&merge, "mergeReasons").split(", "));
    let _ = g.incidents().merge(&ours).await;
    assert_eq!(sent(&tenant), ("POST /v1.0/security/incidents/mergeIncidents".to_owned(), merge));

    let rule = document("detectionrule_create_request.json").unwrap();
    let theirs = &rule["detectionAction"]["alertTemplate"];
    let mut template = NewAlertTemplate::new(text(theirs, "title"), AlertSeverity::High)
        .with_description(text(theirs, "description"))
        .with_recommended_actions(text(theirs, "recommendedActions"));
    for (kind, mappings) in theirs["entityMappings"].as_object().unwrap() {
        for mapping in mappings.as_array().unwrap() {
            let columns = mapping
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, column)| (name.clone(), column.as_str().unwrap()));
            template = template.with_entity(kind.clone(), columns);
        }
    }
    let template = template.with_tactic("Execution", ["T1059.001"]);
    let ours =
        NewDetectionRule::new(RuleId::new(text(&rule, "id")).unwrap(), text(&rule, "displayName"), template)
            .with_description(text(&rule, "description"))
            .looking_for(text(&rule["queryCondition"], "queryText"), Duration::from_secs(3600));
    g.detection_rules().create(&ours).await.unwrap();
    assert_eq!(sent(&tenant), ("POST /beta/security/rules/detectionRules".to_owned(), rule));

    for file in ["hunting_request_default.json", "hunting_request_timespan.json"] {
        let theirs = document(file).unwrap();
        let mut query = HuntQuery::new(text(&theirs, "Query"));
        if let Some(span) = theirs["Timespan"].as_str() {
            assert_eq!(span, "P90D");
            query = query.over(Timespan::Last(chrono::TimeDelta::days(90)));
        }
        let _ = g.hunting().hunt(&query).next().await;
        assert_same(&sent(&tenant).1, &theirs);
    }
}

/// The same but for the case of words and what an element says of its own type.
fn assert_same(ours: &Value, theirs: &Value) {
    let plain = |value: &Value| {
        let members = value.as_object().unwrap().iter().filter(|(name, _)| !name.starts_with('@'));
        members.map(|(name, value)| (name.clone(), value.to_string().to_lowercase())).collect::<BTreeSet<_>>()
    };
    assert_eq!(plain(ours), plain(theirs));
}
