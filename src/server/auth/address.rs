//! From which address a call comes.

use std::net::IpAddr;

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The caller's address: the peer's, or, where the peer is a trusted proxy, the last one in `X-Forwarded-For` that is none.
/// What stands before that was said by the caller and proves nothing.
pub fn caller(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    let peer = peer.to_canonical();
    if !is_trusted(peer) {
        return peer;
    }
    let named = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = named.flat_map(|value| value.split(',')).map(str::trim).collect();
    let mut nearest = peer;
    for hop in hops.iter().rev() {
        let Ok(address) = hop.parse::<IpAddr>() else { break };
        nearest = address.to_canonical();
        if !is_trusted(nearest) {
            break;
        }
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller_of(peer: &str, forwarded: &str, trusted: &str) -> String {
        let headers = [("x-forwarded-for", forwarded)].into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let trusted: Vec<IpNet> = trusted.split_whitespace().map(|network| network.parse().unwrap()).collect();
        caller(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(caller_of("192.0.2.1", "198.51.100.7", ""), "192.0.2.1");
        assert_eq!(caller_of("10.0.0.1", "198.51.100.7", "10.0.0.0/8"), "198.51.100.7");
        assert_eq!(caller_of("::ffff:10.0.0.1", "198.51.100.7", "10.0.0.0/8"), "198.51.100.7");
    }

    #[test]
    fn what_the_caller_wrote_itself_is_not() {
        assert_eq!(caller_of("10.0.0.1", "127.0.0.1, 198.51.100.7, 10.0.0.2", "10.0.0.0/8"), "198.51.100.7");
        assert_eq!(caller_of("10.0.0.1", "198.51.100.7, rubbish", "10.0.0.0/8"), "10.0.0.1");
        assert_eq!(caller_of("10.0.0.1", "", "10.0.0.0/8"), "10.0.0.1");
    }
}
