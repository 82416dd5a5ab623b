//! Which grants and roles each operation needs, by product: one table for capabilities and for advice.

use serde::Serialize;

use crate::{Capabilities, Product};

/// Something that a connection may be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Operation {
    /// Read detections.
    View,
    /// Change status, verdict and assignee, and add comments, as far as the product holds them.
    Triage,
    /// Read machines.
    Machines,
    /// Isolate and release machines.
    Isolate,
    /// Read machine actions and cancel pending ones, by the permission that the guides name for it. The service lets an
    /// action also be read with `Machine.Read.All`, and cancelled with the permission that it was begun with.
    Actions,
    /// Run hunting queries.
    Hunt,
    /// Merge incidents.
    MergeIncidents,
    /// Read custom detection rules.
    DetectionRules,
    /// Create, change and delete custom detection rules.
    ManageDetectionRules,
    /// Read secure scores.
    SecureScores,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::View,
        Self::Triage,
        Self::Machines,
        Self::Isolate,
        Self::Actions,
        Self::Hunt,
        Self::MergeIncidents,
        Self::DetectionRules,
        Self::ManageDetectionRules,
        Self::SecureScores,
    ];

    /// Those that a responder needs: what [`Capabilities`] are about.
    pub const RESPONSE: [Self; 6] =
        [Self::View, Self::Triage, Self::Machines, Self::Isolate, Self::Actions, Self::Hunt];
}

/// Who acts: an application with its own permissions, or one on behalf of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Principal {
    /// An application, with application permissions.
    Application,
    /// A user, with delegated permissions. What the user may not do, the application may not either.
    User,
}

/// What an administrator has to grant for some operations, and no more than that.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RequiredPermissions {
    /// Application permissions of the app registration.
    pub application: Vec<&'static str>,
    /// Delegated permissions of the app registration, where users sign in instead.
    pub delegated: Vec<&'static str>,
    /// Roles in Azure, on the subscription, for the application or the user.
    pub azure_roles: Vec<&'static str>,
    /// Operations that the product does not have.
    pub unsupported: Vec<Operation>,
}

impl RequiredPermissions {
    /// The least that these operations need for a product's detections; the tables of the vendor's and our guides.
    ///
    /// ```
    /// use pocketsoc_model::{Operation, Product, RequiredPermissions};
    /// let needed = RequiredPermissions::of(&Product::DEFENDER_ENDPOINT, &[Operation::View, Operation::Isolate]);
    /// assert_eq!(needed.application, ["Alert.Read.All", "Machine.Isolate"]);
    /// assert_eq!(needed.delegated, ["Alert.Read", "Machine.Isolate"]);
    /// ```
    pub fn of(product: &Product, operations: &[Operation]) -> Self {
        let rows = rows(product);
        let mut needed = Self::default();
        for operation in Operation::ALL.into_iter().filter(|one| operations.contains(one)) {
            let Some(row) = rows.iter().find(|row| row.operation == operation) else {
                needed.unsupported.push(operation);
                continue;
            };
            // What a larger one of those asked for includes need not be granted as well.
            let mut asked = rows.iter().filter(|row| operations.contains(&row.operation));
            if asked.any(|other| other.includes == Some(operation)) {
                continue;
            }
            let (application, delegated) = match row.grant {
                Grant::Permission { application, delegated } => (application, delegated),
                Grant::AzureRole(role) => {
                    needed.azure_roles.push(role);
                    continue;
                }
            };
            needed.application.push(application);
            needed.delegated.push(delegated);
        }
        if !needed.azure_roles.is_empty() {
            needed.delegated.push(AZURE_SCOPE);
        }
        needed
    }
}

impl RequiredPermissions {
    /// What an administrator has to change for it, and where; `None` when there is nothing to grant.
    pub fn advice(&self, product: &Product, principal: Principal) -> Option<String> {
        if !self.azure_roles.is_empty() {
            let roles = self.azure_roles.join(", ");
            return Some(format!("assign {roles} under Access control (IAM) of the subscription"));
        }
        let (kind, names) = match principal {
            Principal::Application => ("application", &self.application),
            Principal::User => ("delegated", &self.delegated),
        };
        let api = match product {
            p if *p == Product::DEFENDER_ENDPOINT => "WindowsDefenderATP",
            _ => "Microsoft Graph",
        };
        (!names.is_empty()).then(|| {
            format!(
                "under API permissions of the app registration add the {kind} permissions {} of {api}, and grant admin consent",
                names.join(", ")
            )
        })
    }
}

/// What lets a user's token into Azure at all; the roles decide on the rest.
const AZURE_SCOPE: &str = "user_impersonation";

/// What one operation needs.
struct Row {
    operation: Operation,
    grant: Grant,
    /// The operation that the same grant allows as well.
    includes: Option<Operation>,
}

#[derive(Clone, Copy)]
enum Grant {
    Permission { application: &'static str, delegated: &'static str },
    AzureRole(&'static str),
}

const fn row(operation: Operation, application: &'static str, delegated: &'static str) -> Row {
    Row { operation, grant: Grant::Permission { application, delegated }, includes: None }
}

const fn role(operation: Operation, role: &'static str) -> Row {
    Row { operation, grant: Grant::AzureRole(role), includes: None }
}

impl Row {
    const fn including(mut self, operation: Operation) -> Self {
        self.includes = Some(operation);
        self
    }
}

const DEFENDER_ENDPOINT: &[Row] = &[
    row(Operation::View, "Alert.Read.All", "Alert.Read"),
    row(Operation::Triage, "Alert.ReadWrite.All", "Alert.ReadWrite").including(Operation::View),
    row(Operation::Machines, "Machine.Read.All", "Machine.Read"),
    row(Operation::Isolate, "Machine.Isolate", "Machine.Isolate"),
    row(Operation::Actions, "Machine.ReadWrite.All", "Machine.ReadWrite").including(Operation::Machines),
    row(Operation::Hunt, "AdvancedQuery.Read.All", "AdvancedQuery.Read"),
];
const DEFENDER_FOR_CLOUD: &[Row] = &[
    role(Operation::View, "Security Reader"),
    role(Operation::Triage, "Security Admin").including(Operation::View),
];
const GRAPH_ALERT: &[Row] = &[
    row(Operation::View, "SecurityAlert.Read.All", "SecurityAlert.Read.All"),
    row(Operation::Triage, "SecurityAlert.ReadWrite.All", "SecurityAlert.ReadWrite.All")
        .including(Operation::View),
    row(Operation::Hunt, "ThreatHunting.Read.All", "ThreatHunting.Read.All"),
    RULES,
    MANAGE_RULES,
    SCORES,
];
const GRAPH_INCIDENT: &[Row] = &[
    row(Operation::View, "SecurityIncident.Read.All", "SecurityIncident.Read.All"),
    row(Operation::Triage, "SecurityIncident.ReadWrite.All", "SecurityIncident.ReadWrite.All")
        .including(Operation::View),
    row(Operation::Hunt, "ThreatHunting.Read.All", "ThreatHunting.Read.All"),
    // Another one than for changes of any other kind.
    row(Operation::MergeIncidents, "SecurityData.Manage.All", "SecurityData.Manage.All"),
    RULES,
    MANAGE_RULES,
    SCORES,
];
const RULES: Row = row(Operation::DetectionRules, "CustomDetection.Read.All", "CustomDetection.Read.All");
const MANAGE_RULES: Row =
    row(Operation::ManageDetectionRules, "CustomDetection.ReadWrite.All", "CustomDetection.ReadWrite.All")
        .including(Operation::DetectionRules);
const SCORES: Row = row(Operation::SecureScores, "SecurityEvents.Read.All", "SecurityEvents.Read.All");

fn rows(product: &Product) -> &'static [Row] {
    [
        (Product::DEFENDER_ENDPOINT, DEFENDER_ENDPOINT),
        (Product::DEFENDER_FOR_CLOUD, DEFENDER_FOR_CLOUD),
        (Product::GRAPH_ALERT, GRAPH_ALERT),
        (Product::GRAPH_INCIDENT, GRAPH_INCIDENT),
    ]
    .into_iter()
    .find_map(|(known, rows)| (known == *product).then_some(rows))
    .unwrap_or_default()
}

impl Capabilities {
    /// What the grants of a token allow, by the product's table. `has` says whether a permission or a role is there, and
    /// `None` where nobody knows.
    #[must_use]
    pub fn of(product: &Product, principal: Principal, has: impl Fn(&str) -> Option<bool>) -> Self {
        let rows = rows(product);
        let granted = |row: &Row| match row.grant {
            Grant::AzureRole(role) => has(role),
            Grant::Permission { application, delegated } => {
                [has(application), has(delegated)].into_iter().max().flatten()
            }
        };
        let mut can = Self::unknown();
        let mut may = |operation: Operation| {
            let Some(row) = rows.iter().find(|row| row.operation == operation) else { return Some(false) };
            let larger = rows.iter().filter(|other| other.includes == Some(operation));
            let allowed = larger.chain([row]).map(granted).max().flatten();
            if allowed == Some(false) {
                can.missing.push(match (row.grant, principal) {
                    (Grant::AzureRole(role), _) => role.to_owned(),
                    (Grant::Permission { application, .. }, Principal::Application) => application.to_owned(),
                    (Grant::Permission { delegated, .. }, Principal::User) => delegated.to_owned(),
                });
            }
            allowed
        };
        let all = Operation::RESPONSE.map(&mut may);
        let lacking: Vec<_> = Operation::RESPONSE
            .into_iter()
            .zip(all)
            .filter(|(_, may)| *may == Some(false))
            .map(|(o, _)| o)
            .collect();
        can.advice = RequiredPermissions::of(product, &lacking).advice(product, principal);
        let [view, triage, machines, isolate, actions, hunt] = all;
        (can.view, can.triage, can.machines) = (view, triage, machines);
        (can.isolate, can.actions, can.hunt) = (isolate, actions, hunt);
        // Azure holds the status of an alert and nothing else of a triage.
        let beside = if *product == Product::DEFENDER_FOR_CLOUD { Some(false) } else { triage };
        (can.classify, can.assign, can.comment) = (beside, beside, beside);
        can
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_grants_are_those_of_the_guides() {
        let of = |product: &Product| RequiredPermissions::of(product, &Operation::RESPONSE);
        let endpoint = of(&Product::DEFENDER_ENDPOINT);
        assert_eq!(
            endpoint.application,
            ["Alert.ReadWrite.All", "Machine.Isolate", "Machine.ReadWrite.All", "AdvancedQuery.Read.All"]
        );
        assert_eq!(
            endpoint.delegated,
            ["Alert.ReadWrite", "Machine.Isolate", "Machine.ReadWrite", "AdvancedQuery.Read"]
        );
        assert!(endpoint.azure_roles.is_empty() && endpoint.unsupported.is_empty());

        let cloud = of(&Product::DEFENDER_FOR_CLOUD);
        assert!(cloud.application.is_empty(), "no API permission need be added");
        assert_eq!(
            (cloud.delegated, cloud.azure_roles),
            (vec!["user_impersonation"], vec!["Security Admin"])
        );
        assert!(cloud.unsupported.contains(&Operation::Isolate));
        let view = RequiredPermissions::of(&Product::DEFENDER_FOR_CLOUD, &[Operation::View]);
        assert_eq!(view.azure_roles, ["Security Reader"]);

        let incidents = RequiredPermissions::of(&Product::GRAPH_INCIDENT, &[Operation::Triage]);
        assert_eq!(incidents.application, ["SecurityIncident.ReadWrite.All"]);
        let all = RequiredPermissions::of(&Product::GRAPH_INCIDENT, &Operation::ALL).application;
        let all: Vec<_> = all.into_iter().skip(2).collect();
        assert_eq!(
            all,
            ["SecurityData.Manage.All", "CustomDetection.ReadWrite.All", "SecurityEvents.Read.All"]
        );
        assert_eq!(RequiredPermissions::of(&Product::new("acme"), &[]), RequiredPermissions::default());
    }

    #[test]
    fn a_grant_allows_what_it_includes_and_what_is_missing_is_named_for_who_asks() {
        let with = |granted: &'static [&str], principal| {
            Capabilities::of(&Product::DEFENDER_ENDPOINT, principal, |name| Some(granted.contains(&name)))
        };
        let can = with(&["Alert.ReadWrite.All", "Machine.Read.All"], Principal::Application);
        assert_eq!((can.view, can.triage, can.machines), (Some(true), Some(true), Some(true)));
        assert_eq!(can.missing, ["Machine.Isolate", "Machine.ReadWrite.All", "AdvancedQuery.Read.All"]);
        let can = with(&["Alert.Read"], Principal::User);
        assert_eq!((can.view, can.triage, can.hunt), (Some(true), Some(false), Some(false)));
        assert_eq!(can.missing[0], "Alert.ReadWrite");
        let advice = can.advice.unwrap();
        assert!(
            advice.contains("API permissions")
                && advice.contains("the delegated permissions Alert.ReadWrite,")
        );

        let unknown = Capabilities::of(&Product::DEFENDER_FOR_CLOUD, Principal::User, |_| None);
        assert_eq!((unknown.view, unknown.isolate, unknown.comment), (None, Some(false), Some(false)));
        assert!(unknown.missing.is_empty());
    }
}
