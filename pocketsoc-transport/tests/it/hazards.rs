//! What a hostile or broken service may try: no token leaves, memory is bounded, nothing hangs.

use std::io::Write as _;
use std::time::Duration;

use pocketsoc_testkit::{FaultServer, Script, Step};
use pocketsoc_transport::{
    Cloud, Connection, Credential, Endpoint, ErrorKind, PagePlan, Secret, Service, SizeLimits, TimeLimits,
};

use crate::harness::{Act, drain, endpoint, get, ok, over, page, post, scripted, walk};

/// A client of a raw server on loopback, over the real HTTP stack.
fn real(server: &FaultServer, sizes: SizeLimits, times: TimeLimits) -> Endpoint {
    Connection::builder(Credential::token(Secret::new("ready-token")), Cloud::Public)
        .size_limits(sizes)
        .time_limits(times)
        .compression(true)
        .retry(pocketsoc_transport::RetryPolicy::never())
        .build()
        .unwrap()
        .endpoint(Service::DefenderEndpoint, Some(&server.uri()), None)
        .unwrap()
}

async fn foreign() -> FaultServer {
    FaultServer::start(vec![Script::answer(200, "content-type: application/json\r\n", "{\"value\":[]}")])
        .await
        .unwrap()
}

#[tokio::test]
async fn a16_a_next_link_elsewhere_is_refused_and_nobody_there_hears_of_it() {
    let elsewhere = foreign().await;
    let port = elsewhere.uri().rsplit(':').next().unwrap().to_owned();
    for link in [
        format!("{}/api/alerts", elsewhere.uri()),
        format!("http://localhost:{port}/api/alerts"),
        format!("//127.0.0.1:{port}/api/alerts"),
        format!("http://user@127.0.0.1:{port}/"),
    ] {
        let body = page(&["a"], Some(&link));
        let own = FaultServer::start(vec![Script::answer(200, "", &body)]).await.unwrap();
        let endpoint = real(&own, SizeLimits::default(), TimeLimits::default());
        let mut walk = walk(&endpoint, PagePlan::by_links());
        let (ids, errors) = drain(&mut walk).await;
        assert_eq!((ids.len(), errors.len()), (1, 1), "{link}");
        assert_eq!(errors[0].kind(), ErrorKind::Untrusted, "{link}");
        assert!(!walk.report().complete);
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn a17_no_redirect_is_followed_neither_by_a_call_nor_by_the_sign_in() {
    let elsewhere = foreign().await;
    for status in [301, 302, 303, 307, 308] {
        let head = format!("location: {}/steal?x=1\r\n", elsewhere.uri());
        let own = FaultServer::start(vec![Script::answer(status, &head, "")]).await.unwrap();
        let endpoint = real(&own, SizeLimits::default(), TimeLimits::default());
        for call in [get(), post()] {
            let error = endpoint.bytes(&call).await.unwrap_err();
            assert_eq!((error.kind(), error.status()), (ErrorKind::Untrusted, Some(status)), "{error}");
        }
        let sign_in = Connection::builder(
            Credential::client_secret("contoso.example", "client", Secret::new("hush")),
            Cloud::Public,
        )
        .authority(own.uri())
        .build()
        .unwrap();
        let endpoint = sign_in.endpoint(Service::DefenderEndpoint, Some(&own.uri()), None).unwrap();
        let error = endpoint.bytes(&get()).await.unwrap_err();
        assert_eq!((error.kind(), error.operation()), (ErrorKind::Untrusted, "sign in"), "{error}");
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn a20_a_gzip_bomb_is_cut_off_at_the_limit() {
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        bomb.write_all(&vec![b' '; 1 << 20]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 100_000, "small on the wire");
    let server =
        FaultServer::start(vec![Script::answer(200, "content-encoding: gzip\r\n", &bomb)]).await.unwrap();
    let sizes = SizeLimits::default().with_answer(1 << 20).with_page(2 << 20);
    let endpoint = real(&server, sizes, TimeLimits::default());
    let error = endpoint.bytes(&get()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    assert!(error.to_string().contains("larger than 1048576"), "{error}");
    let (_, errors) = drain(&mut walk(&endpoint, PagePlan::by_links())).await;
    assert!(errors[0].to_string().contains("larger than 2097152"), "{}", errors[0]);
    assert!(
        server.requests()[0].to_ascii_lowercase().contains("accept-encoding: gzip,deflate\r\n"),
        "{:?}",
        server.requests()
    );
}

#[tokio::test]
async fn an_encoding_that_was_not_asked_for_is_an_error_and_not_garbage() {
    let server =
        FaultServer::start(vec![Script::answer(200, "content-encoding: br\r\n", b"\x0b\x02\x80{}\x03")])
            .await
            .unwrap();
    let error = real(&server, SizeLimits::default(), TimeLimits::default()).bytes(&get()).await.unwrap_err();
    assert!(error.to_string().contains("encoded as br"), "{error}");
}

#[tokio::test]
async fn a21_an_endless_body_ends_at_the_limit() {
    let endless =
        Script::head("").send("{\"value\":[").then(Step::SendForEver("{\"id\":\"a\"},".repeat(1000).into()));
    let in_string =
        Script::head("").send("{\"value\":[{\"id\":\"").then(Step::SendForEver("a".repeat(10_000).into()));
    let server = FaultServer::start(vec![endless.clone(), endless, in_string]).await.unwrap();
    let sizes = SizeLimits::default().with_page(4 << 20).with_element(1 << 20).with_answer(1 << 20);
    let endpoint = real(&server, sizes, TimeLimits::default());
    assert_eq!(endpoint.bytes(&get()).await.unwrap_err().kind(), ErrorKind::Decode);
    let (ids, errors) = drain(&mut walk(&endpoint, PagePlan::by_links())).await;
    assert!(ids.len() == 1 && errors.len() == 1, "{} {errors:?}", ids.len());
    assert!(errors[0].to_string().contains("larger than 4194304"), "{}", errors[0]);
    let (ids, errors) = drain(&mut walk(&endpoint, PagePlan::by_links())).await;
    assert!(ids.is_empty() && errors[0].to_string().contains("limit for it"), "{errors:?}");
}

#[tokio::test(start_paused = true)]
async fn a10_a_drip_and_a_stall_are_told_from_a_slow_body() {
    let grace = TimeLimits::default().stall;
    let drip: Vec<bytes::Bytes> =
        page(&["a"; 20], None).chunks(1).map(bytes::Bytes::copy_from_slice).collect();
    for act in
        [Act::Slow(drip, Duration::from_secs(1)), Act::Slow(vec!["{".into()], Duration::from_secs(86_400))]
    {
        let (http, _) = scripted(move |_, _| act.clone());
        let connection = over(http).retry(pocketsoc_transport::RetryPolicy::never());
        let start = tokio::time::Instant::now();
        let (_, errors) = drain(&mut walk(&endpoint(connection), PagePlan::by_links())).await;
        assert_eq!(errors[0].kind(), ErrorKind::Timeout, "{}", errors[0]);
        assert!(errors[0].to_string().contains("stalled"), "{}", errors[0]);
        assert!(start.elapsed() <= grace + Duration::from_secs(1), "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn a_wrong_length_a_missing_answer_and_a_reset_are_errors() {
    for script in [
        Script::head("content-length: 1000\r\n").send("{\"value\":[{\"id\":\"a\"}"),
        Script::head("transfer-encoding: chunked\r\n").send("5\r\n{\"val\r\n"),
        Script::head("").send("{\"value\":[{\"id\":\"a\"},").then(Step::Reset),
        Script::new(),
        Script::new().send("not http at all\r\n\r\n"),
        Script::new().then(Step::Reset),
    ] {
        let server = FaultServer::start(vec![script]).await.unwrap();
        let endpoint = real(&server, SizeLimits::default(), TimeLimits::default());
        let (_, errors) = drain(&mut walk(&endpoint, PagePlan::by_links())).await;
        assert_eq!((errors.len(), errors[0].kind()), (1, ErrorKind::Unavailable), "{errors:?}");
        assert_eq!(endpoint.bytes(&post()).await.unwrap_err().kind(), ErrorKind::OutcomeUnknown);
    }
}

#[tokio::test]
async fn a_stall_on_a_real_socket_is_given_up() {
    let server = FaultServer::start(vec![
        Script::new().then(Step::Stall),
        Script::head("content-length: 1000\r\n").send("{\"value\":[").then(Step::Stall),
    ])
    .await
    .unwrap();
    let short = TimeLimits::default().within(Duration::from_millis(300));
    let endpoint = real(&server, SizeLimits::default(), short);
    assert_eq!(endpoint.bytes(&get()).await.unwrap_err().kind(), ErrorKind::Timeout);
    let (_, errors) = drain(&mut walk(&endpoint, PagePlan::by_links())).await;
    assert_eq!(errors[0].kind(), ErrorKind::Timeout, "{errors:?}");
}

#[test]
fn a22_a_hundred_thousand_levels_of_json_cost_no_stack() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let objects = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    let test = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            for body in [&deep, &objects] {
                let list = format!("{{\"value\":[{{\"id\":\"a\"}},{{\"id\":\"b\",\"x\":{body}}},{{\"id\":{body}}},{{\"id\":\"c\"}}]}}");
                let (http, _) = scripted(move |_, _| ok(list.clone()));
                let (ids, errors) = drain(&mut walk(&endpoint(over(http)), PagePlan::by_links())).await;
                // What nobody asked for is skipped without recursion; what is asked for is an error of one element.
                assert_eq!((ids.join(""), errors.len()), ("abc".into(), 1), "{errors:?}");

                let refusal = body.clone();
                let (http, _) = scripted(move |_, _| Act::Reply(400, vec![], refusal.clone().into()));
                let error = endpoint(over(http)).bytes(&get()).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidRequest);

                let token = body.clone();
                let (http, _) = scripted(move |_, _| ok(token.clone()));
                let credential = Credential::client_secret("contoso.example", "client", Secret::new("hush"));
                let connection = Connection::builder(credential, Cloud::Public).http(http);
                let error = endpoint(connection).bytes(&get()).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
            }
        });
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(test).unwrap().join().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_web_page_instead_of_a_list_is_an_error_that_says_so() {
    let (http, _) = scripted(|_, _| ok("<html><body>Please sign in</body></html>"));
    let (_, errors) = drain(&mut walk(&endpoint(over(http)), PagePlan::by_links())).await;
    assert_eq!(errors.len(), 1);
    assert!(errors[0].to_string().contains("no JSON list"), "{}", errors[0]);
    let (http, _) = scripted(|_, _| Act::Reply(502, vec![], "<html>Bad gateway</html>".into()));
    let error = endpoint(over(http)).bytes(&get()).await.unwrap_err();
    assert!(error.to_string().contains("web page") && !error.to_string().contains("<html>"), "{error}");
}

#[test]
fn plain_http_to_another_machine_is_refused_before_anything_is_sent() {
    let connection = || Connection::builder(Credential::token(Secret::new("t")), Cloud::Public);
    let error = connection().authority("http://login.example").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    let connection = connection().build().unwrap();
    let error = connection.endpoint(Service::DefenderEndpoint, Some("http://api.example"), None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    let china = Connection::new(Credential::token(Secret::new("t")), Cloud::China).unwrap();
    let error = china.endpoint(Service::DefenderEndpoint, None, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("not offered"), "{error}");
}

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
#[test]
fn a_build_without_tls_says_so_for_an_https_address() {
    let connection = Connection::new(Credential::token(Secret::new("t")), Cloud::Public).unwrap();
    let error = connection.endpoint(Service::DefenderEndpoint, None, None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.hint().unwrap().contains("rustls"), "{error}");
}
