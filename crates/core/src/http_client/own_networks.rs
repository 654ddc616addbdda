//! The addresses of this machine. Public ones among them reach services that a firewall hides from the outside.

use std::{
    io,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use ipnet::{IpNet, Ipv6Net};

/// Interfaces change rarely, and a resolved name may have many addresses to check.
const REREAD_AFTER: Duration = Duration::from_secs(10);
/// The size of an IPv6 network with several machines.
const IPV6_NETWORK_BITS: u8 = 64;

/// The networks of the network interfaces: each IPv4 address alone, as its network may be a hosting provider's, and the /64 of each IPv6 address.
pub(super) struct OwnNetworks {
    read_addresses: fn() -> io::Result<Vec<IpAddr>>,
    cached: Mutex<Option<(Instant, Vec<IpNet>)>>,
}

impl OwnNetworks {
    pub(super) const fn new(read_addresses: fn() -> io::Result<Vec<IpAddr>>) -> Self {
        Self { read_addresses, cached: Mutex::new(None) }
    }

    pub(super) const fn of_this_machine() -> Self {
        Self::new(|| Ok(if_addrs::get_if_addrs()?.iter().map(if_addrs::Interface::ip).collect()))
    }

    pub(super) fn contain(&self, address: IpAddr) -> io::Result<bool> {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = cached.take().filter(|(read_at, _)| read_at.elapsed() < REREAD_AFTER);
        let (read_at, networks) = match fresh {
            Some(fresh) => fresh,
            None => (Instant::now(), (self.read_addresses)()?.into_iter().map(network_of).collect()),
        };
        let address = address.to_canonical();
        let is_own = networks.iter().any(|network| network.contains(&address));
        *cached = Some((read_at, networks));
        Ok(is_own)
    }
}

fn network_of(address: IpAddr) -> IpNet {
    match address {
        IpAddr::V4(address) => IpNet::from(IpAddr::V4(address)),
        IpAddr::V6(address) => IpNet::V6(Ipv6Net::new_assert(address, IPV6_NETWORK_BITS)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interfaces_of_this_machine_are_read() {
        let own = OwnNetworks::of_this_machine();
        assert!(own.contain("127.0.0.1".parse().unwrap()).unwrap());
        assert!(!own.contain("1.1.1.1".parse().unwrap()).unwrap());
    }
}
