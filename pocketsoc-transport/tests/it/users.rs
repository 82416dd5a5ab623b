//! Users sign in by browser and by device code, and stay signed in until they are not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pocketsoc_testkit::{App, Tenant};
use pocketsoc_transport::{
    Call, Cloud, Connection, Endpoint, ErrorKind, MemoryStore, Method, PendingSignIn, Prompt, Proof, Secret,
    Service, Session, SessionStore, SystemClock, quota,
};

use crate::harness::{Act, ok, scripted, tenant};

const APP: &str = "5e55104e-0000-4000-8000-00000000beef";
const REDIRECT: &str = "pocketsoc://auth";

fn list() -> Call {
    Call::fixed(Method::Get, "list alerts", "/api/alerts", &quota::MDE)
}

fn clock() -> Arc<SystemClock> {
    Arc::new(SystemClock::starting_at("2026-09-21T13:00:00Z".parse().unwrap()))
}

/// A tenant with a desktop application, and a connection of it.
fn desktop(store: impl SessionStore) -> (Tenant, Connection) {
    let tenant = tenant().build();
    tenant.add_app(App::public(APP));
    let connection = connect(&tenant, Session::new(Tenant::ID, APP, store));
    (tenant, connection)
}

fn connect(tenant: &Tenant, session: Session) -> Connection {
    let connection =
        Connection::builder(session.into(), Cloud::Public).http(tenant.exchange()).clock(clock());
    connection.without_pacing().build().unwrap()
}

fn endpoint(connection: &Connection) -> Endpoint {
    connection.endpoint(Service::DefenderEndpoint, None, None).unwrap()
}

/// What the user's browser does with an address: the page's form is sent, and the answer leads back.
fn browse(tenant: &Tenant, url: &str) -> String {
    tenant.sign_in(url).unwrap()
}

fn begin(connection: &Connection) -> PendingSignIn {
    connection.sign_in().unwrap().begin(Service::DefenderEndpoint, REDIRECT).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_user_signs_in_with_the_guides_redirect_and_every_service_is_open() {
    let (tenant, connection) = desktop(MemoryStore::default());
    let error = endpoint(&connection).bytes(&list()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InteractionRequired);
    assert_eq!(
        (tenant.requests().len(), error.hint()),
        (0, Some("sign in again")),
        "nobody is asked in vain"
    );

    let pending = begin(&connection);
    let url = url::Url::parse(pending.url()).unwrap();
    assert_eq!(url.host_str(), Some("login.microsoftonline.com"));
    assert_eq!(url.path(), format!("/{}/oauth2/v2.0/authorize", Tenant::ID));
    let asked: std::collections::HashMap<_, _> = url.query_pairs().into_owned().collect();
    for (name, value) in [
        ("client_id", APP),
        ("response_type", "code"),
        ("response_mode", "query"),
        ("redirect_uri", REDIRECT),
        ("scope", "https://api.securitycenter.microsoft.com/.default offline_access openid profile"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(asked[name], value, "{name}");
    }
    assert!(asked["code_challenge"].len() == 43 && asked["state"].len() >= 16);
    assert!(!asked.contains_key("prompt"));

    let account = pending.finish(&browse(&tenant, pending.url())).await.unwrap();
    assert_eq!(account.user_name.as_deref(), Some(Tenant::USER));
    assert_eq!(account.tenant_id.as_deref(), Some(Tenant::ID));
    let redeemed = tenant.requests_to("/token").pop().unwrap();
    assert_eq!(redeemed.field("redirect_uri").as_deref(), Some(REDIRECT));
    assert!(redeemed.field("code_verifier").unwrap().len() >= 43);
    assert_eq!(redeemed.field("client_secret"), None, "a public client sends none");

    // The sign-in's own token serves at once; the refusal from before is forgotten.
    tenant.forget_requests();
    endpoint(&connection).bytes(&list()).await.unwrap();
    assert!(tenant.requests_to("/token").is_empty());
    // One refresh token serves the other services.
    for service in [Service::Graph, Service::ResourceManager] {
        let grants = connection.endpoint(service, None, None).unwrap().grants().await.unwrap().unwrap();
        assert!(!grants.scopes.is_empty() && grants.roles.is_empty());
    }
    let refreshed = tenant.requests_to("/token");
    assert_eq!(refreshed.len(), 2);
    assert_ne!(refreshed[0].field("refresh_token"), refreshed[1].field("refresh_token"), "they rotate");
}

#[tokio::test(start_paused = true)]
async fn a_session_lasts_from_run_to_run_until_it_is_signed_out() {
    let store = Arc::new(MemoryStore::default());
    let (tenant, connection) = desktop(Arc::clone(&store));
    let pending = begin(&connection);
    pending.finish(&browse(&tenant, pending.url())).await.unwrap();

    let session = Session::new(Tenant::ID, APP, Arc::clone(&store));
    let next_run = connect(&tenant, session.clone());
    endpoint(&next_run).bytes(&list()).await.unwrap();
    assert!(!next_run.sign_in().unwrap().is_needed(Service::DefenderEndpoint).await.unwrap());
    // The first run goes on with what the second has saved, when its own is refused.
    tenant.revoke_sessions();
    let again = begin(&next_run);
    again.finish(&browse(&tenant, again.url())).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    tenant.forget_requests();
    endpoint(&connection).bytes(&list()).await.unwrap();
    let sent: Vec<_> = tenant.requests_to("/token").iter().filter_map(|r| r.field("refresh_token")).collect();
    assert_eq!(sent.len(), 2, "its own, and then the one in the store");

    session.sign_out().await.unwrap();
    assert!(store.load().await.unwrap().is_none());
    let error = endpoint(&next_run).bytes(&list()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InteractionRequired, "also where a token was at hand");
}

#[tokio::test(start_paused = true)]
async fn a_revoked_session_asks_for_the_user_and_never_loops() {
    let (tenant, connection) = desktop(MemoryStore::default());
    let pending = begin(&connection);
    pending.finish(&browse(&tenant, pending.url())).await.unwrap();
    tenant.revoke_sessions();
    tenant.revoke_tokens();
    tenant.forget_requests();
    for _ in 0..50 {
        let error = endpoint(&connection).bytes(&list()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InteractionRequired);
        assert!(error.hint().unwrap().contains("sign in again"));
    }
    assert_eq!(tenant.requests_to("/token").len(), 1);
    assert!(connection.sign_in().unwrap().is_needed(Service::DefenderEndpoint).await.unwrap());
    let again = begin(&connection);
    again.finish(&browse(&tenant, again.url())).await.unwrap();
    endpoint(&connection).bytes(&list()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn another_factor_is_asked_for_with_the_claims_that_the_service_wants() {
    let (tenant, connection) = desktop(MemoryStore::default());
    let pending = begin(&connection);
    pending.finish(&browse(&tenant, pending.url())).await.unwrap();
    tenant.demand_interaction();
    tenant.revoke_tokens();
    let error = endpoint(&connection).bytes(&list()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InteractionRequired);
    assert!(error.hint().unwrap().contains("factor"), "{:?}", error.hint());

    let again = begin(&connection);
    let url = url::Url::parse(again.url()).unwrap();
    let claims = url.query_pairs().find(|(name, _)| name == "claims").unwrap().1.into_owned();
    assert!(claims.contains("capolids") && claims.contains("cp1"), "{claims}");
    again.finish(&browse(&tenant, again.url())).await.unwrap();
    endpoint(&connection).bytes(&list()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_strangers_answer_does_not_end_a_sign_in_and_a_code_serves_once() {
    let (tenant, connection) = desktop(MemoryStore::default());
    let pending = begin(&connection);
    let back = browse(&tenant, pending.url());
    let forged = back.replace("code=", "code=evil").replace("state=", "state=evil");
    assert_eq!(pending.finish(&forged).await.unwrap_err().kind(), ErrorKind::Untrusted);
    assert!(tenant.requests_to("/token").is_empty(), "no code of a stranger is redeemed");
    pending.finish(&back).await.unwrap();
    let error = pending.finish(&back).await.unwrap_err();
    assert!(error.hint().unwrap().contains("used already"), "{error:?}");

    // Two sign-ins at once do not take each other's answer.
    let (one, other) = (begin(&connection), begin(&connection));
    let back = browse(&tenant, other.url());
    assert_eq!(one.finish(&back).await.unwrap_err().kind(), ErrorKind::Untrusted);
    other.finish(&back).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_signed_in_to_is_told_before_a_browser_opens() {
    let (tenant, connection) = desktop(MemoryStore::default());
    let sign_in = connection.sign_in().unwrap();
    for bad in ["", "nonsense", "http://app.example/", "javascript:x", "https://u@x/", "pocketsoc://auth#x"] {
        let error = sign_in.begin(Service::DefenderEndpoint, bad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{bad}");
    }
    let hinted = sign_in.with_login_hint("ada@contoso.example").with_prompt(Prompt::SelectAccount);
    let pending = hinted.begin(Service::Graph, REDIRECT).unwrap();
    assert!(
        pending.url().contains("login_hint=ada%40contoso.example")
            && pending.url().contains("prompt=select_account")
    );

    let secret = pocketsoc_transport::Credential::client_secret(Tenant::ID, APP, Secret::new("s"));
    let other = Connection::builder(secret, Cloud::Public).http(tenant.exchange()).build().unwrap();
    assert_eq!(other.sign_in().unwrap_err().kind(), ErrorKind::Unsupported);
    let china = Session::new(Tenant::ID, APP, MemoryStore::default());
    let china = Connection::builder(china.into(), Cloud::China).http(tenant.exchange()).build().unwrap();
    let error = china.sign_in().unwrap().begin(Service::DefenderEndpoint, REDIRECT).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[tokio::test(start_paused = true)]
async fn a_web_application_proves_itself_as_well() {
    let tenant = tenant().build();
    let proof = Proof::secret(Secret::new(Tenant::SECRET));
    let session =
        Session::of_confidential_client(Tenant::ID, Tenant::CLIENT_ID, proof, MemoryStore::default());
    let connection = connect(&tenant, session);
    let sign_in = connection.sign_in().unwrap();
    let pending = sign_in.begin(Service::Graph, "https://soc.contoso.example/signed-in").unwrap();
    pending.finish(&browse(&tenant, pending.url())).await.unwrap();
    let redeemed = tenant.requests_to("/token").pop().unwrap();
    assert_eq!(redeemed.field("client_secret").as_deref(), Some(Tenant::SECRET));
}

#[tokio::test(start_paused = true)]
async fn a_device_code_is_entered_elsewhere() {
    let (tenant, connection) = desktop(MemoryStore::default());
    let code = connection.sign_in().unwrap().device_code(Service::DefenderEndpoint).await.unwrap();
    assert!(code.user_code().starts_with("FAKE") && code.verification_uri().ends_with("/devicelogin"));
    let user_code = code.user_code().to_owned();
    let waiting = tokio::spawn(code.finish());
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert!(tenant.decide_device(&user_code, true));
    let account = waiting.await.unwrap().unwrap();
    assert_eq!(account.user_name.as_deref(), Some(Tenant::USER));
    endpoint(&connection).bytes(&list()).await.unwrap();

    let code = connection.sign_in().unwrap().device_code(Service::DefenderEndpoint).await.unwrap();
    tenant.decide_device(code.user_code(), false);
    assert_eq!(code.finish().await.unwrap_err().kind(), ErrorKind::PermissionDenied);
    let code = connection.sign_in().unwrap().device_code(Service::DefenderEndpoint).await.unwrap();
    let error = code.finish().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InteractionRequired, "nobody came within a quarter of an hour");
}

#[tokio::test(start_paused = true)]
async fn a30_a_device_is_patient_and_knows_when_to_stop() {
    let polled = |script: fn(usize) -> Act| async move {
        let polls = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&polls);
        let (http, log) = scripted(move |_, request| {
            if request.uri().path().ends_with("/devicecode") {
                ok(
                    r#"{"device_code":"d","user_code":"U","verification_uri":"https://microsoft.com/devicelogin","expires_in":"900","interval":5}"#,
                )
            } else {
                script(count.fetch_add(1, Ordering::SeqCst))
            }
        });
        let session = Session::new("contoso.example", APP, MemoryStore::default());
        let connection = Connection::builder(session.into(), Cloud::Public).http(http).clock(clock());
        let connection = connection.without_pacing().build().unwrap();
        let code = connection.sign_in().unwrap().device_code(Service::Graph).await.unwrap();
        let outcome = code.finish().await;
        let times = log.times();
        let gaps: Vec<u64> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
        (outcome, gaps)
    };
    let (outcome, gaps) = polled(|n| {
        let error = |word: &str| Act::Reply(400, vec![], format!(r#"{{"error":"{word}"}}"#).into());
        match n {
            0..=2 | 6 => error("authorization_pending"),
            3 => error("slow_down"),
            4 => Act::Reset,
            5 => Act::Reply(503, vec![], "<html>".into()),
            _ => ok(r#"{"access_token":"t","token_type":"Bearer","expires_in":3599,"refresh_token":"r"}"#),
        }
    })
    .await;
    outcome.unwrap();
    assert_eq!(gaps, [5, 5, 5, 5, 10, 20, 40, 10]);

    for (word, kind) in [
        ("authorization_declined", ErrorKind::PermissionDenied),
        ("access_denied", ErrorKind::PermissionDenied),
        ("expired_token", ErrorKind::InteractionRequired),
        ("bad_verification_code", ErrorKind::Unauthenticated),
        ("invalid_client", ErrorKind::Unauthenticated),
    ] {
        let script: fn(usize) -> Act = match word {
            "authorization_declined" => {
                |_| Act::Reply(400, vec![], r#"{"error":"authorization_declined"}"#.into())
            }
            "access_denied" => |_| Act::Reply(400, vec![], r#"{"error":"access_denied"}"#.into()),
            "expired_token" => |_| Act::Reply(400, vec![], r#"{"error":"expired_token"}"#.into()),
            "bad_verification_code" => {
                |_| Act::Reply(400, vec![], r#"{"error":"bad_verification_code"}"#.into())
            }
            _ => |_| Act::Reply(401, vec![], r#"{"error":"invalid_client"}"#.into()),
        };
        let (outcome, gaps) = polled(script).await;
        assert_eq!((outcome.unwrap_err().kind(), gaps.as_slice()), (kind, &[5][..]), "{word}");
    }
}

#[tokio::test]
async fn the_browser_comes_back_to_a_port_that_serves_that_answer_alone() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (tenant, connection) = desktop(MemoryStore::default());
    let (opened, address) = tokio::sync::oneshot::channel();
    let sign_in = connection.sign_in().unwrap();
    let waiting = tokio::spawn(async move {
        let open = move |url: &str| opened.send(url.to_owned()).map_err(std::io::Error::other);
        sign_in.on_loopback(Service::DefenderEndpoint, open).await
    });
    let url = address.await.unwrap();
    let back = url::Url::parse(&browse(&tenant, &url)).unwrap();
    let port = back.port().unwrap();
    let ask = |target: String, host: String| async move {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        answer
    };
    let here = format!("localhost:{port}");
    // Browsers open connections that they never use: nobody waits behind them.
    let _idle = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    assert!(ask("/favicon.ico".into(), here.clone()).await.starts_with("HTTP/1.1 404"));
    assert!(ask("/?code=evil&state=evil".into(), here.clone()).await.starts_with("HTTP/1.1 404"));
    let target = format!("{}?{}", back.path(), back.query().unwrap());
    assert_eq!(ask(target.clone(), "evil.example:80".into()).await, "", "another name is another page");
    let page = ask(target.clone(), here).await;
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("You are signed in"), "{page}");
    assert!(!page.contains("code="), "nothing of the answer is shown");
    assert_eq!(waiting.await.unwrap().unwrap().user_name.as_deref(), Some(Tenant::USER));
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err(), "the port is closed");
    endpoint(&connection).bytes(&list()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_service_without_consent_does_not_cost_the_session() {
    /// A store that has never room.
    struct Full;
    #[async_trait::async_trait]
    impl SessionStore for Full {
        async fn load(&self) -> pocketsoc_model::Result<Option<Secret>> {
            Ok(None)
        }
        async fn save(&self, _: &Secret) -> pocketsoc_model::Result<()> {
            Err(pocketsoc_model::Error::new(ErrorKind::Unavailable, "keep the session"))
        }
        async fn clear(&self) -> pocketsoc_model::Result<()> {
            Ok(())
        }
    }
    let tenant = tenant().build();
    tenant.add_app(App::public(APP).with_scopes(["Alert.Read"]));
    let connection = connect(&tenant, Session::new(Tenant::ID, APP, Full));
    let pending = begin(&connection);
    // A store that fails does not spoil the sign-in: the session lasts as long as the program.
    pending.finish(&browse(&tenant, pending.url())).await.unwrap();
    let graph = connection.endpoint(Service::Graph, None, None).unwrap();
    let error = graph.grants().await.unwrap_err();
    assert!(error.hint().unwrap().contains("consent"), "{error:?}");
    tokio::time::sleep(Duration::from_secs(3600)).await;
    endpoint(&connection).bytes(&list()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_code_whose_answer_was_lost_is_not_redeemed_again() {
    use pocketsoc_testkit::{Fault, Trouble};
    let (tenant, connection) = desktop(MemoryStore::default());
    let pending = begin(&connection);
    let back = browse(&tenant, pending.url());
    tenant.add_fault(Fault::on("/token", Trouble::ResetAfter).once());
    let error = pending.finish(&back).await.unwrap_err();
    assert_eq!((error.kind(), tenant.requests_to("/token").len()), (ErrorKind::Unavailable, 1), "{error}");
    // What was certainly not read may be sent again.
    let pending = begin(&connection);
    tenant.add_fault(Fault::throttle("/token", "1").once());
    pending.finish(&browse(&tenant, pending.url())).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_device_proves_what_is_wanted_and_only_for_applications_without_a_secret() {
    let (tenant, connection) = desktop(MemoryStore::default());
    let pending = begin(&connection);
    pending.finish(&browse(&tenant, pending.url())).await.unwrap();
    tenant.demand_interaction();
    tenant.revoke_tokens();
    endpoint(&connection).bytes(&list()).await.unwrap_err();
    let sign_in = connection.sign_in().unwrap();
    sign_in.device_code(Service::Graph).await.unwrap();
    let asked = tenant.requests_to("/devicecode").pop().unwrap();
    assert!(asked.field("claims").unwrap().contains("capolids"), "{:?}", asked.field("claims"));
    assert!(asked.field("scope").unwrap().starts_with("https://graph.microsoft.com/.default"));

    let proof = Proof::secret(Secret::new(Tenant::SECRET));
    let web = Session::of_confidential_client(Tenant::ID, Tenant::CLIENT_ID, proof, MemoryStore::default());
    let error = connect(&tenant, web).sign_in().unwrap().device_code(Service::Graph).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[tokio::test(start_paused = true)]
async fn an_audience_of_ones_own_is_signed_in_to() {
    let (_, connection) = desktop(MemoryStore::default());
    let sign_in = connection
        .sign_in()
        .unwrap()
        .with_audience("https://securitycenter.onmicrosoft.us/windowsatpservice");
    let pending = sign_in.begin(Service::DefenderEndpoint, REDIRECT).unwrap();
    assert!(pending.url().contains("securitycenter.onmicrosoft.us"), "{}", pending.url());
}
