//! What quotas mean to a call: what is given back when it is dropped, what the service's own counters and words do, whose
//! turn it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use pocketsoc_model::Lane;
use pocketsoc_testkit::Tenant;
use pocketsoc_transport::{
    Call, Cloud, Connection, ConnectionBuilder, Credential, Endpoint, HttpSend, Method, Secret, Service,
    SystemClock, quota,
};

use crate::harness::{Act, Log, get, ok, scripted, status, tenant, throttled};

/// A connection that keeps the published quotas.
fn paced(credential: Credential, http: impl HttpSend) -> ConnectionBuilder {
    Connection::builder(credential, Cloud::Public).http(http).clock(Arc::new(SystemClock::new()))
}

fn ready() -> Credential {
    Credential::token(Secret::new("ready-token"))
}

fn endpoint(connection: ConnectionBuilder, service: Service) -> Endpoint {
    connection.build().unwrap().endpoint(service, None, None).unwrap()
}

/// Polls a future so often, and drops it: whether it was over.
async fn dropped_after<T>(polls: u32, future: impl Future<Output = T>) -> bool {
    let mut future = Box::pin(future);
    for _ in 0..polls {
        if future.as_mut().now_or_never().is_some() {
            return true;
        }
        // Whatever it waits for gets its time.
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    false
}

#[tokio::test(start_paused = true)]
async fn a35_a_call_that_is_dropped_at_any_await_leaves_nothing_taken() {
    let tenant = tenant().build();
    let inner = tenant.exchange();
    // Every answer takes its time, the first one of each call is a failure: there is a token to fetch, a quota, a retry.
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    let exchange = move |request: http::Request<bytes::Bytes>| {
        // From here on it counts, whatever becomes of its answer.
        let is_call = request.uri().path() == "/api/alerts";
        counted.fetch_add(usize::from(is_call), Ordering::Relaxed);
        let answer = inner(request);
        async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            answer.await
        }
    };
    let credential = || Credential::client_secret(Tenant::ID, Tenant::CLIENT_ID, Secret::new(Tenant::SECRET));
    let endpoint = endpoint(paced(credential(), exchange), Service::DefenderEndpoint);
    let call = || Call::fixed(Method::Get, "list alerts", "/api/alerts", &quota::MDE);
    let mut polls = 1;
    loop {
        tenant.add_fault(pocketsoc_testkit::Fault::status("/api/alerts", 503).times(1));
        let is_over = dropped_after(polls, endpoint.bytes(&call())).await;
        tenant.clear_faults();
        if is_over {
            break;
        }
        polls += 1;
    }
    assert!(polls > 5, "only {polls} points");
    // Of the quota of a minute, of which two are kept for what must not wait, nothing is gone but what was really sent.
    let sent = sent.load(Ordering::Relaxed);
    assert!((5..60).contains(&sent), "{sent} requests for {polls} points");
    let begin = tokio::time::Instant::now();
    let calls: Vec<_> = (0..98 - sent).map(|_| call().with_lane(Lane::Triage)).collect();
    let answers = join_all(calls.iter().map(|call| endpoint.bytes(call))).await;
    assert!(answers.iter().all(Result::is_ok), "{:?}", answers.iter().find(|a| a.is_err()));
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?} {} polls {polls}", begin.elapsed(), sent);
}

fn read() -> Call {
    Call::fixed(Method::Get, "list alerts", "/subscriptions", &quota::ARM_READ)
}

#[tokio::test(start_paused = true)]
async fn what_azure_says_is_left_holds_back_the_calls_that_come_after() {
    for (left, slowest) in [("200", Duration::from_millis(10)), ("0", Duration::from_millis(30))] {
        let answer = move |_: usize, _: &http::Request<bytes::Bytes>| {
            let header = ("x-ms-ratelimit-remaining-subscription-reads", left.to_owned());
            Act::Reply(200, vec![header], "{}".into())
        };
        let (exchange, log) = scripted(answer);
        let endpoint = endpoint(paced(ready(), exchange), Service::ResourceManager);
        endpoint.bytes(&read()).await.unwrap();
        let calls: Vec<_> = (0..5).map(|_| read()).collect();
        for call in &calls {
            endpoint.bytes(call).await.unwrap();
        }
        let times = log.times();
        let gap = times[5].saturating_sub(times[0]);
        assert!((gap >= slowest) == (left == "0"), "{left} left: five calls within {gap:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_says_its_time_in_words_alone_is_heeded() {
    let (exchange, log) = scripted(|n, _| match n {
        0 => Act::Reply(429, vec![], "{\"error\":{\"message\":\"Try again in 7 seconds.\"}}".into()),
        _ => ok("{}"),
    });
    let endpoint = endpoint(paced(ready(), exchange), Service::DefenderEndpoint);
    endpoint.bytes(&get()).await.unwrap();
    let times = log.times();
    assert!(times[1] - times[0] >= Duration::from_secs(7), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn a_hint_beyond_all_patience_ends_the_call_at_once_and_holds_back_others_of_the_quota() {
    let (exchange, log) = scripted(|n, _| if n == 0 { throttled("retry-after", "86400") } else { ok("{}") });
    let endpoint = endpoint(paced(ready(), exchange), Service::DefenderEndpoint);
    let begin = tokio::time::Instant::now();
    let error = endpoint.bytes(&get()).await.unwrap_err();
    assert_eq!((error.status(), log.count()), (Some(429), 1));
    let error = endpoint.bytes(&get()).await.unwrap_err();
    assert_eq!(log.count(), 1, "nothing is sent: {error}");
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn one_list_that_has_much_to_ask_does_not_keep_another_waiting_behind_it() {
    let (exchange, log) = scripted(|_, _| ok("{}"));
    let connection = paced(ready(), exchange).build().unwrap();
    let endpoint = || connection.endpoint(Service::DefenderEndpoint, None, None).unwrap();
    let (greedy, other) = (endpoint(), endpoint());
    let call = |operation, path| Call::fixed(Method::Get, operation, path, &quota::MDE).with_lane(Lane::Bulk);
    let (many, one) = (call("export", "/api/machines"), call("list alerts", "/api/alerts"));
    let flood = join_all((0..300).map(|_| greedy.bytes(&many)));
    let late = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        other.bytes(&one).await
    };
    let everything = futures_util::future::join(flood, late);
    drop(tokio::time::timeout(Duration::from_secs(120), everything).await);
    let place = position(&log, "/api/alerts");
    let before = log.times().iter().filter(|at| **at < Duration::from_secs(30)).count();
    assert!(place < before + 5, "it came {place}th, when {before} had gone before it asked");
}

fn position(log: &Log, path: &str) -> usize {
    log.targets().iter().position(|target| target.starts_with(path)).unwrap_or(usize::MAX)
}

#[tokio::test(start_paused = true)]
async fn an_isolation_goes_at_once_while_an_export_saturates_the_window() {
    let (exchange, log) = scripted(|_, _| status(200));
    let endpoint = endpoint(paced(ready(), exchange), Service::DefenderEndpoint);
    let export = Call::fixed(Method::Get, "export", "/api/machines", &quota::MDE).with_lane(Lane::Bulk);
    let isolate = Call::fixed(Method::Post, "isolate", "/api/machines/m/isolate", &quota::MDE)
        .with_lane(Lane::Containment);
    let flood = join_all((0..1000).map(|_| endpoint.bytes(&export)));
    let urgent = async {
        tokio::time::sleep(Duration::from_secs(300)).await;
        let begin = tokio::time::Instant::now();
        drop(endpoint.bytes(&isolate).await);
        begin.elapsed()
    };
    let both = async {
        let urgent = std::pin::pin!(urgent);
        let flood = std::pin::pin!(flood);
        match futures_util::future::select(urgent, flood).await {
            futures_util::future::Either::Left((waited, _)) => waited,
            futures_util::future::Either::Right(_) => panic!("the export cannot be over"),
        }
    };
    let waited = both.await;
    assert!(waited < Duration::from_millis(50), "a14: it waited {waited:?}");
    assert!(log.count() > 100);
}
