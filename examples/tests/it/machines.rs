//! `soc machines`, `isolate`, `release`, `actions`: what is done on machines, as processes.

use std::time::Duration;

use pocketsoc_testkit::{Agent, Fault, Reply, Tenant, Trouble};
use serde_json::json;

use crate::fake::Fake;

async fn fake() -> Fake {
    let clock = std::sync::Arc::new(pocketsoc_transport::SystemClock::new());
    Fake::start(Tenant::builder().alerts(2).agents_take(Duration::from_millis(300)).clock(clock).build())
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_are_listed_filtered_and_found_by_any_of_their_names() {
    let fake = fake().await;
    let said = fake.soc(&["machines"]);
    let all = said.lines();
    assert_eq!((said.code, all.len()), (0, fake.server.tenant().machine_names().len()), "{}", said.stderr);
    for key in ["id", "profile", "name", "os", "health", "risk", "exposure", "group", "last_seen_at"] {
        assert!(all[0][key].is_string(), "{key}: {}", all[0]);
    }
    assert!(all[0]["ips"].as_array().is_some_and(|ips| ips.len() >= 2), "{}", all[0]);
    let of = |args: &[&str]| fake.soc(&[&["machines"], args].concat()).lines();
    let risky = of(&["--risk", "HIGH"]);
    assert!(!risky.is_empty() && risky.iter().all(|machine| machine["risk"] == "high"));
    let silent = of(&["--health", "NoSensorData", "--group", "executives"]);
    assert!(
        !silent.is_empty()
            && silent.iter().all(|m| m["health"] == "no_sensor_data" && m["group"] == "Executives")
    );
    let (id, name) = fake.server.tenant().machine_names().swap_remove(0);
    for text in [id.as_str(), &name, name.split('.').next().unwrap(), "10.20.1.10"] {
        let said = fake.soc(&["machine", text]);
        assert_eq!((said.code, &said.lines()[0]["id"]), (0, &json!(id)), "{text}: {}", said.stderr);
    }
    let said = fake.soc(&["machine", "nobody"]);
    assert_eq!((said.code, said.stdout.as_str()), (1, ""));
    assert!(
        said.stderr.contains("no machine is named nobody") && said.stderr.contains("hint: "),
        "{}",
        said.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_isolated_followed_and_released() {
    let fake = fake().await;
    let (id, name) = fake.server.tenant().machine_names().swap_remove(2);
    let said = fake.soc(&["isolate", &name, "--comment", "INC-42", "--wait"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let action = said.lines().remove(0);
    assert_eq!((&action["type"], &action["status"]), (&json!("isolate"), &json!("succeeded")));
    assert_eq!((&action["machine_id"], &action["machine_name"]), (&json!(id), &json!(name)));
    assert!(action["comment"].as_str().unwrap().starts_with("INC-42") && action["requested_by"].is_string());
    assert!(fake.server.tenant().is_isolated(&id));

    let said = fake.soc(&["release", &id, "--comment", "clean", "--wait"]);
    assert_eq!((said.code, &said.lines()[0]["type"]), (0, &json!("unisolate")), "{}", said.stderr);
    assert!(!fake.server.tenant().is_isolated(&id));
    let said = fake.soc(&["actions", "--machine", &name]);
    assert_eq!(said.lines().len(), 2);
    let first = said.lines()[1]["id"].as_str().unwrap().to_owned();
    assert_eq!(fake.soc(&["action", &first]).lines()[0]["type"], "isolate");
    let late = fake.soc(&["cancel", &first, "--comment", "too late"]);
    assert_eq!(late.code, 1);
    assert!(late.stderr.contains("the action is final"), "{}", late.stderr);
    assert_eq!(fake.soc(&["isolate", &name]).code, 2, "a comment is mandatory");
    let dry = fake.soc(&["isolate", &name, "--comment", "INC-43", "--dry-run"]);
    assert_eq!(dry.code, 0, "{}", dry.stderr);
    assert_eq!(dry.lines()[0]["body"]["IsolationType"], "Full");
    assert_eq!(dry.lines()[0]["would_post_to"], format!("/api/machines/{id}/isolate"));
    assert_eq!(fake.server.tenant().actions_on(&id).len(), 2, "nothing was done");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_fails_is_printed_and_then_told_and_nothing_is_done_to_one_of_two() {
    let fake = fake().await;
    let (id, name) = fake.server.tenant().machine_names().swap_remove(1);
    fake.server.tenant().set_agent(&id, Agent::Fails);
    let said = fake.soc(&["isolate", &name, "--comment", "x", "--selective", "--wait"]);
    assert_eq!((said.code, &said.lines()[0]["status"]), (1, &json!("failed")), "{}", said.stderr);
    assert!(
        said.stderr.contains("error: profile \"Endpoint\":") && said.stderr.contains("failed on the machine"),
        "{}",
        said.stderr
    );

    let names = fake.server.tenant().machine_names();
    let twins = format!(
        r#"{{"value":[{{"id":"{}","computerDnsName":"twin.corp"}},{{"id":"{}","computerDnsName":"twin.corp"}}]}}"#,
        names[3].0, names[4].0
    );
    fake.server.tenant().add_fault(Fault::on("/api/machines", Trouble::Answer(Reply::json(200, twins))));
    fake.server.tenant().forget_requests();
    let said = fake.soc(&["isolate", "twin", "--comment", "x"]);
    assert_eq!(said.code, 1);
    assert!(
        said.stderr.contains(&names[3].0) && said.stderr.contains(&names[4].0),
        "the candidates: {}",
        said.stderr
    );
    assert!(fake.server.tenant().requests().iter().all(|r| r.method == "GET" || r.path.contains("/oauth2/")));
}
