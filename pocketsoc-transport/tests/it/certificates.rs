//! Applications that prove themselves by a certificate.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pocketsoc_testkit::{App, Tenant};
use pocketsoc_transport::{
    Call, Certificate, CertificateFile, Cloud, Connection, Credential, Method, Secret, SystemClock, quota,
};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use crate::harness::{endpoint, tenant};

const START: &str = "2026-09-21T13:00:00Z";

fn list() -> Call {
    Call::fixed(Method::Get, "list alerts", "/api/alerts", &quota::MDE)
}

/// A certificate as PEM with its key, and its thumbprint.
fn made() -> (String, String) {
    let key = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let mut params = CertificateParams::new(vec!["soc.example".into()]).unwrap();
    params.not_after = date_time_ymd(2026, 10, 1);
    let certificate = params.self_signed(&key).unwrap();
    let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, certificate.der()));
    (key.serialize_pem() + &certificate.pem(), thumbprint)
}

fn connect(tenant: &Tenant, credential: Credential, now: &str) -> Connection {
    Connection::builder(credential, Cloud::Public)
        .http(tenant.exchange())
        .clock(Arc::new(SystemClock::starting_at(now.parse().unwrap())))
        .without_pacing()
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_certificate_signs_in_and_its_end_is_known() {
    let (pem, thumbprint) = made();
    let tenant = tenant().build();
    tenant.add_app(App::new("certified", "unused").with_certificate(thumbprint));
    let certificate = Certificate::from_pem(&Secret::new(pem)).unwrap();
    let connection = connect(&tenant, Credential::certificate(Tenant::ID, "certified", certificate), START);
    let service = pocketsoc_transport::Service::DefenderEndpoint;
    connection.endpoint(service, None, None).unwrap().bytes(&list()).await.unwrap();
    assert_eq!(connection.credential_expires_at().unwrap().to_rfc3339(), "2026-10-01T00:00:00+00:00");
    let request = tenant.requests_to("/token").pop().unwrap();
    assert_eq!(request.field("client_secret"), None, "one proof, not two");
    assert_eq!(
        request.field("client_assertion_type").as_deref(),
        Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
    );
}

#[tokio::test(start_paused = true)]
async fn a36_where_this_machines_clock_is_wrong_the_assertion_is_signed_again_by_the_services() {
    let (pem, thumbprint) = made();
    let tenant = tenant().build();
    tenant.add_app(App::new("certified", "unused").with_certificate(thumbprint));
    for wrong in ["2026-09-21T11:00:00Z", "2026-09-21T15:30:00Z"] {
        tenant.forget_requests();
        let certificate = Certificate::from_pem(&Secret::new(pem.as_str())).unwrap();
        let credential = Credential::certificate(Tenant::ID, "certified", certificate);
        let connection = connect(&tenant, credential, wrong);
        let service = pocketsoc_transport::Service::DefenderEndpoint;
        connection.endpoint(service, None, None).unwrap().bytes(&list()).await.unwrap();
        assert_eq!(tenant.requests_to("/token").len(), 2, "{wrong}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_certificate_file_is_rotated_without_a_restart() {
    let (old, _) = made();
    let (new, thumbprint) = made();
    let tenant = tenant().build();
    tenant.add_app(App::new("certified", "unused").with_certificate(thumbprint));
    let file = std::env::temp_dir().join(format!("pocketsoc-certificate-{}.pem", std::process::id()));
    std::fs::write(&file, old).unwrap();
    let credential = Credential::certificate(Tenant::ID, "certified", CertificateFile::new(&file));
    let endpoint = endpoint(
        Connection::builder(credential, Cloud::Public)
            .http(tenant.exchange())
            .clock(Arc::new(SystemClock::starting_at(START.parse().unwrap())))
            .without_pacing(),
    );
    let error = endpoint.bytes(&list()).await.unwrap_err();
    assert!(error.hint().unwrap().contains("upload it"), "{error:?}");
    std::fs::write(&file, new).unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(61)).await;
    endpoint.bytes(&list()).await.unwrap();
    std::fs::remove_file(&file).unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(7200)).await;
    let error = endpoint.bytes(&list()).await.unwrap_err();
    assert!(error.to_string().contains("pocketsoc-certificate"), "the file is named: {error}");
}
