//! Comments on the most recent open incident of Graph security, and shows who and what it involves.
//!
//! `cargo run --example comment_incident` uses a fake tenant; with a real one it comments on a real incident.
#![allow(clippy::print_stdout)]

mod tenant;

use graph_security_client::{
    DetectionQuery, DetectionSourceExt as _, ErrorKind, GraphSecurityClient, Status,
};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let place = tenant::connect().await?;
    let mut client = GraphSecurityClient::builder(&place.connection);
    if let Some(address) = place.address() {
        client = client.base_url(address);
    }
    let incidents = client.build()?.incident_detections("Graph");
    let open = DetectionQuery::all().with_statuses([Status::Active, Status::InProgress]).with_limit(1);
    let Some(first) = incidents.collect(&open).await?.pop() else {
        println!("nothing is open");
        return Ok(());
    };
    match incidents.comment(&first.id, "looking into it").await {
        Ok(now) => {
            println!("{} {}: {} comments", now.id, now.title, now.comments.len());
            for entity in now.entities.iter().take(10) {
                println!("  {:<14} {}", entity.type_name(), entity.name);
            }
        }
        // A comment is never sent twice; whether it arrived has to be looked up.
        Err(e) if e.kind() == ErrorKind::OutcomeUnknown => println!("{e}; look before trying again"),
        Err(e) => return Err(e.into()),
    }
    Ok(())
}
