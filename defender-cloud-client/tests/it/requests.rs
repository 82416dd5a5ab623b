//! Every call as it goes over the wire: method, path, query, headers and body.

use defender_cloud_client::{
    AlertAction, AlertId, AlertScope, AlertStatus, Location, ResourceGroup, SubscriptionId,
};
use pocketsoc_testkit::Request;

use crate::virtual_tenant::{client, tenant};

const PRODUCTION: &str = "5ca1ab1e-0001-4000-8000-0000000000a1";

fn asked(request: &Request) -> String {
    format!("{} {}?{}", request.method, request.path, request.query)
}

#[tokio::test(start_paused = true)]
async fn each_scope_lists_its_own_alerts() {
    let tenant = tenant().build();
    let alerts = client(&tenant).alerts();
    let whole = AlertScope::subscription(SubscriptionId::new(PRODUCTION).unwrap());
    let group = whole.clone().with_resource_group(ResourceGroup::new("RG-Shop").unwrap());
    let other = Location::new("centralus").unwrap();
    let count = async |scope: &AlertScope| alerts.list(scope).collect().await.unwrap().len();
    let of_subscription = count(&whole).await;
    let of_group = count(&group).await;
    assert!(
        of_group > 0 && of_group < of_subscription,
        "some alerts stand in no group: {of_group} of {of_subscription}"
    );
    let here = Location::new("westeurope").unwrap();
    assert_eq!(count(&whole.clone().with_location(here.clone())).await, of_subscription);
    assert_eq!(count(&group.clone().with_location(here)).await, of_group);
    assert_eq!(count(&whole.with_location(other)).await, 0);
    let request = &tenant.requests_to("/subscriptions")[1];
    assert_eq!(
        asked(request),
        format!(
            "GET /subscriptions/{PRODUCTION}/resourceGroups/RG-Shop/providers/Microsoft.Security/alerts?api-version=2022-01-01"
        )
    );
    assert_eq!(request.header("accept"), Some("application/json"));
    assert!(request.body.is_empty() && request.header("content-type").is_none());
}

#[tokio::test(start_paused = true)]
async fn an_action_is_a_post_without_a_body_to_the_alerts_own_address() {
    let tenant = tenant().build();
    let alerts = client(&tenant).alerts();
    let id = AlertId::new(tenant.cloud_alert_ids().swap_remove(0)).unwrap();
    for (action, word, status) in [
        (AlertAction::InProgress, "inProgress", AlertStatus::InProgress),
        (AlertAction::Dismiss, "dismiss", AlertStatus::Dismissed),
        (AlertAction::Activate, "activate", AlertStatus::Active),
        (AlertAction::Resolve, "resolve", AlertStatus::Resolved),
    ] {
        tenant.forget_requests();
        alerts.act(&id, action).await.unwrap();
        assert_eq!(alerts.get(&id).await.unwrap().properties.status, Some(status));
        let requests = tenant.requests_to("/alerts/");
        assert_eq!(asked(&requests[0]), format!("POST {id}/{word}?api-version=2022-01-01"));
        assert!(requests[0].body.is_empty() && requests[0].header("content-type").is_none());
        assert_eq!(requests[0].header("content-length"), Some("0"));
        assert_eq!(asked(&requests[1]), format!("GET {id}?api-version=2022-01-01"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_token_is_asked_for_azure_and_for_nothing_else() {
    let tenant = tenant().build();
    let names: Vec<_> = client(&tenant)
        .subscriptions()
        .list()
        .collect()
        .await
        .unwrap()
        .into_iter()
        .map(|s| s.display_name)
        .collect();
    assert_eq!(names, ["Production", "Development", "Sandbox"].map(|n| Some(n.to_owned())));
    let scope = tenant.requests_to("/oauth2/")[0].field("scope");
    assert_eq!(scope.as_deref(), Some("https://management.azure.com/.default"));
    assert_eq!(asked(&tenant.requests_to("/subscriptions")[0]), "GET /subscriptions?api-version=2022-12-01");
}
