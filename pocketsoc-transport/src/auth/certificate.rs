//! An application's certificate, and the assertion that it signs.
//!
//! Follows "Microsoft identity platform application authentication certificate credentials".

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use aws_lc_rs::digest::{self, SHA256};
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
use pocketsoc_model::{Error, ErrorKind, Result};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use x509_cert::der::Decode as _;
use zeroize::Zeroizing;

use crate::Secret;
use crate::secret_source::SecretSource;

/// How long an assertion may be used.
const LIFE: TimeDelta = TimeDelta::minutes(10);
/// How far before now it begins, for clocks that are a little behind.
const ALLOWANCE: TimeDelta = TimeDelta::seconds(60);

/// Gives a certificate whenever one is needed: before each token request, and once more when it is refused.
#[async_trait]
pub trait CertificateSource: Send + Sync + 'static {
    /// The certificate as it is now.
    ///
    /// # Errors
    /// When there is none to be had; the sign-in then fails with this error.
    async fn certificate(&self) -> Result<Certificate>;
}

/// A certificate with its private key: RSA, as Entra ID demands. Cheap to clone.
///
/// Assertions are signed as PS256, or as RS256 where asked for.
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

struct Inner {
    key: RsaKeyPair,
    /// The application's own first.
    chain: Vec<Vec<u8>>,
    expires_at: DateTime<Utc>,
    old_padding: bool,
    with_chain: bool,
}

impl Certificate {
    /// From PEM: the certificate, those above it if any, and the private key (PKCS#8 or PKCS#1, not encrypted), in any
    /// order.
    ///
    /// # Errors
    /// `InvalidRequest` that says what is missing or of another kind.
    pub fn from_pem(pem: &Secret) -> Result<Self> {
        let text = pem.expose().as_bytes();
        let chain: Vec<Vec<u8>> = CertificateDer::pem_slice_iter(text)
            .map(|one| one.map(|der| der.to_vec()))
            .collect::<std::result::Result<_, _>>()
            .map_err(|_| wrong("a certificate in the PEM file is broken"))?;
        if pem.expose().contains("BEGIN ENCRYPTED PRIVATE KEY")
            || pem.expose().contains("Proc-Type: 4,ENCRYPTED")
        {
            return Err(wrong("the private key in the PEM file is encrypted")
                .with_hint("give a PFX file with its password, or decrypt the key into a file that only the service reads"));
        }
        let key = PrivateKeyDer::from_pem_slice(text)
            .map(Zeroizing::new)
            .map_err(|_| wrong("there is no private key in the PEM file"))?;
        let key = match &*key {
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err(not_rsa()),
        };
        Self::new(key.map_err(|_| not_rsa())?, chain)
    }

    /// From a PFX (PKCS#12) file's bytes and its password, which may be empty.
    ///
    /// # Errors
    /// `InvalidRequest` when it cannot be opened with this password, or holds no certificate with an RSA key.
    pub fn from_pfx(bytes: &[u8], password: &Secret) -> Result<Self> {
        let store =
            KeyStore::from_pkcs12(bytes, password.expose(), Pkcs12ImportPolicy::Relaxed).map_err(|_| {
                wrong("the PFX file cannot be opened").with_hint("check the file and its password")
            })?;
        let (_, chain) = store
            .private_key_chain()
            .ok_or_else(|| wrong("there is no private key with a certificate in the PFX file"))?;
        let certificates = chain.certs().iter().map(|one| one.as_der().to_vec()).collect();
        let key = RsaKeyPair::from_pkcs8(chain.key().as_der()).map_err(|_| not_rsa())?;
        Self::new(key, certificates)
    }

    fn new(key: RsaKeyPair, mut chain: Vec<Vec<u8>>) -> Result<Self> {
        let public = key.public_key().as_ref();
        let of_key = |der: &Vec<u8>| {
            let certificate = x509_cert::Certificate::from_der(der).ok()?;
            let info = certificate.tbs_certificate().subject_public_key_info();
            (info.subject_public_key.as_bytes() == Some(public)).then_some(certificate)
        };
        let (at, own) = chain
            .iter()
            .enumerate()
            .find_map(|(at, der)| Some((at, of_key(der)?)))
            .ok_or_else(|| wrong("no certificate in the file belongs to its private key"))?;
        let end = own.tbs_certificate().validity().not_after.to_unix_duration();
        let expires_at = i64::try_from(end.as_secs()).ok().and_then(|s| DateTime::from_timestamp(s, 0));
        chain[..=at].rotate_right(1);
        let expires_at = expires_at.unwrap_or(DateTime::<Utc>::MAX_UTC);
        Ok(Self(Arc::new(Inner { key, chain, expires_at, old_padding: false, with_chain: false })))
    }

    /// Signs as RS256, for who cannot take PS256.
    #[must_use]
    pub fn with_rs256(self) -> Self {
        self.adjusted(|inner| inner.old_padding = true)
    }

    /// Sends the certificates along, for applications that trust a subject name and an issuer instead of one certificate.
    #[must_use]
    pub fn with_chain(self) -> Self {
        self.adjusted(|inner| inner.with_chain = true)
    }

    fn adjusted(self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut inner = match Arc::try_unwrap(self.0) {
            Ok(inner) => inner,
            Err(shared) => Inner { key: shared.key.clone(), chain: shared.chain.clone(), ..*shared },
        };
        change(&mut inner);
        Self(Arc::new(inner))
    }

    /// When it ends.
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.0.expires_at
    }

    /// The SHA-256 thumbprint, as Entra ID is told it.
    pub(crate) fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest::digest(&SHA256, &self.0.chain[0]))
    }

    /// Says, signed, that it is this application which asks.
    pub(crate) fn assertion(&self, client_id: &str, audience: &str, now: DateTime<Utc>) -> Result<Secret> {
        let mut random = [0_u8; 16];
        let failed = |_| {
            Error::new(ErrorKind::InvalidRequest, "sign in").with_message("the assertion cannot be signed")
        };
        rand::fill(&mut random).map_err(failed)?;
        let mut header = json!({
            "alg": if self.0.old_padding { "RS256" } else { "PS256" },
            "typ": "JWT",
            "x5t#S256": self.thumbprint(),
        });
        if self.0.with_chain {
            header["x5c"] = self.0.chain.iter().map(|der| STANDARD.encode(der)).collect();
        }
        let payload = json!({
            "aud": audience,
            "iss": client_id,
            "sub": client_id,
            "jti": URL_SAFE_NO_PAD.encode(random),
            "nbf": (now - ALLOWANCE).timestamp(),
            "iat": now.timestamp(),
            "exp": (now + LIFE).timestamp(),
        });
        let part = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = Zeroizing::new(format!("{}.{}", part(header), part(payload)));
        let padding = if self.0.old_padding { &RSA_PKCS1_SHA256 } else { &RSA_PSS_SHA256 };
        let mut signature = vec![0; self.0.key.public_modulus_len()];
        self.0.key.sign(padding, &SystemRandom::new(), signed.as_bytes(), &mut signature).map_err(failed)?;
        Ok(Secret::new(format!("{}.{}", *signed, URL_SAFE_NO_PAD.encode(signature))))
    }
}

#[async_trait]
impl CertificateSource for Certificate {
    async fn certificate(&self) -> Result<Self> {
        Ok(self.clone())
    }
}

/// A certificate in a file, PEM or PFX, read anew for each token request.
#[derive(Clone)]
pub struct CertificateFile {
    path: PathBuf,
    password: Option<Arc<dyn SecretSource>>,
    old_padding: bool,
    with_chain: bool,
}

impl CertificateFile {
    /// A PEM file, or a PFX file without a password.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), password: None, old_padding: false, with_chain: false }
    }

    /// A PFX file's password.
    #[must_use]
    pub fn with_password(mut self, password: impl SecretSource) -> Self {
        self.password = Some(Arc::new(password));
        self
    }

    /// Signs as RS256, for who cannot take PS256.
    #[must_use]
    pub fn with_rs256(mut self) -> Self {
        self.old_padding = true;
        self
    }

    /// Sends the certificates along; see [`Certificate::with_chain`].
    #[must_use]
    pub fn with_chain(mut self) -> Self {
        self.with_chain = true;
        self
    }

    fn read(path: &PathBuf, password: &Secret) -> Result<Certificate> {
        let named = |error: Error| {
            let message = format!("{}: {}", path.display(), error.message());
            let error = error.with_message(message);
            if error.hint().is_some() {
                return error;
            }
            error.with_hint(
                "give a PEM file with certificate and private key, or a PFX file with its password",
            )
        };
        let bytes = std::fs::read(path)
            .map(Zeroizing::new)
            .map_err(|e| wrong(&format!("the file cannot be read: {e}")))
            .map_err(named)?;
        match std::str::from_utf8(&bytes) {
            Ok(text) if text.contains("-----BEGIN ") => Certificate::from_pem(&Secret::new(text)),
            _ => Certificate::from_pfx(&bytes, password),
        }
        .map_err(named)
    }
}

#[async_trait]
impl CertificateSource for CertificateFile {
    async fn certificate(&self) -> Result<Certificate> {
        let password = match &self.password {
            Some(source) => source.read().await?,
            None => Secret::new(""),
        };
        let path = self.path.clone();
        // Deriving a PFX file's key takes its time on purpose.
        let read = tokio::task::spawn_blocking(move || Self::read(&path, &password)).await;
        let certificate = read.map_err(|_| wrong("reading the certificate was broken off"))??;
        let certificate = if self.old_padding { certificate.with_rs256() } else { certificate };
        Ok(if self.with_chain { certificate.with_chain() } else { certificate })
    }
}

fn wrong(message: &str) -> Error {
    Error::new(ErrorKind::InvalidRequest, "read the certificate").with_message(message)
}

fn not_rsa() -> Error {
    wrong("the private key is broken, or no RSA key of 2048 bits or more")
        .with_hint("Entra ID takes RSA certificates; create one with a key of 2048 or 4096 bits")
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("expires_at", &self.0.expires_at).finish_non_exhaustive()
    }
}

impl fmt::Debug for CertificateFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateFile").field("path", &self.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
    use p12_keystore::{Certificate as P12Certificate, KeyStoreEntry, PrivateKey, PrivateKeyChain};
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};
    use serde_json::Value;

    use super::*;

    const NOW: &str = "2026-09-21T13:00:00Z";

    struct Made {
        key: KeyPair,
        certificate: rcgen::Certificate,
    }

    fn made() -> Made {
        let key = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
        let mut params = CertificateParams::new(vec!["pocketsoc.example".into()]).unwrap();
        params.not_after = date_time_ymd(2027, 1, 31);
        let certificate = params.self_signed(&key).unwrap();
        Made { key, certificate }
    }

    fn part(assertion: &str, n: usize) -> Value {
        let part = assertion.split('.').nth(n).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn an_assertion_says_who_asks_whom_and_is_signed_with_the_certificates_key() {
        let made = made();
        let pem = format!("{}{}", made.key.serialize_pem(), made.certificate.pem());
        let certificate = Certificate::from_pem(&Secret::new(pem)).unwrap();
        assert_eq!(certificate.expires_at().to_rfc3339(), "2027-01-31T00:00:00+00:00");
        let now = NOW.parse().unwrap();
        let audience = "https://login.microsoftonline.com/t/oauth2/v2.0/token";
        for (certificate, alg) in [(certificate.clone(), "PS256"), (certificate.with_rs256(), "RS256")] {
            let assertion = certificate.assertion("c-1", audience, now).unwrap();
            let assertion = assertion.expose();
            let (header, payload) = (part(assertion, 0), part(assertion, 1));
            assert_eq!((&header["alg"], &header["typ"]), (&json!(alg), &json!("JWT")));
            let thumbprint = digest::digest(&SHA256, made.certificate.der());
            assert_eq!(header["x5t#S256"], URL_SAFE_NO_PAD.encode(thumbprint));
            assert_eq!(header.get("x5c"), None);
            assert_eq!((&payload["iss"], &payload["sub"]), (&json!("c-1"), &json!("c-1")));
            assert_eq!(payload["aud"], audience);
            let at = |name: &str| payload[name].as_i64().unwrap() - now.timestamp();
            assert_eq!((at("nbf"), at("iat"), at("exp")), (-60, 0, 600));
            let again = certificate.assertion("c-1", audience, now).unwrap();
            assert_ne!(payload["jti"], part(again.expose(), 1)["jti"], "none is used twice");

            let (signed, signature) = assertion.rsplit_once('.').unwrap();
            let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
            let algorithm: &dyn aws_lc_rs::signature::VerificationAlgorithm =
                if alg == "PS256" { &RSA_PSS_2048_8192_SHA256 } else { &RSA_PKCS1_2048_8192_SHA256 };
            let public = UnparsedPublicKey::new(algorithm, made.key.public_key_raw());
            public.verify(signed.as_bytes(), &signature).unwrap();
        }
    }

    #[test]
    fn a_pfx_file_serves_as_well_and_its_chain_is_sent_where_asked_for() {
        let made = made();
        let key = PrivateKey::from_der(&made.key.serialize_der()).unwrap();
        let own = P12Certificate::from_der(made.certificate.der()).unwrap();
        let mut store = KeyStore::new();
        store.add_entry("app", KeyStoreEntry::PrivateKeyChain(PrivateKeyChain::new("1", key, [own])));
        let bytes = store.writer("pass").write().unwrap();

        let certificate = Certificate::from_pfx(&bytes, &Secret::new("pass")).unwrap().with_chain();
        let assertion = certificate.assertion("c-1", "aud", NOW.parse().unwrap()).unwrap();
        assert_eq!(part(assertion.expose(), 0)["x5c"], json!([STANDARD.encode(made.certificate.der())]));
        let error = Certificate::from_pfx(&bytes, &Secret::new("canary")).unwrap_err();
        assert!(error.hint().unwrap().contains("password") && !format!("{error:?}").contains("canary"));
    }

    #[test]
    fn what_cannot_be_used_is_told_before_anything_is_sent() {
        let (made, other) = (made(), made());
        let (key, certificate) = (made.key.serialize_pem(), made.certificate.pem());
        let elliptic = KeyPair::generate().unwrap().serialize_pem();
        let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        for (pem, expected) in [
            (certificate.clone(), "no private key"),
            (key.clone(), "belongs to its private key"),
            (format!("{key}{}", other.certificate.pem()), "belongs to its private key"),
            (format!("{elliptic}{certificate}"), "RSA"),
            (format!("{encrypted}{certificate}"), "encrypted"),
            (String::new(), "no private key"),
        ] {
            let error = Certificate::from_pem(&Secret::new(pem)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
            assert!(error.to_string().contains(expected), "{error}");
        }
        assert!(Certificate::from_pfx(b"no pfx", &Secret::new("")).is_err());
    }
}
