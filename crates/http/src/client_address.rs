//! The client's IP address.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::ConnectInfo,
    http::{HeaderMap, request::Parts},
};
use ipnet::IpNet;

/// The caller's address of a request; `None` if it did not come from a connection.
pub fn of_request(parts: &Parts, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(client_address(peer.0.ip(), &parts.headers, trusted))
}

/// The caller's address: the peer, or behind trusted proxies the last address in `X-Forwarded-For` that is not a trusted proxy. Entries before
/// that are controlled by the caller and cannot be trusted.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    if !is_in(peer, trusted) {
        return peer;
    }
    let mut nearest = peer;
    for hop in hops(headers).into_iter().rev() {
        let Some(address) = hop else { break };
        nearest = address;
        if !is_in(nearest, trusted) {
            break;
        }
    }
    nearest
}

/// The original client's address, as reported by a caller that is known to be a proxy: the last address in `X-Forwarded-For` that is not a
/// trusted proxy, or `X-Real-IP` if there is no such header. `None` if it is missing or malformed: a guess could grant access.
pub fn forwarded_client_address(headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let hops = hops(headers);
    if hops.is_empty() {
        let mut lines = headers.get_all("x-real-ip").iter();
        let first = lines.next()?;
        return address(first.as_bytes()).filter(|_| lines.all(|other| other == first));
    }
    let mut nearest = None;
    for hop in hops.into_iter().rev() {
        nearest = Some(hop?);
        if nearest.is_some_and(|address| !is_in(address, trusted)) {
            break;
        }
    }
    nearest
}

fn is_in(address: IpAddr, networks: &[IpNet]) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

/// The entries of `X-Forwarded-For`, first proxy first; `None` for an entry that is not an address. Lines are split as bytes, so that an entry
/// of the caller that is not text cannot hide the addresses that proxies append to the same line.
fn hops(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let lines = headers.get_all("x-forwarded-for").iter();
    lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).map(address).collect()
}

fn address(text: &[u8]) -> Option<IpAddr> {
    let address: IpAddr = str::from_utf8(text.trim_ascii()).ok()?.parse().ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    fn caller_of(peer: &str, forwarded: &str, trusted: &str) -> String {
        let headers = headers(&[("x-forwarded-for", forwarded)]);
        let trusted: Vec<IpNet> = trusted.split_whitespace().map(|network| network.parse().unwrap()).collect();
        client_address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(caller_of("192.0.2.1", "198.51.100.7", ""), "192.0.2.1");
        assert_eq!(caller_of("10.0.0.1", "198.51.100.7", "10.0.0.0/8"), "198.51.100.7");
        assert_eq!(caller_of("::ffff:10.0.0.1", "198.51.100.7", "10.0.0.0/8"), "198.51.100.7");
    }

    #[test]
    fn entries_of_the_caller_are_ignored() {
        assert_eq!(caller_of("10.0.0.1", "127.0.0.1, 198.51.100.7, 10.0.0.2", "10.0.0.0/8"), "198.51.100.7");
        assert_eq!(caller_of("10.0.0.1", "198.51.100.7, rubbish", "10.0.0.0/8"), "10.0.0.1");
        assert_eq!(caller_of("10.0.0.1", "", "10.0.0.0/8"), "10.0.0.1");
    }

    #[test]
    fn forwarded_returns_the_last_address_that_is_no_proxy() {
        let client = |lines: &[(&'static str, &str)]| {
            forwarded_client_address(&headers(lines), &["10.0.0.0/8".parse().unwrap()]).map(|address| address.to_string())
        };
        let address = |address: &str| Some(address.to_owned());
        assert_eq!(client(&[("x-forwarded-for", "127.0.0.1, 198.51.100.7")]), address("198.51.100.7"));
        assert_eq!(client(&[("x-forwarded-for", "127.0.0.1, 198.51.100.7, ::ffff:10.0.0.2")]), address("198.51.100.7"));
        assert_eq!(client(&[("x-forwarded-for", "10.0.0.1, 10.0.0.2")]), address("10.0.0.1"));
        assert_eq!(client(&[("x-forwarded-for", "rubbish, 198.51.100.7"), ("x-real-ip", "203.0.113.9")]), address("198.51.100.7"));
        assert_eq!(client(&[("x-real-ip", "::ffff:203.0.113.9")]), address("203.0.113.9"));
        for malformed in ["rubbish", "198.51.100.7, rubbish", "198.51.100.7, rubbish, 10.0.0.2", "198.51.100.7:80", "", "é", "198.51.100.7, é"] {
            assert_eq!(client(&[("x-forwarded-for", malformed), ("x-real-ip", "203.0.113.9")]), None, "{malformed}");
        }
        assert_eq!(client(&[]), None);
        let two_lines = [("x-forwarded-for", "198.51.100.7"), ("x-forwarded-for", "é"), ("x-real-ip", "203.0.113.9")];
        assert_eq!(client(&two_lines), None, "a line that is not an address is not skipped");
    }

    #[test]
    fn an_entry_that_is_not_ascii_hides_no_other_entry() {
        assert_eq!(caller_of("10.0.0.1", "é, 198.51.100.7", "10.0.0.0/8"), "198.51.100.7");
        assert_eq!(caller_of("10.0.0.1", "é, 198.51.100.7, 10.0.0.2", "10.0.0.0/8"), "198.51.100.7");
        assert_eq!(caller_of("10.0.0.1", "198.51.100.7, é", "10.0.0.0/8"), "10.0.0.1");
        let headers = headers(&[("x-forwarded-for", "é, 198.51.100.7"), ("x-real-ip", "203.0.113.9")]);
        assert_eq!(forwarded_client_address(&headers, &[]), Some([198, 51, 100, 7].into()));
    }
}
