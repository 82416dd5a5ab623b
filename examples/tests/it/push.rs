//! `soc receive`, `automation-template`, and normalizing what was pushed, as processes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use pocketsoc_testkit::{Tenant, cloud_families};
use serde_json::Value;

use crate::fake::{Fake, soc, soc_in};

/// `soc receive`, and where it listens.
struct Receiving {
    child: Child,
    address: String,
    said: BufReader<std::process::ChildStdout>,
}

impl Receiving {
    fn begin(secret: Option<&str>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_soc"));
        command.args(["receive", "--listen", "127.0.0.1:0"]);
        if let Some(secret) = secret {
            command.args(["--path-secret-env", "PUSH_SECRET"]).env("PUSH_SECRET", secret);
        }
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("soc can be run");
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let address = line.split("http://").nth(1).unwrap_or_else(|| panic!("{line}"));
        let address = address.split('/').next().unwrap().to_owned();
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        let said = BufReader::new(child.stdout.take().unwrap());
        Self { child, address, said }
    }

    /// Sends a request; the status of the answer.
    fn send(&self, line: &str, headers: &str, body: &[u8]) -> u16 {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        // Who is refused by the head may be hung up on.
        let _ = stream.write_all(body);
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{answer}"))
    }

    fn push(&self, path: &str, body: &str) -> u16 {
        let length = format!("content-length: {}\r\n", body.len());
        self.send(&format!("POST {path}"), &length, body.as_bytes())
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"))
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_tenant_pushes_is_received_as_what_it_lists() {
    let fake = Fake::start(Tenant::builder().build()).await;
    fake.write_profiles(&fake.profile_of("defender-for-cloud", "Azure", &fake.server.uri()));
    let mut receiving = Receiving::begin(Some("hush hush"));
    fake.server.tenant().push_to(format!("http://{}/hush%20hush", receiving.address));
    for _ in 0..3 {
        let id = fake.server.tenant().raise_cloud_alert();
        let delivered = fake.server.deliver_pushes().await;
        assert_eq!(delivered.len(), 1);
        assert_eq!(*delivered[0].1.as_ref().unwrap(), 200);
        let pushed = receiving.line();
        let listed = fake.soc(&["show", &id, "--json"]).lines().swap_remove(0);
        assert_eq!(
            (&pushed["id"], &pushed["correlation_keys"]),
            (&listed["id"], &listed["correlation_keys"])
        );
        assert_eq!((&pushed["title"], &pushed["status"]), (&listed["title"], &listed["status"]));
    }
    // Nothing is printed of what is refused.
    assert_eq!(receiving.push("/hush", "{}"), 404);
    assert_eq!(receiving.push("/", "{}"), 404);
    assert_eq!(receiving.push("/hush%20hush", "nonsense"), 400);
    assert_eq!(receiving.send("GET /hush%20hush", "", b""), 405);
    assert_eq!(receiving.send("POST /hush%20hush", "content-length: 4194305\r\n", b""), 413);
    let events = r#"[{"type":"Microsoft.Security/assessments"},{"SystemAlertId":"2517_last"}]"#;
    assert_eq!(receiving.push("/hush%20hush", events), 200);
    assert_eq!(receiving.line()["id"], "2517_last");
}

#[test]
fn without_a_secret_both_forms_are_taken_at_the_root() {
    let mut receiving = Receiving::begin(None);
    let tenant = Tenant::builder().cloud_alerts(12).build();
    for (id, listed, pushed) in tenant.cloud_alerts_in_both_forms() {
        for body in [listed, pushed] {
            assert_eq!(receiving.push("/", &body), 200);
            assert_eq!(receiving.line()["id"], id);
        }
    }
    let large = format!("[{}1]", "1,".repeat(2 << 20));
    assert_eq!(receiving.push("/", &large), 413);
    // A body without an end that is announced in pieces is cut off as well.
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 20, " ".repeat(1 << 20));
    let endless = chunk.repeat(5) + "0\r\n\r\n";
    assert_eq!(receiving.send("POST /", "transfer-encoding: chunked\r\n", endless.as_bytes()), 413);
    assert_eq!(soc(&["receive", "--listen", "nowhere"]).code, 2);
    assert_eq!(soc(&["receive", "--listen", "127.0.0.1:0", "--path-secret-env", "NOT_SET_ANYWHERE"]).code, 2);
    let taken = soc(&["receive", "--listen", &receiving.address]);
    assert!(taken.code == 1 && taken.stderr.contains("listen on"), "{}", taken.stderr);
}

#[test]
fn the_template_is_printed_alone_with_the_names_of_the_guide() {
    let url = "https://soc.contoso.example/push?code=0f6a41cd";
    let said = soc(&["automation-template", "--webhook-url", url]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    let template: Value = serde_json::from_str(&said.stdout).unwrap();
    let parameters = &template["parameters"];
    assert_eq!(parameters["pocketsocWebhookUrl"]["type"], "securestring");
    assert_eq!(parameters["pocketsocWebhookUrl"]["defaultValue"], url);
    assert!(
        said.stdout.contains("pocketsoc-defender-alerts")
            && said.stdout.contains("pocketsoc-push-notifications")
    );
    let sets = |said: &str| {
        let template: Value = serde_json::from_str(said).unwrap();
        let automation = template["resources"].as_array().unwrap().last().unwrap();
        automation["properties"]["sources"][0]["ruleSets"].as_array().unwrap().len()
    };
    assert_eq!(sets(&said.stdout), 2, "high and medium");
    for (least, count) in [("high", 1), ("critical", 1), ("low", 3), ("informational", 4)] {
        let said = soc(&["automation-template", "--webhook-url", url, "--min-severity", least]);
        assert_eq!(sets(&said.stdout), count, "{least}");
    }
    let named = soc(&["automation-template", "--webhook-url", url, "--name", "night-shift"]);
    assert!(named.stdout.contains("night-shift") && !named.stdout.contains("pocketsoc-defender-alerts"));
    let plain = soc(&["automation-template", "--webhook-url", "http://soc.contoso.example/hush"]);
    assert!(
        plain.code == 2 && plain.stderr.contains("https") && !plain.stderr.contains("hush"),
        "{}",
        plain.stderr
    );
    assert_eq!(soc(&["automation-template"]).code, 2);
}

#[test]
fn what_was_pushed_is_normalized_from_a_file() {
    let (_, text) = cloud_families().next().unwrap();
    let body =
        format!(r#"[{text},{{"type":"Microsoft.Security/assessments"}},{{"SystemAlertId":"2517_x"}},{{}}]"#);
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("pushed.json"), body).unwrap();
    let said = soc_in(&folder, &["normalize", "--from", "defender-cloud-push", "pushed.json"], &[]);
    assert_eq!((said.code, said.lines().len()), (1, 2), "{}", said.stderr);
    assert!(said.stderr.contains("passed over: Microsoft.Security/assessments"), "{}", said.stderr);
    assert!(said.stderr.contains("element 3") || said.stderr.contains("index 3"), "{}", said.stderr);
}
