//! A profile becomes a connection and a client.

use std::sync::Arc;
use std::time::Duration;

use defender_cloud_client::{AlertScope, DefenderCloudClient};
use graph_security_client::GraphSecurityClient;
use mde_client::MdeClient;
use pocketsoc_model::{Clock, Error};
use pocketsoc_transport::{Connection, Quotas, TimeLimits};

use super::{Fleet, Hunter, Source};
use crate::args::Via;
use crate::failure::{Failure, note};
use crate::profile::{App, Profile, Vendor, Way};
use crate::sign_in::Users;

/// A profile with its sources, and how its user signs in first.
pub(super) struct Connected {
    pub(super) profile: Named,
    pub(super) connection: Connection,
    pub(super) way: Option<Way>,
    pub(super) offered: Offered,
}

/// What a profile's client offers.
#[derive(Default)]
pub(super) struct Offered {
    pub(super) sources: Vec<Source>,
    pub(super) fleet: Option<Fleet>,
    pub(super) hunter: Option<Hunter>,
}

/// What is left of a profile once it is connected.
pub(super) struct Named {
    pub(super) name: String,
    pub(super) vendor: Vendor,
    pub(super) poll_every: Duration,
}

/// What all profiles have in common: time, and the quotas of the applications that some of them share.
pub(super) struct Shared {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) quotas: Quotas,
}

/// Connects a profile: three calls, as any service would make them.
pub(super) fn connect(
    profile: Profile,
    limits: TimeLimits,
    shared: &Shared,
    users: &mut Users,
) -> Result<Connected, Failure> {
    let Profile { name, vendor, auth, expires_at, warnings, cloud, base_url, authority, poll_every } =
        profile;
    let wrong = |error: Error| Failure::of(&name, &error).into_usage();
    for warning in &warnings {
        note(&format!("warning: profile \"{name}\": {warning}"));
    }
    let session = |app: &App, lasting| users.session(authority.as_deref(), app, lasting);
    let (mut credential, way) = auth.credential(session).map_err(wrong)?;
    if let Some(at) = expires_at {
        credential = credential.with_noted_expiry(at);
    }
    let mut connection = Connection::builder(credential, cloud)
        .time_limits(limits)
        .clock(Arc::clone(&shared.clock))
        .quotas(&shared.quotas)
        .user_agent("soc");
    if let Some(authority) = authority {
        connection = connection.authority(authority);
    }
    let connection = connection.build().map_err(wrong)?;
    let offered = offered(&name, vendor.clone(), &connection, base_url).map_err(wrong)?;
    Ok(Connected { profile: Named { name, vendor, poll_every }, connection, way, offered })
}

/// What a vendor's client offers.
fn offered(
    name: &str,
    vendor: Vendor,
    connection: &Connection,
    base_url: Option<String>,
) -> Result<Offered, Error> {
    let named = name.to_owned();
    Ok(match vendor {
        Vendor::DefenderEndpoint => {
            let mut client = MdeClient::builder(connection);
            if let Some(address) = base_url {
                client = client.base_url(address);
            }
            let client = client.build()?;
            let source: Source = Arc::new(client.detections(name));
            let hunter = Hunter { name: named.clone(), via: Via::Mde, hunt: Box::new(client.hunting()) };
            Offered {
                sources: vec![source],
                fleet: Some(Fleet { name: named, client }),
                hunter: Some(hunter),
            }
        }
        Vendor::DefenderForCloud(subscription) => {
            let mut client = DefenderCloudClient::builder(connection);
            if let Some(address) = base_url {
                client = client.base_url(address);
            }
            let all = client.build()?.detections(name);
            let source: Source = match subscription {
                Some(id) => Arc::new(all.within(AlertScope::subscription(id))),
                None => Arc::new(all),
            };
            Offered { sources: vec![source], ..Offered::default() }
        }
        Vendor::GraphSecurity => {
            let mut client = GraphSecurityClient::builder(connection);
            if let Some(address) = base_url {
                client = client.base_url(address);
            }
            let client = client.build()?;
            let alerts: Source = Arc::new(client.alert_detections(name));
            let hunter = Hunter { name: named, via: Via::Graph, hunt: Box::new(client.hunting()) };
            let sources = vec![alerts, Arc::new(client.incident_detections(name))];
            Offered { sources, hunter: Some(hunter), ..Offered::default() }
        }
    })
}
