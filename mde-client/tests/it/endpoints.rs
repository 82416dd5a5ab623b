//! Every call of the README's table, made against a tenant: what was asked, and what came of it.

use std::collections::BTreeSet;

use mde_client::{
    AlertDetermination, AlertId, AlertQuery, AlertStatus, AlertUpdate, DeviceValue, ErrorKind, Hunt as _,
    HuntQuery, IndicatorAction, IndicatorKind, Intent, InvestigationState, Isolation, LiveResponse, LookBack,
    MachineActionQuery, MachineId, MachineQuery, MachineUpdate, MdeClient, NewAlert, NewIndicator, ScanDepth,
    TagAction, fields, indicator_fields, investigation_fields,
};
use pocketsoc_testkit::{App, Tenant};
use pocketsoc_transport::{KeepRaw, Walk};

use crate::virtual_tenant::{self, client, client_as, tenant};

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
    assert!(c.alerts().user(&without.unwrap().id).await.unwrap().is_none(), "an alert without a user");

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
    let tagged = c.machines().tag_many(&two, "in one go", TagAction::Add).await.unwrap();
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

/// The rows of the table: what is asked, and what it says of permissions.
fn rows() -> Vec<(&'static str, &'static str)> {
    let table = include_str!("../../README.md").lines().filter(|line| line.starts_with('|'));
    let request = |cell: &&str| {
        let cell = cell.trim().trim_matches('`');
        ["GET /", "POST /", "PATCH /", "DELETE /"].iter().any(|verb| cell.starts_with(verb))
    };
    table
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').collect();
            let asked = cells.iter().find(|cell| request(cell))?;
            Some((asked.trim().trim_matches('`'), cells[cells.len() - 2]))
        })
        .collect()
}

/// The row that a request stands in: one without names goes before one with names.
fn row_of(rows: &[(&'static str, &'static str)], request: &str) -> Option<(&'static str, &'static str)> {
    let fitting = rows.iter().copied().filter(|(row, _)| fits(row, request));
    fitting.min_by_key(|(row, _)| row.matches('{').count())
}

fn asked(tenant: &Tenant) -> Vec<String> {
    tenant.requests_to("/api/").iter().map(|r| format!("{} {}", r.method, r.path)).collect()
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

    let rows = rows();
    let met =
        |request: &String| row_of(&rows, request).unwrap_or_else(|| panic!("{request} stands nowhere")).0;
    let met: BTreeSet<&str> = asked(&tenant).iter().map(met).collect();
    let all: BTreeSet<&str> = rows.iter().map(|(row, _)| *row).collect();
    assert_eq!(met, all, "each row is made");
    assert_eq!(all.len(), 57, "so many calls has the service's documentation");
}

/// Every call, refused: what the error says.
#[allow(clippy::many_single_char_names)] // one for each room of the client
async fn refusals(c: &MdeClient, tenant: &Tenant) -> Vec<(String, mde_client::Error)> {
    let alert = AlertId::new(tenant.alert_ids().swap_remove(0)).unwrap();
    let machine = MachineId::new(tenant.machine_names().swap_remove(0).0).unwrap();
    let action = mde_client::MachineActionId::new("ac710000-0000-4000-8000-000000000001").unwrap();
    let indicator =
        NewIndicator::new(&IndicatorKind::IpAddress, "192.0.2.1", &IndicatorAction::Block, "t", "d");
    let (hash, address, back) = ("a".repeat(40), "192.0.2.1".parse().unwrap(), LookBack::default());
    let update = AlertUpdate::new().with_assigned_to("x");
    let about = NewAlert::about(&machine, "2026-09-21T12:45:21Z", "1").saying("t", "d", "r");
    let at = "2026-09-21T12:00:00Z".parse().unwrap();
    let mut all = Vec::new();
    macro_rules! refused {
        ($($call:expr),+ $(,)?) => {
            $(tenant.forget_requests();
            let error = $call.err().unwrap();
            all.push((asked(tenant).pop().unwrap(), error));)+
        };
    }
    macro_rules! walks {
        ($($walk:expr),+ $(,)?) => {
            refused!($($walk.next().await.unwrap()),+)
        };
    }
    let (a, m, o) = (c.alerts(), c.machines(), c.observables());
    let (i, v) = (c.indicators(), c.investigations());
    let id = mde_client::IndicatorId::new("995").unwrap();
    walks!(
        a.list(&AlertQuery::new()),
        a.domains(&alert),
        a.files(&alert),
        a.ips(&alert),
        m.list(&MachineQuery::new()),
        m.by_ip(address, at),
        m.by_tag("x", false),
        m.alerts(&machine),
        m.logon_users(&machine),
        m.software(&machine),
        m.vulnerabilities(&machine),
        c.actions().list(&MachineActionQuery::new()),
        v.list(None),
        i.list(None),
        o.file_alerts(&hash),
        o.file_machines(&hash),
        o.ip_alerts(address),
        o.domain_alerts("d.example"),
        o.domain_machines("d.example"),
        o.user_alerts("x"),
        o.user_machines("x"),
        c.hunting().hunt(&HuntQuery::new("DeviceInfo")),
    );
    refused!(
        a.get(&alert).await,
        a.update(&alert, &update).await,
        a.create(&about).await,
        a.machine(&alert).await,
        a.update_many(std::slice::from_ref(&alert), &update).await,
        a.user(&alert).await,
        m.get(&machine).await,
        m.count_alerts(&machine, None).await,
        m.update(&machine, &MachineUpdate::new().with_value(DeviceValue::Low)).await,
        m.tag(&machine, "x", TagAction::Add).await,
        m.set_value(&machine, &DeviceValue::Low).await,
        m.tag_many(std::slice::from_ref(&machine), "x", TagAction::Add).await,
        c.actions().get(&action).await,
        v.start(&machine, "x").await,
        v.get(&mde_client::InvestigationId::new("1").unwrap()).await,
        i.submit(&indicator).await,
        i.import(std::slice::from_ref(&indicator)).await,
        i.delete(&id).await,
        i.delete_many(std::slice::from_ref(&id)).await,
        o.file(&hash).await,
        o.file_stats(&hash, back).await,
        o.ip_stats(address, back).await,
        o.domain_stats("d.example", back).await,
        c.actions().package_link(&action).await,
        c.actions().live_response_link(&action, 0).await,
    );
    all
}

/// Applications that may do nothing, and only look at machines.
const NOTHING: &str = "0dead000-1234-4321-8888-5ec0dedeed0a";
const LOOKS: &str = "100c5000-1234-4321-8888-5ec0dedeed0b";

#[tokio::test(start_paused = true)]
async fn a_missing_permission_is_named_as_the_readme_names_it() {
    let tenant = tenant().alerts(3).build();
    tenant.add_app(App::new(NOTHING, Tenant::SECRET).with_roles(Vec::<String>::new()));
    tenant.add_app(App::new(LOOKS, Tenant::SECRET).with_roles(["Machine.Read.All"]));
    let mut told = refusals(&client_as(&tenant, NOTHING, Tenant::SECRET), &tenant).await;
    // What is done on a machine looks first.
    let c = client_as(&tenant, LOOKS, Tenant::SECRET);
    for intent in [
        Intent::Contain,
        Intent::Release,
        Intent::Restrict,
        Intent::Unrestrict,
        Intent::Scan(ScanDepth::Quick),
        Intent::Quarantine("a".repeat(40)),
        Intent::Collect,
        Intent::Offboard,
        Intent::LiveResponse(LiveResponse::new().run_script("x", None)),
    ] {
        let machine = MachineId::new(tenant.machine_names().swap_remove(0).0).unwrap();
        let error = c.machines().begin(&machine, &intent, "x").await.unwrap_err();
        told.push((asked(&tenant).pop().unwrap(), error));
    }
    let rows = rows();
    let mut met = BTreeSet::new();
    for (request, error) in &told {
        let (row, permissions) = row_of(&rows, request).unwrap();
        met.insert(row);
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{request}: {error}");
        let named: Vec<&str> = permissions.split('`').skip(1).step_by(2).collect();
        // What looks first needs the permission to look beside its own.
        let named = if permissions.contains("to look first") { &named[..1] } else { &named[..] };
        assert!(!named.is_empty(), "{row}");
        for permission in named {
            assert!(error.hint().unwrap().contains(permission), "{row}: {permission}, {:?}", error.hint());
            let of_app = permission.ends_with(".All") && !permission.starts_with("Ti.");
            assert!(!of_app || error.message().contains(permission), "the tenant: {row}: {error}");
        }
    }
    let calls_off = "POST /api/machineactions/{id}/cancel"; // needs what the action needs
    assert!(rows.iter().all(|(row, _)| met.contains(row) || *row == calls_off));
}

#[tokio::test(start_paused = true)]
async fn no_call_meets_a_429_when_it_is_made_again_and_again() {
    let clock = virtual_tenant::clock();
    let tenant = tenant().alerts(3).build();
    tenant.keep_quotas();
    let connection = virtual_tenant::connection(&tenant, Tenant::CLIENT_ID, Tenant::SECRET);
    let c = MdeClient::new(&connection.clock(clock).build().unwrap()).unwrap();
    let alert = AlertId::new(tenant.alert_ids().swap_remove(0)).unwrap();
    let machine = MachineId::new(tenant.machine_names().swap_remove(0).0).unwrap();
    let indicator =
        NewIndicator::new(&IndicatorKind::IpAddress, "192.0.2.1", &IndicatorAction::Block, "t", "d");
    let event = HuntQuery::new("DeviceProcessEvents | take 1");
    let event = c.hunting().hunt(&event).next().await.unwrap().unwrap();
    let about = NewAlert::about_row(&event).unwrap().saying("t", "d", "r");
    let collected = c.machines().begin(&machine, &Intent::Collect, "x").await.unwrap();
    collected.wait().await.unwrap();
    let update = AlertUpdate::new().with_assigned_to("x");
    // More than each quota lets through in its minute, or its hour.
    for _ in 0..55 {
        c.hunting().hunt(&HuntQuery::new("DeviceInfo | take 1")).next().await.unwrap().unwrap();
        c.alerts().update_many(std::slice::from_ref(&alert), &update).await.unwrap();
        c.alerts().create(&about).await.unwrap();
        all(c.machines().vulnerabilities(&machine)).await;
        c.investigations().start(&machine, "x").await.unwrap();
        c.actions().package_link(collected.id()).await.unwrap();
        let session = Intent::LiveResponse(LiveResponse::new().run_script("x", None));
        c.machines().begin(&machine, &session, "x").await.unwrap().wait().await.unwrap();
        c.indicators().import(std::slice::from_ref(&indicator)).await.unwrap();
        let kept = all(c.indicators().list(None)).await.swap_remove(0);
        c.indicators().delete_many(&[kept.id]).await.unwrap();
    }
    assert_eq!(tenant.refused_by_quota(), 0);
}
