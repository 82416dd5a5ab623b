//! Indicators of compromise: kept by value and kind.

use chrono::{DateTime, Utc};
use serde_json::{Value as Json, json};

use super::listing::{list, page, text, texts, time};
use super::render::stamp;
use super::{Answer, admit, refusal, unknown};
use crate::filter::Value;
use crate::message::{Reply, Request};
use crate::tenant::Tenant;

const WRITE: &[&str] = &["Ti.ReadWrite", "Ti.ReadWrite.All"];
/// So many are written or deleted in one call.
const MOST: usize = 500;
/// The fields that the service filters indicators by.
const FIELDS: &[&str] = &[
    "application",
    "createdByDisplayName",
    "expirationTime",
    "generateAlert",
    "title",
    "rbacGroupNames",
    "rbacGroupIds",
    "indicatorValue",
    "indicatorType",
    "creationTimeDateTimeUtc",
    "createdBy",
    "action",
    "severity",
];
const KINDS: &[&str] =
    &["FileSha1", "FileSha256", "FileMd5", "CertificateThumbprint", "IpAddress", "DomainName", "Url"];
const ACTIONS: &[&str] =
    &["Warn", "Block", "Audit", "Alert", "AlertAndBlock", "BlockAndRemediate", "Allowed"];

/// The indicators, as they are shown.
#[derive(Default)]
pub(super) struct Kept {
    all: Vec<Json>,
    created: usize,
}

/// Answers `/api/indicators…`.
pub(super) fn indicators(tenant: &Tenant, request: &Request, path: &[&str]) -> Answer {
    let now = tenant.0.clock.now();
    admit(tenant, request, WRITE)?;
    // Nobody deletes in the name of a user.
    let deletes = request.method == "DELETE" || matches!(path, ["BatchDelete"]);
    if deletes && tenant.claims(request).is_some_and(|claims| claims.roles.is_empty()) {
        return Err(refusal(403, "Forbidden", "Indicators are deleted with application permissions."));
    }
    let body = request.json().unwrap_or_default();
    let mut state = tenant.lock();
    let kept = &mut state.mde.indicators;
    match (request.method.as_str(), path) {
        ("GET", []) => {
            let found = page(request, kept.all.clone(), FIELDS, |one, name| match name {
                "expirationTime" | "creationTimeDateTimeUtc" => time(&one[name]),
                "createdByDisplayName" => text(&one["source"]),
                "generateAlert" => one[name].as_bool().map_or(Value::Null, Value::Flag),
                "rbacGroupNames" | "rbacGroupIds" => texts(&one[name]),
                _ => text(&one[name]),
            })?;
            Ok(list("Indicators", &found))
        }
        ("POST", []) => {
            let indicator = kept.write(&body, now).map_err(|why| refusal(400, "InvalidInput", &why))?;
            Ok(Reply::json(200, indicator.to_string()))
        }
        ("POST", ["import"]) => {
            let Some(all) = body["Indicators"].as_array() else {
                return Err(refusal(400, "InvalidRequestBody", "Request body is incorrect"));
            };
            within_a_batch(all.len())?;
            let outcomes: Vec<Json> = all
                .iter()
                .map(|one| match kept.write(one, now) {
                    Ok(kept) => json!({"id": kept["id"], "indicator": kept["indicatorValue"], "isFailed": false, "failureReason": null}),
                    Err(why) => json!({"id": null, "indicator": one["indicatorValue"], "isFailed": true, "failureReason": why}),
                })
                .collect();
            Ok(list("Collection(microsoft.windowsDefenderATP.api.ImportIndicatorResult)", &outcomes))
        }
        ("POST", ["BatchDelete"]) => {
            let ids = body["IndicatorIds"].as_array().map_or(&[][..], Vec::as_slice);
            within_a_batch(ids.len())?;
            if ids.iter().any(|id| !kept.all.iter().any(|one| one["id"] == *id)) {
                return Err(refusal(404, "ResourceNotFound", "Some indicators were not found"));
            }
            kept.all.retain(|one| !ids.contains(&one["id"]));
            Ok(Reply::empty(204))
        }
        ("DELETE", [id]) => {
            let place = kept.all.iter().position(|one| one["id"] == **id);
            let place = place.ok_or_else(|| refusal(404, "ResourceNotFound", "Indicator was not found"))?;
            kept.all.remove(place);
            Ok(Reply::empty(204))
        }
        _ => Err(unknown()),
    }
}

fn within_a_batch(count: usize) -> Result<(), Reply> {
    match count {
        0 => Err(refusal(400, "InvalidInput", "The collection is empty.")),
        1..=MOST => Ok(()),
        _ => Err(refusal(
            400,
            "MaximumBatchSizeExceeded",
            &format!("Maximum batch size exceeded. Received: {count}, allowed: {MOST}."),
        )),
    }
}

impl Kept {
    /// Writes one, in place of the one with its value and kind; what is wrong with it otherwise.
    fn write(&mut self, body: &Json, now: DateTime<Utc>) -> Result<Json, String> {
        let member = |name: &str| match body[name].as_str() {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err(format!("The parameter {name} is missing.")),
        };
        let one_of = |name: &str, words: &[&str]| {
            let word = member(name)?;
            if words.contains(&word) {
                Ok(word)
            } else {
                Err(format!("'{word}' is not a valid value for {name}"))
            }
        };
        let (value, kind) = (member("indicatorValue")?, one_of("indicatorType", KINDS)?);
        let action = one_of("action", ACTIONS)?;
        let (title, description) = (member("title")?, member("description")?);
        if kind == "IpAddress" && value.parse::<std::net::IpAddr>().is_err() {
            return Err("Invalid IP address; ranges are not supported.".into());
        }
        if action == "Audit" && body["generateAlert"] != json!(true) {
            return Err("generateAlert must be true for Audit.".into());
        }
        let old =
            self.all.iter().position(|one| one["indicatorValue"] == value && one["indicatorType"] == kind);
        let (id, created) = if let Some(old) = old.map(|place| self.all.remove(place)) {
            (old["id"].clone(), old["creationTimeDateTimeUtc"].clone())
        } else {
            self.created += 1;
            (json!((994 + self.created).to_string()), json!(stamp(now)))
        };
        let indicator = json!({
            "id": id,
            "indicatorValue": value,
            "indicatorType": kind,
            "action": action,
            "application": body["application"],
            "source": "testkit",
            "sourceType": "AadApp",
            "title": title,
            "description": description,
            "creationTimeDateTimeUtc": created,
            "createdBy": Tenant::CLIENT_ID,
            "expirationTime": body["expirationTime"],
            "lastUpdateTime": stamp(now),
            "lastUpdatedBy": null,
            "severity": body["severity"].as_str().unwrap_or("Informational"),
            "recommendedActions": body["recommendedActions"],
            "rbacGroupNames": body["rbacGroupNames"].as_array().cloned().unwrap_or_default(),
            "rbacGroupIds": [],
            "generateAlert": body["generateAlert"].as_bool().unwrap_or_default(),
            "educateUrl": body["educateUrl"],
        });
        self.all.insert(0, indicator.clone());
        Ok(indicator)
    }
}
