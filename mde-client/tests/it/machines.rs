//! Machines as the service has them: found, inspected, labelled.

use mde_client::{
    DeviceValue, ErrorKind, HealthStatus, MachineActionQuery, MachineActionStatus, MachineId, MachineQuery,
    RiskScore, TagAction, action_fields, machine_fields,
};
use pocketsoc_testkit::{Fault, Reply, Trouble};
use pocketsoc_transport::{KeepRaw, Walk};

use crate::virtual_tenant::{client, tenant};

async fn all<T: KeepRaw>(mut walk: Walk<T>) -> Vec<T> {
    let mut all = Vec::new();
    while let Some(one) = walk.next().await {
        all.push(one.unwrap());
    }
    assert!(walk.report().complete);
    all
}

#[tokio::test(start_paused = true)]
async fn machines_are_listed_and_filtered_by_the_service() {
    let tenant = tenant().alerts(3).build();
    let machines = client(&tenant).machines();
    let everything = all(machines.list(&MachineQuery::new())).await;
    assert_eq!(everything.len(), tenant.machine_names().len());
    let risky = machine_fields::RISK_SCORE.eq(&RiskScore::High);
    let awake = machine_fields::HEALTH_STATUS.eq(&HealthStatus::Active);
    let found = all(machines.list(&MachineQuery::new().with_filter(risky.and(awake)))).await;
    assert!(!found.is_empty() && found.iter().all(|m| m.risk_score == Some(RiskScore::High)));
    let request = tenant.requests_to("/api/machines").pop().unwrap();
    assert_eq!(
        request.option("$filter").as_deref(),
        Some("riskScore eq 'High' and healthStatus eq 'Active'")
    );

    // Nobody there is an empty list, in the service's own way of saying it; a missing address is an error.
    let nobody = machine_fields::COMPUTER_DNS_NAME.eq("nobody");
    assert!(all(machines.list(&MachineQuery::new().with_filter(nobody))).await.is_empty());
    tenant.add_fault(Fault::on("/api/machines", Trouble::Answer(Reply::empty(404))));
    assert!(machines.list(&MachineQuery::new()).next().await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn one_machine_is_inspected_and_labelled() {
    let tenant = tenant().alerts(3).build();
    let machines = client(&tenant).machines();
    let (id, name) = tenant.machine_names().swap_remove(0);
    let id = MachineId::new(id).unwrap();
    let machine = machines.get(&id).await.unwrap();
    assert_eq!(
        (machine.computer_dns_name.as_deref(), machine.rbac_group_id),
        (Some(name.as_str()), Some(70))
    );
    assert_eq!(machine.ip_addresses[0].kind.as_deref(), Some("Ethernet"));
    assert!(machine.raw().unwrap().as_str().contains("macAddress"));

    for _ in 0..2 {
        let tagged = machines.tag(&id, "under watch", TagAction::Add).await.unwrap();
        assert_eq!(tagged.machine_tags, ["under watch"]);
    }
    assert_eq!(all(machines.by_tag("under", true)).await.len(), 1);
    assert!(all(machines.by_tag("under", false)).await.is_empty());
    assert!(machines.tag(&id, "under watch", TagAction::Remove).await.unwrap().machine_tags.is_empty());
    let valued = machines.set_value(&id, &DeviceValue::High).await.unwrap();
    assert_eq!(valued.device_value, Some(DeviceValue::High));
    let sent = tenant.requests_to("/setDeviceValue").pop().unwrap();
    assert_eq!(std::str::from_utf8(&sent.body).unwrap(), r#"{"DeviceValue":"High"}"#);

    let address = machine.last_ip_address.unwrap().parse().unwrap();
    let now = "2026-09-21T13:00:00Z".parse().unwrap();
    assert_eq!(all(machines.by_ip(address, now)).await[0].id, id);
    let long_ago = "2026-08-01T00:00:00Z".parse().unwrap();
    let error = machines.by_ip(address, long_ago).next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    let stranger = MachineId::new("a/b").unwrap();
    assert_eq!(machines.get(&stranger).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(
        tenant.requests().pop().unwrap().path,
        "/api/machines/a%2Fb",
        "one segment, never another resource"
    );
}

#[tokio::test(start_paused = true)]
async fn actions_are_listed_by_machine_and_kind() {
    let tenant = tenant().alerts(3).build();
    let client = client(&tenant);
    let machine = MachineId::new(tenant.machine_names().swap_remove(1).0).unwrap();
    let intent = mde_client::Intent::Scan(mde_client::ScanDepth::Quick);
    client.machines().begin(&machine, &intent, "look").await.unwrap();
    let filter = action_fields::MACHINE_ID
        .eq(machine.as_str())
        .and(action_fields::STATUS.eq(&MachineActionStatus::Pending));
    let found = all(client.actions().list(&MachineActionQuery::new().with_filter(filter))).await;
    assert_eq!((found.len(), found[0].scope.as_deref()), (1, Some("Quick")));
    assert_eq!(found[0].computer_dns_name, None, "it comes later");
}
