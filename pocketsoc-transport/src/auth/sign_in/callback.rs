//! What a browser comes back with.

use std::fmt;

use pocketsoc_model::{Error, ErrorKind, Result};
use url::Url;

use crate::Secret;
use crate::auth::entra;
use crate::auth::exchange::OPERATION;

/// Longest address that is looked at.
const LONGEST: usize = 32 * 1024;

/// The code in the address that a browser came back to, if it is the answer to this sign-in.
///
/// # Errors
/// `Untrusted` when it is not the answer to this sign-in: the right one may still come. What the sign-in service says
/// when it refused.
pub(super) fn code(callback: &str, redirect: &Url, state: &Secret) -> Result<Secret> {
    let stranger = |why: &str| {
        Err(Error::new(ErrorKind::Untrusted, OPERATION)
            .with_message(format!("the address that came back is not the answer to this sign-in: {why}"))
            .with_hint("finish with the address that the browser was sent back to, whole"))
    };
    if callback.len() > LONGEST {
        return stranger("it is too long");
    }
    // Only what stands before the code is parsed: a parsed address would be a copy that nobody wipes.
    let whole = callback.trim();
    let (whole, fragment) = whole.split_once('#').unwrap_or((whole, ""));
    let (front, query) = whole.split_once('?').unwrap_or((whole, ""));
    let Ok(url) = Url::parse(front) else { return stranger("it cannot be read") };
    if !is_at(&url, redirect) {
        return stranger("it is another address than the redirect URI");
    }
    let mut answer = Answer::default();
    // Fragments are how some platforms give it; an empty one is appended to every answer.
    let text = if query.is_empty() { fragment } else { query };
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        let known = match &*name {
            "code" => &mut answer.code,
            "state" => &mut answer.state,
            "error" => &mut answer.error,
            "error_description" => &mut answer.description,
            _ => continue,
        };
        if known.replace(Secret::new(value)).is_some() {
            return stranger("it says something twice");
        }
    }
    match &answer.state {
        None => return stranger("the state is missing"),
        Some(came) if !is_same(came.expose(), state.expose()) => return stranger("the state is another one"),
        Some(_) => {}
    }
    match (answer.error, answer.code) {
        (Some(_), Some(_)) => stranger("it holds a code and an error"),
        (Some(error), None) => {
            let description = answer.description.unwrap_or_else(|| Secret::new(""));
            Err(entra::refused(error.expose(), description.expose(), 0))
        }
        (None, Some(code)) if !code.expose().is_empty() => Ok(code),
        _ => stranger("it holds no code"),
    }
}

#[derive(Default)]
struct Answer {
    code: Option<Secret>,
    state: Option<Secret>,
    error: Option<Secret>,
    description: Option<Secret>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer(***)")
    }
}

/// Whether an address is the redirect URI with something behind it. A URI without path may come back with a slash.
fn is_at(url: &Url, redirect: &Url) -> bool {
    let path = |url: &Url| match url.path() {
        "/" => String::new(),
        path => path.to_owned(),
    };
    url.scheme() == redirect.scheme()
        && url.host() == redirect.host()
        && url.port_or_known_default() == redirect.port_or_known_default()
        && url.username().is_empty()
        && url.password().is_none()
        && path(url) == path(redirect)
}

/// Compares without telling by the time it takes how much is right.
fn is_same(one: &str, other: &str) -> bool {
    let different = one.bytes().zip(other.bytes()).fold(0_u8, |sum, (a, b)| sum | (a ^ b));
    one.len() == other.len() && std::hint::black_box(different) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn came(redirect: &str, callback: &str) -> Result<String> {
        code(callback, &Url::parse(redirect).unwrap(), &Secret::new("s-1"))
            .map(|code| code.expose().to_owned())
    }

    #[test]
    fn a31_the_answer_is_taken_however_the_platform_spells_it() {
        for callback in [
            "pocketsoc://auth?code=c%2F1&state=s-1",
            "pocketsoc://auth/?code=c%2F1&state=s-1",
            "pocketsoc://auth?code=c%2F1&state=s-1#",
            "pocketsoc://auth/?code=c%2F1&state=s-1#",
            "pocketsoc://auth?state=s-1&code=c%2F1&session_state=x",
            "pocketsoc://auth#code=c%2F1&state=s-1",
            "pocketsoc://auth/#code=c%2F1&state=s-1",
            "pocketsoc://auth?#code=c%2F1&state=s-1",
            "POCKETSOC://auth?code=c%2F1&state=s-1",
            " pocketsoc://auth?code=c%2F1&state=s-1\n",
        ] {
            assert_eq!(came("pocketsoc://auth", callback).unwrap(), "c/1", "{callback}");
        }
        let web = "https://app.example:443/signed/in";
        assert_eq!(came(web, "https://APP.example/signed/in?code=c&state=s-1").unwrap(), "c");
        assert_eq!(came("http://localhost:8400", "http://localhost:8400/?code=c&state=s-1").unwrap(), "c");
    }

    #[test]
    fn a31_anything_else_is_refused_and_repeats_no_secret() {
        for callback in [
            "",
            "nonsense",
            "pocketsoc://auth",
            "pocketsoc://auth?code=c-canary",
            "pocketsoc://auth?state=s-1",
            "pocketsoc://auth?code=&state=s-1",
            "pocketsoc://auth?code=c-canary&state=",
            "pocketsoc://auth?code=c-canary&state=s-2",
            "pocketsoc://auth?code=c-canary&state=s-11",
            "pocketsoc://auth?code=c-canary&state=S-1",
            "pocketsoc://auth?code=c-canary&state=s-1&state=s-1",
            "pocketsoc://auth?code=c-canary&code=c&state=s-1",
            "pocketsoc://auth?code=c-canary&error=access_denied&state=s-1",
            "pocketsoc://auth?error=access_denied",
            "pocketsoc://auth?error=access_denied&state=s-2",
            "pocketsoc://other?code=c-canary&state=s-1",
            "pocketsoc://auth/more?code=c-canary&state=s-1",
            "pocketsoc://auth:1?code=c-canary&state=s-1",
            "pocketsoc://user@auth?code=c-canary&state=s-1",
            "other://auth?code=c-canary&state=s-1",
            "https://auth?code=c-canary&state=s-1",
            "pocketsoc:auth?code=c-canary&state=s-1",
            "pocketsoc://auth?x=1#code=c-canary&state=s-1",
        ] {
            let error = came("pocketsoc://auth", callback).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Untrusted, "{callback}");
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
        let long = format!("pocketsoc://auth?code={}&state=s-1", "c".repeat(LONGEST));
        assert!(came("pocketsoc://auth", &long).is_err());
    }

    #[test]
    fn what_the_sign_in_service_refused_is_told_in_its_words() {
        let denied = "pocketsoc://auth?error=access_denied&error_description=AADSTS65004%3A+User+declined.%0D%0ATrace+ID%3A+x&state=s-1";
        let error = came("pocketsoc://auth", denied).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert!(
            error.to_string().contains("User declined") && !error.to_string().contains("Trace"),
            "{error}"
        );
        assert!(error.hint().is_some_and(|hint| hint.contains("declined")));
    }
}
