//! Azure's buckets: reads and writes of a subscription, and of the tenant; what is left is told with each answer.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::refusal as refused;
use crate::message::{Reply, Request};
use crate::tenant::Tenant;

/// What is left in each bucket, and since when; `None` for a tenant that does not count.
#[derive(Default)]
pub(in crate::tenant) struct Buckets {
    kept: Option<HashMap<String, (f64, DateTime<Utc>)>>,
    /// One for all subscriptions.
    together: bool,
    refused: usize,
}

/// Capacity and refill a second: of reads, and of writes and deletions.
const READS: (f64, f64) = (250.0, 25.0);
const WRITES: (f64, f64) = (200.0, 10.0);

impl Tenant {
    /// From now on the tenant keeps Azure's published buckets per subscription: 250 reads and 25 a second, 200 writes and 10
    /// a second. What is too much is answered 429.
    pub fn keep_buckets(&self) {
        self.lock().buckets = Buckets { kept: Some(HashMap::new()), ..Buckets::default() };
    }

    /// The same, with one bucket for all subscriptions.
    pub fn keep_one_bucket(&self) {
        self.lock().buckets = Buckets { kept: Some(HashMap::new()), together: true, refused: 0 };
    }

    /// How many requests Azure's buckets had nothing left for.
    pub fn refused_by_buckets(&self) -> usize {
        self.lock().buckets.refused
    }
}

/// The bucket of a request, and its size.
fn bucket(request: &Request, path: &[&str], together: bool) -> (String, (f64, f64)) {
    let whose = path.first().filter(|_| !together).map_or("tenant".to_owned(), |id| id.to_ascii_lowercase());
    match request.method.as_str() {
        "GET" => (format!("{whose} reads"), READS),
        "DELETE" => (format!("{whose} deletes"), WRITES),
        _ => (format!("{whose} writes"), WRITES),
    }
}

/// The refusal, when a bucket is empty.
pub(super) fn refusal(tenant: &Tenant, request: &Request, path: &[&str]) -> Option<Reply> {
    let (now, mut state) = (tenant.0.clock.now(), tenant.lock());
    let (name, (capacity, per_second)) = bucket(request, path, state.buckets.together);
    let (left, at) = state.buckets.kept.as_mut()?.entry(name).or_insert((capacity, now));
    #[allow(clippy::cast_precision_loss)] // seconds
    let since = (now - *at).num_microseconds().unwrap_or_default() as f64 / 1e6;
    *left = (*left + since * per_second).min(capacity);
    *at = now;
    if *left >= 1.0 {
        *left -= 1.0;
        return None;
    }
    state.buckets.refused += 1;
    drop(state);
    let text = "The request is being throttled as the limit has been reached.";
    Some(refused(429, "SubscriptionRequestsThrottled", text).with_header("retry-after", "1"))
}

/// Tells what is left, as the service does: mostly by its own counters, of which the first call takes one.
pub(super) fn with_what_is_left(tenant: &Tenant, request: &Request, path: &[&str], reply: Reply) -> Reply {
    let state = tenant.lock();
    let (name, _) = bucket(request, path, state.buckets.together);
    let left = state.buckets.kept.as_ref().and_then(|kept| kept.get(&name).map(|(left, _)| *left));
    let (header, usual) = match (path.first(), request.method.as_str()) {
        (None, _) => ("x-ms-ratelimit-remaining-tenant-reads", 249.0),
        (Some(_), "GET") => ("x-ms-ratelimit-remaining-subscription-resource-requests", 749.0),
        (Some(_), "DELETE") => ("x-ms-ratelimit-remaining-subscription-deletes", 199.0),
        (Some(_), _) => ("x-ms-ratelimit-remaining-subscription-writes", 1199.0),
    };
    reply.with_header(header, format!("{:.0}", left.unwrap_or(usual).floor()))
}
