//! Any credential of the Azure SDK, where an application has one already.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::TokenCredential;
use pocketsoc_model::{Error, ErrorKind, Result};

use super::exchange::{Exchange, OPERATION};
use super::{AccessToken, Ask};
use crate::Secret;

/// A credential of the Azure SDK. It has a cache of its own; claims challenges cannot be passed on to it.
#[derive(Clone)]
pub(crate) struct AzureCredential(pub(crate) Arc<dyn TokenCredential>);

impl AzureCredential {
    pub(crate) async fn token(&self, exchange: &Exchange, ask: &Ask<'_>) -> Result<AccessToken> {
        // Its error may say more than belongs in a log: what kind it is has to do.
        let token = self.0.get_token(&[&ask.scope()], None).await.map_err(|error| {
            let kind = match error.kind() {
                azure_core::error::ErrorKind::Io | azure_core::error::ErrorKind::Connection => {
                    ErrorKind::Unavailable
                }
                _ => ErrorKind::Unauthenticated,
            };
            Error::new(kind, OPERATION)
                .with_message(format!("the Azure SDK's credential gave no token: {}", error.kind()))
                .with_hint("sign in where that credential signs in, or use another one")
        })?;
        let left = token.expires_on.unix_timestamp() - exchange.clock.now().timestamp();
        let life = u64::try_from(left).map(Duration::from_secs).map_err(|_| {
            Error::new(ErrorKind::Unauthenticated, OPERATION)
                .with_message("the Azure SDK's credential gave a token that has expired")
        })?;
        Ok(AccessToken { secret: Secret::new(token.token.secret()), life: Some(life), refresh_in: None })
    }
}

impl fmt::Debug for AzureCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AzureCredential(***)")
    }
}
