//! The vendor's own examples, where they are at hand: `POCKETSOC_SPECIMENS`, else `../shared/specimens`.

use std::path::PathBuf;

use mde_client::{Alert, AlertUpdate, Severity, Status, normalize};

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

#[test]
fn the_vendors_update_has_the_shape_of_ours() {
    let Some(folder) = folder() else { return };
    let theirs: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("alert_update_request.json")).unwrap()).unwrap();
    let text = |name: &str| theirs[name].as_str().unwrap();
    let ours = AlertUpdate::new()
        .with_status(text("status").into())
        .with_assigned_to(text("assignedTo"))
        .with_classification(text("classification").into())
        .with_determination(text("determination").into())
        .with_comment(text("comment"));
    assert_eq!(serde_json::to_value(&ours).unwrap(), theirs);
}
