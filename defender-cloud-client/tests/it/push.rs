//! The push: the same detection as the list would give, from whatever arrives.

use defender_cloud_client::{
    Alert, PushEvent, PushRequest, PushedAlert, Receiver, Secret, Status, normalize, normalize_push,
};
use pocketsoc_testkit::{Tenant, cloud_families};
use pocketsoc_transport::Decode as _;

fn receive(receiver: &Receiver, path: &str, body: &[u8]) -> Result<defender_cloud_client::Received, u16> {
    receiver.receive(&PushRequest::post(path, body)).map_err(|refusal| refusal.status)
}

#[test]
fn a_pushed_alert_is_the_detection_that_the_list_would_give() {
    let tenant = Tenant::builder().cloud_alerts(72).build();
    // Samples are listed in capitals.
    tenant.raise_sample_alerts();
    let both = tenant.cloud_alerts_in_both_forms();
    assert_eq!(both.len(), 81);
    assert!(both.iter().any(|(id, ..)| id.starts_with("/SUBSCRIPTIONS/")));
    for (id, listed, pushed) in both {
        let polled = normalize(Alert::from_json(&listed).unwrap()).unwrap();
        let pushed = normalize_push(PushedAlert::from_json(&pushed).unwrap()).unwrap();
        assert!(pushed.id.same_as(&polled.id) && polled.id.as_str() == id, "{} {}", pushed.id, polled.id);
        assert_eq!(pushed.correlation_keys, polled.correlation_keys, "push and poll meet as one");
        // Everything else is the same as well, in whatever order the sender has it; only the form's version is not pushed.
        assert_eq!(pushed.title, polled.title);
        assert_eq!((pushed.severity, pushed.status), (polled.severity, polled.status));
        assert_eq!(
            (pushed.created_at, pushed.updated_at, pushed.first_activity_at, pushed.last_activity_at),
            (polled.created_at, polled.updated_at, polled.first_activity_at, polled.last_activity_at)
        );
        assert_eq!((&pushed.tactics, &pushed.category), (&polled.tactics, &polled.category));
        let entities = |detection: &defender_cloud_client::Detection| {
            let mut all: Vec<String> =
                detection.entities.iter().map(|e| format!("{:?} {:?}", e.kind, e.name)).collect();
            all.sort();
            all
        };
        assert_eq!(entities(&pushed), entities(&polled), "{id}");
        let resources = |detection: &defender_cloud_client::Detection| -> Vec<String> {
            detection.resources.iter().map(|r| r.id.clone()).collect()
        };
        assert_eq!(resources(&pushed), resources(&polled));
        let names = |detection: &defender_cloud_client::Detection| {
            let mut all: Vec<(String, String)> = detection
                .properties
                .iter()
                .filter(|(name, _)| *name != "version")
                .map(|(name, text)| {
                    // Of JSON in a text, the order of its members says nothing.
                    let text = match serde_json::from_str::<serde_json::Value>(text) {
                        Ok(json) => json.to_string(),
                        Err(_) => text.to_owned(),
                    };
                    (name.to_lowercase(), text)
                })
                .collect();
            all.sort();
            all
        };
        assert_eq!(names(&pushed), names(&polled), "{id}");
    }
}

#[test]
fn every_family_is_received_in_either_form_alone_and_in_a_list() {
    let receiver = Receiver::new().with_profile("Azure");
    let families: Vec<&str> = cloud_families().map(|(_, text)| text).collect();
    for text in &families {
        let taken = receive(&receiver, "/", text.as_bytes()).unwrap();
        let polled = normalize(Alert::from_json(text).unwrap()).unwrap();
        assert_eq!(taken.detections[0].id, polled.id, "as Azure Resource Manager has it");
        assert_eq!(taken.detections[0].profile, "Azure");
    }
    let list = format!("[{}]", families.join(","));
    assert_eq!(receive(&receiver, "/", list.as_bytes()).unwrap().detections.len(), families.len());
    let events = r#"[{"type":"Microsoft.Security/assessments","id":"x","properties":{"status":{}}},
        {"Type":"Microsoft.Security/secureScores/secureScoreControls","$type":"x"},
        {"SystemAlertId":"2517_a","Status":"New"},{"SystemAlertId":7}]"#;
    let taken = receive(&receiver, "/", events.as_bytes()).unwrap();
    assert_eq!((taken.detections.len(), taken.others.len(), taken.errors.len()), (1, 2, 1));
    assert_eq!(taken.detections[0].status, Status::Active, "`New` is active");
    let none = r#"[{"type":"Microsoft.Security/assessments"}]"#;
    assert!(receive(&receiver, "/", none.as_bytes()).unwrap().detections.is_empty(), "taken and passed over");
    assert_eq!(receive(&receiver, "/", b"[]").unwrap().detections.len(), 0);
}

#[test]
fn what_is_not_for_it_is_refused_with_the_right_answer() {
    let receiver = Receiver::new().with_path_secret(Secret::new("0f6a 41/cd"));
    let body = br#"{"SystemAlertId":"2517_a"}"#;
    assert!(receive(&receiver, "/0f6a%2041%2Fcd", body).is_ok());
    let with_slash = Receiver::new().with_path_secret(Secret::new("/hook"));
    assert!(receive(&with_slash, "/hook", body).is_ok() && receive(&with_slash, "//hook", body).is_err());
    for path in [
        "/",
        "/0f6a",
        "/0f6a 41",
        "/0F6A%2041%2FCD",
        "/0f6a%2041%2Fcd/",
        "/x/0f6a%2041%2Fcd",
        "",
        "0f6a%2041%2Fcd",
        "//",
    ] {
        assert_eq!(receive(&receiver, path, body).unwrap_err(), 404, "{path}");
    }
    let open = Receiver::new();
    assert_eq!(receive(&open, "/x", body).unwrap_err(), 404);
    let refused = |request: PushRequest<'_>| open.receive(&request).unwrap_err();
    let post = PushRequest::post("/", body);
    assert_eq!(refused(PushRequest { method: "GET", ..post }).status, 405);
    let too_long = [("Content-Length", "4194305")];
    assert_eq!(
        refused(PushRequest { headers: &too_long, body: b"", ..post }).status,
        413,
        "before it is there"
    );
    let large = vec![b' '; Receiver::MOST_BYTES + 1];
    assert_eq!(refused(PushRequest { body: &large, ..post }).status, 413);
    let gzip = [("content-encoding", "gzip")];
    assert_eq!(refused(PushRequest { headers: &gzip, ..post }).status, 415);
    let with_header = Receiver::new().with_header_secret("x-push-secret", Secret::new("hush"));
    for (value, taken) in [("hush", true), ("", false), ("hus", false), ("hush!", false)] {
        let headers = [("X-Push-Secret", value)];
        assert_eq!(with_header.receive(&PushRequest { headers: &headers, ..post }).is_ok(), taken, "{value}");
    }
    assert!(!format!("{receiver:?} {with_header:?} {post:?}").contains("hush"));
    assert!(!format!("{receiver:?}").contains("0f6a"));
}

#[test]
fn hostile_bodies_are_refused_and_cost_no_more_than_their_size() {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(200_000), close.repeat(200_000));
    let bodies: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"   ".to_vec(),
        b"null".to_vec(),
        b"true".to_vec(),
        b"1e999999".to_vec(),
        b"\"text\"".to_vec(),
        b"{".to_vec(),
        b"{}".to_vec(),
        b"[{}]".to_vec(),
        b"[1,2,3]".to_vec(),
        b"{\"SystemAlertId\":\"a\"".to_vec(),
        b"{\"SystemAlertId\":\"a\"} trailing".to_vec(),
        b"{\"SystemAlertId\":\"..\"}".to_vec(),
        b"{\"SystemAlertId\":\"a\\u0000b\"}".to_vec(),
        format!("{{\"SystemAlertId\":\"{}\"}}", "a".repeat(100_000)).into_bytes(),
        b"\xff\xfe{\x00}\x00".to_vec(),
        b"{\"SystemAlertId\":\"\xc3\x28\"}".to_vec(),
        deep("[", "]").into_bytes(),
        deep("{\"a\":", "}").into_bytes(),
        b"<html>not json</html>".to_vec(),
        b"SystemAlertId=a&AlertUri=b".to_vec(),
        b"{\"properties\":{},\"id\":5}".to_vec(),
        b"{\"properties\":{},\"id\":\"\"}".to_vec(),
    ];
    assert!(bodies.len() >= 20);
    for body in &bodies {
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        let refused = receive(&Receiver::new(), "/", body).map(|taken| format!("{taken:?}"));
        assert_eq!(refused, Err(400), "{shown}");
    }
    // Many small ones, good or bad, are not taken at once: each would cost more than it is long.
    for event in ["1", "{}", r#"{"SystemAlertId":"a"}"#, r#"{"type":"x"}"#] {
        let many = format!("[{}]", vec![event; 150_000].join(","));
        assert_eq!(receive(&Receiver::new(), "/", many.as_bytes()).unwrap_err(), 413, "{event}");
    }
    let mixed = format!(r#"[{{"type":"x"}},{}]"#, vec!["1"; 900].join(","));
    let taken = receive(&Receiver::new(), "/", mixed.as_bytes()).unwrap();
    assert_eq!((taken.others.len(), taken.errors.len(), taken.unreadable), (1, 16, 900));
    // What is cut in the middle of a character, and names that come twice hide no alert.
    for odd in [
        r#"{"SystemAlertId":"a","Entities":[{"Type":"process","CommandLine":"cut \ud83d"}],"Severity":"High"}"#,
        r#"{"SystemAlertId":"a","TimeGenerated":"2026-01-01T00:00:00Z","TimeGeneratedUtc":"2026-01-02T00:00:00Z","Severity":"Low","severity":"High"}"#,
        r#"{"SystemAlertId":"a","value":[],"Severity":"High"}"#,
    ] {
        let taken = receive(&Receiver::new(), "/", odd.as_bytes()).unwrap();
        assert_eq!(taken.detections[0].severity.as_str(), "high", "{odd}");
    }
    let flat = r#"{"SystemAlertId":"a","AzureResourceId":"/subscriptions/s/vm","WorkspaceId":"w","AgentId":"","ResourceIdentifiers":[]}"#;
    let taken = receive(&Receiver::new(), "/", flat.as_bytes()).unwrap();
    assert_eq!(taken.detections[0].resources[0].id, "/subscriptions/s/vm", "said flat only");
    assert_eq!(taken.detections[0].properties.get("workspaceId"), Some("w"));

    // Depth hides no alert either, and goes nowhere near the stack.
    for bag in
        ["Entities", "ExtendedProperties", "SupportingEvidence", "ResourceIdentifiers", "ExtendedLinks"]
    {
        for (open, close) in [("[", "]"), ("{\"A\":", "}")] {
            let body = format!(
                r#"{{"SystemAlertId":"a","{bag}":{}1{}}}"#,
                open.repeat(100_000),
                close.repeat(100_000)
            );
            let outcome = receive(&Receiver::new(), "/", body.as_bytes());
            let taken = outcome.as_ref().is_ok_and(|taken| taken.detections[0].id.as_str() == "a");
            assert!(taken || outcome.is_err_and(|status| status == 400), "{bag}");
        }
    }

    // Odd, and taken: nothing of it leads anywhere else, and nothing is followed.
    let odd = r#"{"SystemAlertId":"a","AlertUri":"https://evil.example/alertId/a/subscriptionId/..%2F..%2Fx/location/y","Entities":5,"ExtendedProperties":[],"ResourceIdentifiers":"x","StartTimeUtc":"never"}"#;
    let taken = receive(&Receiver::new(), "/", odd.as_bytes()).unwrap();
    assert_eq!(taken.detections[0].id.as_str(), "a");
    let circle = r#"{"SystemAlertId":"a","Entities":[{"$id":"1","Type":"host","HostName":"h","Self":{"$ref":"1"}},{"$ref":"2"},{"$id":"2","$ref":"2"}]}"#;
    assert_eq!(receive(&Receiver::new(), "/", circle.as_bytes()).unwrap().detections.len(), 1);
}

#[test]
fn the_vendors_example_of_a_push_is_read_whole() {
    let Some(folder) = crate::specimens::folder() else { return };
    let text = std::fs::read_to_string(folder.join("push-workflow-automation-alert.json")).unwrap();
    let Ok(PushEvent::Alert(alert)) = PushEvent::decode(&text) else { panic!("an alert") };
    let kept: serde_json::Value = serde_json::from_str(alert.raw().as_str()).unwrap();
    assert_eq!(kept, serde_json::from_str::<serde_json::Value>(&text).unwrap());
    let detection = normalize_push(*alert).unwrap();
    assert_eq!(
        detection.id.as_str(),
        "2342409243234234_F2BFED55-5997-4FEA-95BD-BB7C6DDCD061",
        "it has no link"
    );
    assert_eq!((detection.title.as_str(), detection.status), ("Suspicious process detected", Status::Active));
    assert_eq!(
        detection.properties.get("pid").or(detection.properties.get("extendedProperties.pid")),
        Some("944")
    );
    assert_eq!(detection.properties.get("workspaceResourceGroup"), Some("omsrg"));
    assert_eq!(detection.resources.len(), 1);
    assert!(detection.created_at.is_some() && detection.updated_at.is_some());
}
