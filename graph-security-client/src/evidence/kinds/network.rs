//! Addresses and connections, as evidence.

use super::NamedStream;
use crate::evidence::Part;
use crate::evidence::reading::{AllWithin, Integer, Object, Text, Texts, Within, Word, fields};
use crate::evidence::words::TransportProtocol;

fields! {
    /// An IP address. Page: "ipEvidence".
    pub struct IpEvidence {
        /// The address, of either version.
        ip_address: Option<String> = "ipAddress" as Text,
        /// The country, in two letters.
        country_letter_code: Option<String> = "countryLetterCode" as Text,
        /// Where it is.
        location: Option<GeoLocation> = "location" as Object<GeoLocation>,
        /// The stream that told of it.
        stream: Option<NamedStream> = "stream" as Object<NamedStream>,
    }

    /// A web address. Page: "urlEvidence".
    pub struct UrlEvidence {
        /// The address.
        url: Option<String> = "url" as Text,
    }

    /// A name that was looked up. Page: "dnsEvidence".
    pub struct DnsEvidence {
        /// The name.
        domain_name: Option<String> = "domainName" as Text,
        /// The addresses it stands for.
        ip_addresses: Vec<Part<IpEvidence>> = "ipAddresses" as AllWithin<IpEvidence>,
        /// The server that was asked.
        dns_server_ip: Option<Box<Part<IpEvidence>>> = "dnsServerIp" as Within<IpEvidence>,
        /// Who asked.
        host_ip_address: Option<Box<Part<IpEvidence>>> = "hostIpAddress" as Within<IpEvidence>,
    }

    /// A connection. Page: "networkConnectionEvidence".
    pub struct NetworkConnectionEvidence {
        /// Where it comes from.
        source_address: Option<Box<Part<IpEvidence>>> = "sourceAddress" as Within<IpEvidence>,
        /// The port there.
        source_port: Option<i64> = "sourcePort" as Integer,
        /// Where it goes to.
        destination_address: Option<Box<Part<IpEvidence>>> = "destinationAddress" as Within<IpEvidence>,
        /// The port there.
        destination_port: Option<i64> = "destinationPort" as Integer,
        /// What carries it.
        protocol: Option<TransportProtocol> = "protocol" as Word<TransportProtocol>,
    }

    /// A network card. Page: "nicEvidence".
    pub struct NicEvidence {
        /// The hardware address.
        mac_address: Option<String> = "macAddress" as Text,
        /// The IP address.
        ip_address: Option<Box<Part<IpEvidence>>> = "ipAddress" as Within<IpEvidence>,
        /// The virtual networks it is in.
        vlans: Vec<String> = "vlans" as Texts,
    }

    /// Where an address is.
    pub struct GeoLocation {
        /// The city.
        city: Option<String> = "city" as Text,
        /// The state.
        state: Option<String> = "state" as Text,
        /// The country.
        country_name: Option<String> = "countryName" as Text,
        /// Degrees north, as the service wrote them.
        latitude: Option<String> = "latitude" as Text,
        /// Degrees east, as the service wrote them.
        longitude: Option<String> = "longitude" as Text,
    }
}
