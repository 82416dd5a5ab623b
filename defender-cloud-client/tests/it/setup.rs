//! The push set up as code: the template as Azure would read it, and the same by calls, to the first alert that arrives.

use defender_cloud_client::{
    AlertSeverity, ErrorKind, PushPlace, PushRequest, PushSetup, PushTrigger, Receiver, ResourceGroup,
    Secret, SubscriptionId, automation_template,
};
use pocketsoc_testkit::{App, Tenant};
use serde_json::Value;

use crate::expressions::{self, Expression};
use crate::virtual_tenant::{client, client_as, tenant};

const WEBHOOK: &str = "https://soc.contoso.example/push/0f6a41cd";

fn setups() -> [PushSetup; 2] {
    let setup = PushSetup::new(Secret::new(WEBHOOK));
    [setup.clone(), setup.with_trigger(PushTrigger::Connector)]
}

#[test]
fn the_template_has_what_the_guide_says_and_azure_can_read_it() {
    for (n, setup) in setups().iter().enumerate() {
        let text = setup.template().unwrap();
        let template: Value = serde_json::from_str(&text).unwrap();
        assert!(template["$schema"].as_str().unwrap().ends_with("/2019-04-01/deploymentTemplate.json#"));
        assert_eq!(template["contentVersion"], "1.0.0.0");
        let parameters = template["parameters"].as_object().unwrap();
        assert_eq!(parameters["pocketsocWebhookUrl"]["type"], "securestring");
        assert_eq!(parameters["pocketsocWebhookUrl"]["defaultValue"], WEBHOOK);
        assert_eq!(text.matches(WEBHOOK).count(), 1, "and nowhere else");
        assert_eq!(parameters["logicAppName"]["defaultValue"], "pocketsoc-defender-alerts");
        assert_eq!(parameters["automationName"]["defaultValue"], "pocketsoc-push-notifications");

        let resources = template["resources"].as_array().unwrap();
        let kinds: Vec<&str> = resources.iter().map(|r| r["type"].as_str().unwrap()).collect();
        let expected =
            ["Microsoft.Web/connections", "Microsoft.Logic/workflows", "Microsoft.Security/automations"];
        assert_eq!(kinds, expected[1 - n..]);
        for resource in resources {
            let versions: &[&str] = match resource["type"].as_str().unwrap() {
                "Microsoft.Web/connections" => &["2016-06-01"],
                "Microsoft.Logic/workflows" => &["2017-07-01", "2019-05-01"],
                _ => &["2019-01-01-preview", "2023-12-01-preview"],
            };
            assert!(versions.contains(&resource["apiVersion"].as_str().unwrap()), "{}", resource["type"]);
            assert!(
                resource["name"].is_string()
                    && resource["location"].is_string()
                    && resource["properties"].is_object()
            );
        }
        // Every expression can be read, calls functions that there are, and names parameters that are declared and used.
        let mut used = std::collections::BTreeSet::new();
        for expression in expressions::of(&template).unwrap() {
            expression.visit(&mut |part| {
                if let Expression::Call(name, arguments) = part {
                    assert!(expressions::KNOWN.contains(&name.as_str()), "{name}");
                    if let ("parameters", [Expression::Text(parameter)]) =
                        (name.as_str(), arguments.as_slice())
                    {
                        assert!(parameters.contains_key(parameter), "{parameter}");
                        used.insert(parameter.clone());
                    }
                }
            });
        }
        assert_eq!(used.len(), parameters.len(), "{used:?}");
    }
}

#[test]
fn the_automation_fits_alerts_of_the_severities_asked_for_and_runs_the_apps_trigger() {
    for setup in setups() {
        let template: Value = serde_json::from_str(&setup.template().unwrap()).unwrap();
        let resources = template["resources"].as_array().unwrap();
        let [app, automation] = &resources[resources.len() - 2..] else { panic!() };
        let said = &automation["properties"];
        assert_eq!(
            (&said["isEnabled"], &said["sources"][0]["eventSource"]),
            (&Value::from(true), &"Alerts".into())
        );
        let sets = said["sources"][0]["ruleSets"].as_array().unwrap();
        let values: Vec<&str> = sets
            .iter()
            .map(|set| {
                let rule = &set["rules"][0];
                assert_eq!(
                    (&rule["propertyJPath"], &rule["propertyType"], &rule["operator"]),
                    (&"Severity".into(), &"String".into(), &"Equals".into())
                );
                rule["expectedValue"].as_str().unwrap()
            })
            .collect();
        assert_eq!(values, ["high", "medium"], "one set each: either may fit");
        assert_eq!(said["scopes"][0]["scopePath"], "[subscription().id]");
        assert!(automation["dependsOn"][0].as_str().unwrap().contains("Microsoft.Logic/workflows"));

        let definition = &app["properties"]["definition"];
        assert!(definition["$schema"].as_str().unwrap().ends_with("/2016-06-01/workflowdefinition.json#"));
        let (trigger, _) = definition["triggers"].as_object().unwrap().iter().next().unwrap();
        let uri = said["actions"][0]["uri"].as_str().unwrap();
        assert!(uri.contains(&format!("/triggers/{trigger}'")) && uri.ends_with(".value]"), "{uri}");
        let (_, forward) = definition["actions"].as_object().unwrap().iter().next().unwrap();
        assert_eq!(
            (&forward["type"], &forward["inputs"]["method"], &forward["inputs"]["body"]),
            (&"Http".into(), &"POST".into(), &"@triggerBody()".into())
        );
        assert_eq!(forward["inputs"]["uri"], "@parameters('pocketsocWebhookUrl')");
        assert_eq!(
            forward["runtimeConfiguration"]["secureData"]["properties"][0], "inputs",
            "runs do not show it"
        );
        // What the definition takes is what the app is given.
        let declared: Vec<&String> = definition["parameters"].as_object().unwrap().keys().collect();
        let given: Vec<&String> = app["properties"]["parameters"].as_object().unwrap().keys().collect();
        assert_eq!(declared, given);
    }
    let high = automation_template(Secret::new(WEBHOOK), [AlertSeverity::High]).unwrap();
    assert!(high.contains("\"high\"") && !high.contains("\"medium\""));
    let all: Value = serde_json::from_str(&automation_template(Secret::new(WEBHOOK), []).unwrap()).unwrap();
    assert_eq!(all["resources"][1]["properties"]["sources"][0]["ruleSets"].as_array().unwrap().len(), 0);
}

#[test]
fn an_address_that_cannot_work_is_refused_and_not_repeated() {
    let check = |address: &str| PushSetup::new(Secret::new(address)).check();
    for good in [
        "https://soc.example/push?code=x%2Fy#z",
        "https://soc.example",
        "http://127.0.0.1:8080/x",
        "http://[::1]:9",
    ] {
        check(good).unwrap();
    }
    for bad in [
        "",
        "soc.example/hush",
        "http://soc.example/hush",
        "https://",
        "https:///hush",
        "ftp://x/hush",
        "https://x/hu sh",
        "http://127.0.0.1.evil.example/hush",
        "http://127.0.0.1@evil.example/hush",
    ] {
        let error = check(bad).unwrap_err();
        assert!(
            error.kind() == ErrorKind::InvalidRequest && !format!("{error} {error:?}").contains("hush"),
            "{bad}"
        );
    }
}

#[test]
fn the_logic_app_alone_can_be_put_into_the_code_view() {
    let place =
        PushPlace::new(SubscriptionId::new("s-1").unwrap(), ResourceGroup::new("soc").unwrap(), "westeurope");
    let [http, connector] = setups()
        .map(|setup| -> Value { serde_json::from_str(&setup.logic_app_code(&place).unwrap()).unwrap() });
    assert_eq!(http["parameters"]["pocketsocWebhookUrl"]["value"], WEBHOOK);
    assert_eq!(http["definition"]["triggers"]["manual"]["type"], "Request");
    let connection = &connector["parameters"]["$connections"]["value"]["ascalert"];
    assert!(
        connection["connectionId"].as_str().unwrap().starts_with("/subscriptions/s-1/resourceGroups/soc/")
    );
    assert!(connection["id"].as_str().unwrap().ends_with("/locations/westeurope/managedApis/ascalert"));
    assert!(!format!("{:?}", setups()[0]).contains("0f6a41cd"), "a secret");
    for bad in ["", "[x]", "a b", "a/b"] {
        let setup = PushSetup::new(Secret::new(WEBHOOK)).with_automation_name(bad);
        assert!(setup.template().is_err() && setup.logic_app_code(&place).is_err(), "{bad}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_template_says_what_the_calls_send() {
    let (id, _) = Tenant::subscriptions().next().unwrap();
    let place =
        PushPlace::new(SubscriptionId::new(id).unwrap(), ResourceGroup::new("soc").unwrap(), "westeurope");
    for setup in setups() {
        let tenant = tenant().build();
        client(&tenant).deploy_push(&place, &setup).await.unwrap();
        let template: Value = serde_json::from_str(&setup.template().unwrap()).unwrap();
        let read = expressions::Deployment {
            subscription: id.to_owned(),
            group: "soc".to_owned(),
            location: "westeurope".to_owned(),
            parameters: template["parameters"].clone(),
        };
        for resource in template["resources"].as_array().unwrap() {
            let kind = resource["type"].as_str().unwrap();
            let sent = tenant.requests_to(kind).into_iter().rfind(|request| request.method == "PUT").unwrap();
            let name = read.whole(&resource["name"]);
            assert_eq!(
                sent.path,
                format!("/subscriptions/{id}/resourceGroups/soc/providers/{kind}/{}", name.as_str().unwrap())
            );
            let mut body = sent.json().unwrap();
            // The address of the trigger is a secret of the tenant's own making.
            if kind == "Microsoft.Security/automations" {
                let address = body["properties"]["actions"][0]["uri"].take();
                let trigger = template["resources"].as_array().unwrap().iter().rev().nth(1).unwrap();
                let (trigger, _) = trigger["properties"]["definition"]["triggers"]
                    .as_object()
                    .unwrap()
                    .iter()
                    .next()
                    .unwrap();
                assert!(address.as_str().unwrap().contains(&format!("/triggers/{trigger}/")), "{address}");
                let wanted = format!(
                    "https://callback.example/subscriptions/{id}/resourceGroups/soc/providers/Microsoft.Logic/workflows/pocketsoc-defender-alerts/triggers/{trigger}"
                );
                body["properties"]["actions"][0]["uri"] = wanted.into();
            }
            assert_eq!(read.whole(&resource["properties"]), body["properties"], "{kind}");
            assert_eq!(read.whole(&resource["location"]), body["location"]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn deployed_by_calls_the_next_alert_arrives() {
    for setup in setups() {
        let tenant = tenant().cloud_alerts(3).build();
        let azure = client(&tenant);
        let mut places = Vec::new();
        for (id, _) in Tenant::subscriptions() {
            let (id, group) = (SubscriptionId::new(id).unwrap(), ResourceGroup::new("rg-push").unwrap());
            let place = PushPlace::new(id, group, "westeurope");
            let deployed = azure.deploy_push(&place, &setup).await.unwrap();
            assert_eq!(deployed.place.name.as_str(), "pocketsoc-push-notifications");
            assert!(deployed.logic_app_id.ends_with("/workflows/pocketsoc-defender-alerts"));
            // Doing it twice is doing it once.
            azure.deploy_push(&place, &setup).await.unwrap();
            assert_eq!(azure.automations().list(&place.subscription).collect().await.unwrap().len(), 1);
            places.push(deployed.place);
        }
        let raised: Vec<String> = (0..24).map(|_| tenant.raise_cloud_alert()).collect();
        let pushes = tenant.take_pushes();
        let receiver = Receiver::new().with_path_secret(Secret::new("push/0f6a41cd"));
        let mut arrived = Vec::new();
        for push in &pushes {
            assert_eq!(push.url, WEBHOOK);
            let request = PushRequest::post("/push%2F0f6a41cd", push.body.as_bytes());
            let taken = receiver.receive(&request).unwrap();
            assert!(["high", "medium"].contains(&taken.detections[0].severity.as_str()));
            arrived.push(taken.detections[0].id.as_str().to_owned());
        }
        let worth: Vec<&String> = raised.iter().filter(|id| arrived.contains(id)).collect();
        assert!(worth.len() == pushes.len() && pushes.len() > 10, "{} of {}", pushes.len(), raised.len());
        for place in &places {
            azure.automations().delete(place).await.unwrap();
        }
        tenant.raise_cloud_alert();
        assert!(tenant.take_pushes().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn who_may_not_deploy_is_told_which_role_is_missing() {
    let tenant = tenant().build();
    let reader = "4eade400-1234-4321-8888-5ec0dedeed04";
    tenant.add_app(App::new(reader, Tenant::SECRET).reading_only());
    let (id, _) = Tenant::subscriptions().next().unwrap();
    let place =
        PushPlace::new(SubscriptionId::new(id).unwrap(), ResourceGroup::new("rg").unwrap(), "westeurope");
    let error =
        client_as(&tenant, reader, Tenant::SECRET).deploy_push(&place, &setups()[0]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.hint().unwrap().contains("Logic App Contributor"), "{:?}", error.hint());
    assert!(!format!("{error:?} {error}").contains("0f6a41cd"));
}
