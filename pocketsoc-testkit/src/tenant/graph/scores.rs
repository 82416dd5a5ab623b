//! Secure scores: one a day, and what they are made of.

use chrono::TimeDelta;
use serde_json::{Value as Json, json};

use super::{Answer, admit};
use crate::message::{Reply, Request};
use crate::tenant::Tenant;
use crate::tenant::mde::stamp;

const READ: &[&str] = &["SecurityEvents.Read.All", "SecurityEvents.ReadWrite.All"];
/// So many days are kept.
const DAYS: i64 = 90;

/// Newest first.
pub(super) fn list(tenant: &Tenant, request: &Request) -> Answer {
    admit(tenant, request, READ)?;
    let today = tenant.clock().now();
    let score = |back: i64| {
        let day = today - TimeDelta::days(back);
        json!({
            "id": format!("{}_{}", Tenant::ID, day.format("%Y-%m-%d")), "azureTenantId": Tenant::ID,
            "createdDateTime": stamp(day), "currentScore": 61.5, "maxScore": 143.0, "activeUserCount": 12,
            "licensedUserCount": 20, "enabledServices": ["HasExchange", "HasSharePoint"],
            "averageComparativeScores": [{"basis": "AllTenants", "averageScore": 44.25}],
            "controlScores": [{"controlCategory": "Identity", "controlName": "AdminMFAV2",
                "description": "Ensure that admins sign in with a second factor.", "score": 10.0}],
            "vendorInformation": {"provider": "SecureScore", "vendor": "Microsoft"},
        })
    };
    Ok(page(request, (0..DAYS).map(score).collect()))
}

pub(super) fn controls(tenant: &Tenant, request: &Request) -> Answer {
    admit(tenant, request, READ)?;
    let control = json!({
        "id": "AdminMFAV2", "azureTenantId": Tenant::ID, "title": "Ensure that admins sign in with a second factor",
        "controlCategory": "Identity", "service": "AzureAD", "maxScore": 10.0, "remediation": "Set up a policy.",
    });
    Ok(page(request, vec![control]))
}

fn page(request: &Request, all: Vec<Json>) -> Reply {
    let top = request.option("$top").and_then(|top| top.parse().ok()).unwrap_or(all.len());
    let all: Vec<Json> = all.into_iter().take(top).collect();
    Reply::json(200, json!({"value": all}).to_string())
}
