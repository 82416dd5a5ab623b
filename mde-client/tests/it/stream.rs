//! Streaming: detections come while the page is still arriving.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::StreamExt as _;
use mde_client::{Cloud, Connection, Credential, DetectionQuery, DetectionSource as _, MdeClient, Secret};

use crate::virtual_tenant::tenant;

#[tokio::test(start_paused = true)]
async fn the_first_detection_of_a_large_page_is_here_before_a_twentieth_of_it_has_arrived() {
    let tenant = tenant().alerts(10_000).build();
    let (exchange, arrived) = (tenant.exchange(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&arrived);
    let counting = move |request: http::Request<Bytes>| {
        let (answer, counted) = (exchange(request), Arc::clone(&counted));
        async move {
            let response = answer.await?;
            Ok::<_, std::io::Error>(response.map(|body| {
                body.inspect(move |chunk| {
                    counted.fetch_add(chunk.as_ref().map_or(0, Bytes::len), Ordering::SeqCst);
                })
            }))
        }
    };
    let credential = Credential::token(Secret::new(tenant.token_with_roles(&["Alert.Read.All"])));
    let clock = pocketsoc_transport::SystemClock::starting_at("2026-09-21T13:00:00Z".parse().unwrap());
    let connection =
        Connection::builder(credential, Cloud::Public).http(counting).clock(Arc::new(clock)).build().unwrap();
    let mut stream = MdeClient::new(&connection).unwrap().detections("Endpoint").list(&DetectionQuery::all());

    stream.next().await.unwrap().unwrap();
    let early = arrived.load(Ordering::SeqCst);
    let mut count = 1;
    while let Some(item) = stream.next().await {
        item.unwrap();
        count += 1;
    }
    assert_eq!((count, stream.report().complete), (10_000, true));
    let whole = arrived.load(Ordering::SeqCst);
    assert!(whole > 20_000_000 && early * 20 < whole, "{early} of {whole} bytes");
}
