//! Lists: every element once, whatever the pages do.

use std::time::Duration;

use bytes::Bytes;
use pocketsoc_model::Position;
use pocketsoc_testkit::{Fault, Trouble};
use pocketsoc_transport::{ErrorKind, PagePlan, TimeLimits};

use crate::harness::{Act, drain, endpoint, ok, over, page, scripted, status, tenant, to, walk};

const LINK: &str = "https://api.security.microsoft.com/api/alerts?$skip=2";

#[tokio::test(start_paused = true)]
async fn next_links_are_followed_to_the_end() {
    let (http, log) = scripted(|n, _| match n {
        0 => ok(page(&["a", "b"], Some(LINK))),
        1 => ok(page(&[], Some("/api/alerts?$skip=4"))),
        _ => ok(page(&["c"], None)),
    });
    let mut walk = walk(&endpoint(over(http)), PagePlan::by_links());
    assert!(!walk.report().complete);
    let (ids, errors) = drain(&mut walk).await;
    assert_eq!((ids.join(""), errors.len()), ("abc".into(), 0), "an empty page is not the end");
    assert_eq!(log.targets(), ["/api/alerts", "/api/alerts?$skip=2", "/api/alerts?$skip=4"]);
    assert!(walk.report().complete);
    assert_eq!(walk.report().pages, 3);
    let requests = log.requests();
    let auth = &requests[2].headers()["authorization"];
    assert_eq!(auth, "Bearer ready-token");
    assert!(auth.is_sensitive());
}

#[tokio::test(start_paused = true)]
async fn without_links_a_full_page_is_followed_by_the_rest() {
    let (http, log) = scripted(|n, _| match n {
        0 => ok(page(&["a", "b"], None)),
        1 => ok(page(&["c", "d"], None)),
        _ => ok(page(&["e"], None)),
    });
    let mut walk = walk(&endpoint(over(http)), PagePlan::by_top_and_skip(2));
    assert_eq!(drain(&mut walk).await.0.join(""), "abcde");
    assert_eq!(
        log.targets(),
        ["/api/alerts?$top=2", "/api/alerts?$top=2&$skip=2", "/api/alerts?$top=2&$skip=4"]
    );
    assert!(walk.report().complete);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_shifts_while_it_is_read_gives_nothing_twice() {
    // A new alert arrived in front: everything moved back by one.
    let (http, _) = scripted(|n, _| match n {
        0 => ok(page(&["c", "b"], None)),
        1 => ok(page(&["b", "a"], None)),
        _ => ok(page(&[], None)),
    });
    let mut walk = walk(&endpoint(over(http)), PagePlan::by_top_and_skip(2));
    assert_eq!(drain(&mut walk).await.0.join(""), "cba");
}

#[tokio::test(start_paused = true)]
async fn a_bad_element_is_one_error_and_the_rest_arrives() {
    let (http, _) =
        scripted(|_, _| ok(r#"{"value":[{"id":"a"},{"no id":1},7,{"id":"b","x":tru},null,{"id":"c"}]}"#));
    let mut walk = walk(&endpoint(over(http)), PagePlan::by_links());
    let (ids, errors) = drain(&mut walk).await;
    assert_eq!(ids.join(""), "ac");
    let places: Vec<Option<Position>> = errors.iter().map(pocketsoc_transport::Error::position).collect();
    let expected = [1, 2, 3, 4].map(|n| Some(Position::page(1).with_index(n)));
    assert_eq!(places, expected);
    assert!(errors.iter().all(|e| e.kind() == ErrorKind::Decode));
    assert!(!walk.report().complete, "something was not delivered");
}

#[tokio::test(start_paused = true)]
async fn broken_structure_is_one_error_and_the_walk_goes_on_by_a_link_it_knows() {
    let broken = format!(r#"{{"@odata.nextLink":"{LINK}","value":[{{"id":"a"}} {{"id":"b"}}]}}"#);
    let (http, _) = scripted(move |n, _| if n == 0 { ok(broken.clone()) } else { ok(page(&["c"], None)) });
    let mut going = walk(&endpoint(over(http)), PagePlan::by_links());
    let (ids, errors) = drain(&mut going).await;
    assert_eq!((ids.join(""), errors.len()), ("ac".into(), 1));
    assert_eq!((errors[0].kind(), errors[0].position().unwrap().page), (ErrorKind::Decode, 1));
    assert!(errors[0].position().unwrap().offset.unwrap() > 80, "{}", errors[0]);
    assert!(!going.report().complete);

    let (http, log) = scripted(|_, _| ok(r#"{"value":[{"id":"a"}}"#));
    let mut ending = walk(&endpoint(over(http)), PagePlan::by_links());
    let (ids, errors) = drain(&mut ending).await;
    assert_eq!((ids.len(), errors.len(), log.count()), (1, 1, 1), "without a link it ends");
    assert!(!ending.report().complete && ending.report().resume.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_page_that_breaks_off_is_read_again_and_nothing_comes_twice() {
    let whole = page(&["a", "b", "c", "d", "e"], None);
    let (first, cut) = (whole.clone(), whole.len() / 2);
    let (http, log) = scripted(move |n, _| match n {
        0 => Act::Broken(vec![first.slice(..cut)]),
        // This time it just ends, and a newer alert stands in front.
        1 => ok(page(&["new", "a", "b", "c"], None).slice(..200)),
        _ => ok(page(&["new", "a", "b", "c", "d", "e"], None)),
    });
    let mut walk = walk(&endpoint(over(http)), PagePlan::by_links());
    let (ids, errors) = drain(&mut walk).await;
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(ids.join(" "), "a b new c d e");
    assert_eq!(log.targets(), ["/api/alerts"; 3], "by the same link");
    assert!(walk.report().complete);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_keeps_breaking_off_is_one_error_and_can_be_taken_up_later() {
    let whole = page(&["a", "b", "c"], None);
    let (http, _) = scripted({
        let whole = whole.clone();
        move |n, _| if n == 0 { ok(page(&["0"], Some(LINK))) } else { Act::Broken(vec![whole.slice(..100)]) }
    });
    let mut breaking = walk(&endpoint(over(http)), PagePlan::by_links());
    let (ids, errors) = drain(&mut breaking).await;
    assert_eq!((ids.join(""), errors.len()), ("0a".into(), 1));
    assert_eq!((errors[0].kind(), errors[0].position().unwrap().page), (ErrorKind::Unavailable, 2));
    let resume = breaking.report().resume.unwrap();
    assert_eq!(resume.as_str(), "/api/alerts?$skip=2");

    let (http, log) = scripted(move |_, _| ok(whole.clone()));
    let mut later = walk(&endpoint(over(http)), PagePlan::by_links().with_resume(Some(resume)));
    assert_eq!(drain(&mut later).await.0.join(""), "abc");
    assert_eq!(log.targets(), ["/api/alerts?$skip=2"]);
}

#[tokio::test(start_paused = true)]
async fn a33_a_list_that_never_ends_is_noticed() {
    let own = "/api/alerts";
    let (http, log) = scripted(move |_, _| ok(page(&["a"], Some(own))));
    let mut self_link = walk(&endpoint(over(http)), PagePlan::by_links());
    let (ids, errors) = drain(&mut self_link).await;
    assert_eq!((ids.len(), errors.len(), log.count()), (1, 1, 1));

    let (http, log) =
        scripted(|n, _| ok(page(&["a"], Some(if n % 2 == 0 { "/api/alerts?2" } else { "/api/alerts?1" }))));
    let mut cycle = walk(&endpoint(over(http)), PagePlan::by_links());
    let (_, errors) = drain(&mut cycle).await;
    assert_eq!((errors.len(), log.count()), (1, 3));
    assert!(cycle.report().resume.is_some());

    let (http, log) = scripted(|n, _| ok(page(&[], Some(&format!("/api/alerts?{n}")))));
    let mut empty = walk(&endpoint(over(http)), PagePlan::by_links());
    let (_, errors) = drain(&mut empty).await;
    assert_eq!((errors.len(), log.count()), (1, 50));
    assert!(errors[0].to_string().contains("does not end"), "{}", errors[0]);

    let (http, log) = scripted(|_, _| ok(page(&["a", "b"], None)));
    let mut deaf = walk(&endpoint(over(http)), PagePlan::by_top_and_skip(2));
    let (ids, errors) = drain(&mut deaf).await;
    assert_eq!((ids.len(), errors.len(), log.count()), (2, 1, 2), "a service that ignores $skip");
    for report in [self_link.report(), cycle.report(), empty.report(), deaf.report()] {
        assert!(!report.complete && report.resume.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_page_is_asked_for_early_where_its_link_is_known_and_never_two() {
    let early = format!(r#"{{"@odata.nextLink":"{LINK}","value":["#);
    let (http, log) = scripted(move |n, _| {
        if n > 0 {
            return ok(page(&["z"], None));
        }
        let rest = page(&["a", "b", "c"], None);
        let chunks = [Bytes::from(early.clone()), rest.slice(10..)];
        Act::Slow(chunks.into(), Duration::from_secs(3))
    });
    let mut walk = walk(&endpoint(over(http)), PagePlan::by_links());
    walk.next().await.unwrap().unwrap();
    assert_eq!(log.count(), 2, "the second page was asked for while the first was arriving");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(log.count(), 2, "nothing happens while nobody polls");
    let (ids, errors) = drain(&mut walk).await;
    assert_eq!((ids.join(""), errors.len(), log.count()), ("bcz".into(), 0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_slow_consumer_is_no_stall_and_a_long_walk_has_no_deadline() {
    let chunks: Vec<Bytes> =
        page(&["a", "b", "c", "d", "e", "f"], None).chunks(80).map(Bytes::copy_from_slice).collect();
    let (http, _) = scripted(move |_, _| Act::Slow(chunks.clone(), Duration::from_secs(15)));
    let limits =
        TimeLimits::default().with_operation(Duration::from_secs(20)).with_attempt(Duration::from_secs(5));
    let mut walk = walk(&endpoint(over(http).time_limits(limits)), PagePlan::by_links());
    let mut ids = String::new();
    while let Some(row) = walk.next().await {
        ids.push_str(&row.unwrap().id);
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
    assert_eq!(ids, "abcdef");
}

#[tokio::test(start_paused = true)]
async fn a32_a_walk_outlives_its_tokens() {
    let tenant = tenant().alerts(40).page_cap(2).token_life(Duration::from_secs(3600)).build();
    let endpoint = endpoint(to(&tenant));
    let mut walk = walk(&endpoint, PagePlan::by_links());
    let mut count = 0;
    while let Some(row) = walk.next().await {
        row.unwrap();
        count += 1;
        tokio::time::sleep(Duration::from_secs(270)).await; // three hours in all
        if count == 20 {
            tenant.revoke_tokens();
        }
    }
    assert_eq!((count, walk.report().complete), (40, true));
    let tokens = tenant.requests_to("/oauth2/").len();
    assert!((4..=5).contains(&tokens), "{tokens} tokens for three hours and a revocation");
}

#[tokio::test(start_paused = true)]
async fn the_tenant_lists_each_alert_once_through_links_skips_and_trouble() {
    for (cap, top) in [(10_000, 7), (7, 10_000), (7, 10), (10, 7), (10_000, 10_000)] {
        let tenant = tenant().alerts(100).page_cap(cap).build();
        tenant.add_fault(Fault::on("/api/alerts", Trouble::BreakOff(20_000)).after(1).once());
        tenant.add_fault(Fault::throttle("/api/alerts", "2").after(2).once());
        tenant.add_fault(Fault::status("/api/alerts", 502).after(3).once());
        let mut walk = walk(&endpoint(to(&tenant)), PagePlan::by_top_and_skip(top));
        let (mut ids, errors) = drain(&mut walk).await;
        assert!(errors.is_empty() && walk.report().complete, "{errors:?}");
        ids.sort_unstable();
        let mut expected = tenant.alert_ids();
        expected.sort_unstable();
        assert_eq!(ids, expected, "cap {cap}, top {top}");
    }
}

#[tokio::test(start_paused = true)]
async fn elements_keep_their_bytes() {
    let element = "{ \"id\" : \"a\",\t\"n\": 1.50, \"u\": \"\\u00e9\" }";
    let (http, _) = scripted(move |_, _| ok(format!("{{\"value\":[\n {element} ]}}")));
    let mut walk = walk(&endpoint(over(http)), PagePlan::by_links());
    assert_eq!(walk.next().await.unwrap().unwrap().raw.unwrap().as_str(), element);
}

#[tokio::test(start_paused = true)]
async fn a_refused_page_ends_the_walk_with_its_place() {
    let (http, _) = scripted(|n, _| if n == 0 { ok(page(&["a"], Some(LINK))) } else { status(403) });
    let mut walk = walk(&endpoint(over(http)), PagePlan::by_links());
    let (ids, errors) = drain(&mut walk).await;
    assert_eq!((ids.len(), errors[0].kind()), (1, ErrorKind::PermissionDenied));
    assert_eq!(errors[0].position(), Some(Position::page(2)));
    assert!(!walk.report().complete);
}

#[tokio::test(start_paused = true)]
async fn a34_what_a_provider_could_not_give_is_said() {
    let warning = r#"199 - "MCAS/0.1/504/10000""#;
    let (http, _) =
        scripted(move |_, _| Act::Reply(206, vec![("warning", warning.into())], page(&["a"], None)));
    let mut walk = walk(&endpoint(over(http)), PagePlan::by_links());
    assert_eq!(drain(&mut walk).await.0.len(), 1);
    assert_eq!(
        (walk.report().complete, walk.report().partial),
        (false, vec!["MCAS 0.1 answered 504 after 10000 ms".to_owned()])
    );
}

#[tokio::test(start_paused = true)]
async fn a_walk_may_be_asked_again_after_its_end() {
    let (http, log) = scripted(|_, _| ok(page(&["a"], None)));
    let mut walk = walk(&endpoint(over(http)), PagePlan::by_links());
    assert_eq!(drain(&mut walk).await.0.len(), 1);
    for _ in 0..3 {
        assert!(walk.next().await.is_none());
    }
    assert_eq!(log.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn pages_that_bring_nothing_new_under_ever_new_links_end_too() {
    let (http, log) = scripted(|n, _| ok(page(&["a", "b"], Some(&format!("/api/alerts?$skip={n}")))));
    let mut walk = walk(&endpoint(over(http)), PagePlan::by_top_and_skip(2));
    let (ids, errors) = drain(&mut walk).await;
    assert_eq!((ids.len(), errors.len(), log.count()), (2, 1, 51), "{errors:?}");
}

#[tokio::test(start_paused = true)]
async fn a_walk_whose_consumer_is_busy_elsewhere_holds_nobody_up() {
    let (http, _) =
        scripted(|n, _| ok(page(&[&format!("a{n}")], Some(&format!("/api/alerts?$skip={}", n + 1)))));
    let credential = pocketsoc_transport::Credential::token(pocketsoc_transport::Secret::new("t"));
    let paced = pocketsoc_transport::Connection::builder(credential, pocketsoc_transport::Cloud::Public)
        .http(http)
        .clock(std::sync::Arc::new(pocketsoc_transport::SystemClock::new()));
    let endpoint = endpoint(paced);
    let mut busy = walk(&endpoint, PagePlan::by_links());
    for _ in 0..97 {
        busy.next().await.unwrap().unwrap();
    }
    // Its next page waits for the quota; it is asked once and then left alone, still in the queue.
    let mut next = Box::pin(busy.next());
    assert!(futures_util::poll!(&mut next).is_pending());
    let mut other = walk(&endpoint, PagePlan::by_links());
    let waited = tokio::time::timeout(Duration::from_secs(180), async {
        for _ in 0..3 {
            other.next().await.unwrap().unwrap();
        }
    });
    waited.await.expect("the other walk goes on");
}
