//! Every call of the README's table, made against a tenant: what was asked, and what came of it.

use std::collections::BTreeSet;

use mde_client::{
    AlertDetermination, AlertId, AlertQuery, AlertStatus, AlertUpdate, DeviceValue, ErrorKind, Hunt as _,
    HuntQuery, IndicatorAction, IndicatorKind, Intent, InvestigationState, Isolation, LiveResponse, LookBack,
    MachineActionQuery, MachineId, MachineQuery, MachineUpdate, MdeClient, NewAlert, NewIndicator, ScanDepth,
    TagAction, fields, indicator_fields, investigation_fields,
};
use pocketsoc_testkit::Tenant;
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

async fn alerts(c: &MdeClient, tenant: &Tenant) -> (AlertId, MachineId) {
    let found = all(c.alerts().list(&AlertQuery::new().with_evidence())).await;
    let with = |kind: &str| {
        let has = |alert: &&mde_client::Alert| {
            alert.evidence.iter().any(|e| e.entity_type.as_ref().is_some_and(|own| own.as_str() == kind))
        };
        found.iter().find(has).unwrap_or_else(|| panic!("no alert with {kind}")).id.clone()
    };
    assert!(all(c.alerts().domains(&with("Url"))).await[0].host.as_deref().unwrap().contains('.'));
    let file = &all(c.alerts().files(&with("File"))).await[0];
    assert!(file.sha1.as_ref().is_some_and(|hash| hash.len() == 40) && file.size.is_some(), "{file:?}");
    assert!(all(c.alerts().ips(&with("Ip"))).await[0].id.as_deref().unwrap().contains('.'));
    let user = c.alerts().user(&with("User")).await.unwrap().unwrap();
    assert!(user.id.contains('\\') && user.account_name.is_some());
    let without = found.iter().find(|a| a.evidence.iter().all(|e| e.account_name.is_none()));
    if let Some(alert) = without {
        assert!(c.alerts().user(&alert.id).await.unwrap().is_none(), "an alert without a user");
    }

    let id = found[0].id.clone();
    let machine = c.alerts().machine(&id).await.unwrap().id;
    assert_eq!(c.alerts().get(&id).await.unwrap().machine_id.as_deref(), Some(machine.as_str()));
    let update = AlertUpdate::new().with_assigned_to("a@contoso.example");
    assert_eq!(
        c.alerts().update(&id, &update).await.unwrap().assigned_to.as_deref(),
        Some("a@contoso.example")
    );
    let many: Vec<AlertId> = found.iter().take(3).map(|alert| alert.id.clone()).collect();
    let update = AlertUpdate::new()
        .with_status(AlertStatus::Resolved)
        .with_classification(mde_client::AlertClassification::FalsePositive)
        .with_determination(AlertDetermination::NotMalicious);
    for one in c.alerts().update_many(&many, &update).await.unwrap() {
        assert_eq!(one.outcome.unwrap().determination, Some(AlertDetermination::NotMalicious), "{}", one.id);
    }

    let events =
        HuntQuery::new("DeviceProcessEvents | project Timestamp, DeviceId, ReportId, FileName | take 1");
    let event = c.hunting().hunt(&events).next().await.unwrap().unwrap();
    let about = NewAlert::about_row(&event).unwrap().saying("Odd process", "It should not be", "Look at it");
    let raised = c.alerts().create(&about.clone().with_category("Execution")).await.unwrap();
    assert_eq!(raised.title.as_deref(), Some("Odd process"));
    assert_eq!(raised.machine_id.as_deref(), event.text("DeviceId"));
    let again = c.alerts().create(&about.with_category("Execution")).await.unwrap();
    assert_eq!(again.id, raised.id, "an open alert with the same title on the same machine takes it in");
    assert_eq!(tenant.alert_count(), found.len() + 1);
    (id, machine)
}

async fn machines(c: &MdeClient, machine: &MachineId) {
    let everything = all(c.machines().list(&MachineQuery::new())).await;
    let got = c.machines().get(machine).await.unwrap();
    let name = got.computer_dns_name.clone().unwrap();
    assert_eq!(c.machines().find(&name).await.unwrap().id, *machine);
    let change = MachineUpdate::new().with_tag("crown jewels").with_value(DeviceValue::High);
    let changed = c.machines().update(machine, &change).await.unwrap();
    assert_eq!((changed.machine_tags.len(), changed.device_value), (1, Some(DeviceValue::High)));
    let now = "2026-09-21T13:00:00Z".parse().unwrap();
    let address = got.last_ip_address.unwrap().parse().unwrap();
    assert_eq!(all(c.machines().by_ip(address, now)).await.len(), 1);
    assert_eq!(all(c.machines().by_tag("crown jewels", false)).await.len(), 1);
    let on_it = all(c.machines().alerts(machine)).await;
    assert!(
        !on_it.is_empty() && on_it.iter().all(|alert| alert.machine_id.as_deref() == Some(machine.as_str()))
    );
    assert_eq!(c.machines().count_alerts(machine, None).await.unwrap(), on_it.len() as u64);
    let open = fields::STATUS.eq(&AlertStatus::New);
    let open_ones = on_it.iter().filter(|alert| alert.status == Some(AlertStatus::New)).count();
    assert_eq!(c.machines().count_alerts(machine, Some(&open)).await.unwrap(), open_ones as u64);
    assert!(all(c.machines().logon_users(machine)).await.iter().all(|user| user.account_domain.is_some()));
    assert_eq!(all(c.machines().software(machine)).await[0].impact_score, Some(1.25));
    assert_eq!(all(c.machines().vulnerabilities(machine)).await[0].cvss_v3, Some(8.1));
    c.machines().tag(machine, "under watch", TagAction::Add).await.unwrap();
    let two: Vec<MachineId> = everything.iter().take(2).map(|machine| machine.id.clone()).collect();
    let tagged = all(c.machines().tag_many(&two, "in one go", TagAction::Add)).await;
    assert!(tagged.len() == 2 && tagged.iter().all(|m| m.machine_tags.contains(&"in one go".to_owned())));
    c.machines().set_value(machine, &DeviceValue::Low).await.unwrap();
}

async fn actions(c: &MdeClient, tenant: &Tenant) {
    let mut names = tenant.machine_names().into_iter();
    let mut next = || MachineId::new(names.next().unwrap().0).unwrap();
    let isolated = next();
    c.machines().isolate(&isolated, Isolation::full("INC-42")).await.unwrap().wait().await.unwrap();
    c.machines().release(&isolated, "INC-42").await.unwrap().wait().await.unwrap();
    for intent in [
        Intent::Contain,
        Intent::Restrict,
        Intent::Unrestrict,
        Intent::Scan(ScanDepth::Quick),
        Intent::Quarantine("6ed11b70af4ccae3c2a3c6bd5ad4b0a3f3c8a1c7".into()),
        Intent::Offboard,
    ] {
        c.machines().begin(&next(), &intent, "INC-42").await.unwrap().wait().await.unwrap();
    }
    let collected = c.machines().begin(&next(), &Intent::Collect, "INC-42").await.unwrap();
    assert_eq!(c.actions().package_link(collected.id()).await.unwrap_err().kind(), ErrorKind::NotFound);
    collected.wait().await.unwrap();
    assert!(c.actions().package_link(collected.id()).await.unwrap().expose().starts_with("https://"));
    let commands = LiveResponse::new().run_script("look.ps1", None);
    let session = c.machines().begin(&next(), &Intent::LiveResponse(commands), "INC-42").await.unwrap();
    session.wait().await.unwrap();
    assert!(!c.actions().live_response_link(session.id(), 0).await.unwrap().expose().is_empty());
    let scan = c.machines().begin(&next(), &Intent::Scan(ScanDepth::Full), "INC-42").await.unwrap();
    c.actions().cancel(scan.id(), "the wrong one").await.unwrap();
    assert_eq!(all(c.actions().list(&MachineActionQuery::new())).await.len(), 11);
    assert!(c.actions().get(scan.id()).await.unwrap().progress().is_final());
}

async fn investigations(c: &MdeClient, machine: &MachineId) {
    let started = c.investigations().start(machine, "INC-42").await.unwrap();
    assert_eq!(started.state, Some(InvestigationState::Running));
    assert_eq!(c.investigations().get(&started.id).await.unwrap().id, started.id);
    let of_it = investigation_fields::MACHINE_ID.eq(machine.as_str());
    let found = all(c.investigations().list(Some(of_it))).await;
    assert!(found.iter().any(|one| one.id == started.id));
    assert!(found.iter().all(|one| one.machine_id.as_deref() == Some(machine.as_str())));
}

async fn indicators(c: &MdeClient) {
    let ip = |value: &str| {
        NewIndicator::new(&IndicatorKind::IpAddress, value, &IndicatorAction::Block, "bad", "very bad")
    };
    let one = c.indicators().submit(&ip("192.0.2.1")).await.unwrap();
    let again = c.indicators().submit(&ip("192.0.2.1").with_application("x")).await.unwrap();
    assert_eq!(again.id, one.id, "the one with the same value and kind");
    // What only the service knows to refuse comes back with its reason, the others are taken.
    let odd = NewIndicator::new(&IndicatorKind::Url, "https://a.example/", &"Vaporize".into(), "t", "d");
    let outcomes = c.indicators().import(&[ip("192.0.2.2"), odd, ip("192.0.2.3")]).await.unwrap();
    assert_eq!(
        outcomes.iter().map(mde_client::ImportOutcome::is_taken).collect::<Vec<_>>(),
        [true, false, true]
    );
    assert!(outcomes[1].failure_reason.as_deref().unwrap().contains("Vaporize"));
    let by_value = indicator_fields::INDICATOR_VALUE.eq("192.0.2.3");
    let third = all(c.indicators().list(Some(by_value))).await.swap_remove(0);
    c.indicators().delete(&third.id).await.unwrap();
    assert_eq!(c.indicators().delete(&third.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    let rest: Vec<_> = all(c.indicators().list(None)).await.into_iter().map(|one| one.id).collect();
    let stranger = [one.id.clone(), third.id];
    assert_eq!(c.indicators().delete_many(&stranger).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(all(c.indicators().list(None)).await.len(), 2, "all or none");
    c.indicators().delete_many(&rest).await.unwrap();
    assert!(all(c.indicators().list(None)).await.is_empty());
}

async fn observables(c: &MdeClient, tenant: &Tenant) {
    let (o, month) = (c.observables(), LookBack::default());
    let mut hash = None;
    for id in tenant.alert_ids() {
        hash = all(c.alerts().files(&AlertId::new(id).unwrap())).await.into_iter().find_map(|file| file.sha1);
        if hash.is_some() {
            break;
        }
    }
    let hash = hash.unwrap();
    assert_eq!(o.file(&hash).await.unwrap().sha1.as_ref(), Some(&hash));
    let stats = o.file_stats(&hash, month).await.unwrap();
    assert_eq!((stats.organization_prevalence, stats.global_prevalence), (Some(1), Some(705_012)));
    assert!(!stats.top_file_names.is_empty());
    let about = all(o.file_alerts(&hash)).await;
    assert_eq!(all(o.file_machines(&hash)).await[0].id.as_str(), about[0].machine_id.as_deref().unwrap());
    assert_eq!(o.file(&"0".repeat(40)).await.unwrap_err().kind(), ErrorKind::NotFound);
    let nobody = o.ip_stats("192.0.2.77".parse().unwrap(), month).await.unwrap();
    assert_eq!((nobody.organization_prevalence, nobody.org_first_seen), (Some(0), None));
    assert!(all(o.ip_alerts("192.0.2.77".parse().unwrap())).await.is_empty());
    assert_eq!(o.domain_stats("nobody.example", month).await.unwrap().organization_prevalence, Some(0));
    assert!(all(o.domain_alerts("nobody.example")).await.is_empty());
    assert!(all(o.domain_machines("nobody.example")).await.is_empty());
    assert!(all(o.user_alerts("nobody")).await.is_empty());
    assert!(!all(o.user_alerts("ada.byron")).await.is_empty());
    assert!(!all(o.user_machines("ada.byron")).await.is_empty());
}

/// What a request asks for, as the table writes it: names in braces stand for one segment, `(…)` for arguments.
fn fits(row: &str, request: &str) -> bool {
    let (row, request): (Vec<&str>, Vec<&str>) = (row.split('/').collect(), request.split('/').collect());
    row.len() == request.len()
        && row.iter().zip(&request).all(|(own, asked)| match own.strip_suffix("(…)") {
            Some(function) => asked.strip_prefix(function).is_some_and(|rest| rest.starts_with('(')),
            None => own.starts_with('{') || own == asked,
        })
}

#[tokio::test(start_paused = true)]
async fn every_row_of_the_readme_works_and_nothing_else_is_asked() {
    let tenant = tenant().alerts(60).build();
    let c = client(&tenant);
    let (_, machine) = alerts(&c, &tenant).await;
    machines(&c, &machine).await;
    actions(&c, &tenant).await;
    investigations(&c, &machine).await;
    indicators(&c).await;
    observables(&c, &tenant).await;

    let rows: BTreeSet<&str> = include_str!("../../README.md")
        .lines()
        .filter(|line| line.starts_with('|'))
        .flat_map(|line| line.split('`'))
        .filter(|cell| ["GET /", "POST /", "PATCH /", "DELETE /"].iter().any(|verb| cell.starts_with(verb)))
        .collect();
    let asked: BTreeSet<String> =
        tenant.requests_to("/api/").iter().map(|r| format!("{} {}", r.method, r.path)).collect();
    for row in &rows {
        assert!(asked.iter().any(|request| fits(row, request)), "no request for {row}");
    }
    // A name that fits its place literally goes before a pattern.
    for request in &asked {
        assert!(rows.iter().any(|row| fits(row, request)), "{request} stands nowhere");
    }
    assert_eq!(rows.len(), 57, "so many calls has the service's documentation");
}
