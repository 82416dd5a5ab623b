//! `soc check`: who is signed in, what may be done, and for each mistake what to change where.

use pocketsoc_testkit::{App, Fault, Tenant};
use serde_json::json;

use crate::fake::{Fake, SECRET_VARIABLE, Said, soc_in};

async fn fake() -> Fake {
    let clock = std::sync::Arc::new(pocketsoc_transport::SystemClock::new());
    Fake::start(Tenant::builder().alerts(2).clock(clock).build()).await
}

/// What a run must have said about a mistake.
fn assert_told(said: &Said, code: i32, hint: &str) {
    assert_eq!(said.code, code, "{}", said.stderr);
    assert!(said.stderr.contains("error: profile \"Endpoint\": "), "{}", said.stderr);
    let told = said.stderr.lines().find_map(|line| line.strip_prefix("hint: ")).unwrap_or_default();
    assert!(told.contains(hint), "{hint}: {}", said.stderr);
    assert!(!said.stderr.contains(Tenant::SECRET));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_application_is_told_what_it_lacks_and_that_is_no_failure() {
    let fake = fake().await;
    let all = fake.all_profiles().replace(Tenant::CLIENT_ID, Tenant::READER_CLIENT_ID);
    fake.write_profiles(&all);
    let said = fake.soc(&["check"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let lines = said.lines();
    let of = |product: &str| lines.iter().find(|line| line["product"] == product).unwrap().clone();
    assert_eq!(lines.len(), 4);
    for product in ["defender_endpoint", "defender_for_cloud", "graph_alert", "graph_incident"] {
        let line = of(product);
        assert_eq!(line["signed_in"], true);
        assert_eq!(
            (&line["can"]["view"], &line["can"]["triage"]),
            (&json!(true), &json!(false)),
            "{product}"
        );
        assert_eq!(line["can"]["isolate"], false);
        assert!(line["hint"].is_string());
    }
    assert!(of("defender_endpoint")["missing"].as_array().unwrap().contains(&json!("Machine.Isolate")));
    assert!(of("graph_incident")["missing"].to_string().contains("SecurityIncident.ReadWrite.All"));
    let missing = of("defender_for_cloud")["missing"].to_string();
    assert!(missing.contains("Security Admin") && missing.contains("subscription"), "{missing}");
    // Nothing was tried: no write, no action.
    let wrote = |request: &pocketsoc_testkit::Request| {
        request.method != "GET" && !request.path.ends_with("/oauth2/v2.0/token")
    };
    assert!(!fake.server.tenant().requests().iter().any(wrote));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_mistake_is_told_with_what_to_change() {
    let fake = fake().await;
    let tenant = fake.server.tenant();
    tenant.add_app(App::new("expired", "other").with_expired_secret(Tenant::SECRET));
    tenant.add_app(App::new("disabled", Tenant::SECRET).disabled());
    tenant.add_app(App::new("no-roles", Tenant::SECRET).with_roles([""; 0]));
    let good = fake.profile("Endpoint", &fake.server.uri());
    let with = |client: &str| good.replace(Tenant::CLIENT_ID, client);
    for (profile, secret, hint) in [
        (good.clone(), "wrong", "the secret's value, not its id"),
        (with("expired"), Tenant::SECRET, "Certificates & secrets"),
        (with("nobody"), Tenant::SECRET, "grant admin consent"),
        (with("disabled"), Tenant::SECRET, "enable sign-in on the enterprise application"),
        (
            good.replace(Tenant::ID, "22222222-0000-4000-8000-000000000000"),
            Tenant::SECRET,
            "check the tenant id",
        ),
    ] {
        fake.write_profiles(&profile);
        let said = soc_in(&fake.folder, &["check"], &[(SECRET_VARIABLE, secret)]);
        assert_told(&said, 1, hint);
        assert_eq!(said.lines()[0]["signed_in"], false, "{}", said.stdout);
    }
    fake.write_profiles(&with("no-roles"));
    let said = fake.soc(&["check"]);
    assert_told(&said, 0, "Alert.Read.All");
    assert_eq!(
        (&said.lines()[0]["signed_in"], &said.lines()[0]["can"]["view"]),
        (&json!(true), &json!(false))
    );
    assert_told(&fake.soc(&["list"]), 1, "Alert.Read.All");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_ready_token_is_nobody_signed_in_and_a_service_that_is_down_is_something_else() {
    let fake = fake().await;
    let uri = fake.server.uri();
    fake.write_profiles(&format!(
        "[[profile]]\nname = \"Endpoint\"\nvendor = \"defender-endpoint\"\nauth = \"token\"\ntoken_env = \"T\"\nbase_url = \"{uri}\"\n"
    ));
    let said = soc_in(&fake.folder, &["check"], &[("T", "opaque-token")]);
    assert_eq!((said.code, &said.lines()[0]["signed_in"]), (1, &json!(false)), "{}", said.stderr);
    assert!(!said.stderr.contains("opaque-token"));

    fake.write_profiles(&fake.profile("Endpoint", &uri));
    fake.server.tenant().add_fault(Fault::status("/api/", 503));
    let said = fake.soc(&["check", "--timeout", "2"]);
    assert_eq!((said.code, &said.lines()[0]["signed_in"]), (0, &json!(true)), "{}", said.stderr);
    assert!(said.stderr.contains("error: "), "{}", said.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_role_in_azure_is_told_so_although_a_list_would_be_empty() {
    let fake = fake().await;
    fake.server.tenant().add_app(App::new("nobody", Tenant::SECRET).with_azure_role(None));
    let azure = fake.profile_of("defender-for-cloud", "Endpoint", &fake.server.uri());
    fake.write_profiles(&azure.replace(Tenant::CLIENT_ID, "nobody"));
    let said = fake.soc(&["check"]);
    assert_told(&said, 0, "Access control (IAM)");
    assert_eq!(said.lines()[0]["can"]["view"], false);
    // A subscription that is not there is told as that.
    fake.write_profiles(&(azure + "subscription_id = \"00000000-0000-4000-8000-00000000dead\"\n"));
    let said = fake.soc(&["check"]);
    assert!(said.stderr.contains("error: profile"), "{}", said.stderr);
    assert_ne!(said.lines()[0]["can"]["view"], true, "{}", said.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_keeps_a_profile_from_signing_in_is_told_as_that() {
    let fake = fake().await;
    let good = fake.profile("Endpoint", &fake.server.uri());
    let certificate = good
        .replace("auth = \"app\"", "auth = \"certificate\"\ncertificate_file = \"app.pem\"")
        .replace(&format!("client_secret_env = \"{SECRET_VARIABLE}\"\n"), "");
    std::fs::write(fake.folder.path().join("app.pem"), "no certificate").unwrap();
    let nowhere =
        good.replace(&format!("authority = \"{}\"", fake.server.uri()), "authority = \"http://127.0.0.1:9\"");
    assert_ne!(nowhere, good);
    for (profile, hint) in [(certificate, "check the file and its password"), (nowhere, "check the network")]
    {
        fake.write_profiles(&profile);
        let said = soc_in(&fake.folder, &["check", "--timeout", "3"], &[(SECRET_VARIABLE, Tenant::SECRET)]);
        assert_told(&said, 1, hint);
        assert_eq!(said.lines()[0]["signed_in"], false, "{}", said.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_consent_is_told_who_has_to_give_it() {
    let fake = fake().await;
    fake.server.tenant().add_app(App::public("unconsented").with_scopes([""; 0]));
    let uri = fake.server.uri();
    fake.write_profiles(&format!(
        "[[profile]]\nname = \"Endpoint\"\nvendor = \"defender-endpoint\"\nauth = \"device-code\"\nsession = \"memory\"\n\
         tenant_id = \"{}\"\nclient_id = \"unconsented\"\nbase_url = \"{uri}\"\nauthority = \"{uri}\"\n",
        Tenant::ID
    ));
    let tenant = fake.server.tenant().clone();
    let user = tokio::spawn(async move {
        // The tenant's first code.
        while !tenant.decide_device("FAKE00001", true) {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    });
    let said = fake.soc(&["check"]);
    user.abort();
    assert_told(&said, 1, "grant admin consent");
    assert_eq!(said.lines()[0]["signed_in"], false, "{}", said.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_says_what_the_guides_say_of_it() {
    let clock = std::sync::Arc::new(pocketsoc_transport::SystemClock::new());
    let fake = Fake::start(Tenant::builder().alerts(0).clock(clock).build()).await;
    let said = fake.soc(&["list"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, ""), "{}", said.stderr);
    for row in [
        "API permissions are granted",
        "admin consent",
        "Defender for Cloud",
        "Security Reader",
        "Sample alerts",
    ] {
        assert!(said.stderr.contains(row), "{row}: {}", said.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_does_not_show_says_what_to_look_at() {
    let fake = fake().await;
    let tenant = fake.server.tenant();
    tenant.add_fault(Fault::on("/api/alerts/", pocketsoc_testkit::Trouble::Lie));
    let id = tenant.alert_ids().swap_remove(0);
    let said = fake.soc(&["triage", &id, "--status", "resolved", "--comment", "cleaned up"]);
    assert_told(&said, 1, "check that the credential may change it");
}
