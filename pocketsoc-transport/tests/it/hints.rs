//! Every sign-in error that the vendor documents, and every row of trouble in the setup guides, says what to change.

use std::sync::Arc;

use pocketsoc_testkit::{App, Tenant};
use pocketsoc_transport::{
    Call, Cloud, Connection, Credential, ErrorKind, Method, Secret, SystemClock, quota,
};

use crate::harness::{Act, endpoint, get, scripted, tenant};

/// The numbers of the vendor's table, and a word that the hint for each has to hold.
const NUMBERS: &[(&[u32], &str)] = &[
    (&[7_000_215], "the secret's value, not its id"),
    (&[7_000_222], "create a new one"),
    (&[7_000_218], "allow public client flows"),
    (&[700_025], "remove the secret"),
    (&[700_016], "tenant id and cloud"),
    (&[70_001, 7_000_112], "enable sign-in"),
    (&[700_027], "upload it"),
    (&[700_024], "clock"),
    (&[700_030, 50_012], "certificate"),
    (&[70_021, 700_211, 700_212, 700_213, 7_002_138], "case included"),
    (&[90_002], "tenant id and the cloud"),
    (&[900_023], "Directory (tenant) ID"),
    (&[90_038, 900_439], "national cloud"),
    (&[500_011], "licensed"),
    (&[650_052, 650_057, 50_001], "API permission"),
    (&[70_011, 28_002, 700_022, 700_023], "/.default"),
    (&[9_002_313, 90_014, 900_144, 90_004, 90_023], "request id"),
    (&[9_001_023, 50_194, 90_124, 90_130], "use the tenant id"),
    (&[50_011, 70_004, 900_971], "redirect URI"),
    (&[501_481, 50_147], "start it again"),
    (&[54_005, 700_005], "start the sign-in again"),
    (&[65_001, 90_094, 90_008], "admin consent"),
    (&[65_004], "accept"),
    (&[65_002, 650_056], "your own app registration"),
    (&[50_105], "assign the user"),
    (&[50_034, 51_004, 16_000, 50_020, 90_072, 50_014], "right account"),
    (&[50_126, 50_056], "password"),
    (&[50_053], "unlock"),
    (&[50_055, 50_144, 50_133, 50_132], "sign in again"),
    (&[50_057], "disabled"),
    (&[50_058, 50_089], "sign in again"),
    (&[50_072, 50_074, 50_076, 50_078, 50_079, 50_158], "another factor"),
    (&[50_097, 50_129, 53_000, 53_001, 53_002, 50_131], "device"),
    (&[53_003, 530_032, 530_034, 530_035, 53_004, 53_011], "Conditional Access"),
    (&[50_173], "sign in again"),
    (&[70_008, 700_082, 700_084, 70_043], "sign in again"),
    (&[70_016], "not finished"),
    (&[70_018, 70_019, 90_119], "start the sign-in again"),
    (&[50_013, 500_133, 700_020, 7_000_114], "user's token"),
    (&[50_196], "loops"),
    (&[90_055, 50_087, 50_166], "wait"),
    (&[90_033, 90_024, 90_006, 90_090, 90_012, 50_033], "try again"),
    (&[90_036, 50_000, 90_092], "support"),
];

#[tokio::test(start_paused = true)]
async fn every_number_of_the_vendors_table_has_its_hint_and_decides_nothing() {
    for (number, expected) in
        NUMBERS.iter().flat_map(|(numbers, hint)| numbers.iter().map(move |n| (n, hint)))
    {
        for in_list in [true, false] {
            let codes = if in_list { format!(r#","error_codes":[{number}]"#) } else { String::new() };
            let body = format!(
                r#"{{"error":"invalid_client","error_description":"AADSTS{number}: What it is. Trace ID: 1"{codes}}}"#
            );
            let (http, log) = scripted(move |_, _| Act::Reply(401, vec![], body.clone().into()));
            let credential = Credential::client_secret("contoso.example", "client", Secret::new("s"));
            let connection = Connection::builder(credential, Cloud::Public).http(http).without_pacing();
            let error = endpoint(connection).bytes(&get()).await.unwrap_err();
            assert!(error.hint().is_some_and(|hint| hint.contains(expected)), "{number}: {:?}", error.hint());
            // What follows from the refusal goes by its word alone, whatever the number.
            assert_eq!((error.kind(), log.count()), (ErrorKind::Unauthenticated, 1), "{number}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_word_of_a_refusal_has_a_hint_where_no_number_says_it_better() {
    for (word, kind, hint) in [
        ("invalid_client", ErrorKind::Unauthenticated, "secret, certificate or federated token"),
        ("unauthorized_client", ErrorKind::Unauthenticated, "client id"),
        ("invalid_request", ErrorKind::Unauthenticated, "report it"),
        ("invalid_scope", ErrorKind::Unauthenticated, "licensed"),
        ("invalid_resource", ErrorKind::Unauthenticated, "cloud"),
        ("invalid_grant", ErrorKind::InteractionRequired, "sign in again"),
        ("interaction_required", ErrorKind::InteractionRequired, "sign in again"),
        ("login_required", ErrorKind::InteractionRequired, "sign in again"),
        ("bad_verification_code", ErrorKind::Unauthenticated, "start the sign-in again"),
        ("consent_required", ErrorKind::InteractionRequired, "admin consent"),
        ("access_denied", ErrorKind::PermissionDenied, "declined"),
        ("authorization_declined", ErrorKind::PermissionDenied, "declined"),
    ] {
        let body = format!(r#"{{"error":"{word}","error_description":"No number here."}}"#);
        let (http, _) = scripted(move |_, _| Act::Reply(400, vec![], body.clone().into()));
        let credential = Credential::client_secret("contoso.example", "client", Secret::new("s"));
        let connection = Connection::builder(credential, Cloud::Public).http(http).without_pacing();
        let error = endpoint(connection).bytes(&get()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{word}");
        assert!(error.hint().is_some_and(|said| said.contains(hint)), "{word}: {:?}", error.hint());
    }
}

#[tokio::test(start_paused = true)]
async fn the_troubles_of_the_guides_are_told_in_their_terms() {
    let tenant = tenant().build();
    tenant.add_app(App::new("without", "pw").with_roles([""; 0]));
    tenant.add_app(App::new("expired", "new").with_expired_secret("pw"));
    let list = || {
        Call::fixed(Method::Get, "list alerts", "/api/alerts", &quota::MDE).with_permission("Alert.Read.All")
    };
    // "Unauthorized": client id, secret, tenant id, expiry. "Forbidden" and "Insufficient privileges": the permission.
    for (client, secret, hint) in [
        ("nobody", "pw", "client id"),
        (Tenant::CLIENT_ID, "pw", "client secret is wrong"),
        ("expired", "pw", "expired"),
        ("without", "pw", "Alert.Read.All"),
    ] {
        let credential = Credential::client_secret(Tenant::ID, client, Secret::new(secret));
        let connection = Connection::builder(credential, Cloud::Public)
            .http(tenant.exchange())
            .clock(Arc::new(SystemClock::starting_at("2026-09-21T13:00:00Z".parse().unwrap())));
        let error = endpoint(connection).bytes(&list()).await.unwrap_err();
        assert!(error.hint().is_some_and(|said| said.contains(hint)), "{client}: {:?}", error.hint());
    }
    // "Interactive login fails": the redirect URI.
    let session = pocketsoc_transport::Session::new(
        Tenant::ID,
        Tenant::DESKTOP_CLIENT_ID,
        pocketsoc_transport::MemoryStore::default(),
    );
    let connection =
        Connection::builder(session.into(), Cloud::Public).http(tenant.exchange()).build().unwrap();
    let sign_in = connection.sign_in().unwrap();
    let pending = sign_in.begin(pocketsoc_transport::Service::ResourceManager, "pocketsoc://other").unwrap();
    let page = tenant.sign_in(pending.url()).unwrap_err().to_string();
    assert!(page.contains("AADSTS50011"), "the page says it, and nobody comes back: {page}");
}
