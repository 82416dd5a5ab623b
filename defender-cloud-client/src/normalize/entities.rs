//! What an alert involves: each kind of entity by the fields that the service has for it.

use pocketsoc_model::{
    CloudResource, Container, Detection, Device, DomainName, Entity, EntityKind, File, Ip, Mailbox,
    OtherEntity, ParentProcess, Process, RegistryValue, Url, User, parse_timestamp,
};

use super::{add_resource, last_part};
use crate::alerts::{AlertEntities, AlertEntity, AlertProperties};

/// Sets the entities, the resources of other clouds among them, and the provider where it is another cloud.
pub(super) fn set_entities(detection: &mut Detection, said: &AlertProperties) {
    // What cannot be read is in the raw alert; the rest of the alert is worth showing.
    let Ok(entities) = said.entities() else { return };
    for entity in entities.iter().filter(|e| !belongs_to_a_file(&entities, *e)) {
        if let Some(provider) = other_cloud(entity.kind()) {
            detection.provider = Some(provider.into());
            let id = resource_id(entity).map(str::to_owned);
            add_resource(detection, id.unwrap_or_default(), Some(entity.kind().to_owned()));
        }
        detection.entities.extend(normalized(entity));
    }
    for reference in entities.dangling() {
        let mut other = OtherEntity::default();
        other.kind = Some("$ref".into());
        detection.entities.push(Entity::new(EntityKind::Other(other), reference));
    }
}

/// A hash that a file has is shown with the file.
fn belongs_to_a_file(all: &AlertEntities<'_>, entity: AlertEntity<'_>) -> bool {
    entity.kind().eq_ignore_ascii_case("filehash")
        && all.iter().any(|file| {
            let image = file.entity("imageFile");
            [Some(file), image]
                .into_iter()
                .flatten()
                .any(|f| f.entities("fileHashes").any(|hash| hash.is(entity)))
        })
}

/// The cloud that a kind of resource lies in, where it is not Azure.
fn other_cloud(kind: &str) -> Option<&'static str> {
    let kind = kind.to_ascii_lowercase();
    match kind.split('-').next()? {
        "gcp" | "google" => Some("GCP"),
        "aws" | "amazon" => Some("AWS"),
        _ => None,
    }
}

fn resource_id(entity: AlertEntity<'_>) -> Option<&str> {
    ["resourceId", "amazonResourceId", "fullResourceName", "arn", "resourceName"]
        .into_iter()
        .find_map(|name| entity.text(name))
}

/// An entity with what its kind has; `None` when it says nothing.
fn normalized(entity: AlertEntity<'_>) -> Option<Entity> {
    let kind = entity.kind().to_ascii_lowercase();
    let (mut normalized, used): (Entity, &[&str]) = match kind.as_str() {
        "ip" => ip(entity),
        "host" => host(entity),
        "account" => account(entity),
        "file" => file(entity),
        "filehash" => file_hash(entity),
        "process" => process(entity),
        "url" => (entity_named(EntityKind::Url(Url::default()), entity.text("url")), &["url"]),
        "dns" => dns(entity),
        "mailbox" => mailbox(entity),
        "registry-key" | "registry-value" => registry(entity),
        "container" | "container-image" | "k8s-pod" => container(entity),
        "azure-resource" | "gcp-resource" | "aws-resource" | "amazon-resource" | "blob"
        | "blob-container" | "k8s-cluster" => resource(entity),
        _ => other(entity),
    };
    for (name, text) in entity.fields() {
        if name.starts_with('$')
            || name.eq_ignore_ascii_case("type")
            || used.iter().any(|u| u.eq_ignore_ascii_case(name))
        {
            continue;
        }
        match text {
            Some(text) if !text.is_empty() => normalized.properties.set(name.to_owned(), text),
            Some(_) => {}
            None => set_nested(&mut normalized, name, entity),
        }
    }
    let bare = Entity::new(normalized.kind.clone(), "");
    let says_nothing = normalized == bare && is_empty(&normalized.kind);
    (!says_nothing).then_some(normalized)
}

/// What an entity names: another entity by its name, a plain object by its texts.
fn set_nested(normalized: &mut Entity, name: &str, entity: AlertEntity<'_>) {
    let nested: Vec<AlertEntity<'_>> = entity.entities(name).collect();
    let labels: Vec<String> =
        nested.iter().filter(|e| !e.kind().is_empty()).filter_map(|e| label(*e)).collect();
    if !labels.is_empty() {
        normalized.properties.set(name.to_owned(), labels.join(", "));
    }
    for plain in nested.iter().filter(|e| e.kind().is_empty()) {
        for (inner, text) in plain.fields().filter(|(inner, _)| !inner.starts_with('$')) {
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                normalized.properties.set(format!("{name}.{inner}"), text);
            }
        }
    }
}

/// What to call an entity.
fn label(entity: AlertEntity<'_>) -> Option<String> {
    const NAMES: [&str; 16] = [
        "name",
        "hostName",
        "address",
        "resourceName",
        "domainName",
        "url",
        "displayName",
        "friendlyName",
        "imageId",
        "containerId",
        "value",
        "resourceId",
        "processId",
        "sessionId",
        "netBiosName",
        "sid",
    ];
    NAMES.into_iter().find_map(|name| entity.text(name)).map(str::to_owned)
}

fn is_empty(kind: &EntityKind) -> bool {
    match kind {
        EntityKind::Device(device) => **device == Device::default(),
        EntityKind::User(user) => **user == User::default(),
        EntityKind::File(file) => **file == File::default(),
        EntityKind::Process(process) => **process == Process::default(),
        EntityKind::Registry(registry) => **registry == RegistryValue::default(),
        EntityKind::Container(container) => **container == Container::default(),
        EntityKind::Ip(_) | EntityKind::Url(_) | EntityKind::Domain(_) => true,
        _ => false,
    }
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

fn entity_named(kind: EntityKind, name: Option<&str>) -> Entity {
    Entity::new(kind, name.unwrap_or_default())
}

fn ip(entity: AlertEntity<'_>) -> (Entity, &'static [&'static str]) {
    let mut ip = Ip::default();
    let place = entity.entity("location");
    ip.country = owned(place.and_then(|l| l.text("countryName").or_else(|| l.text("countryCode"))));
    (entity_named(EntityKind::Ip(ip), entity.text("address")), &["address"])
}

fn host(entity: AlertEntity<'_>) -> (Entity, &'static [&'static str]) {
    let mut device = Device::default();
    let azure = entity.text("azureID");
    let short = entity.text("hostName").or_else(|| entity.text("netBiosName"));
    device.id = owned(azure);
    device.dns_name = match (short, entity.text("dnsDomain")) {
        (Some(short), Some(domain)) => Some(format!("{short}.{domain}")),
        (short, _) => owned(short),
    };
    let system = entity.text("operatingSystem").or_else(|| entity.text("osFamily"));
    device.os = match (system, entity.text("osVersion")) {
        (Some(system), Some(version)) => Some(format!("{system} {version}")),
        (system, version) => owned(system.or(version)),
    };
    let name = owned(short).or_else(|| azure.and_then(last_part));
    let used =
        &["azureID", "hostName", "netBiosName", "dnsDomain", "operatingSystem", "osFamily", "osVersion"];
    (entity_named(EntityKind::Device(Box::new(device)), name.as_deref()), used)
}

fn account(entity: AlertEntity<'_>) -> (Entity, &'static [&'static str]) {
    let mut user = User::default();
    user.account = owned(entity.text("name"));
    user.domain = owned(entity.text("ntDomain"));
    user.sid = owned(entity.text("sid"));
    user.aad_id = owned(entity.text("aadUserId"));
    user.upn = match (entity.text("name"), entity.text("upnSuffix")) {
        (Some(name), Some(suffix)) => Some(format!("{name}@{suffix}")),
        _ => None,
    };
    let name = user.account.clone().or_else(|| user.sid.clone()).or_else(|| user.aad_id.clone());
    let read = &["name", "ntDomain", "sid", "aadUserId", "upnSuffix"];
    (entity_named(EntityKind::User(Box::new(user)), name.as_deref()), read)
}

fn hash<'a>(file: AlertEntity<'a>, algorithm: &str) -> Option<&'a str> {
    let plain = |text: &str| text.replace('-', "");
    file.entities("fileHashes")
        .find(|hash| hash.text("algorithm").is_some_and(|a| plain(a).eq_ignore_ascii_case(algorithm)))
        .and_then(|hash| hash.text("value"))
}

fn file(entity: AlertEntity<'_>) -> (Entity, &'static [&'static str]) {
    let mut file = File::default();
    file.path = owned(entity.text("directory"));
    file.md5 = owned(hash(entity, "MD5"));
    file.sha1 = owned(hash(entity, "SHA1"));
    file.sha256 = owned(hash(entity, "SHA256"));
    let name =
        entity.text("name").map(str::to_owned).or_else(|| file.sha256.clone()).or_else(|| file.sha1.clone());
    let used = &["name", "directory", "fileHashes"];
    (entity_named(EntityKind::File(Box::new(file)), name.as_deref()), used)
}

fn file_hash(entity: AlertEntity<'_>) -> (Entity, &'static [&'static str]) {
    let mut file = File::default();
    let value = entity.text("value");
    match entity.text("algorithm").unwrap_or_default().replace('-', "").to_ascii_uppercase().as_str() {
        "MD5" => file.md5 = owned(value),
        "SHA1" => file.sha1 = owned(value),
        "SHA256" => file.sha256 = owned(value),
        _ => {
            let mut entity = entity_named(EntityKind::File(Box::new(file)), value);
            entity.properties.set_some("value", value);
            return (entity, &["value"]);
        }
    }
    (entity_named(EntityKind::File(Box::new(file)), value), &["value", "algorithm"])
}

/// A process id, decimal or hexadecimal.
fn pid(text: &str) -> Option<i64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// A process without the one that started it, and the name of its image.
fn process_alone(entity: AlertEntity<'_>) -> (Process, Option<String>) {
    let mut process = Process::default();
    process.pid = entity.text("processId").and_then(pid);
    process.command_line = owned(entity.text("commandLine"));
    process.started_at = entity.text("creationTimeUtc").and_then(|t| parse_timestamp(t).ok());
    let image = entity.entity("imageFile");
    process.path = owned(image.and_then(|i| i.text("directory")));
    process.sha1 = owned(image.and_then(|i| hash(i, "SHA1")));
    process.sha256 = owned(image.and_then(|i| hash(i, "SHA256")));
    (process, owned(image.and_then(|i| i.text("name")).or_else(|| entity.text("processName"))))
}

fn process(entity: AlertEntity<'_>) -> (Entity, &'static [&'static str]) {
    let (mut process, name) = process_alone(entity);
    process.parent = entity.entity("parentProcess").map(|parent| {
        let (process, name) = process_alone(parent);
        Box::new(ParentProcess::new(name.unwrap_or_default(), process))
    });
    let name = name.or_else(|| owned(entity.text("processId")));
    // A process id or a time that cannot be read stays as it is, as a property.
    let used: &[&str] = match (process.pid, process.started_at) {
        (Some(_), Some(_)) => &["processId", "commandLine", "creationTimeUtc", "imageFile", "parentProcess"],
        (Some(_), None) => &["processId", "commandLine", "imageFile", "parentProcess"],
        (None, Some(_)) => &["commandLine", "creationTimeUtc", "imageFile", "parentProcess"],
        (None, None) => &["commandLine", "imageFile", "parentProcess"],
    };
    (entity_named(EntityKind::Process(Box::new(process)), name.as_deref()), used)
}

fn dns(entity: AlertEntity<'_>) -> (Entity, &'static [&'static str]) {
    let mut domain = DomainName::default();
    // The service's own spelling, and the right one.
    let address = ["ipAdresses", "ipAddresses"].into_iter().find_map(|name| entity.entities(name).next());
    domain.resolved_ip = owned(address.and_then(|ip| ip.text("address")));
    (entity_named(EntityKind::Domain(domain), entity.text("domainName")), &["domainName"])
}

fn mailbox(entity: AlertEntity<'_>) -> (Entity, &'static [&'static str]) {
    let mut mailbox = Mailbox::default();
    mailbox.address = owned(entity.text("mailboxPrimaryAddress").or_else(|| entity.text("upn")));
    mailbox.display_name = owned(entity.text("displayName"));
    let name = mailbox.address.clone().or_else(|| mailbox.display_name.clone());
    (entity_named(EntityKind::Mailbox(mailbox), name.as_deref()), &["mailboxPrimaryAddress", "displayName"])
}

fn registry(entity: AlertEntity<'_>) -> (Entity, &'static [&'static str]) {
    let mut registry = RegistryValue::default();
    // A value names its key, or has the key's own fields.
    let key = entity.entity("key").unwrap_or(entity);
    registry.hive = owned(key.text("hive"));
    registry.key = owned(key.text("key"));
    registry.value_name = owned(entity.text("name"));
    registry.value_type = owned(entity.text("valueType"));
    registry.value = owned(entity.text("value"));
    let name = registry.key.clone().or_else(|| registry.value_name.clone());
    (
        entity_named(EntityKind::Registry(Box::new(registry)), name.as_deref()),
        &["hive", "key", "name", "valueType", "value"],
    )
}

fn container(entity: AlertEntity<'_>) -> (Entity, &'static [&'static str]) {
    let mut container = Container::default();
    let kind = entity.kind();
    let pod = if kind.eq_ignore_ascii_case("k8s-pod") { Some(entity) } else { entity.entity("pod") };
    let space = pod.and_then(|p| p.entity("namespace"));
    let cluster = space.and_then(|s| s.entity("cluster")).or_else(|| pod.and_then(|p| p.entity("cluster")));
    container.id = owned(entity.text("containerId"));
    container.image =
        owned(entity.text("imageId").or_else(|| entity.entity("image").and_then(|i| i.text("imageId"))));
    container.pod = owned(pod.and_then(|p| p.text("name")));
    container.namespace = owned(space.and_then(|s| s.text("name")));
    container.cluster = cluster.and_then(|c| label(c).or_else(|| c.entity("cloudResource").and_then(label)));
    let name = entity.text("name").or_else(|| entity.text("containerId")).or_else(|| entity.text("imageId"));
    let used = &["name", "containerId", "imageId", "image", "pod", "namespace", "cluster"];
    (entity_named(EntityKind::Container(Box::new(container)), name), used)
}

/// A resource of whichever cloud; a cluster and a blob by the resource they live in.
fn resource(entity: AlertEntity<'_>) -> (Entity, &'static [&'static str]) {
    let mut resource = CloudResource::default();
    let home = entity.entity("cloudResource").or_else(|| entity.entity("storageResource"));
    let id = resource_id(entity).or_else(|| entity.text("url")).or_else(|| home.and_then(resource_id));
    resource.id = owned(id);
    resource.kind = owned(entity.text("resourceType").or(Some(entity.kind())));
    let name = entity.text("resourceName").or_else(|| entity.text("name")).map(str::to_owned);
    let name = name.or_else(|| id.and_then(last_part));
    let used = &[
        "resourceId",
        "amazonResourceId",
        "fullResourceName",
        "arn",
        "resourceName",
        "resourceType",
        "url",
        "name",
    ];
    (entity_named(EntityKind::CloudResource(resource), name.as_deref()), used)
}

fn other(entity: AlertEntity<'_>) -> (Entity, &'static [&'static str]) {
    let mut other = OtherEntity::default();
    other.kind = Some(entity.kind().to_owned()).filter(|kind| !kind.is_empty());
    (entity_named(EntityKind::Other(other), label(entity).as_deref()), &[])
}
