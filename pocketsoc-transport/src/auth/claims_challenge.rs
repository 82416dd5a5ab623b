//! Claims challenges: what a service wants to be proved in addition, and how the sign-in is told (continuous access
//! evaluation).

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, header};
use serde_json::{Map, Value, json};

/// Longest challenge that is looked at.
const LONGEST: usize = 16 * 1024;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// The claims that an answer asks for, as JSON; `None` when it asks for none that can be read.
pub(crate) fn asked_for(headers: &HeaderMap) -> Option<String> {
    headers.get_all(header::WWW_AUTHENTICATE).iter().find_map(|value| {
        let parameters = parameters(value.to_str().ok()?);
        let of = |name: &str| parameters.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v);
        of("error").filter(|error| *error == "insufficient_claims")?;
        let encoded = of("claims").filter(|text| text.len() <= LONGEST)?;
        let standard = encoded.replace('-', "+").replace('_', "/");
        let json = GeneralPurpose::new(&alphabet::STANDARD, LENIENT).decode(standard).ok()?;
        let json = String::from_utf8(json).ok()?;
        serde_json::from_str::<Map<String, Value>>(&json).ok().map(|_| json)
    })
}

/// The parameters of a challenge header, of all schemes in it: `name=token` or `name="quoted"`.
fn parameters(header: &str) -> Vec<(String, String)> {
    let (mut found, mut rest) = (Vec::new(), header);
    while let Some((before, after)) = rest.split_once('=') {
        // The scheme, or the comma of the parameter before, stands in front of the name.
        let name = before.rsplit([' ', ',', '\t']).next().unwrap_or_default().to_owned();
        let after = after.trim_start();
        let (value, next) = if let Some(quoted) = after.strip_prefix('"') {
            unquoted(quoted)
        } else {
            let end = after.find([',', ' ', '\t']).unwrap_or(after.len());
            (after[..end].to_owned(), &after[end..])
        };
        found.push((name, value));
        rest = next;
    }
    found
}

/// The text up to the closing quote, and what follows it.
fn unquoted(quoted: &str) -> (String, &str) {
    let (mut text, mut escaped) = (String::new(), false);
    for (at, c) in quoted.char_indices() {
        match c {
            _ if escaped => {
                text.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return (text, &quoted[at + 1..]),
            _ => text.push(c),
        }
    }
    (text, "")
}

/// The `claims` of a token request: that this client can answer challenges, and what a challenge asked for.
pub(crate) fn to_send(challenge: Option<&str>) -> String {
    let mut claims =
        challenge.and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok()).unwrap_or_default();
    let token = claims.entry("access_token").or_insert_with(|| json!({}));
    if !token.is_object() {
        *token = json!({});
    }
    if let Some(token) = token.as_object_mut() {
        token.insert("xms_cc".into(), json!({"values": ["cp1"]}));
    }
    Value::Object(claims).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: &str = r#"{"access_token":{"nbf":{"essential":true,"value":"1726077595"},"x":"a?~"}}"#;

    fn headers(values: &[String]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::WWW_AUTHENTICATE, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a26_a_challenge_is_found_however_it_is_written() {
        use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
        for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
            let claims = engine.encode(ASKED);
            for value in [
                format!(
                    r#"Bearer realm="", authorization_uri="https://login/a,b=c", error="insufficient_claims", claims="{claims}""#
                ),
                format!(r#"Bearer claims="{claims}",error="insufficient_claims""#),
                format!(
                    r#"PoP nonce=abc, Bearer error=insufficient_claims, client_id="00000003", claims="{claims}""#
                ),
                format!(
                    r#"bearer Error="insufficient_claims", error_description="a \"quoted\" = one", CLAIMS="{claims}""#
                ),
            ] {
                assert_eq!(
                    asked_for(&headers(std::slice::from_ref(&value))).as_deref(),
                    Some(ASKED),
                    "{value}"
                );
                let second = asked_for(&headers(&["Negotiate".into(), value]));
                assert_eq!(second.as_deref(), Some(ASKED), "also in a second header");
            }
        }
        for none in [
            r#"Bearer error="invalid_token", claims="e30=""#,
            r#"Bearer error="insufficient_claims", claims="&&&""#,
            r#"Bearer error="insufficient_claims", claims="W10=""#,
            r#"Bearer error="insufficient_claims""#,
            "Bearer",
            "=,=\"",
        ] {
            assert_eq!(asked_for(&headers(&[none.into()])), None, "{none}");
        }
    }

    #[test]
    fn what_is_asked_for_goes_along_with_what_this_client_can() {
        let sent: Value = serde_json::from_str(&to_send(Some(ASKED))).unwrap();
        assert_eq!(sent["access_token"]["xms_cc"]["values"][0], "cp1");
        assert_eq!(sent["access_token"]["nbf"]["value"], "1726077595");
        assert_eq!(to_send(None), r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#);
        assert_eq!(to_send(Some("no json")), to_send(None));
        assert_eq!(to_send(Some(r#"{"access_token":5}"#)), to_send(None));
    }
}
