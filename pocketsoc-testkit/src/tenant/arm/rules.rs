//! Suppression rules: what they fit is dismissed as it comes.

use serde_json::{Value as Json, json};

use super::{Answer, refusal, unknown};
use crate::message::{Reply, Request};
use crate::population::CloudRecord;
use crate::tenant::mde::stamp;
use crate::tenant::{State, Tenant};

/// The rules, by subscription and name.
pub(super) type Kept = Vec<(String, String, Json)>;

/// Answers `…/alertsSuppressionRules…`.
pub(super) fn answer(tenant: &Tenant, request: &Request, subscription: &str, path: &[&str]) -> Answer {
    let now = tenant.0.clock.now();
    let mut state = tenant.lock();
    let rules = &mut state.arm.rules;
    let place = |rules: &Kept, name: &str| {
        rules
            .iter()
            .position(|(of, own, _)| of.eq_ignore_ascii_case(subscription) && own.eq_ignore_ascii_case(name))
    };
    let none = |name: &str| refusal(404, "ResourceNotFound", &format!("The rule '{name}' was not found."));
    match (request.method.as_str(), path) {
        ("GET", []) => {
            let wanted = request.option("AlertType");
            let all: Vec<&Json> = rules
                .iter()
                .filter(|(of, ..)| of.eq_ignore_ascii_case(subscription))
                .map(|(.., rule)| rule)
                .filter(|rule| wanted.as_ref().is_none_or(|t| rule["properties"]["alertType"] == t.as_str()))
                .collect();
            Ok(Reply::json(200, json!({"value": all}).to_string()))
        }
        ("GET", [name]) => {
            let at = place(rules, name).ok_or_else(|| none(name))?;
            Ok(Reply::json(200, rules[at].2.to_string()))
        }
        ("PUT", [name]) => {
            let Some(mut said) = request.json().map(|body| body["properties"].clone()) else {
                return Err(refusal(400, "InvalidRequestContent", "The request content was invalid."));
            };
            let missing =
                ["alertType", "reason", "state"].into_iter().find(|member| !said[member].is_string());
            if let Some(member) = missing {
                return Err(refusal(400, "InvalidParameter", &format!("'{member}' is required.")));
            }
            // The wire's own spelling.
            let ends = said.as_object_mut().and_then(|said| said.remove("expirationDateUtc"));
            let half_a_year = stamp(now + chrono::TimeDelta::days(182));
            said["expirationDateUTC"] = ends.unwrap_or_else(|| json!(half_a_year));
            said["lastModifiedUTC"] = json!(stamp(now));
            let id = format!(
                "/subscriptions/{subscription}/providers/Microsoft.Security/alertsSuppressionRules/{name}"
            );
            let rule = json!({
                "id": id, "name": name, "type": "Microsoft.Security/alertsSuppressionRules", "properties": said,
            });
            match place(rules, name) {
                Some(at) => rules[at].2 = rule.clone(),
                None => rules.push((subscription.to_owned(), (*name).to_owned(), rule.clone())),
            }
            Ok(Reply::json(200, rule.to_string()))
        }
        ("DELETE", [name]) => {
            let at = place(rules, name).ok_or_else(|| none(name))?;
            rules.remove(at);
            Ok(Reply::empty(204))
        }
        _ => Err(unknown()),
    }
}

/// Whether a rule at work fits an alert by its type; the tenant does not look into entities, so rules with conditions fit
/// nothing.
pub(super) fn fits(state: &State, alert: &CloudRecord) -> bool {
    state.arm.rules.iter().any(|(of, _, rule)| {
        let said = &rule["properties"];
        let kind = said["alertType"].as_str().unwrap_or_default();
        of.eq_ignore_ascii_case(alert.subscription())
            && said["state"] == "Enabled"
            && (kind == "*" || kind == alert.kind())
            && said["suppressionAlertsScope"].is_null()
    })
}
