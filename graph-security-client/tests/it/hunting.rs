//! Advanced hunting through Graph: the same shape as Defender for Endpoint's, and timespans.

use chrono::TimeDelta;
use graph_security_client::{Hunt as _, HuntQuery, HuntValue, Timespan};
use pocketsoc_testkit::{Fault, Reply, Trouble};

use crate::virtual_tenant::{client, tenant};

#[tokio::test(start_paused = true)]
async fn a_query_and_its_timespan_go_over_the_wire_as_documented() {
    let tenant = tenant().build();
    let hunting = client(&tenant).hunting();
    let plain = HuntQuery::new("DeviceInfo | where DeviceName startswith 'ws' // schön");
    assert_eq!(hunting.hunt(&plain).collect_all().await.unwrap().0.len(), 4);
    let (from, until) = ("2026-09-14T00:00:00Z".parse().unwrap(), "2026-09-21T00:00:00Z".parse().unwrap());
    let query = HuntQuery::new("AlertInfo").over(Timespan::Last(TimeDelta::days(90)));
    hunting.hunt(&query).collect_all().await.unwrap();
    hunting.hunt(&HuntQuery::new("AlertInfo").between(from, until)).collect_all().await.unwrap();

    let long_ago = "2026-07-01T00:00:00Z".parse().unwrap();
    hunting.hunt(&HuntQuery::new("AlertInfo").between(long_ago, until)).collect_all().await.unwrap();

    let requests = tenant.requests_to("/security/");
    let bodies: Vec<_> = requests.iter().map(|request| request.json().unwrap()).collect();
    assert_eq!(bodies[0], serde_json::json!({"Query": plain.kql()}));
    assert_eq!(bodies[1], serde_json::json!({"Query": "AlertInfo", "Timespan": "P90D"}));
    assert_eq!(bodies[2].get("Timespan"), None, "a time is a filter on the rows");
    assert!(
        bodies[2]["Query"].as_str().unwrap().ends_with("Timestamp < datetime(2026-09-21T00:00:00.000000Z)")
    );
    assert_eq!(bodies[3]["Timespan"], "2026-07-01T00:00:00Z", "further back than it looks by itself");
    for request in &requests {
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("POST", "/v1.0/security/runHuntingQuery")
        );
        assert_eq!(request.header("content-type"), Some("application/json; charset=utf-8"));
    }
}

#[tokio::test(start_paused = true)]
async fn no_part_has_a_timespan_so_that_other_tables_are_not_cut() {
    let tenant = tenant().build();
    tenant.set_process_events(500);
    tenant.cut_hunts_off_at(100);
    let (from, until) = ("2026-09-14T13:00:00Z".parse().unwrap(), "2026-09-21T13:00:00Z".parse().unwrap());
    let query = HuntQuery::new("DeviceProcessEvents").with_row_limit(100).between(from, until);
    let (rows, report) = client(&tenant).hunting().hunt(&query).collect_all().await.unwrap();
    assert_eq!((rows.len(), report.complete), (500, true));
    let requests = tenant.requests_to("/runHuntingQuery");
    assert!(requests.len() > 8);
    assert!(requests.iter().all(|request| request.json().unwrap().get("Timespan").is_none()));
}

#[tokio::test(start_paused = true)]
#[allow(clippy::print_stdout)] // so that nobody takes the silence for a check
async fn both_spellings_of_the_answer_and_the_vendors_examples_are_read() {
    let default = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/specimens");
    let folder = std::env::var_os("POCKETSOC_SPECIMENS").map_or(default, Into::into);
    if !folder.is_dir() {
        println!("the vendor's example payloads are not at hand: not checked");
    }
    let mut answers = vec![
        r#"{"results":[{"Timestamp":"2026-09-21T06:38:35.7664356Z","FileName":"a"}],"schema":[{"Name":"Timestamp","Type":"DateTime"},{"name":"FileName","type":"String"}]}"#.to_owned(),
    ];
    for name in
        ["hunting_response_default", "hunting_response_pascalcase_schema", "hunting_response_timespan"]
    {
        answers.extend(std::fs::read_to_string(folder.join(format!("graph-security/{name}.json"))));
    }
    answers.extend(std::fs::read_to_string(folder.join("mde/hunting_response.json")));
    for answer in answers {
        let tenant = tenant().build();
        tenant.add_fault(Fault::on("/runHuntingQuery", Trouble::Answer(Reply::json(200, answer.clone()))));
        let (rows, report) =
            client(&tenant).hunting().hunt(&HuntQuery::new("T")).collect_all().await.unwrap();
        assert!(report.complete && !rows.is_empty());
        for row in &rows {
            assert!(matches!(row.get("Timestamp"), Some(HuntValue::Time(_))), "{answer}");
            // Nothing is lost: the row is what it was.
            let sent: serde_json::Value = serde_json::from_str(&answer).unwrap();
            let list = if sent["results"].is_array() { &sent["results"] } else { &sent["Results"] };
            let row: serde_json::Value = serde_json::from_str(row.raw().as_str()).unwrap();
            assert!(list.as_array().unwrap().contains(&row));
        }
    }
}
