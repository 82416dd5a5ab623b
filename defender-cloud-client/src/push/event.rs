//! What is pushed: alerts in either of two forms, and events of the same channel that are none.

use pocketsoc_model::{Detection, RawJson, Result};
use pocketsoc_transport::{Decode, KeepRaw as _};
use serde::de::Error as _;
use serde_json::value::RawValue;

use super::casing::{Rewrite, lowered, rewritten};
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

/// Turns a pushed alert into the same detection that a list would give: the same id, the same correlation keys. One whose
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
        // In the form of Azure Resource Manager.
        let alert_of_arm = members.get("properties").is_some()
            && members.text("type").is_none_or(|kind| kind.to_ascii_lowercase().ends_with("/alerts"));
        if alert_of_arm && members.get("id").is_some() {
            let alert = Alert::decode(text)?;
            return Ok(Self::Alert(Box::new(PushedAlert { alert, raw })));
        }
        let Some(name) = members.text("SystemAlertId").or_else(|| members.text("systemAlertId")) else {
            return match members.text("type").or_else(|| members.text("Type")) {
                Some(kind) => Ok(Self::Other(OtherEvent { kind, raw })),
                None => Err(serde_json::Error::custom("missing field `SystemAlertId`")),
            };
        };
        let link = members.text("AlertUri").or_else(|| members.text("alertUri")).unwrap_or_default();
        let id = place(&link, &name).unwrap_or_else(|| name.clone());
        let mut alert = Alert::decode(&listed(&members, &id, &name)?)?;
        alert.keep_raw(raw.clone());
        Ok(Self::Alert(Box::new(PushedAlert { alert, raw })))
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

/// A pushed alert in the form in which it would be listed.
fn listed(members: &Members<'_>, id: &str, name: &str) -> serde_json::Result<String> {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut out = format!("{{\"id\":{},\"name\":{},\"properties\":{{", quoted(id), quoted(name));
    for (place, (own, value)) in members.0.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
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
        out.push_str(&quoted(&name));
        out.push(':');
        if levels > 0 {
            out.push_str(&rewritten(value.get(), Rewrite { name: lowered, levels })?);
        } else {
            out.push_str(value.get());
        }
    }
    out.push_str("}}");
    Ok(out)
}

/// The resource id behind a link to the portal, `…/alertId/…/subscriptionId/…[/resourceGroup/…]/…/location/…`.
fn place(link: &str, name: &str) -> Option<String> {
    let parts: Vec<&str> = link.split(['/', '?', '#']).collect();
    let after = |word: &str| {
        let at = parts.iter().position(|part| part.eq_ignore_ascii_case(word))?;
        parts.get(at + 1).copied().filter(|part| !part.is_empty())
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
        for bad in ["{}", "[]", "5", "null", r#"{"SystemAlertId":5}"#, r#"{"SystemAlertId":""}"#, "{"] {
            assert!(event(bad).is_err(), "{bad}");
        }
        let Ok(PushEvent::Alert(bare)) = event(r#"{"SystemAlertId":"2517_x","Status":"New"}"#) else {
            panic!()
        };
        assert_eq!(bare.id().as_str(), "2517_x", "without a link it has its name");
    }
}
