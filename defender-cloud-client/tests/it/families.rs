//! The twelve families of alerts: each read whole, normalized, and listed by the tenant.

use std::collections::BTreeMap;

use defender_cloud_client::{
    Alert, Detection, DetectionQuery, DetectionSourceExt as _, EntityKind, Severity, Status, Tactic,
    normalize,
};
use pocketsoc_testkit::cloud_families;

use crate::virtual_tenant::{source, tenant};

fn family(name: &str) -> Detection {
    let (_, text) = cloud_families().find(|(n, _)| *n == name).unwrap();
    normalize(Alert::from_json(text).unwrap()).unwrap()
}

fn kinds(detection: &Detection) -> Vec<&'static str> {
    detection.entities.iter().map(pocketsoc_model::Entity::type_name).collect()
}

fn entity<'a>(detection: &'a Detection, name: &str) -> &'a EntityKind {
    &detection
        .entities
        .iter()
        .find(|e| e.name == name)
        .unwrap_or_else(|| panic!("{name} in {detection:#?}"))
        .kind
}

#[test]
fn every_family_says_what_happened_where_and_who_is_involved() {
    let expected = BTreeMap::from([
        ("windows", (Severity::High, &["device", "user", "process", "file", "process", "file"][..])),
        ("linux", (Severity::High, &["device", "user", "ip", "other", "other", "file"])),
        ("dns", (Severity::Low, &["ip", "ip", "domain", "domain", "device", "ip", "cloud_resource"])),
        (
            "vm_extension",
            (Severity::Medium, &["cloud_resource", "user", "ip", "device", "process", "url", "file"]),
        ),
        ("app_service", (Severity::Medium, &["ip", "ip", "url", "url", "cloud_resource"])),
        (
            "kubernetes",
            (
                Severity::High,
                &[
                    "cloud_resource",
                    "other",
                    "container",
                    "container",
                    "cloud_resource",
                    "container",
                    "device",
                    "process",
                ],
            ),
        ),
        (
            "sql",
            (Severity::High, &["cloud_resource", "cloud_resource", "ip", "ip", "user", "device", "other"]),
        ),
        ("open_source_db", (Severity::Low, &["cloud_resource", "user", "ip", "other", "other"])),
        ("resource_manager", (Severity::Medium, &["user", "ip", "cloud_resource", "cloud_resource"])),
        (
            "storage",
            (
                Severity::Medium,
                &["cloud_resource", "cloud_resource", "cloud_resource", "ip", "ip", "file", "other"],
            ),
        ),
        ("cosmos_db", (Severity::Low, &[])),
        (
            "network",
            (Severity::Informational, &["ip", "other", "ip", "other", "ip", "other", "cloud_resource"]),
        ),
    ]);
    assert_eq!(cloud_families().count(), expected.len());
    for (name, _) in cloud_families() {
        let d = family(name);
        let (severity, entities) = expected[name];
        assert_eq!(
            (d.severity, d.status, d.native_status.as_deref()),
            (severity, Status::Active, Some("Active")),
            "{name}"
        );
        let (mut found, mut wanted) = (kinds(&d), entities.to_vec());
        found.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{name}");
        assert!(!d.title.is_empty() && d.description.is_some() && d.category.is_some(), "{name}");
        assert_eq!(
            (d.provider.as_deref(), d.product.as_str()),
            (Some("Azure"), "defender_for_cloud"),
            "{name}"
        );
        assert!(!d.resources.is_empty(), "{name}: affected resources");
        assert!(
            d.resources.iter().all(|r| r.id.starts_with("/subscriptions/") && r.name.is_some()),
            "{name}"
        );
        assert_eq!(
            d.updated_at,
            Some("2026-09-01T10:06:01Z".parse().unwrap()),
            "{name}: the latest of its own times"
        );
        assert_eq!(d.first_activity_at, Some("2026-09-01T10:00:00.1234567Z".parse().unwrap()), "{name}");
        assert!(d.url.as_deref().unwrap().starts_with("https://portal.azure.com/#blade/"), "{name}");
        assert!(d.properties.get("alertType").is_some(), "{name}");
        assert!(
            d.correlation_keys.iter().any(|k| k.as_str() == "alert:dcaaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"),
            "{name}"
        );
        assert!((d.classification, d.assigned_to.as_ref(), d.resolved_at) == (None, None, None), "{name}");
        // The service names an address that it does not know by its place only.
        let nameless = d.entities.iter().filter(|e| e.name.is_empty());
        assert!(nameless.clone().count() <= 1 && nameless.clone().all(|e| e.type_name() == "ip"), "{name}");
        assert!(d.raw.is_some());
    }
}

#[test]
fn references_and_circles_among_entities_are_followed() {
    let d = family("windows");
    let EntityKind::Process(process) = entity(&d, "lsdump.exe") else { panic!() };
    assert_eq!((process.pid, process.path.as_deref()), (Some(0x1a4c), Some("C:\\Temp")));
    assert!(process.sha256.as_deref().unwrap().starts_with("3056e2c9"));
    assert_eq!(process.parent.as_ref().unwrap().name, "cmd.exe");
    let EntityKind::Device(host) = entity(&d, "vm-web-01") else { panic!() };
    assert_eq!(host.dns_name.as_deref(), Some("vm-web-01.corp.fixture.example"));
    assert!(host.id.as_deref().unwrap().ends_with("/virtualMachines/vm-web-01"));
    assert!(host.os.as_deref().unwrap().starts_with("Windows"), "a family tells more than `Unknown`");
    let EntityKind::User(user) = entity(&d, "svc-deploy") else { panic!() };
    assert_eq!(user.domain.as_deref(), Some("FIXTURE"));
    let account = d.entities.iter().find(|e| e.name == "svc-deploy").unwrap();
    assert_eq!(account.properties.get("host"), Some("vm-web-01"), "an account names its host");

    let d = family("dns");
    let domain = d.entities.iter().find_map(|e| match &e.kind {
        EntityKind::Domain(domain) => Some((e.name.as_str(), domain.resolved_ip.as_deref())),
        _ => None,
    });
    assert!(domain.unwrap().1.is_some(), "the address that it resolved to: {domain:?}");

    let d = family("kubernetes");
    let container = d.entities.iter().find_map(|e| match &e.kind {
        EntityKind::Container(c) if c.id.is_some() => Some(c),
        _ => None,
    });
    let container = container.unwrap();
    assert!(
        container.image.is_some() && container.pod.is_some() && container.namespace.is_some(),
        "{container:?}"
    );
}

#[test]
fn intents_become_tactics_where_they_are_tactics() {
    assert_eq!(
        family("vm_extension").tactics,
        [Tactic::Persistence, Tactic::DefenseEvasion, Tactic::Execution]
    );
    for (name, category) in [
        ("app_service", "PreAttack"),
        ("network", "Probing"),
        ("sql", "Exploitation"),
        ("cosmos_db", "Unknown"),
    ] {
        let d = family(name);
        assert_eq!((d.category.as_deref(), d.tactics.len()), (Some(category), 0), "{name}");
    }
    let techniques: Vec<_> = family("windows").techniques.iter().map(ToString::to_string).collect();
    assert!(
        techniques.iter().any(|t| t.contains('.')) && techniques.iter().any(|t| !t.contains('.')),
        "{techniques:?}"
    );
}

#[test]
fn the_extras_of_a_rule_are_shown_under_its_own_names() {
    let d = family("open_source_db");
    let number = d.properties.iter().find(|(name, _)| *name == "failed sign-ins before success").unwrap();
    assert!(number.1.parse::<u32>().is_ok());
    assert!(family("kubernetes").properties.get("service account").is_none(), "what is null is not there");
    let keys: Vec<_> = family("sql").properties.iter().map(|(name, _)| name.to_owned()).collect();
    assert!(keys.iter().any(|key| key.contains('[')) && keys.iter().any(|key| key.contains('/')), "{keys:?}");
    assert_eq!(family("resource_manager").properties.get("isIncident"), Some("true"));
    assert_eq!(family("storage").links[0].title, family("storage").links[0].title.trim());
    for name in ["storage", "linux", "kubernetes"] {
        assert!(family(name).links[0].url.starts_with("https://"), "{name}: links in either letter case");
    }
    assert_eq!(family("windows").tenant_id.as_deref(), Some("7a1fcd53-2e6b-4c1e-9a57-9b5d8c0e4f11"));
    assert!(family("cosmos_db").properties.get("supportingEvidence").unwrap().contains("rows"));
}

#[test]
fn older_names_and_newer_ones_have_a_key_in_common_with_their_sighting_in_graph() {
    let keys: Vec<_> = family("linux").correlation_keys.iter().map(ToString::to_string).collect();
    assert_eq!(
        keys,
        [
            "alert:dc2517000000000000000_aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
            "alert:dcaaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_tenant_raises_each_family() {
    let tenant = tenant().build();
    let all = source(&tenant).collect(&DetectionQuery::all()).await.unwrap();
    for (name, _) in cloud_families() {
        let kind = family(name).properties.get("alertType").unwrap().to_owned();
        let of_family = all.iter().filter(|d| d.properties.get("alertType") == Some(&kind)).count();
        assert_eq!(of_family, 3, "{name}");
    }
    let attack = &tenant.cloud_alert_ids()[0];
    let first = all.iter().find(|d| d.id.as_str() == attack).unwrap();
    assert!(first.entities.iter().any(|e| matches!(&e.kind, EntityKind::Device(h) if h.dns_name.as_ref().unwrap().ends_with("corp.contoso.example"))));
}

#[test]
fn whatever_is_missing_mistyped_or_new_an_alert_is_kept() {
    const ID: &str = r#""id":"/subscriptions/s/providers/Microsoft.Security/locations/l/alerts/n""#;
    for rest in [
        "",
        r#","properties":null"#,
        r#","properties":5"#,
        r#","properties":{"entities":{"type":"ip","address":"192.0.2.1"},"resourceIdentifiers":"x","status":null}"#,
        r#","properties":{"entities":"none","extendedProperties":[1],"techniques":"T1059","severity":{"a":1}}"#,
        r#","properties":{"entities":[{"type":"host","$id":"1","$ref":"1"}],"startTimeUtc":"yesterday","isIncident":"true"}"#,
        r#","properties":{"entities":[{"$ref":"elsewhere_7"}],"status":"Reopened","intent":"[\"Persistence\"]"}"#,
        r#","properties":{"resourceIdentifiers":[{"type":"Mainframe","azureResourceId":""}],"remediationSteps":"one"}"#,
    ] {
        let text = format!("{{{ID}{rest}}}");
        let d = normalize(Alert::from_json(&text).unwrap_or_else(|e| panic!("{text}: {e}"))).unwrap();
        assert!(d.id.as_str().ends_with("/n"), "{text}");
        assert_eq!(d.raw.unwrap().as_str(), text);
        if rest.contains("elsewhere_7") {
            assert_eq!(d.entities[0].name, "elsewhere_7", "a reference to nowhere is not hidden");
            assert_eq!((d.status, d.native_status.as_deref()), (Status::Unknown, Some("Reopened")));
            assert_eq!(d.tactics, [Tactic::Persistence]);
            assert_eq!(d.allowed_statuses.len(), 4, "from an unknown status whatever can be written");
        }
    }
    for bad in ["{}", "[]", r#"{"id":5}"#, r#"{"id":""}"#, "{"] {
        assert!(Alert::from_json(bad).is_err(), "{bad}");
    }
}

#[test]
fn other_clouds_are_named() {
    for (kind, provider, field) in
        [("gcp-resource", "GCP", "resourceName"), ("aws-resource", "AWS", "amazonResourceId")]
    {
        let text = format!(
            r#"{{"id":"/subscriptions/s/providers/Microsoft.Security/locations/l/alerts/n","properties":{{"entities":[{{"type":"{kind}","{field}":"web-7"}}]}}}}"#
        );
        let d = normalize(Alert::from_json(&text).unwrap()).unwrap();
        assert_eq!((d.provider.as_deref(), d.resources[0].id.as_str()), (Some(provider), "web-7"));
        assert_eq!(kinds(&d), ["cloud_resource"]);
    }
}

#[test]
fn what_is_broken_in_one_place_hides_nothing_in_another() {
    let alert = |properties: &str| {
        let text = format!(
            r#"{{"id":"/subscriptions/s/providers/Microsoft.Security/locations/l/alerts/n","properties":{{{properties}}}}}"#
        );
        normalize(Alert::from_json(&text).unwrap_or_else(|e| panic!("{text}: {e}"))).unwrap()
    };
    // A text that was cut in the middle of a character.
    let d = alert(
        r#""entities":[{"type":"host","hostName":"h"},{"type":"process","commandLine":"x\ud83d"}],"alertDisplayName":"cut \ud83d""#,
    );
    assert_eq!((kinds(&d), d.title.as_str()), (vec!["device", "process"], "cut \u{fffd}"));
    // A name that comes twice, in one letter case or in two.
    let d =
        alert(r#""severity":"Low","severity":"High","extendedLinks":[{"href":"a","Href":"b","Label":"l"}]"#);
    assert_eq!((d.severity, d.links.len()), (Severity::High, 1));
    // Hashes without a field of their own, and lists of texts.
    let d = alert(
        r#""entities":[{"$id":"1","type":"file","name":"f","fileHashes":[{"$id":"2","type":"filehash","algorithm":"SHA512","value":"ab"}]},
        {"$ref":"2"},{"type":"gcp-resource","resourceName":"w","projectId":"p1","relatedAzureResourceIds":["/a","/b"]},
        {"type":"gcp-resource","resourceName":"w","projectId":"p2"},{"type":"account","name":"u","host":{"$ref":"gone"}}]"#,
    );
    assert_eq!(kinds(&d), ["file", "cloud_resource", "cloud_resource", "user"]);
    assert_eq!(d.entities[0].properties.get("fileHashes.SHA512"), Some("ab"));
    assert_eq!(d.entities[1].properties.get("relatedAzureResourceIds"), Some("/a, /b"));
    assert_eq!(d.entities[3].properties.get("host"), Some("gone"), "a reference to nowhere is named");
    assert_eq!(d.resources.iter().map(|r| r.id.as_str()).collect::<Vec<_>>(), ["p1/w", "p2/w"]);
    let d = alert(
        r#""entities":[{"type":"K8s-cluster","cloudResource":{"type":"aws-resource","amazonResourceId":"arn:x"}}]"#,
    );
    assert_eq!((d.provider.as_deref(), d.resources.len()), (Some("AWS"), 1), "also within another entity");
    let d = alert(
        r#""resourceIdentifiers":[{"type":"LogAnalytics","workspaceId":"w1","workspaceTenantId":"t2"},{"type":"LogAnalytics","workspaceId":"w2"},{"type":"AAD","aadTenantId":"t1"}]"#,
    );
    assert_eq!((d.properties.get("workspaceId"), d.tenant_id.as_deref()), (Some("w1, w2"), Some("t1")));
    let d = alert(r#""entities":[1e999,{"type":"ip"}]"#);
    assert_eq!(d.properties.get("entities"), Some("cannot be read"), "what could not be read is told");
}

#[test]
fn an_alert_made_to_grow_does_not() {
    let long = "x".repeat(100_000);
    let references = vec![r#"{"$ref":"1"}"#; 5000].join(",");
    let text = format!(
        r#"{{"id":"/subscriptions/s/providers/Microsoft.Security/locations/l/alerts/n","properties":{{"entities":[
        {{"$id":"1","type":"host","hostName":"{long}"}},{{"type":"other","l":[{references}]}}]}}}}"#
    );
    let d = normalize(Alert::from_json(&text).unwrap()).unwrap();
    let size = serde_json::to_string(&d).unwrap().len();
    assert!(size < 2 * text.len(), "{size} of {}", text.len());
}
