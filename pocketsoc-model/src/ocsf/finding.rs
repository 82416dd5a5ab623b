//! A detection as a finding: each field to its place.

use chrono::{DateTime, Utc};

use super::evidence::{self, observables};
use super::{
    Account, Activity, Analytic, Attack, Cloud, DetectionFinding, FindingInfo, Metadata, ProductInfo,
    RelatedEvent, ResourceDetails, Unmapped, User, VERSION, WellKnown,
};
use crate::{Classification, Detection, Determination, Product, Severity, Status, Tactic};

const CLASS: u16 = 2004;

pub(super) fn of(d: &Detection, activity: Activity) -> DetectionFinding {
    let (severity_id, severity) = severity(d);
    let (status_id, status) = status(d);
    let (verdict_id, verdict) = d.classification.map(|c| verdict(c, d.determination)).unzip();
    let evidences: Vec<_> = d.entities.iter().map(evidence::of).collect();
    let assignee = d.assigned_to.clone().filter(|name| !name.is_empty()).map(user);
    let cloud = cloud(d);
    let mut profiles = Vec::new();
    if verdict_id.is_some() || assignee.is_some() {
        profiles.push("incident");
    }
    if cloud.is_some() {
        profiles.push("cloud");
    }
    DetectionFinding {
        activity_id: activity.id(),
        activity_name: activity.to_string(),
        category_uid: 2,
        category_name: "Findings",
        class_uid: CLASS,
        class_name: "Detection Finding",
        type_uid: u32::from(CLASS) * 100 + u32::from(activity.id()),
        type_name: format!("Detection Finding: {activity}"),
        time: time(d),
        severity_id,
        severity,
        status_id,
        status,
        message: d.title.clone(),
        is_alert: activity == Activity::Create,
        metadata: metadata(d, profiles),
        finding_info: finding_info(d),
        unmapped: unmapped(d),
        start_time: d.first_activity_at.map(millis),
        end_time: d.last_activity_at.map(millis),
        comment: comment(d),
        device: evidences.iter().find_map(|e| e.device.clone()),
        assignee,
        verdict_id,
        verdict,
        cloud,
        raw_data: None,
        observables: observables(&evidences, &d.entities),
        evidences,
        resources: d.resources.iter().map(resource).collect(),
    }
}

impl DetectionFinding {
    /// With the source's own object as `raw_data`, without the white space between tokens.
    #[must_use]
    pub fn with_raw_data(mut self, detection: &Detection) -> Self {
        self.raw_data = detection.raw.as_ref().map(crate::RawJson::compact);
        self
    }
}

pub(super) fn millis(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

/// When it was raised, or the first time that is named.
fn time(d: &Detection) -> i64 {
    let times = [d.created_at, d.updated_at, d.first_activity_at, d.last_activity_at, d.resolved_at];
    times.into_iter().flatten().next().map(millis).unwrap_or_default()
}

fn severity(d: &Detection) -> (u8, String) {
    let (id, caption) = match d.severity {
        Severity::Unknown => (0, "Unknown"),
        Severity::Informational => (1, "Informational"),
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
        Severity::Critical => (5, "Critical"),
    };
    (id, caption.to_owned())
}

/// The workflow; what the schema has no number for keeps its own word.
fn status(d: &Detection) -> (u8, String) {
    let own = || d.native_status.clone().unwrap_or_else(|| d.status.to_string());
    match d.status {
        Status::Active => (1, "New".into()),
        Status::InProgress => (2, "In Progress".into()),
        Status::Dismissed => (3, "Suppressed".into()),
        Status::Resolved => (4, "Resolved".into()),
        Status::AwaitingAction | Status::Merged => (99, own()),
        Status::Unknown => (0, "Unknown".into()),
    }
}

fn verdict(classification: Classification, determination: Option<Determination>) -> (u8, &'static str) {
    match (classification, determination) {
        (Classification::FalsePositive, Some(Determination::InsufficientData)) => (7, "Insufficient Data"),
        (Classification::FalsePositive, _) => (1, "False Positive"),
        (Classification::TruePositive, _) => (2, "True Positive"),
        (Classification::InformationalExpected, Some(Determination::SecurityTesting)) => (6, "Test"),
        (Classification::InformationalExpected, _) => (5, "Benign"),
        (Classification::Unknown, _) => (0, "Unknown"),
    }
}

fn user(name: String) -> User {
    let email_addr = Some(name.clone()).filter(|name| evidence::is_email(name));
    User { name: Some(name), email_addr, ..User::default() }
}

fn metadata(d: &Detection, profiles: Vec<&'static str>) -> Metadata {
    let (name, vendor) = if d.product == Product::DEFENDER_ENDPOINT {
        ("Microsoft Defender for Endpoint", "Microsoft")
    } else if d.product == Product::DEFENDER_FOR_CLOUD {
        ("Microsoft Defender for Cloud", "Microsoft")
    } else if d.product == Product::GRAPH_ALERT || d.product == Product::GRAPH_INCIDENT {
        (d.properties.get("productName").unwrap_or("Microsoft Defender XDR"), "Microsoft")
    } else {
        (d.product.as_str(), d.product.as_str())
    };
    Metadata {
        version: VERSION,
        product: ProductInfo {
            name: name.to_owned(),
            uid: d.product.as_str().to_owned(),
            vendor_name: vendor.to_owned(),
        },
        tenant_uid: d.tenant_id.clone(),
        original_time: d.created_at.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)),
        profiles,
        labels: d.tags.clone(),
    }
}

fn finding_info(d: &Detection) -> FindingInfo {
    let rule = ["detectorId", "alertType"].into_iter().find_map(|name| d.properties.get(name));
    let source = ["detectionSource", "serviceSource", "productComponentName"];
    FindingInfo {
        uid: d.id.to_string(),
        title: d.title.clone(),
        desc: d.description.clone(),
        created_time: d.created_at.map(millis),
        modified_time: d.updated_at.map(millis),
        first_seen_time: d.first_activity_at.map(millis),
        last_seen_time: d.last_activity_at.map(millis),
        src_url: d.url.clone(),
        analytic: rule.map(|uid| Analytic { uid: uid.to_owned(), type_id: 0 }),
        types: d.category.iter().cloned().collect(),
        attacks: attacks(d),
        data_sources: source
            .into_iter()
            .filter_map(|name| d.properties.get(name))
            .map(str::to_owned)
            .collect(),
        related_events: d
            .incident_id
            .iter()
            .map(|id| RelatedEvent { uid: id.as_str().to_owned(), r#type: Some("incident".into()) })
            .collect(),
    }
}

fn attacks(d: &Detection) -> Vec<Attack> {
    let id_of = |tactic: &Tactic| Tactic::ALL.into_iter().find(|(t, _)| t == tactic).map(|(_, id)| id);
    let tactics = d.tactics.iter().map(|tactic| Attack {
        tactic: Some(WellKnown {
            uid: id_of(tactic).unwrap_or_default().to_owned(),
            name: Some(title(tactic.as_str())),
        }),
        ..Attack::default()
    });
    let techniques = d.techniques.iter().map(|id| {
        let well_known = |uid: &str| Some(WellKnown { uid: uid.to_owned(), name: None });
        Attack {
            tactic: None,
            technique: well_known(id.technique()),
            sub_technique: id.sub_technique().and_then(|_| well_known(id.as_str())),
        }
    });
    tactics.chain(techniques).collect()
}

/// ATT&CK's own spelling of a tactic's name.
fn title(word: &str) -> String {
    let capital = |part: &str| {
        let (first, rest) = part.split_at(usize::from(part != "and"));
        first.to_uppercase() + rest
    };
    word.split('_').map(capital).collect::<Vec<_>>().join(" ")
}

/// All remarks in one text: the schema has one place.
fn comment(d: &Detection) -> Option<String> {
    let line = |c: &crate::Comment| match &c.created_by {
        Some(by) => format!("{by}: {}", c.text),
        None => c.text.clone(),
    };
    (!d.comments.is_empty()).then(|| d.comments.iter().map(line).collect::<Vec<_>>().join("\n"))
}

fn cloud(d: &Detection) -> Option<Cloud> {
    let provider = d.provider.clone().filter(|p| !p.is_empty())?;
    let mut ids = d.resources.iter().map(|r| r.id.as_str()).chain([d.id.as_str()]);
    // An alert about another cloud lives in Azure all the same.
    let in_azure = provider.eq_ignore_ascii_case("azure");
    let account = ids
        .find_map(subscription)
        .filter(|_| in_azure)
        .map(|uid| Account { uid: uid.to_owned(), type_id: 13 });
    Some(Cloud { provider, account })
}

/// The subscription that an Azure resource belongs to.
fn subscription(resource: &str) -> Option<&str> {
    let mut parts = resource.split('/').skip(1);
    parts.next().filter(|first| first.eq_ignore_ascii_case("subscriptions"))?;
    parts.next().filter(|id| !id.is_empty())
}

fn resource(r: &crate::Resource) -> ResourceDetails {
    ResourceDetails { uid: Some(r.id.clone()), name: r.name.clone(), r#type: r.kind.clone() }
}

fn unmapped(d: &Detection) -> Unmapped {
    Unmapped {
        profile: Some(d.profile.clone()).filter(|p| !p.is_empty()),
        native_status: d.native_status.clone(),
        native_severity: d.native_severity.clone(),
        merged_into: d.merged_into.clone(),
        determination: d.determination,
        resolved_at: d.resolved_at,
        machine_group: d.machine_group.clone(),
        properties: Some(d.properties.clone()).filter(|p| !p.is_empty()),
        correlation_keys: d.correlation_keys.clone(),
        comments: d.comments.clone(),
        links: d.links.clone(),
        allowed_statuses: d.allowed_statuses.clone(),
    }
}
