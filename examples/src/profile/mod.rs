//! The profile file: read strictly, so that a slip of the pen is found before anything is asked.

mod auth;

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use defender_cloud_client::SubscriptionId;
use pocketsoc_model::Clock;
use pocketsoc_transport::{Cloud, Service, check_address};
use toml::{Table, Value};

use crate::failure::Failure;
pub(crate) use auth::{App, Auth, SecretPlace, Way};

/// How long before its end a secret is warned about.
const WARN_AHEAD: TimeDelta = TimeDelta::days(30);

/// Every key of a profile.
const KEYS: &[&str] = &[
    "name",
    "vendor",
    "auth",
    "tenant_id",
    "client_id",
    "client_secret_env",
    "client_secret_file",
    "client_secret_keyring",
    "client_secret",
    "secret_expires",
    "certificate_file",
    "certificate_password_env",
    "federated_token_file",
    "session",
    "token_env",
    "subscription_id",
    "cloud",
    "base_url",
    "authority",
    "poll_seconds",
];
const VENDORS: &[&str] = &["defender-endpoint", "defender-for-cloud", "graph-security"];

/// One connection to one service.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) name: String,
    pub(crate) vendor: Vendor,
    pub(crate) auth: Auth,
    /// When its secret ends, as the administrator has noted.
    pub(crate) expires_at: Option<DateTime<Utc>>,
    /// What its user should know, once it is used.
    pub(crate) warnings: Vec<String>,
    pub(crate) cloud: Cloud,
    pub(crate) base_url: Option<String>,
    pub(crate) authority: Option<String>,
    /// How often it is watched.
    pub(crate) poll_every: Duration,
}

/// How often a profile is watched unless it says otherwise.
pub(crate) const POLL_EVERY: Duration = Duration::from_secs(30);

/// Which service a profile connects to.
#[derive(Debug, Clone)]
pub(crate) enum Vendor {
    DefenderEndpoint,
    /// One subscription, or all that the credential sees.
    DefenderForCloud(Option<SubscriptionId>),
    GraphSecurity,
}

impl Vendor {
    /// The service that it is.
    pub(crate) fn service(&self) -> Service {
        match self {
            Self::DefenderEndpoint => Service::DefenderEndpoint,
            Self::DefenderForCloud(_) => Service::ResourceManager,
            Self::GraphSecurity => Service::Graph,
        }
    }
}

/// Reads a profile file.
pub(crate) fn read(path: &Path, clock: &dyn Clock) -> Result<Vec<Profile>, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| Failure::usage(format!("the profile file {} cannot be read: {e}", path.display())))?;
    parse(&path.display().to_string(), &text, clock)
}

fn parse(file: &str, text: &str, clock: &dyn Clock) -> Result<Vec<Profile>, Failure> {
    let wrong = |what: String| Failure::usage(format!("the profile file {file}: {what}"));
    let table: Table = text.parse().map_err(|e: toml::de::Error| {
        // The parser's own picture of the line may show a secret: only the place is told.
        let line = e.span().map_or(0, |span| text[..span.start.min(text.len())].lines().count().max(1));
        wrong(format!("it is not TOML: {} near line {line}", e.message().lines().next().unwrap_or_default()))
    })?;
    if let Some(key) = table.keys().find(|key| *key != "profile") {
        return Err(wrong(format!("unknown key `{key}`; the file holds [[profile]] tables only")));
    }
    let entries = match table.get("profile") {
        Some(Value::Array(entries)) if !entries.is_empty() => entries,
        _ => return Err(wrong("it holds no [[profile]]".into())),
    };
    let mut profiles: Vec<Profile> = Vec::new();
    for (n, entry) in entries.iter().enumerate() {
        let Value::Table(entry) = entry else {
            return Err(wrong("`profile` is not a list of tables".into()));
        };
        let name = entry.get("name").and_then(Value::as_str).unwrap_or_default();
        let shown = if name.is_empty() { format!("number {}", n + 1) } else { format!("\"{name}\"") };
        let profile = Entry { file, shown: &shown, table: entry }.read(clock)?;
        if profiles.iter().any(|p| p.name == profile.name) {
            return Err(wrong(format!("profile {shown}: the name is used twice; names are unique")));
        }
        profiles.push(profile);
    }
    Ok(profiles)
}

/// One `[[profile]]` of the file.
struct Entry<'a> {
    file: &'a str,
    shown: &'a str,
    table: &'a Table,
}

impl Entry<'_> {
    fn wrong(&self, key: &str, what: &str) -> Failure {
        Failure::usage(format!("the profile file {}, profile {}, key `{key}`: {what}", self.file, self.shown))
    }

    fn text(&self, key: &str) -> Result<Option<&str>, Failure> {
        match self.table.get(key) {
            None => Ok(None),
            Some(Value::String(text)) if !text.trim().is_empty() => Ok(Some(text)),
            Some(Value::String(_)) => Err(self.wrong(key, "it is empty")),
            Some(_) => Err(self.wrong(key, "a text in quotes is expected")),
        }
    }

    fn required(&self, key: &str) -> Result<&str, Failure> {
        self.text(key)?.ok_or_else(|| self.wrong(key, "it is missing"))
    }

    fn one_of<'a>(&self, key: &str, value: &'a str, allowed: &[&str]) -> Result<&'a str, Failure> {
        if allowed.contains(&value) {
            return Ok(value);
        }
        Err(self.wrong(key, &format!("`{value}` is not allowed; allowed: {}", allowed.join(", "))))
    }

    fn read(&self, clock: &dyn Clock) -> Result<Profile, Failure> {
        if let Some(key) = self.table.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(self.wrong(key, &format!("there is no such key; allowed: {}", KEYS.join(", "))));
        }
        let name = self.required("name")?.to_owned();
        let vendor = match self.one_of("vendor", self.required("vendor")?, VENDORS)? {
            "defender-endpoint" => Vendor::DefenderEndpoint,
            "defender-for-cloud" => Vendor::DefenderForCloud(self.subscription()?),
            _ => Vendor::GraphSecurity,
        };
        if self.table.contains_key("subscription_id") && !matches!(vendor, Vendor::DefenderForCloud(_)) {
            return Err(self.wrong("subscription_id", "only defender-for-cloud has subscriptions"));
        }
        let cloud = match self.text("cloud")? {
            None => Cloud::Public,
            Some(word) => word.parse().map_err(|_| {
                let words: Vec<_> = Cloud::ALL.iter().map(|c| c.as_str()).collect();
                self.wrong("cloud", &format!("`{word}` is not allowed; allowed: {}", words.join(", ")))
            })?,
        };
        let base_url = self.address("base_url")?;
        let authority = self.address("authority")?;
        let poll_every = self.poll_every()?;
        let expires = self.expiry()?;
        let mut warnings: Vec<String> =
            expires.and_then(|date| expires_soon(date, clock)).into_iter().collect();
        let auth = self.auth(&mut warnings)?;
        let expires_at = expires.map(|date| date.and_time(NaiveTime::MIN).and_utc());
        Ok(Profile { name, vendor, auth, expires_at, warnings, cloud, base_url, authority, poll_every })
    }

    fn poll_every(&self) -> Result<Duration, Failure> {
        match self.table.get("poll_seconds") {
            None => Ok(POLL_EVERY),
            Some(Value::Integer(seconds @ 1..=86_400)) => Ok(Duration::from_secs(seconds.unsigned_abs())),
            Some(_) => Err(self.wrong("poll_seconds", "a whole number from 1 to 86400 is expected")),
        }
    }

    fn subscription(&self) -> Result<Option<SubscriptionId>, Failure> {
        let Some(text) = self.text("subscription_id")? else { return Ok(None) };
        if text.contains('/') {
            return Err(self.wrong("subscription_id", "give the id alone, without /subscriptions/"));
        }
        SubscriptionId::new(text).map(Some).map_err(|e| self.wrong("subscription_id", &e.to_string()))
    }

    fn address(&self, key: &'static str) -> Result<Option<String>, Failure> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        check_address(key, text)
            .map_err(|e| self.wrong(key, &format!("{}; {}", e.message(), e.hint().unwrap_or_default())))?;
        Ok(Some(text.to_owned()))
    }

    /// When the secret ends.
    fn expiry(&self) -> Result<Option<NaiveDate>, Failure> {
        let expected = || self.wrong("secret_expires", "a date is expected, such as 2027-01-31");
        let text = match self.table.get("secret_expires") {
            None => return Ok(None),
            Some(Value::Datetime(date)) => date.to_string(),
            Some(Value::String(text)) => text.clone(),
            Some(_) => return Err(expected()),
        };
        text.get(..10).and_then(|day| day.parse().ok()).ok_or_else(expected).map(Some)
    }
}

/// A warning where the secret's end is near.
fn expires_soon(date: NaiveDate, clock: &dyn Clock) -> Option<String> {
    let left = date - clock.now().date_naive();
    (left <= WARN_AHEAD).then(|| {
        let when = match left.num_days() {
            days if days < 0 => format!("expired on {date}"),
            days => format!("expires on {date}, in {days} days"),
        };
        format!(
            "the client secret {when}: create a new one under Certificates & secrets, update it here, delete the old one when the new one works"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pocketsoc_model::ManualClock;

    const GOOD: &str = r#"
        [[profile]]
        name = "Endpoint"
        vendor = "defender-endpoint"
        auth = "app"
        tenant_id = "contoso.example"
        client_id = "c0ffee00-0000-4000-8000-000000000000"
        client_secret = "hush-hush"
        secret_expires = 2027-01-31
        cloud = "us-gov"
        base_url = "http://127.0.0.1:8080"
        poll_seconds = 30
    "#;

    fn read(text: &str) -> Result<Vec<Profile>, String> {
        let clock = ManualClock::at("2026-01-31T00:00:00Z".parse().unwrap());
        parse("my.toml", text, &clock).map_err(|failure| format!("{failure:?}"))
    }

    #[test]
    fn a_good_file_is_read() {
        let profiles = read(GOOD).unwrap();
        assert_eq!(
            (profiles.len(), profiles[0].name.as_str(), profiles[0].cloud),
            (1, "Endpoint", Cloud::UsGov)
        );
    }

    #[test]
    fn every_slip_names_file_profile_key_and_what_is_allowed() {
        for (from, to, said) in [
            ("tenant_id", "tenantid", &["`tenantid`", "tenant_id, client_id"][..]),
            ("tenant_id = \"contoso.example\"", "", &["`tenant_id`", "missing"]),
            ("defender-endpoint", "defender", &["`vendor`", "defender-endpoint"]),
            ("\"app\"", "\"password\"", &["`auth`", "app, certificate", "browser, token"]),
            ("us-gov", "mars", &["`cloud`", "public, us-gov-gcc"]),
            ("http://127.0.0.1:8080", "http://api.example", &["`base_url`", "https://"]),
            ("http://127.0.0.1:8080", "nonsense", &["`base_url`", "https://"]),
            ("poll_seconds = 30", "poll_seconds = 0", &["`poll_seconds`", "1 to 86400"]),
            ("client_secret = \"hush-hush\"", "", &["`client_secret_env`", "missing"]),
            ("2027-01-31", "\"soon\"", &["`secret_expires`", "2027-01-31"]),
            ("\"contoso.example\"", "5", &["`tenant_id`", "text"]),
            ("poll_seconds = 30", "subscription_id = \"s\"", &["`subscription_id`", "defender-for-cloud"]),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let error = read(&GOOD.replacen(from, to, 1)).unwrap_err();
            for part in [&["my.toml", "Endpoint"], said].concat() {
                assert!(error.contains(part), "{to}: {error} lacks {part}");
            }
            assert!(!error.contains("hush-hush"), "no secret in an error: {error}");
        }
    }

    #[test]
    fn a_file_that_is_no_profile_file_is_refused_without_showing_it() {
        for bad in [
            "",
            "x = 1",
            "profile = 5",
            "[profile]\nname='a'",
            "[[profile]]\nclient_secret = \"hush-hush",
            "[[profile]]",
        ] {
            let error = read(bad).unwrap_err();
            assert!(error.contains("my.toml") && !error.contains("hush"), "{bad}: {error}");
        }
        let twice = format!("{GOOD}{GOOD}");
        assert!(read(&twice).unwrap_err().contains("twice"));
    }
}
