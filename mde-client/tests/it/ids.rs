//! Ids as the wire has them, byte by byte: whatever an id holds, it stays one segment of a path or one literal of a
//! filter, and never names something else.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mde_client::{
    AlertId, AlertQuery, AlertUpdate, Cloud, Connection, Credential, DetectionId, DetectionSource as _,
    DeviceValue, ErrorKind, HostContainment as _, HostId, IndicatorId, Intent, InvestigationId, LookBack,
    MachineActionId, MachineActionQuery, MachineId, MachineQuery, MachineUpdate, MdeClient, ScanDepth,
    Secret, TagAction, action_fields, fields, indicator_fields, investigation_fields, machine_fields,
    odata::Filter, transport::RetryPolicy,
};

const HOSTILE: [&str; 9] = ["a/b", "a\\b", "a'b", "a%2fb", "a b", "../a", "a?b=c", "a#b", "a' or '1' eq '1"];

/// A server that says 404 to everything, and what it was asked: the lines as they came.
fn server() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let lines = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&lines);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, seen) = (stream.unwrap(), Arc::clone(&seen));
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream);
                loop {
                    let (mut line, mut length) = (String::new(), 0);
                    if reader.read_line(&mut line).unwrap_or(0) == 0 {
                        return;
                    }
                    seen.lock().unwrap().push(line.trim_end().to_owned());
                    loop {
                        let mut header = String::new();
                        reader.read_line(&mut header).unwrap();
                        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                            length = value.trim().parse().unwrap();
                        }
                        if header.trim().is_empty() {
                            break;
                        }
                    }
                    reader.read_exact(&mut vec![0; length]).unwrap();
                    let body = r#"{"error":{"code":"ResourceNotFound","message":"no such thing"}}"#;
                    let head = "HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\n";
                    let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
                    reader.get_mut().write_all(answer.as_bytes()).unwrap();
                }
            });
        }
    });
    (address, lines)
}

fn client(address: &str) -> MdeClient {
    let connection = Connection::builder(Credential::token(Secret::new("ready-token")), Cloud::Public)
        .without_pacing()
        .retry(RetryPolicy::never())
        .build()
        .unwrap();
    MdeClient::builder(&connection).base_url(address).build().unwrap()
}

/// One segment: all but the letters, digits and marks that nothing gives a meaning to.
fn segment(id: &str) -> String {
    id.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[tokio::test]
async fn in_every_path_an_id_is_one_segment() {
    let (address, lines) = server();
    let c = client(&address);
    let (alerts, machines, actions) = (c.alerts(), c.machines(), c.actions());
    let (investigations, indicators, o) = (c.investigations(), c.indicators(), c.observables());
    for id in HOSTILE {
        let alert = AlertId::new(id).unwrap();
        let machine = MachineId::new(id).unwrap();
        let action = MachineActionId::new(id).unwrap();
        let _ = alerts.get(&alert).await.unwrap_err();
        let _ = alerts.update(&alert, &AlertUpdate::new().with_assigned_to("x")).await.unwrap_err();
        let _ = alerts.domains(&alert).next().await;
        let _ = alerts.files(&alert).next().await;
        let _ = alerts.ips(&alert).next().await;
        let _ = alerts.machine(&alert).await.unwrap_err();
        assert!(alerts.user(&alert).await.unwrap().is_none());
        let _ = c.detections("E").get(&DetectionId::new(id).unwrap()).await.unwrap_err();
        let _ = machines.get(&machine).await.unwrap_err();
        let _ = machines.alerts(&machine).next().await;
        let _ = machines.count_alerts(&machine, None).await.unwrap_err();
        let _ = machines.logon_users(&machine).next().await;
        let _ = machines.software(&machine).next().await;
        let _ = machines.vulnerabilities(&machine).next().await;
        let _ = machines.tag(&machine, "x", TagAction::Add).await.unwrap_err();
        let _ = machines.set_value(&machine, &DeviceValue::Low).await.unwrap_err();
        let _ = machines.update(&machine, &MachineUpdate::new().with_tag("x")).await.unwrap_err();
        let _ = machines.begin(&machine, &Intent::Scan(ScanDepth::Quick), "x").await.unwrap_err();
        let _ = c.containment().release(&HostId::new(id).unwrap(), "x").await.unwrap_err();
        let _ = investigations.start(&machine, "x").await.unwrap_err();
        let _ = actions.get(&action).await.unwrap_err();
        let _ = actions.cancel(&action, "x").await.unwrap_err();
        let _ = actions.package_link(&action).await.unwrap_err();
        let _ = actions.live_response_link(&action, 0).await.unwrap_err();
        let _ = investigations.get(&InvestigationId::new(id).unwrap()).await.unwrap_err();
        let _ = indicators.delete(&IndicatorId::new(id).unwrap()).await.unwrap_err();
        let _ = o.domain_stats(id, LookBack::default()).await.unwrap_err();
        let _ = o.domain_alerts(id).next().await;
        let _ = o.domain_machines(id).next().await;
        let _ = o.user_alerts(id).next().await;
        let _ = o.user_machines(id).next().await;
        assert_eq!(o.file(id).await.unwrap_err().kind(), ErrorKind::InvalidRequest);

        let lines: Vec<String> = lines.lock().unwrap().drain(..).collect();
        let (segment, mut places) = (segment(id), std::collections::BTreeSet::new());
        for line in &lines {
            let target = line.split(' ').nth(1).unwrap();
            let path = target.split('?').next().unwrap();
            let steps: Vec<&str> = path.split('/').collect();
            if steps.contains(&segment.as_str()) {
                places.insert(format!(
                    "{} {}",
                    &line[..line.find(' ').unwrap()],
                    path.replace(&segment, "{}")
                ));
                continue;
            }
            panic!("{id}: {line}");
        }
        // What is begun on a machine asks first which machine that is.
        assert_eq!(places.len(), 27, "{id}: {places:#?}");
    }
}

#[tokio::test]
async fn in_every_filter_an_id_is_one_literal() {
    let (address, lines) = server();
    let c = client(&address);
    for id in HOSTILE {
        let literal = format!("'{}'", id.replace('\'', "''"));
        let mut expected = Vec::new();
        let mut ask = |name: &str, filter: &Filter| {
            assert_eq!(filter.to_string(), format!("{name} eq {literal}"));
            expected.push(segment(&filter.to_string()));
        };
        let filter = fields::ID.eq(id);
        ask("id", &filter);
        let _ = c.alerts().list(&AlertQuery::new().with_filter(filter)).next().await;
        for (name, field) in
            [("computerDnsName", machine_fields::COMPUTER_DNS_NAME), ("id", machine_fields::ID)]
        {
            let filter = field.eq(id);
            ask(name, &filter);
            let _ = c.machines().list(&MachineQuery::new().with_filter(filter)).next().await;
        }
        let filter = action_fields::MACHINE_ID.eq(id);
        ask("machineId", &filter);
        let _ = c.actions().list(&MachineActionQuery::new().with_filter(filter)).next().await;
        let filter = investigation_fields::TRIGGERING_ALERT_ID.eq(id);
        ask("triggeringAlertId", &filter);
        let _ = c.investigations().list(Some(filter)).next().await;
        let filter = indicator_fields::INDICATOR_VALUE.eq(id);
        ask("indicatorValue", &filter);
        let _ = c.indicators().list(Some(filter)).next().await;
        let _ = c.machines().by_tag(id, false).next().await;

        let lines: Vec<String> = lines.lock().unwrap().drain(..).collect();
        assert_eq!(lines.len(), expected.len() + 1);
        for (line, filter) in lines.iter().zip(&expected) {
            let query = line.split(' ').nth(1).unwrap().split_once('?').unwrap().1;
            assert_eq!(query.split('&').next(), Some(format!("$filter={filter}").as_str()), "{id}");
        }
        assert!(lines.last().unwrap().contains(&format!("?tag={}&useStartsWithFilter=false ", segment(id))));
    }
}

#[tokio::test]
async fn an_id_that_a_server_would_swallow_is_refused_and_nothing_is_asked() {
    let (address, lines) = server();
    let c = client(&address);
    for id in ["", ".", "..", "a\nb"] {
        assert!(
            AlertId::new(id).is_err() && MachineId::new(id).is_err() && MachineActionId::new(id).is_err()
        );
        assert!(IndicatorId::new(id).is_err() && InvestigationId::new(id).is_err());
        assert!(HostId::new(id).is_err() && DetectionId::new(id).is_err());
    }
    for id in ["", ".", ".."] {
        let o = c.observables();
        let error = o.domain_stats(id, LookBack::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        for walk in [o.domain_alerts(id), o.user_alerts(id)] {
            let mut walk = walk;
            assert_eq!(walk.next().await.unwrap().unwrap_err().kind(), ErrorKind::InvalidRequest);
        }
        for walk in [o.domain_machines(id), o.user_machines(id)] {
            let mut walk = walk;
            assert_eq!(walk.next().await.unwrap().unwrap_err().kind(), ErrorKind::InvalidRequest);
        }
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(lines.lock().unwrap().is_empty());
}
