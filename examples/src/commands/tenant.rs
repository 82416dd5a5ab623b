//! `soc tenant`: serves the embedded tenant until interrupted.

use std::sync::Arc;

use pocketsoc_transport::SystemClock;

use crate::embedded;
use crate::failure::{Failure, Outcome, note};

#[allow(clippy::print_stdout)] // the profile file is this command's data
pub(crate) async fn run(port: u16, alerts: u32, seed: u64) -> Result<Outcome, Failure> {
    let server = embedded::start(Arc::new(SystemClock::new()), port, alerts as usize, seed).await?;
    println!("{}", embedded::profile_file(&server));
    note(&format!(
        "serving {alerts} alerts on {}; put the lines above into pocketsoc.toml; Ctrl-C ends it",
        server.uri()
    ));
    tokio::signal::ctrl_c().await.map_err(|e| Failure::operation(format!("wait for Ctrl-C: {e}")))?;
    Ok(Outcome::Complete)
}
