//! What is known to go wrong with the lists of Graph security, each to be switched on.

use chrono::{DateTime, TimeDelta, Utc};

use super::alerts;
use crate::population::Tracked;
use crate::tenant::{State, Tenant};

/// What goes wrong with the lists of Graph security. Nothing unless said.
#[derive(Debug, Clone, Copy, Default)]
#[must_use]
pub struct GraphTroubles {
    pub(super) largest_page: Option<usize>,
    pub(super) most_alerts: Option<usize>,
    pub(super) links_die_at: Option<usize>,
    pub(super) stalls_at: Option<usize>,
    pub(super) skips: bool,
    pub(super) silent: bool,
}

impl GraphTroubles {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// A `$top` above this is refused with 400, without a reason.
    pub fn refusing_pages_above(mut self, elements: usize) -> Self {
        self.largest_page = Some(elements);
        self
    }

    /// Incidents with more alerts than this, all of an answer together, fail with 500.
    pub fn failing_above_alerts(mut self, alerts: usize) -> Self {
        self.most_alerts = Some(alerts);
        self
    }

    /// Links that lead beyond so many elements are rejected by the service that gave them.
    pub fn with_links_that_die_at(mut self, elements: usize) -> Self {
        self.links_die_at = Some(elements);
        self
    }

    /// Beyond so many elements no link is given, though there is more.
    pub fn stalling_at(mut self, elements: usize) -> Self {
        self.stalls_at = Some(elements);
        self
    }

    /// Links pass over elements by `$skip`.
    pub fn with_links_by_skip(mut self) -> Self {
        self.skips = true;
        self
    }

    /// No page has a link to more.
    pub fn without_links(mut self) -> Self {
        self.silent = true;
        self
    }
}

impl Tenant {
    /// From now on the lists of Graph security have these troubles.
    pub fn trouble_graph(&self, troubles: GraphTroubles) {
        self.lock().graph_troubles = troubles;
    }

    /// The alerts that Graph shows, each with its last update.
    pub fn graph_alert_versions(&self) -> Vec<(String, DateTime<Utc>)> {
        let state = self.lock();
        alerts::sights(&state).into_iter().map(|s| (s.id(), s.tracked().now().updated)).collect()
    }

    /// The incidents, each with its last update.
    pub fn incident_versions(&self) -> Vec<(String, DateTime<Utc>)> {
        let state = self.lock();
        state.incidents.iter().map(|i| (i.id.to_string(), i.triage.now().updated)).collect()
    }

    /// Changes an alert or an incident that Graph shows, now.
    pub fn touch_in_graph(&self, id: &str) {
        let (now, mut state) = (self.clock().now(), self.lock());
        if let Ok(alert) = alerts::tracked(&mut state, id) {
            alert.change(now, |_| {});
        }
        for incident in state.incidents.iter_mut().filter(|i| i.id.to_string() == id) {
            incident.triage.change(now, |_| {});
        }
    }

    /// Cuts all update times down to multiples of a time: many things change at one instant.
    pub fn align_updates(&self, grain: TimeDelta) {
        let grain = grain.num_nanoseconds().unwrap_or(1).max(1);
        let align = |tracked: &mut Tracked| {
            let at = tracked.now().updated.timestamp_nanos_opt().unwrap_or_default();
            tracked.change(DateTime::from_timestamp_nanos(at - at.rem_euclid(grain)), |_| {});
        };
        let mut state = self.lock();
        let State { alerts, elsewhere, cloud, incidents, .. } = &mut *state;
        alerts.iter_mut().chain(elsewhere).map(|one| &mut one.triage).for_each(align);
        let incidents = incidents.iter_mut().map(|one| &mut one.triage);
        cloud.iter_mut().map(|one| &mut one.triage).chain(incidents).for_each(align);
    }
}
