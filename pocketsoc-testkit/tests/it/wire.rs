//! The tenant as a service: what a client written by somebody else would see.

use std::time::Duration;

use bytes::Bytes;
use pocketsoc_testkit::{App, Fault, Request, Tenant, TenantServer, Trouble};
use serde_json::Value;

fn request(method: &str, target: &str, token: &str, body: &str) -> Request {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Request {
        method: method.into(),
        path: path.into(),
        query: query.into(),
        headers: vec![("authorization".into(), format!("Bearer {token}"))],
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

fn sign_in(tenant: &Tenant, id: &str, form: &str) -> (u16, Value) {
    let mut request = request("POST", &format!("/{id}/oauth2/v2.0/token"), "", form);
    request.headers = vec![("content-type".into(), "application/x-www-form-urlencoded".into())];
    let reply = tenant.answer(&request);
    (reply.status, serde_json::from_slice(&reply.body).unwrap())
}

#[test]
fn entra_gives_tokens_for_the_right_audience_and_refuses_by_its_numbers() {
    let tenant = Tenant::builder().alerts(1).build();
    let form = |client: &str, secret: &str, scope: &str| {
        format!("grant_type=client_credentials&client_id={client}&client_secret={secret}&scope={scope}")
    };
    let scope = "https%3A%2F%2Fapi.securitycenter.microsoft.com%2F.default";
    let secret = Tenant::SECRET.replace('~', "%7E");
    let (status, body) = sign_in(&tenant, Tenant::ID, &form(Tenant::CLIENT_ID, &secret, scope));
    assert_eq!(
        (status, body["token_type"].as_str(), body["expires_in"].as_i64()),
        (200, Some("Bearer"), Some(3599))
    );
    assert_eq!(body["access_token"].as_str().unwrap().split('.').count(), 3);
    for (id, form, code) in [
        ("elsewhere", form(Tenant::CLIENT_ID, &secret, scope), 90_002),
        (Tenant::ID, form("nobody", &secret, scope), 700_016),
        (Tenant::ID, form(Tenant::CLIENT_ID, "wrong", scope), 7_000_215),
        (Tenant::ID, form(Tenant::CLIENT_ID, "", scope), 7_000_218),
        (Tenant::ID, form(Tenant::CLIENT_ID, &secret, "Alert.Read.All"), 70_011),
        (Tenant::ID, form(Tenant::CLIENT_ID, &secret, "https%3A%2F%2Fgraph.example%2F.default"), 500_011),
    ] {
        let (status, body) = sign_in(&tenant, id, &form);
        assert!(status >= 400 && body["error_codes"][0] == code, "{code}: {body}");
        assert!(body["error_description"].as_str().unwrap().starts_with(&format!("AADSTS{code}: ")));
    }
}

#[test]
fn a_token_opens_only_what_it_grants_and_only_in_its_time() {
    let tenant = Tenant::builder().alerts(2).build();
    let id = tenant.alert_ids().swap_remove(0);
    let reader = tenant.token_with_scopes(&["Alert.Read"]);
    let status =
        |method, target: &str, token: &str| tenant.answer(&request(method, target, token, "{}")).status;
    let one = format!("/api/alerts/{id}");
    assert_eq!(status("GET", "/api/alerts", "forged"), 401);
    assert_eq!(status("GET", "/api/alerts", &reader), 200);
    assert_eq!(status("PATCH", &one, &reader), 403);
    assert_eq!(status("PATCH", &one, &tenant.token_with_roles(&["Alert.ReadWrite.All"])), 200);
    assert_eq!(status("GET", "/api/alerts", &tenant.token_with_roles(&["Machine.Read.All"])), 403);
    assert_eq!(status("DELETE", &one, &reader), 405);
    assert_eq!(status("GET", "/api/nothing", &reader), 404);
    tenant.revoke_tokens();
    assert_eq!(status("GET", "/api/alerts", &reader), 401);
}

#[test]
fn lists_page_filter_and_expand_as_the_service_does() {
    let tenant = Tenant::builder().alerts(25).page_cap(10).build();
    let token = tenant.token_with_roles(&["Alert.Read.All"]);
    let list = |target: &str| {
        let reply = tenant.answer(&request("GET", target, &token, ""));
        (reply.status, serde_json::from_slice::<Value>(&reply.body).unwrap())
    };
    let count = |body: &Value| body["value"].as_array().map_or(0, Vec::len);
    let (_, capped) = list("/api/alerts");
    assert_eq!((count(&capped), capped["@odata.nextLink"].is_string()), (10, true));
    let (_, topped) = list("/api/alerts?$top=5&$skip=22");
    assert_eq!(
        (count(&topped), topped["@odata.nextLink"].is_null()),
        (3, true),
        "a page cut by $top has no link"
    );
    assert_eq!(capped["value"][0]["evidence"].as_array().unwrap().len(), 0, "empty does not mean none");
    let (_, expanded) = list("/api/alerts?$expand=evidence&$top=1");
    assert!(!expanded["value"][0]["evidence"].as_array().unwrap().is_empty());
    let (_, new) = list("/api/alerts?$filter=status%20eq%20%27New%27%20and%20severity%20ne%20%27Low%27");
    assert!(
        count(&new) > 0
            && new["value"]
                .as_array()
                .unwrap()
                .iter()
                .all(|a| a["status"] == "New" && a["severity"] != "Low")
    );
    for bad in [
        "$filter=title%20eq%20%271%27",
        "$filter=status%20is%201",
        "$top=x",
        "$top=10001",
        "$expand=machines",
    ] {
        let (status, body) = list(&format!("/api/alerts?{bad}"));
        assert_eq!((status, body["error"]["code"].as_str()), (400, Some("ODataError")), "{bad}");
    }
}

#[test]
fn an_update_is_checked_made_and_shown() {
    let tenant = Tenant::builder().alerts(3).build();
    let token = tenant.token_with_roles(&["Alert.ReadWrite.All"]);
    let target = format!("/api/alerts/{}", tenant.alert_ids()[0]);
    let patch = |body: &str| {
        let reply = tenant.answer(&request("PATCH", &target, &token, body));
        (reply.status, serde_json::from_slice::<Value>(&reply.body).unwrap())
    };
    for (body, code) in [
        (r#"{"Status":"Resolved"}"#, "InvalidRequestBody"),
        (r#"{"status":5}"#, "InvalidRequestBody"),
        (r#"{"status":"Unknown"}"#, "InvalidInput"),
        (r#"{"classification":"benignPositive"}"#, "InvalidInput"),
        ("not json", "InvalidRequestBody"),
    ] {
        let (status, refusal) = patch(body);
        assert_eq!((status, refusal["error"]["code"].as_str()), (400, Some(code)), "{body}");
    }
    let (_, now) = patch(r#"{"status":"Resolved","comment":"done","assignedTo":"ada"}"#);
    assert_eq!((now["status"].as_str(), now["assignedTo"].as_str()), (Some("Resolved"), Some("ada")));
    assert!(
        now["resolvedTime"].is_string()
            && now["comments"].as_array().unwrap().iter().any(|c| c["comment"] == "done")
    );
}

#[test]
fn the_same_seed_is_the_same_tenant_and_another_seed_another() {
    let ids = |seed| Tenant::builder().seed(seed).alerts(50).build().alert_ids();
    assert_eq!(ids(1), ids(1));
    assert_ne!(ids(1), ids(2));
    let mut unique = ids(3);
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), 50);
}

#[test]
fn faults_strike_whom_when_and_as_often_as_they_say() {
    let tenant = Tenant::builder().alerts(1).build();
    tenant.add_fault(Fault::throttle("/api/alerts", "7").for_method("GET").after(1).times(2));
    tenant.add_fault(
        Fault::on("/api/alerts", Trouble::Replace("\"value\"".into(), "\"worth\"".into())).after(1).once(),
    );
    let token = tenant.token_with_roles(&["Alert.Read.All"]);
    let statuses: Vec<u16> =
        (0..5).map(|_| tenant.answer(&request("GET", "/api/alerts", &token, "")).status).collect();
    assert_eq!(statuses, [200, 429, 429, 200, 200]);
    assert_eq!(tenant.requests_to("/api/alerts").len(), 5);
}

#[tokio::test]
async fn it_stands_on_a_loopback_port_for_any_client() {
    let tenant = Tenant::builder().alerts(3).build();
    tenant.add_app(App::new("other", "pw"));
    let token = tenant.token_with_roles(&["Alert.Read.All"]);
    let server = TenantServer::start(tenant).await.unwrap();
    let address = server.uri().strip_prefix("http://").unwrap().to_owned();
    let ask = async |head: String| {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer));
        read.await.unwrap().unwrap();
        String::from_utf8(answer).unwrap()
    };
    let head = "Host: x\r\nConnection: close\r\n";
    let refused = ask(format!("GET /api/alerts HTTP/1.1\r\n{head}\r\n")).await;
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    let listed =
        ask(format!("GET /api/alerts HTTP/1.1\r\n{head}Authorization: Bearer {token}\r\n\r\n")).await;
    assert!(listed.starts_with("HTTP/1.1 200") && listed.contains("\"@odata.context\""), "{listed}");
}
