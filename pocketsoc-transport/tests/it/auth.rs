//! Signing in: one request for all who wait, refreshed ahead, failures shared, hints for who has to mend it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use pocketsoc_testkit::{App, Fault, Tenant};
use pocketsoc_transport::{Cloud, Connection, Credential, Endpoint, ErrorKind, Secret};

use crate::harness::{Act, endpoint, get, ok, scripted, status, tenant, to};

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn with(tenant: &Tenant, id: &str, client: &str, secret: &str) -> Endpoint {
    let credential = Credential::client_secret(id, client, Secret::new(secret));
    endpoint(Connection::builder(credential, Cloud::Public).http(tenant.exchange()))
}

/// A service whose token endpoint answers by a script and whose API always says yes.
fn signing_in(script: impl Fn(usize) -> Act + Send + Sync + 'static) -> (Endpoint, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let (http, _) = scripted(move |_, request| {
        if request.uri().path().ends_with("/token") {
            script(count.fetch_add(1, Ordering::SeqCst))
        } else {
            ok("{}")
        }
    });
    let credential = Credential::client_secret("contoso.example", "client", Secret::new("hush"));
    let connection = Connection::builder(credential, Cloud::Public)
        .http(http)
        .clock(Arc::new(pocketsoc_transport::SystemClock::new()))
        .without_pacing();
    (endpoint(connection), asked)
}

fn token(life: &str) -> Act {
    ok(format!(r#"{{"token_type":"Bearer","access_token":"tok","expires_in":{life}}}"#))
}

async fn all_at_once(endpoint: &Endpoint, tasks: usize) -> usize {
    let mut set = tokio::task::JoinSet::new();
    for _ in 0..tasks {
        let endpoint = endpoint.clone();
        set.spawn(async move { endpoint.bytes(&get()).await.is_ok() });
    }
    let mut well = 0;
    while let Some(done) = set.join_next().await {
        well += usize::from(done.unwrap());
    }
    well
}

#[tokio::test(start_paused = true)]
async fn the_token_request_is_what_the_vendor_documents() {
    let tenant = tenant().build();
    endpoint(to(&tenant))
        .bytes(&pocketsoc_transport::Call::fixed(
            pocketsoc_transport::Method::Get,
            "list alerts",
            "/api/alerts",
            &pocketsoc_transport::quota::MDE,
        ))
        .await
        .unwrap();
    let requests = tenant.requests();
    let sign_in = &requests[0];
    assert_eq!(
        (sign_in.method.as_str(), sign_in.path.clone()),
        ("POST", format!("/{}/oauth2/v2.0/token", Tenant::ID))
    );
    assert_eq!(sign_in.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(sign_in.header("accept"), Some("application/json"));
    assert_eq!(sign_in.header("authorization"), None, "the secret goes in the body or the header, not both");
    for (field, value) in [
        ("grant_type", "client_credentials"),
        ("client_id", Tenant::CLIENT_ID),
        ("client_secret", Tenant::SECRET),
        ("scope", "https://api.securitycenter.microsoft.com/.default"),
    ] {
        assert_eq!(sign_in.field(field).as_deref(), Some(value), "{field}");
    }
    assert_eq!(sign_in.header("host"), Some("login.microsoftonline.com"));
    assert_eq!(
        requests[1].header("host"),
        Some("api.security.microsoft.com"),
        "the audience is not the host"
    );
    assert!(requests[1].header("authorization").unwrap().starts_with("Bearer ey"));
    assert_eq!(requests[1].header("accept"), Some("application/json"));
}

#[tokio::test(start_paused = true)]
async fn a23_a_thousand_callers_cost_one_token_request_in_success_and_in_failure() {
    let slow = |life| {
        Act::Slow(
            vec![match token(life) {
                Act::Reply(_, _, body) => body,
                _ => unreachable!(),
            }],
            Duration::from_millis(50),
        )
    };
    let (endpoint, asked) = signing_in(move |_| slow("3600"));
    assert_eq!(all_at_once(&endpoint, 1000).await, 1000);
    assert_eq!(asked.load(Ordering::SeqCst), 1);

    let refusal =
        r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided."}"#;
    let (endpoint, asked) = signing_in(move |_| Act::Reply(401, vec![], refusal.into()));
    assert_eq!(all_at_once(&endpoint, 1000).await, 0);
    assert_eq!(all_at_once(&endpoint, 1000).await, 0);
    assert_eq!(asked.load(Ordering::SeqCst), 1, "a refusal is not asked about again at once");
    tokio::time::sleep(secs(61)).await;
    assert_eq!(all_at_once(&endpoint, 1000).await, 0);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a24_a_token_is_refreshed_ahead_and_callers_never_wait_for_it() {
    let down = Arc::new(AtomicBool::new(false));
    let broken = Arc::clone(&down);
    let (endpoint, asked) = signing_in(move |_| {
        if broken.load(Ordering::SeqCst) {
            return Act::Hang;
        }
        ok(r#"{"token_type":"Bearer","access_token":"tok","expires_in":7200,"refresh_in":3600}"#)
    });
    endpoint.bytes(&get()).await.unwrap();
    down.store(true, Ordering::SeqCst);
    tokio::time::sleep(secs(3700)).await;
    for _ in 0..600 {
        let start = tokio::time::Instant::now();
        endpoint.bytes(&get()).await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO, "the old token still serves");
        tokio::time::sleep(secs(1)).await;
    }
    let attempts = asked.load(Ordering::SeqCst) - 1;
    assert!((2..=30).contains(&attempts), "{attempts} attempts in ten minutes");
    down.store(false, Ordering::SeqCst);
    tokio::time::sleep(secs(120)).await;
    endpoint.bytes(&get()).await.unwrap();
    tokio::time::sleep(secs(10)).await;
    let after = asked.load(Ordering::SeqCst);
    tokio::time::sleep(secs(60)).await;
    endpoint.bytes(&get()).await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), after, "refreshed, so quiet again");
}

#[tokio::test(start_paused = true)]
async fn a25_a_caller_that_goes_away_does_not_take_the_token_along() {
    let slow =
        Act::Slow(vec![r#"{"token_type":"Bearer","access_token":"tok","expires_in":3600}"#.into()], secs(2));
    let (endpoint, asked) = signing_in(move |_| slow.clone());
    let first = {
        let e = endpoint.clone();
        tokio::spawn(async move { e.bytes(&get()).await })
    };
    tokio::time::sleep(secs(1)).await;
    let second = {
        let e = endpoint.clone();
        tokio::spawn(async move { e.bytes(&get()).await })
    };
    tokio::time::sleep(Duration::from_millis(10)).await;
    first.abort();
    second.await.unwrap().unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a28_odd_token_answers_are_read_or_refused_and_never_loop() {
    for life in ["3599", "\"3599\"", "null", "1e3", "99999999999", "0"] {
        let (endpoint, asked) = signing_in(move |_| token(life));
        endpoint.bytes(&get()).await.unwrap_or_else(|e| panic!("{life}: {e}"));
        assert_eq!(asked.load(Ordering::SeqCst), 1, "{life}");
    }
    for (body, expected) in [
        (r#"{"token_type":"Bearer","access_token":"c4nary","expires_in":-1}"#, ErrorKind::Decode),
        (r#"{"token_type":"pop","access_token":"c4nary","expires_in":3600}"#, ErrorKind::Decode),
        (r#"{"token_type":"Bearer","access_token":"a b","expires_in":3600}"#, ErrorKind::Decode),
        (r#"{"token_type":"Bearer"}"#, ErrorKind::Decode),
        ("<html>captive portal</html>", ErrorKind::Decode),
        ("", ErrorKind::Decode),
    ] {
        let (endpoint, asked) = signing_in(move |_| ok(body));
        let error = endpoint.bytes(&get()).await.unwrap_err();
        assert_eq!((error.kind(), asked.load(Ordering::SeqCst)), (expected, 1), "{body}: {error}");
        assert!(!format!("{error} {error:?}").contains("c4nary"), "no token in {error:?}");
    }
    let (endpoint, asked) = signing_in(|_| Act::Reply(503, vec![], "<html>busy</html>".into()));
    let error = endpoint.bytes(&get()).await.unwrap_err();
    assert_eq!((error.kind(), asked.load(Ordering::SeqCst)), (ErrorKind::Unavailable, 4), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_throttled_sign_in_waits_as_asked_and_then_works() {
    let (endpoint, asked) = signing_in(|n| {
        if n == 0 { Act::Reply(429, vec![("retry-after", "60".into())], "".into()) } else { token("3600") }
    });
    let start = tokio::time::Instant::now();
    endpoint.bytes(&get()).await.unwrap();
    assert!(start.elapsed() >= secs(60) && asked.load(Ordering::SeqCst) == 2);
}

#[tokio::test(start_paused = true)]
async fn who_has_to_mend_it_is_told_what() {
    let tenant = tenant().build();
    for (id, client, secret, kind, code, hint) in [
        (
            Tenant::ID,
            Tenant::CLIENT_ID,
            "wrong",
            ErrorKind::Unauthenticated,
            "AADSTS7000215",
            "secret's value",
        ),
        (Tenant::ID, "nobody", "x", ErrorKind::Unauthenticated, "AADSTS700016", "client id"),
        ("other.example", Tenant::CLIENT_ID, "x", ErrorKind::Unauthenticated, "AADSTS90002", "tenant id"),
    ] {
        let error = with(&tenant, id, client, secret).bytes(&get()).await.unwrap_err();
        assert_eq!((error.kind(), error.operation()), (kind, "sign in"), "{error}");
        assert!(error.code().unwrap().contains(code), "{error}");
        assert!(error.hint().unwrap().contains(hint), "{error} / {:?}", error.hint());
        assert!(error.request_id().is_some() && !error.to_string().contains("Trace ID"), "{error}");
    }
    let wrong_audience = Connection::builder(
        Credential::client_secret(Tenant::ID, Tenant::CLIENT_ID, Secret::new(Tenant::SECRET)),
        Cloud::Public,
    )
    .http(tenant.exchange())
    .build()
    .unwrap()
    .endpoint(
        pocketsoc_transport::Service::DefenderEndpoint,
        None,
        Some("https://api.security.microsoft.com"),
    )
    .unwrap();
    let error = wrong_audience.bytes(&get()).await.unwrap_err();
    assert!(
        error.code().unwrap().contains("500011") && error.hint().unwrap().contains("audience"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_replaced_once_and_then_it_is_an_error() {
    let tenant = tenant().build();
    let list = || {
        pocketsoc_transport::Call::fixed(
            pocketsoc_transport::Method::Get,
            "list alerts",
            "/api/alerts",
            &pocketsoc_transport::quota::MDE,
        )
    };
    let endpoint = endpoint(to(&tenant));
    endpoint.bytes(&list()).await.unwrap();
    tenant.revoke_tokens();
    endpoint.bytes(&list()).await.unwrap();
    assert_eq!(tenant.requests_to("/oauth2/").len(), 2);

    tokio::time::sleep(secs(61)).await;
    tenant.add_fault(Fault::status("/api/alerts", 401));
    tenant.forget_requests();
    let error = endpoint.bytes(&list()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert_eq!((tenant.requests_to("/oauth2/").len(), tenant.requests_to("/api/").len()), (1, 2));
    for _ in 0..20 {
        endpoint.bytes(&list()).await.unwrap_err();
    }
    assert_eq!(
        tenant.requests_to("/oauth2/").len(),
        1,
        "the sign-in is not asked for what the service refuses"
    );
}

#[tokio::test(start_paused = true)]
async fn a_missing_grant_is_named() {
    let tenant = tenant().build();
    tenant.add_app(App::new("reader", "pw").with_roles(["Machine.Read.All"]));
    let endpoint = with(&tenant, Tenant::ID, "reader", "pw");
    let call = pocketsoc_transport::Call::fixed(
        pocketsoc_transport::Method::Get,
        "list alerts",
        "/api/alerts",
        &pocketsoc_transport::quota::MDE,
    )
    .with_permission("Alert.Read.All");
    let error = endpoint.bytes(&call).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.hint().unwrap().contains("Alert.Read.All"), "{:?}", error.hint());
    let grants = endpoint.grants().await.unwrap().unwrap();
    assert!(grants.has_any(&["Machine.Read.All"]) && !grants.has_any(&["Alert.Read.All"]));
}

#[tokio::test(start_paused = true)]
async fn a_ready_token_is_used_as_it_is_and_an_expired_one_is_said_to_be() {
    let tenant = tenant().build();
    let ready = |token: String| {
        let connection = Connection::builder(Credential::token(Secret::new(token)), Cloud::Public)
            .http(tenant.exchange())
            .clock(Arc::new(pocketsoc_transport::SystemClock::starting_at(
                "2026-09-21T13:00:00Z".parse().unwrap(),
            )));
        endpoint(connection)
    };
    let good = ready(tenant.token_with_scopes(&["Alert.Read"]));
    let list = pocketsoc_transport::Call::fixed(
        pocketsoc_transport::Method::Get,
        "list alerts",
        "/api/alerts",
        &pocketsoc_transport::quota::MDE,
    );
    good.bytes(&list).await.unwrap();
    assert!(tenant.requests_to("/oauth2/").is_empty());
    tokio::time::sleep(secs(4000)).await;
    let error = good.bytes(&list).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");

    let (http, log) = scripted(|_, _| status(401));
    let connection = Connection::builder(Credential::token(Secret::new("opaque")), Cloud::Public).http(http);
    let error = endpoint(connection).bytes(&get()).await.unwrap_err();
    assert_eq!(
        (error.kind(), log.count()),
        (ErrorKind::Unauthenticated, 1),
        "there is no other token to try"
    );
}
