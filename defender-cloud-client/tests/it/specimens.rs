//! The vendor's own examples, where they are at hand: `POCKETSOC_SPECIMENS`, else `../shared/specimens`.

use std::path::PathBuf;

use defender_cloud_client::{
    Alert, AlertAction, AlertId, Automation, AutomationName, AutomationPlace, Condition, Location,
    NewSuppressionRule, ResourceGroup, RuleName, SampleBundle, SecurityLocation, Severity, Status,
    Subscription, SubscriptionId, SuppressionRule, Validation, normalize,
};
use pocketsoc_testkit::{Fault, Reply, Trouble, members_without_a_field};
use pocketsoc_transport::Decode as _;
use serde_json::Value;

use crate::virtual_tenant::{client, tenant};

#[allow(clippy::print_stdout)] // so that nobody takes the silence for a check
pub(crate) fn folder() -> Option<PathBuf> {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/specimens");
    let folder =
        std::env::var_os("POCKETSOC_SPECIMENS").map_or(default, PathBuf::from).join("defender-cloud");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("the vendor's example payloads are not at hand: not checked");
    None
}

fn alerts(file: &str) -> Vec<String> {
    let Some(folder) = folder() else { return Vec::new() };
    let document: Value = serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap();
    let body = &document["responses"]["200"]["body"];
    match &body["value"] {
        Value::Array(list) => list.iter().map(ToString::to_string).collect(),
        _ => vec![body.to_string()],
    }
}

#[test]
fn every_alert_of_the_vendors_examples_is_normalized_right() {
    for file in [
        "alerts-get-subscription-location.json",
        "alerts-get-resource-group-location.json",
        "alerts-list-subscription.json",
    ] {
        for text in alerts(file) {
            let theirs: Value = serde_json::from_str(&text).unwrap();
            let said = &theirs["properties"];
            let d = normalize(Alert::from_json(&text).unwrap()).unwrap();
            assert_eq!(d.id.as_str(), theirs["id"], "{file}");
            assert_eq!(d.title, said["alertDisplayName"], "{file}");
            assert_eq!(d.severity, Severity::from_native(said["severity"].as_str().unwrap()), "{file}");
            assert_eq!(d.status, Status::from_native(said["status"].as_str().unwrap()), "{file}");
            assert_eq!(d.category.as_deref(), said["intent"].as_str(), "{file}");
            let count = |name: &str| said[name].as_array().map_or(0, Vec::len);
            assert_eq!(d.techniques.len(), count("techniques") + count("subTechniques"), "{file}");
            assert_eq!(d.entities.len(), count("entities"), "{file}: {:#?}", d.entities);
            assert_eq!(d.links.len(), count("extendedLinks"), "{file}");
            let azure = said["resourceIdentifiers"].as_array().unwrap();
            assert_eq!(d.resources[0].id, azure[0]["azureResourceId"], "{file}");
            assert_eq!(d.properties.get("workspaceId"), azure[1]["workspaceId"].as_str(), "{file}");
            for (name, value) in said["extendedProperties"].as_object().unwrap() {
                assert_eq!(d.properties.get(name), value.as_str(), "{file}: {name}");
            }
            assert!(d.created_at.is_some() && d.updated_at >= d.created_at, "{file}");
        }
    }
}

/// An example: what is asked, and what is answered with each status.
fn example(folder: &std::path::Path, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
}

/// The elements of an answer.
fn elements(body: &Value) -> Vec<Value> {
    match &body["value"] {
        Value::Array(all) => all.clone(),
        _ => vec![body.clone()],
    }
}

#[test]
#[allow(clippy::too_many_lines)] // one example after the other
fn every_answer_of_the_vendors_examples_is_read_and_nothing_is_lost() {
    let Some(folder) = folder() else { return };
    let mut left: std::collections::BTreeSet<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name != "INDEX.md")
        .collect();
    let mut take = |name: &'static str| {
        assert!(left.remove(name), "{name}");
        name
    };
    macro_rules! whole {
        ($kind:ty, $($name:literal),+ $(,)?) => {
            $(let document = example(&folder, take($name));
            for (status, answer) in document["responses"].as_object().unwrap() {
                for theirs in elements(&answer["body"]) {
                    let own = <$kind>::decode(&theirs.to_string()).unwrap_or_else(|e| panic!("{} {status}: {e}", $name));
                    let kept: Value = serde_json::from_str(own.raw().unwrap().as_str()).unwrap();
                    assert_eq!(kept, theirs, "{}", $name);
                    let without = members_without_a_field::<$kind>(&theirs);
                    // What references an entity has no meaning outside of the alert's own list.
                    let lost: Vec<_> = without.iter().filter(|place| !place.ends_with("/$id")).collect();
                    assert!(lost.is_empty(), "{}: {lost:?} have no field", $name);
                }
            })+
        };
    }
    whole!(
        Alert,
        "alerts-list-subscription.json",
        "alerts-get-subscription-location.json",
        "alerts-get-resource-group-location.json",
    );
    whole!(
        Automation,
        "automations-list-resource-group.json",
        "automations-put-high-severity-assessments.json",
        "automations-patch.json",
    );
    whole!(SuppressionRule, "suppression-rules-list.json", "suppression-rule-put.json");
    whole!(SecurityLocation, "locations-list.json");
    whole!(Subscription, "subscriptions-list-2022-12-01.json");
    let validated = &example(&folder, take("automations-validate.json"))["responses"]["200"]["body"];
    let validation: Validation = serde_json::from_value(validated.clone()).unwrap();
    assert_eq!(
        (validation.is_valid, validation.message.as_deref()),
        (Some(true), Some("Validation Successful"))
    );
    for name in ["alerts-update-subscription-inprogress.json", "alerts-update-resource-group-resolve.json"] {
        assert!(example(&folder, take(name))["responses"]["204"].is_object(), "{name}: no body");
    }
    assert!(example(&folder, take("alerts-simulate-2021-11-01.json"))["responses"]["202"].is_object());

    // Every address of the description is one that is asked for.
    let description = example(&folder, take("spec-alerts-2022-01-01.json"));
    let behind = |path: &str| {
        path.split("Microsoft.Security/").nth(1).unwrap().replace("locations/{ascLocation}/", "")
    };
    let addresses: std::collections::BTreeSet<String> =
        description["paths"].as_object().unwrap().keys().map(|path| behind(path)).collect();
    let one = "alerts/{alertName}";
    let actions = ["activate", "dismiss", "inProgress", "resolve"].map(|action| format!("{one}/{action}"));
    let known = ["alerts".to_owned(), one.to_owned(), "alerts/default/simulate".to_owned()]
        .into_iter()
        .chain(actions);
    assert_eq!(addresses, known.collect());
    // The log's copy of an alert: what it says is in the same words, its lists are texts.
    let log = example(&folder, take("activity-log-alert.json"));
    let copy = serde_json::json!({"id": log["resourceId"], "properties": log["properties"]});
    let copy = normalize(Alert::from_json(&copy.to_string()).unwrap()).unwrap();
    assert_eq!((copy.severity, copy.tactics.len()), (Severity::Low, 1), "{:?}", copy.category);
    // Read where pushes are.
    take("push-workflow-automation-alert.json");
    // The form's own schema is wrong about what is required; every name of it is read all the same.
    let schema = example(&folder, take("push-security-alert.schema.json"));
    for name in schema["properties"].as_object().unwrap().keys() {
        let pushed = format!(r#"{{"SystemAlertId":"2517_x","{name}":null}}"#);
        defender_cloud_client::PushedAlert::from_json(
            &pushed.replace(r#""SystemAlertId":null"#, r#""x":null"#),
        )
        .unwrap();
    }
    assert!(left.is_empty(), "not looked at: {left:?}");
}

#[tokio::test(start_paused = true)]
async fn every_request_of_the_vendors_examples_is_what_the_client_sends() {
    let Some(folder) = folder() else { return };
    let folder = folder.as_path();
    let tenant = tenant().build();
    tenant.add_fault(Fault::on("/providers/", Trouble::Answer(Reply::empty(400))));
    let azure = client(&tenant);
    let sent = || {
        let request = tenant.requests_to("/providers/").pop().unwrap();
        tenant.forget_requests();
        request
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();

    for (name, action) in [
        ("alerts-update-subscription-inprogress.json", AlertAction::InProgress),
        ("alerts-update-resource-group-resolve.json", AlertAction::Resolve),
    ] {
        let asked = &example(folder, name)["parameters"];
        let group =
            asked["resourceGroupName"].as_str().map(|g| format!("/resourceGroups/{g}")).unwrap_or_default();
        let id = format!(
            "/subscriptions/{}{group}/providers/Microsoft.Security/locations/{}/alerts/{}",
            text(&asked["subscriptionId"]),
            text(&asked["ascLocation"]),
            text(&asked["alertName"])
        );
        let _ = azure.alerts().act(&AlertId::new(id.as_str()).unwrap(), action).await;
        let request = sent();
        assert_eq!((request.method.as_str(), request.path), ("POST", format!("{id}/{action}")));
        assert_eq!(request.query, format!("api-version={}", text(&asked["api-version"])));
        assert!(request.body.is_empty());
    }

    let asked = &example(folder, "alerts-simulate-2021-11-01.json")["parameters"];
    let bundles = asked["alertSimulatorRequestBody"]["properties"]["bundles"].as_array().unwrap();
    let bundles: Vec<SampleBundle> = bundles.iter().map(|bundle| bundle.as_str().unwrap().into()).collect();
    assert!(bundles.iter().all(SampleBundle::is_known));
    let subscription = SubscriptionId::new(text(&asked["subscriptionId"])).unwrap();
    let location = Location::new(text(&asked["ascLocation"])).unwrap();
    let _ = azure.alerts().simulate(&subscription, &location, &bundles).await;
    assert_eq!(sent().json().unwrap(), asked["alertSimulatorRequestBody"]);

    let asked = &example(folder, "suppression-rule-put.json")["parameters"];
    let said = &asked["alertsSuppressionRule"]["properties"];
    let mut rule = NewSuppressionRule::new(text(&said["alertType"]), text(&said["reason"]))
        .with_comment(text(&said["comment"]))
        .with_expiration(text(&said["expirationDateUTC"]).parse().unwrap());
    let conditions: Vec<Condition> =
        serde_json::from_value(said["suppressionAlertsScope"]["allOf"].clone()).unwrap();
    for condition in conditions {
        rule = match (condition.one_of, condition.contains) {
            (Some(values), _) => rule.where_in(condition.field, values),
            (None, contains) => rule.where_contains(condition.field, contains.unwrap()),
        };
    }
    let subscription = SubscriptionId::new(text(&asked["subscriptionId"])).unwrap();
    let name = RuleName::new(text(&asked["alertsSuppressionRuleName"])).unwrap();
    let _ = azure.suppression_rules().put(&subscription, &name, &rule).await;
    let request = sent();
    assert_eq!(request.query, format!("api-version={}", text(&asked["api-version"])));
    let mut expected = said.clone();
    // Set by the service; and the schema's own spelling of the other.
    expected.as_object_mut().unwrap().remove("lastModifiedUTC");
    let ends = expected.as_object_mut().unwrap().remove("expirationDateUTC").unwrap();
    expected["expirationDateUtc"] = ends;
    assert_eq!(request.json().unwrap()["properties"], expected);

    let asked = &example(folder, "automations-put-high-severity-assessments.json")["parameters"];
    let place = AutomationPlace::new(
        SubscriptionId::new(text(&asked["subscriptionId"])).unwrap(),
        ResourceGroup::new(text(&asked["resourceGroupName"])).unwrap(),
        AutomationName::new(text(&asked["automationName"])).unwrap(),
    );
    let theirs = &asked["Automation"];
    let said = &theirs["properties"];
    let sets = serde_json::from_value(said["sources"][0]["ruleSets"].clone());
    let sets: Vec<defender_cloud_client::RuleSet> = sets.unwrap();
    let source = defender_cloud_client::AutomationSource::new("Assessments".into(), sets);
    let automation = defender_cloud_client::NewAutomation::on(text(&theirs["location"]), source)
        .with_etag(text(&theirs["etag"]))
        .with_description(text(&said["description"]))
        .described_within(text(&said["scopes"][0]["description"]), text(&said["scopes"][0]["scopePath"]))
        .running(defender_cloud_client::AutomationTarget::logic_app(
            text(&said["actions"][0]["logicAppResourceId"]),
            defender_cloud_client::Secret::new(text(&said["actions"][0]["uri"])),
        ));
    let _ = azure.automations().put(&place, &automation).await;
    let mut expected = theirs.clone();
    expected.as_object_mut().unwrap().remove("tags");
    assert_eq!(sent().json().unwrap(), expected);
}
