//! What an alert involves: each kind of entity by the fields that the service has for it.

use std::borrow::Cow;
use std::collections::HashSet;

use pocketsoc_model::{
    CloudResource, Container, Detection, Device, DomainName, Entity, EntityKind, File, Ip, Mailbox,
    OtherEntity, ParentProcess, Process, Properties, RegistryValue, Url, User, parse_timestamp, same_word,
};

use super::{add_resources, last_part};
use crate::alerts::{AlertEntities, AlertEntity, AlertProperties, Value};

/// Texts that are taken over from elsewhere are cut here: one long name, referred to often, must not grow the alert.
const LONGEST_LABEL: usize = 256;
pub(super) const LONGEST_LIST: usize = 4096;

/// Sets the entities, the resources of other clouds among them, and the provider where it is another cloud.
pub(super) fn set_entities(detection: &mut Detection, said: &AlertProperties) {
    let Ok(entities) = said.entities() else {
        // The rest of the alert is worth showing; the entities are in the raw one.
        detection.properties.set("entities", "cannot be read");
        return;
    };
    let shown_with_files = hashes_of_files(&entities);
    detection.entities.reserve(entities.iter().count());
    let elsewhere: Vec<_> = entities.all().filter(|e| other_cloud(e.kind()).is_some()).collect();
    if let Some(provider) = elsewhere.first().and_then(|e| other_cloud(e.kind())) {
        detection.provider = Some(provider.into());
    }
    add_resources(
        detection,
        elsewhere
            .iter()
            .map(|e| (resource_id(*e).unwrap_or_default().into_owned(), Some(e.kind().to_owned()))),
    );
    for entity in entities.iter().filter(|e| !shown_with_files.contains(&e.number())) {
        detection.entities.extend(normalized(entity));
    }
    for reference in entities.dangling() {
        let mut other = OtherEntity::default();
        other.kind = Some("$ref".into());
        detection.entities.push(Entity::new(EntityKind::Other(other), reference));
    }
}

/// The listed hashes that are shown with the file that has them.
fn hashes_of_files(all: &AlertEntities<'_>) -> HashSet<usize> {
    if !all.iter().any(|e| e.kind().eq_ignore_ascii_case("filehash")) {
        return HashSet::new();
    }
    let listed_files = all.iter().flat_map(|e| [Some(e), e.entity("imageFile")]).flatten();
    listed_files.flat_map(|file| file.entities("fileHashes")).map(AlertEntity::number).collect()
}

/// The cloud that a kind of resource lies in, where it is not Azure.
pub(super) fn other_cloud(kind: &str) -> Option<&'static str> {
    let (start, _) = kind.split_once('-')?;
    if start.eq_ignore_ascii_case("gcp") || start.eq_ignore_ascii_case("google") {
        Some("GCP")
    } else if start.eq_ignore_ascii_case("aws") || start.eq_ignore_ascii_case("amazon") {
        Some("AWS")
    } else {
        None
    }
}

/// The full id of a resource; where it has only a name, that within what holds it.
fn resource_id(entity: AlertEntity<'_>) -> Option<Cow<'_, str>> {
    let id = ["resourceId", "amazonResourceId", "fullResourceName", "arn"];
    if let Some(id) = id.into_iter().find_map(|name| entity.text(name)) {
        return Some(id.into());
    }
    let parts = ["projectId", "amazonAccountId", "location", "resourceType", "resourceName"];
    entity.text("resourceName")?;
    Some(parts.into_iter().filter_map(|name| entity.text(name)).collect::<Vec<_>>().join("/").into())
}

/// An entity with what its kind has; `None` when it says nothing.
fn normalized(entity: AlertEntity<'_>) -> Option<Entity> {
    let lower;
    let kind = if entity.kind().bytes().any(|b| b.is_ascii_uppercase()) {
        lower = entity.kind().to_ascii_lowercase();
        &lower
    } else {
        entity.kind()
    };
    let (mut normalized, used): (Entity, &[&str]) = match kind {
        "ip" => ip(entity),
        "host" => host(entity),
        "account" => account(entity),
        "file" => file(entity),
        "filehash" => file_hash(entity),
        "process" => process(entity),
        "url" => (named(EntityKind::Url(Url::default()), entity.text("url")), &["url"]),
        "dns" => dns(entity),
        "mailbox" => mailbox(entity),
        "registry-key" | "registry-value" => registry(entity),
        "container" | "container-image" | "k8s-pod" => container(entity),
        "azure-resource" | "gcp-resource" | "aws-resource" | "amazon-resource" | "blob"
        | "blob-container" | "k8s-cluster" => resource(entity),
        _ => other(entity),
    };
    for (name, value) in entity.values() {
        if name.eq_ignore_ascii_case("type") || used.iter().any(|used| used.eq_ignore_ascii_case(name)) {
            continue;
        }
        match value.text() {
            Some("") => {}
            Some(text) => normalized.properties.set(name, text),
            None => add_nested(&mut normalized.properties, name, entity, value),
        }
    }
    for file in [Some(entity).filter(|_| kind == "file"), entity.entity("imageFile")].into_iter().flatten() {
        set_other_hashes(&mut normalized.properties, file, kind == "process");
    }
    let says_nothing =
        normalized.properties.is_empty() && normalized.name.is_empty() && is_empty(&normalized.kind);
    (!says_nothing).then_some(normalized)
}

/// Sets the hashes of a file that have no field of their own.
fn set_other_hashes(more: &mut Properties, file: AlertEntity<'_>, of_image: bool) {
    for hash in file.entities("fileHashes") {
        let algorithm = hash.text("algorithm").unwrap_or("unknown");
        let is = |word| same_word(algorithm, word);
        if !(is("SHA1") || is("SHA256") || (is("MD5") && !of_image)) {
            more.set_some(format!("fileHashes.{algorithm}"), hash.text("value"));
        }
    }
}

/// What an entity names: other entities by their names, texts, and of a plain object its texts.
fn add_nested(more: &mut Properties, name: &str, entity: AlertEntity<'_>, value: &Value<'_>) {
    let mut list = String::new();
    let mut add = |text: &str| {
        if list.len() < LONGEST_LIST {
            list.push_str(if list.is_empty() { "" } else { ", " });
            list.push_str(cut(text));
        }
    };
    value.items().filter_map(Value::text).for_each(&mut add);
    for nested in entity.entities_of(value) {
        if nested.kind().is_empty() {
            for (inner, text) in nested.fields() {
                if let Some(text) = text.filter(|text| !text.is_empty()) {
                    more.set([name, inner].join("."), cut(text));
                }
            }
        } else if let Some(label) = label(nested) {
            add(label);
        }
    }
    // What the alert does not hold is at least named.
    entity.nowhere(value).for_each(&mut add);
    if !list.is_empty() {
        more.set(name, list);
    }
}

/// A text that is not too long.
fn cut(text: &str) -> &str {
    if text.len() <= LONGEST_LABEL {
        return text;
    }
    match text.char_indices().nth(LONGEST_LABEL) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// What to call an entity.
fn label(entity: AlertEntity<'_>) -> Option<&str> {
    const LABELS: [&str; 16] = [
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
    LABELS.into_iter().find_map(|name| entity.text(name))
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

fn named(kind: EntityKind, name: Option<&str>) -> Entity {
    Entity::new(kind, name.unwrap_or_default())
}

fn ip(entity: AlertEntity<'_>) -> (Entity, &'static [&'static str]) {
    let mut ip = Ip::default();
    let place = entity.entity("location");
    ip.country = owned(place.and_then(|l| l.text("countryName").or_else(|| l.text("countryCode"))));
    (named(EntityKind::Ip(ip), entity.text("address")), &["address"])
}

fn host(entity: AlertEntity<'_>) -> (Entity, &'static [&'static str]) {
    let mut device = Device::default();
    let azure = entity.text("azureID");
    let short = entity.text("hostName").or_else(|| entity.text("netBiosName"));
    device.id = owned(azure);
    device.dns_name = match (short, entity.text("dnsDomain")) {
        (Some(short), Some(domain)) => Some([short, domain].join(".")),
        (short, _) => owned(short),
    };
    let told = |name: &str| entity.text(name).filter(|text| !text.eq_ignore_ascii_case("unknown"));
    let system = told("operatingSystem").or_else(|| told("osFamily"));
    device.os = match (system, entity.text("osVersion")) {
        (Some(system), Some(version)) => Some([system, version].join(" ")),
        (system, version) => owned(system.or(version)),
    };
    let name = owned(short).or_else(|| azure.and_then(last_part));
    // Where there are two names of one thing, the second stays a property.
    let both = |a: &str, b: &str| told(a).is_some() && told(b).is_some();
    let used: &[&str] = match (both("hostName", "netBiosName"), both("operatingSystem", "osFamily")) {
        (false, false) => {
            &["azureID", "hostName", "netBiosName", "dnsDomain", "operatingSystem", "osFamily", "osVersion"]
        }
        (true, false) => &["azureID", "hostName", "dnsDomain", "operatingSystem", "osFamily", "osVersion"],
        (false, true) => &["azureID", "hostName", "netBiosName", "dnsDomain", "operatingSystem", "osVersion"],
        (true, true) => &["azureID", "hostName", "dnsDomain", "operatingSystem", "osVersion"],
    };
    (named(EntityKind::Device(Box::new(device)), name.as_deref()), used)
}

fn account(entity: AlertEntity<'_>) -> (Entity, &'static [&'static str]) {
    let mut user = User::default();
    user.account = owned(entity.text("name"));
    user.domain = owned(entity.text("ntDomain"));
    user.sid = owned(entity.text("sid"));
    user.aad_id = owned(entity.text("aadUserId"));
    user.upn = match (entity.text("name"), entity.text("upnSuffix")) {
        (Some(name), Some(suffix)) => Some([name, suffix].join("@")),
        _ => None,
    };
    let name = user.account.clone().or_else(|| user.sid.clone()).or_else(|| user.aad_id.clone());
    let read = &["name", "ntDomain", "sid", "aadUserId", "upnSuffix"];
    (named(EntityKind::User(Box::new(user)), name.as_deref()), read)
}

fn hash<'a>(file: AlertEntity<'a>, algorithm: &str) -> Option<&'a str> {
    file.entities("fileHashes")
        .find(|hash| hash.text("algorithm").is_some_and(|a| same_word(a, algorithm)))
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
    (named(EntityKind::File(Box::new(file)), name.as_deref()), used)
}

fn file_hash(entity: AlertEntity<'_>) -> (Entity, &'static [&'static str]) {
    let mut file = File::default();
    let value = entity.text("value");
    match entity.text("algorithm").unwrap_or_default().replace('-', "").to_ascii_uppercase().as_str() {
        "MD5" => file.md5 = owned(value),
        "SHA1" => file.sha1 = owned(value),
        "SHA256" => file.sha256 = owned(value),
        _ => {
            let mut entity = named(EntityKind::File(Box::new(file)), value);
            entity.properties.set_some("value", value);
            return (entity, &["value"]);
        }
    }
    (named(EntityKind::File(Box::new(file)), value), &["value", "algorithm"])
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

/// The program that a command line begins with, where that is a path.
fn program(command_line: &str) -> Option<String> {
    let line = command_line.trim();
    let path = match line.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => line.split_whitespace().next()?,
    };
    let (_, name) = path.rsplit_once(['\\', '/'])?;
    Some(name.to_owned()).filter(|name| !name.is_empty())
}

fn process(entity: AlertEntity<'_>) -> (Entity, &'static [&'static str]) {
    let (mut process, name) = process_alone(entity);
    process.parent = entity.entity("parentProcess").map(|parent| {
        let (process, name) = process_alone(parent);
        Box::new(ParentProcess::new(name.unwrap_or_default(), process))
    });
    let name = name
        .or_else(|| program(process.command_line.as_deref()?))
        .or_else(|| process.pid.map(|pid| pid.to_string()).or_else(|| owned(entity.text("processId"))));
    // A process id or a time that cannot be read stays as it is, as a property.
    let used: &[&str] = match (process.pid, process.started_at) {
        (Some(_), Some(_)) => &["processId", "commandLine", "creationTimeUtc", "imageFile", "parentProcess"],
        (Some(_), None) => &["processId", "commandLine", "imageFile", "parentProcess"],
        (None, Some(_)) => &["commandLine", "creationTimeUtc", "imageFile", "parentProcess"],
        (None, None) => &["commandLine", "imageFile", "parentProcess"],
    };
    (named(EntityKind::Process(Box::new(process)), name.as_deref()), used)
}

fn dns(entity: AlertEntity<'_>) -> (Entity, &'static [&'static str]) {
    let mut domain = DomainName::default();
    // The service's own spelling, and the right one.
    let address = ["ipAdresses", "ipAddresses"].into_iter().find_map(|name| entity.entities(name).next());
    domain.resolved_ip = owned(address.and_then(|ip| ip.text("address")));
    (named(EntityKind::Domain(domain), entity.text("domainName")), &["domainName"])
}

fn mailbox(entity: AlertEntity<'_>) -> (Entity, &'static [&'static str]) {
    let mut mailbox = Mailbox::default();
    mailbox.address = owned(entity.text("mailboxPrimaryAddress").or_else(|| entity.text("upn")));
    mailbox.display_name = owned(entity.text("displayName"));
    let name = mailbox.address.clone().or_else(|| mailbox.display_name.clone());
    (named(EntityKind::Mailbox(mailbox), name.as_deref()), &["mailboxPrimaryAddress", "displayName"])
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
        named(EntityKind::Registry(Box::new(registry)), name.as_deref()),
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
    container.cluster =
        owned(cluster.and_then(|c| label(c).or_else(|| c.entity("cloudResource").and_then(label))));
    let name = entity.text("name").or_else(|| entity.text("containerId")).or_else(|| entity.text("imageId"));
    let used = &["name", "containerId", "imageId", "image", "pod", "namespace", "cluster"];
    (named(EntityKind::Container(Box::new(container)), name), used)
}

/// A resource of whichever cloud; a cluster and a blob by the resource they live in.
fn resource(entity: AlertEntity<'_>) -> (Entity, &'static [&'static str]) {
    let mut resource = CloudResource::default();
    let home = entity.entity("cloudResource").or_else(|| entity.entity("storageResource"));
    let id = resource_id(entity)
        .or_else(|| entity.text("url").map(Cow::Borrowed))
        .or_else(|| home.and_then(resource_id));
    let id = id.as_deref();
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
    (named(EntityKind::CloudResource(resource), name.as_deref()), used)
}

fn other(entity: AlertEntity<'_>) -> (Entity, &'static [&'static str]) {
    let mut other = OtherEntity::default();
    other.kind = Some(entity.kind().to_owned()).filter(|kind| !kind.is_empty());
    (named(EntityKind::Other(other), label(entity).map(cut)), &[])
}
