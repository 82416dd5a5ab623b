//! Every `auth` of a profile file, against the fake tenant, in a process of its own.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pocketsoc_testkit::{App, Tenant};
use rcgen::{CertificateParams, KeyPair};

use crate::fake::{Fake, soc_in};

const ALERTS: usize = 3;

async fn fake() -> Fake {
    let clock = std::sync::Arc::new(pocketsoc_transport::SystemClock::new());
    Fake::start(Tenant::builder().alerts(ALERTS).clock(clock).build()).await
}

/// A profile with these keys beside those that every one has.
fn profile(fake: &Fake, keys: &str) -> String {
    let uri = fake.server.uri();
    format!(
        "[[profile]]\nname = \"Endpoint\"\nvendor = \"defender-endpoint\"\nbase_url = \"{uri}\"\nauthority = \"{uri}\"\n{keys}\n"
    )
}

fn app(client: &str) -> String {
    format!("tenant_id = \"{}\"\nclient_id = \"{client}\"\n", Tenant::ID)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_in_a_file_signs_in() {
    let fake = fake().await;
    let key = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let certificate = CertificateParams::new(vec!["soc.example".into()]).unwrap().self_signed(&key).unwrap();
    let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, certificate.der()));
    fake.server.tenant().add_app(App::new("certified", "unused").with_certificate(thumbprint));
    std::fs::write(fake.folder.path().join("app.pem"), key.serialize_pem() + &certificate.pem()).unwrap();
    let keys = app("certified") + "auth = \"certificate\"\ncertificate_file = \"app.pem\"";
    fake.write_profiles(&profile(&fake, &keys));
    let said = soc_in(&fake.folder, &["list"], &[]);
    assert_eq!((said.code, said.lines().len()), (0, ALERTS), "{}", said.stderr);

    // Of another application, it is refused with what to do.
    fake.write_profiles(&profile(&fake, &keys.replace("certified", Tenant::CLIENT_ID)));
    let said = soc_in(&fake.folder, &["check"], &[]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("hint: the certificate is not known to the application"), "{}", said.stderr);
    fake.write_profiles(&profile(&fake, &keys.replace("app.pem", "none.pem")));
    let said = soc_in(&fake.folder, &["list"], &[]);
    assert!(said.code == 2 && said.stderr.contains("none.pem"), "{}", said.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_federated_token_and_a_managed_identity_sign_in_without_any_secret() {
    let fake = fake().await;
    let (issuer, subject) = ("https://oidc.example", "system:serviceaccount:soc:watcher");
    fake.server.tenant().add_app(App::new("workload", "unused").with_federation(issuer, subject));
    let token = fake.folder.path().join("token");
    std::fs::write(&token, Tenant::federated_token(issuer, subject) + "\n").unwrap();
    fake.write_profiles(&profile(&fake, &(app("workload") + "auth = \"federated\"")));
    let said = soc_in(&fake.folder, &["list"], &[("AZURE_FEDERATED_TOKEN_FILE", token.to_str().unwrap())]);
    assert_eq!((said.code, said.lines().len()), (0, ALERTS), "{}", said.stderr);

    fake.write_profiles(&profile(&fake, "auth = \"managed-identity\""));
    let endpoint = format!("{}/msi/token", fake.server.uri());
    let platform = [("IDENTITY_ENDPOINT", endpoint.as_str()), ("IDENTITY_HEADER", Tenant::IDENTITY_HEADER)];
    let said = soc_in(&fake.folder, &["list"], &platform);
    assert_eq!((said.code, said.lines().len()), (0, ALERTS), "{}", said.stderr);
    // Proxies are not asked to pass on what only this machine may hear.
    let proxied =
        [&platform[..], &[("HTTP_PROXY", "http://192.0.2.1:9"), ("http_proxy", "http://192.0.2.1:9")]];
    let said = soc_in(&fake.folder, &["list"], &proxied.concat());
    assert_eq!(said.code, 0, "{}", said.stderr);
}

#[cfg(unix)]
fn program(folder: &Path, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_azure_cli_lends_its_token() {
    let fake = fake().await;
    let token = fake.server.tenant().token_with_scopes(&["Alert.Read"]);
    let programs = fake.folder.path().join("bin");
    std::fs::create_dir(&programs).unwrap();
    program(
        &programs,
        "az",
        &format!(
            "printf '%s ' \"$@\" > \"$(dirname \"$0\")/asked\"\n\
             echo '{{\"accessToken\":\"{token}\",\"expires_on\":4102444800,\"expiresOn\":\"soon\",\"tokenType\":\"Bearer\"}}'"
        ),
    );
    fake.write_profiles(&profile(&fake, "auth = \"azure-cli\""));
    let path = format!("{}:/usr/bin:/bin", programs.display());
    let said = soc_in(&fake.folder, &["list"], &[("PATH", &path)]);
    assert_eq!((said.code, said.lines().len()), (0, ALERTS), "{}", said.stderr);
    let asked = std::fs::read_to_string(programs.join("asked")).unwrap();
    assert_eq!(
        asked.trim(),
        "account get-access-token --output json --scope https://api.securitycenter.microsoft.com/.default"
    );

    program(&programs, "az", "echo canary-token; echo 'ERROR: Please run az login' >&2; exit 1");
    let said = soc_in(&fake.folder, &["check"], &[("PATH", &path)]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("az login") && !said.stderr.contains("canary"), "{}", said.stderr);
    // A program of that name in the working directory is not the CLI.
    program(fake.folder.path(), "az", "echo '{\"accessToken\":\"evil\"}'");
    let said = soc_in(&fake.folder, &["check"], &[("PATH", ".:/nowhere")]);
    assert!(said.code == 1 && said.stderr.contains("not installed"), "{}", said.stderr);
}

/// Runs `soc list` in the background, with what it says on stderr in a file.
#[cfg(unix)]
fn started(fake: &Fake, env: &[(&str, &str)]) -> (std::process::Child, std::path::PathBuf) {
    let said = fake.folder.path().join("said");
    let child = Command::new(env!("CARGO_BIN_EXE_soc"))
        .args(["list"])
        .current_dir(fake.folder.path())
        .env_remove("POCKETSOC_PROFILES")
        .envs(env.iter().copied())
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(&said).unwrap())
        .spawn()
        .unwrap();
    (child, said)
}

/// What a file holds once it holds something that fits.
async fn awaited(path: &Path, fits: impl Fn(&str) -> Option<String>) -> String {
    for _ in 0..600 {
        if let Some(found) = std::fs::read_to_string(path).ok().and_then(|text| fits(&text)) {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} never said it: {:?}", path.display(), std::fs::read_to_string(path));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_device_code_is_shown_and_waited_for() {
    let fake = fake().await;
    let keys = app(Tenant::DESKTOP_CLIENT_ID) + "auth = \"device-code\"\nsession = \"memory\"";
    // One user, one code, whatever the profiles of the application are.
    let first = profile(&fake, &keys)
        .replace("\"Endpoint\"", "\"Graph\"")
        .replace("defender-endpoint", "graph-security");
    fake.write_profiles(&(first + &profile(&fake, &keys)));
    let (child, said) = started(&fake, &[]);
    let code = awaited(&said, |text| {
        let code = text.split("enter the code ").nth(1)?.split_whitespace().next()?;
        text.ends_with('\n').then(|| code.to_owned())
    })
    .await;
    let text = std::fs::read_to_string(&said).unwrap();
    assert!(text.contains(&format!("open {}/devicelogin", fake.server.uri())), "{text}");
    assert!(fake.server.tenant().decide_device(&code, true));
    let output = tokio::task::spawn_blocking(|| child.wait_with_output()).await.unwrap().unwrap();
    let text = std::fs::read_to_string(&said).unwrap();
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    let of = |product: &str| {
        listed.lines().filter(|line| line.contains(&format!("\"product\":\"{product}\""))).count()
    };
    assert_eq!((output.status.code(), of("defender_endpoint")), (Some(0), ALERTS), "{text}");
    assert!(of("graph_alert") > 0 && of("graph_incident") > 0);
    assert!(text.contains(&format!("signed in as {}", Tenant::USER)), "{text}");
    assert_eq!(text.matches("enter the code").count(), 1, "{text}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_is_opened_and_comes_back() {
    let fake = fake().await;
    let keys = app(Tenant::DESKTOP_CLIENT_ID) + "auth = \"browser\"\nsession = \"memory\"";
    fake.write_profiles(&profile(&fake, &keys));
    // What opens addresses here writes them down; this test plays the browser.
    let programs = fake.folder.path().join("bin");
    std::fs::create_dir(&programs).unwrap();
    program(
        &programs,
        "xdg-open",
        "printf '%s' \"$1\" > \"$(dirname \"$0\")/opened.new\" && mv \"$(dirname \"$0\")/opened.new\" \"$(dirname \"$0\")/opened\"",
    );
    let path = format!("{}:/usr/bin:/bin", programs.display());
    let (child, said) = started(&fake, &[("PATH", &path)]);
    let url = awaited(&programs.join("opened"), |text| Some(text.to_owned())).await;
    let browser =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
    let page = browser.get(&url).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("<form method=post"), "{page}");
    let target = url::Url::parse(&url).unwrap();
    let form = target.query().unwrap().to_owned();
    let post = browser.post(target.as_str().split('?').next().unwrap()).body(form);
    let post = post.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
    let back = post.headers()["location"].to_str().unwrap().to_owned();
    assert!(back.starts_with("http://localhost:"), "{back}");
    let page = browser.get(&back).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("You are signed in"), "{page}");
    let output = tokio::task::spawn_blocking(|| child.wait_with_output()).await.unwrap().unwrap();
    let text = std::fs::read_to_string(&said).unwrap();
    assert_eq!(
        (output.status.code(), String::from_utf8_lossy(&output.stdout).lines().count()),
        (Some(0), ALERTS),
        "{text}"
    );
    assert!(!text.contains("code=") && !text.contains("code_challenge"), "{text}");
}
