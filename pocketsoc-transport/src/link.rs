//! Which addresses may be talked to: the configured service, and links that lead back to it.

use std::net::IpAddr;

use pocketsoc_model::{Error, ErrorKind, Result};
use url::{Host, Url};

/// Whether a host is this machine: the only place where plain http is allowed.
pub(crate) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether a host is this machine, or one of the addresses that only reach the platform below it.
pub(crate) fn is_near(host: &str) -> bool {
    is_loopback(host)
        || host.parse::<IpAddr>().is_ok_and(|ip| match ip {
            IpAddr::V4(ip) => ip.is_link_local(),
            IpAddr::V6(_) => false,
        })
}

/// Reads a configured address: https, or http on loopback; without query, fragment or credentials.
///
/// # Errors
/// `InvalidRequest` that says which rule is broken. The address itself is repeated without anything secret.
pub(crate) fn configured(what: &'static str, text: &str) -> Result<Url> {
    let refuse = |reason: &str| {
        Err(Error::new(ErrorKind::InvalidRequest, "read the configuration")
            .with_message(format!("the {what} {reason}"))
            .with_hint("give an https:// address without query, fragment or credentials, or http:// on this machine only"))
    };
    let Ok(mut url) = Url::parse(text.trim()) else { return refuse("is not an address") };
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("must not contain credentials");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("must not contain a query or fragment");
    }
    let loopback = url.host_str().is_some_and(is_loopback);
    match url.scheme() {
        "https" if url.has_host() => {}
        "http" if loopback => {}
        "http" => return refuse("uses http:// to another machine; only https:// is allowed there"),
        _ => return refuse("is not an http address"),
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// Checks an address for a service or for the sign-in, as a client's builder will: https, or http on this machine, and
/// nothing of a query, a fragment or credentials. `what` names it in the error.
///
/// # Errors
/// `InvalidRequest` that says which rule is broken, with what is allowed as its hint.
pub fn check_address(what: &'static str, text: &str) -> Result<()> {
    configured(what, text).map(drop)
}

/// Follows a link that a service gave, onto the configured base.
///
/// Allowed are the configured origin and the same service's other hosts in this cloud (over https); the result
/// always lies on the configured base, so the token goes nowhere else.
///
/// # Errors
/// `Untrusted`, naming the host but not the query, for everything else.
pub(crate) fn follow(base: &Url, hosts: &[&str], link: &str) -> Result<Url> {
    let refuse = |reason: String| {
        Err(Error::new(ErrorKind::Untrusted, "follow a link of the service")
            .with_message(reason)
            .with_hint("the link was not followed and no token was sent to it; if this is the service's own new host, report it"))
    };
    if link.is_empty() || link.bytes().any(|b| b.is_ascii_control() || b == b' ' || b == b'\\') {
        return refuse("the link holds characters that no link has".into());
    }
    let Ok(url) = base.join(link) else { return refuse("the link cannot be read".into()) };
    let host = url.host_str().unwrap_or("no host").to_owned();
    if !url.username().is_empty() || url.password().is_some() {
        return refuse(format!("the link to {host} holds credentials"));
    }
    if url.fragment().is_some() {
        return refuse(format!("the link to {host} holds a fragment"));
    }
    let same_origin = url.scheme() == base.scheme()
        && url.host() == base.host()
        && url.port_or_known_default() == base.port_or_known_default();
    let listed = url.scheme() == "https"
        && url.port().is_none()
        && matches!(url.host(), Some(Host::Domain(domain)) if hosts.contains(&domain))
        && base.host_str().is_some_and(|own| hosts.contains(&own));
    if !same_origin && !listed {
        return refuse(format!(
            "the link leads to {}, which is not the configured service",
            url.origin().ascii_serialization()
        ));
    }
    let mut target = base.clone();
    target.set_path(url.path());
    target.set_query(url.query());
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cloud, Service};

    fn check(base: &str, link: &str) -> Result<String> {
        let hosts = Cloud::Public.site(Service::DefenderEndpoint).unwrap().hosts;
        follow(&Url::parse(base).unwrap(), hosts, link).map(String::from)
    }

    #[test]
    fn a_link_leads_back_to_the_configured_service_or_nowhere() {
        const BASE: &str = "https://api.security.microsoft.com/";
        for (link, expected) in [
            ("https://api.security.microsoft.com/api/alerts?$skip=1", "/api/alerts?$skip=1"),
            ("HTTPS://API.Security.Microsoft.COM/api/alerts?$skip=1", "/api/alerts?$skip=1"),
            ("https://api.security.microsoft.com:443/api/alerts", "/api/alerts"),
            ("https://api.securitycenter.microsoft.com/api/alerts?a=b", "/api/alerts?a=b"),
            ("https://api.securitycenter.windows.com/api/alerts", "/api/alerts"),
            ("https://eu.api.security.microsoft.com/api/alerts", "/api/alerts"),
            ("https://api-eu.securitycenter.microsoft.com/api/alerts", "/api/alerts"),
            ("/api/alerts?$skiptoken=abc%2F", "/api/alerts?$skiptoken=abc%2F"),
            ("api/alerts", "/api/alerts"),
            ("?$skip=2", "/?$skip=2"),
        ] {
            let url = check(BASE, link).unwrap_or_else(|e| panic!("{link}: {e}"));
            assert_eq!(url, format!("https://api.security.microsoft.com{expected}"), "{link}");
        }
        for link in [
            "https://evil.example/api/alerts",
            "https://api.security.microsoft.com.evil.example/api/alerts",
            "https://evilapi.security.microsoft.com/api/alerts",
            "https://api.security.microsoft.com@evil.example/api/alerts",
            "https://user:pass@api.security.microsoft.com/api/alerts",
            "https://user@api.security.microsoft.com/",
            "https://api.security.microsoft.com:8443/api/alerts",
            "https://api.security.microsoft.com:80/api/alerts",
            "http://api.security.microsoft.com/api/alerts",
            "https://api.security.microsoft.com./api/alerts",
            "https://192.0.2.1/api/alerts",
            "https://[2001:db8::1]/api/alerts",
            "https://127.0.0.1/api/alerts",
            "http://127.0.0.1/api/alerts",
            "https://localhost/api/alerts",
            "https://xn--pi-cmb.security.microsoft.com/",
            "https://аpi.security.microsoft.com/",
            "//evil.example/api/alerts",
            "///evil.example/api/alerts",
            "\\\\evil.example\\api",
            "https:\\\\evil.example\\api",
            "/\\evil.example/api",
            "https://graph.microsoft.com/v1.0/security/alerts_v2",
            "https://api-gcc.securitycenter.microsoft.us/api/alerts",
            "https://api-gov.securitycenter.microsoft.us/api/alerts",
            "https://management.azure.com/",
            "https://login.microsoftonline.com/",
            "https://api.security.microsoft.com/api/alerts#frag",
            "#frag",
            "",
            " https://api.security.microsoft.com/",
            "https://api.security.microsoft.com/\r\nHost: evil.example",
            "https://api.security.microsoft.com\t.evil.example/",
            "ftp://api.security.microsoft.com/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "data:text/plain,x",
            "ws://api.security.microsoft.com/",
            "https://",
            "https:///api",
            "https://api.security.microsoft.com%2eevil.example/",
            "https://api.security.microsoft.com%00.evil.example/",
        ] {
            let error = check(BASE, link).expect_err(link);
            assert_eq!(error.kind(), ErrorKind::Untrusted, "{link}");
            assert!(!error.to_string().contains("alerts"), "neither path nor query: {error}");
        }
    }

    #[test]
    fn a_fake_on_loopback_only_leads_to_itself() {
        const BASE: &str = "http://127.0.0.1:8080/";
        assert!(check(BASE, "http://127.0.0.1:8080/api/alerts?$skip=1").is_ok());
        for link in [
            "http://127.0.0.1:8081/",
            "http://localhost:8080/",
            "https://api.security.microsoft.com/api/alerts",
        ] {
            assert!(check(BASE, link).is_err(), "{link}");
        }
    }

    #[test]
    fn a_configured_address_is_https_or_this_machine() {
        for good in [
            "https://api.security.microsoft.com",
            "http://127.0.0.1:8080/",
            "http://localhost:1/x/",
            "http://[::1]:9",
        ] {
            assert!(configured("base_url", good).is_ok(), "{good}");
        }
        for bad in [
            "http://example.com",
            "http://127.0.0.1.evil.example",
            "ftp://x",
            "x",
            "",
            "https://u:p@x.example",
            "https://x.example/?q=1",
            "https://x.example/#f",
        ] {
            let error = configured("base_url", bad).expect_err(bad);
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{bad}");
            assert!(error.to_string().contains("base_url") && !error.to_string().contains("u:p"), "{error}");
        }
    }
}
