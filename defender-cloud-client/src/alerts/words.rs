//! The words of alerts.

use std::fmt;

use pocketsoc_model::open_enum;

open_enum! {
    /// How bad an alert is.
    pub enum AlertSeverity {
        /// For information.
        Informational = "Informational",
        /// Low.
        Low = "Low",
        /// Medium.
        Medium = "Medium",
        /// High.
        High = "High",
    }
}

open_enum! {
    /// Where an alert stands.
    pub enum AlertStatus {
        /// Nobody has handled it. Pushed alerts say `New`.
        Active = "Active" | "New",
        /// It is being handled.
        InProgress = "InProgress",
        /// It has been handled.
        Resolved = "Resolved",
        /// A false positive, or not relevant; also set by suppression rules.
        Dismissed = "Dismissed",
    }
}

open_enum! {
    /// What a resource identifier identifies.
    pub enum ResourceIdentifierKind {
        /// A resource in Azure.
        AzureResource = "AzureResource",
        /// A Log Analytics workspace, and the agent that reported.
        LogAnalytics = "LogAnalytics",
        /// An Entra tenant.
        Aad = "AAD",
    }
}

/// What can be done with an alert: each sets a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AlertAction {
    /// Makes it active.
    Activate,
    /// Marks it as being handled.
    InProgress,
    /// Resolves it.
    Resolve,
    /// Dismisses it.
    Dismiss,
}

impl AlertAction {
    /// The last part of the action's address.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Activate => "activate",
            Self::InProgress => "inProgress",
            Self::Resolve => "resolve",
            Self::Dismiss => "dismiss",
        }
    }

    pub(crate) fn operation(self) -> &'static str {
        match self {
            Self::Activate => "activate the alert",
            Self::InProgress => "set the alert in progress",
            Self::Resolve => "resolve the alert",
            Self::Dismiss => "dismiss the alert",
        }
    }
}

impl fmt::Display for AlertAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
