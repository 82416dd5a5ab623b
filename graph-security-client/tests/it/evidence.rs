//! Evidence of every type: read whole, into fields of its own, and told whole.

use graph_security_client::evidence::{ContainerEvidence, KubernetesPodEvidence, Part};
use graph_security_client::{Alert, Entity, Evidence, EvidenceDetail, EvidenceVerdict, normalize_alert};
use pocketsoc_testkit::members_without_a_field;
use serde_json::{Value, json};

/// A piece of every type of the schema, with every member, each with a text of its own.
const ALL: &str = include_str!("fixtures/evidence.json");

fn pieces() -> Vec<Value> {
    serde_json::from_str(ALL).unwrap()
}

fn entities(evidence: &[Value]) -> Vec<Entity> {
    let alert = json!({"id": "a", "evidence": evidence}).to_string();
    normalize_alert(Alert::from_json(&alert).unwrap()).unwrap().entities
}

#[test]
fn every_member_of_every_type_has_a_field() {
    let all = pieces();
    assert_eq!(all.len(), 46, "as many types as the schema has");
    for piece in all {
        let kind = piece["@odata.type"].as_str().unwrap().to_owned();
        assert_eq!(members_without_a_field::<Evidence>(&piece), [""; 0], "{kind}");
        let read: Evidence = serde_json::from_value(piece).unwrap();
        assert!(!matches!(read.detail, EvidenceDetail::Other(_)), "{kind}");
        assert!(!format!("{read:?}").contains("more: [("), "nothing is left over: {kind} {read:#?}");
    }
}

/// The texts and numbers of a document.
fn leaves(json: &Value, all: &mut Vec<String>) {
    match json {
        Value::Object(members) => {
            members.iter().filter(|(name, _)| !name.starts_with('@')).for_each(|(_, one)| leaves(one, all));
        }
        Value::Array(list) => list.iter().for_each(|one| leaves(one, all)),
        Value::String(text) => all.push(text.clone()),
        Value::Number(number) => all.push(number.to_string()),
        _ => {}
    }
}

#[test]
fn an_entity_tells_all_that_its_evidence_does() {
    for piece in pieces() {
        let [entity] = entities(std::slice::from_ref(&piece)).try_into().unwrap();
        let told = serde_json::to_string(&entity).unwrap();
        let mut said = Vec::new();
        leaves(&piece, &mut said);
        for text in said {
            assert!(told.contains(&text), "{} does not tell {text}: {told}", piece["@odata.type"]);
        }
        assert!(!entity.name.is_empty(), "{}", piece["@odata.type"]);
    }
}

#[test]
fn evidence_within_evidence_is_read_by_its_place_and_says_what_it_has_of_its_own() {
    let piece = json!({
        "@odata.type": "#microsoft.graph.security.containerEvidence", "containerId": "c1", "name": "web",
        "image": {"imageId": "web:7", "digestImage": {"@odata.type": "#microsoft.graph.security.containerImageEvidence",
            "imageId": "sha256:ab", "verdict": "malicious", "registry": {"registry": "r.example"}}},
        "pod": {"name": "web-7", "namespace": {"name": "shop", "cluster": {"name": "k8s", "platform": "AKS",
            "cloudResource": {"@odata.type": "#microsoft.graph.security.azureResourceEvidence", "resourceId": "/subscriptions/s/k8s"}}},
            "containers": [{"containerId": "c1", "newer": {"a": 1}}, 7], "labels": {"app": "web"}},
    });
    let read: Evidence = serde_json::from_value(piece.clone()).unwrap();
    let EvidenceDetail::Container(container) = &read.detail else { panic!("{read:?}") };
    let digest = container.image.as_ref().unwrap().detail.digest_image.as_ref().unwrap();
    assert_eq!(digest.common.verdict.as_ref().map(EvidenceVerdict::as_str), Some("malicious"));
    let pod: &Part<KubernetesPodEvidence> = container.pod.as_ref().unwrap();
    assert_eq!(pod.detail.labels.get("app"), Some("web"));
    let [inner]: &[Part<ContainerEvidence>; 1] = pod.detail.containers.as_slice().try_into().unwrap();
    assert_eq!((inner.more[0].0.as_str(), inner.more[0].1.as_str()), ("newer", r#"{"a":1}"#));
    let cluster = pod.detail.namespace.as_ref().unwrap().detail.cluster.as_ref().unwrap();
    let resource = cluster.detail.cloud_resource.as_ref().unwrap();
    assert!(matches!(&resource.detail, EvidenceDetail::AzureResource(azure) if azure.resource_id.is_some()));

    let entity = &entities(&[piece])[0];
    let told = serde_json::to_value(entity).unwrap();
    for (field, text) in [
        ("id", "c1"),
        ("image", "web:7"),
        ("pod", "web-7"),
        ("namespace", "shop"),
        ("cluster", "k8s"),
        ("name", "web"),
    ] {
        assert_eq!(told[field], text, "{told}");
    }
    assert_eq!(entity.properties.get("image.digestImage.verdict"), Some("malicious"));
    assert_eq!(
        entity.properties.get("pod.namespace.cluster.cloudResource.resourceId"),
        Some("/subscriptions/s/k8s")
    );
}

#[test]
fn a_pod_whose_containers_name_their_pod_is_read_however_deep_and_nonsense_is_told() {
    let deep = |levels: usize| {
        let mut piece = json!({"name": "innermost"});
        for _ in 0..levels {
            piece = json!({"name": "pod", "containers": [{"containerId": "c", "pod": piece}]});
        }
        piece["@odata.type"] = json!("#microsoft.graph.security.kubernetesPodEvidence");
        piece
    };
    let alert = |levels| {
        let alert = json!({"id": "a", "title": "T", "evidence": [deep(levels), {"@odata.type": "#x.ipEvidence", "ipAddress": "192.0.2.1"}]});
        normalize_alert(Alert::from_json(&alert.to_string()).unwrap()).unwrap()
    };
    let read = alert(30);
    assert_eq!((read.entities.len(), read.properties.get("unreadableEvidence")), (2, None));
    // Deeper than any parser should go: told of, and the rest is read.
    let read = alert(60);
    assert_eq!((read.entities.len(), read.properties.get("unreadableEvidence")), (1, Some("1")));
    assert_eq!(read.title, "T");
}

#[test]
fn a_type_is_told_by_its_whole_name() {
    let kind = |name: &str| {
        let piece: Evidence =
            serde_json::from_value(json!({"@odata.type": name, "resourceId": "x"})).unwrap();
        piece.detail.type_name().to_owned()
    };
    assert_eq!(kind("#microsoft.graph.security.AmazonResourceEvidence"), "amazonResource");
    assert_eq!(kind("microsoft.graph.security.deviceEvidence"), "device");
    assert_eq!(kind("#microsoft.graph.security.mailClusterEntityMapping"), "mailClusterEntityMapping");
    assert_eq!(kind("#microsoft.graph.security.device"), "device", "another thing of that name");
    let piece: Evidence =
        serde_json::from_value(json!({"@odata.type": "#microsoft.graph.security.device"})).unwrap();
    assert!(matches!(piece.detail, EvidenceDetail::Other(_)));
}
