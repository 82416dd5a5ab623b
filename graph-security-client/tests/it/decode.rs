//! What an alert, an incident and their evidence look like on the wire, and what becomes of it.

use graph_security_client::evidence::VmCloudProvider;
use graph_security_client::{
    Alert, AlertStatus, Classification, Detection, DetectionOrigin, Determination, EntityKind,
    EvidenceDetail, EvidenceRole, Incident, InvestigationState, RemediationStatus, Severity, Status, Tactic,
    normalize_alert, normalize_incident,
};

const ALERT: &str = include_str!("fixtures/alert_full.json");

fn alert() -> Detection {
    normalize_alert(Alert::from_json(ALERT).unwrap()).unwrap()
}

#[test]
fn every_field_of_an_alert_is_typed() {
    let a = Alert::from_json(ALERT).unwrap();
    let theirs: serde_json::Value = serde_json::from_str(ALERT).unwrap();
    let text = |name: &str| theirs[name].as_str().map(str::to_owned);
    assert_eq!(Some(a.id.as_str().to_owned()), text("id"));
    assert_eq!(a.provider_alert_id, text("providerAlertId"));
    assert_eq!(a.incident_id, text("incidentId"));
    assert_eq!(a.status, Some(AlertStatus::InProgress));
    assert_eq!(a.detection_origin, Some(DetectionOrigin::MicrosoftDefenderForEndpoint));
    assert_eq!(a.investigation_state, Some(InvestigationState::PartiallyRemediated));
    assert_eq!((a.product_name.clone(), a.detector_id.clone()), (text("productName"), text("detectorId")));
    assert_eq!(
        (a.actor_display_name.clone(), a.threat_family_name.clone()),
        (text("actorDisplayName"), text("threatFamilyName"))
    );
    assert_eq!(
        (a.alert_web_url.clone(), a.incident_web_url.clone()),
        (text("alertWebUrl"), text("incidentWebUrl"))
    );
    assert_eq!(a.recommended_actions, text("recommendedActions"));
    assert_eq!(a.categories, ["PreAttack", "InitialAccess"]);
    assert_eq!(a.custom_details.get("playbook"), Some("Isolate"));
    assert_eq!(a.additional_data.get("count"), Some("7"));
    assert_eq!(a.additional_data.get("nested"), Some(r#"{"a":[1,2]}"#));
    assert_eq!(a.alert_policy_id.as_deref(), Some("pol-1"));
    assert_eq!(a.comments[1].created_by_display_name.as_deref(), Some("API Action"));
    assert_eq!(a.raw().unwrap().as_str(), ALERT.trim());
}

#[test]
fn every_type_of_evidence_that_matters_has_its_fields() {
    let evidence = Alert::from_json(ALERT).unwrap().evidence().unwrap();
    let kinds: Vec<_> = evidence.iter().map(|e| e.detail.type_name()).collect();
    assert_eq!(
        kinds,
        [
            "device",
            "user",
            "file",
            "process",
            "ip",
            "url",
            "mailbox",
            "analyzedMessage",
            "azureResource",
            "cloudApplication",
            "registryKey",
            "registryValue",
            "kubernetesPod",
            "amazonResource",
            "ip"
        ]
    );
    let of = |kind: &str| evidence.iter().find(|e| e.detail.type_name() == kind).unwrap();
    let device = of("device");
    assert_eq!(device.common.roles, [EvidenceRole::Compromised]);
    assert_eq!(device.common.remediation_status, Some(RemediationStatus::Active));
    assert_eq!(device.common.detailed_roles, ["PrimaryDevice"]);
    let EvidenceDetail::Device(d) = &device.detail else { panic!() };
    assert_eq!((d.os_build, d.rbac_group_id, d.logged_on_users.len()), (Some(22_631), Some(75), 1));
    assert_eq!(d.vm_metadata.as_ref().unwrap().cloud_provider, Some(VmCloudProvider::Azure));
    let EvidenceDetail::Process(p) = &of("process").detail else { panic!() };
    assert_eq!((p.process_id, p.parent_process_id), (Some(4780), Some(668)));
    assert_eq!(p.image_file.as_ref().unwrap().file_size, Some(6_136_392));
    let EvidenceDetail::AnalyzedMessage(m) = &of("analyzedMessage").detail else { panic!() };
    assert_eq!((m.url_count, m.threats.as_slice()), (Some(2), &["Phish".to_owned()][..]));
    let EvidenceDetail::CloudApplication(c) = &of("cloudApplication").detail else { panic!() };
    assert_eq!((c.app_id, c.saas_app_id), (Some(20_892), Some(20_892)));
    let EvidenceDetail::Ip(ip) = &of("ip").detail else { panic!() };
    assert_eq!(ip.location.as_ref().unwrap().latitude.as_deref(), Some("52.37"));
    let EvidenceDetail::KubernetesPod(pod) = &of("kubernetesPod").detail else { panic!() };
    assert_eq!((pod.name.as_deref(), pod.containers.len()), (Some("web-7"), 1));
}

#[test]
fn an_alert_becomes_a_detection() {
    let d = alert();
    assert_eq!(
        (d.severity, d.status, d.native_status.as_deref()),
        (Severity::High, Status::InProgress, Some("inProgress"))
    );
    assert_eq!(
        (d.classification, d.determination),
        (Some(Classification::TruePositive), Some(Determination::CompromisedAccount))
    );
    assert_eq!(d.tactics, [Tactic::LateralMovement, Tactic::InitialAccess]);
    let techniques: Vec<_> = d.techniques.iter().map(ToString::to_string).collect();
    assert_eq!(techniques, ["T1021.002", "T1569"]);
    assert_eq!(d.properties.get("mitreTechniques"), Some("phishing"), "what is no technique's id is kept");
    assert_eq!(d.incident_id.as_ref().unwrap().as_str(), "28282");
    assert_eq!((d.machine_group.as_deref(), d.provider.as_deref()), (Some("Servers"), Some("Azure")));
    assert_eq!(d.first_activity_at, Some("2026-09-01T07:45:50.116Z".parse().unwrap()));
    assert_eq!((d.tags.as_slice(), d.resolved_at), (&["Defender Experts".to_owned()][..], None));
    let resources: Vec<_> = d.resources.iter().map(|r| r.id.as_str()).collect();
    assert_eq!(
        resources,
        [
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/web-7",
            "arn:aws:ec2:eu-west-1:1:instance/i-1"
        ]
    );
    let kinds: Vec<_> = d.entities.iter().map(graph_security_client::Entity::type_name).collect();
    assert_eq!(
        kinds,
        [
            "device",
            "user",
            "file",
            "process",
            "ip",
            "url",
            "mailbox",
            "email",
            "cloud_resource",
            "application",
            "registry",
            "registry",
            "container",
            "cloud_resource"
        ],
        "the same address is there once"
    );
    assert!(d.entities.iter().all(|e| !e.name.is_empty()), "{:#?}", d.entities);
    let ip = d.entities.iter().find(|e| e.type_name() == "ip").unwrap();
    assert_eq!(ip.roles, ["attacker", "source"], "with all its roles");
    let process = d.entities.iter().find(|e| e.type_name() == "process").unwrap();
    let EntityKind::Process(p) = &process.kind else { panic!() };
    assert_eq!(p.parent.as_ref().unwrap().name, "services.exe");
    assert_eq!(
        (process.detection_status.as_deref(), process.verdict.as_deref()),
        (Some("detected"), Some("suspicious"))
    );
    assert_eq!(process.properties.get("accountName"), Some("SYSTEM"));
}

#[test]
fn an_alert_of_defender_for_cloud_has_the_keys_of_its_twin() {
    let keys = |json: &str| -> Vec<String> {
        let d = normalize_alert(Alert::from_json(json).unwrap()).unwrap();
        d.correlation_keys.iter().map(ToString::to_string).collect()
    };
    let guid = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
    assert_eq!(
        keys(&format!(r#"{{"id":"dc{guid}","serviceSource":"microsoftDefenderForCloud"}}"#)),
        [format!("alert:dc{guid}")]
    );
    let old = format!("2517000000000000000_{}", guid.to_uppercase());
    let found = keys(&format!(
        r#"{{"id":"dc{old}","providerAlertId":"{old}","serviceSource":"microsoftDefenderForCloud"}}"#
    ));
    assert_eq!(found, [format!("alert:dc{}", old.to_lowercase()), format!("alert:dc{guid}")]);
    let found = keys(&format!(
        r#"{{"id":"da1","providerAlertId":"{guid}","serviceSource":"microsoftDefenderForCloud"}}"#
    ));
    assert_eq!(found, ["alert:da1".to_owned(), format!("alert:dc{guid}")]);
    assert_eq!(
        keys(r#"{"id":"dcx_1","providerAlertId":"7","serviceSource":"microsoftSentinel"}"#),
        ["alert:dcx_1"]
    );
}

#[test]
fn an_incident_becomes_a_detection_with_what_its_alerts_say() {
    let text = format!(
        r##"{{"id":"29","tenantId":"T1","status":"awaitingAction","severity":"high","classification":"unknown","determination":"unknown",
        "displayName":"Several things","customTags":["Demo"],"systemTags":["Defender Experts"],"priorityScore":100,
        "comments":[{{"comment":"old style","createdBy":"ada","createdTime":"2026-01-01T00:00:00Z"}}],
        "createdDateTime":"2026-01-22T12:09:23.1433333Z","lastUpdateDateTime":"2026-02-25T16:29:33.1Z",
        "alerts":[{ALERT},{{"id":5}},{{"id":"da2","mitreTechniques":["T1110"],"firstActivityDateTime":"2026-01-01T00:00:00Z",
        "evidence":[{{"@odata.type":"#microsoft.graph.security.ipEvidence","ipAddress":"203.0.113.9","roles":["scanned"]}}]}}]}}"##
    );
    let d = normalize_incident(Incident::from_json(&text).unwrap()).unwrap();
    assert_eq!((d.status, d.severity), (Status::AwaitingAction, Severity::High));
    assert_eq!(
        (d.classification, d.determination),
        (Some(Classification::Unknown), Some(Determination::Unknown))
    );
    assert_eq!(d.allowed_statuses, [Status::Active, Status::InProgress, Status::Resolved]);
    assert_eq!(d.tags, ["Demo", "Defender Experts"]);
    assert_eq!(
        (d.comments[0].text.as_str(), d.comments[0].created_by.as_deref()),
        ("old style", Some("ada"))
    );
    assert_eq!(d.properties.get("alerts"), Some("da637551227677560813_-961444813, da2"));
    assert_eq!(d.properties.get("unreadableAlerts"), Some("1"), "one that cannot be read is told of");
    assert_eq!(d.entities.len(), 15, "the entities of both, each once");
    assert_eq!(d.first_activity_at, Some("2026-01-01T00:00:00Z".parse().unwrap()));
    assert!(d.techniques.iter().any(|t| t.as_str() == "T1110"));
    assert_eq!(d.correlation_keys[0].as_str(), "incident:t1/29");

    let merged = r#"{"id":"3","status":"redirected","redirectIncidentId":"29"}"#;
    let d = normalize_incident(Incident::from_json(merged).unwrap()).unwrap();
    assert_eq!((d.status, d.merged_into.unwrap().as_str()), (Status::Merged, "29"));
    assert!(d.allowed_statuses.is_empty() && d.correlation_keys.is_empty());
    let pascal = r#"{"id":"3","status":"Active","classification":"TruePositive","tags":["x"]}"#;
    let d = normalize_incident(Incident::from_json(pascal).unwrap()).unwrap();
    assert_eq!(
        (d.status, d.classification, d.tags),
        (Status::Active, Some(Classification::TruePositive), vec!["x".into()])
    );
}

#[test]
fn whatever_is_missing_mistyped_or_new_an_alert_is_kept() {
    for rest in [
        "",
        r#","evidence":null"#,
        r#","evidence":5"#,
        r#","evidence":{"@odata.type":"x"}"#,
        r#","evidence":[{"@odata.type":7,"roles":"x"},[],{"@odata.type":"\#microsoft.graph.security.deviceEvidence","osBuild":"x","vmMetadata":[]}]"#,
        r#","status":"unknownFutureValue","severity":"unknownFutureValue","serviceSource":"unknownFutureValue""#,
        r#","comments":"x","mitreTechniques":"T1110","additionalData":[],"customDetails":null,"recommendedActions":["a"]"#,
        r#","createdDateTime":"2026-09-01T00:00:00.0000000Z","resolvedDateTime":"0001-01-01T00:00:00","status":"resolved""#,
    ] {
        let text = format!(r#"{{"id":"da1"{}}}"#, rest.replace("\\#", "#"));
        let d = normalize_alert(Alert::from_json(&text).unwrap_or_else(|e| panic!("{text}: {e}"))).unwrap();
        assert_eq!(d.raw.as_ref().unwrap().as_str(), text);
        if rest.contains("FutureValue") {
            assert_eq!((d.status, d.severity), (Status::Unknown, Severity::Unknown));
            assert_eq!(d.native_status.as_deref(), Some("unknownFutureValue"));
        }
    }
    for bad in ["{}", "[]", r#"{"id":5}"#, r#"{"id":""}"#, "{", "null"] {
        assert!(Alert::from_json(bad).is_err() && Incident::from_json(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_differs_stays_apart_and_what_is_broken_hides_nothing_else() {
    let d = |evidence: &str| {
        let text = format!(r#"{{"id":"da1","evidence":[{evidence}]}}"#);
        normalize_alert(Alert::from_json(&text).unwrap_or_else(|e| panic!("{text}: {e}"))).unwrap()
    };
    let piece = |kind: &str, rest: &str| {
        format!(r##"{{"@odata.type":"#microsoft.graph.security.{kind}Evidence",{rest}}}"##)
    };
    let all = |pieces: &[String]| d(&pieces.join(","));
    // Without a type of their own, by what they say.
    let two = all(&[
        piece("networkConnection", r#""destinationPort":443"#),
        piece("networkConnection", r#""destinationPort":22"#),
        piece("networkConnection", r#""destinationPort":443"#),
    ]);
    assert_eq!(two.entities.len(), 2);
    // The same file, stopped on one machine and alive on another.
    let two = all(&[
        piece("file", r#""detectionStatus":"blocked","mdeDeviceId":"d1","fileDetails":{"fileName":"f"}"#),
        piece("file", r#""detectionStatus":"detected","mdeDeviceId":"d2","fileDetails":{"fileName":"f"}"#),
    ]);
    assert_eq!(two.entities.len(), 2);
    // A name that comes twice in a nested object: the last counts.
    let one = all(&[
        piece("file", r#""fileDetails":{"sha1":"aa","sha1":"bb"}"#),
        piece("ip", r#""ipAddress":"192.0.2.1""#),
    ]);
    assert_eq!((one.entities.len(), one.properties.get("unreadableEvidence")), (2, None));
    assert_eq!(one.entities[0].name, "bb");
    let user = all(&[piece(
        "user",
        r#""userAccount":{"azureAdUserId":"aad-1","resourceAccessEvents":[{"ipAddress":"x"}]}"#,
    )]);
    assert_eq!(user.entities[0].name, "aad-1");
    assert_eq!(user.entities[0].properties.get("resourceAccessEvents"), Some(r#"[{"ipAddress":"x"}]"#));
    // Old and new names side by side.
    let text = r#"{"id":"1","customTags":["a"],"tags":["b"],"comments":[{"comment":"c","createdBy":"x","createdByDisplayName":"y"}]}"#;
    let both = normalize_incident(Incident::from_json(text).unwrap()).unwrap();
    assert_eq!((both.tags, both.comments[0].created_by.as_deref()), (vec!["a".to_owned()], Some("y")));
}
