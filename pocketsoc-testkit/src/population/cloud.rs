//! Alerts of Defender for Cloud, one family per kind of resource, in three subscriptions.

use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;
use pocketsoc_model::RawJson;
use serde_json::Value;

use super::incidents::ATTACK;
use super::triage::{Remark, Tracked, Triage};
use super::{Machine, guid};

/// The subscriptions: id, name, state, resource group, and where their alerts are stored.
pub(crate) static SUBSCRIPTIONS: [(&str, &str, &str, &str, &str); 3] = [
    ("5ca1ab1e-0001-4000-8000-0000000000a1", "Production", "Enabled", "rg-shop", "westeurope"),
    ("5ca1ab1e-0002-4000-8000-0000000000b2", "Development", "Warned", "rg-build", "centralus"),
    ("5ca1ab1e-0003-4000-8000-0000000000c3", "Sandbox", "Enabled", "rg-play", "westeurope"),
];

/// The families: name, and an alert of each as the service writes it.
const FAMILIES: [(&str, &str); 12] = [
    ("windows", include_str!("../cloud_families/windows.json")),
    ("linux", include_str!("../cloud_families/linux.json")),
    ("dns", include_str!("../cloud_families/dns.json")),
    ("vm_extension", include_str!("../cloud_families/vm_extension.json")),
    ("app_service", include_str!("../cloud_families/app_service.json")),
    ("kubernetes", include_str!("../cloud_families/kubernetes.json")),
    ("sql", include_str!("../cloud_families/sql.json")),
    ("open_source_db", include_str!("../cloud_families/open_source_db.json")),
    ("resource_manager", include_str!("../cloud_families/resource_manager.json")),
    ("storage", include_str!("../cloud_families/storage.json")),
    ("cosmos_db", include_str!("../cloud_families/cosmos_db.json")),
    ("network", include_str!("../cloud_families/network.json")),
];

/// One alert of Defender for Cloud for each family of resources: its name, and the alert as Azure Resource Manager
/// writes it, with the quirks seen there (references and circles among entities, keys in two letter cases, JSON in
/// texts, missing parts). Every value is invented.
pub fn cloud_families() -> impl Iterator<Item = (&'static str, &'static str)> {
    FAMILIES.into_iter()
}

/// What of a family the tenant needs to know.
pub(crate) struct Family {
    /// Without white space between tokens.
    text: String,
    pub(crate) in_a_group: bool,
    old_name: bool,
    pub(crate) severity: String,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) alert_type: String,
    pub(crate) resource: String,
}

static READ: LazyLock<Vec<Family>> = LazyLock::new(|| {
    let read = |(_, text): (&str, &str)| {
        let alert: Value = serde_json::from_str(text).unwrap_or_default();
        let said = &alert["properties"];
        let word = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
        Family {
            text: RawJson::new(text).compact(),
            in_a_group: text.contains("/resourceGroups/rg-fixture/providers/Microsoft.Security"),
            old_name: text.contains(OLD_DIGITS),
            severity: word("severity"),
            title: word("alertDisplayName"),
            description: word("description"),
            alert_type: word("alertType"),
            resource: said["resourceIdentifiers"][0]["azureResourceId"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        }
    };
    FAMILIES.into_iter().map(read).collect()
});

// What stands in every family's alert to be filled in.
const NAME: &str = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
const OLD_DIGITS: &str = "2517000000000000000";
const SUBSCRIPTION: &str = "11111111-2222-4333-8444-555555555555";
const GROUP: &str = "rg-fixture";
const LOCATION: &str = "westeurope";
const MACHINE: &str = "vm-web-01";
const DOMAIN: &str = "corp.fixture.example";

/// One alert of Defender for Cloud as the tenant keeps it.
#[derive(Debug, Clone)]
pub(crate) struct CloudRecord {
    pub(crate) name: String,
    family: usize,
    subscription: usize,
    pub(crate) created: DateTime<Utc>,
    pub(crate) incident: i64,
    /// The machine it is about, where that is one that Defender for Endpoint knows as well.
    machine: Option<String>,
    /// Whether it was asked for, to try things out.
    sample: bool,
    /// The status in the words of Azure.
    pub(crate) triage: Tracked,
}

impl CloudRecord {
    pub(crate) fn family(&self) -> &'static Family {
        &READ[self.family]
    }

    pub(crate) fn subscription(&self) -> &'static str {
        SUBSCRIPTIONS[self.subscription].0
    }

    pub(crate) fn location(&self) -> &'static str {
        SUBSCRIPTIONS[self.subscription].4
    }

    pub(crate) fn group(&self) -> Option<&'static str> {
        self.family().in_a_group.then_some(SUBSCRIPTIONS[self.subscription].3)
    }

    /// The same, as a sample in a subscription.
    pub(crate) fn into_sample(mut self, subscription: usize) -> Self {
        (self.sample, self.subscription) = (true, subscription);
        self
    }

    /// Its type.
    pub(crate) fn kind(&self) -> String {
        format!("{}{}", if self.sample { "SIMULATED_" } else { "" }, self.family().alert_type)
    }

    /// The full resource id.
    pub(crate) fn id(&self) -> String {
        // Samples are told in capitals.
        let (subscriptions, groups) = if self.sample {
            ("SUBSCRIPTIONS", "RESOURCEGROUPS")
        } else {
            ("subscriptions", "resourceGroups")
        };
        let group = self.group().map(|g| format!("/{groups}/{g}")).unwrap_or_default();
        format!(
            "/{subscriptions}/{}{group}/providers/Microsoft.Security/locations/{}/alerts/{}",
            self.subscription(),
            self.location(),
            self.name
        )
    }

    /// The id of the resource that it is about.
    pub(crate) fn resource(&self) -> String {
        self.filled(&self.family().resource)
    }

    pub(crate) fn start(&self) -> DateTime<Utc> {
        self.created - TimeDelta::milliseconds(361_500)
    }

    /// What the family's alert says, about this one.
    pub(crate) fn filled(&self, text: &str) -> String {
        let mut text = text
            .replace(OLD_DIGITS, self.name.split_once('_').map_or("", |(digits, _)| digits))
            .replace(NAME, self.name.rsplit('_').next().unwrap_or_default())
            .replace(SUBSCRIPTION, self.subscription())
            .replace(GROUP, SUBSCRIPTIONS[self.subscription].3)
            .replace(LOCATION, self.location());
        if self.sample {
            let (kind, title) = (&self.family().alert_type, &self.family().title);
            text = text.replace(&format!("\"{kind}\""), &format!("\"SIMULATED_{kind}\""));
            text = text.replace(title, &format!("[SAMPLE ALERT] {title}"));
        }
        if let Some(machine) = &self.machine {
            let (short, domain) = machine.split_once('.').unwrap_or((machine, DOMAIN));
            text = text.replace(MACHINE, short).replace(&MACHINE.to_uppercase(), &short.to_uppercase());
            text = text.replace(DOMAIN, domain);
        }
        text
    }

    /// The alert as the service writes it.
    pub(crate) fn json(&self, stamp: impl Fn(DateTime<Utc>) -> String, stale: bool) -> String {
        let status = &self.triage.seen(stale).status;
        let mut text = self.filled(&self.family().text);
        if self.sample {
            let plain = Self { sample: false, ..self.clone() };
            text = text.replacen(&format!("\"{}\"", plain.id()), &format!("\"{}\"", self.id()), 1);
        }
        text.replace("2026-09-01T10:00:00.1234567Z", &stamp(self.start()))
            .replace("2026-09-01T10:05:30.5Z", &stamp(self.start() + TimeDelta::seconds(330)))
            .replace("2026-09-01T10:06:00.53895Z", &stamp(self.created))
            .replace("2026-09-01T10:06:01Z", &stamp(self.created + TimeDelta::milliseconds(461)))
            .replace("\"status\":\"Active\"", &format!("\"status\":\"{status}\""))
    }
}

/// Alerts of the thirty days before `now`, newest first; the first belongs to the attack that all services see.
pub(crate) fn cloud_alerts(
    seed: u64,
    count: usize,
    attacked: &Machine,
    now: DateTime<Utc>,
) -> Vec<CloudRecord> {
    let mut rng = Rng::with_seed(seed ^ 0xC10D);
    let step = TimeDelta::days(30) / i32::try_from(count.max(1)).unwrap_or(i32::MAX);
    (0..count)
        .map(|n| {
            let created = now - TimeDelta::minutes(11) - step * i32::try_from(n).unwrap_or_default();
            let status = match rng.u8(..10) {
                0..=5 => "Active",
                6..=7 => "InProgress",
                8 => "Resolved",
                _ => "Dismissed",
            };
            let mut record = record(&mut rng, n, created, (n == 0).then_some(attacked));
            let mut triage = Triage::new(if n == 0 { "Active" } else { status }, record.created);
            if status == "Resolved" && n > 0 {
                let by = "analyst@contoso.example".into();
                triage.remarks.push(Remark { text: "Handled in Azure.".into(), by, at: record.created });
                triage.resolved = Some(record.created);
            }
            record.triage = Tracked::new(triage);
            record
        })
        .collect()
}

/// One more alert of a family, raised now.
pub(crate) fn cloud_alert(seed: u64, family: usize, now: DateTime<Utc>) -> CloudRecord {
    let mut record = record(&mut Rng::with_seed(seed), family, now, None);
    record.incident += 1_000 + i64::try_from(seed % 1_000).unwrap_or_default();
    record
}

/// An active alert of the nth family.
fn record(rng: &mut Rng, n: usize, created: DateTime<Utc>, attacked: Option<&Machine>) -> CloudRecord {
    let created = DateTime::from_timestamp_nanos(created.timestamp_micros() * 1000 + 700);
    let mut record = CloudRecord {
        name: guid(rng.u64(..)),
        family: n % FAMILIES.len(),
        subscription: (n + n / FAMILIES.len()) % SUBSCRIPTIONS.len(),
        created,
        incident: ATTACK + i64::try_from(n / 2).unwrap_or_default(),
        machine: attacked.map(|machine| machine.name.clone()),
        sample: false,
        triage: Tracked::new(Triage::new("Active", created)),
    };
    if record.family().old_name {
        // The digits count down from the end of time, in ticks of 100 ns since the year 1.
        let ticks = record.start().timestamp_micros() * 10 + 621_355_968_000_000_000;
        record.name = format!("{}_{}", 3_155_378_975_999_999_999 - ticks, record.name);
    }
    record
}
