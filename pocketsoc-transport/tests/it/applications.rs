//! Applications sign in with every proof, and a proof that has been replaced takes effect without a failed call.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pocketsoc_testkit::{App, Fault, Reply, Tenant, Trouble};
use pocketsoc_transport::{
    Call, Cloud, Connection, ConnectionBuilder, Credential, Endpoint, ErrorKind, ManagedIdentity, Method,
    Proof, Secret, SecretSource, Service, StoredSecret, SystemClock, quota,
};

use crate::harness::{Act, endpoint, get, ok, over, scripted, tenant};

const START: &str = "2026-09-21T13:00:00Z";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

fn connection(tenant: &Tenant, credential: Credential) -> ConnectionBuilder {
    Connection::builder(credential, Cloud::Public)
        .http(tenant.exchange())
        .clock(Arc::new(SystemClock::starting_at(START.parse().unwrap())))
        .without_pacing()
}

fn list() -> Call {
    Call::fixed(Method::Get, "list alerts", "/api/alerts", &quota::MDE)
}

fn with(tenant: &Tenant, credential: Credential) -> Endpoint {
    endpoint(connection(tenant, credential))
}

/// A secret that is replaced while the program runs.
#[derive(Clone)]
struct Vault(Arc<Mutex<String>>, Arc<AtomicUsize>);

impl Vault {
    fn holding(secret: &str) -> Self {
        Self(Arc::new(Mutex::new(secret.to_owned())), Arc::default())
    }
    fn put(&self, secret: &str) {
        secret.clone_into(&mut self.0.lock().unwrap());
    }
    fn source(&self) -> impl SecretSource + use<> {
        let vault = self.clone();
        move || {
            vault.1.fetch_add(1, Ordering::SeqCst);
            let secret = vault.0.lock().unwrap().clone();
            async move { Ok(Secret::new(secret)) }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a27_a_rotated_secret_is_read_anew_and_no_call_fails() {
    let tenant = tenant().build();
    tenant.add_app(App::new("rotating", "first").with_secret("second"));
    let vault = Vault::holding("first");
    let endpoint = with(&tenant, Credential::client_secret(Tenant::ID, "rotating", vault.source()));
    endpoint.bytes(&list()).await.unwrap();
    vault.put("second");
    tokio::time::sleep(Duration::from_secs(3600)).await;
    endpoint.bytes(&list()).await.unwrap();
    let sent: Vec<_> =
        tenant.requests_to("/token").iter().map(|r| r.field("client_secret").unwrap()).collect();
    assert_eq!(sent, ["first", "second"]);
}

#[tokio::test(start_paused = true)]
async fn a27_a_refused_secret_is_read_once_more_and_then_left_alone_for_a_minute() {
    let tenant = tenant().build();
    tenant.add_app(App::new("rotating", "new").with_expired_secret("old"));
    // Between the first look and the second, the administrator's new secret arrives.
    let looks = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&looks);
    let source = move || {
        let secret = if seen.fetch_add(1, Ordering::SeqCst) == 0 { "old" } else { "new" };
        async move { Ok(Secret::new(secret)) }
    };
    let endpoint = with(&tenant, Credential::client_secret(Tenant::ID, "rotating", source));
    endpoint.bytes(&list()).await.unwrap();
    assert_eq!(looks.load(Ordering::SeqCst), 2);

    // One that stays wrong is asked about once a minute, however many call.
    let vault = Vault::holding("old");
    let endpoint = with(&tenant, Credential::client_secret(Tenant::ID, "rotating", vault.source()));
    tenant.forget_requests();
    for _ in 0..100 {
        let error = endpoint.bytes(&list()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        assert!(error.hint().unwrap().contains("expired"), "{:?}", error.hint());
    }
    assert_eq!((tenant.requests_to("/token").len(), vault.1.load(Ordering::SeqCst)), (1, 2));
    vault.put("new");
    tokio::time::sleep(Duration::from_secs(61)).await;
    endpoint.bytes(&list()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_federated_token_is_read_from_its_file_each_time() {
    let tenant = tenant().build();
    tenant.add_app(App::new("workload", "unused").with_federation(ISSUER, "repo:contoso/soc"));
    let file = std::env::temp_dir().join(format!("pocketsoc-federated-{}", std::process::id()));
    std::fs::write(&file, format!("{}\n", Tenant::federated_token(ISSUER, "repo:Contoso/soc"))).unwrap();
    let endpoint = with(&tenant, Credential::federated(Tenant::ID, "workload", StoredSecret::file(&file)));
    let error = endpoint.bytes(&list()).await.unwrap_err();
    assert!(error.hint().unwrap().contains("case"), "{:?}", error.hint());

    std::fs::write(&file, format!("{}\n", Tenant::federated_token(ISSUER, "repo:contoso/soc"))).unwrap();
    tokio::time::sleep(Duration::from_secs(61)).await;
    endpoint.bytes(&list()).await.unwrap();
    let request = tenant.requests_to("/token").pop().unwrap();
    assert_eq!(
        request.field("client_assertion_type").as_deref(),
        Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
    );
    assert_eq!(
        (request.field("client_secret"), request.field("grant_type").as_deref()),
        (None, Some("client_credentials"))
    );
    std::fs::remove_file(file).unwrap();
}

#[tokio::test(start_paused = true)]
async fn on_behalf_of_a_user_the_application_has_the_users_permissions() {
    let tenant = tenant().build();
    let proof = || Proof::secret(Secret::new(Tenant::SECRET));
    let user = Secret::new(tenant.user_token_for(Tenant::CLIENT_ID));
    let endpoint = with(&tenant, Credential::on_behalf_of(Tenant::ID, Tenant::CLIENT_ID, proof(), user));
    let grants = endpoint.grants().await.unwrap().unwrap();
    assert!(grants.roles.is_empty() && grants.has_any(&["Alert.ReadWrite"]), "{grants:?}");
    let request = tenant.requests_to("/token").pop().unwrap();
    for (name, value) in [
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("requested_token_use", "on_behalf_of"),
        ("scope", "https://api.securitycenter.microsoft.com/.default"),
    ] {
        assert_eq!(request.field(name).as_deref(), Some(value), "{name}");
    }

    tenant.demand_interaction();
    let user = Secret::new(tenant.user_token_for(Tenant::CLIENT_ID));
    let endpoint = with(&tenant, Credential::on_behalf_of(Tenant::ID, Tenant::CLIENT_ID, proof(), user));
    let error = endpoint.bytes(&list()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InteractionRequired);
    let stranger = Secret::new("not-a-token-of-this-tenant");
    let endpoint = with(&tenant, Credential::on_behalf_of(Tenant::ID, Tenant::CLIENT_ID, proof(), stranger));
    let error = endpoint.bytes(&list()).await.unwrap_err();
    assert!(error.hint().unwrap().contains("token"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_managed_identity_gets_its_token_from_the_machine() {
    let tenant = tenant().build();
    let identity = ManagedIdentity::client_id(Tenant::CLIENT_ID);
    let endpoint = with(&tenant, Credential::managed_identity(identity));
    endpoint.bytes(&list()).await.unwrap();
    let request = tenant.requests_to("/metadata").pop().unwrap();
    assert_eq!((request.method.as_str(), request.header("host")), ("GET", Some("169.254.169.254")));
    assert_eq!(request.option("resource").as_deref(), Some("https://api.securitycenter.microsoft.com"));
    assert_eq!(request.option("client_id").as_deref(), Some(Tenant::CLIENT_ID));
    tokio::time::sleep(Duration::from_secs(3000)).await;
    endpoint.bytes(&list()).await.unwrap();

    let stranger = ManagedIdentity::client_id("nobody");
    let error = with(&tenant, Credential::managed_identity(stranger)).bytes(&list()).await.unwrap_err();
    assert!(error.hint().unwrap().contains("assign the identity"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a29_the_machines_identity_service_is_asked_as_the_vendor_says() {
    let token = r#"{"access_token":"t","expires_in":"3599","expires_on":"1790003599","token_type":"Bearer"}"#;
    // What goes wrong, how often, and when each try comes, in seconds.
    let cases: [(u16, usize, &[u64]); 4] = [
        (404, 2, &[0, 2, 8]),
        (429, 4, &[0, 2, 8, 22, 52]),
        (500, 1, &[0, 2]),
        (410, 5, &[0, 2, 8, 22, 52, 82]),
    ];
    for (status, times, expected) in cases {
        let (http, log) = scripted(move |n, request| {
            if !request.uri().path().starts_with("/metadata") {
                ok("{}")
            } else if n < times {
                Act::Reply(status, vec![], "{}".into())
            } else {
                ok(token)
            }
        });
        let credential = Credential::managed_identity(ManagedIdentity::system());
        let connection = Connection::builder(credential, Cloud::Public)
            .http(http)
            .clock(Arc::new(SystemClock::new()))
            .without_pacing();
        endpoint(connection).bytes(&get()).await.unwrap();
        let asked: Vec<u64> = log.times()[..=times].iter().map(Duration::as_secs).collect();
        assert_eq!(asked, expected, "{status}");
    }
    let (http, log) = scripted(|_, _| Act::Reply(400, vec![], r#"{"error":"invalid_request"}"#.into()));
    let connection =
        Connection::builder(Credential::managed_identity(ManagedIdentity::system()), Cloud::Public)
            .http(http)
            .without_pacing();
    assert!(endpoint(connection).bytes(&get()).await.is_err());
    assert_eq!(log.count(), 1, "what is wrong stays wrong");
}

#[tokio::test(start_paused = true)]
async fn a26_a_claims_challenge_is_answered_once() {
    let demand = r#"{"access_token":{"nbf":{"essential":true,"value":"1726077595"}}}"#;
    let tenant = tenant().build();
    let secret = Secret::new(Tenant::SECRET);
    let endpoint = with(&tenant, Credential::client_secret(Tenant::ID, Tenant::CLIENT_ID, secret));
    endpoint.bytes(&list()).await.unwrap();
    let first = tenant.requests_to("/token").pop().unwrap();
    assert_eq!(first.field("claims").as_deref(), Some(r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#));

    tenant.demand_claims(Some(demand));
    tenant.forget_requests();
    endpoint.bytes(&list()).await.unwrap();
    let answers = tenant.requests_to("/token");
    let sent: serde_json::Value = serde_json::from_str(&answers[0].field("claims").unwrap()).unwrap();
    assert_eq!(sent["access_token"]["nbf"]["value"], "1726077595");
    assert_eq!(sent["access_token"]["xms_cc"]["values"][0], "cp1");
    assert_eq!((answers.len(), tenant.requests_to("/api/").len()), (1, 2));

    // A service that is never content is not argued with, and the sign-in is not hammered for it.
    tenant.add_fault(Fault::on(
        "/api/",
        Trouble::Answer(Reply::empty(401).with_header(
            "www-authenticate",
            "Bearer error=\"insufficient_claims\", claims=\"eyJhY2Nlc3NfdG9rZW4iOnt9fQ==\"",
        )),
    ));
    tenant.forget_requests();
    for _ in 0..20 {
        let error = endpoint.bytes(&list()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    }
    assert_eq!(tenant.requests_to("/token").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_known_can_be_asked_for() {
    let tenant = tenant().build();
    let at = "2027-01-31T00:00:00Z".parse().unwrap();
    let secret = Secret::new(Tenant::SECRET);
    let noted = Credential::client_secret(Tenant::ID, Tenant::CLIENT_ID, secret).with_noted_expiry(at);
    let noted = connection(&tenant, noted).build().unwrap();
    assert_eq!(noted.credential_expires_at(), Some(at));

    let ready = Credential::token(Secret::new(tenant.token_with_roles(&["Alert.Read.All"])));
    let ready = connection(&tenant, ready).build().unwrap();
    assert_eq!(ready.credential_expires_at(), None, "it has not been read yet");
    ready.endpoint(Service::DefenderEndpoint, None, None).unwrap().bytes(&list()).await.unwrap();
    let end = ready.credential_expires_at().unwrap();
    assert_eq!((end - START.parse::<chrono::DateTime<chrono::Utc>>().unwrap()).num_seconds(), 3599);
}

#[tokio::test(start_paused = true)]
async fn a36_a_clock_that_jumps_costs_at_most_one_token() {
    use pocketsoc_transport::Clock;
    /// A clock whose date can be set, as an administrator or a sleeping machine does.
    #[derive(Debug)]
    struct Jumping(SystemClock, Mutex<chrono::TimeDelta>);
    impl Clock for Jumping {
        fn now(&self) -> chrono::DateTime<chrono::Utc> {
            self.0.now() + *self.1.lock().unwrap()
        }
        fn monotonic(&self) -> Duration {
            self.0.monotonic()
        }
        fn sleep(&self, wait: Duration) -> pocketsoc_model::Sleep {
            self.0.sleep(wait)
        }
    }
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let (http, _) = scripted(move |_, request| {
        if request.uri().path().ends_with("/token") {
            count.fetch_add(1, Ordering::SeqCst);
            ok(r#"{"token_type":"Bearer","access_token":"tok","expires_in":3599}"#)
        } else {
            ok("{}")
        }
    });
    let clock = Arc::new(Jumping(SystemClock::starting_at(START.parse().unwrap()), Mutex::default()));
    let credential = Credential::client_secret("contoso.example", "client", Secret::new("hush"));
    let connection =
        Connection::builder(credential, Cloud::Public).http(http).clock(clock.clone()).without_pacing();
    let endpoint = endpoint(connection);
    for (hours, tokens) in [(0, 1), (1, 2), (1, 2), (0, 2), (-1, 2)] {
        *clock.1.lock().unwrap() = chrono::TimeDelta::hours(hours);
        for _ in 0..3 {
            endpoint.bytes(&get()).await.unwrap();
        }
        assert_eq!(asked.load(Ordering::SeqCst), tokens, "{hours} h");
    }
}

#[tokio::test(start_paused = true)]
async fn a_ready_token_that_is_refused_is_not_sent_again_but_a_new_one_is() {
    let tenant = tenant().build();
    let good = tenant.token_with_roles(&["Alert.Read.All"]);
    let vault = Vault::holding("opaque-token");
    let endpoint = with(&tenant, Credential::token(vault.source()));
    let error = endpoint.bytes(&list()).await.unwrap_err();
    assert_eq!((error.status(), tenant.requests_to("/api/").len()), (Some(401), 1));
    vault.put(&good);
    tokio::time::sleep(Duration::from_secs(61)).await;
    endpoint.bytes(&list()).await.unwrap();
    tenant.forget_requests();
    let constant = crate::harness::endpoint(over(tenant.exchange()));
    assert_eq!(constant.bytes(&list()).await.unwrap_err().status(), Some(401));
    assert_eq!(tenant.requests_to("/api/").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn claims_that_cannot_be_proved_do_not_stop_what_needs_less() {
    let tenant = tenant().build();
    let secret = Secret::new(Tenant::SECRET);
    let endpoint = with(&tenant, Credential::client_secret(Tenant::ID, Tenant::CLIENT_ID, secret));
    endpoint.bytes(&list()).await.unwrap();
    let challenge = Reply::empty(401).with_header(
        "www-authenticate",
        "Bearer error=\"insufficient_claims\", claims=\"eyJhY2Nlc3NfdG9rZW4iOnsiYWNycyI6e319fQ==\"",
    );
    tenant.add_fault(Fault::on("/api/alerts", Trouble::Answer(challenge)).once());
    tenant.add_fault(
        Fault::on("/token", Trouble::Answer(Reply::json(400, r#"{"error":"invalid_request"}"#))).once(),
    );
    assert!(endpoint.bytes(&list()).await.is_err());
    tokio::time::sleep(Duration::from_secs(61)).await;
    endpoint.bytes(&list()).await.unwrap();
    let plain = tenant.requests_to("/token").pop().unwrap();
    assert!(!plain.field("claims").unwrap().contains("acrs"));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_takes_the_token_now_and_then_does_not_have_the_sign_in_hammered() {
    let tenant = tenant().build();
    let secret = Secret::new(Tenant::SECRET);
    let endpoint = with(&tenant, Credential::client_secret(Tenant::ID, Tenant::CLIENT_ID, secret));
    tenant.add_fault(Fault::status("/api/machines", 401));
    let other = || Call::fixed(Method::Get, "list machines", "/api/machines", &quota::MDE);
    for _ in 0..50 {
        endpoint.bytes(&list()).await.unwrap();
        endpoint.bytes(&other()).await.unwrap_err();
    }
    let asked = tenant.requests_to("/token").len();
    assert!(asked <= 4, "{asked} token requests");
}

#[tokio::test(start_paused = true)]
async fn a_callback_that_hangs_or_panics_is_a_failure_and_not_the_end() {
    let tenant = tenant().build();
    let looks = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&looks);
    let source = move || {
        let look = seen.fetch_add(1, Ordering::SeqCst);
        async move {
            match look {
                0 => panic!("canary"),
                1 => std::future::pending().await,
                _ => Ok(Secret::new(Tenant::SECRET)),
            }
        }
    };
    let endpoint = with(&tenant, Credential::client_secret(Tenant::ID, Tenant::CLIENT_ID, source));
    let error = endpoint.bytes(&list()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unexpected);
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(endpoint.bytes(&list()).await.unwrap_err().kind(), ErrorKind::Timeout);
    tokio::time::sleep(Duration::from_secs(400)).await;
    endpoint.bytes(&list()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn off_azure_a_managed_identity_says_so_soon() {
    for act in [Act::Refuse, Act::Hang] {
        let (http, log) = scripted(move |_, _| act.clone());
        let credential = Credential::managed_identity(ManagedIdentity::system());
        let connection = Connection::builder(credential, Cloud::Public).http(http);
        let connection = connection.clock(Arc::new(SystemClock::new())).without_pacing();
        let start = tokio::time::Instant::now();
        let error = endpoint(connection).bytes(&get()).await.unwrap_err();
        assert!(error.hint().unwrap().contains("on Azure only"), "{error:?}");
        assert!(start.elapsed() < Duration::from_secs(30) && log.count() == 2, "{:?}", start.elapsed());
    }
}
