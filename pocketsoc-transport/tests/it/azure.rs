//! Credentials of the Azure SDK serve as they are.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::time::OffsetDateTime;
use pocketsoc_transport::{Call, Cloud, Connection, Credential, ErrorKind, Method, SystemClock, quota};

use crate::harness::{endpoint, tenant};

/// What an application that uses the Azure SDK has already.
#[derive(Debug, Default)]
struct Theirs {
    token: Mutex<Option<String>>,
    asked: AtomicUsize,
}

#[async_trait::async_trait]
impl TokenCredential for Theirs {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        assert_eq!(scopes, ["https://api.securitycenter.microsoft.com/.default"]);
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.token.lock().unwrap().clone() {
            Some(token) => {
                let end = OffsetDateTime::from_unix_timestamp(1_789_999_200 + 3600).unwrap();
                Ok(AccessToken::new(token, end))
            }
            None => Err(azure_core::Error::with_message(azure_core::error::ErrorKind::Credential, "nobody")),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_credential_of_the_azure_sdk_is_asked_once_for_all_calls() {
    let tenant = tenant().build();
    let theirs = Arc::new(Theirs::default());
    *theirs.token.lock().unwrap() = Some(tenant.token_with_roles(&["Alert.Read.All"]));
    let connect = |credential: Arc<Theirs>| {
        let connection = Connection::builder(Credential::azure(credential), Cloud::Public)
            .http(tenant.exchange())
            .clock(Arc::new(SystemClock::starting_at("2026-09-21T13:00:00Z".parse().unwrap())));
        endpoint(connection.without_pacing())
    };
    let list = || Call::fixed(Method::Get, "list alerts", "/api/alerts", &quota::MDE);
    let there = connect(Arc::clone(&theirs));
    for _ in 0..3 {
        there.bytes(&list()).await.unwrap();
    }
    assert_eq!(theirs.asked.load(Ordering::SeqCst), 1);
    let error = connect(Arc::default()).bytes(&list()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
}
