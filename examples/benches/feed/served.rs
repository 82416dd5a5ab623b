//! Answers of the fake tenant, rendered once and served from memory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use defender_cloud_client::DefenderCloudClient;
use futures_util::{StreamExt as _, stream};
use mde_client::{Cloud, Connection, Credential, MdeClient, Secret};
use pocketsoc_testkit::Tenant;

use super::clock;

/// A tenant's answers, and how many lists were asked for.
pub struct Served {
    tenant: Tenant,
    answers: Arc<Mutex<HashMap<String, Bytes>>>,
    answered: Arc<AtomicU64>,
}

impl Served {
    pub fn endpoint(alerts: usize) -> Self {
        Self::of(Tenant::builder().alerts(alerts).cloud_alerts(0).page_cap(10_000).clock(clock()).build())
    }

    pub fn azure(alerts: usize) -> Self {
        Self::of(Tenant::builder().alerts(0).cloud_alerts(alerts).page_cap(1000).clock(clock()).build())
    }

    fn of(tenant: Tenant) -> Self {
        Self { tenant, answers: Arc::default(), answered: Arc::default() }
    }

    /// How many requests for alerts were answered.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    fn connection(&self) -> Connection {
        let (inner, answers) = (self.tenant.exchange(), Arc::clone(&self.answers));
        let answered = Arc::clone(&self.answered);
        let exchange = move |request: http::Request<Bytes>| {
            // The window of a poll moves with time; what is in it does not.
            let uri = request.uri().to_string();
            let key = uri.split("lastUpdateTime").next().unwrap().to_owned();
            let is_list = uri.contains("/alerts");
            let known = answers.lock().unwrap().get(&key).cloned();
            let (fresh, answers) = (known.is_none().then(|| inner(request)), Arc::clone(&answers));
            answered.fetch_add(u64::from(is_list), Ordering::Relaxed);
            async move {
                let body = match (known, fresh) {
                    (Some(body), _) => body,
                    (None, Some(fresh)) => {
                        let mut chunks = fresh.await?.into_body();
                        let mut whole = Vec::new();
                        while let Some(chunk) = chunks.next().await {
                            whole.extend_from_slice(&chunk?);
                        }
                        let whole = Bytes::from(whole);
                        answers.lock().unwrap().insert(key, whole.clone());
                        whole
                    }
                    (None, None) => Bytes::new(),
                };
                let chunks: Vec<_> = (0..body.len())
                    .step_by(64 * 1024)
                    .map(|at| Ok::<_, std::io::Error>(body.slice(at..body.len().min(at + 64 * 1024))))
                    .collect();
                Ok::<_, std::io::Error>(http::Response::new(stream::iter(chunks)))
            }
        };
        let credential =
            Credential::client_secret(Tenant::ID, Tenant::CLIENT_ID, Secret::new(Tenant::SECRET));
        Connection::builder(credential, Cloud::Public)
            .http(exchange)
            .clock(clock())
            .without_pacing()
            .build()
            .unwrap()
    }

    /// A client with a connection of its own: tokens, time and quotas are its own as well.
    pub fn client(&self) -> MdeClient {
        MdeClient::new(&self.connection()).unwrap()
    }

    pub fn azure_client(&self) -> DefenderCloudClient {
        DefenderCloudClient::new(&self.connection()).unwrap()
    }
}
