//! Public and private IP addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Networks that are not globally reachable, and multicast (IANA IPv4 Special-Purpose Address Registry).
const NON_PUBLIC_V4: [(Ipv4Addr, u8); 16] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// The only IPv6 network with global unicast addresses (IANA IPv6 Global Unicast Address Assignments).
const GLOBAL_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
/// Exceptions within [`GLOBAL_V6`]: IETF protocols including Teredo, documentation, 6to4, documentation.
const NON_PUBLIC_V6: [(Ipv6Addr, u8); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// The addresses to which outgoing connections are allowed: public ones, and those in the given networks.
pub(super) struct AllowedAddresses(Vec<IpNet>);

impl AllowedAddresses {
    pub(super) const fn new(allowed: Vec<IpNet>) -> Self {
        Self(allowed)
    }

    pub(super) fn allows(&self, address: IpAddr) -> bool {
        is_public(address) || self.0.iter().any(|network| network.contains(&address.to_canonical()))
    }
}

/// IPv4-mapped IPv6 addresses are not public; no provider needs them.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NON_PUBLIC_V4.iter().any(|(network, length)| Ipv4Net::new_assert(*network, *length).contains(&address)),
        IpAddr::V6(address) => {
            let is_in = |(network, length): &(Ipv6Addr, u8)| Ipv6Net::new_assert(*network, *length).contains(&address);
            is_in(&GLOBAL_V6) && !NON_PUBLIC_V6.iter().any(is_in)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed_addresses(allowed: &[&str]) -> AllowedAddresses {
        AllowedAddresses::new(allowed.iter().map(|network| network.parse().unwrap()).collect())
    }

    fn has(allowed_addresses: &AllowedAddresses, address: &str) -> bool {
        allowed_addresses.allows(address.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_allowed() {
        for address in ["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1", "192.167.0.1", "223.255.255.255"] {
            assert!(has(&allowed_addresses(&[]), address), "{address}");
        }
        for address in ["2606:4700::1111", "2a00:1450:4001::8a", "2001:4860:4860::8888"] {
            assert!(has(&allowed_addresses(&[]), address), "{address}");
        }
    }

    #[test]
    fn private_addresses_are_not_allowed() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.168.0.1",
            "198.19.0.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
        ] {
            assert!(!has(&allowed_addresses(&[]), address), "{address}");
            for mapped in [format!("::ffff:{address}"), format!("::{address}"), format!("64:ff9b::{address}")] {
                assert!(!has(&allowed_addresses(&[]), &mapped), "{mapped}");
            }
        }
        for address in [
            "::",
            "::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!has(&allowed_addresses(&[]), address), "{address}");
        }
    }

    #[test]
    fn an_allowed_network_applies_to_all_notations() {
        let allowed_addresses = allowed_addresses(&["10.1.0.0/16", "fd00::/8"]);
        for address in ["10.1.2.3", "::ffff:10.1.2.3", "fd12::1", "1.1.1.1"] {
            assert!(has(&allowed_addresses, address), "{address}");
        }
        for address in ["10.2.0.1", "127.0.0.1", "fe80::1"] {
            assert!(!has(&allowed_addresses, address), "{address}");
        }
    }
}
