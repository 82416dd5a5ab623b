//! Azure Resource Manager: subscriptions and their security alerts, as far as Defender for Cloud goes.

use std::fmt::Write as _;

use serde_json::json;

use super::mde::stamp;
use super::{ARM_RESOURCES, AzureRole, Mood, Tenant, origin};
use crate::message::{Reply, Request};
use crate::population::{CloudRecord, SUBSCRIPTIONS, guid};

/// What the service lists at once.
const PAGE: usize = 100;

type Answer = Result<Reply, Reply>;

/// Which alerts a path is about.
struct Scope<'a> {
    subscription: &'a str,
    group: Option<&'a str>,
    location: Option<&'a str>,
}

/// Answers `/subscriptions/…`; Azure ignores case in paths.
pub(super) fn route(tenant: &Tenant, request: &Request, path: &[&str], mood: Mood) -> Reply {
    answer(tenant, request, path, mood)
        .unwrap_or_else(|refused| refused)
        .with_header("x-ms-request-id", id(request))
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
    if !is(providers, "providers") || !is(provider, "Microsoft.Security") {
        return Err(unknown());
    }
    of_version("2022-01-01")?;
    let needed = if request.method == "GET" { "read" } else { "action" };
    let enough = match role {
        Some(AzureRole::SecurityAdmin) => true,
        Some(AzureRole::SecurityReader) => needed == "read",
        None => false,
    };
    if !enough {
        let text = format!(
            "The client does not have authorization to perform action 'Microsoft.Security/locations/alerts/{needed}' over scope '/subscriptions/{subscription}' or the scope is invalid."
        );
        return Err(refusal(403, "AuthorizationFailed", &text));
    }
    let (location, rest) = match rest {
        [locations, location, rest @ ..] if is(locations, "locations") => (Some(*location), rest),
        rest => (None, rest),
    };
    let scope = Scope { subscription, group, location };
    match (request.method.as_str(), rest) {
        ("GET", [alerts]) if is(alerts, "alerts") => list(tenant, request, &scope),
        ("GET", [alerts, name]) if is(alerts, "alerts") && location.is_some() => {
            get(tenant, &scope, name, mood)
        }
        ("POST", [alerts, name, action]) if is(alerts, "alerts") && location.is_some() => {
            act(tenant, request, &scope, name, action, mood)
        }
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

impl Scope<'_> {
    fn holds(&self, alert: &CloudRecord) -> bool {
        alert.subscription().eq_ignore_ascii_case(self.subscription)
            && self.group.is_none_or(|g| alert.group().is_some_and(|own| own.eq_ignore_ascii_case(g)))
            && self.location.is_none_or(|l| alert.location().eq_ignore_ascii_case(l))
    }
}

fn list(tenant: &Tenant, request: &Request, scope: &Scope<'_>) -> Answer {
    let skip = match request.option("$skiptoken") {
        None => 0,
        Some(token) => token
            .strip_prefix("page~")
            .and_then(|n| n.parse().ok())
            .ok_or_else(|| refusal(400, "InvalidSkipToken", "The skip token is not valid."))?,
    };
    let state = tenant.lock();
    let fitting: Vec<&CloudRecord> = state.cloud.iter().filter(|alert| scope.holds(alert)).collect();
    let page: Vec<String> = fitting
        .iter()
        .skip(skip)
        .take(PAGE.min(tenant.0.page_cap))
        .map(|alert| alert.json(stamp, false))
        .collect();
    let mut body = format!("{{\"value\":[{}]", page.join(","));
    let next = skip + page.len();
    if next < fitting.len() {
        let origin = origin(request, "management.azure.com");
        let link = format!("{origin}{}?api-version=2022-01-01&%24skiptoken=page~{next}", request.path);
        let _ = write!(body, ",\"nextLink\":{}", json!(link));
    }
    body.push('}');
    let left = "x-ms-ratelimit-remaining-subscription-resource-requests";
    Ok(Reply::json(200, body).with_header(left, "749"))
}

/// Below a resource group only its own alerts are found; below the subscription, all.
fn position(cloud: &[CloudRecord], scope: &Scope<'_>, name: &str) -> Result<usize, Reply> {
    cloud
        .iter()
        .position(|alert| scope.holds(alert) && alert.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| refusal(404, "ResourceNotFound", &format!("The alert '{name}' was not found.")))
}

fn get(tenant: &Tenant, scope: &Scope<'_>, name: &str, mood: Mood) -> Answer {
    let state = tenant.lock();
    let alert = &state.cloud[position(&state.cloud, scope, name)?];
    Ok(Reply::json(200, alert.json(stamp, mood == Mood::Stale)))
}

/// Each action sets a status, whichever it was; the answer says nothing.
fn act(
    tenant: &Tenant,
    request: &Request,
    scope: &Scope<'_>,
    name: &str,
    action: &str,
    mood: Mood,
) -> Answer {
    let status = match action {
        "activate" => "Active",
        "inProgress" => "InProgress",
        "resolve" => "Resolved",
        "dismiss" => "Dismissed",
        _ => return Err(unknown()),
    };
    // Front ends do not take a POST whose length is not told.
    if request.header("content-length") != Some("0") && request.body.is_empty() {
        return Err(refusal(411, "LengthRequired", "Content-Length is required."));
    }
    if !request.body.is_empty() {
        return Err(refusal(400, "InvalidRequestContent", "The request content was invalid."));
    }
    let now = tenant.0.clock.now();
    let mut state = tenant.lock();
    let at = position(&state.cloud, scope, name)?;
    if mood != Mood::Lying {
        state.cloud[at].triage.change(now, |triage| triage.set_status(status, now));
    }
    Ok(Reply::empty(204).with_header("x-ms-ratelimit-remaining-subscription-writes", "1199"))
}
