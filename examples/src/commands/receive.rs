//! `soc receive`: takes what Defender for Cloud pushes, and prints it as detections.

use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use defender_cloud_client::{PushRequest, Received, Receiver, Refusal, Secret};
use pocketsoc_model::ocsf::Activity;

use crate::args::Common;
use crate::failure::{Failure, Outcome, note};
use crate::output::Output;

/// So long a body may take, and so long requests are waited for at the end.
const PATIENCE: Duration = Duration::from_secs(30);
const FAREWELL: Duration = Duration::from_secs(5);

/// What the requests share.
struct Desk {
    receiver: Receiver,
    output: Mutex<Output>,
}

pub(crate) async fn run(
    common: &Common,
    listen: SocketAddr,
    path_secret_env: Option<&str>,
) -> Result<Outcome, Failure> {
    let name = common.profile.first().map_or("push", String::as_str);
    let mut receiver = Receiver::new().with_profile(name);
    match path_secret_env {
        Some(variable) => {
            let secret = Secret::from_env(variable).map_err(|error| Failure::plain(&error).into_usage())?;
            receiver = receiver.with_path_secret(secret);
        }
        None if !listen.ip().is_loopback() => {
            note("without --path-secret-env, everybody who can reach this address can push");
        }
        None => {}
    }
    let cannot = |what: &str, e: std::io::Error| Failure::operation(format!("{what} {listen}: {e}"));
    let listener = tokio::net::TcpListener::bind(listen).await.map_err(|e| cannot("listen on", e))?;
    let address = listener.local_addr().map_err(|e| cannot("listen on", e))?;
    let path = if path_secret_env.is_some() { "/<secret>" } else { "/" };
    note(&format!("receiving alerts at http://{address}{path}; Ctrl-C ends it"));
    let desk = Arc::new(Desk { receiver, output: Mutex::new(Output::new(common)) });
    let app = Router::new().fallback(take).with_state(desk);
    let (stop, mut stopping) = tokio::sync::watch::channel(());
    let end = async move {
        let _ = stopping.changed().await;
    };
    let serving = axum::serve(listener, app).with_graceful_shutdown(end).into_future();
    tokio::pin!(serving);
    tokio::select! {
        ended = &mut serving => return ended.map(|()| Outcome::Complete).map_err(|e| cannot("serve", e)),
        _ = tokio::signal::ctrl_c() => {}
    }
    // Whoever is in the middle of a request may end it; nobody is waited for without end.
    let _ = stop.send(());
    let _ = tokio::time::timeout(FAREWELL, serving).await;
    Ok(Outcome::Complete)
}

/// Takes one request: what was pushed is printed before it is answered.
async fn take(State(desk): State<Arc<Desk>>, request: Request) -> StatusCode {
    let (head, body) = request.into_parts();
    let headers: Vec<(&str, &str)> =
        head.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
    let asked =
        PushRequest { method: head.method.as_str(), path: head.uri.path(), headers: &headers, body: &[] };
    // Whoever is refused does not get to send a body.
    if let Err(refusal) = desk.receiver.admit(&asked) {
        return refused(&refusal);
    }
    let body = match tokio::time::timeout(PATIENCE, to_bytes(body, Receiver::MOST_BYTES)).await {
        Ok(Ok(body)) => body,
        // What breaks off is answered to nobody.
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE,
        Err(_) => return StatusCode::REQUEST_TIMEOUT,
    };
    match desk.receiver.receive(&PushRequest { body: &body, ..asked }) {
        Ok(received) => desk.print(&received),
        Err(refusal) => refused(&refusal),
    }
}

impl Desk {
    /// 503 where it could not be printed: it is sent again.
    fn print(&self, received: &Received) -> StatusCode {
        for error in &received.errors {
            Failure::plain(error).report();
        }
        let more = received.unreadable.saturating_sub(received.errors.len());
        if more > 0 {
            note(&format!("{more} more could not be read"));
        }
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let mut printed = Ok(());
        for detection in &received.detections {
            printed = printed.and_then(|()| {
                if output.is_table() {
                    output.row(detection.clone())
                } else {
                    output.json(detection, Activity::Create)
                }
            });
        }
        match printed.and_then(|()| output.flush()) {
            Ok(()) => StatusCode::from_u16(Received::STATUS).unwrap_or_default(),
            Err(failure) => {
                failure.report();
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }
}

/// Says why, and answers; a wrong path says nothing, since anybody may try one.
fn refused(refusal: &Refusal) -> StatusCode {
    if refusal.status != 404 {
        note(&format!("refused: {refusal}"));
    }
    StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST)
}
