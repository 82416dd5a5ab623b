//! Tokens: JWTs by their shape; only the tenant knows which are genuine.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::USER;
use crate::population::hex;
use crate::tenant::{Claims, Granted, Tenant};

/// A JWT with a signature that is none.
pub(super) fn jwt(payload: &Value, key: &str) -> String {
    let part = |text: String| URL_SAFE_NO_PAD.encode(text);
    let head = part(json!({"typ": "JWT", "alg": "RS256", "kid": key}).to_string());
    let payload = part(payload.to_string());
    let sum = payload.bytes().fold(7_u64, |sum, b| sum.wrapping_mul(31).wrapping_add(u64::from(b)));
    format!("{head}.{payload}.{}", part(hex(sum, 64)))
}

/// The claims of a JWT, whoever has signed it.
pub(super) fn payload(jwt: &str, part: usize) -> Option<Value> {
    let part = jwt.split('.').nth(part)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

impl Tenant {
    /// A token that this tenant accepts.
    pub(in crate::tenant) fn mint(&self, audience: &str, granted: Granted, client_id: &str) -> String {
        let Granted { roles, scopes, azure_role, proved } = granted;
        let now = self.0.clock.now();
        let expires_at = now + TimeDelta::from_std(self.0.token_life).unwrap_or_default();
        let mut payload = json!({
            "aud": audience,
            "iss": format!("https://sts.windows.net/{}/", self.0.id),
            "iat": now.timestamp(),
            "nbf": now.timestamp(),
            "exp": expires_at.timestamp(),
            "appid": client_id,
            "tid": self.0.id,
        });
        if scopes.is_empty() {
            payload["idtyp"] = "app".into();
            // Where an application has no role, the claim is missing, as it always is for Azure.
            if !roles.is_empty() {
                payload["roles"] = json!(roles);
            }
        } else {
            payload["scp"] = scopes.join(" ").into();
            payload["oid"] = USER.2.into();
        }
        let mut state = self.lock();
        state.minted += 1;
        payload["uti"] = hex(state.minted, 22).into();
        let token = jwt(&payload, "testkit");
        let audience = audience.to_owned();
        state
            .tokens
            .insert(token.clone(), Claims { audience, roles, scopes, azure_role, proved, expires_at });
        token
    }

    /// What tells an application who has signed in.
    pub(super) fn id_token(&self, client_id: &str) -> String {
        let (name, display, id) = USER;
        let payload = json!({
            "aud": client_id,
            "iss": format!("https://login.microsoftonline.com/{}/v2.0", self.0.id),
            "preferred_username": name,
            "name": display,
            "oid": id,
            "tid": self.0.id,
        });
        jwt(&payload, "testkit")
    }
}
