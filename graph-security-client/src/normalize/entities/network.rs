//! Addresses and connections.

use pocketsoc_model::{DomainName, Entity, EntityKind, Ip, Url};

use super::{named, of_kind, with_rest};
use crate::evidence::{DnsEvidence, IpEvidence, NetworkConnectionEvidence, Part, UrlEvidence};

pub(in super::super) fn ip(mut evidence: IpEvidence) -> Entity {
    let mut place = evidence.location.take().unwrap_or_default();
    let mut ip = Ip::default();
    ip.country = place.country_name.take().or_else(|| evidence.country_letter_code.take());
    let name = evidence.ip_address.take();
    with_rest(with_rest(named(EntityKind::Ip(ip), name), place), evidence)
}

pub(in super::super) fn url(evidence: UrlEvidence) -> Entity {
    named(EntityKind::Url(Url::default()), evidence.url)
}

pub(in super::super) fn dns(mut evidence: DnsEvidence) -> Entity {
    let mut domain = DomainName::default();
    domain.resolved_ip = evidence.ip_addresses.iter().find_map(|ip| ip.detail.ip_address.clone());
    let name = evidence.domain_name.take();
    with_rest(named(EntityKind::Domain(domain), name), evidence)
}

/// Named by its two ends.
pub(in super::super) fn connection(kind: String, evidence: NetworkConnectionEvidence) -> Entity {
    let end = |address: Option<&Part<IpEvidence>>, port: Option<i64>| {
        let address = address?.detail.ip_address.clone()?;
        // An address of version 6 has colons of its own.
        let address = if address.contains(':') { format!("[{address}]") } else { address };
        Some(port.map_or_else(|| address.clone(), |port| format!("{address}:{port}")))
    };
    let from = end(evidence.source_address.as_deref(), evidence.source_port);
    let to = end(evidence.destination_address.as_deref(), evidence.destination_port);
    let name = match (from, to) {
        (Some(from), Some(to)) => Some(format!("{from} to {to}")),
        (from, to) => from.or(to),
    };
    of_kind(kind, [name], evidence)
}
