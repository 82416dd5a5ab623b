//! What an alert involves: its machine, its users, its evidence.

use chrono::{DateTime, Utc};
use pocketsoc_model::{
    Device, Email, Entity, EntityKind, File, Ip, Mailbox, OtherEntity, ParentProcess, Process, RegistryValue,
    Url, User,
};

use crate::alerts::{Alert, AlertEvidence, EvidenceKind};

/// The machine first, then the users named beside the evidence, then the evidence.
pub(super) fn entities(alert: &mut Alert) -> Vec<Entity> {
    let evidence = std::mem::take(&mut alert.evidence);
    let mut entities = Vec::with_capacity(evidence.len() + 2);
    entities.extend(device(alert));
    let related = alert.related_user.take().map(|user| (user.user_name, user.domain_name));
    let logged_on =
        std::mem::take(&mut alert.logged_on_users).into_iter().map(|u| (u.account_name, u.domain_name));
    for (name, domain) in related.into_iter().chain(logged_on) {
        let Some(name) = name.filter(|name| !name.is_empty()) else { continue };
        let among_evidence = evidence.iter().any(|e| {
            e.entity_type == Some(EvidenceKind::User)
                && same_account((&e.account_name, &e.domain_name), (&name, domain.as_ref()))
        });
        let named = entities.iter().any(|e| match &e.kind {
            EntityKind::User(user) => same_account((&user.account, &user.domain), (&name, domain.as_ref())),
            _ => false,
        });
        if !among_evidence && !named {
            entities.push(account(name, domain));
        }
    }
    entities.extend(evidence.into_iter().filter(|e| !says_nothing(e)).map(entity));
    entities
}

/// The same account name, in the same domain as far as both name one.
fn same_account(one: (&Option<String>, &Option<String>), other: (&String, Option<&String>)) -> bool {
    let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    one.0.as_deref().is_some_and(|name| same(name, other.0))
        && match (one.1, other.1) {
            (Some(a), Some(b)) => same(a, b),
            _ => true,
        }
}

/// Evidence without a single value: the service sends such, and there is nothing to show of it.
fn says_nothing(evidence: &AlertEvidence) -> bool {
    let mut bare = AlertEvidence::default();
    bare.entity_type.clone_from(&evidence.entity_type);
    bare.evidence_creation_time = evidence.evidence_creation_time;
    bare.detection_status.clone_from(&evidence.detection_status);
    bare == *evidence
}

fn device(alert: &mut Alert) -> Option<Entity> {
    let (id, dns_name) = (alert.machine_id.take(), alert.computer_dns_name.take());
    let name = dns_name.clone().or_else(|| id.clone())?;
    let mut device = Device::default();
    device.id = id;
    device.dns_name = dns_name;
    device.group = alert.rbac_group_name.take();
    Some(Entity::new(EntityKind::Device(Box::new(device)), name))
}

fn account(name: String, domain: Option<String>) -> Entity {
    let mut user = User::default();
    user.account = Some(name.clone());
    user.domain = domain;
    Entity::new(EntityKind::User(Box::new(user)), name)
}

/// One piece of evidence; of a kind that is not known, everything it has is kept as properties.
fn entity(mut evidence: AlertEvidence) -> Entity {
    let seen_at = evidence.evidence_creation_time;
    let detection_status = evidence.detection_status.take();
    let mut entity = match evidence.entity_type.take() {
        Some(EvidenceKind::File) => owned(evidence, file),
        Some(EvidenceKind::Process) => owned(evidence, process),
        Some(EvidenceKind::User) => user(evidence),
        Some(EvidenceKind::Ip) => {
            Entity::new(EntityKind::Ip(Ip::default()), evidence.ip_address.unwrap_or_default())
        }
        Some(EvidenceKind::Url) => {
            Entity::new(EntityKind::Url(Url::default()), evidence.url.unwrap_or_default())
        }
        Some(EvidenceKind::Registry) => registry(evidence),
        Some(EvidenceKind::MailBox) => mailbox(evidence),
        Some(EvidenceKind::MailMessage) => message(evidence),
        kind => other(kind.as_ref(), evidence),
    };
    entity.seen_at = seen_at;
    entity.detection_status = detection_status;
    entity
}

/// A file or process, with the account it belongs to as properties.
fn owned(mut evidence: AlertEvidence, kind: fn(AlertEvidence) -> Entity) -> Entity {
    let account = [
        ("accountName", evidence.account_name.take()),
        ("domainName", evidence.domain_name.take()),
        ("userSid", evidence.user_sid.take()),
        ("aadUserId", evidence.aad_user_id.take()),
        ("userPrincipalName", evidence.user_principal_name.take()),
    ];
    let mut entity = kind(evidence);
    for (property, text) in account {
        entity.properties.set_some(property, text);
    }
    entity
}

fn mailbox(evidence: AlertEvidence) -> Entity {
    let mut mailbox = Mailbox::default();
    mailbox.address = evidence.mailbox_address.or(evidence.user_principal_name);
    mailbox.display_name = evidence.mailbox_display_name;
    let name = mailbox.address.clone().or_else(|| mailbox.display_name.clone()).or(evidence.account_name);
    Entity::new(EntityKind::Mailbox(mailbox), name.unwrap_or_default())
}

fn message(evidence: AlertEvidence) -> Entity {
    let mut email = Email::default();
    email.sender = evidence.sender;
    email.recipient = evidence.recipient;
    email.subject = evidence.subject;
    let name = email.subject.clone().or_else(|| email.sender.clone());
    Entity::new(EntityKind::Email(Box::new(email)), name.unwrap_or_default())
}

fn file(evidence: AlertEvidence) -> Entity {
    let mut file = File::default();
    file.path = evidence.file_path;
    file.sha1 = evidence.sha1;
    file.sha256 = evidence.sha256;
    let name = evidence.file_name.or_else(|| file.sha256.clone()).or_else(|| file.sha1.clone());
    Entity::new(EntityKind::File(Box::new(file)), name.unwrap_or_default())
}

fn process(evidence: AlertEvidence) -> Entity {
    let mut parent = Process::default();
    parent.pid = evidence.parent_process_id;
    parent.started_at = evidence.parent_process_creation_time;
    parent.path = evidence.parent_process_file_path;
    let known = parent.pid.is_some() || parent.path.is_some() || evidence.parent_process_file_name.is_some();
    let parent_name = evidence.parent_process_file_name.unwrap_or_default();

    let mut process = Process::default();
    process.pid = evidence.process_id;
    process.command_line = evidence.process_command_line;
    process.started_at = evidence.process_creation_time;
    process.path = evidence.file_path;
    process.sha1 = evidence.sha1;
    process.sha256 = evidence.sha256;
    process.parent = known.then(|| Box::new(ParentProcess::new(parent_name, parent)));
    let name = evidence.file_name.or_else(|| process.pid.map(|pid| pid.to_string()));
    Entity::new(EntityKind::Process(Box::new(process)), name.unwrap_or_default())
}

fn user(evidence: AlertEvidence) -> Entity {
    let mut user = User::default();
    user.account = evidence.account_name;
    user.domain = evidence.domain_name;
    user.upn = evidence.user_principal_name;
    user.sid = evidence.user_sid;
    user.aad_id = evidence.aad_user_id;
    let name = user.account.as_ref().or(user.upn.as_ref()).or(user.sid.as_ref()).cloned();
    Entity::new(EntityKind::User(Box::new(user)), name.unwrap_or_default())
}

fn registry(evidence: AlertEvidence) -> Entity {
    let mut registry = RegistryValue::default();
    registry.hive = evidence.registry_hive;
    registry.key = evidence.registry_key;
    registry.value_name = evidence.registry_value_name;
    registry.value_type = evidence.registry_value_type;
    registry.value = evidence.registry_value;
    let name = registry.key.clone().or_else(|| registry.value_name.clone());
    Entity::new(EntityKind::Registry(Box::new(registry)), name.unwrap_or_default())
}

fn other(kind: Option<&EvidenceKind>, evidence: AlertEvidence) -> Entity {
    let name = [
        &evidence.file_name,
        &evidence.user_principal_name,
        &evidence.account_name,
        &evidence.ip_address,
        &evidence.url,
        &evidence.registry_key,
    ]
    .into_iter()
    .find_map(Clone::clone)
    .unwrap_or_default();
    let mut other = OtherEntity::default();
    other.kind = kind.map(ToString::to_string).filter(|k| !k.is_empty());
    let mut entity = Entity::new(EntityKind::Other(other), name);
    let time = |t: Option<DateTime<Utc>>| t.map(|t| t.to_rfc3339());
    for (property, text) in [
        ("fileName", evidence.file_name),
        ("filePath", evidence.file_path),
        ("sha1", evidence.sha1),
        ("sha256", evidence.sha256),
        ("processId", evidence.process_id.map(|n| n.to_string())),
        ("processCommandLine", evidence.process_command_line),
        ("processCreationTime", time(evidence.process_creation_time)),
        ("parentProcessId", evidence.parent_process_id.map(|n| n.to_string())),
        ("parentProcessFileName", evidence.parent_process_file_name),
        ("parentProcessFilePath", evidence.parent_process_file_path),
        ("ipAddress", evidence.ip_address),
        ("url", evidence.url),
        ("registryHive", evidence.registry_hive),
        ("registryKey", evidence.registry_key),
        ("registryValueName", evidence.registry_value_name),
        ("registryValueType", evidence.registry_value_type),
        ("registryValue", evidence.registry_value),
        ("accountName", evidence.account_name),
        ("domainName", evidence.domain_name),
        ("userSid", evidence.user_sid),
        ("aadUserId", evidence.aad_user_id),
        ("userPrincipalName", evidence.user_principal_name),
        ("mailboxAddress", evidence.mailbox_address),
        ("mailboxDisplayName", evidence.mailbox_display_name),
        ("sender", evidence.sender),
        ("recipient", evidence.recipient),
        ("subject", evidence.subject),
    ] {
        entity.properties.set_some(property, text);
    }
    entity
}
