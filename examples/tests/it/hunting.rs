//! `soc hunt`, as a process.

use pocketsoc_testkit::{Fault, Reply, Tenant, Trouble};
use serde_json::json;

use crate::fake::Fake;

async fn fake() -> Fake {
    let clock = std::sync::Arc::new(pocketsoc_transport::SystemClock::new());
    let fake = Fake::start(Tenant::builder().alerts(2).clock(clock).build()).await;
    fake.write_all_profiles();
    fake
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_as_the_service_gave_them_through_either_service() {
    let fake = fake().await;
    let names: Vec<_> =
        fake.server.tenant().machine_names().into_iter().map(|(_, name)| json!(name)).collect();
    for (args, path) in [
        (&["hunt", "DeviceInfo"][..], "/runHuntingQuery"),
        (&["hunt", "DeviceInfo", "--via", "graph"], "/runHuntingQuery"),
        (&["hunt", "DeviceInfo", "--via", "mde", "--json"], "/advancedqueries/run"),
        (&["hunt", "DeviceInfo", "--since", "1d"], "/runHuntingQuery"),
    ] {
        fake.server.tenant().forget_requests();
        let said = fake.soc(args);
        let rows = said.lines();
        assert_eq!((said.code, rows.len()), (0, names.len()), "{args:?}: {}", said.stderr);
        assert!(
            rows.iter()
                .zip(&names)
                .all(|(row, name)| row["DeviceName"] == *name && row["IsAzureADJoined"] == 1)
        );
        assert_eq!(fake.server.tenant().requests_to(path).len(), 1, "{args:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_graph_is_closed_the_other_service_is_asked_unless_one_is_named() {
    let fake = fake().await;
    let refused =
        Reply::json(403, r#"{"error":{"code":"Forbidden","message":"Missing application roles."}}"#);
    fake.server.tenant().add_fault(Fault::on("/runHuntingQuery", Trouble::Answer(refused)));
    let said = fake.soc(&["hunt", "DeviceInfo"]);
    assert_eq!((said.code, said.lines().is_empty()), (0, false), "{}", said.stderr);
    assert!(said.stderr.contains("hunting through \"Endpoint\""), "{}", said.stderr);
    let said = fake.soc(&["hunt", "DeviceInfo", "--via", "graph"]);
    assert_eq!((said.code, said.stdout.as_str()), (1, ""));
    assert!(said.stderr.contains("ThreatHunting.Read.All"), "{}", said.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_and_what_is_missing_too() {
    let fake = fake().await;
    let said = fake.soc(&["hunt", "Nonsense | where"]);
    assert_eq!((said.code, said.stdout.as_str()), (1, ""));
    assert!(said.stderr.contains("error: profile \"Graph\": hunt: "), "{}", said.stderr);
    for usage in [
        &["hunt"][..],
        &["hunt", ""],
        &["hunt", "T | take 5", "--since", "1d"],
        &["hunt", "T", "--until", "1d"],
    ] {
        let said = fake.soc(usage);
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{usage:?}: {}", said.stderr);
    }
    let said = fake.soc(&["hunt", "T", "--profile", "Azure"]);
    assert_eq!(said.code, 2, "{}", said.stderr);

    fake.server.tenant().set_process_events(100_500);
    fake.server.tenant().cut_hunts_off_at(100_000);
    let said = fake.soc(&["hunt", "DeviceProcessEvents | project Timestamp"]);
    assert_eq!((said.code, said.stdout.lines().count()), (1, 100_000));
    assert!(said.stderr.contains("cut the result off") && said.stderr.contains("--since"), "{}", said.stderr);
    let said = fake.soc(&["hunt", "DeviceProcessEvents | project Timestamp", "--since", "8d"]);
    assert_eq!((said.code, said.stdout.lines().count()), (0, 100_500), "{}", said.stderr);
}
