//! What services and networks do wrong, and what every source on a [`Tenant`] makes of it.
//!
//! The checks belong in virtual time (a paused tokio clock) over [`Tenant::exchange`]: some wait for minutes.

#![allow(clippy::expect_used)] // a broken promise is a failed test

use std::collections::BTreeSet;

use pocketsoc_model::{
    Detection, DetectionChange, DetectionQuery, DetectionSource, Error, ErrorKind, Status, WalkReport,
};

use crate::fault::{Fault, Trouble};
use crate::message::Reply;
use crate::tenant::Tenant;

/// Where a source's requests go: texts that their paths contain.
#[derive(Debug, Clone, Copy)]
pub struct Routes {
    list: &'static str,
    item: &'static str,
    write: &'static str,
    comment: Option<&'static str>,
}

impl Routes {
    /// Alerts of Defender for Endpoint.
    pub const DEFENDER_ENDPOINT: Self =
        Self { list: "/api/alerts", item: "/api/alerts/", write: "PATCH", comment: Some("PATCH") };
    /// Alerts of Defender for Cloud.
    pub const DEFENDER_FOR_CLOUD: Self =
        Self { list: "Microsoft.Security/alerts", item: "/locations/", write: "POST", comment: None };
    /// Alerts of Graph.
    pub const GRAPH_ALERT: Self =
        Self { list: "/alerts_v2", item: "/alerts_v2/", write: "PATCH", comment: Some("POST") };
    /// Incidents of Graph.
    pub const GRAPH_INCIDENT: Self =
        Self { list: "/incidents", item: "/incidents/", write: "PATCH", comment: Some("POST") };
}

/// Runs every check against a source over a tenant whose pages are smaller than its lists.
///
/// # Panics
/// With the promise that was broken.
pub async fn run(source: &dyn DetectionSource, tenant: &Tenant, routes: &Routes) {
    let (all, errors, report) = walk(source).await;
    assert!(errors.is_empty() && report.complete, "without trouble the list is complete: {errors:?}");
    assert!(report.pages > 1, "the checks need more than one page");
    let expected = ids(&all);

    what_passes_is_waited_for(source, tenant, routes, &expected).await;
    a_bad_element_does_not_hide_the_others(source, tenant, routes, &expected).await;
    new_words_lose_nothing(source, tenant, routes, &expected).await;
    depth_costs_nothing(source, tenant, routes, &expected).await;
    what_does_not_pass_is_said(source, tenant, routes).await;
    no_link_leads_elsewhere(source, tenant, routes).await;
    a_write_that_was_not_made_is_found_out(source, tenant, routes, &all).await;
    a_write_that_may_have_happened_is_looked_into(source, tenant, routes, &all).await;
    if let Some(method) = routes.comment {
        a_comment_is_never_sent_twice(source, tenant, routes, method, &all).await;
    }
}

async fn walk(source: &dyn DetectionSource) -> (Vec<Detection>, Vec<Error>, WalkReport) {
    let (mut all, mut errors) = (Vec::new(), Vec::new());
    let mut stream = source.list(&DetectionQuery::all());
    while let Some(item) = stream.next().await {
        match item {
            Ok(detection) => all.push(detection),
            Err(error) => errors.push(error),
        }
    }
    (all, errors, stream.report())
}

fn ids(all: &[Detection]) -> BTreeSet<String> {
    let ids: BTreeSet<String> = all.iter().map(|d| d.id.to_string()).collect();
    assert_eq!(ids.len(), all.len(), "each comes once");
    ids
}

/// A web page in the place of an answer.
fn web_page() -> Reply {
    let mut reply = Reply::json(200, "<html><body>Please sign in to the guest network</body></html>");
    reply.headers[0].1 = "text/html".into();
    reply
}

async fn what_passes_is_waited_for(
    source: &dyn DetectionSource,
    tenant: &Tenant,
    routes: &Routes,
    expected: &BTreeSet<String>,
) {
    let throttling = Reply::json(429, "{}").with_header("retry-after", "7");
    for (name, fault) in [
        ("throttling", Fault::on(routes.list, Trouble::Answer(throttling)).times(2)),
        ("throttling on the second page", Fault::throttle(routes.list, "3").after(1).once()),
        ("a pause", Fault::status(routes.list, 503).times(2)),
        ("a refused connection", Fault::on(routes.list, Trouble::Refuse).once()),
        ("a broken connection", Fault::on(routes.list, Trouble::ResetAfter).once()),
        ("a page that breaks off", Fault::on(routes.list, Trouble::BreakOff(9000)).once()),
        ("a page that ends early", Fault::on(routes.list, Trouble::EndEarly(9000)).once()),
        (
            "a page in small pieces",
            Fault::on(routes.list, Trouble::Drip(700, std::time::Duration::from_secs(2))).once(),
        ),
        ("a token that is refused", Fault::status(routes.list, 401).once()),
    ] {
        tenant.add_fault(fault);
        let (all, errors, report) = walk(source).await;
        assert!(errors.is_empty() && report.complete, "{name} is no failure: {errors:?}");
        assert_eq!(&ids(&all), expected, "{name} loses nothing and doubles nothing");
        tenant.clear_faults();
    }
    tenant.revoke_tokens();
    assert_eq!(&ids(&walk(source).await.0), expected, "a revoked token is replaced");
}

async fn a_bad_element_does_not_hide_the_others(
    source: &dyn DetectionSource,
    tenant: &Tenant,
    routes: &Routes,
    expected: &BTreeSet<String>,
) {
    let spoil = Trouble::Replace("\"id\":\"".into(), "\"id\":7,\"was\":\"".into());
    // The first list that holds an alert: lists of subscriptions and the like are not meant.
    tenant.add_fault(Fault::on(routes.list, spoil).once());
    let (all, errors, report) = walk(source).await;
    tenant.clear_faults();
    assert_eq!(errors.len(), 1, "one bad element is one error");
    assert_eq!(errors[0].kind(), ErrorKind::Decode);
    assert_eq!(errors[0].position().and_then(|p| p.index), Some(0), "it is named by its place");
    assert!(!report.complete, "and the list is not complete");
    let rest = ids(&all);
    assert_eq!(rest.len() + 1, expected.len(), "the others arrive");
    assert!(rest.is_subset(expected));
}

async fn new_words_lose_nothing(
    source: &dyn DetectionSource,
    tenant: &Tenant,
    routes: &Routes,
    expected: &BTreeSet<String>,
) {
    for name in ["status", "severity"] {
        let novelty = Trouble::Replace(format!("\"{name}\":\""), format!("\"{name}\":\"brandNew"));
        tenant.add_fault(Fault::on(routes.list, novelty).once());
        let (all, errors, report) = walk(source).await;
        tenant.clear_faults();
        assert!(errors.is_empty() && report.complete, "a new word is no failure: {errors:?}");
        assert_eq!(&ids(&all), expected, "and loses nothing");
        let kept = all.iter().any(|d| {
            let native = if name == "status" { &d.native_status } else { &d.native_severity };
            native.as_ref().is_some_and(|word| word.starts_with("brandNew"))
        });
        assert!(kept, "the service's own word for the {name} is kept");
    }
}

async fn depth_costs_nothing(
    source: &dyn DetectionSource,
    tenant: &Tenant,
    routes: &Routes,
    expected: &BTreeSet<String>,
) {
    let deep = format!("\"deep\":{}{},\"id\":\"", "[".repeat(100_000), "]".repeat(100_000));
    tenant.add_fault(Fault::on(routes.list, Trouble::Replace("\"id\":\"".into(), deep)).once());
    let (all, errors, report) = walk(source).await;
    tenant.clear_faults();
    assert!(errors.is_empty() && report.complete, "what nobody asks for is passed over: {errors:?}");
    assert_eq!(&ids(&all), expected, "however deep it is");
}

async fn what_does_not_pass_is_said(source: &dyn DetectionSource, tenant: &Tenant, routes: &Routes) {
    let refused = Reply::json(403, r#"{"error":{"code":"Forbidden","message":"You may not."}}"#);
    let broken = Trouble::Replace("\"value\":[{".into(), "\"value\":[}{".into());
    for (name, trouble, kinds) in [
        ("a missing grant", Trouble::Answer(refused), &[ErrorKind::PermissionDenied][..]),
        ("a service that is down", Trouble::Answer(Reply::empty(502)), &[ErrorKind::Unavailable]),
        ("a service that hangs", Trouble::Hang, &[ErrorKind::Timeout]),
        ("a web page", Trouble::Answer(web_page()), &[ErrorKind::Decode]),
        (
            "a redirect",
            Trouble::Answer(Reply::empty(302).with_header("location", "https://evil.example/")),
            &[ErrorKind::Untrusted],
        ),
        ("broken structure", broken, &[ErrorKind::Decode]),
        (
            "an absurd pause",
            Trouble::Answer(Reply::empty(429).with_header("retry-after", "999999")),
            &[ErrorKind::RateLimited],
        ),
    ] {
        tenant.add_fault(Fault::on(routes.list, trouble));
        let (_, errors, report) = walk(source).await;
        tenant.clear_faults();
        assert!(!report.complete, "{name}: the list is not complete");
        assert!(!errors.is_empty(), "{name} is said");
        assert!(errors.iter().all(|e| kinds.contains(&e.kind())), "{name}: {errors:?}");
        if kinds[0] == ErrorKind::PermissionDenied {
            assert!(errors[0].hint().is_some(), "{name}: it is said what to mend");
        }
    }
}

async fn no_link_leads_elsewhere(source: &dyn DetectionSource, tenant: &Tenant, routes: &Routes) {
    tenant.forget_requests();
    let elsewhere =
        Trouble::Replace("extLink\":\"https://".into(), "extLink\":\"https://evil.example/".into());
    tenant.add_fault(Fault::on(routes.list, elsewhere).once());
    let (_, errors, report) = walk(source).await;
    tenant.clear_faults();
    assert!(!report.complete && errors.iter().any(|e| e.kind() == ErrorKind::Untrusted), "{errors:?}");
    let hosts: Vec<_> =
        tenant.requests().iter().filter_map(|r| r.header("host").map(str::to_owned)).collect();
    assert!(!hosts.iter().any(|host| host.contains("evil")), "nobody elsewhere hears of it: {hosts:?}");
}

/// One that is active, and where it may go.
fn changeable(all: &[Detection]) -> (&Detection, Status) {
    let one = all.iter().find(|d| d.status == Status::Active && !d.allowed_statuses.is_empty());
    let one = one.expect("the checks need an active detection");
    (one, one.allowed_statuses[0])
}

async fn a_write_that_was_not_made_is_found_out(
    source: &dyn DetectionSource,
    tenant: &Tenant,
    routes: &Routes,
    all: &[Detection],
) {
    let (one, status) = changeable(all);
    tenant.add_fault(Fault::on(routes.item, Trouble::Lie).for_method(routes.write));
    let error = source.update(&one.id, &DetectionChange::status(status)).await.expect_err("it was not made");
    tenant.clear_faults();
    assert_eq!(error.kind(), ErrorKind::NotApplied, "{error}");
    assert_eq!(error.detection(), Some(&one.id), "it names the detection");
    assert_eq!(source.get(&one.id).await.expect("it can be fetched").status, one.status);
}

async fn a_write_that_may_have_happened_is_looked_into(
    source: &dyn DetectionSource,
    tenant: &Tenant,
    routes: &Routes,
    all: &[Detection],
) {
    let (one, status) = changeable(all);
    let change = DetectionChange::status(status);
    let back = DetectionChange::status(one.status);
    // A status is absolute: it may be written again.
    tenant.add_fault(Fault::on(routes.item, Trouble::ResetAfter).for_method(routes.write).once());
    let now = source.update(&one.id, &change).await.expect("a status may be written twice");
    assert_eq!(now.status, status, "and is read back");
    tenant.clear_faults();
    // Readers may lag behind.
    tenant.add_fault(Fault::on(routes.item, Trouble::Stale).for_method("GET").after(1).times(2));
    let now = source.update(&one.id, &back).await.expect("a reader that lags is looked at again");
    assert_eq!(now.status, one.status);
    tenant.clear_faults();
    // What cannot be read back is not called a failure.
    tenant.add_fault(Fault::status(routes.item, 404).for_method("GET").after(1));
    let error = source.update(&one.id, &change).await.expect_err("it cannot be read back");
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
    tenant.clear_faults();
    assert_eq!(source.get(&one.id).await.expect("it can be fetched").status, status, "it was made");
    source.update(&one.id, &back).await.expect("the way back is open");
}

async fn a_comment_is_never_sent_twice(
    source: &dyn DetectionSource,
    tenant: &Tenant,
    routes: &Routes,
    method: &'static str,
    all: &[Detection],
) {
    const TEXT: &str = "a remark that may have arrived";
    let (one, _) = changeable(all);
    tenant.add_fault(Fault::on(routes.item, Trouble::ResetAfter).for_method(method).once());
    let change = DetectionChange::new().with_comment(TEXT);
    let error = source.update(&one.id, &change).await.expect_err("it may have happened");
    tenant.clear_faults();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
    let now = source.get(&one.id).await.expect("it can be fetched");
    assert_eq!(now.comments.iter().filter(|c| c.text == TEXT).count(), 1, "it was sent once");
}
