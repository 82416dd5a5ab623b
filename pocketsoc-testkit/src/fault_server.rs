//! A raw TCP server for what an HTTP server cannot do: drip, stall, reset, lie about lengths, never end.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// One step of an answer.
#[derive(Debug, Clone)]
pub enum Step {
    /// These bytes.
    Send(Bytes),
    /// These bytes, again and again, until the client goes away.
    SendForEver(Bytes),
    /// Nothing, for so long.
    Pause(Duration),
    /// Nothing, until the client goes away.
    Stall,
    /// A reset instead of a proper end.
    Reset,
}

/// An answer, step by step; the connection closes behind it.
#[derive(Debug, Clone, Default)]
pub struct Script(Vec<Step>);

impl Script {
    /// Nothing: the connection closes without an answer.
    pub fn new() -> Self {
        Self::default()
    }

    /// A complete answer with a right length.
    pub fn answer(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
        Self::new().send(head).send(body.to_vec())
    }

    /// The head of a JSON answer that ends when the connection does, or has the length that `headers` says.
    pub fn head(headers: &str) -> Self {
        Self::new().send(format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{headers}\r\n"))
    }

    /// Then these bytes.
    #[must_use]
    pub fn send(self, bytes: impl Into<Bytes>) -> Self {
        self.then(Step::Send(bytes.into()))
    }

    /// Then this step.
    #[must_use]
    pub fn then(mut self, step: Step) -> Self {
        self.0.push(step);
        self
    }
}

/// A raw TCP server on a loopback port that plays scripts, one a connection; the last one repeats.
#[derive(Debug)]
pub struct FaultServer {
    address: SocketAddr,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Seen {
    connections: AtomicUsize,
    requests: Mutex<Vec<String>>,
}

impl FaultServer {
    /// Starts it.
    ///
    /// # Errors
    /// When no loopback port can be had.
    pub async fn start(scripts: Vec<Script>) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let seen = Arc::new(Seen::default());
        let task = tokio::spawn({
            let seen = Arc::clone(&seen);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let turn = seen.connections.fetch_add(1, Ordering::SeqCst);
                    let script = scripts.get(turn).or(scripts.last()).cloned().unwrap_or_default();
                    let seen = Arc::clone(&seen);
                    tokio::spawn(async move {
                        // A client that goes away in the middle is part of the play.
                        let _ = play(stream, script, &seen).await;
                    });
                }
            }
        });
        Ok(Self { address, seen, task })
    }

    /// The address.
    pub fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections came.
    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// The requests that came, heads and bodies as text.
    pub fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn play(mut stream: TcpStream, script: Script, seen: &Seen) -> io::Result<()> {
    let request = read_request(&mut stream).await?;
    seen.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    for step in script.0 {
        match step {
            Step::Send(bytes) => stream.write_all(&bytes).await?,
            Step::SendForEver(bytes) => loop {
                stream.write_all(&bytes).await?;
            },
            Step::Pause(time) => {
                stream.flush().await?;
                tokio::time::sleep(time).await;
            }
            Step::Stall => {
                stream.flush().await?;
                let mut rest = [0; 64];
                while stream.read(&mut rest).await? > 0 {}
                return Ok(());
            }
            Step::Reset => {
                stream.set_zero_linger()?;
                return Ok(());
            }
        }
    }
    stream.shutdown().await
}

/// Reads a head and, where a length is given, the body.
async fn read_request(stream: &mut TcpStream) -> io::Result<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                return Ok(text);
            }
        }
        match stream.read(&mut buffer).await? {
            0 => return Ok(text),
            n => bytes.extend_from_slice(&buffer[..n]),
        }
    }
}
