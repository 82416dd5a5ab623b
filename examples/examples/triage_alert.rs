//! Takes the first active alert, resolves it with a verdict, and shows what it now is.
//!
//! `cargo run --example triage_alert` uses a fake tenant; with a real one it changes a real alert.
#![allow(clippy::print_stdout)]

mod tenant;

use mde_client::{
    Classification, DetectionChange, DetectionQuery, DetectionSource as _, DetectionSourceExt as _,
    Determination, ErrorKind, MdeClient, Status,
};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let place = tenant::connect().await?;
    let mut client = MdeClient::builder(&place.connection);
    if let Some(address) = place.address() {
        client = client.base_url(address);
    }
    let alerts = client.build()?.detections("Endpoint");
    let active = DetectionQuery::all().with_statuses([Status::Active]).with_limit(1);
    let Some(first) = alerts.collect(&active).await?.pop() else {
        println!("nothing is active");
        return Ok(());
    };

    let change = DetectionChange::status(Status::Resolved)
        .with_classification(Classification::TruePositive)
        .with_determination(Determination::Malware)
        .with_comment("cleaned up");
    match alerts.update(&first.id, &change).await {
        // Read back: what the alert now is, not what was asked for.
        Ok(now) => println!("{}: {} -> {}", now.id, first.status, now.status),
        // With a comment it is never sent twice; whether it happened has to be looked up.
        Err(e) if e.kind() == ErrorKind::OutcomeUnknown => println!("{e}; look before trying again"),
        Err(e) => return Err(e.into()),
    }
    Ok(())
}
