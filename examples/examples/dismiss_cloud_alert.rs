//! Dismisses the first active alert of Defender for Cloud, and shows what it now is and what it may become.
//!
//! `cargo run --example dismiss_cloud_alert` uses a fake tenant; with a real one it changes a real alert.
#![allow(clippy::print_stdout)]

mod tenant;

use defender_cloud_client::{
    DefenderCloudClient, DetectionQuery, DetectionSource as _, DetectionSourceExt as _, ErrorKind, Status,
};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let place = tenant::connect().await?;
    let mut client = DefenderCloudClient::builder(&place.connection);
    if let Some(address) = place.address() {
        client = client.base_url(address);
    }
    let alerts = client.build()?.detections("Azure"); // of every subscription that the credential sees
    let active = DetectionQuery::all().with_statuses([Status::Active]).with_limit(1);
    let Some(first) = alerts.collect(&active).await?.pop() else {
        println!("nothing is active");
        return Ok(());
    };

    // The service answers 204, which proves nothing: the alert is read back.
    let now = alerts.dismiss(&first.id).await?;
    println!("{}: {} -> {}", now.title, first.status, now.status);
    // A dismissed alert can only be made active again: the rest is refused before anything is sent.
    match alerts.update(&now.id, &pocketsoc_model::DetectionChange::status(Status::Resolved)).await {
        Err(e) if e.kind() == ErrorKind::InvalidTransition => println!("{e}"),
        other => anyhow::bail!("unexpected: {other:?}"),
    }
    Ok(())
}
