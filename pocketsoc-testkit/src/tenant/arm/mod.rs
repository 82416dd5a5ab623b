//! Azure Resource Manager: subscriptions and what Defender for Cloud has in them.

mod alerts;
mod automations;
mod logic_apps;
mod push;
mod rules;
mod samples;
mod throttle;

use serde_json::json;

pub use push::Push;
pub(super) use throttle::Buckets;

use super::{ARM_RESOURCES, AzureRole, Mood, Tenant};
use crate::message::{Reply, Request};
use crate::population::{SUBSCRIPTIONS, guid};

/// What Azure keeps beside the population.
#[derive(Default)]
pub(super) struct Records {
    rules: rules::Kept,
    automations: automations::Kept,
    logic_apps: logic_apps::Kept,
    samples: samples::Begun,
    pushes: Vec<Push>,
    /// Where every new alert is pushed, whatever automations there are.
    pushes_to: Option<String>,
    /// Subscriptions that Defender for Cloud is not set up on.
    unregistered: Vec<String>,
}

type Answer = Result<Reply, Reply>;

/// Answers `/subscriptions/…`; Azure ignores case in paths.
pub(super) fn route(tenant: &Tenant, request: &Request, path: &[&str], mood: Mood) -> Reply {
    samples::raise_those_due(tenant);
    if let Some(refused) = throttle::refusal(tenant, request, path) {
        return refused;
    }
    let reply = answer(tenant, request, path, mood).unwrap_or_else(|refused| refused);
    throttle::with_what_is_left(tenant, request, path, reply).with_header("x-ms-request-id", id(request))
}

fn id(request: &Request) -> String {
    guid(request.path.len() as u64)
}

fn refusal(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, json!({"error": {"code": code, "message": message}}).to_string())
}

fn answer(tenant: &Tenant, request: &Request, path: &[&str], mood: Mood) -> Answer {
    let is = |text: &str, word: &str| text.eq_ignore_ascii_case(word);
    let (role, version) = (admit(tenant, request)?, request.option("api-version"));
    let Some(version) = version else {
        let text = "The api-version query parameter (?api-version=) is required for all requests.";
        return Err(refusal(400, "MissingApiVersionParameter", text));
    };
    let of_version = |expected: &str| {
        let text =
            format!("The api-version '{version}' is invalid. The supported versions are '{expected}'.");
        if version == expected { Ok(()) } else { Err(refusal(400, "InvalidApiVersionParameter", &text)) }
    };
    let [subscription, rest @ ..] = path else {
        of_version("2022-12-01")?;
        return Ok(subscriptions(role));
    };
    let (group, rest) = match rest {
        [groups, group, rest @ ..] if is(groups, "resourceGroups") => (Some(*group), rest),
        rest => (None, rest),
    };
    let [providers, provider, rest @ ..] = rest else { return Err(unknown()) };
    if !SUBSCRIPTIONS.iter().any(|(id, ..)| is(id, subscription)) {
        let text = format!("The subscription '{subscription}' could not be found.");
        return Err(refusal(404, "SubscriptionNotFound", &text));
    }
    if is(provider, "Microsoft.Authorization") && matches!(rest, [what] if is(what, "permissions")) {
        of_version("2022-04-01")?;
        return Ok(permissions(role));
    }
    if !is(providers, "providers") {
        return Err(unknown());
    }
    if is(provider, "Microsoft.Logic") || is(provider, "Microsoft.Web") {
        write_needs(request, role, provider, subscription)?;
        return logic_apps::answer(tenant, request, subscription, group.unwrap_or_default(), rest);
    }
    if !is(provider, "Microsoft.Security") {
        return Err(unknown());
    }
    if let ("POST", [register]) = (request.method.as_str(), rest)
        && is(register, "register")
    {
        of_version("2021-04-01")?;
        write_needs(request, role, "Microsoft.Security", subscription)?;
        tenant.lock().arm.unregistered.retain(|id| !is(id, subscription));
        return Ok(Reply::json(200, json!({"registrationState": "Registering"}).to_string()));
    }
    if tenant.lock().arm.unregistered.iter().any(|id| is(id, subscription)) {
        let text = "The subscription is not registered to use namespace 'Microsoft.Security'.";
        return Err(refusal(409, "MissingSubscriptionRegistration", text));
    }
    write_needs(request, role, "Microsoft.Security", subscription)?;
    let (location, rest) = match rest {
        [locations, location, rest @ ..] if is(locations, "locations") && !rest.is_empty() => {
            (Some(*location), rest)
        }
        rest => (None, rest),
    };
    let in_subscription = group.is_none() && location.is_none();
    match rest {
        [alerts, rest @ ..] if is(alerts, "alerts") => {
            of_version("2022-01-01")?;
            let scope = alerts::Scope { subscription, group, location };
            alerts::answer(tenant, request, &scope, rest, mood)
        }
        [locations, rest @ ..] if is(locations, "locations") && in_subscription => {
            of_version("2015-06-01-preview")?;
            self::locations(subscription, rest)
        }
        [rules, rest @ ..] if is(rules, "alertsSuppressionRules") && in_subscription => {
            of_version("2019-01-01-preview")?;
            rules::answer(tenant, request, subscription, rest)
        }
        [automations, rest @ ..] if is(automations, "automations") && location.is_none() => {
            if version != "2019-01-01-preview" {
                of_version("2023-12-01-preview")?;
            }
            automations::answer(tenant, request, subscription, group, rest)
        }
        _ => Err(unknown()),
    }
}

/// Refuses what the role does not allow.
fn write_needs(
    request: &Request,
    role: Option<AzureRole>,
    provider: &str,
    subscription: &str,
) -> Result<(), Reply> {
    let reads = request.method == "GET";
    if role == Some(AzureRole::SecurityAdmin) || role == Some(AzureRole::SecurityReader) && reads {
        return Ok(());
    }
    let (what, needed) = if provider == "Microsoft.Security" {
        ("Microsoft.Security/locations/alerts", if reads { "read" } else { "action" })
    } else {
        (provider, if reads { "read" } else { "write" })
    };
    let text = format!(
        "The client does not have authorization to perform action '{what}/{needed}' over scope '/subscriptions/{subscription}' or the scope is invalid."
    );
    Err(refusal(403, "AuthorizationFailed", &text))
}

/// Where the subscription's alerts are stored.
fn locations(subscription: &str, rest: &[&str]) -> Answer {
    let of = SUBSCRIPTIONS.iter().find(|(id, ..)| id.eq_ignore_ascii_case(subscription));
    let region = of.map_or("westeurope", |(.., region)| region);
    let one = json!({
        "id": format!("/subscriptions/{subscription}/providers/Microsoft.Security/locations/{region}"),
        "name": region,
        "type": "Microsoft.Security/locations",
        "properties": {"homeRegionName": region},
    });
    match rest {
        [] => Ok(Reply::json(200, json!({"value": [one]}).to_string())),
        [name] if name.eq_ignore_ascii_case(region) => Ok(Reply::json(200, one.to_string())),
        [name] => Err(refusal(404, "ResourceNotFound", &format!("The location '{name}' was not found."))),
        _ => Err(unknown()),
    }
}

/// What a role allows, beside what everybody may read.
fn permissions(role: Option<AzureRole>) -> Reply {
    let common = ["Microsoft.Authorization/*/read", "Microsoft.Resources/subscriptions/resourceGroups/read"];
    let own: &[&str] = match role {
        None => &[],
        Some(AzureRole::SecurityReader) => {
            &["Microsoft.Security/*/read", "Microsoft.Security/iotDefenderSettings/*/action"]
        }
        Some(AzureRole::SecurityAdmin) => &["Microsoft.Security/*", "Microsoft.Support/*"],
    };
    let actions: Vec<&str> = common.iter().chain(own).copied().collect();
    let one = json!({"actions": actions, "notActions": [], "dataActions": [], "notDataActions": []});
    Reply::json(200, json!({"value": [one]}).to_string())
}

fn unknown() -> Reply {
    refusal(404, "InvalidResourceType", "The resource type could not be found in the namespace.")
}

/// Checks the token: genuine, in time, for this service. The role that its owner has.
fn admit(tenant: &Tenant, request: &Request) -> Result<Option<AzureRole>, Reply> {
    let refused = |code: &str, message: &str| {
        let challenge =
            "Bearer authorization_uri=\"https://login.microsoftonline.com/common\", error=\"invalid_token\"";
        refusal(401, code, message).with_header("www-authenticate", challenge)
    };
    if request.header("authorization").is_none() {
        let text = "Authentication failed. The 'Authorization' header is missing.";
        return Err(refused("AuthenticationFailed", text));
    }
    match tenant.claims(request) {
        Some(claims) if ARM_RESOURCES.contains(&claims.audience.as_str()) => Ok(claims.azure_role),
        Some(_) => Err(refused(
            "InvalidAuthenticationTokenAudience",
            "The access token has been obtained for wrong audience or resource.",
        )),
        None => Err(refused("ExpiredAuthenticationToken", "The access token is expired or not valid.")),
    }
}

/// Whoever has no role sees no subscription, which is no failure.
fn subscriptions(role: Option<AzureRole>) -> Reply {
    let all: Vec<_> = SUBSCRIPTIONS
        .iter()
        .filter(|_| role.is_some())
        .map(|(id, name, state, ..)| {
            json!({
                "id": format!("/subscriptions/{id}"), "subscriptionId": id, "tenantId": Tenant::ID,
                "displayName": name, "state": state, "authorizationSource": "RoleBased",
                "subscriptionPolicies": {"locationPlacementId": "Internal_2014-09-01", "quotaId": "Internal_2014-09-01", "spendingLimit": "Off"},
                "managedByTenants": [],
            })
        })
        .collect();
    let count = all.len();
    Reply::json(200, json!({"value": all, "count": {"type": "Total", "value": count}}).to_string())
}
