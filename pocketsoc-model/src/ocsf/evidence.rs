//! An entity as evidence: typed as far as the schema's conditions are met, and whole in `data`.

use std::collections::HashSet;
use std::net::IpAddr;

use super::finding::millis;
use super::{
    Container, Device, DnsQuery, Email, Evidence, File, Fingerprint, Group, Image, NetworkEndpoint,
    Observable, Os, Process, ResourceDetails, Url, User,
};
use crate::{Entity, EntityKind, entity};

/// The schema's number of a type that is not known.
const UNKNOWN: u8 = 0;
const REGULAR_FILE: u8 = 1;

pub(super) fn of(e: &Entity) -> Evidence {
    let name = Some(e.name.clone()).filter(|name| !name.is_empty());
    let mut evidence = Evidence { name: name.clone(), data: Some(e.clone()), ..Evidence::default() };
    match &e.kind {
        EntityKind::Device(d) => evidence.device = device(d, name),
        EntityKind::User(u) => evidence.user = user(u, name),
        EntityKind::File(f) => evidence.file = file(f, name),
        EntityKind::Process(p) => evidence.process = process(p, name),
        EntityKind::Ip(_) => set_endpoint(&mut evidence, e),
        EntityKind::Url(u) => {
            evidence.url = name.map(|url_string| Url { url_string, hostname: u.host.clone() });
        }
        EntityKind::Domain(_) => evidence.query = name.map(|hostname| DnsQuery { hostname }),
        EntityKind::Mailbox(m) => {
            let address = m.address.clone().filter(|a| is_email(a));
            evidence.user = name.map(|name| User {
                name: Some(name),
                email_addr: address,
                full_name: m.display_name.clone(),
                ..User::default()
            });
        }
        EntityKind::Email(m) => evidence.email = email(m),
        EntityKind::CloudResource(r) => {
            let uid = r.id.clone();
            if uid.is_some() || name.is_some() {
                evidence.resources = vec![ResourceDetails { uid, name, r#type: r.kind.clone() }];
            }
        }
        EntityKind::Container(c) => {
            let image = c.image.clone().map(|uid| Image { uid });
            if c.id.is_some() || name.is_some() {
                evidence.container = Some(Container { name, uid: c.id.clone(), image });
            }
        }
        EntityKind::Registry(_) | EntityKind::Application(_) | EntityKind::Other(_) => {}
    }
    evidence
}

/// Whether a text is a mail address, as far as the schema asks.
pub(super) fn is_email(text: &str) -> bool {
    matches!(text.split_once('@'), Some((name, host)) if !name.is_empty() && host.contains('.') && !host.contains('@'))
}

/// A text that says something.
fn some(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

fn device(d: &entity::Device, name: Option<String>) -> Option<Device> {
    let uid = some(d.id.as_ref());
    // Where there is no name, entities are called by their id: that is no host's name.
    let hostname =
        some(d.dns_name.as_ref()).or_else(|| name.clone().filter(|name| Some(name) != uid.as_ref()));
    if name.is_none() && uid.is_none() && hostname.is_none() {
        return None;
    }
    Some(Device {
        type_id: UNKNOWN,
        hostname,
        name,
        uid,
        os: some(d.os.as_ref()).map(|name| Os { type_id: system(&name), name }),
        groups: some(d.group.as_ref()).into_iter().map(|name| Group { name }).collect(),
    })
}

/// The schema's number of an operating system.
fn system(name: &str) -> u16 {
    let name = name.to_ascii_lowercase();
    let known = [("windows", 100), ("linux", 200), ("android", 201), ("macos", 300), ("ios", 301)];
    known.into_iter().find(|(word, _)| name.starts_with(word)).map_or(0, |(_, id)| id)
}

fn user(u: &entity::User, name: Option<String>) -> Option<User> {
    let uid = some(u.sid.as_ref()).or_else(|| some(u.aad_id.as_ref()));
    if name.is_none() && uid.is_none() {
        return None;
    }
    Some(User {
        name,
        uid_alt: some(u.aad_id.as_ref()).filter(|id| uid.as_ref() != Some(id)),
        uid,
        domain: some(u.domain.as_ref()),
        email_addr: u.upn.clone().filter(|upn| is_email(upn)),
        full_name: None,
    })
}

fn hashes(md5: Option<&String>, sha1: Option<&String>, sha256: Option<&String>) -> Vec<Fingerprint> {
    [(1, "MD5", md5), (2, "SHA-1", sha1), (3, "SHA-256", sha256)]
        .into_iter()
        .filter_map(|(algorithm_id, algorithm, value)| {
            let value = value.filter(|v| !v.is_empty())?.clone();
            Some(Fingerprint { algorithm_id, algorithm, value })
        })
        .collect()
}

fn file(f: &entity::File, name: Option<String>) -> Option<File> {
    Some(File {
        name: name?,
        type_id: REGULAR_FILE,
        path: f.path.clone(),
        size: f.size,
        hashes: hashes(f.md5.as_ref(), f.sha1.as_ref(), f.sha256.as_ref()),
    })
}

/// A process is one by its id; without it the schema has no place for it.
fn process(p: &entity::Process, name: Option<String>) -> Option<Process> {
    let image = name.clone().map(|name| File {
        name,
        type_id: REGULAR_FILE,
        path: p.path.clone(),
        size: None,
        hashes: hashes(None, p.sha1.as_ref(), p.sha256.as_ref()),
    });
    let parent = p.parent.as_ref();
    let named = |name: &String| Some(name.clone()).filter(|name| !name.is_empty());
    Some(Process {
        pid: p.pid?,
        name,
        cmd_line: p.command_line.clone(),
        created_time: p.started_at.map(millis),
        file: image,
        parent_process: parent.and_then(|p| process(&p.process, named(&p.name))).map(Box::new),
    })
}

/// An address on the side that its part in the attack puts it on; without a part, on neither: that would be a guess.
fn set_endpoint(evidence: &mut Evidence, e: &Entity) {
    if e.name.parse::<IpAddr>().is_err() {
        return;
    }
    let is = |words: &[&str]| e.roles.iter().any(|role| words.contains(&role.as_str()));
    let endpoint = Some(NetworkEndpoint { ip: e.name.clone() });
    if is(&["source", "attacker"]) {
        evidence.src_endpoint = endpoint;
    } else if is(&["destination", "commandAndControl"]) {
        evidence.dst_endpoint = endpoint;
    }
}

fn email(m: &entity::Email) -> Option<Email> {
    let address = |a: &Option<String>| a.clone().filter(|a| is_email(a));
    let (from, to) = (address(&m.sender), address(&m.recipient));
    if from.is_none() && to.is_none() {
        return None;
    }
    Some(Email {
        from,
        subject: m.subject.clone(),
        message_uid: m.message_id.clone(),
        to: to.into_iter().collect(),
    })
}

/// What can be searched for, each once.
pub(super) fn observables(evidences: &[Evidence], entities: &[Entity]) -> Vec<Observable> {
    let mut all: Vec<Observable> = Vec::new();
    let mut seen = HashSet::new();
    let mut add = |name: &'static str, type_id: u8, value: Option<&String>| {
        let Some(value) = value.filter(|v| !v.is_empty()) else { return };
        if seen.insert((name, value.clone())) {
            all.push(Observable { name, type_id, value: value.clone() });
        }
    };
    for (evidence, entity) in evidences.iter().zip(entities) {
        if let Some(device) = &evidence.device {
            add("evidences.device.hostname", 1, device.hostname.as_ref());
        }
        if let Some(user) = &evidence.user {
            add("evidences.user.name", 4, user.name.as_ref());
            add("evidences.user.email_addr", 5, user.email_addr.as_ref());
        }
        if let Some(file) = &evidence.file {
            add("evidences.file.name", 7, Some(&file.name));
            file.hashes.iter().for_each(|hash| add("evidences.file.hashes.value", 8, Some(&hash.value)));
        }
        if let Some(process) = &evidence.process {
            add("evidences.process.name", 9, process.name.as_ref());
            add("evidences.process.cmd_line", 13, process.cmd_line.as_ref());
            let hashes = process.file.iter().flat_map(|file| &file.hashes);
            hashes.for_each(|hash| add("evidences.process.file.hashes.value", 8, Some(&hash.value)));
        }
        if let (EntityKind::Ip(_), Ok(_)) = (&entity.kind, entity.name.parse::<IpAddr>()) {
            let place = match (&evidence.src_endpoint, &evidence.dst_endpoint) {
                (Some(_), _) => "evidences.src_endpoint.ip",
                (_, Some(_)) => "evidences.dst_endpoint.ip",
                _ => "evidences.data",
            };
            add(place, 2, Some(&entity.name));
        }
        if let Some(url) = &evidence.url {
            add("evidences.url.url_string", 6, Some(&url.url_string));
        }
        if let Some(query) = &evidence.query {
            add("evidences.query.hostname", 1, Some(&query.hostname));
        }
        if let Some(email) = &evidence.email {
            add("evidences.email.from", 5, email.from.as_ref());
            add("evidences.email.subject", 40, email.subject.as_ref());
        }
        for resource in &evidence.resources {
            add("evidences.resources.uid", 10, resource.uid.as_ref());
        }
    }
    all
}
