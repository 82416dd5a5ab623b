//! The vendor's own examples, where they are at hand: `POCKETSOC_SPECIMENS`, else `../shared/specimens`.

use std::path::PathBuf;

use graph_security_client::{
    Alert, AlertUpdate, Detection, Incident, IncidentUpdate, Severity, Status, normalize_alert,
    normalize_incident,
};
use serde_json::Value;

#[allow(clippy::print_stdout)] // so that nobody takes the silence for a check
fn document(file: &str) -> Option<Value> {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/specimens");
    let folder =
        std::env::var_os("POCKETSOC_SPECIMENS").map_or(default, PathBuf::from).join("graph-security");
    if !folder.is_dir() {
        println!("the vendor's example payloads are not at hand: not checked");
        return None;
    }
    Some(serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap())
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

#[test]
fn the_vendors_updates_have_the_shape_of_ours() {
    let Some(theirs) = document("alert_update_request.json") else { return };
    let text = |theirs: &Value, name: &str| theirs[name].as_str().unwrap().to_owned();
    let mut ours = AlertUpdate::new().with_assigned_to(text(&theirs, "assignedTo"));
    ours.classification = theirs["classification"].as_str().map(Into::into);
    ours.determination = theirs["determination"].as_str().map(Into::into);
    ours.status = theirs["status"].as_str().map(Into::into);
    ours.custom_details = serde_json::from_value(theirs["customDetails"].clone()).unwrap();
    let keys = |value: &Value| {
        let object = value.as_object().unwrap();
        object.iter().filter(|(k, _)| !k.starts_with('@')).map(|(k, _)| k.clone()).collect::<Vec<_>>()
    };
    assert_eq!(keys(&serde_json::to_value(&ours).unwrap()), keys(&theirs));

    let theirs = document("incident_update_request.json").unwrap();
    let mut ours = IncidentUpdate::new();
    ours.classification = theirs["classification"].as_str().map(Into::into);
    ours.determination = theirs["determination"].as_str().map(Into::into);
    ours.status = theirs["status"].as_str().map(Into::into);
    ours.custom_tags = serde_json::from_value(theirs["customTags"].clone()).unwrap();
    let ours = serde_json::to_value(&ours).unwrap();
    assert!(keys(&ours).iter().all(|key| keys(&theirs).contains(key)), "{ours} {theirs}");
}
