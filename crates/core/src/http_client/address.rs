//! Which IP addresses outgoing calls may connect to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{HttpError, OutgoingNetworks, own_networks::OwnNetworks};

/// Networks that are not globally reachable, multicast (IANA IPv4 Special-Purpose Address Registry), and Azure's platform service, which only
/// virtual machines reach.
const NON_PUBLIC_V4: [(Ipv4Addr, u8); 17] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(168, 63, 129, 16), 32),
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

/// How a request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Tls,
    Plain,
}

/// The addresses to which outgoing connections are allowed: public ones that do not belong to this machine or its network, over TLS only, and
/// those in the operator's networks.
pub(super) struct AllowedAddresses {
    networks: OutgoingNetworks,
    own: OwnNetworks,
}

impl AllowedAddresses {
    pub(super) const fn new(networks: OutgoingNetworks, own: OwnNetworks) -> Self {
        Self { networks, own }
    }

    /// # Errors
    /// `BlockedAddress`, `Unencrypted`.
    pub(super) fn check(&self, address: IpAddr, transport: Transport) -> Result<(), HttpError> {
        if contains(&self.networks.denied, address) {
            return Err(HttpError::BlockedAddress);
        }
        if self.is_allowed_by_operator(address) {
            return Ok(());
        }
        if !is_public(address) || self.is_own(address) {
            return Err(HttpError::BlockedAddress);
        }
        if transport == Transport::Plain { Err(HttpError::Unencrypted) } else { Ok(()) }
    }

    /// Whether requests without TLS could be sent to this address: it is private, or in a network of the operator.
    pub(super) fn may_be_plain(&self, address: IpAddr) -> bool {
        !is_public(address) || self.is_allowed_by_operator(address)
    }

    /// Whether the operator allows any network in addition to the public ones.
    pub(super) const fn has_networks(&self) -> bool {
        !self.networks.allowed.is_empty()
    }

    fn is_allowed_by_operator(&self, address: IpAddr) -> bool {
        contains(&self.networks.allowed, address)
    }

    fn is_own(&self, address: IpAddr) -> bool {
        self.own.contain(address).unwrap_or_else(|error| {
            tracing::error!(%error, "cannot read the addresses of this machine: outgoing calls reach only the networks of --allow-outgoing");
            true
        })
    }
}

fn contains(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
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
    use std::io;

    use super::*;

    /// Own addresses of a machine in the tests.
    #[expect(clippy::unnecessary_wraps, reason = "the signature of the function that reads the interfaces")]
    fn own_addresses() -> io::Result<Vec<IpAddr>> {
        Ok(["127.0.0.1", "9.9.9.9", "2620:fe::fe", "fe80::1"].map(|address| address.parse().unwrap()).to_vec())
    }

    fn networks(networks: &[&str]) -> Vec<IpNet> {
        networks.iter().map(|network| network.parse().unwrap()).collect()
    }

    fn allowed_addresses(allowed: &[&str]) -> AllowedAddresses {
        allowed_and_denied(allowed, &[])
    }

    fn allowed_and_denied(allowed: &[&str], denied: &[&str]) -> AllowedAddresses {
        let networks = OutgoingNetworks { allowed: networks(allowed), denied: networks(denied) };
        AllowedAddresses::new(networks, OwnNetworks::new(own_addresses))
    }

    fn has(allowed_addresses: &AllowedAddresses, address: &str) -> bool {
        allowed_addresses.check(address.parse().unwrap(), Transport::Tls).is_ok()
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
            "168.63.129.16",
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

    #[test]
    fn addresses_of_this_machine_and_its_ipv6_network_are_not_allowed() {
        for address in ["9.9.9.9", "2620:fe::fe", "2620:fe::1", "2620:fe::ffff:ffff:ffff:ffff"] {
            assert!(!has(&allowed_addresses(&[]), address), "{address}");
        }
        for address in ["9.9.9.10", "2620:fe:0:1::1"] {
            assert!(has(&allowed_addresses(&[]), address), "{address}");
        }
        assert!(has(&allowed_addresses(&["9.9.9.9/32"]), "9.9.9.9"), "the operator allows it");
    }

    #[test]
    fn no_public_address_is_allowed_while_the_own_addresses_are_unknown() {
        let networks = OutgoingNetworks { allowed: networks(&["10.0.0.0/8"]), denied: Vec::new() };
        let allowed_addresses = AllowedAddresses::new(networks, OwnNetworks::new(|| Err(io::Error::other("no netlink"))));
        assert!(!has(&allowed_addresses, "1.1.1.1"));
        assert!(has(&allowed_addresses, "10.0.0.1"));
    }

    #[test]
    fn a_denied_network_takes_precedence() {
        let allowed_addresses = allowed_and_denied(&["10.0.0.0/8"], &["10.1.0.0/16", "1.1.1.0/24", "2606:4700::/32"]);
        for address in ["10.1.2.3", "::ffff:10.1.2.3", "1.1.1.1", "2606:4700::1111"] {
            assert!(!has(&allowed_addresses, address), "{address}");
        }
        for address in ["10.2.0.1", "1.1.2.1"] {
            assert!(has(&allowed_addresses, address), "{address}");
        }
    }

    #[test]
    fn only_the_operators_networks_are_called_without_tls() {
        let allowed_addresses = allowed_addresses(&["10.1.0.0/16", "8.8.8.8/32"]);
        let check = |address: &str| allowed_addresses.check(address.parse().unwrap(), Transport::Plain);
        assert_eq!(check("1.1.1.1"), Err(HttpError::Unencrypted));
        assert_eq!(check("192.168.0.1"), Err(HttpError::BlockedAddress));
        assert_eq!((check("10.1.0.1"), check("8.8.8.8")), (Ok(()), Ok(())));
    }
}
