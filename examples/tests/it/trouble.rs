//! What goes wrong, as the user sees it: `error:`, `hint:`, `request id:`, the exit code, and never a secret.

use pocketsoc_testkit::{App, Fault, FaultServer, Reply, Script, Tenant, Trouble};

use crate::fake::{Fake, Said, soc};

fn failed(said: &Said, parts: &[&str]) {
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.lines().any(|line| line.starts_with("error: ")), "{}", said.stderr);
    for part in parts {
        assert!(said.stderr.contains(part), "{part} is not in: {}", said.stderr);
    }
}

#[test]
fn wrong_usage_is_told_and_exits_with_2() {
    for args in [
        &["nonsense"][..],
        &["list", "--status", "sleeping"],
        &["list", "--min-severity", "hgih"],
        &["list", "--since", "yesterday"],
        &["list", "--limit", "many"],
        &["list", "--timeout", "0"],
        &["list", "--profile", "Nobody"],
        &["list", "--profiles", "/no/such/file.toml"],
        &["triage", "da1"],
        &["triage", "da1", "--classification", "bad"],
        &["triage", "da1", "--assign", ""],
        &["triage", "..", "--status", "new"],
        &["show", " "],
        &["normalize"],
        &["normalize", "--from", "graph"],
        &["normalize", "--from", "mde-alert", "/no/such/file.json"],
    ] {
        let said = soc(args);
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{args:?}: {}", said.stderr);
        assert!(said.stderr.contains("error: "), "{args:?}: {}", said.stderr);
    }
    assert!(soc(&["list", "--status", "sleeping"]).stderr.contains("active, in_progress"));
    assert!(soc(&["list", "--profile", "Nobody"]).stderr.contains("there are: Endpoint"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guides_troubles_get_their_hints() {
    let fake = Fake::start(Tenant::builder().alerts(5).build()).await;
    let wrong = fake.soc_with_secret(&["list"], "wrong-secret-canary");
    failed(
        &wrong,
        &[
            "error: profile \"Endpoint\": sign in: ",
            "AADSTS7000215",
            "hint: the client secret is wrong",
            "request id: ",
        ],
    );
    assert!(!wrong.stderr.contains("canary"), "{}", wrong.stderr);

    let profile = fake.profile("Endpoint", &fake.server.uri());
    fake.write_profiles(&profile.replace(Tenant::ID, "other.example"));
    failed(&fake.soc(&["list"]), &["AADSTS90002", "hint: the tenant was not found"]);

    fake.server.tenant().add_app(App::new("powerless", "pw").with_roles(["Machine.Read.All"]));
    fake.write_profiles(&profile.replace(Tenant::CLIENT_ID, "powerless"));
    failed(
        &fake.soc_with_secret(&["list"], "pw"),
        &["(403, Forbidden", "Alert.Read.All", "grant admin consent"],
    );

    fake.write_profiles(&profile);
    failed(&fake.soc(&["show", "da-nobody"]), &["get the alert: ", "404", "request id: "]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_profile_that_fails_does_not_hide_the_others() {
    let fake = Fake::start(Tenant::builder().alerts(5).build()).await;
    let broken =
        FaultServer::start(vec![Script::answer(404, "content-type: text/html\r\n", "<html>no</html>")])
            .await
            .unwrap();
    let both = fake.profile("Endpoint", &fake.server.uri()) + &fake.profile("Broken", &broken.uri());
    fake.write_profiles(&both);
    let said = fake.soc(&["list"]);
    assert_eq!(said.lines().len(), 5);
    failed(&said, &["error: profile \"Broken\": list alerts: the service answered 404 with a web page"]);
    assert_eq!(fake.soc(&["list", "--profile", "Endpoint"]).code, 0);

    let id = fake.server.tenant().alert_ids().swap_remove(0);
    let shown = fake.soc(&["show", &id]);
    assert_eq!(shown.lines().len(), 1, "what was found is shown");
    failed(&fake.soc(&["list", "--limit", "1"]), &["profile \"Broken\""]);

    let unsure = fake.profile("Endpoint", &fake.server.uri()) + &fake.profile("Down", "http://127.0.0.1:9");
    fake.write_profiles(&unsure);
    fake.server.tenant().forget_requests();
    let shown = fake.soc(&["show", &id, "--timeout", "2"]);
    assert_eq!(shown.lines().len(), 1);
    failed(&shown, &["error: profile \"Down\": get the alert: the service cannot be reached"]);
    let triaged = fake.soc(&["triage", &id, "--status", "resolved", "--timeout", "2"]);
    failed(&triaged, &["profile \"Down\"", "name the profile with --profile"]);
    assert!(fake.server.tenant().requests().iter().all(|r| r.method != "PATCH"), "no write on a guess");

    // A profile whose user could not be signed in might hold it as well.
    let uri = fake.server.uri();
    let user = fake
        .profile("User", &uri)
        .replace("auth = \"app\"", "auth = \"device-code\"\nsession = \"memory\"")
        .replace(Tenant::CLIENT_ID, "nobody")
        .replace("client_secret_env = \"POCKETSOC_TEST_SECRET\"\n", "");
    fake.write_profiles(&(user + &fake.profile("Endpoint", &uri)));
    failed(&fake.soc(&["triage", &id, "--status", "resolved"]), &["profile \"User\": sign in", "--profile"]);
    assert!(fake.server.tenant().requests().iter().all(|r| r.method != "PATCH"), "no write on a guess");
    for args in [&["list"][..], &[]] {
        let said = fake.soc(args);
        assert_eq!(said.lines().len(), 5, "the others are printed in full");
        failed(&said, &["error: profile \"User\": sign in"]);
    }

    let twice = fake.profile("One", &fake.server.uri()) + &fake.profile("Two", &fake.server.uri());
    fake.write_profiles(&twice);
    let id = fake.server.tenant().alert_ids().swap_remove(0);
    failed(
        &fake.soc(&["show", &id]),
        &["several profiles hold", "One, Two", "hint: name one with --profile"],
    );
    failed(&fake.soc(&["triage", &id, "--status", "resolved"]), &["several profiles hold"]);
    assert_eq!(fake.soc(&["show", &id, "--profile", "Two"]).lines()[0]["profile"], "Two");
    assert_eq!(fake.soc(&["list", "--limit", "7"]).lines().len(), 7, "the limit is over all profiles");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_element_is_reported_and_the_others_are_printed() {
    let fake = Fake::start(Tenant::builder().alerts(5).build()).await;
    let id = fake.server.tenant().alert_ids().swap_remove(2);
    let spoil = Trouble::Replace(format!("\"id\":\"{id}\""), "\"id\":null".into());
    fake.server.tenant().add_fault(Fault::on("/api/alerts", spoil));
    let said = fake.soc(&["list"]);
    assert_eq!(said.lines().len(), 4);
    failed(&said, &["profile \"Endpoint\"", "page 1, element 2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_does_not_excuse_a_list_that_ended_early() {
    let fake = Fake::start(Tenant::builder().alerts(1).build()).await;
    let partial =
        Script::answer(206, "warning: 199 - \"MCAS/0.1/504/10000\"\r\n", "{\"value\":[{\"id\":\"da1\"}]}");
    let server = FaultServer::start(vec![partial]).await.unwrap();
    fake.write_profiles(&fake.profile("Partial", &server.uri()));
    for args in [&["list"][..], &["list", "--limit", "100"]] {
        let said = fake.soc(args);
        assert_eq!(said.lines().len(), 1);
        failed(&said, &["profile \"Partial\": list detections: the list is not complete"]);
    }
    assert_eq!(fake.soc(&["list", "--limit", "1"]).code, 0, "as many as were asked for");
    assert_eq!(
        soc(&["list", "--since", "99999999d", "--limit", "1"]).code,
        0,
        "older than the calendar is everything"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_service_is_given_up_within_the_timeout() {
    let fake = Fake::start(Tenant::builder().alerts(1).build()).await;
    let silent = FaultServer::start(vec![Script::new().then(pocketsoc_testkit::Step::Stall)]).await.unwrap();
    fake.write_profiles(&fake.profile("Silent", &silent.uri()));
    let start = std::time::Instant::now();
    failed(&fake.soc(&["list", "--timeout", "1"]), &["profile \"Silent\"", "did not answer"]);
    let after_the_head = Script::head("").then(pocketsoc_testkit::Step::Stall);
    let silent = FaultServer::start(vec![after_the_head]).await.unwrap();
    fake.write_profiles(&fake.profile("Silent", &silent.uri()));
    failed(&fake.soc(&["list", "--timeout", "1"]), &["profile \"Silent\"", "stalled"]);
    assert_eq!(silent.connections(), 1);
    assert!(start.elapsed() < std::time::Duration::from_secs(10), "{:?}", start.elapsed());

    fake.server.tenant().add_fault(Fault::throttle("/api/alerts", "3000"));
    fake.write_profiles(&fake.profile("Endpoint", &fake.server.uri()));
    failed(
        &fake.soc(&["list", "--timeout", "2"]),
        &["429", "hint: the service's quota is used up; it asks to wait 3000 s"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_and_no_token_at_any_log_level() {
    let fake = Fake::start(Tenant::builder().alerts(3).build()).await;
    let id = fake.server.tenant().alert_ids().swap_remove(0);
    let env = [(crate::fake::SECRET_VARIABLE, Tenant::SECRET), ("RUST_LOG", "trace")];
    let mut said = String::new();
    for args in [&["list"][..], &["show", &id], &["triage", &id, "--comment", "x", "--status", "resolved"]] {
        let run = crate::fake::soc_in(&fake.folder, args, &env);
        assert_eq!(run.code, 0, "{}", run.stderr);
        said += &(run.stdout + &run.stderr);
    }
    for fault in [
        Fault::status("/api", 401),
        Fault::status("/api", 500).for_method("GET"),
        Fault::on(
            "/token",
            Trouble::Answer(Reply::json(200, "{\"access_token\":\"canary-token\",\"token_type\":\"pop\"}")),
        ),
    ] {
        fake.server.tenant().clear_faults();
        fake.server.tenant().add_fault(fault);
        let run = crate::fake::soc_in(&fake.folder, &["list", "--timeout", "3"], &env);
        assert_eq!(run.code, 1);
        said += &run.stderr;
    }
    assert!(said.contains("DEBUG") && said.contains("TRACE"), "the traces were on");
    let mut secrets =
        vec![Tenant::SECRET.to_owned(), Tenant::SECRET.replace('~', "%7E"), "canary-token".to_owned()];
    for request in fake.server.tenant().requests() {
        secrets.extend(
            request.header("authorization").and_then(|a| a.strip_prefix("Bearer ")).map(str::to_owned),
        );
    }
    assert!(secrets.len() > 5);
    for secret in secrets {
        assert!(!said.contains(&secret), "{secret}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_repeats_the_token_is_not_repeated() {
    let fake = Fake::start(Tenant::builder().alerts(1).build()).await;
    let body = r#"{"error":{"code":"InvalidAuthenticationToken","message":"Lifetime validation failed: Bearer token-canary-7"}}"#;
    let echo = FaultServer::start(vec![Script::answer(401, "content-type: application/json\r\n", body)])
        .await
        .unwrap();
    for vendor in ["defender-endpoint", "defender-for-cloud", "graph-security"] {
        fake.write_profiles(&format!(
            "[[profile]]\nname = \"Token\"\nvendor = \"{vendor}\"\nauth = \"token\"\ntoken_env = \"MY_TOKEN\"\nbase_url = \"{}\"\n",
            echo.uri()
        ));
        let env = [("MY_TOKEN", "token-canary-7"), ("RUST_LOG", "trace")];
        let said = crate::fake::soc_in(&fake.folder, &["list"], &env);
        failed(&said, &["Lifetime validation failed: Bearer ***"]);
        assert!(!said.stderr.contains("canary"), "{}", said.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_arrived_is_printed_while_more_is_waited_for() {
    use std::io::BufRead as _;
    let fake = Fake::start(Tenant::builder().alerts(1).build()).await;
    let slow = Script::head("").send("{\"value\":[{\"id\":\"da1\"},").then(pocketsoc_testkit::Step::Stall);
    let server = FaultServer::start(vec![slow]).await.unwrap();
    fake.write_profiles(&fake.profile("Slow", &server.uri()));
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_soc"))
        .args(["list", "--timeout", "60"])
        .current_dir(fake.folder.path())
        .env(crate::fake::SECRET_VARIABLE, Tenant::SECRET)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("{\"id\":\"da1\""), "{line}");
    child.kill().unwrap();
    child.wait().unwrap();
}
