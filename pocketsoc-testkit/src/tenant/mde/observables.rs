//! Files, addresses, domains and accounts: what is known of them, and what an alert has of each.

use chrono::TimeDelta;
use serde_json::{Value as Json, json};

use super::alerts::{list_where, not_found};
use super::listing::list;
use super::render::stamp;
use super::{Answer, MACHINE_READ, admit, machines, refusal, unknown};
use crate::message::{Reply, Request};
use crate::population::{AlertRecord, Clue, PEOPLE, hex};
use crate::tenant::Tenant;

/// Answers `/api/files…`, `/api/ips…`, `/api/domains…` and `/api/users…`.
pub(super) fn observables(tenant: &Tenant, request: &Request, kind: &str, id: &str, rest: &[&str]) -> Answer {
    if request.method != "GET" {
        return Err(unknown());
    }
    check(kind, id)?;
    match rest {
        [] if kind == "files" => {
            admit(tenant, request, grant(kind))?;
            let name = file_name(tenant, id)
                .ok_or_else(|| refusal(404, "ResourceNotFound", "File was not found"))?;
            Ok(Reply::json(200, described(tenant, id, name).to_string()))
        }
        ["stats"] if kind != "users" => stats(tenant, request, kind, id),
        ["alerts"] => list_where(tenant, request, |alert| has(alert, kind, id)),
        ["machines"] if kind != "ips" => {
            admit(tenant, request, MACHINE_READ)?;
            let mut there: Vec<usize> = {
                let state = tenant.lock();
                let alerts = state.alerts.iter().filter(|alert| has(alert, kind, id));
                alerts.map(|alert| alert.machine % tenant.machines().len()).collect()
            };
            there.sort_unstable();
            there.dedup();
            let there: Vec<Json> = there.into_iter().map(|index| machines::render(tenant, index)).collect();
            Ok(list("Machines", &there))
        }
        _ => Err(unknown()),
    }
}

fn grant(kind: &str) -> &'static [&'static str] {
    match kind {
        "files" => &["File.Read.All"],
        "ips" => &["Ip.Read.All"],
        "domains" => &["URL.Read.All"],
        _ => &["User.Read.All"],
    }
}

/// Refuses what is none of its kind.
fn check(kind: &str, id: &str) -> Result<(), Reply> {
    let hash = matches!(id.len(), 40 | 64) && id.bytes().all(|b| b.is_ascii_hexdigit());
    let (fits, code) = match kind {
        "files" => (hash, "InvalidHashValue"),
        "ips" => (id.parse::<std::net::IpAddr>().is_ok(), "InvalidIpAddress"),
        "domains" => (!id.contains(['/', '\\', ' ', '\'']), "InvalidDomainName"),
        _ => (true, ""),
    };
    if fits { Ok(()) } else { Err(refusal(400, code, &format!("'{id}' is malformed."))) }
}

/// Whether an alert is about it.
fn has(alert: &AlertRecord, kind: &str, id: &str) -> bool {
    alert.story.clues.iter().enumerate().any(|(n, clue)| match (kind, clue) {
        ("files", Clue::File(..) | Clue::Process(..)) => {
            hashes(alert.grain ^ n as u64).iter().any(|h| h == id)
        }
        ("ips", Clue::Ip(address)) => *address == id,
        ("domains", Clue::Url(url)) => url.split('/').nth(2) == Some(id),
        ("users", Clue::User) => PEOPLE[alert.user % PEOPLE.len()].0 == id,
        _ => false,
    })
}

/// SHA-1 and SHA-256 of a file.
fn hashes(seed: u64) -> [String; 2] {
    [hex(seed, 40), hex(seed, 64)]
}

/// The name of a file that some alert is about.
fn file_name(tenant: &Tenant, hash: &str) -> Option<&'static str> {
    let state = tenant.lock();
    state.alerts.iter().find_map(|alert| {
        alert.story.clues.iter().enumerate().find_map(|(n, clue)| match clue {
            Clue::File(name, _) | Clue::Process(name, ..)
                if hashes(alert.grain ^ n as u64).iter().any(|h| h == hash) =>
            {
                Some(*name)
            }
            _ => None,
        })
    })
}

fn described(tenant: &Tenant, hash: &str, name: &str) -> Json {
    let now = tenant.0.clock.now();
    let seed = hash.bytes().fold(7_u64, |seed, byte| seed.wrapping_mul(31) ^ u64::from(byte));
    json!({
        "sha1": if hash.len() == 40 { hash.to_owned() } else { hex(seed, 40) },
        "sha256": if hash.len() == 64 { hash.to_owned() } else { hex(seed, 64) },
        "globalPrevalence": seed % 900_000,
        "globalFirstObserved": stamp(now - TimeDelta::days(400)),
        "globalLastObserved": stamp(now - TimeDelta::hours(2)),
        "size": 4096 + seed % 9_000_000,
        "fileType": null,
        "isPeFile": std::path::Path::new(name).extension().is_some_and(|e| e.eq_ignore_ascii_case("exe")),
        "filePublisher": null,
        "fileProductName": null,
        "signer": null,
        "issuer": null,
        "signerHash": null,
        "isValidCertificate": null,
        "determinationType": "Unknown",
        "determinationValue": null,
    })
}

/// How often it was seen: an unknown file is not found, all else that is unknown was seen 0 times.
fn stats(tenant: &Tenant, request: &Request, kind: &str, id: &str) -> Answer {
    admit(tenant, request, grant(kind))?;
    let hours = request.option("lookBackHours").map_or(Ok(720), |text| text.parse::<i64>());
    let Some(hours) = hours.ok().filter(|hours| (1..=720).contains(hours)) else {
        return Err(refusal(400, "InvalidInput", "lookBackHours is between 1 and 720."));
    };
    let now = tenant.0.clock.now();
    let seen: Vec<_> = {
        let state = tenant.lock();
        let alerts = state.alerts.iter().filter(|alert| has(alert, kind, id));
        alerts.map(|alert| alert.created).filter(|at| now - *at <= TimeDelta::hours(hours)).collect()
    };
    // Numbers come as texts.
    let mut answer = json!({
        "organizationPrevalence": seen.len().to_string(),
        "orgFirstSeen": seen.iter().min().map(|at| stamp(*at)),
        "orgLastSeen": seen.iter().max().map(|at| stamp(*at)),
    });
    match kind {
        "files" => {
            let name = file_name(tenant, id)
                .ok_or_else(|| refusal(404, "ResourceNotFound", "File was not found"))?;
            answer["sha1"] = json!(hex(0, 40));
            if id.len() == 40 {
                answer["sha1"] = json!(id);
            }
            // Spelled so.
            answer["globallyPrevalence"] = json!("705012");
            answer["globalFirstObserved"] = json!(stamp(now - TimeDelta::days(400)));
            answer["globalLastObserved"] = json!(stamp(now - TimeDelta::hours(2)));
            answer["topFileNames"] = json!([name]);
        }
        "ips" => answer["ipAddress"] = json!(id),
        _ => answer["host"] = json!(id),
    }
    Ok(Reply::json(200, answer.to_string()))
}

/// What an alert is about: the domains, files and addresses of its story, its machine and its user.
pub(super) fn related(tenant: &Tenant, request: &Request, id: &str, what: &str) -> Answer {
    let needed: &[&str] = match what {
        "domains" => &["URL.Read.All"],
        "files" => &["File.Read.All"],
        "ips" => &["Ip.Read.All"],
        "machine" => MACHINE_READ,
        "user" => &["User.Read.All"],
        _ => return Err(unknown()),
    };
    admit(tenant, request, needed)?;
    let (story, grain, machine, user) = {
        let state = tenant.lock();
        let alert = state.alerts.iter().find(|a| a.id == id).ok_or_else(|| not_found(id))?;
        (alert.story, alert.grain, alert.machine % tenant.machines().len(), alert.user)
    };
    let clues = || story.clues.iter().enumerate();
    Ok(match what {
        "domains" => {
            let host = |url: &str| url.split('/').nth(2).map(|host| json!({"host": host}));
            let hosts = clues().filter_map(|(_, clue)| match clue {
                Clue::Url(url) => host(url),
                _ => None,
            });
            list("Domains", &hosts.collect::<Vec<_>>())
        }
        "files" => {
            let files = clues().filter_map(|(n, clue)| match clue {
                Clue::File(name, _) | Clue::Process(name, ..) => {
                    Some(described(tenant, &hashes(grain ^ n as u64)[0], name))
                }
                _ => None,
            });
            list("Files", &files.collect::<Vec<_>>())
        }
        "ips" => {
            let addresses = clues().filter_map(|(_, clue)| match clue {
                Clue::Ip(address) => Some(json!({"id": address})),
                _ => None,
            });
            list("Ips", &addresses.collect::<Vec<_>>())
        }
        "machine" => Reply::json(200, machines::render(tenant, machine).to_string()),
        _ if !story.clues.iter().any(|clue| matches!(clue, Clue::User)) => {
            return Err(refusal(404, "ResourceNotFound", "The alert has no user"));
        }
        _ => Reply::json(200, machines::user(tenant, user % PEOPLE.len()).to_string()),
    })
}
