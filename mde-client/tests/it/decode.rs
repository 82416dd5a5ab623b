//! Alerts as the wire has them, and what becomes of them.

use mde_client::{
    Alert, AlertClassification, AlertStatus, Classification, Determination, EntityKind, ErrorKind,
    InvestigationState, Severity, Status, normalize,
};
use serde_json::{Value, json};

const FULL: &str = include_str!("fixtures/alert_full.json");

fn alert(json: &Value) -> Alert {
    Alert::from_json(&json.to_string()).unwrap()
}

#[test]
fn every_field_of_an_alert_is_read() {
    let alert = Alert::from_json(FULL).unwrap();
    assert_eq!(alert.id.as_str(), "da638890000000000001_-1412089114");
    assert_eq!((alert.incident_id, alert.investigation_id), (Some(5512), Some(90210)));
    assert_eq!(alert.investigation_state, Some(InvestigationState::TerminatedByUser));
    assert_eq!(alert.status, Some(AlertStatus::InProgress));
    assert_eq!(alert.classification, Some(AlertClassification::TruePositive));
    assert_eq!(alert.alert_creation_time.unwrap().to_rfc3339(), "2026-03-02T08:15:30.123456700+00:00");
    assert_eq!(alert.last_update_time.unwrap().to_rfc3339(), "2026-03-02T09:00:00.313333300+00:00");
    assert_eq!(alert.resolved_time, None);
    assert_eq!(alert.mitre_techniques.len(), 3);
    assert_eq!(alert.related_user.as_ref().unwrap().user_name.as_deref(), Some("svc-backup"));
    assert_eq!((alert.logged_on_users.len(), alert.comments.len(), alert.evidence.len()), (2, 2, 8));
    let process = &alert.evidence[1];
    assert_eq!((process.process_id, process.parent_process_id), (Some(4242), Some(17)));
    assert_eq!(process.process_command_line.as_deref(), Some("cmd.exe /c \"whoami\""));
    assert_eq!(process.parent_process_file_name.as_deref(), Some("psexesvc.exe"));
    assert_eq!(alert.evidence[6].registry_value_name.as_deref(), Some("up"));
    assert_eq!(alert.raw().unwrap().as_str(), FULL.trim_end(), "byte for byte");
}

#[test]
fn a_full_alert_becomes_a_full_detection() {
    let d = normalize(Alert::from_json(FULL).unwrap()).unwrap();
    assert_eq!(
        (d.severity, d.status, d.native_status.as_deref()),
        (Severity::High, Status::InProgress, Some("InProgress"))
    );
    assert_eq!(d.classification, Some(Classification::TruePositive));
    assert_eq!(d.determination, Some(Determination::CompromisedAccount));
    assert_eq!(d.allowed_statuses, [Status::Active, Status::Resolved]);
    assert_eq!(d.tactics.iter().map(|t| t.as_str()).collect::<Vec<_>>(), ["lateral_movement"]);
    assert_eq!(
        d.techniques.iter().map(mde_client::TechniqueId::as_str).collect::<Vec<_>>(),
        ["T1021.001", "T1078"]
    );
    assert_eq!(d.incident_id.as_ref().unwrap().as_str(), "5512");
    assert_eq!(d.correlation_keys[0].as_str(), "alert:da638890000000000001_-1412089114");
    assert_eq!((d.machine_group.as_deref(), d.profile.as_str()), (Some("Servers"), ""));
    for (name, text) in [
        ("detectionSource", "WindowsDefenderAtp"),
        ("threatName", "Ransom:Win32/Lokdon.B"),
        ("investigationState", "TerminatedByUser"),
        ("investigationId", "90210"),
        ("recommendedAction", "Isolate the machine."),
        ("mitreTechniques", "not-a-technique"),
    ] {
        assert_eq!(d.properties.get(name), Some(text), "{name}");
    }
    assert_eq!(d.comments.len(), 1, "a comment without text says nothing");
    let kinds: Vec<_> = d.entities.iter().map(|e| (e.type_name(), e.name.as_str())).collect();
    assert_eq!(
        kinds,
        [
            ("device", "srv-9.corp.contoso.example"),
            ("user", "guest"),
            ("user", "svc-backup"),
            ("process", "cmd.exe"),
            ("file", "d.dmp"),
            ("ip", "198.51.100.23"),
            ("url", "https://198.51.100.23/x?y=1"),
            ("registry", "SOFTWARE\\Run"),
            ("other", "Domain Admins"),
        ]
    );
    let EntityKind::Process(process) = &d.entities[3].kind else { panic!("a process") };
    let parent = process.parent.as_ref().unwrap();
    assert_eq!((parent.name.as_str(), parent.process.pid), ("psexesvc.exe", Some(17)));
    let other = serde_json::to_value(&d.entities[8]).unwrap();
    assert_eq!(
        (other["kind"].as_str(), other["properties"]["userSid"].as_str()),
        (Some("SecurityGroup"), Some("S-1-5-21-1-2-3-512"))
    );
    assert_eq!(d.entities[4].detection_status.as_deref(), Some("Prevented"));
}

#[test]
fn nothing_but_the_id_is_needed() {
    let d = normalize(alert(&json!({"id": "da1_1"}))).unwrap();
    assert_eq!((d.severity, d.status, d.title.as_str()), (Severity::Unknown, Status::Unknown, ""));
    assert_eq!((d.classification, d.determination, d.native_status), (None, None, None));
    assert!(d.entities.is_empty() && d.tactics.is_empty());
    for bad in ["{}", "{\"id\":null}", "{\"id\":\"\"}", "{\"id\":\"..\"}", "[]", "7", "{\"id\":\"a\"", ""] {
        assert_eq!(Alert::from_json(bad).unwrap_err().kind(), ErrorKind::Decode, "{bad}");
    }
}

/// Each field of the full alert in turn: missing, null, and of every other type. The alert is never lost.
#[test]
fn no_field_missing_null_or_mistyped_loses_an_alert() {
    let full: Value = serde_json::from_str(FULL).unwrap();
    let odd = [
        json!(null),
        json!(5),
        json!(-1.5),
        json!(true),
        json!("text"),
        json!([]),
        json!([1, null, {}]),
        json!({}),
        json!({"a": [1]}),
    ];
    for name in full.as_object().unwrap().keys().filter(|name| *name != "id") {
        let mut missing = full.clone();
        missing.as_object_mut().unwrap().remove(name);
        normalize(alert(&missing)).unwrap();
        for value in &odd {
            let mut mistyped = full.clone();
            mistyped[name] = value.clone();
            normalize(alert(&mistyped)).unwrap_or_else(|e| panic!("{name} = {value}: {e}"));
        }
    }
    for name in full["evidence"][1].as_object().unwrap().keys() {
        for value in &odd {
            let mut mistyped = full.clone();
            mistyped["evidence"][1][name] = value.clone();
            let read = alert(&mistyped);
            assert_eq!(read.evidence.len(), 8, "{name} = {value}");
            normalize(read).unwrap();
        }
    }
}

#[test]
fn p14_a_word_that_is_new_is_kept_and_never_becomes_a_harmless_one() {
    let d = normalize(alert(&json!({
        "id": "a", "severity": "Apocalyptic", "status": "Parked", "classification": "5", "determination": "Gremlins",
        "investigationState": "Dreaming", "category": "Sorcery", "detectionSource": "CrystalBall",
        "evidence": [{"entityType": "Ghost", "fileName": "boo"}]
    })))
    .unwrap();
    assert_eq!((d.severity, d.native_severity.as_deref()), (Severity::Unknown, Some("Apocalyptic")));
    assert_eq!((d.status, d.native_status.as_deref()), (Status::Unknown, Some("Parked")));
    assert_eq!(
        (d.classification, d.determination),
        (Some(Classification::Unknown), Some(Determination::Unknown))
    );
    assert_eq!(d.properties.get("classification"), Some("5"));
    assert_eq!(d.properties.get("determination"), Some("Gremlins"));
    assert_eq!(d.properties.get("investigationState"), Some("Dreaming"));
    assert_eq!((d.category.as_deref(), d.tactics.len()), (Some("Sorcery"), 0));
    assert_eq!((d.entities[0].type_name(), d.entities[0].name.as_str()), ("other", "boo"));
    assert_eq!(d.allowed_statuses.len(), 3, "from an unknown status, whatever the service accepts");
}

#[test]
fn known_oddities_of_the_service_are_read_as_meant() {
    let d = normalize(alert(&json!({
        "id": "a", "category": "null", "mitreTechniques": "T1059, T1055.001", "classification": "Informational, expected activity",
        "determination": "ConfirmedUserActivity", "severity": "UnSpecified", "incidentId": "77",
        "comments": [{"comment": "c", "createTime": "2026-01-01T00:00:00"}]
    })))
    .unwrap();
    assert_eq!(
        (d.category, d.techniques.len()),
        (None, 2),
        "the word null is no category; techniques may come as one text"
    );
    assert_eq!(d.classification, Some(Classification::InformationalExpected));
    assert_eq!(d.determination, Some(Determination::ConfirmedActivity));
    assert_eq!((d.severity, d.native_severity), (Severity::Unknown, None));
    assert_eq!(d.incident_id.unwrap().as_str(), "77");
    assert!(d.comments[0].created_at.is_some(), "the table's spelling, and no zone");
}

#[test]
fn people_and_kinds_are_told_apart_however_they_are_written() {
    let d = normalize(alert(&json!({
        "id": "a", "relatedUser": {"userName": "admin", "domainName": "B"},
        "evidence": [
            {"entityType": "user", "accountName": "Admin", "domainName": "A"},
            {"entityType": "process", "fileName": "cmd.exe", "processId": "42", "accountName": "bob", "userSid": "S-1"},
            {"entityType": "MailMessage", "subject": "Invoice", "sender": "x@evil.example", "recipient": "ada@contoso.example"},
            {"entityType": "MailBox", "mailboxAddress": "ada@contoso.example"},
            {"entityType": "Ip", "evidenceCreationTime": "2026-01-01T00:00:00Z", "ipAddress": null}
        ]
    })))
    .unwrap();
    let kinds: Vec<_> = d.entities.iter().map(|e| (e.type_name(), e.name.as_str())).collect();
    assert_eq!(
        kinds,
        [
            ("user", "admin"),
            ("user", "Admin"),
            ("process", "cmd.exe"),
            ("email", "Invoice"),
            ("mailbox", "ada@contoso.example")
        ]
    );
    assert_eq!(d.entities[2].properties.get("accountName"), Some("bob"), "who ran it is not lost");
}
