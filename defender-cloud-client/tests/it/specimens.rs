//! The vendor's own examples, where they are at hand: `POCKETSOC_SPECIMENS`, else `../shared/specimens`.

use std::path::PathBuf;

use defender_cloud_client::{Alert, Severity, Status, normalize};
use serde_json::Value;

#[allow(clippy::print_stdout)] // so that nobody takes the silence for a check
pub(crate) fn folder() -> Option<PathBuf> {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/specimens");
    let folder =
        std::env::var_os("POCKETSOC_SPECIMENS").map_or(default, PathBuf::from).join("defender-cloud");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("the vendor's example payloads are not at hand: not checked");
    None
}

fn alerts(file: &str) -> Vec<String> {
    let Some(folder) = folder() else { return Vec::new() };
    let document: Value = serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap();
    let body = &document["responses"]["200"]["body"];
    match &body["value"] {
        Value::Array(list) => list.iter().map(ToString::to_string).collect(),
        _ => vec![body.to_string()],
    }
}

#[test]
fn every_alert_of_the_vendors_examples_is_normalized_right() {
    for file in [
        "alerts-get-subscription-location.json",
        "alerts-get-resource-group-location.json",
        "alerts-list-subscription.json",
    ] {
        for text in alerts(file) {
            let theirs: Value = serde_json::from_str(&text).unwrap();
            let said = &theirs["properties"];
            let d = normalize(Alert::from_json(&text).unwrap()).unwrap();
            assert_eq!(d.id.as_str(), theirs["id"], "{file}");
            assert_eq!(d.title, said["alertDisplayName"], "{file}");
            assert_eq!(d.severity, Severity::from_native(said["severity"].as_str().unwrap()), "{file}");
            assert_eq!(d.status, Status::from_native(said["status"].as_str().unwrap()), "{file}");
            assert_eq!(d.category.as_deref(), said["intent"].as_str(), "{file}");
            let count = |name: &str| said[name].as_array().map_or(0, Vec::len);
            assert_eq!(d.techniques.len(), count("techniques") + count("subTechniques"), "{file}");
            assert_eq!(d.entities.len(), count("entities"), "{file}: {:#?}", d.entities);
            assert_eq!(d.links.len(), count("extendedLinks"), "{file}");
            let azure = said["resourceIdentifiers"].as_array().unwrap();
            assert_eq!(d.resources[0].id, azure[0]["azureResourceId"], "{file}");
            assert_eq!(d.properties.get("workspaceId"), azure[1]["workspaceId"].as_str(), "{file}");
            for (name, value) in said["extendedProperties"].as_object().unwrap() {
                assert_eq!(d.properties.get(name), value.as_str(), "{file}: {name}");
            }
            assert!(d.created_at.is_some() && d.updated_at >= d.created_at, "{file}");
        }
    }
}
