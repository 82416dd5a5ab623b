//! What is asked again, when, and what never is.

use std::time::Duration;

use pocketsoc_transport::{ErrorKind, Jitter, Replay, RetryPolicy, TimeLimits};

use crate::harness::{Act, endpoint, get, ok, over, post, scripted, status, throttled};

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[tokio::test(start_paused = true)]
async fn a2_the_next_attempt_comes_when_the_service_said_and_not_much_later() {
    for (header, value, hint) in [
        ("retry-after", "10", secs(10)),
        ("retry-after-ms", "2500", Duration::from_millis(2500)),
        ("x-ms-retry-after-ms", "700", Duration::from_millis(700)),
    ] {
        let (http, log) = scripted(move |n, _| if n == 0 { throttled(header, value) } else { ok("{}") });
        endpoint(over(http)).bytes(&get()).await.unwrap();
        let wait = log.times()[1] - log.times()[0];
        assert!(wait >= hint && wait <= hint + hint / 10 + secs(1), "{header}: {wait:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a3_an_absurd_hint_fails_at_once_and_is_passed_on() {
    for value in ["86400", "999999999999", "Fri, 31 Dec 9999 23:59:59 GMT", "400"] {
        let (http, log) = scripted(move |_, _| throttled("retry-after", value));
        let start = tokio::time::Instant::now();
        let error = endpoint(over(http)).bytes(&get()).await.unwrap_err();
        assert_eq!((error.kind(), log.count()), (ErrorKind::RateLimited, 1), "{value}");
        assert!(error.retry_after().unwrap() >= secs(400), "{value}: {:?}", error.retry_after());
        assert!(start.elapsed() < secs(1), "{value}");
    }
    for value in ["-5", "NaN", "soon", "", "0"] {
        let (http, log) =
            scripted(move |n, _| if n == 0 { throttled("retry-after", value) } else { ok("{}") });
        endpoint(over(http)).bytes(&get()).await.unwrap();
        assert_eq!(log.count(), 2, "{value}: no hint, so our own wait");
    }
}

#[tokio::test(start_paused = true)]
async fn a4_an_isolation_that_may_have_happened_is_sent_once_and_said_to_be_unknown() {
    for act in [
        status(500),
        status(502),
        status(504),
        status(503),
        Act::Reset,
        Act::Hang,
        Act::Broken(vec!["{".into()]),
    ] {
        let (http, log) = scripted(move |_, _| act.clone());
        let error = endpoint(over(http)).bytes(&post()).await.unwrap_err();
        assert_eq!((error.kind(), log.count()), (ErrorKind::OutcomeUnknown, 1), "{error}");
        assert!(error.hint().unwrap().contains("look"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a5_an_isolation_that_certainly_did_not_happen_is_sent_again() {
    for first in [
        Act::Refuse,
        throttled("retry-after", "1"),
        Act::Reply(503, vec![("retry-after", "1".into())], "".into()),
    ] {
        let (http, log) = scripted(move |n, _| if n == 0 { first.clone() } else { ok("{}") });
        endpoint(over(http)).bytes(&post()).await.unwrap();
        assert_eq!(log.count(), 2);
        let bodies: Vec<_> = log.requests().iter().map(|r| r.body().clone()).collect();
        assert_eq!(bodies[0], bodies[1], "the second attempt carries the body as well");
        assert_eq!(bodies[0], r#"{"Comment":"INC-42"}"#);
    }
}

#[tokio::test(start_paused = true)]
async fn reads_are_asked_again_and_refusals_are_not() {
    for (act, expected) in
        [(status(500), 4), (Act::Reset, 4), (status(404), 1), (status(400), 1), (status(403), 1)]
    {
        let (http, log) = scripted(move |_, _| act.clone());
        endpoint(over(http)).bytes(&get()).await.unwrap_err();
        assert_eq!(log.count(), expected);
    }
    let (http, log) = scripted(|_, _| status(504));
    endpoint(over(http)).bytes(&get().with_replay(Replay::Once)).await.unwrap_err();
    assert_eq!(log.count(), 2, "a read that burns quota is asked once more");
}

#[tokio::test(start_paused = true)]
async fn a8_a_storm_of_failures_does_not_become_a_storm_of_retries() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    let down = Arc::new(AtomicBool::new(true));
    let broken = Arc::clone(&down);
    let (http, log) =
        scripted(move |_, _| if broken.load(Ordering::SeqCst) { status(503) } else { ok("{}") });
    let endpoint = endpoint(over(http));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let endpoint = endpoint.clone();
        tasks.spawn(async move {
            for _ in 0..100 {
                assert!(endpoint.bytes(&get()).await.is_err());
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert!(log.count() <= 12_000 + 50, "{} requests for 10,000 calls", log.count());

    down.store(false, Ordering::SeqCst);
    let healed = tokio::time::Instant::now();
    for _ in 0..100 {
        endpoint.bytes(&get()).await.unwrap();
    }
    assert!(healed.elapsed() <= secs(1), "it recovers at once");
}

#[tokio::test(start_paused = true)]
async fn a9_a_hanging_service_is_given_up_at_the_deadline_and_not_before() {
    for draw in [0.0, 0.5, 0.99] {
        let (http, log) = scripted(|_, _| Act::Hang);
        let limits = TimeLimits::default().with_operation(secs(5)).with_attempt(secs(2));
        let connection = over(http).time_limits(limits).jitter(Jitter::from_fn(move || draw));
        let start = tokio::time::Instant::now();
        let error = endpoint(connection).bytes(&get()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        let took = start.elapsed();
        assert!(took.abs_diff(secs(5)) <= Duration::from_millis(50), "{took:?} with jitter {draw}");
        assert!(
            log.times().iter().all(|at| secs(5) - *at >= Duration::from_millis(200)),
            "{:?}",
            log.times()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_can_be_told_to_ask_only_once() {
    let (http, log) = scripted(|_, _| status(500));
    endpoint(over(http).retry(RetryPolicy::never())).bytes(&get()).await.unwrap_err();
    assert_eq!(log.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_429_holds_back_the_other_calls_of_the_quota_as_well() {
    let credential = pocketsoc_transport::Credential::token(pocketsoc_transport::Secret::new("t"));
    let (http, log) = scripted(|n, _| if n == 0 { throttled("retry-after", "30") } else { ok("{}") });
    let paced = pocketsoc_transport::Connection::builder(credential, pocketsoc_transport::Cloud::Public)
        .http(http)
        .clock(std::sync::Arc::new(pocketsoc_transport::SystemClock::new()));
    let endpoint = endpoint(paced);
    let first = {
        let e = endpoint.clone();
        tokio::spawn(async move { e.bytes(&get()).await })
    };
    tokio::time::sleep(secs(1)).await;
    endpoint.bytes(&get()).await.unwrap();
    first.await.unwrap().unwrap();
    assert!(log.times()[1..].iter().all(|at| *at >= secs(30)), "{:?}", log.times());
}

#[tokio::test(start_paused = true)]
async fn a_write_that_may_have_happened_is_never_called_a_failure() {
    let (http, log) = scripted(|_, _| status(502));
    let patch = pocketsoc_transport::Call::fixed(
        pocketsoc_transport::Method::Patch,
        "update the alert",
        "/api/alerts/a",
        &pocketsoc_transport::quota::MDE,
    )
    .with_replay(Replay::Always);
    let error = endpoint(over(http)).bytes(&patch).await.unwrap_err();
    assert_eq!((error.kind(), log.count()), (ErrorKind::OutcomeUnknown, 4), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a9_wherever_it_hangs_the_deadline_holds() {
    use crate::harness::{drain, walk};
    use pocketsoc_transport::PagePlan;
    let never = || Act::Slow(vec!["{".into()], secs(86_400));
    let limits = TimeLimits::default().with_operation(secs(5));
    // After the head of a list, with retries on.
    let (http, _) = scripted(move |_, _| never());
    let start = tokio::time::Instant::now();
    let (_, errors) = drain(&mut walk(&endpoint(over(http).time_limits(limits)), PagePlan::by_links())).await;
    assert_eq!((errors.len(), errors[0].kind()), (1, ErrorKind::Timeout), "{errors:?}");
    assert!(start.elapsed().abs_diff(secs(5)) <= Duration::from_millis(50), "{:?}", start.elapsed());

    // In the body of an error, and in the sign-in: head, and a body that drips.
    let drip: Vec<bytes::Bytes> = vec![" ".repeat(80).into(); 10_000];
    for hanging_sign_in in [false, true] {
        for body in [vec!["{".into()], drip.clone()] {
            let (http, _) = scripted(move |_, request| {
                if request.uri().path().ends_with("/token") == hanging_sign_in {
                    Act::Slow(body.clone(), secs(8))
                } else {
                    ok(r#"{"token_type":"Bearer","access_token":"tok","expires_in":3600}"#)
                }
            });
            let credential = pocketsoc_transport::Credential::client_secret(
                "contoso.example",
                "client",
                pocketsoc_transport::Secret::new("hush"),
            );
            let connection =
                pocketsoc_transport::Connection::builder(credential, pocketsoc_transport::Cloud::Public)
                    .http(http)
                    .clock(std::sync::Arc::new(pocketsoc_transport::SystemClock::new()))
                    .time_limits(limits);
            let start = tokio::time::Instant::now();
            let error = endpoint(connection).bytes(&get()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
            assert!(start.elapsed() <= secs(5) + Duration::from_millis(50), "{:?}", start.elapsed());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_limit_is_a_limit_too() {
    let (http, _) = scripted(|_, _| ok("{}"));
    let limits = TimeLimits::default().with_operation(Duration::MAX).with_attempt(Duration::MAX);
    endpoint(over(http).time_limits(limits)).bytes(&get()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waited_too_long_for_the_quota_is_not_sent_at_all() {
    let credential = pocketsoc_transport::Credential::token(pocketsoc_transport::Secret::new("t"));
    let (http, log) = scripted(|n, _| if n == 0 { status(503) } else { ok("{}") });
    let connection = pocketsoc_transport::Connection::builder(credential, pocketsoc_transport::Cloud::Public)
        .http(http)
        .clock(std::sync::Arc::new(pocketsoc_transport::SystemClock::new()))
        .jitter(Jitter::from_fn(|| 1.0))
        .time_limits(TimeLimits::default().with_operation(secs(10)).with_attempt(secs(10)));
    let endpoint = endpoint(connection);
    let quota = &pocketsoc_transport::quota::MDE_PACKAGE_URI; // two a minute, one of them kept back
    let call = pocketsoc_transport::Call::fixed(pocketsoc_transport::Method::Get, "x", "/api/x", quota);
    let error = endpoint.bytes(&call).await.unwrap_err();
    assert_eq!((error.status(), log.count()), (Some(503), 1), "the second slot came a minute later: {error}");
}

#[tokio::test(start_paused = true)]
async fn that_it_may_have_happened_is_not_forgotten_when_the_next_attempt_fails_otherwise() {
    let patch = || {
        pocketsoc_transport::Call::fixed(
            pocketsoc_transport::Method::Patch,
            "update the alert",
            "/api/alerts/a",
            &pocketsoc_transport::quota::MDE,
        )
        .with_replay(Replay::Always)
    };
    for second in [throttled("retry-after", "1000"), status(403), status(404), Act::Refuse] {
        let (http, _) = scripted(move |n, _| if n == 0 { status(500) } else { second.clone() });
        let error = endpoint(over(http)).bytes(&patch()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
    }
    for only in [status(403), Act::Refuse, throttled("retry-after", "1000")] {
        let (http, _) = scripted(move |_, _| only.clone());
        let error = endpoint(over(http)).bytes(&patch()).await.unwrap_err();
        assert_ne!(
            error.kind(),
            ErrorKind::OutcomeUnknown,
            "what certainly did not happen is not in doubt: {error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_breaks_off_before_its_first_byte_has_one_deadline_for_all_its_readings() {
    use crate::harness::{drain, walk};
    let (http, _) = scripted(|_, _| Act::Slow(vec![], secs(0)));
    let start = tokio::time::Instant::now();
    let limits = TimeLimits::default().with_operation(secs(2)).with_attempt(secs(2));
    let endpoint = endpoint(over(http).time_limits(limits));
    let (_, errors) = drain(&mut walk(&endpoint, pocketsoc_transport::PagePlan::by_links())).await;
    assert_eq!(errors.len(), 1);
    assert!(start.elapsed() <= secs(2) + Duration::from_millis(50), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_after_a_deletion_whose_answer_was_lost_has_been_deleted() {
    let delete = || {
        pocketsoc_transport::Call::fixed(
            pocketsoc_transport::Method::Delete,
            "delete the indicator",
            "/api/indicators/1",
            &pocketsoc_transport::quota::MDE,
        )
        .with_replay(Replay::Always)
    };
    let gone = || Act::Reply(404, vec![], r#"{"error":{"code":"ResourceNotFound","message":"gone"}}"#.into());
    for first in [status(502), Act::Reset] {
        let (http, log) = scripted(move |n, _| if n == 0 { first.clone() } else { gone() });
        assert!(endpoint(over(http)).bytes(&delete()).await.unwrap().is_empty());
        assert_eq!(log.count(), 2);
    }
    let (http, _) = scripted(move |n, _| if n == 0 { status(502) } else { status(404) });
    let error = endpoint(over(http)).bytes(&delete()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "a front end's 404 proves nothing: {error}");
    for first in [gone(), Act::Refuse] {
        let (http, _) = scripted(move |n, _| if n == 0 { first.clone() } else { gone() });
        let error = endpoint(over(http)).bytes(&delete()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "it never was there: {error}");
    }
}
