//! All vendors at once: one list, each detection once; each triaged by its own rules; what fails named.

use std::collections::BTreeSet;

use pocketsoc_testkit::{App, AzureRole, Fault, Tenant, Trouble};
use serde_json::Value;

use crate::fake::{Fake, Said, soc, soc_in};

async fn fake() -> Fake {
    let fake = Fake::start(Tenant::builder().build()).await;
    fake.write_all_profiles();
    fake
}

fn ids(lines: &[Value], product: &str) -> Vec<String> {
    let of_product = lines.iter().filter(|line| line["product"] == product);
    let mut ids: Vec<_> = of_product.map(|line| line["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn every_alert_and_incident_of_the_four_sources_is_listed_exactly_once() {
    let fake = fake().await;
    let tenant = fake.server.tenant();
    let said = fake.soc(&["list"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let lines = said.lines();
    assert_eq!(ids(&lines, "defender_endpoint"), sorted(tenant.alert_ids()));
    assert_eq!(ids(&lines, "defender_for_cloud"), sorted(tenant.cloud_alert_ids()));
    assert_eq!(ids(&lines, "graph_alert"), sorted(tenant.graph_alert_ids()));
    assert_eq!(ids(&lines, "graph_incident"), sorted(tenant.incident_ids()));
    for line in &lines {
        let profile = match line["product"].as_str().unwrap() {
            "defender_endpoint" => "Endpoint",
            "defender_for_cloud" => "Azure",
            _ => "Graph",
        };
        assert_eq!(line["profile"], profile);
        let known: BTreeSet<&str> = [
            "device",
            "user",
            "file",
            "process",
            "ip",
            "url",
            "domain",
            "mailbox",
            "email",
            "registry",
            "cloud_resource",
            "application",
            "container",
            "other",
        ]
        .into();
        assert!(
            line["entities"].as_array().unwrap().iter().all(|e| known.contains(e["type"].as_str().unwrap()))
        );
    }
    let merged = lines.iter().find(|line| line["status"] == "merged").unwrap();
    assert_eq!(
        (merged["merged_into"].as_str(), merged["allowed_statuses"].as_array().unwrap().len()),
        (Some("4000"), 0)
    );
    let alerts_only = fake.soc(&["list", "--no-incidents"]).lines();
    assert_eq!(alerts_only.len() + tenant.incident_ids().len(), lines.len());
    assert!(ids(&alerts_only, "graph_incident").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_filter_lists_what_it_says_over_all_sources() {
    let fake = fake().await;
    let all = fake.soc(&["list"]).lines();
    let key = |line: &Value| format!("{} {}", line["product"], line["id"]);
    let keys = |lines: &[Value]| lines.iter().map(key).collect::<BTreeSet<_>>();
    let expect = |args: &[&str], fits: &dyn Fn(&Value) -> bool| {
        let said = fake.soc(&[&["list"], args].concat());
        assert_eq!(said.code, 0, "{}", said.stderr);
        let lines = said.lines();
        let expected: Vec<Value> = all.iter().filter(|line| fits(line)).cloned().collect();
        assert_eq!((lines.len(), keys(&lines)), (expected.len(), keys(&expected)), "{args:?}");
        lines.len()
    };
    for status in ["active", "in_progress", "awaiting_action", "dismissed", "resolved", "merged", "unknown"] {
        expect(&["--status", status], &|line| line["status"] == status);
    }
    assert!(
        expect(&["--status", "Dismissed", "--status", "redirected"], &|line| {
            line["status"] == "dismissed" || line["status"] == "merged"
        }) > 1
    );
    let rank = |line: &Value| {
        ["unknown", "informational", "low", "medium", "high"]
            .iter()
            .position(|s| line["severity"] == *s)
            .unwrap()
    };
    for (n, severity) in ["informational", "low", "medium", "high"].into_iter().enumerate() {
        expect(&["--min-severity", severity], &|line| rank(line) == 0 || rank(line) > n);
    }
    let middle = {
        let mut times: Vec<&str> = all.iter().map(|line| line["updated_at"].as_str().unwrap()).collect();
        times.sort_unstable();
        times[times.len() / 2].to_owned()
    };
    let at =
        |line: &Value| line["updated_at"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    let instant: chrono::DateTime<chrono::Utc> = middle.parse().unwrap();
    expect(&["--since", &middle], &|line| at(line) >= instant);
    expect(&["--until", &middle], &|line| at(line) < instant);
    let with_group = expect(&["--machine-group", "servers"], &|line| line["machine_group"] == "Servers");
    assert!(with_group > 20);
    assert_eq!(fake.soc(&["list", "--limit", "13"]).lines().len(), 13);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_product_is_triaged_by_its_own_rules() {
    let fake = fake().await;
    let tenant = fake.server.tenant();
    let cloud = tenant.cloud_alert_ids().swap_remove(0);
    let name = cloud.rsplit('/').next().unwrap().to_owned();
    let status = |said: &Said| said.lines()[0]["status"].as_str().unwrap().to_owned();

    let resolved = fake.soc(&["triage", &name, "--status", "resolved", "--profile", "Azure"]);
    assert_eq!((resolved.code, status(&resolved).as_str()), (0, "resolved"), "{}", resolved.stderr);
    assert_eq!(resolved.lines()[0]["allowed_statuses"], serde_json::json!(["active"]));
    tenant.forget_requests();
    let refused = fake.soc(&["triage", &cloud, "--status", "dismissed"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (1, ""));
    for part in [
        "profile \"Azure\"",
        "allowed: active",
        "resolved -> active -> dismissed",
        "hint: --walk takes the legal path",
    ] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    let refused = fake.soc(&["triage", &cloud, "--assign", "ada@contoso.example", "--profile", "Azure"]);
    assert!(refused.code == 1 && refused.stderr.contains("does not hold assigned_to"), "{}", refused.stderr);
    assert!(
        tenant.requests_to("/subscriptions").iter().all(|r| r.method == "GET"),
        "refused before any write"
    );
    let walked = fake.soc(&["triage", &cloud, "--status", "dismissed", "--walk"]);
    assert_eq!((walked.code, status(&walked).as_str()), (0, "dismissed"), "{}", walked.stderr);
    assert_eq!(tenant.requests_to("/subscriptions").iter().filter(|r| r.method == "POST").count(), 2);

    let incident = fake.soc(&[
        "triage",
        "4000",
        "--status",
        "in_progress",
        "--comment",
        "mine",
        "--assign",
        "ada@contoso.example",
    ]);
    assert_eq!((incident.code, status(&incident).as_str()), (0, "in_progress"), "{}", incident.stderr);
    assert_eq!(incident.lines()[0]["comments"][0]["text"], "mine");
    let merged = tenant.incident_ids().pop().unwrap();
    let refused = fake.soc(&["triage", &merged, "--status", "resolved"]);
    assert!(
        refused.code == 1 && refused.stderr.contains("hint: it was merged into 4000"),
        "{}",
        refused.stderr
    );

    let shared = tenant.alert_ids().swap_remove(0);
    let unsure = fake.soc(&["show", &shared]);
    assert_eq!(unsure.code, 1);
    assert!(
        unsure.stderr.contains("several profiles hold") && unsure.stderr.contains("Endpoint, Graph"),
        "{}",
        unsure.stderr
    );
    for profile in ["Endpoint", "Graph"] {
        let shown = fake.soc(&["show", &shared, "--profile", profile]);
        assert_eq!(
            (shown.code, shown.lines()[0]["profile"].as_str()),
            (0, Some(profile)),
            "{}",
            shown.stderr
        );
    }

    tenant.add_fault(Fault::on("/alerts/", Trouble::Lie).for_method("POST"));
    let lied = fake.soc(&["triage", &cloud, "--status", "active"]);
    assert_eq!(lied.code, 1);
    assert!(lied.stderr.contains("answered success and did not change status"), "{}", lied.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_may_not_is_named_with_what_to_mend_and_hides_nobody() {
    let fake = fake().await;
    let tenant = fake.server.tenant();
    tenant.add_app(
        App::new("half", Tenant::SECRET)
            .with_roles(["SecurityAlert.Read.All"])
            .with_azure_role(AzureRole::SecurityReader),
    );
    let uri = fake.server.uri();
    let half = fake.profile_of("graph-security", "Half", &uri).replace(Tenant::CLIENT_ID, "half")
        + &fake.profile_of("defender-for-cloud", "Reader", &uri).replace(Tenant::CLIENT_ID, "half");
    fake.write_profiles(&(fake.profile("Endpoint", &uri) + &half));
    let said = fake.soc(&["list"]);
    assert_eq!(said.code, 1);
    let expected = tenant.alert_ids().len() + tenant.cloud_alert_ids().len() + tenant.graph_alert_ids().len();
    assert_eq!(said.lines().len(), expected, "what can be read is printed in full");
    assert!(said.stderr.contains("error: profile \"Half\": list incidents: "), "{}", said.stderr);
    assert!(
        said.stderr.contains("SecurityIncident.Read.All") && said.stderr.contains("request id: "),
        "{}",
        said.stderr
    );
    let cloud = tenant.cloud_alert_ids().swap_remove(0);
    let refused = fake.soc(&["triage", &cloud, "--status", "dismissed", "--profile", "Reader"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("AuthorizationFailed") && refused.stderr.contains("Security Admin"),
        "{}",
        refused.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_of_one_subscription_keeps_to_it() {
    let fake = fake().await;
    let (id, _) = Tenant::subscriptions().nth(1).unwrap();
    let profile = fake.profile_of("defender-for-cloud", "Development", &fake.server.uri());
    fake.write_profiles(&format!("{profile}subscription_id = \"{id}\"\n"));
    let lines = fake.soc(&["list"]).lines();
    let own = fake.server.tenant().cloud_alert_ids().into_iter().filter(|alert| alert.contains(id)).collect();
    assert_eq!(ids(&lines, "defender_for_cloud"), sorted(own));
    let wrong = fake.profile("Endpoint", &fake.server.uri());
    fake.write_profiles(&format!("{wrong}subscription_id = \"{id}\"\n"));
    let said = fake.soc(&["list"]);
    assert_eq!(said.code, 2);
    assert!(
        said.stderr.contains("`subscription_id`") && said.stderr.contains("defender-for-cloud"),
        "{}",
        said.stderr
    );
}

#[test]
fn normalize_reads_every_kind() {
    let folder = tempfile::TempDir::new().unwrap();
    let run = |kind: &str, document: &str| {
        std::fs::write(folder.path().join("in.json"), document).unwrap();
        soc_in(&folder, &["normalize", "--from", kind, "--raw", "in.json"], &[])
    };
    let arm = r#"{"value":[{"id":"/subscriptions/s/providers/Microsoft.Security/locations/l/alerts/n","properties":{"severity":"High","status":"Dismissed"}},{"name":"no id"}],"nextLink":""}"#;
    for (kind, document, product, status) in [
        ("defender-cloud-alert", arm, "defender_for_cloud", "dismissed"),
        (
            "graph-alert",
            r#"{"value":[{"id":"dcx","severity":"high","status":"new"},{"id":7}]}"#,
            "graph_alert",
            "active",
        ),
        (
            "graph-incident",
            r#"[{"id":"29","severity":"high","status":"awaitingAction"},5]"#,
            "graph_incident",
            "awaiting_action",
        ),
    ] {
        let said = run(kind, document);
        assert_eq!((said.code, said.lines().len()), (1, 1), "{}", said.stderr);
        assert!(said.stderr.contains("element 1"), "{}", said.stderr);
        let line = &said.lines()[0];
        assert_eq!((line["product"].as_str(), line["status"].as_str()), (Some(product), Some(status)));
        assert_eq!(
            (line["severity"].as_str(), line["raw"]["id"].as_str()),
            (Some("high"), line["id"].as_str())
        );
    }
    let said = soc(&["normalize", "--from", "nonsense"]);
    assert!(
        said.code == 2
            && said.stderr.contains(
                "mde-alert, defender-cloud-alert, defender-cloud-push, graph-alert, graph-incident"
            ),
        "{}",
        said.stderr
    );
}
