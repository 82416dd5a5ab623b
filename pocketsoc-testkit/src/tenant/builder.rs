//! A tenant to be set up: how much there is in it, and how it behaves.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::DateTime;
use pocketsoc_model::{Clock, ManualClock};

use super::entra::{App, Sessions};
use super::graph::GraphTroubles;
use super::{Shared, State, Tenant, arm, hunting, mde, quotas};
use crate::population::{self, ATTACK};

/// A [`Tenant`] to be adjusted.
#[must_use]
pub struct TenantBuilder {
    clock: Option<Arc<dyn Clock>>,
    seed: u64,
    alerts: usize,
    cloud_alerts: usize,
    page_cap: usize,
    token_life: Duration,
    agents_take: Duration,
    recording: bool,
}

impl TenantBuilder {
    pub(super) fn new() -> Self {
        Self {
            clock: None,
            seed: 7,
            alerts: 60,
            cloud_alerts: 36,
            page_cap: 10_000,
            token_life: Duration::from_secs(3599),
            agents_take: Duration::from_secs(20),
            recording: true,
        }
    }

    /// The tenant's clock; unless given, one that stands still.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Another seed: another population.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// So many alerts in Defender for Endpoint; 60 unless given.
    pub fn alerts(mut self, count: usize) -> Self {
        self.alerts = count;
        self
    }

    /// So many alerts in Defender for Cloud, over all subscriptions; 36 unless given: three of each family.
    pub fn cloud_alerts(mut self, count: usize) -> Self {
        self.cloud_alerts = count;
        self
    }

    /// No page is larger than this; beyond it the tenant gives next links. 10,000 unless given.
    pub fn page_cap(mut self, elements: usize) -> Self {
        self.page_cap = elements.max(1);
        self
    }

    /// How long tokens live; just under an hour unless given.
    pub fn token_life(mut self, life: Duration) -> Self {
        self.token_life = life;
        self
    }

    /// How long machines take to do what they are told; 20 seconds unless given. One that is off is given up after
    /// fifteen times that.
    pub fn agents_take(mut self, time: Duration) -> Self {
        self.agents_take = time;
        self
    }

    /// Does not keep the requests: for long runs.
    pub fn without_recording(mut self) -> Self {
        self.recording = false;
        self
    }

    /// The tenant.
    pub fn build(self) -> Tenant {
        let epoch = DateTime::from_timestamp(1_790_000_000, 0).unwrap_or_default();
        let clock = self.clock.unwrap_or_else(|| Arc::new(ManualClock::at(epoch)));
        let machines = population::machines(self.seed);
        let now = clock.now();
        let alerts = population::alerts(self.seed, self.alerts, machines.len(), now);
        // The attack that all services see happens on the machine of the first alert.
        let attacked = &machines[alerts.first().map_or(0, |a| a.machine % machines.len())];
        let cloud = population::cloud_alerts(self.seed, self.cloud_alerts, attacked, now);
        let elsewhere = population::elsewhere(self.seed, machines.len(), now);
        let numbers =
            alerts.iter().chain(&elsewhere).map(|a| a.incident).chain(cloud.iter().map(|c| c.incident));
        let last = numbers.max().unwrap_or(ATTACK);
        let incidents = population::incidents(self.seed, last - ATTACK + 1, now);
        Tenant(Arc::new(Shared {
            id: Tenant::ID.into(),
            clock,
            machines,
            page_cap: self.page_cap,
            token_life: self.token_life,
            agents_take: self.agents_take,
            recording: self.recording,
            state: Mutex::new(State {
                apps: vec![
                    App::new(Tenant::CLIENT_ID, Tenant::SECRET),
                    App::public(Tenant::DESKTOP_CLIENT_ID),
                    App::new(Tenant::READER_CLIENT_ID, Tenant::SECRET).reading_only(),
                ],
                alerts,
                elsewhere,
                cloud,
                incidents,
                tokens: HashMap::new(),
                sessions: Sessions::default(),
                mde: mde::Records::default(),
                arm: arm::Records::default(),
                buckets: arm::Buckets::default(),
                hunting: hunting::Limits::default(),
                graph_troubles: GraphTroubles::default(),
                graph_rules: Vec::new(),
                quotas: quotas::Counted::default(),
                processes: hunting::Processes { count: 200, until: now },
                minted: 0,
                faults: Vec::new(),
                requests: Vec::new(),
            }),
        }))
    }
}

impl fmt::Debug for TenantBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantBuilder")
            .field("seed", &self.seed)
            .field("alerts", &self.alerts)
            .finish_non_exhaustive()
    }
}
