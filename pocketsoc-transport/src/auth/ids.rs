//! What a tenant and an application may be called: checked before anything is asked.

use pocketsoc_model::{Error, ErrorKind, Result};

pub(super) fn refused(message: &str) -> Error {
    Error::new(ErrorKind::InvalidRequest, "set up the credential").with_message(message)
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
}

/// A tenant is one plain segment of the sign-in's path, and a tenant of its own.
pub(super) fn check_tenant(tenant: &str) -> Result<()> {
    const HINT: &str = "copy the Directory (tenant) ID from the app registration's overview";
    if tenant.bytes().all(|b| b == b'.') || !is_plain(tenant) {
        return Err(refused("the tenant is neither an id nor a domain").with_hint(HINT));
    }
    if ["common", "organizations", "consumers"].contains(&tenant.to_ascii_lowercase().as_str()) {
        return Err(refused("the tenant itself is needed").with_hint(HINT));
    }
    Ok(())
}

pub(super) fn check_client_id(client_id: &str) -> Result<()> {
    if client_id.is_empty() || !is_plain(client_id) {
        return Err(refused("the client id is not an id")
            .with_hint("copy the Application (client) ID from the app registration's overview"));
    }
    Ok(())
}
