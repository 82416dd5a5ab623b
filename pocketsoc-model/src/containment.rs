//! Isolating hosts: a second, small trait for products that can.

use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Capabilities, Result};

crate::id_type! {
    /// The product's own id of a host.
    pub struct HostId("host id");
}

crate::id_type! {
    /// The product's own id of a containment action.
    pub struct ActionId("action id");
}

/// How far an isolation goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum IsolationScope {
    /// Everything but the product's own channel is cut.
    #[default]
    Full,
    /// Mail and messaging keep working.
    Selective,
}

/// An isolation and its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Isolation {
    /// How far it goes.
    pub scope: IsolationScope,
    /// Why: shown in the product's audit log.
    pub comment: String,
}

impl Isolation {
    /// A full isolation.
    pub fn full(comment: impl Into<String>) -> Self {
        Self { scope: IsolationScope::Full, comment: comment.into() }
    }

    /// A selective isolation.
    pub fn selective(comment: impl Into<String>) -> Self {
        Self { scope: IsolationScope::Selective, comment: comment.into() }
    }
}

/// How far an action has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ActionStatus {
    /// Accepted, not started.
    Pending,
    /// Running.
    InProgress,
    /// Done.
    Succeeded,
    /// Not done.
    Failed,
    /// The host did not answer in time.
    TimedOut,
    /// Called off.
    Cancelled,
    /// A word that this version does not know.
    Unknown,
}

impl ActionStatus {
    /// Whether it will not change any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::TimedOut | Self::Cancelled)
    }
}

/// A containment action as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ContainmentAction {
    /// Its id.
    pub id: ActionId,
    /// The host it acts on.
    pub host: HostId,
    /// How far it has come.
    pub status: ActionStatus,
    /// When it was asked for.
    pub created_at: Option<DateTime<Utc>>,
}

impl ContainmentAction {
    /// An action on a host.
    pub fn new(id: ActionId, host: HostId, status: ActionStatus) -> Self {
        Self { id, host, status, created_at: None }
    }
}

/// A host as far as containment needs to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Host {
    /// The product's own id.
    pub id: HostId,
    /// Its name.
    pub name: String,
}

impl Host {
    /// A host with a name.
    pub fn new(id: HostId, name: impl Into<String>) -> Self {
        Self { id, name: name.into() }
    }
}

/// For products that can cut a host off the network.
///
/// # Contract
///
/// An isolation is never sent twice for one call: a failure after which it may have happened is `OutcomeUnknown`.
/// `find_host` never guesses: several hosts that fit are `Ambiguous`, with the candidates.
#[async_trait]
pub trait HostContainment: Debug + Send + Sync + 'static {
    /// What the product can do and the credential may do. Never a write, never a probe that acts.
    ///
    /// # Errors
    /// When it cannot sign in.
    async fn capabilities(&self) -> Result<Capabilities>;

    /// The one host with this id, name or address.
    ///
    /// # Errors
    /// `NotFound`, or `Ambiguous` with the candidates.
    async fn find_host(&self, name: &str) -> Result<Host>;

    /// Cuts a host off the network.
    ///
    /// # Errors
    /// `OutcomeUnknown` when it may have happened; `Conflict` when another action is running.
    async fn isolate(&self, host: &HostId, isolation: &Isolation) -> Result<ContainmentAction>;

    /// Puts a host back on the network.
    ///
    /// # Errors
    /// As [`isolate`](Self::isolate).
    async fn release(&self, host: &HostId, comment: &str) -> Result<ContainmentAction>;

    /// An action as it stands now.
    ///
    /// # Errors
    /// `NotFound` when there is none with this id.
    async fn action(&self, id: &ActionId) -> Result<ContainmentAction>;

    /// Calls an action off, while it is not final.
    ///
    /// # Errors
    /// `Conflict` when it is final.
    async fn cancel(&self, id: &ActionId, comment: &str) -> Result<ContainmentAction>;
}
