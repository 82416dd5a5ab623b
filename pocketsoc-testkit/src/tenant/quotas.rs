//! The published quotas, kept from the service's side: what is too much is answered 429.

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use super::Tenant;
use super::{graph, mde};
use crate::message::{Reply, Request};

/// When calls came, per quota; `None` for a tenant that does not count.
#[derive(Default)]
pub(super) struct Counted {
    calls: Option<HashMap<String, VecDeque<DateTime<Utc>>>>,
    refused: usize,
}

/// A quota: its name, and so many calls in any stretch of so many seconds.
type Quota = (String, &'static [(usize, i64)]);

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;

/// The quota that a request counts for.
fn quota(method: &str, path: &[&str]) -> Option<Quota> {
    let lower: Vec<String> = path.iter().map(|segment| segment.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    Some(match (method, lower.as_slice()) {
        (_, ["api", "advancedqueries", "run"]) => ("hunting".into(), &[(45, MINUTE), (1500, HOUR)]),
        (_, ["api", "alerts", "batchupdate"]) => ("alerts batch".into(), &[(10, MINUTE), (500, HOUR)]),
        (_, ["api", "alerts", "createalertbyreference"]) => ("alerts create".into(), &[(15, MINUTE)]),
        (_, ["api", "machines", _, "vulnerabilities"]) => {
            ("vulnerabilities".into(), &[(50, MINUTE), (1500, HOUR)])
        }
        (_, ["api", "machines", _, "startinvestigation"]) => ("investigations".into(), &[(50, HOUR)]),
        (_, ["api", "machines", _, "runliveresponse"]) => ("live response".into(), &[(10, MINUTE)]),
        (_, ["api", "machineactions", _, "getpackageuri"]) => {
            ("packages".into(), &[(2, MINUTE), (120, HOUR)])
        }
        (_, ["api", "indicators", "import"]) => ("indicators import".into(), &[(30, MINUTE)]),
        (_, ["api", "indicators", "batchdelete"]) => {
            ("indicators delete".into(), &[(30, MINUTE), (1500, HOUR)])
        }
        // Published per API: each address by itself, whatever the id in it.
        (_, ["api", ..]) => (address(method, &lower), &[(100, MINUTE), (1500, HOUR)]),
        (_, ["v1.0", "security", "runhuntingquery"]) => {
            ("graph hunting".into(), &[(45, MINUTE), (1500, HOUR)])
        }
        (_, ["v1.0", "security", ..]) => ("graph security".into(), &[(150, MINUTE)]),
        _ => return None,
    })
}

/// An address without the ids in it.
fn address(method: &str, path: &[&str]) -> String {
    let one = if path.len() > 2 { "/{id}" } else { "" };
    let of_it = path.get(3).map(|of_it| format!("/{of_it}")).unwrap_or_default();
    format!("{method} {}{one}{of_it}", path[1])
}

impl Tenant {
    /// From now on the tenant counts calls as published for Defender for Endpoint and Graph, and answers what is too much
    /// with 429 and the time until there is room again. Calls that are refused count as well.
    pub fn keep_quotas(&self) {
        self.lock().quotas = Counted { calls: Some(HashMap::new()), refused: 0 };
    }

    /// How many requests were one too many.
    pub fn refused_by_quota(&self) -> usize {
        self.lock().quotas.refused
    }

    /// The refusal, when a request is one too many.
    pub(super) fn over_quota(&self, request: &Request, path: &[&str]) -> Option<Reply> {
        let (name, windows) = quota(&request.method, path)?;
        let (now, mut state) = (self.0.clock.now(), self.lock());
        let calls = state.quotas.calls.as_mut()?.entry(name.clone()).or_default();
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
        state.quotas.refused += usize::from(wait.is_some());
        drop(state);
        let seconds = (wait?.num_milliseconds() + 999) / 1000;
        let message = format!("Maximum API calls quota of {name} was exceeded.");
        let refusal = if path.first() == Some(&"api") { mde::refusal } else { graph::refusal };
        Some(refusal(429, "TooManyRequests", &message).with_header("retry-after", seconds.to_string()))
    }
}
