//! The daily work: list, show, triage, normalize.

use pocketsoc_testkit::Tenant;
use serde_json::json;

use crate::fake::{Fake, soc, soc_in};

#[test]
fn without_a_profile_file_the_tour_runs_on_the_embedded_tenant() {
    let said = soc(&[]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(
        said.stderr.starts_with("no profile file: using the embedded tenant on http://127.0.0.1:"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("triaged and read back: active -> resolved"), "{}", said.stderr);
    assert!(said.stderr.contains("active -> dismissed; from there only to active"), "{}", said.stderr);
    let (count, _) = said.stderr.split_once(" detections of 4 sources listed").unwrap();
    let count: usize = count.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(
        count > 150 && said.stderr.contains(&format!("still listed {count} of {count}")),
        "{}",
        said.stderr
    );
    assert_eq!(said.lines().len(), count + 1, "all listed, one triaged");
}

#[test]
fn a_list_is_json_lines_with_the_keys_of_the_contract() {
    let said = soc(&["list", "--limit", "3", "--profile", "Endpoint"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let lines = said.lines();
    assert_eq!(lines.len(), 3);
    for line in lines {
        for key in
            ["id", "title", "severity", "status", "native_status", "product", "created_at", "updated_at"]
        {
            assert!(line[key].is_string(), "{key} of {line}");
        }
        assert_eq!(
            (line["profile"].as_str(), line["product"].as_str()),
            (Some("Endpoint"), Some("defender_endpoint"))
        );
        assert!(line["entities"].as_array().unwrap().iter().any(|e| e["type"] == "device"));
        assert!(line.get("raw").is_none());
    }
    let raw = soc(&["list", "--limit", "1", "--raw"]).lines().swap_remove(0);
    assert_eq!(raw["raw"]["id"], raw["id"]);
}

#[test]
fn filters_take_both_vocabularies_in_any_case() {
    let count = |args: &[&str]| {
        let said = soc(&[&["list", "--profile", "Endpoint"], args].concat());
        assert_eq!(said.code, 0, "{}", said.stderr);
        said.lines().len()
    };
    let all = count(&[]);
    assert_eq!(all, 60);
    let statuses = [
        count(&["--status", "active"]),
        count(&["--status", "in_progress"]),
        count(&["--status", "RESOLVED"]),
    ];
    assert_eq!(statuses.iter().sum::<usize>(), all);
    assert_eq!(count(&["--status", "New", "--status", "InProgress"]), statuses[0] + statuses[1]);
    let high = count(&["--min-severity", "High"]);
    assert!(high > 0 && high < count(&["--min-severity", "low"]));
    assert!(count(&["--since", "7d"]) < all);
    assert_eq!(count(&["--since", "400d", "--until", "100d"]), 0);
    let groups = ["Servers", "workstations", "EXECUTIVES"].map(|g| count(&["--machine-group", g]));
    assert_eq!(groups.iter().sum::<usize>(), all);
    assert_eq!(count(&["--no-incidents", "--limit", "5"]), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn triage_changes_reads_back_and_shows() {
    let fake = Fake::start(Tenant::builder().alerts(20).build()).await;
    let list = fake.soc(&["list", "--status", "active", "--limit", "1"]);
    let id = list.lines()[0]["id"].as_str().unwrap().to_owned();
    let said = fake.soc(&[
        "triage",
        &id,
        "--profile",
        "Endpoint",
        "--status",
        "Resolved",
        "--classification",
        "true_positive",
        "--determination",
        "MultiStagedAttack",
        "--assign",
        "ada@contoso.example",
        "--comment",
        "done",
    ]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let now = &said.lines()[0];
    assert_eq!(
        (now["status"].as_str(), now["determination"].as_str()),
        (Some("resolved"), Some("multi_staged_attack"))
    );
    assert_eq!(
        (now["classification"].as_str(), now["assigned_to"].as_str()),
        (Some("true_positive"), Some("ada@contoso.example"))
    );
    let shown = fake.soc(&["show", &id]);
    assert_eq!(&shown.lines()[0], now, "what was printed is what is there");

    fake.server.tenant().forget_requests();
    let refused = fake.soc(&["triage", &id, "--status", "dismissed"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
    assert!(
        refused.stderr.starts_with("error: profile \"Endpoint\": update the alert: "),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("allowed: active, in_progress"), "{}", refused.stderr);
    assert!(fake.server.tenant().requests().iter().all(|r| r.method != "PATCH"), "refused before any write");

    let walked = fake.soc(&["triage", &id, "--status", "active", "--walk"]);
    assert_eq!(walked.lines()[0]["status"], "active");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_five_thousand_alerts_are_listed_exactly_once() {
    let fake = Fake::start(Tenant::builder().alerts(25_000).without_recording().build()).await;
    let said = fake.soc(&["list"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let mut ids: Vec<String> = said.lines().iter().map(|l| l["id"].as_str().unwrap().to_owned()).collect();
    ids.sort_unstable();
    let mut expected = fake.server.tenant().alert_ids();
    expected.sort_unstable();
    assert_eq!(ids, expected);
}

#[test]
fn normalize_reads_objects_arrays_and_envelopes_and_goes_on_past_a_bad_one() {
    let folder = tempfile::TempDir::new().unwrap();
    let run = |document: &str, args: &[&str]| {
        std::fs::write(folder.path().join("in.json"), document).unwrap();
        soc_in(&folder, &[&["normalize", "--from", "mde-alert", "in.json"], args].concat(), &[])
    };
    for document in [
        json!({"id": "da1", "severity": "High", "status": "New"}),
        json!([{"id": "da1", "severity": "High", "status": "New"}]),
        json!({"@odata.context": "x", "value": [{"id": "da1", "severity": "High", "status": "New"}]}),
    ] {
        let said = run(&document.to_string(), &[]);
        assert_eq!(said.code, 0, "{}", said.stderr);
        assert_eq!((said.lines().len(), said.lines()[0]["severity"].as_str()), (1, Some("high")));
        assert_eq!(said.lines()[0]["status"], "active");
    }
    let said = run("[{\"id\":\"a\"},{\"no\":1},{\"id\":\"c\", \"x\": 1.50 }]", &["--raw"]);
    assert_eq!((said.code, said.lines().len()), (1, 2));
    assert!(said.stderr.starts_with("error: ") && said.stderr.contains("element 1"), "{}", said.stderr);
    assert!(said.stdout.contains("\"raw\":{\"id\":\"c\",\"x\":1.50}"), "{}", said.stdout);
    let cut = run("[{\"id\":\"a\"},{\"id\":\"b", &[]);
    assert_eq!((cut.code, cut.lines().len()), (1, 1));
    assert!(run(" \n", &[]).stderr.contains("the document is empty"));
    let example =
        run(r#"{"parameters":{},"responses":{"200":{"body":{"value":[{"id":"da1"}]}},"404":{}}}"#, &[]);
    assert_eq!(
        (example.code, example.lines().len()),
        (0, 1),
        "an example of an API description: {}",
        example.stderr
    );
    assert!(run("{\"error\":{}}", &[]).stderr.contains("hint: one object of this kind"));
}

#[test]
fn normalize_reads_standard_input() {
    use std::io::Write as _;
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_soc"))
        .args(["normalize", "--from", "mde-alert", "-"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"{\"id\":\"da1\"}").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stdout.starts_with(b"{\"id\":\"da1\""));
}

#[test]
fn the_tenant_prints_a_profile_file_that_works() {
    use std::io::BufRead as _;
    let mut tenant = std::process::Command::new(env!("CARGO_BIN_EXE_soc"))
        .args(["tenant", "--alerts", "12", "--seed", "3"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut profile = String::new();
    let mut lines = std::io::BufReader::new(tenant.stdout.take().unwrap()).lines();
    while profile.matches("authority").count() < 3 {
        profile.push_str(&lines.next().unwrap().unwrap());
        profile.push('\n');
    }
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("my.toml"), profile).unwrap();
    let said = soc_in(&folder, &["list", "--profiles", "my.toml", "--profile", "Endpoint"], &[]);
    let through_env = soc_in(&folder, &["list", "--no-incidents"], &[("POCKETSOC_PROFILES", "my.toml")]);
    tenant.kill().unwrap();
    tenant.wait().unwrap();
    assert_eq!((said.code, said.lines().len()), (0, 12), "{}", said.stderr);
    assert_eq!(through_env.code, 0, "{}", through_env.stderr);
    let profiles: std::collections::BTreeSet<_> =
        through_env.lines().iter().map(|line| line["profile"].to_string()).collect();
    assert_eq!(profiles.len(), 3, "{profiles:?}");
}

#[test]
fn show_prints_which_process_started_which_once_each() {
    // On the embedded tenant, which is the same each time.
    let alerts = soc(&["list", "--profile", "Endpoint"]).lines();
    let story = |line: &&serde_json::Value| {
        line["entities"].as_array().unwrap().iter().any(|e| e["name"] == "WINWORD.EXE")
    };
    let id = alerts.iter().find(story).unwrap()["id"].as_str().unwrap();
    for profile in ["Graph", "Endpoint"] {
        let shown = soc(&["show", id, "--profile", profile]).lines().swap_remove(0);
        let tree = shown["process_tree"].as_array().unwrap();
        let line = |node: &serde_json::Value| {
            (node["depth"].as_u64().unwrap(), node["name"].as_str().unwrap().to_owned())
        };
        let lines: Vec<_> = tree.iter().map(line).collect();
        let at = lines.iter().position(|(_, name)| name == "WINWORD.EXE").unwrap();
        assert_eq!(lines[at - 1], (1, "explorer.exe".into()), "{profile}: {lines:?}");
        assert_eq!((lines[at].0, &lines[at + 1]), (2, &(3, "powershell.exe".into())), "{profile}: {lines:?}");
        assert!(tree[at + 1]["command_line"].as_str().is_some());
        let entities =
            shown["entities"].as_array().unwrap().iter().filter(|e| e["type"] == "process").count();
        assert!(tree.len() <= 2 * entities, "each once");
    }
}
