//! Advanced hunting over all Defender products.

use chrono::TimeDelta;
use pocketsoc_model::{Hunt, HuntQuery, HuntRows, Timespan};
use pocketsoc_transport::{Call, Endpoint, Method, Replay, quota};
use serde::Serialize;

/// So far back the service looks unless told.
const USUAL: TimeDelta = TimeDelta::days(30);

/// Advanced hunting over all Defender products. Page: "security: runHuntingQuery".
///
/// Needs `ThreatHunting.Read.All`, application or delegated. Limits: 30 days of data; 100,000 rows or 124 MB an answer; 3
/// minutes a query; 45 calls a minute, and an allotment of run time every 15 minutes, per tenant.
///
/// ```no_run
/// # async fn hunt(graph: &graph_security_client::GraphSecurityClient) -> graph_security_client::Result<()> {
/// use graph_security_client::{Hunt, HuntQuery, Timespan};
/// let query = HuntQuery::new("EmailEvents | summarize Count = count() by SenderFromDomain")
///     .over(Timespan::Last(chrono::TimeDelta::days(7)));
/// let (rows, report) = graph.hunting().hunt(&query).collect_all().await?;
/// assert!(report.complete);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Hunting {
    endpoint: Endpoint,
}

impl Hunting {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }
}

impl Hunt for Hunting {
    fn hunt(&self, query: &HuntQuery) -> HuntRows {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Body<'a> {
            query: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            timespan: Option<&'a str>,
        }
        // A time is a filter on the rows and cuts no other table; only what is older than the service looks back by itself
        // has to be told.
        let usual = self.endpoint.connection().clock().now() - USUAL;
        let older = query.window().map(|(from, _)| from).filter(|from| *from < usual);
        let timespan = query.timespan().or(older.map(Timespan::Since));
        let timespan = timespan.map(|timespan| timespan.to_string());
        self.endpoint.hunt(query, move |kql| {
            let call = Call::new(
                Method::Post,
                "hunt",
                "/v1.0/security/runHuntingQuery",
                &[],
                &quota::GRAPH_HUNTING,
            )?;
            call.with_permission("ThreatHunting.Read.All")
                .with_replay(Replay::Once)
                .with_long_run()
                // Without it, letters beyond ASCII in a query are misread.
                .with_header("content-type", "application/json; charset=utf-8")
                .with_json(&Body { query: kql, timespan: timespan.as_deref() })
        })
    }
}
