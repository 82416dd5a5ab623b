//! The published quotas, kept from the service's side: what is too much is answered 429.

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use super::Tenant;
use super::{graph, mde};
use crate::message::{Reply, Request};

/// When calls came, per quota; `None` for a tenant that does not count.
#[derive(Default)]
pub(super) struct Counted(Option<HashMap<&'static str, VecDeque<DateTime<Utc>>>>);

/// A quota: its name, and so many calls in any stretch of so many seconds.
type Quota = (&'static str, &'static [(usize, i64)]);

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;

/// The quota that a request counts for.
fn quota(method: &str, path: &[&str]) -> Option<Quota> {
    let lower: Vec<String> = path.iter().map(|segment| segment.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    Some(match (method, lower.as_slice()) {
        (_, ["api", "advancedqueries", "run"]) => ("hunting", &[(45, MINUTE), (1500, HOUR)]),
        (_, ["api", "alerts", "batchupdate"]) => ("alerts batch", &[(10, MINUTE), (500, HOUR)]),
        (_, ["api", "alerts", "createalertbyreference"]) => ("alerts create", &[(15, MINUTE)]),
        (_, ["api", "machines", _, "vulnerabilities"]) => ("vulnerabilities", &[(50, MINUTE), (1500, HOUR)]),
        (_, ["api", "machines", _, "startinvestigation"]) => ("investigations", &[(50, HOUR)]),
        (_, ["api", "machines", _, "runliveresponse"]) => ("live response", &[(10, MINUTE)]),
        (_, ["api", "machineactions", _, "getpackageuri"]) => ("packages", &[(2, MINUTE), (120, HOUR)]),
        (_, ["api", "indicators", "import"]) => ("indicators import", &[(30, MINUTE)]),
        (_, ["api", "indicators", "batchdelete"]) => ("indicators delete", &[(30, MINUTE), (1500, HOUR)]),
        // Published per API: lists and single ones apart, and each action by itself.
        (_, ["api", resource] | ["api", resource, _]) => {
            (named(method, resource), &[(100, MINUTE), (1500, HOUR)])
        }
        (_, ["api", ..]) => ("other", &[(100, MINUTE), (1500, HOUR)]),
        (_, ["v1.0", "security", "runhuntingquery"]) => ("graph hunting", &[(45, MINUTE), (1500, HOUR)]),
        (_, ["v1.0", "security", ..]) => ("graph security", &[(150, MINUTE)]),
        _ => return None,
    })
}

fn named(method: &str, resource: &str) -> &'static str {
    match (method, resource) {
        ("GET", "alerts") => "get alerts",
        ("PATCH", "alerts") => "update alerts",
        ("GET", "machines") => "get machines",
        ("GET", "machineactions") => "get machine actions",
        _ => "other",
    }
}

impl Tenant {
    /// From now on the tenant counts calls as published for Defender for Endpoint and Graph, and answers what is too much
    /// with 429 and the time until there is room again. Calls that are refused count as well.
    pub fn keep_quotas(&self) {
        self.lock().quotas = Counted(Some(HashMap::new()));
    }

    /// The refusal, when a request is one too many.
    pub(super) fn over_quota(&self, request: &Request, path: &[&str]) -> Option<Reply> {
        let (name, windows) = quota(&request.method, path)?;
        let (now, mut state) = (self.0.clock.now(), self.lock());
        let calls = state.quotas.0.as_mut()?.entry(name).or_default();
        let wait = windows.iter().filter_map(|(most, seconds)| {
            let window = TimeDelta::seconds(*seconds);
            let within = calls.iter().rev().take_while(|at| now - **at < window).count();
            (within >= *most).then(|| calls[calls.len() - *most] + window - now)
        });
        let wait = wait.max();
        calls.push_back(now);
        while calls.front().is_some_and(|at| now - *at > TimeDelta::seconds(HOUR)) {
            calls.pop_front();
        }
        drop(state);
        let seconds = (wait?.num_milliseconds() + 999) / 1000;
        let message = format!("Maximum API calls quota of {name} was exceeded.");
        let refusal = if path.first() == Some(&"api") { mde::refusal } else { graph::refusal };
        Some(refusal(429, "TooManyRequests", &message).with_header("retry-after", seconds.to_string()))
    }
}
