//! No secret and no token, in no form, in anything that is printed: not in `Debug`, not in an error, not in a trace.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use pocketsoc_testkit::{Fault, Reply, Tenant, Trouble};
use pocketsoc_transport::{Cloud, Connection, Credential, PagePlan, Secret};
use tracing_subscriber::fmt::MakeWriter;

use crate::harness::{drain, endpoint, get, over, post, tenant, to, walk};

/// Everything that was traced.
#[derive(Clone, Default)]
struct Traces(Arc<Mutex<Vec<u8>>>);

impl Write for Traces {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Traces {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The forms in which a secret could hide.
fn forms(secret: &str) -> Vec<String> {
    vec![
        secret.to_owned(),
        STANDARD.encode(secret),
        URL_SAFE_NO_PAD.encode(secret),
        secret.replace('~', "%7E"),
        secret.bytes().fold(String::new(), |hex, b| hex + &format!("{b:02x}")),
    ]
}

#[tokio::test(start_paused = true)]
async fn a18_nothing_that_is_printed_holds_a_secret_or_a_token() {
    let traces = Traces::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(traces.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let said = std::cell::RefCell::new(String::new());
    let say = |thing: &dyn std::fmt::Debug| writeln!(said.borrow_mut(), "{thing:?} {thing:#?}").unwrap();

    let tenant = tenant().alerts(5).build();
    let credential = Credential::client_secret(Tenant::ID, Tenant::CLIENT_ID, Secret::new(Tenant::SECRET));
    say(&Secret::new(Tenant::SECRET));
    say(&credential);
    say(&Connection::builder(credential.clone(), Cloud::Public));
    let endpoint_of_tenant = endpoint(to(&tenant));
    say(&endpoint_of_tenant);
    say(&endpoint_of_tenant.connection());
    say(&endpoint_of_tenant.grants().await);

    // Every way to fail, from the sign-in to the body.
    for fault in [
        Fault::on("/token", Trouble::Replace("Bearer".into(), "pop".into())),
        Fault::on("/token", Trouble::Replace("{".into(), String::new())),
        Fault::on("/token", Trouble::Replace("\"expires_in\":3599".into(), "\"expires_in\":-1".into())),
        Fault::on("/token", Trouble::EndEarly(200)),
        Fault::on("/token", Trouble::Refuse),
        Fault::on("/token", Trouble::Answer(Reply::json(400, r#"{"error":"invalid_grant"}"#))),
        Fault::status("/api", 401),
        Fault::status("/api", 403),
        Fault::status("/api", 500),
        Fault::throttle("/api", "9999"),
        Fault::on("/api", Trouble::BreakOff(3000)),
        Fault::on("/api", Trouble::ResetAfter),
        Fault::on("/api", Trouble::Hang),
        Fault::on("/api", Trouble::Answer(Reply::empty(307).with_header("location", "https://evil.example"))),
    ] {
        tenant.clear_faults();
        tenant.add_fault(fault);
        let failing = endpoint(to(&tenant));
        for call in [get(), post()] {
            if let Err(error) = failing.bytes(&call).await {
                say(&error);
                say(&format!("{error} {:?}", error.hint()));
            }
        }
        let mut walk = walk(&failing, PagePlan::by_links());
        let (_, errors) = drain(&mut walk).await;
        say(&errors);
        say(&walk);
    }
    // A ready token that its service refuses.
    let ready = endpoint(over(tenant.exchange()));
    say(&ready.bytes(&get()).await.unwrap_err());

    let said = said.into_inner();
    let log = String::from_utf8(traces.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("asking again") && log.len() > 1000, "the traces were on");
    let mut secrets = forms(Tenant::SECRET);
    secrets.extend(forms("ready-token"));
    for request in tenant.requests() {
        if let Some(token) = request.header("authorization").and_then(|a| a.strip_prefix("Bearer ")) {
            secrets.push(token.to_owned());
            secrets.extend(token.split('.').filter(|part| part.len() > 40).map(str::to_owned));
        }
    }
    assert!(secrets.len() > 10, "tokens were sent");
    for secret in secrets {
        assert!(!said.contains(&secret), "printed: {secret}");
        assert!(!log.contains(&secret), "traced: {secret}");
    }
}
