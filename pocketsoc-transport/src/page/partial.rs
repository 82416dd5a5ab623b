//! Partial answers: which of the providers behind a service did not answer.

use http::{HeaderMap, header};

/// The providers that are missing from an answer, each with what is known of why. Empty for a whole answer.
///
/// The service says so with 206 and a warning for each: the code 199, then vendor, provider, status and milliseconds.
pub(crate) fn providers(status: u16, headers: &HeaderMap) -> Vec<String> {
    if status != 206 {
        return Vec::new();
    }
    let mut all = Vec::new();
    for value in headers.get_all(header::WARNING) {
        let text = String::from_utf8_lossy(value.as_bytes());
        // Several may stand in one header.
        for warning in warnings(&text) {
            let warning = provider(warning).unwrap_or_else(|| warning.to_owned());
            if !all.contains(&warning) {
                all.push(warning);
            }
        }
    }
    if all.is_empty() {
        all.push("a provider that the service does not name".to_owned());
    }
    all
}

/// Notes providers that are missing, each once: how long it took them each time does not matter.
pub(crate) fn note(all: &mut Vec<String>, missing: Vec<String>) {
    let who = |one: &str| one.split(" after ").next().unwrap_or_default().to_owned();
    for one in missing {
        if !all.iter().any(|known| who(known) == who(&one)) {
            all.push(one);
        }
    }
}

/// The warnings of a header, cut at the commas outside of quotes.
fn warnings(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    })
    .map(str::trim)
    .filter(|warning| !warning.is_empty())
}

/// `199 - "Microsoft/WDATP/504/10000"`, with or without the agent or the quotes.
fn provider(warning: &str) -> Option<String> {
    let (code, rest) = warning.split_once(' ')?;
    let what = match rest.split_once('"') {
        Some((_, quoted)) => quoted.trim_end_matches('"'),
        None => rest.rsplit(' ').next()?,
    };
    let mut parts = what.split('/');
    let (vendor, provider, status, rest) = (parts.next()?, parts.next()?, parts.next()?, parts.next());
    if code != "199" || parts.next().is_some() || status.parse::<u16>().is_err() {
        return None;
    }
    let after = rest.map(|ms| format!(" after {ms} ms")).unwrap_or_default();
    Some(format!("{vendor} {provider} answered {status}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, warnings: &[&str]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for warning in warnings {
            headers.append(header::WARNING, warning.parse().unwrap());
        }
        providers(status, &headers)
    }

    #[test]
    fn each_missing_provider_is_named() {
        let both = ["199 - \"Microsoft/WDATP/504/10000\"", "199 - \"Palo Alto, Inc./NGFW/401/20\""];
        assert_eq!(
            read(206, &both),
            ["Microsoft WDATP answered 504 after 10000 ms", "Palo Alto, Inc. NGFW answered 401 after 20 ms"]
        );
        assert_eq!(read(206, &["199 Microsoft/MCAS/404/3, 199 - \"Microsoft/ATP/500/7\""]).len(), 2);
        assert_eq!(read(206, &["299 - \"something else\""]), ["299 - \"something else\""]);
        let mut all = read(206, &both);
        note(&mut all, read(206, &["199 - \"Microsoft/WDATP/504/9876\"", "199 - \"Microsoft/MCAS/504/1\""]));
        assert_eq!(all.len(), 3, "{all:?}");
        assert_eq!(read(206, &[]), ["a provider that the service does not name"]);
        assert!(read(200, &["299 - \"this version is old\""]).is_empty(), "a whole answer");
    }
}
