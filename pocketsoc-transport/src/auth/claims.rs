//! What a token says about itself. For hints and capabilities only, never for a decision on security: the token
//! belongs to the service, is not verified here, and may be unreadable.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use pocketsoc_model::Principal;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::{Service, lenient};

/// Longest payload that is looked at.
const LONGEST: usize = 64 * 1024;

#[derive(Deserialize)]
struct Payload {
    #[serde(default, deserialize_with = "lenient::texts")]
    roles: Vec<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    scp: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    aud: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    tid: Option<String>,
    #[serde(default, deserialize_with = "lenient::integer")]
    exp: Option<i64>,
}

/// The payload of a JWT; `None` when it cannot be read.
pub(super) fn payload<T: DeserializeOwned>(token: &str) -> Option<T> {
    let payload = token.split('.').nth(1).filter(|p| p.len() <= LONGEST)?;
    let json = Zeroizing::new(URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?);
    serde_json::from_slice(&json).ok()
}

/// What a token grants, as far as it tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grants {
    /// Application permissions.
    pub roles: Vec<String>,
    /// Delegated permissions.
    pub scopes: Vec<String>,
    /// Which API the token is for.
    pub audience: Option<String>,
    /// Which tenant it is from.
    pub tenant: Option<String>,
    /// Until when it is valid.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Grants {
    /// Reads a token; `None` when it is not a readable JWT.
    pub(crate) fn read(token: &str) -> Option<Self> {
        let payload: Payload = payload(token)?;
        Some(Self {
            roles: payload.roles,
            scopes: payload.scp.unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
            audience: payload.aud,
            tenant: payload.tid,
            expires_at: payload.exp.and_then(|at| DateTime::from_timestamp(at, 0)),
        })
    }

    /// Whether it is for a service, as far as it tells: by the resource that it was asked for, or the service's app id.
    pub(crate) fn is_for(&self, resource: &str, service: Service) -> bool {
        let bare = |text: &str| text.trim_end_matches('/').to_ascii_lowercase();
        let id = match service {
            Service::DefenderEndpoint => "fc780465-2017-40d4-a0c5-307022471b92",
            Service::ResourceManager => "797f4846-ba00-4fd7-ba43-dac1f8f63013",
            Service::Graph => "00000003-0000-0000-c000-000000000000",
        };
        self.audience.as_deref().is_none_or(|audience| {
            let audience = bare(audience);
            let named_otherwise =
                service == Service::DefenderEndpoint && audience.ends_with("/windowsatpservice");
            audience == bare(resource) || audience == id || named_otherwise
        })
    }

    /// Who acts with the token.
    pub fn principal(&self) -> Principal {
        if self.scopes.is_empty() { Principal::Application } else { Principal::User }
    }

    /// Whether one of `names` is granted, as application or delegated permission.
    pub fn has_any(&self, names: &[&str]) -> bool {
        self.roles
            .iter()
            .chain(&self.scopes)
            .any(|granted| names.iter().any(|n| granted.eq_ignore_ascii_case(n)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: &str) -> String {
        format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(payload))
    }

    #[test]
    fn roles_and_scopes_are_read_in_either_shape() {
        let app =
            Grants::read(&token(r#"{"roles":["Alert.Read.All"],"exp":1800000000,"aud":["a"]}"#)).unwrap();
        assert!(app.has_any(&["alert.read.all"]) && !app.has_any(&["Alert.ReadWrite.All"]));
        assert_eq!(app.expires_at.unwrap().timestamp(), 1_800_000_000);
        let user =
            Grants::read(&token(r#"{"scp":"Alert.Read Machine.Read","exp":"soon","roles":null}"#)).unwrap();
        assert_eq!(user.scopes, ["Alert.Read", "Machine.Read"]);
    }

    #[test]
    fn a22_what_cannot_be_read_tells_nothing_and_harms_nobody() {
        let deep = "[".repeat(40_000);
        for bad in ["", "opaque", "a.b.c", "..", &token("not json"), &token(&deep)] {
            assert_eq!(Grants::read(bad), None);
        }
        let in_a_bag = format!(r#"{{"roles":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
        assert!(Grants::read(&token(&in_a_bag)).is_none_or(|grants| grants.roles.is_empty()));
    }
}
