//! An alert as Defender for Endpoint writes it: flat evidence, nulls for what is not of its kind, odd fractions.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Serialize;

use crate::population::{AlertRecord, Clue, Machine, PEOPLE, Triage, guid, hex};
use crate::tenant::Tenant;

/// A time as the service writes it: seven digits at most, zeros at the end dropped.
pub(in crate::tenant) fn stamp(at: DateTime<Utc>) -> String {
    let text = at.to_rfc3339_opts(SecondsFormat::Nanos, true);
    let (seconds, fraction) = text.trim_end_matches('Z').split_once('.').unwrap_or((&text, ""));
    match fraction.get(..7).unwrap_or(fraction).trim_end_matches('0') {
        "" => format!("{seconds}Z"),
        fraction => format!("{seconds}.{fraction}Z"),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rendered<'a> {
    id: &'a str,
    incident_id: i64,
    investigation_id: Option<i64>,
    assigned_to: Option<&'a str>,
    severity: &'a str,
    status: &'a str,
    classification: Option<&'a str>,
    determination: Option<&'a str>,
    investigation_state: &'a str,
    detection_source: &'a str,
    detector_id: String,
    category: &'a str,
    threat_family_name: Option<&'a str>,
    title: &'a str,
    description: &'a str,
    alert_creation_time: String,
    first_event_time: String,
    last_event_time: String,
    last_update_time: String,
    resolved_time: Option<String>,
    machine_id: &'a str,
    computer_dns_name: &'a str,
    rbac_group_name: &'a str,
    aad_tenant_id: &'a str,
    threat_name: Option<&'a str>,
    mitre_techniques: &'a [&'a str],
    related_user: Option<RelatedUser<'a>>,
    logged_on_users: [(); 0],
    comments: Vec<CommentWire<'a>>,
    evidence: Vec<Evidence<'a>>,
    domains: [(); 0],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RelatedUser<'a> {
    user_name: &'a str,
    domain_name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CommentWire<'a> {
    comment: &'a str,
    created_by: &'a str,
    created_time: String,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_field_names)] // the service's own names
struct Evidence<'a> {
    entity_type: &'a str,
    evidence_creation_time: String,
    sha1: Option<String>,
    sha256: Option<String>,
    file_name: Option<&'a str>,
    file_path: Option<&'a str>,
    process_id: Option<u32>,
    process_command_line: Option<&'a str>,
    process_creation_time: Option<String>,
    parent_process_id: Option<u32>,
    parent_process_creation_time: Option<String>,
    parent_process_file_name: Option<&'a str>,
    parent_process_file_path: Option<&'a str>,
    ip_address: Option<&'a str>,
    url: Option<&'a str>,
    registry_key: Option<&'a str>,
    registry_hive: Option<&'a str>,
    registry_value_type: Option<&'a str>,
    registry_value: Option<&'a str>,
    registry_value_name: Option<&'a str>,
    account_name: Option<&'a str>,
    domain_name: Option<&'a str>,
    user_sid: Option<String>,
    aad_user_id: Option<String>,
    user_principal_name: Option<String>,
    detection_status: Option<&'a str>,
}

const DOMAIN: &str = "CONTOSO";
/// What the service names beside most stories: the shell that the user works in.
pub(in crate::tenant) static SHELL: Clue =
    Clue::Process("explorer.exe", "C:\\Windows", "C:\\Windows\\Explorer.EXE /NOUACCHECK", "userinit.exe");

impl<'a> Rendered<'a> {
    pub(super) fn new(
        alert: &'a AlertRecord,
        triage: &'a Triage,
        machines: &'a [Machine],
        expand: bool,
    ) -> Self {
        let story = alert.story;
        let machine = &machines[alert.machine % machines.len()];
        let (account, _) = PEOPLE[alert.user % PEOPLE.len()];
        let grain = alert.grain;
        Self {
            id: &alert.id,
            incident_id: alert.incident,
            investigation_id: alert.investigation(),
            assigned_to: triage.assigned_to.as_deref(),
            severity: alert.severity,
            status: &triage.status,
            classification: triage.classification.as_deref(),
            determination: triage.determination.as_deref(),
            investigation_state: ["Queued", "UnsupportedAlertType", "Benign", "TerminatedBySystem"]
                [usize::try_from(grain % 4).unwrap_or_default()],
            detection_source: story.source,
            detector_id: guid(story.title.len() as u64),
            category: story.category,
            threat_family_name: story.threat.map(|(_, family)| family),
            title: story.title,
            description: story.description,
            alert_creation_time: stamp(alert.created),
            first_event_time: stamp(alert.created - TimeDelta::seconds(140)),
            last_event_time: stamp(alert.last_event()),
            last_update_time: stamp(triage.updated),
            resolved_time: triage.resolved.map(stamp),
            machine_id: &machine.id,
            computer_dns_name: &machine.name,
            rbac_group_name: machine.group,
            aad_tenant_id: Tenant::ID,
            threat_name: story.threat.map(|(name, _)| name),
            mitre_techniques: story.techniques,
            related_user: Some(RelatedUser { user_name: account, domain_name: DOMAIN }),
            logged_on_users: [],
            comments: triage
                .remarks
                .iter()
                .map(|r| CommentWire { comment: &r.text, created_by: &r.by, created_time: stamp(r.at) })
                .collect(),
            evidence: if expand { evidence(alert, account) } else { Vec::new() },
            domains: [],
        }
    }

    pub(super) fn json(&self) -> String {
        // Plain data: it cannot fail to be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn evidence<'a>(alert: &'a AlertRecord, account: &'a str) -> Vec<Evidence<'a>> {
    // What belongs to other products is not among its evidence.
    let clues: Vec<&'static Clue> = alert.story.clues.iter().chain([&SHELL]).collect();
    let clue = |(n, clue): (usize, &&'static Clue)| -> Option<Evidence<'a>> {
        let (seed, process) = (alert.grain ^ n as u64, alert.process(n, &clues));
        let pid = |which: usize| u32::try_from(process[which].0).ok();
        let base = Evidence {
            evidence_creation_time: stamp(alert.created + TimeDelta::milliseconds(420)),
            ..Evidence::default()
        };
        Some(match **clue {
            Clue::Mail(..) | Clue::Mailbox | Clue::App(..) | Clue::Odd(..) => return None,
            Clue::User => Evidence {
                entity_type: "User",
                account_name: Some(account),
                domain_name: Some(DOMAIN),
                user_sid: Some(format!("S-1-5-21-11111607-1111760036-109187956-{}", 1100 + alert.user)),
                aad_user_id: Some(guid(alert.user as u64)),
                user_principal_name: Some(format!("{account}@contoso.example")),
                ..base
            },
            Clue::Process(name, folder, command_line, parent) => Evidence {
                entity_type: "Process",
                sha1: Some(hex(seed, 40)),
                sha256: Some(hex(seed, 64)),
                file_name: Some(name),
                file_path: Some(folder),
                process_id: pid(0),
                process_command_line: Some(command_line),
                process_creation_time: Some(stamp(process[0].1)),
                parent_process_id: pid(1),
                parent_process_creation_time: Some(stamp(process[1].1)),
                parent_process_file_name: Some(parent),
                parent_process_file_path: Some("C:\\Windows\\System32"),
                detection_status: Some("Detected"),
                ..base
            },
            Clue::File(name, folder) => Evidence {
                entity_type: "File",
                sha1: Some(hex(seed, 40)),
                sha256: Some(hex(seed, 64)),
                file_name: Some(name),
                file_path: Some(folder),
                detection_status: Some(if alert.story.source == "WindowsDefenderAv" {
                    "Prevented"
                } else {
                    "Detected"
                }),
                ..base
            },
            Clue::Ip(address) => Evidence { entity_type: "Ip", ip_address: Some(address), ..base },
            Clue::Url(url) => Evidence { entity_type: "Url", url: Some(url), ..base },
            Clue::Registry(hive, key, name, value) => Evidence {
                entity_type: "Registry",
                registry_hive: Some(hive),
                registry_key: Some(key),
                registry_value_name: Some(name),
                registry_value_type: Some("String"),
                registry_value: Some(value),
                ..base
            },
        })
    };
    clues.iter().enumerate().filter_map(clue).collect()
}
