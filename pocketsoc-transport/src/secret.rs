//! A secret that cannot be printed and is wiped when dropped.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use pocketsoc_model::{Error, ErrorKind, Result};
use zeroize::Zeroizing;

/// A secret: no `Display`, no `Serialize`, a silent `Debug`, wiped from memory when the last clone is dropped.
///
/// Copies that the HTTP and TLS libraries make while sending are out of reach.
///
/// ```
/// use pocketsoc_transport::Secret;
/// let secret = Secret::new("s3cr3t");
/// assert_eq!(format!("{secret:?}"), "Secret(***)");
/// ```
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    /// Takes a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(Arc::new(Zeroizing::new(secret.into())))
    }

    /// Reads one from an environment variable; a line break at the end is dropped.
    ///
    /// # Errors
    /// `InvalidRequest`, naming the variable, when it is not set, empty, or not text.
    pub fn from_env(variable: &str) -> Result<Self> {
        let text = std::env::var(variable).map(Zeroizing::new).map_err(|_| {
            Self::unusable(format!("the environment variable {variable} is not set, or not text"))
        })?;
        Self::usable(&text, || format!("the environment variable {variable} is empty"))
    }

    /// Reads one from a file; a line break at the end is dropped.
    ///
    /// # Errors
    /// `InvalidRequest`, naming the file, when it cannot be read, is empty, or is not text.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .map(Zeroizing::new)
            .map_err(|e| Self::unusable(format!("the file {} cannot be read: {e}", path.display())))?;
        Self::usable(&text, || format!("the file {} is empty", path.display()))
    }

    fn usable(text: &str, empty: impl FnOnce() -> String) -> Result<Self> {
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() { Err(Self::unusable(empty())) } else { Ok(Self::new(text)) }
    }

    fn unusable(message: String) -> Error {
        Error::new(ErrorKind::InvalidRequest, "read a secret")
            .with_message(message)
            .with_hint("put the secret there, or change the configuration to where it is")
    }

    /// The secret itself; keep what you do with it short.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the other one says the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.expose() == other.expose()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a19_what_holds_secrets_wipes_itself() {
        const fn wipes<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        let secret = Secret::new("s");
        wipes(&*secret.0);
    }

    #[test]
    fn a_missing_source_is_named_and_a_trailing_line_break_is_dropped() {
        let error = Secret::from_env("POCKETSOC_NO_SUCH_VARIABLE").unwrap_err().to_string();
        assert!(error.contains("POCKETSOC_NO_SUCH_VARIABLE"), "{error}");
        let error = Secret::from_file("/no/such/file").unwrap_err().to_string();
        assert!(error.contains("/no/such/file"), "{error}");
        assert_eq!(Secret::usable("abc\r\n", String::new).unwrap().expose(), "abc");
        assert!(Secret::usable("\n", || "empty".into()).is_err());
    }
}
