//! Evidence as entities: each type by what it has, the same thing once.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use pocketsoc_model::{
    Application, CloudResource, Container, Detection, Device, DomainName, Email, Entity, EntityKind, File,
    Ip, Mailbox, OtherEntity, ParentProcess, Process, Properties, RawJson, RegistryValue, Resource, Url,
    User,
};

use crate::evidence::{
    AnalyzedMessageEvidence, AzureResourceEvidence, CloudApplicationEvidence, DeviceEvidence, Evidence,
    EvidenceDetail, FileDetails, IpEvidence, MailboxEvidence, ProcessEvidence, RegistryValueEvidence,
    UserAccount,
};

/// Entities, each thing once.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) entities: Vec<Entity>,
    /// By name, where in the list, once there are many.
    places: Option<HashMap<String, Vec<usize>>>,
}

/// So many entities are looked through one by one.
const FEW: usize = 32;

/// Of the entities with one name, so many are compared; of the roles of one, so many are gathered.
const COMPARED: usize = 64;

impl Gathered {
    /// Adds an entity; one that is there already, and of which the same is said, lends its roles to the first.
    pub(super) fn add(&mut self, entity: Entity) {
        let known = match &self.places {
            None => self.entities.iter().position(|known| same(known, &entity)),
            Some(places) => {
                let mut latest = places.get(&entity.name).into_iter().flatten().rev().take(COMPARED);
                latest.find(|at| same(&self.entities[**at], &entity)).copied()
            }
        };
        if let Some(at) = known {
            return merge(&mut self.entities[at], entity);
        }
        self.entities.push(entity);
        let new = match &self.places {
            None if self.entities.len() <= FEW => return,
            None => 0,
            Some(_) => self.entities.len() - 1,
        };
        let places = self.places.get_or_insert_default();
        for (at, entity) in self.entities.iter().enumerate().skip(new) {
            places.entry(entity.name.clone()).or_default().push(at);
        }
    }
}

/// The same thing in the same state, whenever and in whichever part it was seen.
fn same(one: &Entity, other: &Entity) -> bool {
    one.name == other.name
        && one.kind == other.kind
        && one.verdict == other.verdict
        && one.remediation == other.remediation
        && one.detection_status == other.detection_status
        && one.properties == other.properties
}

fn merge(known: &mut Entity, seen_again: Entity) {
    for role in seen_again.roles {
        if known.roles.len() < COMPARED && !known.roles.contains(&role) {
            known.roles.push(role);
        }
    }
    known.seen_at = [known.seen_at, seen_again.seen_at].into_iter().flatten().min();
}

/// Resources of clouds, each once.
#[derive(Default)]
pub(super) struct Resources {
    pub(super) list: Vec<Resource>,
    known: HashSet<String>,
}

impl Resources {
    pub(super) fn add(&mut self, resource: Resource) {
        if !resource.id.is_empty() && self.known.insert(resource.id.to_ascii_lowercase()) {
            self.list.push(resource);
        }
    }
}

/// Sets the entities of an alert, and what follows from them: resources, provider, device group.
pub(super) fn set_entities(detection: &mut Detection, evidence: Vec<Evidence>, unreadable: usize) {
    if unreadable > 0 {
        // The rest of the alert is worth showing; what cannot be read is in the raw one.
        detection.properties.set("unreadableEvidence", unreadable.to_string());
    }
    let (mut gathered, mut resources) = (Gathered::default(), Resources::default());
    gathered.entities.reserve(evidence.len());
    for piece in evidence {
        match &piece.detail {
            EvidenceDetail::Device(device) if detection.machine_group.is_none() => {
                detection.machine_group.clone_from(&device.rbac_group_name);
            }
            EvidenceDetail::AzureResource(resource) => {
                detection.provider.get_or_insert_with(|| "Azure".to_owned());
                let mut affected = Resource::new(resource.resource_id.clone().unwrap_or_default());
                affected.kind = Some("azureResource".into());
                affected.name.clone_from(&resource.resource_name);
                resources.add(affected);
            }
            EvidenceDetail::Other(kind) if kind == "amazonResource" || kind == "googleCloudResource" => {
                let more = piece.properties();
                let text = |names: &[&str]| names.iter().find_map(|n| more.get(n)).map(str::to_owned);
                let provider = if kind == "amazonResource" { "AWS" } else { "GCP" };
                detection.provider.get_or_insert_with(|| provider.to_owned());
                let id = text(&["amazonResourceId", "resourceId", "fullResourceName", "resourceName"]);
                let mut affected = Resource::new(id.unwrap_or_default());
                (affected.kind, affected.name) = (Some(kind.clone()), text(&["resourceName"]));
                resources.add(affected);
            }
            _ => {}
        }
        gathered.add(entity(piece));
    }
    detection.entities = gathered.entities;
    detection.resources = resources.list;
}

/// One piece of evidence.
fn entity(evidence: Evidence) -> Entity {
    let more = evidence.properties();
    let common = evidence.common;
    let mut detection_status = None;
    let mut entity = match evidence.detail {
        EvidenceDetail::Device(evidence) => device(*evidence),
        EvidenceDetail::User(evidence) => user(evidence.user_account.unwrap_or_default()),
        EvidenceDetail::File(mut evidence) => {
            detection_status = evidence.detection_status.take();
            let mut entity = file(evidence.file_details.unwrap_or_default());
            entity.properties.set_some("mdeDeviceId", evidence.mde_device_id);
            entity
        }
        EvidenceDetail::Process(mut evidence) => {
            detection_status = evidence.detection_status.take();
            process(*evidence)
        }
        EvidenceDetail::Ip(evidence) => ip(*evidence),
        EvidenceDetail::Url(evidence) => named(EntityKind::Url(Url::default()), evidence.url),
        EvidenceDetail::Mailbox(evidence) => mailbox(*evidence),
        EvidenceDetail::AnalyzedMessage(evidence) => message(*evidence),
        EvidenceDetail::AzureResource(evidence) => azure_resource(*evidence),
        EvidenceDetail::CloudApplication(evidence) => cloud_application(*evidence),
        EvidenceDetail::RegistryKey(evidence) => {
            let mut value = RegistryValueEvidence::default();
            (value.registry_hive, value.registry_key) = (evidence.registry_hive, evidence.registry_key);
            registry(value)
        }
        EvidenceDetail::RegistryValue(evidence) => registry(*evidence),
        EvidenceDetail::Other(kind) => other(kind, &more),
    };
    entity.detection_status = detection_status;
    entity.verdict = common.verdict.map(|word| word.as_str().to_owned());
    entity.remediation = common.remediation_status.map(|word| word.as_str().to_owned());
    let roles = common.roles.iter().map(|word| word.as_str().to_owned());
    entity.roles = roles.chain(common.detailed_roles).collect();
    entity.seen_at = common.created_date_time;
    entity.properties.set_some("remediationStatusDetails", common.remediation_status_details);
    entity.properties.set_some("tags", joined(&common.tags));
    entity.properties.adopt("evidence", &more);
    entity
}

fn named(kind: EntityKind, name: Option<String>) -> Entity {
    Entity::new(kind, name.unwrap_or_default())
}

/// The first text that says something.
fn first<'a>(texts: impl IntoIterator<Item = &'a Option<String>>) -> Option<String> {
    texts.into_iter().flatten().find(|text| !text.is_empty()).cloned()
}

fn joined(texts: &[String]) -> Option<String> {
    (!texts.is_empty()).then(|| texts.join(", "))
}

fn time(at: Option<DateTime<Utc>>) -> Option<String> {
    at.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
}

fn device(evidence: DeviceEvidence) -> Entity {
    let name = first([&evidence.device_dns_name, &evidence.host_name, &evidence.mde_device_id]);
    let mut device = Device::default();
    device.id = evidence.mde_device_id;
    device.dns_name = evidence.device_dns_name;
    device.aad_device_id = evidence.azure_ad_device_id;
    device.os = evidence.os_platform;
    device.risk = evidence.risk_score;
    device.health = evidence.health_status;
    device.group = evidence.rbac_group_name;
    let mut entity = named(EntityKind::Device(Box::new(device)), name);
    let properties = &mut entity.properties;
    properties.reserve(16, 512);
    properties.set_some("hostName", evidence.host_name);
    properties.set_some("ntDomain", evidence.nt_domain);
    properties.set_some("dnsDomain", evidence.dns_domain);
    properties.set_some("osBuild", evidence.os_build.map(|n| n.to_string()));
    properties.set_some("version", evidence.version);
    properties.set_some("firstSeenDateTime", time(evidence.first_seen_date_time));
    // No group has the number 0.
    properties.set_some("rbacGroupId", evidence.rbac_group_id.filter(|id| *id != 0).map(|n| n.to_string()));
    properties.set_some("onboardingStatus", evidence.onboarding_status);
    properties.set_some("defenderAvStatus", evidence.defender_av_status);
    properties.set_some("lastIpAddress", evidence.last_ip_address);
    properties.set_some("lastExternalIpAddress", evidence.last_external_ip_address);
    properties.set_some("ipInterfaces", joined(&evidence.ip_interfaces));
    let logged_on =
        evidence.logged_on_users.into_iter().filter_map(|user| match (user.domain_name, user.account_name) {
            (Some(domain), Some(name)) => Some(format!("{domain}\\{name}")),
            (_, name) => name,
        });
    properties.set_some("loggedOnUsers", joined(&logged_on.collect::<Vec<_>>()));
    if let Some(machine) = evidence.vm_metadata {
        properties.set_some("vmMetadata.vmId", machine.vm_id);
        properties.set_some("vmMetadata.cloudProvider", machine.cloud_provider);
        properties.set_some("vmMetadata.resourceId", machine.resource_id);
        properties.set_some("vmMetadata.subscriptionId", machine.subscription_id);
    }
    entity
}

fn user(account: UserAccount) -> Entity {
    let name = first([
        &account.account_name,
        &account.user_principal_name,
        &account.display_name,
        &account.user_sid,
        &account.azure_ad_user_id,
    ]);
    let mut user = User::default();
    user.account = account.account_name;
    user.domain = account.domain_name;
    user.upn = account.user_principal_name;
    user.sid = account.user_sid.filter(|sid| !sid.is_empty());
    user.aad_id = account.azure_ad_user_id;
    let mut entity = named(EntityKind::User(Box::new(user)), name);
    entity.properties.set_some("displayName", account.display_name.filter(|name| !name.is_empty()));
    entity.properties.set_some("activeDirectoryObjectGuid", account.active_directory_object_guid);
    set_events(&mut entity.properties, account.resource_access_events.as_ref());
    entity
}

/// Whose something is, as properties.
fn set_account(properties: &mut Properties, account: Option<UserAccount>) {
    let Some(account) = account else { return };
    let some = |text: Option<String>| text.filter(|text| !text.is_empty());
    properties.set_some("accountName", some(account.account_name));
    properties.set_some("domainName", some(account.domain_name));
    properties.set_some("userSid", some(account.user_sid));
    properties.set_some("azureAdUserId", some(account.azure_ad_user_id));
    properties.set_some("userPrincipalName", some(account.user_principal_name));
    properties.set_some("accountDisplayName", some(account.display_name));
    properties.set_some("activeDirectoryObjectGuid", some(account.active_directory_object_guid));
    set_events(properties, account.resource_access_events.as_ref());
}

fn set_events(properties: &mut Properties, events: Option<&RawJson>) {
    let events = events.filter(|events| events.as_str() != "[]").map(RawJson::compact);
    properties.set_some("resourceAccessEvents", events.filter(|text| text != "[]"));
}

/// What of a file has no field of its own: who published it, who vouches for it.
fn set_publisher(properties: &mut Properties, details: &mut FileDetails) {
    properties.set_some("filePublisher", details.file_publisher.take());
    properties.set_some("issuer", details.issuer.take());
    properties.set_some("signer", details.signer.take());
    properties.set_some("sha256Ac", details.sha256_ac.take());
}

fn file(mut details: FileDetails) -> Entity {
    let name = first([&details.file_name, &details.sha256, &details.sha1, &details.md5]);
    let mut properties = Properties::default();
    set_publisher(&mut properties, &mut details);
    let mut file = File::default();
    file.path = details.file_path;
    file.sha1 = details.sha1;
    file.sha256 = details.sha256;
    file.md5 = details.md5;
    file.size = details.file_size;
    let mut entity = named(EntityKind::File(Box::new(file)), name);
    entity.properties = properties;
    entity
}

fn process(evidence: ProcessEvidence) -> Entity {
    let parent = evidence.parent_process_image_file;
    let known = parent.is_some() || evidence.parent_process_id.is_some();
    let mut started_by = Process::default();
    started_by.pid = evidence.parent_process_id;
    started_by.started_at = evidence.parent_process_creation_date_time;
    let parent = parent.unwrap_or_default();
    started_by.path = parent.file_path;
    started_by.sha1 = parent.sha1;
    started_by.sha256 = parent.sha256;

    let mut image = evidence.image_file.unwrap_or_default();
    let mut properties = Properties::default();
    properties.reserve(12, 384);
    properties.set_some("mdeDeviceId", evidence.mde_device_id);
    properties.set_some("fileSize", image.file_size.map(|n| n.to_string()));
    properties.set_some("md5", image.md5.take());
    set_publisher(&mut properties, &mut image);
    properties.set_some("parentProcess.md5", parent.md5);
    properties.set_some("parentProcess.filePublisher", parent.file_publisher);
    properties.set_some("parentProcess.signer", parent.signer);
    set_account(&mut properties, evidence.user_account);

    let mut process = Process::default();
    process.pid = evidence.process_id;
    process.command_line = evidence.process_command_line;
    process.started_at = evidence.process_creation_date_time;
    process.path = image.file_path;
    process.sha1 = image.sha1;
    process.sha256 = image.sha256;
    process.parent =
        known.then(|| Box::new(ParentProcess::new(parent.file_name.unwrap_or_default(), started_by)));
    let name = first([&image.file_name]).or_else(|| process.pid.map(|pid| pid.to_string()));
    let mut entity = named(EntityKind::Process(Box::new(process)), name);
    entity.properties = properties;
    entity
}

fn ip(evidence: IpEvidence) -> Entity {
    let mut ip = Ip::default();
    let place = evidence.location.unwrap_or_default();
    ip.country = place.country_name.or(evidence.country_letter_code);
    let mut entity = named(EntityKind::Ip(ip), evidence.ip_address);
    entity.properties.set_some("city", place.city);
    entity.properties.set_some("state", place.state);
    entity.properties.set_some("latitude", place.latitude);
    entity.properties.set_some("longitude", place.longitude);
    entity
}

fn mailbox(evidence: MailboxEvidence) -> Entity {
    let name = first([&evidence.primary_address, &evidence.upn, &evidence.display_name]);
    let mut mailbox = Mailbox::default();
    mailbox.address = evidence.primary_address;
    mailbox.display_name = evidence.display_name;
    let mut entity = named(EntityKind::Mailbox(mailbox), name);
    entity.properties.set_some("upn", evidence.upn);
    set_account(&mut entity.properties, evidence.user_account);
    entity
}

fn message(evidence: AnalyzedMessageEvidence) -> Entity {
    let (behind, seen) = (evidence.p1_sender.unwrap_or_default(), evidence.p2_sender.unwrap_or_default());
    let (envelope, shown) = (behind.email_address, seen.email_address);
    let mut email = Email::default();
    email.sender = shown.clone().or_else(|| envelope.clone());
    email.subject = evidence.subject;
    email.recipient = evidence.recipient_email_address;
    email.message_id = evidence.network_message_id;
    let name = first([&email.subject, &email.sender, &email.message_id]);
    let mut entity = named(EntityKind::Email(Box::new(email)), name);
    let properties = &mut entity.properties;
    properties.set_some("p1Sender", envelope.filter(|envelope| Some(envelope) != shown.as_ref()));
    // The name that readers see is where a phish differs from the address.
    properties.set_some("p1Sender.displayName", behind.display_name);
    properties.set_some("p1Sender.domainName", behind.domain_name);
    properties.set_some("p2Sender.displayName", seen.display_name);
    properties.set_some("p2Sender.domainName", seen.domain_name);
    properties.set_some("senderIp", evidence.sender_ip);
    properties.set_some("internetMessageId", evidence.internet_message_id);
    properties.set_some("receivedDateTime", time(evidence.received_date_time));
    properties.set_some("attachmentsCount", evidence.attachments_count.map(|n| n.to_string()));
    properties.set_some("urlCount", evidence.url_count.map(|n| n.to_string()));
    properties.set_some("urls", joined(&evidence.urls));
    properties.set_some("language", evidence.language);
    properties.set_some("deliveryAction", evidence.delivery_action);
    properties.set_some("deliveryLocation", evidence.delivery_location);
    properties.set_some("antiSpamDirection", evidence.anti_spam_direction);
    properties.set_some("threats", joined(&evidence.threats));
    properties.set_some("threatDetectionMethods", joined(&evidence.threat_detection_methods));
    properties.set_some("urn", evidence.urn);
    entity
}

fn azure_resource(evidence: AzureResourceEvidence) -> Entity {
    let name = first([&evidence.resource_name, &evidence.resource_id]);
    let mut resource = CloudResource::default();
    resource.id = evidence.resource_id;
    resource.kind = evidence.resource_type;
    named(EntityKind::CloudResource(resource), name)
}

fn cloud_application(evidence: CloudApplicationEvidence) -> Entity {
    let mut application = Application::default();
    application.id = evidence.app_id.map(|n| n.to_string());
    let name = first([&evidence.display_name, &application.id]);
    let mut entity = named(EntityKind::Application(application), name);
    entity.properties.set_some("instanceId", evidence.instance_id.map(|n| n.to_string()));
    entity.properties.set_some("instanceName", evidence.instance_name);
    entity.properties.set_some("saasAppId", evidence.saas_app_id.map(|n| n.to_string()));
    entity
}

fn registry(evidence: RegistryValueEvidence) -> Entity {
    let name = first([&evidence.registry_key, &evidence.registry_value_name]);
    let mut registry = RegistryValue::default();
    registry.hive = evidence.registry_hive;
    registry.key = evidence.registry_key;
    registry.value_name = evidence.registry_value_name;
    registry.value_type = evidence.registry_value_type;
    registry.value = evidence.registry_value;
    let mut entity = named(EntityKind::Registry(Box::new(registry)), name);
    entity.properties.set_some("mdeDeviceId", evidence.mde_device_id);
    entity
}

/// A type without fields of its own: what kind of thing it is, by its name; all it has stays as properties.
fn other(kind: String, more: &Properties) -> Entity {
    const NAMES: [&str; 14] = [
        "displayName",
        "name",
        "resourceName",
        "domainName",
        "friendlyName",
        "servicePrincipalName",
        "subject",
        "deviceName",
        "clusterByValue",
        "imageId",
        "containerId",
        "registry",
        "login",
        "url",
    ];
    const IDS: [&str; 8] = [
        "amazonResourceId",
        "resourceId",
        "fullResourceName",
        "requestId",
        "sessionId",
        "value",
        "networkMessageId",
        "appId",
    ];
    let text = |names: &[&str]| names.iter().find_map(|name| more.get(name)).map(str::to_owned);
    let name = text(&NAMES).or_else(|| text(&IDS));
    let kind = match kind.as_str() {
        "amazonResource" | "googleCloudResource" | "blob" | "blobContainer" | "kubernetesCluster" => {
            let mut resource = CloudResource::default();
            resource.id = text(&["amazonResourceId", "resourceId", "fullResourceName", "url"]);
            resource.kind = text(&["resourceType"]).or(Some(kind));
            EntityKind::CloudResource(resource)
        }
        "oauthApplication" | "servicePrincipal" => {
            let mut application = Application::default();
            application.id = text(&["appId", "servicePrincipalObjectId", "objectId"]);
            application.publisher = text(&["publisher"]);
            EntityKind::Application(application)
        }
        "container" | "containerImage" | "kubernetesPod" => {
            let mut container = Container::default();
            container.id = text(&["containerId"]);
            container.image = text(&["imageId"]);
            container.pod = name.clone().filter(|_| kind == "kubernetesPod");
            EntityKind::Container(Box::new(container))
        }
        "dns" => EntityKind::Domain(DomainName::default()),
        _ => {
            let mut other = OtherEntity::default();
            other.kind = Some(kind).filter(|kind| !kind.is_empty());
            EntityKind::Other(other)
        }
    };
    named(kind, name)
}
