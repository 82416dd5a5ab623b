//! The connected sources of a run.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use defender_cloud_client::{AlertScope, DefenderCloudClient};
use graph_security_client::GraphSecurityClient;
use mde_client::MdeClient;
use pocketsoc_model::{Clock, Detection, DetectionId, DetectionSource, Error, ErrorKind};
use pocketsoc_testkit::TenantServer;
use pocketsoc_transport::{Connection, Credential, SystemClock, TimeLimits};

use crate::args::Common;
use crate::embedded;
use crate::failure::{Failure, note};
use crate::profile::{self, Auth, Profile, Vendor};

/// A connected source.
pub(crate) type Source = Arc<dyn DetectionSource>;

/// The connected sources of a run, and the embedded tenant where there is no other.
pub(crate) struct Session {
    pub(crate) sources: Vec<Source>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tenant: Option<TenantServer>,
}

impl Session {
    /// Connects the profiles that the arguments name. Nothing is asked of any service yet.
    pub(crate) async fn open(common: &Common) -> Result<Self, Failure> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let by_env =
            std::env::var_os("POCKETSOC_PROFILES").filter(|name| !name.is_empty()).map(PathBuf::from);
        let default = PathBuf::from("pocketsoc.toml");
        let file = common.profiles.clone().or(by_env).or(default.exists().then_some(default));
        let (profiles, tenant) = if let Some(file) = file {
            (profile::read(&file, &*clock)?, None)
        } else {
            let server = embedded::start(Arc::clone(&clock), 0, 60, 7).await?;
            note(&format!(
                "no profile file: using the embedded tenant on {}; nothing real is touched",
                server.uri()
            ));
            (embedded::profiles(&server), Some(server))
        };
        let names: Vec<&str> = profiles.iter().map(|p| p.name.as_str()).collect();
        if let Some(stranger) = common.profile.iter().find(|name| !names.contains(&name.as_str())) {
            return Err(Failure::usage(format!(
                "there is no profile \"{stranger}\"; there are: {}",
                names.join(", ")
            )));
        }
        let limits = TimeLimits::default().within(Duration::from_secs(common.timeout));
        let chosen =
            profiles.into_iter().filter(|p| common.profile.is_empty() || common.profile.contains(&p.name));
        let mut sources = Vec::new();
        for profile in chosen {
            sources.extend(connect(profile, limits, &clock)?);
        }
        Ok(Self { sources, clock, tenant })
    }

    /// The one source that holds a detection, the detection, and the sources that could not be asked.
    pub(crate) async fn find(&self, id: &DetectionId) -> Result<Found, Failure> {
        let (mut found, mut strangers, mut failures) = (Vec::new(), Vec::new(), Vec::new());
        // All are asked at once, and told of in the order of the profiles.
        let asked: Vec<_> = self
            .sources
            .iter()
            .map(|source| {
                let (source, id) = (Arc::clone(source), id.clone());
                tokio::spawn(async move { source.get(&id).await })
            })
            .collect();
        for (source, answer) in self.sources.iter().zip(asked) {
            let answer = answer.await.unwrap_or_else(|stopped| {
                Err(Error::new(ErrorKind::Unexpected, "find the detection").with_source(stopped))
            });
            match answer {
                Ok(detection) => found.push((Arc::clone(source), detection)),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    strangers.push(Failure::of(source.name(), &error));
                }
                Err(error) => failures.push(Failure::of(source.name(), &error)),
            }
        }
        if found.len() > 1 {
            let names: Vec<_> = found.iter().map(|(source, _)| source.name().to_owned()).collect();
            let error = Error::new(ErrorKind::Ambiguous, "find the detection")
                .with_message(format!("several profiles hold {id}: {}", names.join(", ")))
                .with_hint("name one with --profile");
            return Err(Failure::plain(&error));
        }
        if let Some((source, detection)) = found.pop() {
            return Ok(Found { source, detection, failures });
        }
        // What could not be asked matters more than what does not have it.
        let mut told = if failures.is_empty() { strangers } else { failures };
        let last = told.pop().unwrap_or_else(|| Failure::usage("the profile file holds no profile"));
        for failure in &told {
            failure.report();
        }
        Err(last)
    }
}

/// A detection, where it was found, and where it could not be looked for.
pub(crate) struct Found {
    pub(crate) source: Source,
    pub(crate) detection: Detection,
    pub(crate) failures: Vec<Failure>,
}

/// Connects a profile: three calls, as any service would make them.
fn connect(profile: Profile, limits: TimeLimits, clock: &Arc<dyn Clock>) -> Result<Vec<Source>, Failure> {
    let wrong = |error: Error| Failure::of(&profile.name, &error).into_usage();
    for warning in &profile.warnings {
        note(&format!("warning: profile \"{}\": {warning}", profile.name));
    }
    let credential = match profile.auth {
        Auth::App { tenant_id, client_id, secret } => {
            Credential::client_secret(tenant_id, client_id, secret.read().map_err(wrong)?)
        }
        Auth::Token(token) => Credential::token(token.read().map_err(wrong)?),
    };
    let mut connection = Connection::builder(credential, profile.cloud)
        .time_limits(limits)
        .clock(Arc::clone(clock))
        .user_agent("soc");
    if let Some(authority) = profile.authority {
        connection = connection.authority(authority);
    }
    let connection = connection.build().map_err(wrong)?;
    sources(&profile.name, profile.vendor, &connection, profile.base_url).map_err(wrong)
}

/// What a vendor's client offers as sources.
fn sources(
    name: &str,
    vendor: Vendor,
    connection: &Connection,
    base_url: Option<String>,
) -> Result<Vec<Source>, Error> {
    Ok(match vendor {
        Vendor::DefenderEndpoint => {
            let mut client = MdeClient::builder(connection);
            if let Some(address) = base_url {
                client = client.base_url(address);
            }
            vec![Arc::new(client.build()?.detections(name))]
        }
        Vendor::DefenderForCloud(subscription) => {
            let mut client = DefenderCloudClient::builder(connection);
            if let Some(address) = base_url {
                client = client.base_url(address);
            }
            let all = client.build()?.detections(name);
            vec![match subscription {
                Some(id) => Arc::new(all.within(AlertScope::subscription(id))),
                None => Arc::new(all),
            }]
        }
        Vendor::GraphSecurity => {
            let mut client = GraphSecurityClient::builder(connection);
            if let Some(address) = base_url {
                client = client.base_url(address);
            }
            let client = client.build()?;
            vec![Arc::new(client.alert_detections(name)), Arc::new(client.incident_detections(name))]
        }
    })
}
