//! No secret and no token, in no form, in anything that is printed: not in `Debug`, not in an error, not in a trace.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use pocketsoc_testkit::{App, Fault, Reply, Tenant, Trouble};
use pocketsoc_transport::{
    Cloud, Connection, Credential, ManagedIdentity, MemoryStore, PagePlan, Proof, Secret, Service, Session,
    SessionStore as _, SystemClock,
};
use tracing_subscriber::fmt::MakeWriter;

use crate::harness::{drain, endpoint, get, over, post, tenant, to, walk};

/// Everything that was traced.
#[derive(Clone, Default)]
struct Traces(Arc<Mutex<Vec<u8>>>);

impl Write for Traces {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Traces {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The forms in which a secret could hide.
fn forms(secret: &str) -> Vec<String> {
    vec![
        secret.to_owned(),
        STANDARD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        secret.replace('~', "%7E"),
        secret.bytes().fold(String::new(), |hex, b| hex + &format!("{b:02x}")),
    ]
}

/// Takes down what this thread traces. With one listener in the process, what another test's thread traces first would be
/// off for all: so there are two.
fn listen(traces: &Traces) -> (tracing::Dispatch, tracing::subscriber::DefaultGuard) {
    let another = tracing::Dispatch::new(tracing_subscriber::fmt().with_writer(std::io::sink).finish());
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(traces.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    tracing::callsite::rebuild_interest_cache();
    (another, guard)
}

#[tokio::test(start_paused = true)]
async fn a18_nothing_that_is_printed_holds_a_secret_or_a_token() {
    let traces = Traces::default();
    let _listening = listen(&traces);
    let said = std::cell::RefCell::new(String::new());
    let say = |thing: &dyn std::fmt::Debug| writeln!(said.borrow_mut(), "{thing:?} {thing:#?}").unwrap();

    let tenant = tenant().alerts(5).build();
    let credential = Credential::client_secret(Tenant::ID, Tenant::CLIENT_ID, Secret::new(Tenant::SECRET));
    say(&Secret::new(Tenant::SECRET));
    say(&credential);
    say(&Connection::builder(credential.clone(), Cloud::Public));
    let endpoint_of_tenant = endpoint(to(&tenant));
    say(&endpoint_of_tenant);
    say(&endpoint_of_tenant.connection());
    say(&endpoint_of_tenant.grants().await);

    // Every way to fail, from the sign-in to the body.
    for fault in [
        Fault::on("/token", Trouble::Replace("Bearer".into(), "pop".into())),
        Fault::on("/token", Trouble::Replace("{".into(), String::new())),
        Fault::on("/token", Trouble::Replace("\"expires_in\":3599".into(), "\"expires_in\":-1".into())),
        Fault::on("/token", Trouble::EndEarly(200)),
        Fault::on("/token", Trouble::Refuse),
        Fault::on("/token", Trouble::Answer(Reply::json(400, r#"{"error":"invalid_grant"}"#))),
        Fault::status("/api", 401),
        Fault::status("/api", 403),
        Fault::status("/api", 500),
        Fault::throttle("/api", "9999"),
        Fault::on("/api", Trouble::BreakOff(3000)),
        Fault::on("/api", Trouble::ResetAfter),
        Fault::on("/api", Trouble::Hang),
        Fault::on("/api", Trouble::Answer(Reply::empty(307).with_header("location", "https://evil.example"))),
    ] {
        tenant.clear_faults();
        tenant.add_fault(fault);
        let failing = endpoint(to(&tenant));
        for call in [get(), post()] {
            if let Err(error) = failing.bytes(&call).await {
                say(&error);
                say(&format!("{error} {:?}", error.hint()));
            }
        }
        let mut walk = walk(&failing, PagePlan::by_links());
        let (_, errors) = drain(&mut walk).await;
        say(&errors);
        say(&walk);
    }
    // A ready token that its service refuses.
    let ready = endpoint(over(tenant.exchange()));
    say(&ready.bytes(&get()).await.unwrap_err());

    let said = said.into_inner();
    let log = String::from_utf8(traces.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("asking again") && log.len() > 1000, "the traces were on");
    let mut secrets = forms(Tenant::SECRET);
    secrets.extend(forms("ready-token"));
    for request in tenant.requests() {
        if let Some(token) = request.header("authorization").and_then(|a| a.strip_prefix("Bearer ")) {
            secrets.push(token.to_owned());
            secrets.extend(token.split('.').filter(|part| part.len() > 40).map(str::to_owned));
        }
    }
    assert!(secrets.len() > 10, "tokens were sent");
    for secret in secrets {
        assert!(!said.contains(&secret), "printed: {secret}");
        assert!(!log.contains(&secret), "traced: {secret}");
    }
}

/// What a request carries that nobody may see.
fn carried(request: &pocketsoc_testkit::Request) -> Vec<String> {
    const FIELDS: [&str; 7] = [
        "client_secret",
        "client_assertion",
        "assertion",
        "refresh_token",
        "code",
        "code_verifier",
        "device_code",
    ];
    let fields = FIELDS.iter().filter_map(|name| request.field(name)).filter(|text| !text.is_empty());
    let token = request.header("authorization").and_then(|a| a.strip_prefix("Bearer "));
    fields.chain(token.map(str::to_owned)).collect()
}

/// What can go wrong with a token request.
fn troubles() -> Vec<Trouble> {
    vec![
        Trouble::Replace("Bearer".into(), "pop".into()),
        Trouble::Replace("{".into(), String::new()),
        Trouble::Replace("access_token".into(), "access_tokem".into()),
        Trouble::EndEarly(200),
        Trouble::Refuse,
        Trouble::Hang,
        Trouble::Answer(Reply::json(400, r#"{"error":"invalid_grant","suberror":"bad_token"}"#)),
        Trouble::Answer(Reply::json(200, r#"{"access_token":"CANARY token","expires_in":1}"#)),
        Trouble::Answer(Reply::json(200, r#"["CANARY-array"]"#)),
        Trouble::Answer(Reply::empty(302).with_header("location", "https://evil.example/?CANARY")),
    ]
}

/// A connection to a tenant in virtual time.
fn connect(tenant: &Tenant, credential: Credential) -> pocketsoc_transport::ConnectionBuilder {
    Connection::builder(credential, Cloud::Public)
        .http(tenant.exchange())
        .clock(Arc::new(SystemClock::starting_at("2026-09-21T13:00:00Z".parse().unwrap())))
        .without_pacing()
}

#[tokio::test(start_paused = true)]
async fn a18_nothing_of_any_sign_in_is_printed_however_it_ends() {
    let traces = Traces::default();
    let _listening = listen(&traces);
    let said = std::cell::RefCell::new(String::new());
    let say = |thing: &dyn std::fmt::Debug| writeln!(said.borrow_mut(), "{thing:?} {thing:#?}").unwrap();
    let mut secrets: Vec<String> = Vec::new();

    let tenant = tenant().alerts(2).build();
    let (issuer, subject) = ("https://oidc.example", "watcher");
    tenant.add_app(App::new("workload", "unused").with_federation(issuer, subject));
    let federated = Secret::new(Tenant::federated_token(issuer, subject));
    let user = Secret::new(tenant.user_token_for(Tenant::CLIENT_ID));
    let proof = Proof::secret(Secret::new(Tenant::SECRET));
    say(&proof);
    let of_vault = || async { Ok(Secret::new(Tenant::SECRET)) };
    let credentials = [
        Credential::client_secret(Tenant::ID, Tenant::CLIENT_ID, of_vault),
        Credential::federated(Tenant::ID, "workload", federated.clone()),
        Credential::on_behalf_of(Tenant::ID, Tenant::CLIENT_ID, proof, user.clone()),
        Credential::managed_identity(ManagedIdentity::system()),
    ];
    for credential in &credentials {
        say(credential);
        tenant.clear_faults();
        say(&endpoint(connect(&tenant, credential.clone())).grants().await);
        for trouble in troubles() {
            tenant.clear_faults();
            tenant.add_fault(Fault::on("/token", trouble));
            let failing = endpoint(connect(&tenant, credential.clone()));
            if let Err(error) = failing.bytes(&get()).await {
                say(&error);
                say(&error.to_string());
            }
            say(&failing.connection());
        }
    }

    // A gateway that repeats the form it refuses.
    let echo = format!(r#"{{"error":"invalid_request","error_description":"bad form: {}"}}"#, Tenant::SECRET);
    tenant.clear_faults();
    tenant.add_fault(Fault::on("/token", Trouble::Answer(Reply::json(400, echo))));
    let error = endpoint(connect(&tenant, credentials[0].clone())).bytes(&get()).await.unwrap_err();
    assert!(error.to_string().contains("bad form: ***"), "{error}");

    // Users: by browser and by device, once well and once with each trouble.
    for trouble in std::iter::once(None).chain(troubles().into_iter().map(Some)) {
        tenant.clear_faults();
        let store = Arc::new(MemoryStore::default());
        let session = Session::new(Tenant::ID, Tenant::DESKTOP_CLIENT_ID, Arc::clone(&store));
        let connection = connect(&tenant, session.clone().into()).build().unwrap();
        let sign_in = connection.sign_in().unwrap();
        say(&sign_in);
        let pending = sign_in.begin(Service::DefenderEndpoint, "pocketsoc://auth").unwrap();
        say(&pending);
        let back = tenant.sign_in(pending.url()).unwrap();
        let state = url::Url::parse(&back).unwrap();
        secrets
            .extend(state.query_pairs().filter(|(n, _)| n != "session_state").map(|(_, v)| v.into_owned()));
        let device = sign_in.device_code(Service::DefenderEndpoint).await.unwrap();
        say(&device);
        tenant.decide_device(device.user_code(), true);
        say(&pending.finish("pocketsoc://auth?code=CANARY-code&state=CANARY-state").await);
        if let Some(trouble) = trouble {
            tenant.add_fault(Fault::on("/token", trouble));
        }
        say(&pending.finish(&back).await);
        say(&tokio::time::timeout(std::time::Duration::from_secs(60), device.finish()).await);
        let endpoint = connection.endpoint(Service::Graph, None, None).unwrap();
        say(&endpoint.grants().await);
        say(&(&session, &connection, &store));
        if let Some(kept) = store.load().await.unwrap() {
            say(&kept);
            let kept: serde_json::Value = serde_json::from_str(kept.expose()).unwrap();
            secrets.push(kept["refresh_token"].as_str().unwrap().to_owned());
        }
    }

    let said = said.into_inner();
    let log = String::from_utf8(traces.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("answered") && log.len() > 1000, "the traces were on");
    secrets.extend(tenant.requests().iter().flat_map(carried));
    secrets.extend(["CANARY".to_owned(), user.expose().to_owned(), federated.expose().to_owned()]);
    secrets.sort();
    secrets.dedup();
    assert!(secrets.len() > 40, "{} secrets went over the wire", secrets.len());
    for secret in secrets.iter().flat_map(|secret| forms(secret)) {
        assert!(!said.contains(&secret), "printed: {secret}");
        assert!(!log.contains(&secret), "traced: {secret}");
    }
}
