//! Everything beside alerts: subscriptions, locations, suppression rules, automations, samples.

use std::time::Duration;

use defender_cloud_client::{
    AlertScope, AlertSeverity, AutomationName, AutomationPatch, AutomationPlace, AutomationTarget,
    DetectionQuery, DetectionSource as _, ErrorKind, Location, NewAutomation, NewSuppressionRule, Progress,
    ResourceGroup, RuleName, RuleState, SampleBundle, Secret, SubscriptionId,
};
use pocketsoc_testkit::{Fault, Reply, Tenant, Trouble};

use crate::virtual_tenant::{client, tenant};

fn subscription(n: usize) -> SubscriptionId {
    SubscriptionId::new(Tenant::subscriptions().nth(n).unwrap().0).unwrap()
}

#[tokio::test(start_paused = true)]
async fn locations_are_where_the_alerts_are_stored() {
    let tenant = tenant().build();
    let azure = client(&tenant);
    let found = azure.locations().list(&subscription(0)).collect().await.unwrap();
    assert_eq!((found[0].name.as_str(), found[0].home_region()), ("westeurope", Some("westeurope")));
    let one = azure.locations().get(&subscription(1), &Location::new("centralus").unwrap()).await.unwrap();
    assert_eq!(one.name.as_str(), "centralus");
    assert!(one.raw().unwrap().as_str().contains("homeRegionName"));
    let elsewhere = Location::new("mars/../x").unwrap();
    let error = azure.locations().get(&subscription(1), &elsewhere).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let asked = tenant.requests_to("/locations");
    assert_eq!(asked[0].query, "api-version=2015-06-01-preview");
    assert!(asked[2].path.ends_with("/locations/mars%2F..%2Fx"), "{}", asked[2].path);
}

#[tokio::test(start_paused = true)]
async fn a_suppression_rule_dismisses_what_comes_and_reopens_nothing_when_it_goes() {
    let tenant = tenant().cloud_alerts(0).build();
    let azure = client(&tenant);
    let rules = azure.suppression_rules();
    let everywhere: Vec<SubscriptionId> = (0..3).map(subscription).collect();
    let name = RuleName::new("quiet_week").unwrap();
    for subscription in &everywhere {
        let rule = NewSuppressionRule::new("*", "Noise").with_comment("a rehearsal");
        let written = rules.put(subscription, &name, &rule).await.unwrap();
        assert_eq!(
            (written.name.as_str(), &written.properties.state),
            ("quiet_week", &Some(RuleState::Enabled))
        );
        assert!(
            written.properties.expiration_date_utc.is_some(),
            "the service sets an end, in its own spelling"
        );
        assert!(written.properties.last_modified_utc.is_some());
    }
    let suppressed = tenant.raise_cloud_alert();
    let alert = azure.alerts().get(&defender_cloud_client::AlertId::new(suppressed).unwrap()).await.unwrap();
    assert_eq!(alert.properties.status.unwrap().as_str(), "Dismissed");

    assert_eq!(rules.list(&everywhere[0], None).collect().await.unwrap().len(), 1);
    assert!(rules.list(&everywhere[0], Some("VM_EICAR")).collect().await.unwrap().is_empty());
    let asked = tenant.requests_to("/alertsSuppressionRules").pop().unwrap();
    assert_eq!(asked.query, "api-version=2019-01-01-preview&AlertType=VM_EICAR");
    let scoped = NewSuppressionRule::new("IpAnomaly", "Other")
        .where_in("entities.ip.address", ["192.0.2.1"])
        .disabled();
    let written = rules.put(&everywhere[0], &name, &scoped).await.unwrap();
    assert_eq!(written.conditions()[0].one_of.as_deref(), Some(["192.0.2.1".to_owned()].as_slice()));
    assert_eq!(rules.get(&everywhere[0], &name).await.unwrap().properties.state, Some(RuleState::Disabled));
    let kept = rules.get(&everywhere[0], &name).await.unwrap();
    let again = NewSuppressionRule::like(&kept).unwrap().with_comment("for longer");
    let written = rules.put(&everywhere[0], &name, &again).await.unwrap();
    assert_eq!(
        (written.conditions(), &written.properties.state),
        (kept.conditions(), &kept.properties.state)
    );
    rules.delete(&everywhere[0], &name).await.unwrap();
    assert_eq!(rules.get(&everywhere[0], &name).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn an_automation_is_validated_written_changed_and_deleted() {
    let tenant = tenant().build();
    let automations = client(&tenant).automations();
    let group = ResourceGroup::new("rg (1)").unwrap();
    let place =
        AutomationPlace::new(subscription(0), group.clone(), AutomationName::new("push@night").unwrap());
    let new = || {
        NewAutomation::on_alerts("westeurope", [AlertSeverity::High])
            .within(format!("/subscriptions/{}", subscription(0)))
            .running(AutomationTarget::logic_app(
                "/subscriptions/x",
                Secret::new("https://app.example/?sig=hush"),
            ))
    };
    let nowhere = NewAutomation::on_alerts("westeurope", [AlertSeverity::High]);
    let validation = automations.validate(&place, &nowhere).await.unwrap();
    assert_eq!(validation.is_valid, Some(false), "which is answered with success: {validation:?}");
    assert_eq!(automations.validate(&place, &new()).await.unwrap().is_valid, Some(true));
    assert_eq!(automations.put(&place, &nowhere).await.unwrap_err().kind(), ErrorKind::InvalidRequest);

    let written = automations.put(&place, &new()).await.unwrap();
    assert_eq!(written.properties.is_enabled, Some(true));
    assert!(!written.raw().unwrap().as_str().contains("hush"), "it never comes back");
    let changed = automations.patch(&place, &AutomationPatch::new().enabled(false)).await.unwrap();
    assert_eq!((changed.properties.is_enabled, changed.properties.actions.len()), (Some(false), 1));
    let outdated = new().with_etag(written.etag.unwrap());
    assert_eq!(automations.put(&place, &outdated).await.unwrap_err().kind(), ErrorKind::Conflict);
    automations.put(&place, &new().with_etag(changed.etag.unwrap())).await.unwrap();

    assert_eq!(automations.list(&subscription(0)).collect().await.unwrap().len(), 1);
    assert_eq!(automations.list_of_group(&subscription(0), &group).collect().await.unwrap().len(), 1);
    assert!(automations.list(&subscription(1)).collect().await.unwrap().is_empty());
    automations.delete(&place).await.unwrap();
    automations.delete(&place).await.unwrap();
    assert_eq!(automations.get(&place).await.unwrap_err().kind(), ErrorKind::NotFound);
    for request in tenant.requests_to("/automations/") {
        assert_eq!(request.query, "api-version=2023-12-01-preview");
        assert!(request.path.contains("/resourceGroups/rg%20%281%29/"), "{}", request.path);
        assert!(request.path.contains("/automations/push%40night"), "{}", request.path);
    }
}

#[tokio::test(start_paused = true)]
async fn sample_alerts_are_followed_until_they_are_there() {
    let tenant = tenant().cloud_alerts(0).build();
    let azure = client(&tenant);
    let bundles = [SampleBundle::VirtualMachines, SampleBundle::Dns];
    let place = Location::new("westeurope").unwrap();
    let mut begun = azure.alerts().simulate(&subscription(0), &place, &bundles).await.unwrap();
    assert_eq!(begun.progress().await.unwrap(), Progress::Running);
    assert_eq!(begun.next_look(), Duration::from_secs(20), "as the service wants it");
    assert!(azure.detections("A").list(&DetectionQuery::all()).collect_all().await.unwrap().0.is_empty());
    let before = tokio::time::Instant::now();
    assert_eq!(begun.wait().await.unwrap(), Progress::Done);
    assert!(before.elapsed() >= Duration::from_secs(100) && before.elapsed() <= Duration::from_secs(140));
    let (found, _) = azure.detections("A").list(&DetectionQuery::all()).collect_all().await.unwrap();
    assert_eq!(found.len(), 2);
    assert!(
        found.iter().all(|d| d.id.as_str().contains(subscription(0).as_str())),
        "where they were asked for"
    );
    assert!(found.iter().any(|d| d.properties.get("alertType").unwrap().to_lowercase().contains("dns")));
    let mars = Location::new("mars").unwrap();
    assert_eq!(
        azure.alerts().simulate(&subscription(0), &mars, &bundles).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert!(found.iter().all(|d| d.title.starts_with("[SAMPLE ALERT]")), "{}", found[0].title);
    assert!(found.iter().all(|d| d.properties.get("alertType").unwrap().starts_with("SIMULATED_")));
    let posts = tenant.requests_to("/westeurope/alerts/default/simulate");
    assert_eq!(posts.into_iter().filter(|r| r.method == "POST").count(), 1);

    // The other way of telling how it stands, its failure, and a service that tells nothing.
    let status = |body: &str| {
        let begun = Reply::empty(202)
            .with_header(
                "azure-asyncoperation",
                "https://management.azure.com/subscriptions/s/op?api-version=1",
            )
            .with_header("location", "https://management.azure.com/elsewhere");
        tenant.clear_faults();
        tenant.add_fault(Fault::on("/simulate", Trouble::Answer(begun)));
        tenant.add_fault(Fault::on("/op", Trouble::Answer(Reply::json(200, body.to_owned()))));
    };
    let simulate = async || azure.alerts().simulate(&subscription(0), &place, &bundles).await;
    status(r#"{"status":"Succeeded"}"#);
    assert_eq!(simulate().await.unwrap().wait().await.unwrap(), Progress::Done);
    status(r#"{"status":"InProgress"}"#);
    assert_eq!(simulate().await.unwrap().progress().await.unwrap(), Progress::Running);
    status(r#"{"status":"Failed","error":{"code":"PlanIsOff","message":"switch the plan on"}}"#);
    let error = simulate().await.unwrap().wait().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code(), error.message()),
        (ErrorKind::NotApplied, Some("PlanIsOff"), "switch the plan on")
    );
    tenant.clear_faults();
    tenant.add_fault(Fault::on("/simulate", Trouble::Answer(Reply::empty(202))));
    assert_eq!(simulate().await.unwrap().wait().await.unwrap(), Progress::Accepted);
    tenant.clear_faults();
    let abroad = Reply::empty(202).with_header("location", "https://evil.example/op");
    tenant.add_fault(Fault::on("/simulate", Trouble::Answer(abroad)));
    tenant.forget_requests();
    assert_eq!(
        simulate().await.unwrap().wait().await.unwrap(),
        Progress::Accepted,
        "it has begun all the same"
    );
    let asked = tenant.requests();
    assert!(
        asked.iter().all(|request| request.header("host") != Some("evil.example")),
        "no token goes there"
    );

    // A fault in between, an address that moves, an empty answer; and one that goes on saying nothing.
    tenant.clear_faults();
    let begun = Reply::empty(202)
        .with_header("azure-asyncoperation", "https://management.azure.com/subscriptions/s/op?sig=hush")
        .with_header("retry-after", "5");
    tenant.add_fault(Fault::on("/simulate", Trouble::Answer(begun)));
    let running = Reply::json(200, r#"{"status":"Running"}"#).with_header("retry-after", "5");
    let moved = running
        .clone()
        .with_header("azure-asyncoperation", "https://management.azure.com/subscriptions/s/moved");
    tenant.add_fault(Fault::on("/s/op", Trouble::Answer(running.clone())).once());
    tenant.add_fault(Fault::status("/s/op", 404).times(0));
    tenant.add_fault(Fault::status("/s/op", 503).times(8));
    tenant.add_fault(Fault::on("/s/op", Trouble::Answer(moved)).once());
    tenant.add_fault(Fault::status("/s/moved", 202).once());
    tenant.add_fault(Fault::on("/s/moved", Trouble::Answer(Reply::json(200, r#"{"status":"Succeeded"}"#))));
    let mut followed = simulate().await.unwrap();
    assert!(!format!("{followed:?}").contains("hush"));
    let before = tokio::time::Instant::now();
    assert_eq!(followed.wait().await.unwrap(), Progress::Done);
    assert!(before.elapsed() >= Duration::from_secs(20), "{:?}", before.elapsed());
    tenant.clear_faults();
    let begun = Reply::empty(202)
        .with_header("azure-asyncoperation", "https://management.azure.com/subscriptions/s/op");
    tenant.add_fault(Fault::on("/simulate", Trouble::Answer(begun)));
    tenant.add_fault(Fault::on("/s/op", Trouble::Answer(Reply::json(200, "{}"))));
    assert_eq!(simulate().await.unwrap().wait().await.unwrap_err().kind(), ErrorKind::Unexpected);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_is_not_set_up_hides_none_of_the_others_and_says_what_to_do() {
    let tenant = tenant().build();
    tenant.unregister(subscription(1).as_str());
    let mut stream = client(&tenant).detections("Azure").list(&DetectionQuery::all());
    let (mut good, mut bad) = (0, Vec::new());
    while let Some(item) = stream.next().await {
        match item {
            Ok(_) => good += 1,
            Err(error) => bad.push(error),
        }
    }
    assert_eq!((good, bad.len(), stream.report().complete), (24, 1, false));
    assert!(bad[0].operation().contains("Development"), "{}", bad[0]);
    assert!(bad[0].hint().unwrap().contains("register the resource provider"), "{:?}", bad[0].hint());
    let scope = AlertScope::subscription(subscription(1));
    let error = client(&tenant).alerts().list(&scope).next().await.unwrap().unwrap_err();
    assert_eq!(error.code(), Some("MissingSubscriptionRegistration"));
    client(&tenant).subscriptions().register(&subscription(1)).await.unwrap();
    assert_eq!(client(&tenant).alerts().list(&scope).collect().await.unwrap().len(), 12);
}

/// Every call is made; what was asked, with names in braces for ids.
async fn every_call(tenant: &Tenant) -> std::collections::BTreeSet<String> {
    let azure = client(tenant);
    let listed = azure.detections("A").list(&DetectionQuery::all()).collect_all().await.unwrap().0;
    let id = |in_group: bool| {
        let found = listed.iter().find(|d| d.id.as_str().contains("/resourceGroups/") == in_group).unwrap();
        defender_cloud_client::AlertId::new(found.id.as_str()).unwrap()
    };
    let group = ResourceGroup::new("rg-shop").unwrap();
    let place = Location::new("westeurope").unwrap();
    let whole = || AlertScope::subscription(subscription(0));
    for scope in [
        whole(),
        whole().with_resource_group(group.clone()),
        whole().with_location(place.clone()),
        whole().with_resource_group(group.clone()).with_location(place.clone()),
    ] {
        azure.alerts().list(&scope).collect().await.unwrap();
    }
    for id in [id(true), id(false)] {
        azure.alerts().get(&id).await.unwrap();
        azure.alerts().act(&id, defender_cloud_client::AlertAction::Activate).await.unwrap();
    }
    azure.detections("A").capabilities().await.unwrap();
    azure.subscriptions().register(&subscription(0)).await.unwrap();
    azure.locations().list(&subscription(0)).collect().await.unwrap();
    azure.locations().get(&subscription(0), &place).await.unwrap();
    azure.alerts().simulate(&subscription(0), &place, &[SampleBundle::Dns]).await.unwrap();
    let rules = azure.suppression_rules();
    let name = RuleName::new("quiet").unwrap();
    rules.put(&subscription(0), &name, &NewSuppressionRule::new("X", "Noise")).await.unwrap();
    rules.get(&subscription(0), &name).await.unwrap();
    rules.list(&subscription(0), None).collect().await.unwrap();
    rules.delete(&subscription(0), &name).await.unwrap();
    let automations = azure.automations();
    let at = AutomationPlace::new(subscription(0), group.clone(), AutomationName::new("push").unwrap());
    let automation = NewAutomation::on_alerts("westeurope", [])
        .within("/subscriptions/x")
        .running(AutomationTarget::logic_app("/subscriptions/x", Secret::new("https://app.example")));
    automations.validate(&at, &automation).await.unwrap();
    automations.put(&at, &automation).await.unwrap();
    automations.patch(&at, &AutomationPatch::new().enabled(false)).await.unwrap();
    automations.get(&at).await.unwrap();
    automations.list(&subscription(0)).collect().await.unwrap();
    automations.list_of_group(&subscription(0), &group).collect().await.unwrap();
    automations.delete(&at).await.unwrap();
    let named = |request: &pocketsoc_testkit::Request| {
        let parts: Vec<&str> = request.path.split('/').skip(1).collect();
        let mut out = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            let after = at.checked_sub(1).map(|before| parts[before]).unwrap_or_default();
            let two_before = at.checked_sub(2).map(|before| parts[before]).unwrap_or_default();
            out.push(match after {
                "subscriptions" => "{subscription}",
                "resourceGroups" => "{group}",
                "locations" => "{location}",
                "alertsSuppressionRules" => "{rule}",
                "automations" => "{name}",
                "alerts" if *part != "default" => "{alert}",
                _ if two_before == "alerts" && *part != "simulate" => "{action}",
                _ => part,
            });
        }
        format!("{} /{}", request.method, out.join("/"))
    };
    tenant.requests_to("/subscriptions").iter().map(named).collect()
}

#[tokio::test(start_paused = true)]
async fn every_row_of_the_readme_works_and_nothing_else_is_asked() {
    let tenant = tenant().build();
    let asked = every_call(&tenant).await;
    let rows: std::collections::BTreeSet<String> = include_str!("../../README.md")
        .lines()
        .filter(|line| line.starts_with('|'))
        .flat_map(|line| line.split('`'))
        .filter(|cell| {
            ["GET ", "POST ", "PUT ", "PATCH ", "DELETE "].iter().any(|verb| cell.starts_with(verb))
        })
        .map(|cell| {
            // The first `…` is the subscription, or what stands before the group; what stands before Defender for Cloud's
            // own names is its provider.
            let provider =
                if cell.ends_with("/permissions") { "Microsoft.Authorization" } else { "Microsoft.Security" };
            let cell = cell.replace(
                " …/resourceGroups/{group}/…",
                " /subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Security",
            );
            cell.replace(" …", &format!(" /subscriptions/{{subscription}}/providers/{provider}"))
        })
        .collect();
    assert_eq!(asked, rows);
}
