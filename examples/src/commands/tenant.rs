//! `soc tenant`: serves the embedded tenant until interrupted.

use std::sync::Arc;
use std::time::Duration;

use pocketsoc_transport::SystemClock;

use crate::embedded;
use crate::failure::{Failure, Outcome, note};

/// How often pushes go out.
const DELIVERED_EVERY: Duration = Duration::from_millis(200);

#[allow(clippy::print_stdout)] // the profile file is this command's data
pub(crate) async fn run(
    port: u16,
    alerts: u32,
    seed: u64,
    push_to: Option<String>,
    raise_every: Option<u64>,
) -> Result<Outcome, Failure> {
    let server = embedded::start(Arc::new(SystemClock::new()), port, alerts as usize, seed).await?;
    if let Some(url) = push_to {
        server.tenant().push_to(url);
    }
    println!("{}", embedded::profile_file(&server));
    note(&format!(
        "serving {alerts} alerts on {}; put the lines above into pocketsoc.toml; Ctrl-C ends it",
        server.uri()
    ));
    let work = async {
        let mut raised_at = tokio::time::Instant::now();
        loop {
            tokio::time::sleep(DELIVERED_EVERY).await;
            if raise_every.is_some_and(|seconds| raised_at.elapsed() >= Duration::from_secs(seconds)) {
                raised_at = tokio::time::Instant::now();
                note(&format!(
                    "raised {} and {}",
                    server.tenant().raise_cloud_alert(),
                    server.tenant().raise_alert()
                ));
            }
            for (push, answer) in server.deliver_pushes().await {
                match answer {
                    Ok(status) => note(&format!("pushed to {}: {status}", push.host())),
                    Err(error) => note(&format!("push to {}: {error}", push.host())),
                }
            }
        }
    };
    tokio::select! {
        () = work => {}
        ended = tokio::signal::ctrl_c() => {
            ended.map_err(|e| Failure::operation(format!("wait for Ctrl-C: {e}")))?;
        }
    }
    Ok(Outcome::Complete)
}
