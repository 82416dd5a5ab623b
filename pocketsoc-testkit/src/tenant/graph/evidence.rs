//! Evidence as Graph writes it: each piece with its type, nulls for what is not known, the same thing more than once.

use chrono::TimeDelta;
use serde_json::{Value as Json, json};

use super::word;
use crate::population::{AlertRecord, CloudRecord, Clue, Machine, PEOPLE, guid, hex};
use crate::tenant::mde::{SHELL, stamp};

const DOMAIN: &str = "CONTOSO";

/// A piece of evidence: what every one has, and what is its own.
fn piece(kind: &str, at: &str, every_word: bool, role: Option<&str>, own: Json) -> Json {
    let mut piece = json!({
        "@odata.type": format!("#microsoft.graph.security.{kind}Evidence"), "createdDateTime": at,
        "verdict": "suspicious", "remediationStatus": word("active", every_word), "remediationStatusDetails": null,
        "roles": role.map_or_else(Vec::new, |role| vec![role]), "detailedRoles": [], "tags": [],
    });
    if let (Some(piece), Json::Object(own)) = (piece.as_object_mut(), own) {
        piece.extend(own);
    }
    piece
}

fn account(user: usize) -> Json {
    let (account, name) = PEOPLE[user % PEOPLE.len()];
    json!({
        "accountName": account, "domainName": DOMAIN, "displayName": name, "azureAdUserId": guid(user as u64),
        "userSid": format!("S-1-5-21-11111607-1111760036-109187956-{}", 1100 + user),
        "userPrincipalName": format!("{account}@contoso.example"), "activeDirectoryObjectGuid": null,
        "resourceAccessEvents": [],
    })
}

fn file(name: &str, folder: &str, seed: Option<u64>) -> Json {
    json!({
        "fileName": name, "filePath": folder, "fileSize": 731_744, "filePublisher": null, "signer": null, "issuer": null,
        "sha1": seed.map(|s| hex(s, 40)), "sha256": seed.map(|s| hex(s, 64)), "md5": null, "sha256Ac": null,
    })
}

pub(super) fn of_alert(alert: &AlertRecord, machines: &[Machine], every_word: bool) -> Json {
    let machine = &machines[alert.machine % machines.len()];
    let at = stamp(alert.created + TimeDelta::milliseconds(420));
    let (short, domain) = machine.name.split_once('.').unwrap_or((&machine.name, ""));
    let device = piece(
        "device",
        &at,
        every_word,
        Some("compromised"),
        json!({
            "mdeDeviceId": machine.id, "azureAdDeviceId": null, "deviceDnsName": machine.name, "hostName": short,
            "ntDomain": null, "dnsDomain": domain, "osPlatform": "Windows11", "osBuild": 22_631, "version": "23H2",
            "firstSeenDateTime": stamp(alert.created - TimeDelta::days(200)), "healthStatus": "active", "riskScore": "medium",
            "rbacGroupId": 75, "rbacGroupName": machine.group, "onboardingStatus": "onboarded", "defenderAvStatus": "updated",
            "lastIpAddress": "10.20.4.15", "lastExternalIpAddress": "203.0.113.4",
            "ipInterfaces": ["10.20.4.15", "fe80::1", "127.0.0.1"], "vmMetadata": null,
            "loggedOnUsers": [{"accountName": PEOPLE[alert.user % PEOPLE.len()].0, "domainName": DOMAIN}], "resourceAccessEvents": [],
        }),
    );
    let clues: Vec<&Clue> = alert.story.clues.iter().chain([&SHELL]).collect();
    let clue = |(n, clue): (usize, &&Clue)| {
        let (seed, process) = (alert.grain ^ n as u64, alert.process(n, &clues));
        let piece = |kind: &str, own: Json| piece(kind, &at, every_word, None, own);
        match **clue {
            Clue::User => piece("user", json!({"userAccount": account(alert.user), "stream": null})),
            Clue::Process(name, folder, command_line, parent) => piece(
                "process",
                json!({
                    "processId": process[0].0, "parentProcessId": process[1].0, "processCommandLine": command_line,
                    "processCreationDateTime": stamp(process[0].1),
                    "parentProcessCreationDateTime": stamp(process[1].1),
                    "detectionStatus": "detected", "mdeDeviceId": machine.id, "imageFile": file(name, folder, Some(seed)),
                    "parentProcessImageFile": file(parent, "C:\\Windows\\System32", None), "userAccount": account(alert.user),
                }),
            ),
            Clue::File(name, folder) => piece(
                "file",
                json!({
                    "detectionStatus": "detected", "mdeDeviceId": machine.id, "fileDetails": file(name, folder, Some(seed)),
                }),
            ),
            Clue::Ip(address) => piece(
                "ip",
                json!({
                    "ipAddress": address, "countryLetterCode": "NL", "stream": null,
                    "location": {"city": "Amsterdam", "countryName": "Netherlands", "latitude": 52.37, "longitude": 4.89, "state": null},
                }),
            ),
            Clue::Url(url) => piece("url", json!({"url": url})),
            Clue::Registry(hive, key, name, value) => piece(
                "registryValue",
                json!({
                    "registryHive": hive, "registryKey": key, "registryValueName": name, "registryValueType": "String",
                    "registryValue": value, "mdeDeviceId": machine.id,
                }),
            ),
            Clue::Mail(sender, subject) => {
                let (person, _) = PEOPLE[alert.user % PEOPLE.len()];
                let sender = json!({"emailAddress": sender, "displayName": null, "domainName": sender.split('@').nth(1)});
                piece(
                    "analyzedMessage",
                    json!({
                        "subject": subject, "p1Sender": sender, "p2Sender": sender, "senderIp": "203.0.113.77",
                        "recipientEmailAddress": format!("{person}@contoso.example"), "networkMessageId": guid(seed),
                        "internetMessageId": "<7731@invoice-portal.example>", "receivedDateTime": stamp(alert.created - TimeDelta::minutes(3)),
                        "attachmentsCount": 1, "urlCount": 1, "urls": ["http://cdn.invoice-portal.example/a.ps1"], "language": "en",
                        "deliveryAction": "Delivered", "deliveryLocation": "Inbox", "antiSpamDirection": "Inbound",
                        "threats": ["Phish"], "threatDetectionMethods": ["URL detonation"], "urn": "urn:MailEntity:7731",
                    }),
                )
            }
            Clue::Mailbox => {
                let (person, name) = PEOPLE[alert.user % PEOPLE.len()];
                let address = format!("{person}@contoso.example");
                piece(
                    "mailbox",
                    json!({
                        "primaryAddress": address, "upn": address, "displayName": name, "userAccount": account(alert.user),
                    }),
                )
            }
            Clue::App(name, number) => piece(
                "cloudApplication",
                json!({
                    "appId": number, "displayName": name, "instanceId": 0, "instanceName": null, "saasAppId": number, "stream": null,
                }),
            ),
            Clue::Odd(kind, field, value) => piece(kind, json!({field: value})),
        }
    };
    let mut all = vec![device];
    all.extend(clues.iter().enumerate().map(clue));
    // The same thing may come twice.
    all.extend(all.last().cloned());
    Json::Array(all)
}

pub(super) fn of_cloud(alert: &CloudRecord, every_word: bool) -> Json {
    let (at, resource) = (stamp(alert.created), alert.resource());
    let name = resource.rsplit('/').next().unwrap_or_default();
    json!([
        piece(
            "azureResource",
            &at,
            every_word,
            Some("attacked"),
            json!({
                "resourceId": resource, "resourceName": name, "resourceType": "Azure Resource",
            })
        ),
        piece(
            "ip",
            &at,
            every_word,
            Some("attacker"),
            json!({"ipAddress": "203.0.113.45", "countryLetterCode": null})
        ),
        piece(
            "kubernetesNamespace",
            &at,
            every_word,
            None,
            json!({"name": "default", "labels": {"team": "shop"}, "cluster": null})
        ),
    ])
}
