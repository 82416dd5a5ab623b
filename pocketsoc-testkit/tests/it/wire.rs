//! The tenant as a service: what a client written by somebody else would see.

use std::time::Duration;

use bytes::Bytes;
use pocketsoc_testkit::{App, AzureRole, Fault, Request, Tenant, TenantServer, Trouble};
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

fn json(reply: &pocketsoc_testkit::Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap()
}

#[test]
fn azure_keeps_its_manners() {
    let tenant = Tenant::builder().cloud_alerts(250).build();
    let token = tenant.azure_token(AzureRole::SecurityAdmin);
    let asked = |method: &str, target: &str, token: &str| {
        let mut request = request(method, target, token, "");
        if method == "POST" {
            request.headers.push(("content-length".into(), "0".into()));
        }
        tenant.answer(&request)
    };
    let ask = |method: &str, target: &str| asked(method, target, &token);
    let subscriptions = json(&ask("GET", "/subscriptions?api-version=2022-12-01"));
    assert_eq!(subscriptions["value"].as_array().unwrap().len(), 3);
    let (id, _) = Tenant::subscriptions().next().unwrap();
    let list = format!("/subscriptions/{id}/providers/Microsoft.Security/alerts");
    for (query, code) in
        [("", "MissingApiVersionParameter"), ("?api-version=2020-01-01", "InvalidApiVersionParameter")]
    {
        let refused = ask("GET", &format!("{list}{query}"));
        assert_eq!((refused.status, json(&refused)["error"]["code"].as_str()), (400, Some(code)));
    }
    // Page by page: what the service names as the next is the rest.
    let (mut target, mut seen, mut pages) =
        (format!("{list}?api-version=2022-01-01"), std::collections::BTreeSet::new(), 0);
    loop {
        let page = json(&ask("GET", &target));
        seen.extend(page["value"].as_array().unwrap().iter().map(|a| a["id"].as_str().unwrap().to_owned()));
        pages += 1;
        let Some(link) = page["nextLink"].as_str() else { break };
        target = link.strip_prefix("https://management.azure.com").unwrap().replace("%24", "$");
    }
    let own: std::collections::BTreeSet<String> =
        tenant.cloud_alert_ids().into_iter().filter(|alert| alert.contains(id)).collect();
    assert_eq!((seen, pages > 0), (own.clone(), true));

    let alert = own.first().unwrap().clone();
    let shouted = format!("{}/dismiss?api-version=2022-01-01", alert.to_uppercase());
    assert_eq!(ask("POST", &shouted).status, 204, "case does not count in an id");
    assert_eq!(
        ask("POST", &format!("{alert}/Dismiss?api-version=2022-01-01")).status,
        404,
        "in an action it does"
    );
    let done = ask("POST", &format!("{alert}/dismiss?api-version=2022-01-01"));
    assert_eq!((done.status, done.body.len()), (204, 0), "success says nothing");
    assert_eq!(
        json(&ask("GET", &format!("{alert}?api-version=2022-01-01")))["properties"]["status"],
        "Dismissed"
    );
    tenant.add_fault(Fault::on("/activate", Trouble::Lie));
    assert_eq!(ask("POST", &format!("{alert}/activate?api-version=2022-01-01")).status, 204);
    assert_eq!(
        json(&ask("GET", &format!("{alert}?api-version=2022-01-01")))["properties"]["status"],
        "Dismissed",
        "a lie"
    );

    let reader = tenant.azure_token(AzureRole::SecurityReader);
    let refused =
        tenant.answer(&request("POST", &format!("{alert}/dismiss?api-version=2022-01-01"), &reader, ""));
    assert_eq!(
        (refused.status, json(&refused)["error"]["code"].as_str()),
        (403, Some("AuthorizationFailed"))
    );
    let foreign = tenant.graph_token_with_roles(&["SecurityAlert.Read.All"]);
    let refused = tenant.answer(&request("GET", &list, &foreign, ""));
    assert_eq!(json(&refused)["error"]["code"], "InvalidAuthenticationTokenAudience");
    assert!(refused.headers.iter().any(|(name, _)| name == "www-authenticate"));
}

#[test]
fn graph_keeps_its_manners() {
    let tenant = Tenant::builder().alerts(300).build();
    let token =
        tenant.graph_token_with_roles(&["SecurityAlert.ReadWrite.All", "SecurityIncident.ReadWrite.All"]);
    let ask = |target: &str, every_word: bool| {
        let mut request = request("GET", target, &token, "");
        if every_word {
            request
                .headers
                .push(("prefer".into(), "odata.maxpagesize=9, include-unknown-enum-members".into()));
        }
        tenant.answer(&request)
    };
    let sources = |every_word: bool| -> std::collections::BTreeSet<String> {
        let list = json(&ask("/v1.0/security/alerts_V2?$top=1000", every_word));
        list["value"]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| a["serviceSource"].as_str().unwrap().to_owned())
            .collect()
    };
    assert!(
        sources(true).contains("microsoftDefenderForCloud") && sources(true).contains("microsoftSentinel")
    );
    assert!(sources(false).contains("unknownFutureValue") && !sources(false).contains("microsoftSentinel"));
    let incidents = |query: &str| ask(&format!("/v1.0/security/incidents?{query}"), true);
    let page = json(&incidents("$top=50&$count=true"));
    assert_eq!(
        (page["value"].as_array().unwrap().len(), page["@odata.count"].as_u64()),
        (50, Some(tenant.incident_ids().len() as u64))
    );
    assert!(page["@odata.nextLink"].as_str().unwrap().contains("$skiptoken="));
    let refused = incidents("$top=51");
    assert_eq!(
        (refused.status, json(&refused)["error"]["code"].as_str()),
        (400, Some("")),
        "without a reason"
    );
    assert!(json(&incidents("$expand=alerts"))["value"][0]["alerts"][0]["evidence"].is_array());
    for query in ["$filter=incidentId eq '1'", "$expand=x", "$search=x", "$filter=status is 'new'"] {
        assert_eq!(ask(&format!("/v1.0/security/alerts_v2?{query}"), true).status, 400, "{query}");
    }
    let first = |order: &str| json(&incidents(order))["value"][0]["id"].clone();
    assert_eq!(first("$orderby=createdDateTime desc"), "4000");
    assert_ne!(first("$orderby=createdDateTime asc"), "4000");

    let alert = tenant.graph_alert_ids().swap_remove(0);
    let write =
        |method: &str, target: &str, body: &str| tenant.answer(&request(method, target, &token, body));
    let target = format!("/v1.0/security/alerts_v2/{alert}");
    let now = write("PATCH", &target, r#"{"status":"Resolved","classification":"TruePositive"}"#);
    assert_eq!((now.status, json(&now)["status"].as_str()), (200, Some("resolved")), "any case is read");
    assert_eq!(write("PATCH", &target, r#"{"status":"unknownFutureValue"}"#).status, 400);
    assert_eq!(write("PATCH", &target, r#"{"title":"x"}"#).status, 400);
    let comment = r#"{"@odata.type":"microsoft.graph.security.alertComment","comment":"x"}"#;
    let all = write("POST", &format!("{target}/comments"), comment);
    assert_eq!(
        (all.status, json(&all)["value"].as_array().unwrap().last().unwrap()["comment"].as_str()),
        (200, Some("x"))
    );
    let merged = tenant.incident_ids().pop().unwrap();
    let echo =
        json(&write("PATCH", &format!("/v1.0/security/incidents/{merged}"), r#"{"status":"resolved"}"#));
    assert_eq!(
        (echo["status"].as_str(), echo["redirectIncidentId"].as_str()),
        (Some("redirected"), Some("4000"))
    );

    let reader = tenant.graph_token_with_roles(&["SecurityAlert.Read.All"]);
    let refused = tenant.answer(&request("GET", "/v1.0/security/incidents", &reader, ""));
    assert_eq!(refused.status, 403);
    let error = &json(&refused)["error"];
    assert!(error["message"].as_str().unwrap().contains("SecurityIncident.Read.All"));
    assert!(error["innerError"]["request-id"].is_string());
}

#[test]
fn one_truth_is_behind_all_services() {
    let tenant = Tenant::builder().build();
    let graph = tenant.graph_token_with_roles(&["SecurityAlert.ReadWrite.All"]);
    let endpoint = tenant.token_with_roles(&["Alert.Read.All"]);
    let azure = tenant.azure_token(AzureRole::SecurityReader);
    let resolve = |id: &str| {
        let target = format!("/v1.0/security/alerts_v2/{id}");
        let body = r#"{"status":"resolved","classification":"falsePositive","determination":"notEnoughDataToValidate"}"#;
        assert_eq!(tenant.answer(&request("PATCH", &target, &graph, body)).status, 200);
    };
    let id = tenant.alert_ids().swap_remove(0);
    resolve(&id);
    let seen = json(&tenant.answer(&request("GET", &format!("/api/alerts/{id}"), &endpoint, "")));
    assert_eq!(
        (seen["status"].as_str(), seen["determination"].as_str()),
        (Some("Resolved"), Some("InsufficientData"))
    );
    let cloud = tenant.cloud_alert_ids().swap_remove(0);
    resolve(&format!("dc{}", cloud.rsplit('/').next().unwrap()));
    let seen = json(&tenant.answer(&request("GET", &format!("{cloud}?api-version=2022-01-01"), &azure, "")));
    assert_eq!(seen["properties"]["status"], "Resolved");
}
