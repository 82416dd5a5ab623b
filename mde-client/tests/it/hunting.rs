//! Advanced hunting: typed rows as they arrive, every one of them, and quotas told apart.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mde_client::{
    AlertId, Cloud, Connection, Credential, ErrorKind, Hunt as _, HuntColumnKind, HuntQuery, HuntRow,
    HuntValue, MdeClient, Secret,
};
use pocketsoc_model::{ThrottledBy, Timespan};
use pocketsoc_testkit::{Fault, Reply, Tenant, Trouble};
use pocketsoc_transport::SystemClock;

use crate::virtual_tenant::{client, tenant};

const PROCESSES: &str = "DeviceProcessEvents | project Timestamp, FileName";

fn now() -> DateTime<Utc> {
    "2026-09-21T13:00:00Z".parse().unwrap()
}

/// How often each row came.
fn counted(rows: &[HuntRow]) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for row in rows {
        *counted.entry(row.raw().as_str().to_owned()).or_default() += 1;
    }
    counted
}

fn runs(tenant: &Tenant) -> usize {
    tenant.requests_to("/api/advancedqueries/run").len()
}

#[tokio::test(start_paused = true)]
async fn rows_are_typed_by_the_answers_schema() {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Process {
        report_id: i64,
        #[serde(deserialize_with = "pocketsoc_model::flag_column")]
        is_process_remote_session: Option<bool>,
        #[serde(deserialize_with = "pocketsoc_model::json_column")]
        additional_fields: Option<BTreeMap<String, serde_json::Value>>,
    }
    let tenant = tenant().build();
    let query = HuntQuery::new("DeviceProcessEvents | where AccountName == \"j.o'hara\" | take 3");
    let (rows, report) = client(&tenant).hunting().hunt(&query).collect_all().await.unwrap();
    assert_eq!((rows.len(), report.complete, report.pages), (3, true, 1));
    let row = &rows[0];
    assert_eq!(row.columns()[0].kind, HuntColumnKind::DateTime);
    let Some(HuntValue::Time(at)) = row.get("Timestamp") else { panic!("{:?}", row.get("Timestamp")) };
    assert!(at < now() && at > now() - TimeDelta::days(7));
    assert_eq!(row.get("AccountName"), Some(HuntValue::Text("j.o'hara".into())));
    let Some(HuntValue::Json(extra)) = row.get("AdditionalFields") else {
        panic!("an object comes as a text")
    };
    assert_eq!(extra["InitiatingProcess"], "explorer.exe");
    let process: Process = row.deserialize().unwrap();
    assert_eq!(Some(HuntValue::Integer(process.report_id)), row.get("ReportId"));
    assert_eq!(process.is_process_remote_session.map(HuntValue::Flag), row.get("IsProcessRemoteSession"));
    assert!(process.additional_fields.unwrap().contains_key("Rank"));

    let request = tenant.requests_to("/api/advancedqueries/run").remove(0);
    assert_eq!(request.method, "POST");
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.json().unwrap(), serde_json::json!({"Query": query.kql()}));
}

#[tokio::test(start_paused = true)]
async fn a_result_beyond_the_limit_of_rows_comes_whole_in_parts() {
    let tenant = tenant().build();
    tenant.set_process_events(2_000);
    let hunting = client(&tenant).hunting();
    let truth = hunting.hunt(&HuntQuery::new(PROCESSES)).collect_all().await.unwrap().0;
    let truth = counted(&truth);
    assert!(truth.values().any(|count| *count > 1), "some rows are alike");
    for limit in [100, 700, 1_999, 2_000] {
        tenant.cut_hunts_off_at(limit);
        let query =
            HuntQuery::new(PROCESSES).with_row_limit(limit).between(now() - TimeDelta::days(7), now());
        let (rows, report) = hunting.hunt(&query).collect_all().await.unwrap();
        assert!(report.complete && report.pages > 1, "{report:?}");
        assert!(counted(&rows) == truth, "at {limit}: {} rows of 2000", rows.len());
    }
    // A query without a time is not split: what is missing is said.
    let (rows, report) =
        hunting.hunt(&HuntQuery::new(PROCESSES).with_row_limit(2_000)).collect_all().await.unwrap();
    assert_eq!((rows.len(), report.complete), (2_000, false));
    assert_eq!(report.partial, ["the service cut the result off at 2000 rows"]);
}

#[tokio::test(start_paused = true)]
async fn a_result_beyond_the_limit_of_bytes_comes_whole_in_parts() {
    let tenant = tenant().build();
    tenant.set_process_events(2_000);
    let hunting = client(&tenant).hunting();
    let truth = counted(&hunting.hunt(&HuntQuery::new(PROCESSES)).collect_all().await.unwrap().0);
    tenant.refuse_hunts_above(20_000);
    let query = HuntQuery::new(PROCESSES).between(now() - TimeDelta::days(7), now());
    let (rows, report) = hunting.hunt(&query).collect_all().await.unwrap();
    assert!(report.complete && report.pages > 4, "{report:?}");
    assert!(counted(&rows) == truth, "{} rows of 2000", rows.len());

    let error = hunting.hunt(&HuntQuery::new(PROCESSES)).next().await.unwrap().unwrap_err();
    assert_eq!(error.status(), Some(400));
    assert!(error.hint().unwrap().contains("between"), "{error}: {:?}", error.hint());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_split_any_further_is_named() {
    let tenant = tenant().build();
    // As if everything happened at one moment: the service does not heed the time.
    let many = format!(
        r#"{{"Schema":[],"Results":[{}{{}}]}}"#,
        r#"{"Timestamp":"2026-09-21T12:00:00Z"},"#.repeat(9)
    );
    tenant.add_fault(Fault::on("/run", Trouble::Answer(Reply::json(200, many))));
    let moment = now() - TimeDelta::hours(1);
    let query = HuntQuery::new("T").with_row_limit(10).between(moment, moment + TimeDelta::milliseconds(2));
    let mut rows = client(&tenant).hunting().hunt(&query);
    let mut errors = Vec::new();
    while let Some(row) = rows.next().await {
        errors.extend(row.err());
    }
    assert!(!rows.report().complete);
    assert!(errors[0].message().contains("2026-09-21T12:00:00Z"), "{}", errors[0]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_off_is_asked_for_once_more_and_no_row_comes_twice() {
    for last in [false, true] {
        let tenant = tenant().build();
        tenant.set_process_events(2_000);
        if last {
            tenant.give_hunts_schema_last();
        }
        let hunting = client(&tenant).hunting();
        let truth = counted(&hunting.hunt(&HuntQuery::new(PROCESSES)).collect_all().await.unwrap().0);
        for trouble in [Trouble::BreakOff(40_000), Trouble::EndEarly(40_000)] {
            tenant.forget_requests();
            tenant.add_fault(Fault::on("/run", trouble).once());
            let (rows, report) = hunting.hunt(&HuntQuery::new(PROCESSES)).collect_all().await.unwrap();
            assert!(report.complete);
            assert!(counted(&rows) == truth, "schema last: {last}; {} rows of 2000", rows.len());
            assert_eq!(runs(&tenant), 2);
        }
        // Each run burns the tenant's run time: the second failure stands, and what came is kept.
        tenant.forget_requests();
        tenant.add_fault(Fault::on("/run", Trouble::EndEarly(40_000)));
        let mut rows = hunting.hunt(&HuntQuery::new(PROCESSES));
        let (mut given, mut failed) = (0, None);
        while let Some(row) = rows.next().await {
            match row {
                Ok(_) => given += 1,
                Err(error) => failed = Some(error),
            }
        }
        assert!(given > 300 && given < 2_000, "{given}");
        assert_eq!(failed.unwrap().kind(), ErrorKind::Unavailable);
        assert!(!rows.report().complete);
        assert_eq!(runs(&tenant), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn the_columns_may_stand_behind_the_rows() {
    let tenant = tenant().build();
    tenant.give_hunts_schema_last();
    let (rows, _) =
        client(&tenant).hunting().hunt(&HuntQuery::new("DeviceInfo")).collect_all().await.unwrap();
    assert_eq!(rows[0].get("IsAzureADJoined"), Some(HuntValue::Flag(true)));
    assert!(matches!(rows[0].get("Timestamp"), Some(HuntValue::Time(_))));
}

#[tokio::test(start_paused = true)]
async fn a_bad_row_does_not_hide_the_others() {
    let tenant = tenant().build();
    let body = r#"{"Schema":[{"Name":"A","Type":"Int64"}],"Results":[{"A":1},{"A":},{"A":3}]}"#;
    tenant.add_fault(Fault::on("/run", Trouble::Answer(Reply::json(200, body))));
    let mut rows = client(&tenant).hunting().hunt(&HuntQuery::new("T"));
    assert_eq!(rows.next().await.unwrap().unwrap().get("A"), Some(HuntValue::Integer(1)));
    let error = rows.next().await.unwrap().unwrap_err();
    assert_eq!(
        (error.kind(), error.position().unwrap().to_string().as_str()),
        (ErrorKind::Decode, "page 1, element 1")
    );
    assert_eq!(rows.next().await.unwrap().unwrap().get("A"), Some(HuntValue::Integer(3)));
    assert!(rows.next().await.is_none() && !rows.report().complete);
}

#[tokio::test(start_paused = true)]
async fn a12_which_quota_is_used_up_is_told() {
    for (message, by) in [
        ("Number of API calls quota per minute was exceeded.", ThrottledBy::Calls),
        ("The tenant's CPU quota for running queries was exceeded.", ThrottledBy::RunTime),
    ] {
        let tenant = tenant().build();
        let body = serde_json::json!({"error": {"code": "TooManyRequests", "message": message}}).to_string();
        let reply = Reply::json(429, body).with_header("retry-after", "900");
        tenant.add_fault(Fault::on("/run", Trouble::Answer(reply)));
        let hunting = client(&tenant).hunting();
        let error = hunting.hunt(&HuntQuery::new("DeviceInfo")).next().await.unwrap().unwrap_err();
        assert_eq!((error.kind(), error.throttled_by()), (ErrorKind::RateLimited, Some(by)));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(900)));
        assert_eq!(
            error.hint().unwrap().contains("run time"),
            by == ThrottledBy::RunTime,
            "{:?}",
            error.hint()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_run_is_repeated_once_since_each_burns_run_time() {
    let tenant = tenant().build();
    tenant.add_fault(Fault::status("/run", 504));
    let error =
        client(&tenant).hunting().hunt(&HuntQuery::new("DeviceInfo")).next().await.unwrap().unwrap_err();
    assert_eq!((error.kind(), runs(&tenant)), (ErrorKind::Unavailable, 2));
}

#[tokio::test(start_paused = true)]
async fn a_query_may_run_for_as_long_as_the_service_lets_it() {
    let tenant = tenant().alerts(1).build();
    let late = Trouble::Late(Duration::from_secs(195));
    tenant.add_fault(Fault::on("/run", late.clone()));
    tenant.add_fault(Fault::on("/api/alerts", late));
    let rows = client(&tenant).hunting().hunt(&HuntQuery::new("DeviceInfo")).collect_all().await.unwrap().0;
    assert!(!rows.is_empty());
    let id = AlertId::new("da1").unwrap();
    assert_eq!(client(&tenant).alerts().get(&id).await.unwrap_err().kind(), ErrorKind::Timeout);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_asked_here_is_refused_before_anything_is_sent() {
    let tenant = tenant().build();
    let hunting = client(&tenant).hunting();
    for (query, kind) in [
        (HuntQuery::new("T").over(Timespan::Last(TimeDelta::days(1))), ErrorKind::Unsupported),
        (HuntQuery::new(""), ErrorKind::InvalidRequest),
        (HuntQuery::new("T | take 5").between(now(), now() + TimeDelta::hours(1)), ErrorKind::InvalidRequest),
    ] {
        assert_eq!(hunting.hunt(&query).next().await.unwrap().unwrap_err().kind(), kind);
    }
    assert_eq!(runs(&tenant), 0);
    // What the service does not understand, it says.
    let error = hunting.hunt(&HuntQuery::new("NoSuchTable")).next().await.unwrap().unwrap_err();
    assert!(error.message().contains("NoSuchTable"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn many_parts_keep_the_published_quota() {
    let clock = std::sync::Arc::new(SystemClock::starting_at(now()));
    let tenant = Tenant::builder().clock(clock.clone()).build();
    tenant.keep_quotas();
    tenant.set_process_events(2_000);
    tenant.cut_hunts_off_at(40);
    let credential = Credential::client_secret(Tenant::ID, Tenant::CLIENT_ID, Secret::new(Tenant::SECRET));
    let connection =
        Connection::builder(credential, Cloud::Public).http(tenant.exchange()).clock(clock).build();
    let client = MdeClient::new(&connection.unwrap()).unwrap();
    let query = HuntQuery::new(PROCESSES).with_row_limit(40).between(now() - TimeDelta::days(7), now());
    let (rows, report) = client.hunting().hunt(&query).collect_all().await.unwrap();
    assert_eq!((rows.len(), report.complete), (2_000, true));
    assert!(report.pages > 90, "{report:?}");
    assert_eq!(runs(&tenant) as u64, report.pages, "no call was refused");
}

#[tokio::test(start_paused = true)]
async fn a_query_that_cannot_be_read_is_refused_once_whatever_its_names() {
    let tenant = tenant().build();
    let window = (now() - TimeDelta::days(7), now());
    for kql in ["DeviceLargeSize", "ResultSizeLimitExceeded"] {
        let query = HuntQuery::new(kql).between(window.0, window.1);
        let error = client(&tenant).hunting().hunt(&query).next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
    }
    assert_eq!(runs(&tenant), 2);
    // One that is refused as too large whatever the time is given up soon.
    let text = r#"{"error":{"code":"BadRequest","message":"the result size exceeds the limit"}}"#;
    tenant.add_fault(Fault::on("/advancedqueries", Trouble::Answer(Reply::json(400, text))));
    let query = HuntQuery::new(PROCESSES).between(window.0, window.1);
    let mut rows = client(&tenant).hunting().hunt(&query);
    while let Some(row) = rows.next().await {
        row.unwrap_err();
    }
    assert!(runs(&tenant) < 20 && !rows.report().complete, "{}", runs(&tenant));
}

#[tokio::test(start_paused = true)]
async fn rows_that_are_chosen_anew_are_not_asked_for_twice() {
    let tenant = tenant().build();
    tenant.set_process_events(500);
    tenant.add_fault(Fault::on("/advancedqueries", Trouble::EndEarly(9_000)).once());
    let mut rows = client(&tenant).hunting().hunt(&HuntQuery::new("DeviceProcessEvents | take 400"));
    let (mut good, mut bad) = (0, 0);
    while let Some(row) = rows.next().await {
        *(if row.is_ok() { &mut good } else { &mut bad }) += 1;
    }
    assert!(good > 0 && good < 400 && bad == 1 && !rows.report().complete, "{good} {bad}");
    assert_eq!(runs(&tenant), 1);
}

#[tokio::test(start_paused = true)]
async fn a_result_that_changes_while_it_is_read_is_not_called_complete() {
    let tenant = tenant().build();
    tenant.set_process_events(300);
    tenant.add_fault(Fault::on("/advancedqueries", Trouble::EndEarly(9_000)).once());
    let mut rows = client(&tenant).hunting().hunt(&HuntQuery::new(PROCESSES));
    rows.next().await.unwrap().unwrap();
    tenant.set_process_events(250);
    while let Some(row) = rows.next().await {
        row.unwrap();
    }
    let report = rows.report();
    assert!(!report.complete && report.partial[0].contains("changed"), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn a_column_without_a_kind_and_a_cut_text_hide_nothing() {
    let answer = r#"{"Schema":[{"Name":"A","Type":"String"},{"Name":"B"},{"Type":"Int64"},{"Name":"C","Type":null}],
        "Results":[{"A":"cut \ud83d","B":5,"C":"x"},{"A":"whole","B":6,"C":null}]}"#;
    let tenant = tenant().build();
    tenant.add_fault(Fault::on("/advancedqueries", Trouble::Answer(Reply::json(200, answer))));
    let hunt = client(&tenant).hunting().hunt(&HuntQuery::new("T"));
    let (rows, report) = hunt.collect_all().await.unwrap();
    assert!(report.complete && rows.len() == 2);
    assert_eq!(rows[0].columns().len(), 3);
    assert_eq!((rows[0].text("A"), rows[0].get("B")), (Some("cut \u{fffd}"), Some(HuntValue::Integer(5))));
    assert_eq!((rows[1].text("A"), rows[1].get("C")), (Some("whole"), Some(HuntValue::Null)));
}
