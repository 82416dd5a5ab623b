//! Lists what Defender for Endpoint, Defender for Cloud and Graph security have, as one kind of detection; sightings of
//! the same alert are shown together.
//!
//! `cargo run --example list_everything` uses a fake tenant; set `TENANT_ID`, `CLIENT_ID` and `CLIENT_SECRET` for a real
//! one.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod tenant;

use std::collections::BTreeMap;

use defender_cloud_client::DefenderCloudClient;
use graph_security_client::GraphSecurityClient;
use mde_client::MdeClient;
use pocketsoc_model::{Detection, DetectionQuery, DetectionSource, Severity};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let place = tenant::connect().await?;
    let (mut endpoint, mut azure, mut graph) = (
        MdeClient::builder(&place.connection),
        DefenderCloudClient::builder(&place.connection),
        GraphSecurityClient::builder(&place.connection),
    );
    if let Some(address) = place.address() {
        (endpoint, azure, graph) =
            (endpoint.base_url(&address), azure.base_url(&address), graph.base_url(&address));
    }
    let graph = graph.build()?;
    // One trait, four sources; another vendor's would stand beside them.
    let sources: [Box<dyn DetectionSource>; 4] = [
        Box::new(endpoint.build()?.detections("Endpoint")),
        Box::new(azure.build()?.detections("Azure")),
        Box::new(graph.alert_detections("Graph")),
        Box::new(graph.incident_detections("Graph")),
    ];

    let mut sightings: BTreeMap<String, Vec<Detection>> = BTreeMap::new();
    let severe = DetectionQuery::all().with_min_severity(Severity::High);
    for source in &sources {
        let mut stream = source.list(&severe);
        while let Some(item) = stream.next().await {
            match item {
                Ok(d) => {
                    let key = d.correlation_keys.last().map_or_else(|| d.id.to_string(), ToString::to_string);
                    sightings.entry(key).or_default().push(d);
                }
                Err(e) => eprintln!("{}: {e}; {}", source.name(), e.hint().unwrap_or_default()),
            }
        }
        anyhow::ensure!(stream.report().complete, "not everything of {} could be listed", source.name());
    }
    for seen in sightings.values() {
        let through: Vec<_> = seen.iter().map(|d| d.profile.as_str()).collect();
        println!(
            "{:<8} {:<12} {:<16} {}",
            seen[0].severity,
            seen[0].status,
            through.join("+"),
            seen[0].title
        );
    }
    Ok(())
}
