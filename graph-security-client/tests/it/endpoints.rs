//! Every call of the README's table, made against a tenant, allowed and refused.

use std::collections::BTreeSet;
use std::time::Duration;

use graph_security_client::{
    AlertId, AlertQuery, AlertSeverity, AlertStatus, AlertUpdate, DetectionRuleUpdate, ErrorKind,
    GraphSecurityClient, Hunt as _, HuntQuery, IncidentId, IncidentMerge, IncidentQuery, IncidentStatus,
    IncidentUpdate, NewAlertTemplate, NewDetectionRule, Operation, Product, RequiredPermissions, RuleId,
    RuleStatus, rule_fields,
};
use pocketsoc_testkit::{App, Tenant};

use crate::virtual_tenant::{client, connection, tenant};

fn rule() -> NewDetectionRule {
    let alert = NewAlertTemplate::new("Encoded PowerShell", AlertSeverity::High)
        .with_entity("hosts", [("deviceIdColumn", "DeviceId")])
        .with_tactic("Execution", ["T1059.001"]);
    NewDetectionRule::new(RuleId::new("encoded-powershell").unwrap(), "Encoded PowerShell", alert)
        .looking_for("DeviceProcessEvents | where ProcessCommandLine has '-enc'", Duration::from_secs(3600))
        .doing("isolateDevices", [("deviceIdColumn", "DeviceId"), ("isolationType", "full")])
}

async fn alerts_and_incidents(g: &GraphSecurityClient) {
    let alerts = g.alerts().list(&AlertQuery::new()).collect().await.unwrap();
    let id = alerts[0].id.clone();
    assert_eq!(g.alerts().get(&id).await.unwrap().id, id);
    let update = AlertUpdate::new().with_status(AlertStatus::InProgress);
    assert_eq!(g.alerts().update(&id, &update).await.unwrap().status, Some(AlertStatus::InProgress));
    g.alerts().comment(&id, "seen").await.unwrap();

    let incidents = g.incidents().list(&IncidentQuery::new()).collect().await.unwrap();
    assert!(incidents.len() > 3);
    let ids = ["4001", "4002", "4003"].map(|id| IncidentId::new(id).unwrap());
    let update = IncidentUpdate::new().with_status(IncidentStatus::InProgress);
    g.incidents().update(&ids[0], &update).await.unwrap();
    g.incidents().comment(&ids[0], "seen").await.unwrap();
    assert!(g.incidents().get_many(ids.clone()).finish().await.iter().all(|one| one.outcome.is_ok()));

    // A merge is followed to where it leads, and the service decides where.
    let first =
        g.incidents().merge(&IncidentMerge::of(&ids[..2]).with_comment("one campaign")).await.unwrap();
    assert_eq!(first.as_str(), "4002", "the older one");
    let second = g.incidents().merge(&IncidentMerge::of(&ids[1..])).await.unwrap();
    assert_eq!(second.as_str(), "4003");
    let merged = g.incidents().get(&ids[0]).await.unwrap();
    assert_eq!(
        (merged.status, merged.redirect_incident_id.as_deref()),
        (Some(IncidentStatus::Redirected), Some("4002"))
    );
    assert_eq!(g.incidents().get_following(&ids[0]).await.unwrap().id, ids[2], "over two merges");
    assert_eq!(g.incidents().get_following(&ids[2]).await.unwrap().id, ids[2]);
    let error = g.incidents().merge(&IncidentMerge::of(&ids[..1])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
}

async fn rules(g: &GraphSecurityClient) {
    let created = g.detection_rules().create(&rule()).await.unwrap();
    assert_eq!((created.is_at_work(), created.created_date_time.is_some()), (Some(true), true));
    assert_eq!(g.detection_rules().create(&rule()).await.unwrap_err().kind(), ErrorKind::Conflict);
    let rest =
        DetectionRuleUpdate::new().with_status(RuleStatus::Disabled).every(Duration::from_secs(86_400));
    let changed = g.detection_rules().update(&created.id, &rest).await.unwrap();
    assert_eq!(changed.schedule.unwrap().frequency.as_deref(), Some("P1D"));
    let got = g.detection_rules().get(&created.id).await.unwrap();
    let template = got.detection_action.unwrap().alert_template.unwrap();
    assert_eq!((got.status, template.severity), (Some(RuleStatus::Disabled), Some(AlertSeverity::High)));
    assert_eq!(template.tactics[0].techniques().collect::<Vec<_>>(), ["T1059.001"]);
    let at_work = rule_fields::STATUS.eq(&RuleStatus::Enabled);
    assert!(g.detection_rules().list(Some(at_work)).collect().await.unwrap().is_empty());
    assert_eq!(g.detection_rules().list(None).collect().await.unwrap().len(), 1);
    g.detection_rules().delete(&created.id).await.unwrap();
    assert_eq!(g.detection_rules().get(&created.id).await.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn others(g: &GraphSecurityClient) {
    let scores = g.secure_scores().list().collect().await.unwrap();
    let latest = g.secure_scores().latest().await.unwrap().unwrap();
    assert_eq!((scores.len(), &latest.id, latest.current_score), (90, &scores[0].id, Some(61.5)));
    assert_eq!(latest.control_scores[0].score, Some(10.0));
    let controls = g.secure_scores().controls().collect().await.unwrap();
    assert_eq!(controls[0].id, latest.control_scores[0].control_name.clone().unwrap());
    let rows = g.hunting().hunt(&HuntQuery::new("DeviceInfo | take 1")).collect_all().await.unwrap().0;
    assert_eq!(rows.len(), 1);
}

/// What a request asks for, as the table writes it: names in braces stand for one segment.
fn fits(row: &str, request: &str) -> bool {
    let (row, request): (Vec<&str>, Vec<&str>) = (row.split('/').collect(), request.split('/').collect());
    row.len() == request.len()
        && row.iter().zip(&request).all(|(own, asked)| own.starts_with('{') || own == asked)
}

/// The rows of the table: what is asked, and the permissions.
fn rows() -> Vec<(&'static str, &'static str)> {
    let table = include_str!("../../README.md").lines().filter(|line| line.starts_with('|'));
    let verbs = ["`GET /", "`POST /", "`PATCH /", "`DELETE /"];
    table
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let asked = cells.iter().find(|cell| verbs.iter().any(|verb| cell.starts_with(verb)))?;
            Some((asked.trim_matches('`'), cells[cells.len() - 2].trim_matches('`')))
        })
        .collect()
}

/// The row that a request stands in: one without names goes before one with names.
fn row_of(rows: &[(&'static str, &'static str)], request: &str) -> (&'static str, &'static str) {
    let fitting = rows.iter().copied().filter(|(row, _)| fits(row, request));
    fitting
        .min_by_key(|(row, _)| row.matches('{').count())
        .unwrap_or_else(|| panic!("{request} stands nowhere"))
}

fn asked(tenant: &Tenant) -> Vec<String> {
    let requests = tenant.requests().into_iter().filter(|r| !r.path.contains("/oauth2/"));
    requests.map(|r| format!("{} {}", r.method, r.path)).collect()
}

#[tokio::test(start_paused = true)]
async fn every_row_of_the_readme_works_and_nothing_else_is_asked() {
    let tenant = tenant().build();
    let g = client(&tenant);
    alerts_and_incidents(&g).await;
    rules(&g).await;
    others(&g).await;
    let rows = rows();
    let met: BTreeSet<&str> = asked(&tenant).iter().map(|request| row_of(&rows, request).0).collect();
    let all: BTreeSet<&str> = rows.iter().map(|(row, _)| *row).collect();
    assert_eq!(met, all, "each row is made");
    assert_eq!(all.len(), 18);
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_is_named_as_the_readme_and_the_table_of_permissions_name_it() {
    let tenant = tenant().build();
    tenant.add_app(App::new("nothing", Tenant::SECRET).with_roles(Vec::<String>::new()));
    let g = GraphSecurityClient::new(&connection(&tenant, "nothing", Tenant::SECRET)).unwrap();
    let (alert, incident) = (AlertId::new("a").unwrap(), IncidentId::new("4000").unwrap());
    let id = RuleId::new("r").unwrap();
    let both = [incident.clone(), IncidentId::new("4001").unwrap()];
    let mut told = Vec::new();
    macro_rules! refused {
        ($($call:expr),+ $(,)?) => {
            $(tenant.forget_requests();
            let error = $call.err().unwrap();
            told.push((asked(&tenant).pop().unwrap(), error));)+
        };
    }
    refused!(
        g.alerts().list(&AlertQuery::new()).next().await.unwrap(),
        g.alerts().get(&alert).await,
        g.alerts().update(&alert, &AlertUpdate::new().unassigned()).await,
        g.alerts().comment(&alert, "x").await,
        g.incidents().list(&IncidentQuery::new()).next().await.unwrap(),
        g.incidents().get(&incident).await,
        g.incidents().update(&incident, &IncidentUpdate::new().unassigned()).await,
        g.incidents().comment(&incident, "x").await,
        g.incidents().merge(&IncidentMerge::of(&both)).await,
        g.hunting().hunt(&HuntQuery::new("DeviceInfo")).next().await.unwrap(),
        g.detection_rules().list(None).next().await.unwrap(),
        g.detection_rules().get(&id).await,
        g.detection_rules().create(&rule()).await,
        g.detection_rules().update(&id, &DetectionRuleUpdate::new().with_status(RuleStatus::Enabled)).await,
        g.detection_rules().delete(&id).await,
        g.secure_scores().list().next().await.unwrap(),
        g.secure_scores().controls().next().await.unwrap(),
    );
    // The parts of a batch are refused one by one.
    let mut many = g.alerts().get_many([alert]).finish().await;
    assert!(many.remove(0).outcome.unwrap_err().hint().unwrap().contains("SecurityAlert.Read.All"));

    let (rows, mut met) = (rows(), BTreeSet::new());
    let table: BTreeSet<&str> = [Product::GRAPH_ALERT, Product::GRAPH_INCIDENT]
        .iter()
        .flat_map(|product| Operation::ALL.map(|operation| RequiredPermissions::of(product, &[operation])))
        .flat_map(|needed| needed.application)
        .collect();
    for (request, error) in &told {
        let (row, permission) = row_of(&rows, request);
        met.insert(row);
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{request}: {error}");
        assert!(
            error.hint().unwrap().contains(&format!("may lack {permission}")),
            "{row}: {:?}",
            error.hint()
        );
        assert!(error.message().contains(permission), "the tenant: {row}: {error}");
        assert!(table.contains(permission), "{permission}");
        let guide = error.hint().unwrap().contains("CustomDetectionsRead.All");
        assert_eq!(guide, permission.starts_with("CustomDetection."), "a guide misspells it");
    }
    assert!(rows.iter().all(|(row, _)| met.contains(row) || *row == "POST /v1.0/$batch"));
    let named: BTreeSet<&str> = rows.iter().map(|(_, permission)| *permission).collect();
    assert!(table.iter().all(|permission| named.contains(permission)), "{table:?}");
}
