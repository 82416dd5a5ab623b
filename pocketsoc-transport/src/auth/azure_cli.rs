//! Tokens of whoever is signed in to the Azure CLI: for developers, on their own machine.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::{self, Either};
use pocketsoc_model::{Error, ErrorKind, Result};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::exchange::{Exchange, OPERATION};
use super::{AccessToken, Ask};
use crate::{Secret, lenient};

const LIMIT: Duration = Duration::from_secs(20);

/// The account that `az login` has signed in.
#[derive(Debug, Clone, Default)]
pub(crate) struct AzureCli {
    pub(crate) tenant: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    #[serde(rename = "accessToken")]
    access_token: String,
    /// Seconds since 1970. `expiresOn` beside it is local time, and of no use.
    #[serde(default, deserialize_with = "lenient::integer")]
    expires_on: Option<i64>,
}

impl AzureCli {
    pub(crate) async fn token(&self, exchange: &Exchange, ask: &Ask<'_>) -> Result<AccessToken> {
        let program = program().ok_or_else(|| {
            failed("the Azure CLI is not installed").with_hint("install it, then run `az login`")
        })?;
        let scope = ask.scope();
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._/:".contains(&b);
        if !scope.bytes().all(plain) || self.tenant.iter().any(|t| !t.bytes().all(plain)) {
            return Err(failed("the scope or the tenant holds characters that neither has"));
        }
        let mut command = tokio::process::Command::new(program);
        command.args(["account", "get-access-token", "--output", "json", "--scope", &scope]);
        if let Some(tenant) = &self.tenant {
            command.args(["--tenant", tenant]);
        }
        command.stdin(std::process::Stdio::null()).kill_on_drop(true);
        let output = match future::select(Box::pin(command.output()), exchange.clock.sleep(LIMIT)).await {
            Either::Left((output, _)) => {
                output.map_err(|e| failed("the Azure CLI could not be started").with_source(e))?
            }
            Either::Right(_) => {
                return Err(Error::new(ErrorKind::Timeout, OPERATION)
                    .with_message(format!("the Azure CLI did not answer within {LIMIT:.0?}")));
            }
        };
        let stdout = Zeroizing::new(output.stdout);
        if !output.status.success() {
            return Err(refused(&String::from_utf8_lossy(&output.stderr)));
        }
        read(&stdout, exchange)
    }
}

/// The token that the CLI prints. Nothing of what it printed is shown.
fn read(stdout: &[u8], exchange: &Exchange) -> Result<AccessToken> {
    let said: Said = serde_json::from_slice(stdout)
        .map_err(|_| failed("the Azure CLI answered with something that is no token"))?;
    let now = exchange.clock.now().timestamp();
    let life = said.expires_on.and_then(|at| u64::try_from(at - now).ok()).map(Duration::from_secs);
    Ok(AccessToken {
        secret: Secret::new(said.access_token),
        life: Some(life.unwrap_or(Duration::from_secs(300))),
        refresh_in: None,
    })
}

/// Why the CLI gave no token, by what it says on stderr.
fn refused(stderr: &str) -> Error {
    let line = stderr.lines().map(str::trim).find(|l| l.starts_with("ERROR")).unwrap_or("it said no more");
    let text: String = line.chars().filter(|c| !c.is_control()).take(300).collect();
    let wants_a_user = stderr.contains("az login") || stderr.contains("AADSTS");
    let kind = if wants_a_user { ErrorKind::InteractionRequired } else { ErrorKind::Unavailable };
    let error = Error::new(kind, OPERATION).with_message(format!("the Azure CLI gave no token: {text}"));
    match super::aadsts::codes_in(stderr).find_map(super::aadsts::hint) {
        Some(hint) => error.with_hint(hint),
        None => {
            error.with_hint("run `az login`; for Defender for Endpoint use an app registration of your own")
        }
    }
}

fn failed(message: &str) -> Error {
    Error::new(ErrorKind::Unauthenticated, OPERATION).with_message(message)
}

/// The CLI by its absolute path: never one that lies in the working directory.
fn program() -> Option<PathBuf> {
    let names: &[&str] = if cfg!(windows) { &["az.cmd", "az.exe"] } else { &["az"] };
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths)
        .filter(|folder| folder.is_absolute())
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|file| file.is_file())
}
