//! What services say when they refuse: three JSON dialects, HTML, or nothing at all.

use std::time::Duration;

use http::HeaderMap;
use pocketsoc_model::{Error, ErrorKind, ThrottledBy};
use serde::Deserialize;

use crate::call::Call;
use crate::{Service, lenient};

/// Where services put the id under which their support finds a request.
const REQUEST_ID_HEADERS: [&str; 5] = [
    "request-id",
    "x-ms-request-id",
    "mise-correlation-id",
    "x-ms-correlation-request-id",
    "client-request-id",
];

/// `{"error": {…}}`, or the inner object alone, in either letter case.
#[derive(Deserialize, Default)]
struct Body {
    #[serde(default, alias = "Error", deserialize_with = "lenient::object")]
    error: Option<Inner>,
    #[serde(flatten)]
    bare: Inner,
}

#[derive(Deserialize, Default)]
struct Inner {
    #[serde(default, alias = "Code", deserialize_with = "lenient::text")]
    code: Option<String>,
    #[serde(default, alias = "Message", deserialize_with = "lenient::text")]
    message: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    target: Option<String>,
    /// What lies behind it, which may say more.
    #[serde(default, deserialize_with = "lenient::objects")]
    details: Vec<Detail>,
    #[serde(default, rename = "innerError", alias = "innererror", deserialize_with = "lenient::object")]
    ids: Option<InnerIds>,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(default, deserialize_with = "lenient::text")]
    code: Option<String>,
}

#[derive(Deserialize, Default)]
struct InnerIds {
    #[serde(default, rename = "request-id", deserialize_with = "lenient::text")]
    request_id: Option<String>,
}

/// The id under which the service's support finds a request.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<&str> {
    REQUEST_ID_HEADERS.iter().find_map(|name| headers.get(*name)?.to_str().ok().filter(|id| !id.is_empty()))
}

/// The error that a refusal stands for.
pub(crate) fn read(
    call: &Call,
    service: Service,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    retry_after: Option<Duration>,
) -> Error {
    let text = std::str::from_utf8(body).unwrap_or_default();
    let said: Inner =
        serde_json::from_str::<Body>(text).map(|b| b.error.unwrap_or(b.bare)).unwrap_or_default();
    let code = said.code.unwrap_or_default();
    let message = said.message.unwrap_or_default();
    let kind = kind(status, &code, &message);

    let mut error = Error::new(kind, call.operation).with_status(status).with_code(&code);
    error = if (300..400).contains(&status) {
        error.with_message("the service answered with a redirect, which is not followed")
    } else if message.is_empty() {
        error.with_message(plain(status, text))
    } else {
        error.with_message(&message)
    };
    let id = request_id(headers)
        .map(str::to_owned)
        .or(said.ids.and_then(|i| i.request_id))
        .or(said.target.filter(|_| service == Service::DefenderEndpoint));
    if let Some(id) = id {
        error = error.with_request_id(id);
    }
    if let Some(wait) = retry_after {
        error = error.with_retry_after(wait);
    }
    if kind == ErrorKind::RateLimited
        && let Some(quota) = throttled_by(if message.is_empty() { text } else { &message })
    {
        error = error.with_throttled_by(quota);
    }
    let hint = by_quota(&error)
        .or(by_code(&code))
        .or_else(|| said.details.iter().find_map(|detail| by_code(detail.code.as_deref()?)))
        .map(str::to_owned)
        .or_else(|| hint(call, service, kind, retry_after));
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

fn kind(status: u16, code: &str, message: &str) -> ErrorKind {
    let text = message.to_ascii_lowercase();
    let already = ["ActiveRequestAlreadyExists", "Conflict"].iter().any(|c| code.eq_ignore_ascii_case(c))
        || text.contains("already in progress")
        || text.contains("already exists");
    match status {
        300..400 => ErrorKind::Untrusted,
        400 | 409 | 412 if already || status != 400 => ErrorKind::Conflict,
        401 => ErrorKind::Unauthenticated,
        403 => ErrorKind::PermissionDenied,
        404 | 410 => ErrorKind::NotFound,
        405 | 501 => ErrorKind::Unsupported,
        408 => ErrorKind::Timeout,
        429 => ErrorKind::RateLimited,
        400..500 => ErrorKind::InvalidRequest,
        500.. => ErrorKind::Unavailable,
        _ => ErrorKind::Unexpected,
    }
}

/// A sentence for answers that bring none; of an HTML page only that it is one.
fn plain(status: u16, text: &str) -> String {
    let what = if text.trim().is_empty() {
        "without saying why"
    } else if text.trim_start().starts_with('<') {
        "with a web page instead of an error"
    } else {
        "with an unreadable error"
    };
    format!("the service answered {status} {what}")
}

/// Which quota is used up, as far as the service says.
fn throttled_by(message: &str) -> Option<ThrottledBy> {
    let text = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["cpu", "run time", "running time", "runtime", "execution time"]) {
        return Some(ThrottledBy::RunTime);
    }
    says(&["call", "request", "rate"]).then_some(ThrottledBy::Calls)
}

/// What to do where the quota that is used up is not one of calls.
fn by_quota(error: &Error) -> Option<&'static str> {
    (error.throttled_by() == Some(ThrottledBy::RunTime)).then_some(
        "the tenant's run time for queries is used up, not its calls: wait for the next quarter of an hour (Graph) or hour \
         (Defender for Endpoint), and ask for less: a shorter time, fewer columns, filters first",
    )
}

/// What to fix, where Azure Resource Manager's code says more than the status.
fn by_code(code: &str) -> Option<&'static str> {
    Some(match code {
        "InvalidAuthenticationTokenTenant" => {
            "the subscription belongs to another tenant: check tenant id and subscription id"
        }
        "InvalidAuthenticationTokenAudience" => {
            "the token was made for another service: ask for one of this service, in this cloud"
        }
        "SubscriptionNotFound" | "InvalidSubscriptionId" => {
            "check the subscription id; one that the credential has no role on looks the same: assign Security Reader on it"
        }
        "MissingSubscriptionRegistration" => {
            "Defender for Cloud is not set up on the subscription: register the resource provider Microsoft.Security"
        }
        "LinkedAuthorizationFailed" => {
            "a role on something that the resource refers to is missing, such as Logic App Contributor on the Logic App that an automation runs"
        }
        "RequestDisallowedByPolicy" => "a policy of the subscription forbids it: ask who keeps its policies",
        "ScopeLocked" => "the subscription or resource group is locked: remove the lock, or ask who set it",
        "ReadOnlyDisabledSubscription" => "the subscription is disabled: nothing can be changed in it",
        _ => return None,
    })
}

/// What to fix: the rows of the setup guides' troubleshooting tables.
fn hint(call: &Call, service: Service, kind: ErrorKind, retry_after: Option<Duration>) -> Option<String> {
    Some(match kind {
        ErrorKind::Unauthenticated if service == Service::ResourceManager => {
            "check tenant id, subscription id, client id and client secret, and that the secret has not expired; a ready token must be fresh and made for Azure Resource Manager".into()
        }
        ErrorKind::Unauthenticated => {
            "check client id, client secret and tenant id, and that the secret has not expired; a ready token must be fresh and made for this service".into()
        }
        ErrorKind::PermissionDenied if service == Service::ResourceManager => match call.permission {
            Some(role) if role != "the role Security Reader" => {
                format!("the credential may lack {role}: assign it under Access control (IAM)")
            }
            _ => "assign Security Reader (to view) or Security Admin (to change status) on the subscription".into(),
        },
        ErrorKind::PermissionDenied => match call.permission {
            Some(permission) => {
                // One setup guide misspells it.
                let misspelt = if permission.starts_with("CustomDetection.") {
                    " (a guide calls it CustomDetectionsRead.All: there is none of that name)"
                } else {
                    ""
                };
                format!(
                    "the app registration may lack {permission}{misspelt}: add it under API permissions, grant admin consent, then sign in again"
                )
            }
            None => "check the app registration's API permissions and that admin consent was granted".into(),
        },
        ErrorKind::RateLimited => match retry_after {
            Some(wait) => format!("the service's quota is used up; it asks to wait {} s", wait.as_secs().max(1)),
            None => "the service's quota is used up; wait a minute".into(),
        },
        ErrorKind::Untrusted => "check the base URL, and that no proxy or portal answers in the service's place".into(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Method, quota};

    fn error(status: u16, body: &str) -> Error {
        let call = Call::new(Method::Get, "list alerts", "/api/alerts", &[], &quota::MDE)
            .unwrap()
            .with_permission("Alert.Read.All (application) or Alert.Read (delegated)");
        read(&call, Service::DefenderEndpoint, status, &HeaderMap::new(), body.as_bytes(), None)
    }

    #[test]
    fn the_three_dialects_give_code_message_and_request_id() {
        let mde =
            r#"{"error":{"code":"ResourceNotFound","message":"Alert a was not found","target":"|a1-b2."}}"#;
        assert_eq!(
            error(404, mde).to_string(),
            "list alerts: Alert a was not found (404, ResourceNotFound, request id |a1-b2.)"
        );
        let graph =
            r#"{"error":{"code":"Forbidden","message":"no","innerError":{"date":"x","request-id":"r-1"}}}"#;
        assert_eq!(error(403, graph).request_id(), Some("r-1"));
        let arm =
            r#"{"error":{"code":"AuthorizationFailed","message":"The client does not have authorization"}}"#;
        assert_eq!(error(403, arm).code(), Some("AuthorizationFailed"));
        let bare = r#"{"Code":"BadRequest","Message":"Filter is wrong"}"#;
        assert_eq!(
            (error(400, bare).code(), error(400, bare).message()),
            (Some("BadRequest"), "Filter is wrong")
        );
    }

    #[test]
    fn html_nothing_and_nonsense_are_errors_too() {
        assert_eq!(
            error(502, "<html><body>Bad gateway: secret stuff</body></html>").message(),
            "the service answered 502 with a web page instead of an error"
        );
        assert_eq!(
            error(405, "").to_string(),
            "list alerts: the service answered 405 without saying why (405)"
        );
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for odd in ["null", "[]", "\"text\"", "{\"error\":5}", "{\"error\":\"x\"}", deep.as_str(), "{"] {
            assert_eq!(error(500, odd).kind(), ErrorKind::Unavailable, "{}", &odd[..odd.len().min(20)]);
        }
    }

    #[test]
    fn each_status_has_its_kind_and_a_missing_grant_its_name() {
        for (status, kind) in [
            (302, ErrorKind::Untrusted),
            (400, ErrorKind::InvalidRequest),
            (401, ErrorKind::Unauthenticated),
            (403, ErrorKind::PermissionDenied),
            (404, ErrorKind::NotFound),
            (409, ErrorKind::Conflict),
            (429, ErrorKind::RateLimited),
            (500, ErrorKind::Unavailable),
            (503, ErrorKind::Unavailable),
        ] {
            assert_eq!(error(status, "").kind(), kind, "{status}");
        }
        assert!(error(403, "").hint().unwrap().contains("Alert.Read.All"));
        let busy =
            r#"{"error":{"code":"ActiveRequestAlreadyExists","message":"Action is already in progress"}}"#;
        assert_eq!(error(400, busy).kind(), ErrorKind::Conflict);
    }

    #[test]
    fn azure_says_by_its_codes_what_to_mend() {
        let call = Call::fixed(Method::Get, "list alerts", "/subscriptions", &quota::ARM_READ);
        for (status, code, hint) in [
            (401, "InvalidAuthenticationTokenTenant", "another tenant"),
            (401, "ExpiredAuthenticationToken", "subscription id"),
            (403, "AuthorizationFailed", "Security Reader"),
            (404, "SubscriptionNotFound", "check the subscription id"),
            (409, "MissingSubscriptionRegistration", "Microsoft.Security"),
            (403, "RequestDisallowedByPolicy", "policy"),
            (403, "LinkedAuthorizationFailed", "Logic App Contributor"),
            (
                409,
                "Conflict\",\"details\":[{\"code\":\"MissingSubscriptionRegistration\"}],\"x\":\"",
                "Microsoft.Security",
            ),
        ] {
            let body = format!(r#"{{"error":{{"code":"{code}","message":"m"}}}}"#);
            let error =
                read(&call, Service::ResourceManager, status, &HeaderMap::new(), body.as_bytes(), None);
            assert!(error.hint().unwrap().contains(hint), "{code}: {:?}", error.hint());
        }
    }

    #[test]
    fn a12_the_body_tells_which_quota_is_used_up() {
        let cpu =
            r#"{"error":{"code":"TooManyRequests","message":"You exceeded the CPU quota for this hour"}}"#;
        assert_eq!(error(429, cpu).throttled_by(), Some(ThrottledBy::RunTime));
        let calls = r#"{"error":{"code":"TooManyRequests","message":"Maximum API calls exceeded"}}"#;
        assert_eq!(error(429, calls).throttled_by(), Some(ThrottledBy::Calls));
        assert_eq!(
            error(429, "CPU quota exceeded").throttled_by(),
            Some(ThrottledBy::RunTime),
            "a plain text"
        );
        assert_eq!(error(429, "").throttled_by(), None, "it does not say");
    }
}
