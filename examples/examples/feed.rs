//! One feed over three services: each new or changed detection once, resumed where it was when the program ended.
//!
//! `cargo run --example feed` on a fake tenant; with TENANT_ID, CLIENT_ID and CLIENT_SECRET on a real one.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod tenant;

use defender_cloud_client::DefenderCloudClient;
use graph_security_client::GraphSecurityClient;
use mde_client::MdeClient;
use pocketsoc_feed::{Feed, FeedEvent, FileCheckpoints};
use pocketsoc_model::Severity;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let place = tenant::connect().await?;
    let connection = &place.connection;
    let (mut mde, mut azure, mut graph) = (
        MdeClient::builder(connection),
        DefenderCloudClient::builder(connection),
        GraphSecurityClient::builder(connection),
    );
    if let Some(address) = place.address() {
        (mde, azure, graph) = (mde.base_url(&address), azure.base_url(&address), graph.base_url(&address));
    }
    // Each tenant has a checkpoint of its own: what is known of one says nothing of another.
    let checkpoint = format!("pocketsoc-example-{}.checkpoint", place.tenant);
    let graph = graph.build()?;
    let mut feed = Feed::builder(connection.clock().clone())
        .source(mde.build()?.detections("Endpoint"))
        .source(azure.build()?.detections("Azure"))
        .source(graph.alert_detections("Graph"))
        .source(graph.incident_detections("Graph"))
        .min_severity(Severity::Medium)
        .checkpoints(FileCheckpoints::open(std::env::temp_dir().join(checkpoint))?)
        .once() // leave it out to go on for ever
        .build()
        .await?;
    while let Some(event) = feed.next().await {
        match event {
            FeedEvent::Change(change) => {
                let (detection, also) = (&change.detection, change.sightings.len());
                println!(
                    "{:14} {:8} {} (also seen {also} times)",
                    change.kind, detection.severity, detection.title
                );
                feed.acknowledge(change.sequence); // it has been taken care of
            }
            FeedEvent::Notice(notice) => eprintln!("{notice}"),
            _ => {}
        }
    }
    Ok(())
}
