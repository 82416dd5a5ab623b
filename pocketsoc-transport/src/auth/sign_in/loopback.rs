//! The browser on this machine: it comes back to a port that is open for one answer.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use pocketsoc_model::{Error, ErrorKind, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use zeroize::Zeroizing;

use super::{Account, PendingSignIn, SignIn};
use crate::Service;
use crate::auth::exchange::OPERATION;

/// How long the user has.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long a connection may take to say what it wants.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);
/// How long to let go by when the machine takes no connections.
const BREATH: Duration = Duration::from_millis(100);
/// Longest request that is looked at.
const LARGEST_REQUEST: usize = 48 * 1024;

const DONE: &str = "You are signed in. You can close this window and go back to the application.";
const REFUSED: &str = "The sign-in did not succeed. Go back to the application: it says why.";
const STRANGER: &str = "This is not the answer to a sign-in that is under way.";

impl SignIn {
    /// Signs in with the user's browser on this machine, in one call. See [`on_loopback`](Self::on_loopback).
    ///
    /// # Errors
    /// As there.
    #[cfg(feature = "browser")]
    pub async fn with_browser(&self, service: Service) -> Result<Account> {
        self.on_loopback(service, |url| open::that_detached(url)).await
    }

    /// Signs in with a browser on this machine, in one call: `open` opens the address that it is given, and the browser
    /// comes back to a port of `localhost` that is open for that answer alone, for five minutes.
    ///
    /// Register `http://localhost` as a redirect URI of the platform "Mobile and desktop applications"; the port does
    /// not matter.
    ///
    /// # Errors
    /// `Timeout` when nobody came back; what the sign-in service says; `Unavailable` when no port can be opened or `open`
    /// fails.
    pub async fn on_loopback(
        &self,
        service: Service,
        open: impl FnOnce(&str) -> std::io::Result<()>,
    ) -> Result<Account> {
        let failed = |what: &str, error: std::io::Error| {
            Error::new(ErrorKind::Unavailable, OPERATION).with_message(what).with_source(error)
        };
        let port = |e| failed("no port could be opened on this machine", e);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(port)?;
        let redirect = format!("http://localhost:{}", listener.local_addr().map_err(port)?.port());
        let pending = self.begin(service, &redirect)?;
        open(pending.url()).map_err(|e| {
            failed("the browser could not be opened", e).with_hint("sign in with a device code instead")
        })?;
        let clock = &self.authority().exchange.clock;
        let answer = Box::pin(answered(&listener, &pending, &redirect));
        match futures_util::future::select(answer, clock.sleep(PATIENCE)).await {
            futures_util::future::Either::Left((outcome, _)) => outcome,
            futures_util::future::Either::Right(_) => Err(Error::new(ErrorKind::Timeout, OPERATION)
                .with_message(format!("the browser did not come back within {PATIENCE:.0?}"))
                .with_hint("begin again; if the browser shows an error, check that http://localhost is a redirect URI of the application, on the platform \"Mobile and desktop applications\"")),
        }
    }
}

/// Waits for the answer to this sign-in among whatever connects: browsers open connections that they never use.
async fn answered(listener: &TcpListener, pending: &PendingSignIn, redirect: &str) -> Result<Account> {
    let mut visitors = FuturesUnordered::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => visitors.push(visitor(stream, pending, redirect)),
                Err(error) => {
                    tracing::debug!(%error, "a connection could not be taken");
                    tokio::time::sleep(BREATH).await;
                }
            },
            Some(outcome) = visitors.next() => {
                if let Some(outcome) = outcome {
                    return outcome;
                }
            }
        }
    }
}

/// Serves one connection; how the sign-in ended, if it was the answer.
async fn visitor(mut stream: TcpStream, pending: &PendingSignIn, redirect: &str) -> Option<Result<Account>> {
    let target = tokio::time::timeout(REQUEST_LIMIT, request(&mut stream)).await.ok()??;
    let callback = Zeroizing::new(format!("{redirect}{}", *target));
    if !pending.is_answered_by(&callback) {
        reply(&mut stream, "404 Not Found", STRANGER).await;
        return None;
    }
    let outcome = pending.finish(&callback).await;
    let (status, page) = if outcome.is_ok() { ("200 OK", DONE) } else { ("400 Bad Request", REFUSED) };
    reply(&mut stream, status, page).await;
    Some(outcome)
}

/// What a request asks for, if it is one that a browser sends to this machine.
async fn request(stream: &mut TcpStream) -> Option<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(LARGEST_REQUEST));
    loop {
        if stream.read_buf(&mut *bytes).await.ok()? == 0 || bytes.len() >= LARGEST_REQUEST {
            return None;
        }
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        if request.parse(&bytes).ok()?.is_partial() {
            continue;
        }
        // Another name that leads here is somebody else's page.
        let host = request.headers.iter().find(|h| h.name.eq_ignore_ascii_case("host"))?;
        let name = std::str::from_utf8(host.value).ok()?.rsplit_once(':')?.0;
        let is_ours = request.method == Some("GET") && matches!(name, "localhost" | "127.0.0.1");
        return is_ours.then(|| Zeroizing::new(request.path.unwrap_or_default().to_owned()));
    }
}

/// Serves one constant page and closes.
async fn reply(stream: &mut TcpStream, status: &str, text: &str) {
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Sign-in</title><p>{text}</p></html>"
    );
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\n\
         cache-control: no-store\r\nreferrer-policy: no-referrer\r\n\
         content-security-policy: default-src 'none'\r\nconnection: close\r\n\r\n{page}",
        page.len()
    );
    let sending = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    };
    // A browser that has gone away has got what it came for.
    let _ = tokio::time::timeout(REQUEST_LIMIT, sending).await;
}
