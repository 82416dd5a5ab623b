//! The connected sources of a run.

mod connect;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mde_client::MdeClient;
use pocketsoc_model::{Clock, Detection, DetectionId, DetectionSource, Error, ErrorKind, Hunt, Product};
use pocketsoc_testkit::TenantServer;
use pocketsoc_transport::{Quotas, SystemClock, TimeLimits};

use crate::args::{Common, Via};
use crate::embedded;
use crate::failure::{Failure, Outcome, note};
use crate::profile;
use crate::sign_in::{self, Users};
use connect::{Connected, Shared, connect};

/// A connected source.
pub(crate) type Source = Arc<dyn DetectionSource>;

/// The connected sources of a run, and the embedded tenant where there is no other.
pub(crate) struct Session {
    pub(crate) sources: Vec<Source>,
    /// How often each profile is watched, by its name.
    pub(crate) poll_every: BTreeMap<String, Duration>,
    /// The machines of the profiles that have some.
    fleets: Vec<Fleet>,
    /// What can be hunted in.
    pub(crate) hunters: Vec<Hunter>,
    /// The profiles whose user could not be signed in.
    pub(crate) refused: Vec<Refused>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tenant: Option<TenantServer>,
}

impl Session {
    /// Connects the profiles that the arguments name, and signs in the users of those that have some: one after another,
    /// since there is one user here. Nothing else is asked of any service yet.
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
        let (mut sources, mut fleets, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        let (mut hunters, mut poll_every) = (Vec::new(), BTreeMap::new());
        let shared = Shared { clock: Arc::clone(&clock), quotas: Quotas::new() };
        let mut users = Users::default();
        for profile in chosen {
            let Connected { profile, connection, way, offered } =
                connect(profile, limits, &shared, &mut users)?;
            poll_every.insert(profile.name.clone(), profile.poll_every);
            let signed_in = match way {
                Some(way) => {
                    sign_in::sign_in(&profile.name, &connection, profile.vendor.service(), way).await
                }
                None => Ok(()),
            };
            match signed_in {
                Ok(()) => {
                    sources.extend(offered.sources);
                    fleets.extend(offered.fleet);
                    hunters.extend(offered.hunter);
                }
                Err(error) => {
                    let products = offered.sources.iter().map(DetectionSource::product).collect();
                    refused.push(Refused { profile: profile.name, products, error });
                }
            }
        }
        Ok(Self { sources, poll_every, fleets, hunters, refused, clock, tenant })
    }

    /// The machines of the profiles that have some.
    pub(crate) fn fleets(&self) -> Result<Vec<&Fleet>, Failure> {
        if self.fleets.is_empty() && self.refused.is_empty() {
            return Err(Failure::usage("no profile is one of Defender for Endpoint, which has the machines"));
        }
        Ok(self.fleets.iter().collect())
    }

    /// How a command ended, seeing that some profiles could not be used; they are told of now.
    pub(crate) fn outcome(&self, outcome: Outcome) -> Outcome {
        for refused in &self.refused {
            refused.failure().report();
        }
        if self.refused.is_empty() { outcome } else { Outcome::WithFailures }
    }

    /// The one source that holds a detection, the detection, and the sources that could not be asked.
    pub(crate) async fn find(&self, id: &DetectionId) -> Result<Found, Failure> {
        let (mut found, mut strangers, mut failures) = (Vec::new(), Vec::new(), Vec::new());
        failures.extend(self.refused.iter().map(Refused::failure));
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

/// The machines of a profile.
pub(crate) struct Fleet {
    pub(crate) name: String,
    pub(crate) client: MdeClient,
}

/// A profile that can be hunted in.
pub(crate) struct Hunter {
    pub(crate) name: String,
    pub(crate) via: Via,
    pub(crate) hunt: Box<dyn Hunt>,
}

/// A profile whose user could not be signed in.
pub(crate) struct Refused {
    pub(crate) profile: String,
    pub(crate) products: Vec<Product>,
    pub(crate) error: Error,
}

impl Refused {
    pub(crate) fn failure(&self) -> Failure {
        Failure::of(&self.profile, &self.error)
    }
}

/// A detection, where it was found, and where it could not be looked for.
pub(crate) struct Found {
    pub(crate) source: Source,
    pub(crate) detection: Detection,
    pub(crate) failures: Vec<Failure>,
}
