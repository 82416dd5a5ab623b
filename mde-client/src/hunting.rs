//! Advanced hunting through the service's own endpoint, which is being retired in favour of Graph's.

use pocketsoc_model::{Error, ErrorKind, Hunt, HuntQuery, HuntRows};
use pocketsoc_transport::{Endpoint, Replay, Route, quota};
use serde::Serialize;

use crate::route;

const RUN: Route = route::post(
    "hunt",
    "/api/advancedqueries/run",
    "AdvancedQuery.Read.All (application) or AdvancedQuery.Read (delegated)",
)
.counted(&quota::MDE_HUNTING);

/// Advanced hunting, by Defender for Endpoint's own endpoint. Page: "Advanced hunting API".
///
/// It is the older, limited version and is being retired: new programs hunt through `graph-security-client`, which
/// answers to the same trait. Needs `AdvancedQuery.Read.All` (application) or `AdvancedQuery.Read` (delegated).
///
/// Limits: 30 days of data; 100,000 rows or 124 MB an answer; 200 s a query; 45 calls a minute, 1,500 an hour, and 10
/// minutes of run time an hour, 3 hours a day, per tenant. Not in Defender for Business.
///
/// ```no_run
/// # async fn hunt(mde: &mde_client::MdeClient, week_ago: chrono::DateTime<chrono::Utc>, now: chrono::DateTime<chrono::Utc>) -> mde_client::Result<()> {
/// use mde_client::{Hunt, HuntQuery};
/// let query = HuntQuery::new("DeviceProcessEvents | where FileName =~ 'mimikatz.exe'").between(week_ago, now);
/// let mut rows = mde.hunting().hunt(&query);
/// while let Some(row) = rows.next().await {
///     println!("{}", row?.text("DeviceName").unwrap_or_default());
/// }
/// assert!(rows.report().complete);
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
    /// Runs a query. A timespan is `Unsupported`: this endpoint cannot be told one.
    fn hunt(&self, query: &HuntQuery) -> HuntRows {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Body<'a> {
            query: &'a str,
        }
        if query.timespan().is_some() {
            let error = Error::new(ErrorKind::Unsupported, "hunt")
                .with_message("Defender for Endpoint's own endpoint takes no timespan")
                .with_hint(
                    "filter by Timestamp in the query, give a time (`between`), or hunt through Graph",
                );
            return HuntRows::failed(error);
        }
        self.endpoint.hunt(query, |kql| {
            RUN.call(&[])?.with_replay(Replay::Once).with_long_run().with_json(&Body { query: kql })
        })
    }
}
