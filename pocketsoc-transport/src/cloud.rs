//! The sovereign clouds: where each signs in, and where each service answers.

use std::fmt;
use std::str::FromStr;

use pocketsoc_model::{UnknownWord, same_word};

/// A Microsoft cloud. Tokens of one are useless in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Cloud {
    /// The commercial cloud.
    #[default]
    Public,
    /// US Government GCC: signs in at the commercial authority, has its own Defender for Endpoint.
    UsGovGcc,
    /// US Government GCC High (L4).
    UsGov,
    /// US Government DoD (L5).
    UsGovDod,
    /// China, operated by 21Vianet. Has no Defender for Endpoint API and no Graph security.
    China,
}

/// A service that a client talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Service {
    /// Defender for Endpoint.
    DefenderEndpoint,
    /// Azure Resource Manager, home of Defender for Cloud.
    ResourceManager,
    /// Microsoft Graph.
    Graph,
}

/// Where a service answers in a cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Site {
    /// The address that calls go to.
    pub base: &'static str,
    /// The resource that tokens are asked for. Not derived from the host: they differ.
    pub resource: &'static str,
    /// Other hosts of the same service, which its next links are known to name.
    pub hosts: &'static [&'static str],
}

const MDE_PUBLIC_HOSTS: &[&str] = &[
    "api.security.microsoft.com",
    "api.securitycenter.microsoft.com",
    "api.securitycenter.windows.com",
    "api-eu.securitycenter.windows.com",
    "us.api.security.microsoft.com",
    "eu.api.security.microsoft.com",
    "uk.api.security.microsoft.com",
    "au.api.security.microsoft.com",
    "swa.api.security.microsoft.com",
    "api-us.security.microsoft.com",
    "api-eu.security.microsoft.com",
    "api-uk.security.microsoft.com",
    "api-us.securitycenter.microsoft.com",
    "api-eu.securitycenter.microsoft.com",
    "api-uk.securitycenter.microsoft.com",
];

impl Cloud {
    /// Every cloud.
    pub const ALL: [Self; 5] = [Self::Public, Self::UsGovGcc, Self::UsGov, Self::UsGovDod, Self::China];

    /// The sign-in host.
    pub fn authority(self) -> &'static str {
        match self {
            Self::Public | Self::UsGovGcc => "https://login.microsoftonline.com",
            Self::UsGov | Self::UsGovDod => "https://login.microsoftonline.us",
            Self::China => "https://login.partner.microsoftonline.cn",
        }
    }

    /// Where a service answers; `None` where this cloud does not offer it.
    pub fn site(self, service: Service) -> Option<Site> {
        let site = |base, resource, hosts| Some(Site { base, resource, hosts });
        match (service, self) {
            (Service::DefenderEndpoint, Self::Public) => site(
                "https://api.security.microsoft.com",
                "https://api.securitycenter.microsoft.com",
                MDE_PUBLIC_HOSTS,
            ),
            (Service::DefenderEndpoint, Self::UsGovGcc) => site(
                "https://api-gcc.securitycenter.microsoft.us",
                "https://api.securitycenter.microsoft.com",
                &["api-gcc.securitycenter.microsoft.us"],
            ),
            (Service::DefenderEndpoint, Self::UsGov | Self::UsGovDod) => site(
                "https://api-gov.securitycenter.microsoft.us",
                "https://securitycenter.onmicrosoft.us/windowsatpservice",
                &["api-gov.securitycenter.microsoft.us"],
            ),
            (Service::ResourceManager, Self::Public | Self::UsGovGcc) => site(
                "https://management.azure.com",
                "https://management.azure.com",
                &["management.azure.com"],
            ),
            (Service::ResourceManager, Self::UsGov | Self::UsGovDod) => site(
                "https://management.usgovcloudapi.net",
                "https://management.usgovcloudapi.net",
                &["management.usgovcloudapi.net"],
            ),
            (Service::ResourceManager, Self::China) => site(
                "https://management.chinacloudapi.cn",
                "https://management.chinacloudapi.cn",
                &["management.chinacloudapi.cn"],
            ),
            (Service::Graph, Self::Public | Self::UsGovGcc) => {
                site("https://graph.microsoft.com", "https://graph.microsoft.com", &["graph.microsoft.com"])
            }
            (Service::Graph, Self::UsGov) => {
                site("https://graph.microsoft.us", "https://graph.microsoft.us", &["graph.microsoft.us"])
            }
            (Service::Graph, Self::UsGovDod) => site(
                "https://dod-graph.microsoft.us",
                "https://dod-graph.microsoft.us",
                &["dod-graph.microsoft.us"],
            ),
            (Service::DefenderEndpoint | Service::Graph, Self::China) => None,
        }
    }

    /// The word used in profile files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::UsGovGcc => "us-gov-gcc",
            Self::UsGov => "us-gov",
            Self::UsGovDod => "us-gov-dod",
            Self::China => "china",
        }
    }
}

impl fmt::Display for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Cloud {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|c| same_word(word, c.as_str()))
            .ok_or_else(|| UnknownWord::new("cloud", word, Self::ALL))
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DefenderEndpoint => "Defender for Endpoint",
            Self::ResourceManager => "Azure Resource Manager",
            Self::Graph => "Microsoft Graph",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cloud_signs_in_and_answers_where_the_vendor_says() {
        let mde = |cloud: Cloud| cloud.site(Service::DefenderEndpoint).map(|s| s.base);
        assert_eq!(mde(Cloud::Public), Some("https://api.security.microsoft.com"));
        assert_eq!(mde(Cloud::UsGovGcc), Some("https://api-gcc.securitycenter.microsoft.us"));
        assert_eq!(mde(Cloud::UsGov), Some("https://api-gov.securitycenter.microsoft.us"));
        assert_eq!(mde(Cloud::UsGovDod), mde(Cloud::UsGov));
        assert_eq!(mde(Cloud::China), None);
        assert_eq!(Cloud::UsGovGcc.authority(), Cloud::Public.authority());
        assert_eq!(Cloud::UsGov.authority(), "https://login.microsoftonline.us");
        let public = Cloud::Public.site(Service::DefenderEndpoint).unwrap();
        assert_ne!(public.base, public.resource, "the API host and the audience are different names");
    }

    #[test]
    fn every_site_has_its_own_host_among_its_hosts() {
        for cloud in Cloud::ALL {
            for service in [Service::DefenderEndpoint, Service::ResourceManager, Service::Graph] {
                if let Some(site) = cloud.site(service) {
                    assert!(
                        site.hosts.iter().any(|h| site.base.strip_prefix("https://") == Some(h)),
                        "{site:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_wrong_cloud_names_the_right_ones() {
        assert_eq!("US-Gov-DoD".parse(), Ok(Cloud::UsGovDod));
        let error = "mars".parse::<Cloud>().unwrap_err().to_string();
        assert!(error.contains("public, us-gov-gcc, us-gov, us-gov-dod, china"), "{error}");
    }
}
