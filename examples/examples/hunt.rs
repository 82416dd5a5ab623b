//! Hunts for processes through Graph, or through Defender for Endpoint's own endpoint, and reads the rows as a struct.
//!
//! `cargo run --example hunt` uses a fake tenant; with a real one nothing is changed. `-- mde` takes the older endpoint.
#![allow(clippy::print_stdout)]

mod tenant;

use chrono::{DateTime, TimeDelta, Utc};
use graph_security_client::{GraphSecurityClient, Hunt, HuntQuery};
use mde_client::MdeClient;

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Process {
    timestamp: DateTime<Utc>,
    device_name: String,
    #[serde(rename = "ProcessCommandLine")]
    command_line: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let place = tenant::connect().await?;
    let address = place.address();
    let hunting: Box<dyn Hunt> = if std::env::args().any(|argument| argument == "mde") {
        let client = MdeClient::builder(&place.connection);
        let client = if let Some(address) = address { client.base_url(address) } else { client };
        Box::new(client.build()?.hunting())
    } else {
        let client = GraphSecurityClient::builder(&place.connection);
        let client = if let Some(address) = address { client.base_url(address) } else { client };
        Box::new(client.build()?.hunting())
    };

    // With a time, a result beyond the service's limits comes in parts, each row once.
    let now = Utc::now();
    let query = HuntQuery::new(
        "DeviceProcessEvents | where FileName =~ 'powershell.exe' | project Timestamp, DeviceName, ProcessCommandLine",
    );
    let mut rows = hunting.hunt(&query.between(now - TimeDelta::days(1), now));
    while let Some(row) = rows.next().await {
        let process: Process = row?.deserialize()?;
        println!("{}  {}  {}", process.timestamp, process.device_name, process.command_line);
    }
    println!("complete: {}", rows.report().complete);
    Ok(())
}
