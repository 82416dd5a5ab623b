//! A long time read in windows, through the clients and within the quotas, against the chain of next links.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use graph_security_client::GraphSecurityClient;
use mde_client::MdeClient;
use pocketsoc_feed::Backfill;
use pocketsoc_model::{Clock, DetectionQuery, DetectionSource, DetectionSourceExt as _, Lane};
use pocketsoc_testkit::Tenant;
use pocketsoc_transport::{Cloud, Connection, Credential, Quotas, Secret, SystemClock};

/// Every answer takes this long.
const LATENCY: Duration = Duration::from_millis(50);

fn connect(tenant: &Tenant, clock: &Arc<dyn Clock>) -> Connection {
    let inner = tenant.exchange();
    let exchange = move |request: http::Request<bytes::Bytes>| {
        let answer = inner(request);
        async move {
            tokio::time::sleep(LATENCY).await;
            answer.await
        }
    };
    let credential = Credential::client_secret(Tenant::ID, Tenant::CLIENT_ID, Secret::new(Tenant::SECRET));
    let connection = Connection::builder(credential, Cloud::Public).http(exchange).clock(Arc::clone(clock));
    connection.quotas(&Quotas::new()).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn fifty_pages_take_a_third_of_the_chain_with_graph_and_with_defender_for_endpoint() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::starting_at("2026-09-21T13:00:00Z".parse().unwrap()));
    let tenant =
        Tenant::builder().clock(Arc::clone(&clock)).alerts(2500).cloud_alerts(0).page_cap(50).build();
    tenant.keep_quotas();
    // A connection each time: what one has used of a minute does not slow down the other.
    let graph = || GraphSecurityClient::new(&connect(&tenant, &clock)).unwrap().alert_detections("Graph");
    let endpoint = || MdeClient::new(&connect(&tenant, &clock)).unwrap().detections("Endpoint");
    let sources: [&dyn Fn() -> Arc<dyn DetectionSource>; 2] =
        [&|| Arc::new(graph()), &|| Arc::new(endpoint())];
    for source in sources {
        tokio::time::advance(Duration::from_secs(7200)).await;
        let begin = tokio::time::Instant::now();
        let chained = source();
        let all = chained.collect(&DetectionQuery::all()).await.unwrap();
        let chain = begin.elapsed();
        assert!(all.len() >= 2500 && chain >= LATENCY * 50, "{} in {chain:?}", all.len());
        let versions: BTreeSet<_> = all.iter().map(|d| (d.id.to_string(), d.updated_at)).collect();
        let from = all.iter().filter_map(|d| d.updated_at).min().unwrap();

        tokio::time::advance(Duration::from_secs(7200)).await;
        let begin = tokio::time::Instant::now();
        let query = DetectionQuery::all().with_lane(Lane::Bulk);
        let mut walk = Backfill::new(source(), from, clock.now()).with_query(query).walk();
        let mut seen = Vec::new();
        while let Some(item) = walk.next().await {
            let d = item.unwrap();
            seen.push((d.id.to_string(), d.updated_at));
        }
        let ratio = begin.elapsed().as_secs_f64() / chain.as_secs_f64();
        let name = chained.name();
        println!(
            "{name}: {} pages, {:?} in place of {chain:?}, ratio {ratio:.2}",
            walk.report().pages,
            begin.elapsed()
        );
        assert!(walk.report().complete, "{name}");
        assert_eq!(seen.len(), versions.len(), "{name}: each once");
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), versions, "{name}");
        assert!(ratio <= 0.35, "{name}: {ratio:.2}");
    }
    assert_eq!(tenant.refused_by_quota(), 0);
}
