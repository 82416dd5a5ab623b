//! Lists the alerts of Defender for Endpoint that were updated in the last day.
//!
//! `cargo run --example list_alerts` uses a fake tenant; set `TENANT_ID`, `CLIENT_ID` and `CLIENT_SECRET` for a real one.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod tenant;

use chrono::{TimeDelta, Utc};
use mde_client::{DetectionQuery, DetectionSource as _, MdeClient, Severity};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let place = tenant::connect().await?;
    let mut client = MdeClient::builder(&place.connection);
    if let Some(address) = place.address() {
        client = client.base_url(address);
    }
    let alerts = client.build()?.detections("Endpoint");

    let yesterday = Utc::now() - TimeDelta::days(1);
    let query = DetectionQuery::updated_since(yesterday).with_min_severity(Severity::Medium);
    let mut stream = alerts.list(&query);
    while let Some(item) = stream.next().await {
        match item {
            Ok(d) => println!("{:<8} {:<12} {}  {}", d.severity, d.status, d.id, d.title),
            Err(e) => eprintln!("{e}; {}", e.hint().unwrap_or_default()), // one bad alert, not the end of the walk
        }
    }
    anyhow::ensure!(stream.report().complete, "not everything could be listed");
    Ok(())
}
