//! What the credential may do on a subscription, as Azure itself says: its roles are not in the token.

use pocketsoc_model::{Lane, RawJson, Result};
use pocketsoc_transport::{Call, Endpoint, KeepRaw, Method, PagePlan, lenient, quota};
use serde::Deserialize;

use crate::scope::AlertScope;

const API_VERSION: &str = "2022-04-01";

/// What viewing alerts takes: in lists, and one by one.
pub(crate) const VIEW: &[&str] =
    &["Microsoft.Security/alerts/read", "Microsoft.Security/locations/alerts/read"];
/// What changing their status takes, beside that.
pub(crate) const TRIAGE: &[&str] = &[
    "Microsoft.Security/locations/alerts/activate/action",
    "Microsoft.Security/locations/alerts/dismiss/action",
    "Microsoft.Security/locations/alerts/resolve/action",
];

/// What one or several role assignments allow together. Page: "Permissions - List For Resource Group", which the
/// subscription has as well.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Permission {
    #[serde(default, deserialize_with = "lenient::texts")]
    actions: Vec<String>,
    #[serde(default, deserialize_with = "lenient::texts")]
    not_actions: Vec<String>,
}

impl KeepRaw for Permission {
    fn keep_raw(&mut self, _: RawJson) {}
}

/// What is allowed on a scope.
#[derive(Debug, Clone, Default)]
pub(crate) struct Permissions(Vec<Permission>);

impl Permissions {
    /// Asks Azure; nothing is changed by it.
    pub(crate) async fn of(endpoint: &Endpoint, scope: &AlertScope) -> Result<Self> {
        let mut walk = endpoint.walk::<Permission>(list(scope)?, PagePlan::by_links());
        let mut all = Vec::new();
        while let Some(permission) = walk.next().await {
            all.push(permission?);
        }
        Ok(Self(all))
    }

    /// Whether all of these actions are allowed.
    pub(crate) fn allow(&self, actions: &[&str]) -> bool {
        let by = |permission: &Permission, action: &str| {
            permission.actions.iter().any(|pattern| matches(pattern, action))
                && !permission.not_actions.iter().any(|pattern| matches(pattern, action))
        };
        actions.iter().all(|action| self.0.iter().any(|permission| by(permission, action)))
    }
}

/// The call behind [`Permissions::of`].
fn list(scope: &AlertScope) -> Result<Call> {
    const SUBSCRIPTION: &str = "/subscriptions/{subscription}/providers/Microsoft.Authorization/permissions";
    const GROUP: &str =
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Authorization/permissions";
    const OPERATION: &str = "read the permissions";
    let subscription = scope.subscription.as_str();
    let call = match &scope.resource_group {
        None => Call::new(Method::Get, OPERATION, SUBSCRIPTION, &[subscription], &quota::ARM_READ),
        Some(group) => {
            Call::new(Method::Get, OPERATION, GROUP, &[subscription, group.as_str()], &quota::ARM_READ)
        }
    };
    Ok(call?.with_query("api-version", API_VERSION).with_lane(Lane::Triage))
}

/// Whether an action fits a pattern, in which each `*` stands for any text; letter case does not matter.
fn matches(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = action.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permissions(json: &str) -> Permissions {
        Permissions(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn a_pattern_stands_for_what_azure_means_by_it() {
        const ACTION: &str = "Microsoft.Security/locations/alerts/dismiss/action";
        for yes in [
            "*",
            "microsoft.security/*",
            "Microsoft.Security/locations/alerts/dismiss/action",
            "Microsoft.Security/*/action",
            "*/dismiss/action",
            "Microsoft.*/alerts/*/action",
        ] {
            assert!(matches(yes, ACTION), "{yes}");
        }
        for no in [
            "",
            "*/read",
            "Microsoft.Security/*/read",
            "Microsoft.Security",
            "*/dismiss",
            "Microsoft.Compute/*",
        ] {
            assert!(!matches(no, ACTION), "{no}");
        }
    }

    #[test]
    fn roles_add_up_and_each_keeps_its_own_exceptions() {
        let reader = r#"{"actions":["Microsoft.Security/*/read"],"notActions":[]}"#;
        let contributor = r#"{"actions":["*"],"notActions":["Microsoft.Security/*"]}"#;
        let admin = r#"{"actions":["Microsoft.Security/*"]}"#;
        let of = |roles: &[&str]| permissions(&format!("[{}]", roles.join(",")));
        let lists = r#"{"actions":["Microsoft.Security/alerts/read"]}"#;
        assert!(!of(&[lists]).allow(VIEW), "a detection must be read by itself as well");
        let may = |roles: &[&str]| (of(roles).allow(VIEW), of(roles).allow(TRIAGE));
        assert_eq!(may(&[]), (false, false));
        assert_eq!(may(&[reader]), (true, false));
        assert_eq!(may(&[contributor]), (false, false));
        assert_eq!(may(&[contributor, reader]), (true, false));
        assert_eq!(may(&[contributor, admin]), (true, true));
    }

    #[test]
    fn the_subscription_or_its_group_is_asked() {
        let scope = AlertScope::subscription(crate::SubscriptionId::new("s-1").unwrap());
        assert_eq!(
            list(&scope).unwrap().target(),
            "/subscriptions/s-1/providers/Microsoft.Authorization/permissions?api-version=2022-04-01"
        );
        let group = scope.with_resource_group(crate::ResourceGroup::new("rg").unwrap());
        assert!(
            list(&group).unwrap().target().contains("/resourceGroups/rg/providers/Microsoft.Authorization/")
        );
    }
}
