//! A web service that takes what Defender for Cloud pushes, with axum; any other framework would do as well.
//!
//! `cargo run --example receive_push` listens on 127.0.0.1:8080, at the path in `PUSH_SECRET`; `cargo run -- tenant
//! --push-to http://127.0.0.1:8080/SECRET --raise-every 5` pushes to it.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use defender_cloud_client::{PushRequest, Received, Receiver, Secret};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let receiver = Receiver::new().with_path_secret(Secret::from_env("PUSH_SECRET")?);
    let app = Router::new()
        .fallback(receive)
        .layer(DefaultBodyLimit::max(Receiver::MOST_BYTES))
        .with_state(receiver);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

async fn receive(
    State(receiver): State<Receiver>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let headers: Vec<(&str, &str)> =
        headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
    let request = PushRequest { method: method.as_str(), path: uri.path(), headers: &headers, body: &body };
    let status = match receiver.receive(&request) {
        Ok(pushed) => {
            // Hand them over before answering: what is answered with success is not sent again. With a feed,
            // `feed.pushes().push("Azure", detection).await` tells each once, though a poll brings it as well.
            for detection in &pushed.detections {
                println!("{} {} {}", detection.severity, detection.title, detection.id);
            }
            pushed.errors.iter().for_each(|error| eprintln!("{error}"));
            Received::STATUS
        }
        Err(refusal) => refusal.status,
    };
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
