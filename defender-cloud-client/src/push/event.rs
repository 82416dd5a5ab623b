//! What is pushed: alerts in either of two forms, and events of the same channel that are none.

use pocketsoc_model::{Detection, RawJson, Result};
use pocketsoc_transport::{Decode, KeepRaw as _};
use serde::de::Error as _;
use serde_json::value::RawValue;

use super::casing::{lowered, lowered_names};
use crate::alerts::{Alert, AlertId, AlertProperties};
use crate::normalize::normalize;

/// Something that was pushed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum PushEvent {
    /// An alert.
    Alert(Box<PushedAlert>),
    /// An event of the same channel that is no alert: an assessment, a secure score.
    Other(OtherEvent),
}

/// An alert as it is pushed: every name begins with a capital, its status is `New` and it has no resource id. What is
/// pushed in the form of Azure Resource Manager is read as well.
///
/// ```
/// use defender_cloud_client::{PushedAlert, normalize_push};
/// let pushed = PushedAlert::from_json(r#"{"SystemAlertId": "2517_4d25", "AlertDisplayName": "Odd sign-in", "Severity": "High",
///     "AlertUri": "https://portal.azure.com/#blade/Microsoft_Azure_Security/AlertBlade/alertId/2517_4d25/subscriptionId/s-1/resourceGroup/rg/referencedFrom/alertDeepLink/location/westeurope"}"#)?;
/// let detection = normalize_push(pushed)?;
/// assert_eq!(detection.id.as_str(), "/subscriptions/s-1/resourceGroups/rg/providers/Microsoft.Security/locations/westeurope/alerts/2517_4d25");
/// # Ok::<(), defender_cloud_client::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct PushedAlert {
    /// The same in the form in which it would be listed: from here on there is one way.
    alert: Alert,
    raw: RawJson,
}

/// An event that is no alert.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OtherEvent {
    /// Its type, such as `Microsoft.Security/assessments`.
    pub kind: String,
    /// Its JSON as it came, byte for byte.
    pub raw: RawJson,
}

/// Turns a pushed alert into the same detection that a list would give: the same correlation keys, and the same id but for
/// letter case, which Azure ignores ([`DetectionId::same_as`](pocketsoc_model::DetectionId::same_as)). One whose
/// link to the portal cannot be read has its bare name as id, which every call of the source takes as well.
///
/// # Errors
/// Never for an alert that was read: its name has been checked.
pub fn normalize_push(pushed: PushedAlert) -> Result<Detection> {
    let mut detection = normalize(pushed.alert)?;
    detection.raw = Some(pushed.raw);
    Ok(detection)
}

impl PushedAlert {
    /// Reads an alert from its JSON, in either form.
    ///
    /// # Errors
    /// `Decode` when it is no alert.
    pub fn from_json(text: &str) -> Result<Self> {
        use pocketsoc_model::{Error, ErrorKind};
        let failed = || Error::new(ErrorKind::Decode, "read a pushed alert");
        match PushEvent::decode(text) {
            Ok(PushEvent::Alert(alert)) => Ok(*alert),
            Ok(PushEvent::Other(other)) => {
                Err(failed().with_message(format!("it is {}, no alert", other.kind)))
            }
            Err(error) => Err(failed().with_message("it is no alert").with_source(error)),
        }
    }

    /// Its full resource id, rebuilt from its link to the portal; where there is none, its bare name.
    pub fn id(&self) -> &AlertId {
        &self.alert.id
    }

    /// What it says.
    pub fn properties(&self) -> &AlertProperties {
        &self.alert.properties
    }

    /// Its JSON as it came, byte for byte.
    pub fn raw(&self) -> &RawJson {
        &self.raw
    }
}

impl Decode for PushEvent {
    fn decode(text: &str) -> serde_json::Result<Self> {
        let text = text.trim_ascii();
        let members = Members::read(text)?;
        let raw = RawJson::new(text);
        let kind = members.text("type").or_else(|| members.text("Type"));
        let is_alert = |kind: &String| kind.to_ascii_lowercase().ends_with("/alerts");
        // In the form of Azure Resource Manager.
        if let Some(properties) = members.get("properties").filter(|_| kind.as_ref().is_none_or(is_alert)) {
            return Ok(Self::Alert(Box::new(PushedAlert {
                alert: of_arm(text, &members, properties)?,
                raw,
            })));
        }
        let named = members.get("SystemAlertId").or_else(|| members.get("systemAlertId")).is_some();
        match (members.text("SystemAlertId").or_else(|| members.text("systemAlertId")), kind) {
            (Some(name), _) => {
                let link = members.text("AlertUri").or_else(|| members.text("alertUri")).unwrap_or_default();
                let id = place(&link, &name).unwrap_or_else(|| name.clone());
                let mut alert = Alert::decode(&listed(&members, &id, &name))?;
                alert.keep_raw(raw.clone());
                Ok(Self::Alert(Box::new(PushedAlert { alert, raw })))
            }
            (None, Some(kind)) if !named && !is_alert(&kind) => Ok(Self::Other(OtherEvent { kind, raw })),
            _ => Err(serde_json::Error::custom("missing field `SystemAlertId`")),
        }
    }

    fn decode_first(text: &str) -> Option<(Self, usize)> {
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
        let event = Self::decode(values.next()?.ok()?.get()).ok()?;
        Some((event, values.byte_offset()))
    }
}

/// The members of an object, in their order.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Members<'a> {
    fn read(text: &'a str) -> serde_json::Result<Self> {
        struct Object<'a>(std::marker::PhantomData<&'a ()>);
        impl<'de> serde::de::Visitor<'de> for Object<'de> {
            type Value = Vec<(String, &'de RawValue)>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(member) = map.next_entry()? {
                    all.push(member);
                }
                Ok(all)
            }
        }
        let mut reader = serde_json::Deserializer::from_str(text);
        let all = serde::Deserializer::deserialize_map(&mut reader, Object(std::marker::PhantomData))?;
        reader.end()?;
        Ok(Self(all))
    }

    fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().rev().find(|(own, _)| own == name).map(|(_, value)| *value)
    }

    fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str::<String>(self.get(name)?.get()).ok().filter(|text| !text.trim().is_empty())
    }
}

/// An alert in the form of Azure Resource Manager; one without an id gets it from its link to the portal.
fn of_arm(text: &str, members: &Members<'_>, properties: &RawValue) -> serde_json::Result<Alert> {
    if members.text("id").is_some() {
        return Alert::decode(text);
    }
    let said = Members::read(properties.get())?;
    let name = members.text("name").or_else(|| said.text("systemAlertId"));
    let name = name.ok_or_else(|| serde_json::Error::custom("missing field `id`"))?;
    let id = place(&said.text("alertUri").unwrap_or_default(), &name).unwrap_or(name);
    let mut alert =
        Alert::decode(&format!("{{\"id\":{},\"properties\":{}}}", quoted(&id), properties.get()))?;
    alert.keep_raw(RawJson::new(text));
    Ok(alert)
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A pushed alert in the form in which it would be listed.
fn listed(members: &Members<'_>, id: &str, name: &str) -> String {
    let mut out: Vec<(String, String)> = Vec::with_capacity(members.0.len() + 1);
    for (own, value) in &members.0 {
        let name = match own.as_str() {
            "TimeGenerated" => "timeGeneratedUtc".to_owned(),
            "ProcessingEndTime" => "processingEndTimeUtc".to_owned(),
            other => lowered(other),
        };
        // What is within an extra is the rule's own.
        let levels = match name.as_str() {
            "entities" | "resourceIdentifiers" | "extendedLinks" | "supportingEvidence" => usize::MAX,
            "extendedProperties" => 1,
            _ => 0,
        };
        let value = if levels > 0 { lowered_names(value.get(), levels) } else { value.get().to_owned() };
        // Of a name that comes twice, in whatever letter case, the last counts.
        out.retain(|(known, _)| *known != name);
        out.push((name, value));
    }
    let identified = out.iter().any(|(name, value)| name == "resourceIdentifiers" && value.contains('{'));
    if !identified && let Some(identifiers) = identifiers(members) {
        out.retain(|(name, _)| name != "resourceIdentifiers");
        out.push(("resourceIdentifiers".to_owned(), identifiers));
    }
    let said: Vec<String> = out.iter().map(|(name, value)| format!("{}:{value}", quoted(name))).collect();
    format!("{{\"id\":{},\"name\":{},\"properties\":{{{}}}}}", quoted(id), quoted(name), said.join(","))
}

/// What the alert is about, where it is said flat only.
fn identifiers(members: &Members<'_>) -> Option<String> {
    let flat = |kind: &str, names: &[&str]| {
        let said: Vec<String> = names
            .iter()
            .filter_map(|name| Some(format!(",{}:{}", quoted(&lowered(name)), quoted(&members.text(name)?))))
            .collect();
        (!said.is_empty()).then(|| format!("{{\"type\":\"{kind}\"{}}}", said.concat()))
    };
    let workspace = ["WorkspaceId", "WorkspaceSubscriptionId", "WorkspaceResourceGroup", "AgentId"];
    let all: Vec<String> = [flat("AzureResource", &["AzureResourceId"]), flat("LogAnalytics", &workspace)]
        .into_iter()
        .flatten()
        .collect();
    (!all.is_empty()).then(|| format!("[{}]", all.join(",")))
}

/// The resource id behind a link to the portal, which is pairs of names and values:
/// `…/alertId/…/subscriptionId/…[/resourceGroup/…]/referencedFrom/alertDeepLink/location/…`.
fn place(link: &str, name: &str) -> Option<String> {
    let parts: Vec<&str> = link.split(['/', '?', '#']).collect();
    let begin = parts.iter().position(|part| part.eq_ignore_ascii_case("alertId"))?;
    let after = |word: &str| {
        let mut pairs = parts[begin..].chunks_exact(2);
        pairs
            .find(|pair| pair[0].eq_ignore_ascii_case(word))
            .map(|pair| pair[1])
            .filter(|value| !value.is_empty())
    };
    let decoded =
        |part: &str| percent_encoding::percent_decode_str(part).decode_utf8().ok().map(String::from);
    // The link is to this alert.
    let alert = decoded(after("alertId")?).filter(|alert| alert.eq_ignore_ascii_case(name))?;
    let subscription = decoded(after("subscriptionId")?)?;
    let location = decoded(after("location")?)?;
    let group = match after("resourceGroup") {
        Some(group) => format!("/resourceGroups/{}", decoded(group)?),
        None => String::new(),
    };
    let id = format!(
        "/subscriptions/{subscription}{group}/providers/Microsoft.Security/locations/{location}/alerts/{alert}"
    );
    // Nothing of it may lead elsewhere.
    let id = AlertId::new(id).ok()?;
    id.place("read a pushed alert").is_ok().then(|| id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resource_id_is_rebuilt_from_the_link_to_the_portal() {
        let link = |rest: &str| {
            format!("https://portal.azure.com/#blade/Microsoft_Azure_Security/AlertBlade/alertId/a-1/{rest}")
        };
        let in_group =
            link("subscriptionId/s-1/resourceGroup/rg/referencedFrom/alertDeepLink/location/westeurope");
        assert_eq!(
            place(&in_group, "A-1").unwrap(),
            "/subscriptions/s-1/resourceGroups/rg/providers/Microsoft.Security/locations/westeurope/alerts/a-1"
        );
        let without = link("subscriptionId/s-1/referencedFrom/alertDeepLink/location/centralus");
        assert_eq!(
            place(&without, "a-1").unwrap(),
            "/subscriptions/s-1/providers/Microsoft.Security/locations/centralus/alerts/a-1"
        );
        let odd =
            link("subscriptionId/s-1/resourceGroup/location/referencedFrom/alertDeepLink/location/centralus");
        assert!(
            place(&odd, "a-1").unwrap().contains("/resourceGroups/location/providers"),
            "a group of that name"
        );
        for (bad, name) in [
            (in_group.as_str(), "another"),
            (&link("subscriptionId/s-1"), "a-1"),
            (&link("subscriptionId/%2e%2e%2fx/location/westeurope"), "a-1"),
            (&link("subscriptionId//location/westeurope"), "a-1"),
            ("", "a-1"),
        ] {
            assert_eq!(place(bad, name), None, "{bad}");
        }
    }

    #[test]
    fn what_is_no_alert_is_told_apart() {
        let event = |text: &str| PushEvent::decode(text);
        for (text, kind) in [
            (
                r#"{"type":"Microsoft.Security/assessments","properties":{},"id":"x"}"#,
                "Microsoft.Security/assessments",
            ),
            (
                r#"{"Type":"Microsoft.Security/subAssessments","$type":"x"}"#,
                "Microsoft.Security/subAssessments",
            ),
        ] {
            let Ok(PushEvent::Other(other)) = event(text) else { panic!("{text}") };
            assert_eq!((other.kind.as_str(), other.raw.as_str()), (kind, text));
        }
        for bad in [
            r#"{"SystemAlertId":5,"Type":"x"}"#,
            r#"{"type":"Microsoft.Security/Locations/alerts"}"#,
            "{}",
            "[]",
            "5",
            "null",
            r#"{"SystemAlertId":5}"#,
            r#"{"SystemAlertId":""}"#,
            "{",
        ] {
            assert!(event(bad).is_err(), "{bad}");
        }
        let link = "https://x/#blade/alertId/a/subscriptionId/s/referencedFrom/alertDeepLink/location/l";
        let without_id = format!(
            r#"{{"type":"Microsoft.Security/Locations/alerts","properties":{{"systemAlertId":"a","alertUri":"{link}"}}}}"#
        );
        let Ok(PushEvent::Alert(alert)) = event(&without_id) else { panic!() };
        assert!(alert.id().as_str().ends_with("/locations/l/alerts/a"), "{}", alert.id());
        let Ok(PushEvent::Alert(bare)) = event(r#"{"SystemAlertId":"2517_x","Status":"New"}"#) else {
            panic!()
        };
        assert_eq!(bare.id().as_str(), "2517_x", "without a link it has its name");
    }
}
