//! The JSON of a detection: the keys that scripts read, and nothing lost on the way back.

use pocketsoc_model::{
    Application, Classification, CloudResource, Comment, Container, CorrelationKey, Detection, DetectionId,
    Determination, Device, DomainName, Email, Entity, EntityKind, File, IncidentRef, Ip, Link, Mailbox,
    OtherEntity, ParentProcess, Process, Product, RawJson, RegistryValue, Resource, Severity, Status, Tactic,
    TechniqueId, TransitionTable, Url, User,
};
use serde_json::{Value, json};

/// Every kind of entity, each with at least one field of its own.
fn entities() -> Vec<Entity> {
    let mut device = Device::default();
    device.id = Some("m-1".into());
    device.group = Some("Servers".into());
    let mut user = User::default();
    user.upn = Some("ada@example.test".into());
    let mut file = File::default();
    file.sha256 = Some("ab".repeat(32));
    let mut parent = Process::default();
    parent.pid = Some(7);
    let mut process = Process::default();
    process.pid = Some(42);
    process.command_line = Some("miner --all".into());
    process.parent = Some(Box::new(ParentProcess::new("sh", parent)));
    let mut ip = Ip::default();
    ip.country = Some("NL".into());
    let mut url = Url::default();
    url.host = Some("evil.example".into());
    let mut domain = DomainName::default();
    domain.resolved_ip = Some("192.0.2.1".into());
    let mut mailbox = Mailbox::default();
    mailbox.address = Some("ada@example.test".into());
    let mut email = Email::default();
    email.subject = Some("Invoice".into());
    let mut registry = RegistryValue::default();
    registry.hive = Some("HKEY_LOCAL_MACHINE".into());
    let mut resource = CloudResource::default();
    resource.id = Some("/subscriptions/s".into());
    let mut application = Application::default();
    application.publisher = Some("Acme".into());
    let mut container = Container::default();
    container.image = Some("miner:latest".into());
    let mut other = OtherEntity::default();
    other.kind = Some("SecurityGroup".into());
    [
        (EntityKind::Device(Box::new(device)), "web-1"),
        (EntityKind::User(Box::new(user)), "ada"),
        (EntityKind::File(Box::new(file)), "miner.exe"),
        (EntityKind::Process(Box::new(process)), "miner.exe"),
        (EntityKind::Ip(ip), "192.0.2.1"),
        (EntityKind::Url(url), "https://evil.example/x"),
        (EntityKind::Domain(domain), "evil.example"),
        (EntityKind::Mailbox(mailbox), "Ada"),
        (EntityKind::Email(Box::new(email)), "Invoice"),
        (EntityKind::Registry(Box::new(registry)), "Run"),
        (EntityKind::CloudResource(resource), "vm-1"),
        (EntityKind::Application(application), "Acme Sync"),
        (EntityKind::Container(Box::new(container)), "miner"),
        (EntityKind::Other(other), "Admins"),
    ]
    .into_iter()
    .map(|(kind, name)| {
        let mut entity = Entity::new(kind, name);
        entity.roles = vec!["compromised".into()];
        entity.seen_at = Some("2026-01-31T10:00:00.1234567Z".parse().unwrap());
        entity
    })
    .collect()
}

/// A detection with every field set.
fn full() -> Detection {
    let mut d = Detection::new(DetectionId::new("da1_-2").unwrap(), Product::DEFENDER_ENDPOINT, "Miner");
    d.description = Some("A miner\nruns".into());
    d.severity = Severity::High;
    d.status = Status::InProgress;
    d.native_status = Some("InProgress".into());
    d.merged_into = Some(DetectionId::new("da9").unwrap());
    d.classification = Some(Classification::InformationalExpected);
    d.determination = Some(Determination::LineOfBusinessApplication);
    d.assigned_to = Some("ada@example.test".into());
    d.category = Some("InitialAccess".into());
    d.tactics = vec![Tactic::InitialAccess, Tactic::CommandAndControl];
    d.techniques = vec![TechniqueId::parse("T1055.001").unwrap()];
    d.created_at = Some("2026-01-31T10:00:00.7657932Z".parse().unwrap());
    d.updated_at = d.created_at;
    d.first_activity_at = d.created_at;
    d.last_activity_at = d.created_at;
    d.resolved_at = d.created_at;
    d.url = Some("https://portal.example/alerts/da1".into());
    d.links = vec![Link::new("Threat report", "https://portal.example/r")];
    d.provider = Some("Azure".into());
    d.resources = vec![Resource::new("/subscriptions/s/resourceGroups/g")];
    d.properties.set("detectionSource", "WindowsDefenderAtp");
    d.incident_id = Some(IncidentRef::new("924521"));
    d.correlation_keys = vec![CorrelationKey::alert("da1_-2")];
    d.entities = entities();
    d.comments = vec![Comment::new("looked at it", Some("ada".into()), d.created_at)];
    d.tags = vec!["vip".into()];
    d.machine_group = Some("Servers".into());
    d.tenant_id = Some("a839b112-1253-6432-9bf6-94542403f21c".into());
    d.raw = Some(RawJson::new("{ \"id\": \"da1_-2\", \"n\": 1.50 }"));
    d.seen_through("Endpoint", &TransitionTable::for_product(&Product::DEFENDER_ENDPOINT))
}

#[test]
fn a_detection_comes_back_from_json_as_it_went() {
    let mut detection = full();
    let back: Detection = serde_json::from_str(&serde_json::to_string(&detection).unwrap()).unwrap();
    detection.raw = None; // not part of the JSON unless asked for
    assert_eq!(back, detection);
    let bare = Detection::new(DetectionId::new("x").unwrap(), Product::new("acme"), "t");
    assert_eq!(serde_json::from_value::<Detection>(serde_json::to_value(&bare).unwrap()).unwrap(), bare);
}

#[test]
fn the_raw_object_travels_only_when_asked_for_and_byte_for_byte() {
    let detection = full();
    assert!(!serde_json::to_string(&detection).unwrap().contains("\"raw\""));
    let text = serde_json::to_string(&detection.with_raw()).unwrap();
    assert!(text.ends_with(",\"raw\":{\"id\":\"da1_-2\",\"n\":1.50}}"), "{text}");
    let back: Detection = serde_json::from_str(&text).unwrap();
    assert_eq!(back.raw.unwrap().as_str(), "{\"id\":\"da1_-2\",\"n\":1.50}");
}

#[test]
fn scripts_find_every_key_under_its_name() {
    let value = serde_json::to_value(full()).unwrap();
    for key in [
        "id",
        "profile",
        "product",
        "title",
        "description",
        "severity",
        "status",
        "native_status",
        "classification",
        "determination",
        "assigned_to",
        "category",
        "tactics",
        "techniques",
        "created_at",
        "updated_at",
        "first_activity_at",
        "last_activity_at",
        "resolved_at",
        "url",
        "provider",
        "resources",
        "properties",
        "incident_id",
        "correlation_keys",
        "entities",
        "allowed_statuses",
        "merged_into",
    ] {
        assert!(!value[key].is_null(), "{key} is missing");
    }
    assert_eq!(value["severity"], "high");
    assert_eq!(value["status"], "in_progress");
    assert_eq!(value["classification"], "informational_expected");
    assert_eq!(value["determination"], "line_of_business_application");
    assert_eq!(value["product"], "defender_endpoint");
    assert_eq!(value["tactics"], json!(["initial_access", "command_and_control"]));
    assert_eq!(value["created_at"], "2026-01-31T10:00:00.765793200Z");
    assert_eq!(value["allowed_statuses"], json!(["active", "resolved"]));
    assert_eq!(value["properties"], json!({"detectionSource": "WindowsDefenderAtp"}));
}

#[test]
fn every_entity_says_its_type_and_name() {
    let types: Vec<Value> =
        entities().iter().map(|e| serde_json::to_value(e).unwrap()["type"].clone()).collect();
    let expected = "device|user|file|process|ip|url|domain|mailbox|email|registry|cloud_resource|application|container|other";
    assert_eq!(types, expected.split('|').collect::<Vec<_>>());
    for entity in entities() {
        let value = serde_json::to_value(&entity).unwrap();
        assert_eq!(value["type"], entity.type_name());
        assert_eq!(value["name"], entity.name);
        assert_eq!(serde_json::from_value::<Entity>(value).unwrap(), entity);
    }
    let process = serde_json::to_value(&entities()[3]).unwrap();
    assert_eq!(process["parent"], json!({"name": "sh", "pid": 7}));
}
