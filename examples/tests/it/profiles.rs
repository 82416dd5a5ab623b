//! The profile file, as a process reads it.

use crate::fake::{Fake, soc_in};
use pocketsoc_testkit::Tenant;

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_names_the_file_the_profile_and_the_key() {
    let fake = Fake::start(Tenant::builder().alerts(1).build()).await;
    let good = fake.profile("Endpoint", &fake.server.uri());
    for (from, to, key) in [
        ("client_id", "client", "`client`"),
        ("vendor = \"defender-endpoint\"", "vendor = \"mde\"", "`vendor`"),
        ("auth = \"app\"", "auth = \"magic\"", "`auth`"),
        ("http://127.0.0.1", "http://192.0.2.1", "`base_url`"),
    ] {
        fake.write_profiles(&good.replacen(from, to, 1));
        let said = fake.soc(&["list"]);
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{}", said.stderr);
        for part in ["error: ", "pocketsoc.toml", "\"Endpoint\"", key] {
            assert!(said.stderr.contains(part), "{part}: {}", said.stderr);
        }
    }
    fake.write_profiles(&good);
    let missing = soc_in(&fake.folder, &["list"], &[]);
    assert_eq!(missing.code, 2);
    assert!(missing.stderr.contains("POCKETSOC_TEST_SECRET is not set"), "{}", missing.stderr);
    // A profile that is not used need not be usable, and an empty variable names no file.
    let other = fake.profile("Other", &fake.server.uri()).replace("client_secret_env", "client_secret_file");
    fake.write_profiles(&(good + &other));
    let env = [(crate::fake::SECRET_VARIABLE, Tenant::SECRET), ("POCKETSOC_PROFILES", "")];
    let chosen = soc_in(&fake.folder, &["list", "--profile", "Endpoint"], &env);
    assert_eq!((chosen.code, chosen.lines().len()), (0, 1), "{}", chosen.stderr);
    assert_eq!(soc_in(&fake.folder, &["list"], &env).code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ready_token_signs_in_and_a_secret_in_the_file_is_warned_about() {
    let clock = std::sync::Arc::new(pocketsoc_transport::SystemClock::new());
    let fake = Fake::start(Tenant::builder().alerts(4).clock(clock).build()).await;
    let token = fake.server.tenant().token_with_scopes(&["Alert.Read"]);
    let uri = fake.server.uri();
    fake.write_profiles(&format!(
        "[[profile]]\nname = \"Token\"\nvendor = \"defender-endpoint\"\nauth = \"token\"\ntoken_env = \"MY_TOKEN\"\nbase_url = \"{uri}\"\n"
    ));
    let said = soc_in(&fake.folder, &["list"], &[("MY_TOKEN", &token)]);
    assert_eq!((said.code, said.lines().len()), (0, 4), "{}", said.stderr);

    let inline = fake.profile("Endpoint", &uri).replace(
        "client_secret_env = \"POCKETSOC_TEST_SECRET\"",
        &format!("client_secret = \"{}\"", Tenant::SECRET),
    );
    fake.write_profiles(&(inline + "secret_expires = 2020-01-31\n"));
    let said = fake.soc(&["list"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(
        said.stderr.contains("stands in the profile file") && said.stderr.contains("expired on 2020-01-31"),
        "{}",
        said.stderr
    );
    assert!(!said.stderr.contains(Tenant::SECRET));
}
