//! From which address a call comes.

use std::net::IpAddr;

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The caller's address: the peer's, or, where the peer is a trusted proxy, the last one in `X-Forwarded-For` that is none.
/// What stands before that was said by the caller and proves nothing.
pub fn caller(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    if !is_in(peer, trusted) {
        return peer;
    }
    let mut nearest = peer;
    for hop in hops(headers).into_iter().rev() {
        let Ok(address) = hop.parse::<IpAddr>() else { break };
        nearest = address.to_canonical();
        if !is_in(nearest, trusted) {
            break;
        }
    }
    nearest
}

/// The address that a caller who is known to be a proxy tells of a request: the last one in `X-Forwarded-For` that is no trusted proxy; where
/// there is no such header, `X-Real-IP`. `None` where no address stands there: a guess would let somebody in.
pub fn forwarded(headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let address = |hop: &str| hop.parse::<IpAddr>().ok().map(|address| address.to_canonical());
    let hops = hops(headers);
    if hops.is_empty() {
        let mut lines = headers.get_all("x-real-ip").iter();
        let first = lines.next()?;
        return address(first.to_str().ok()?.trim()).filter(|_| lines.all(|other| other == first));
    }
    let mut nearest = None;
    for hop in hops.into_iter().rev() {
        nearest = Some(address(hop)?);
        if nearest.is_some_and(|address| !is_in(address, trusted)) {
            break;
        }
    }
    nearest
}

fn is_in(address: IpAddr, networks: &[IpNet]) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

/// The entries of `X-Forwarded-For`, from the first proxy's to the last one's.
fn hops(headers: &HeaderMap) -> Vec<&str> {
    let named = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    named.flat_map(|value| value.split(',')).map(str::trim).collect()
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

    #[test]
    fn what_a_proxy_tells_is_the_nearest_that_is_none() {
        let told = |lines: &[(&'static str, &str)]| {
            let headers = lines.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
            forwarded(&headers, &["10.0.0.0/8".parse().unwrap()]).map(|address| address.to_string())
        };
        let is = |address: &str| Some(address.to_owned());
        assert_eq!(told(&[("x-forwarded-for", "127.0.0.1, 198.51.100.7")]), is("198.51.100.7"));
        assert_eq!(told(&[("x-forwarded-for", "127.0.0.1, 198.51.100.7, ::ffff:10.0.0.2")]), is("198.51.100.7"));
        assert_eq!(told(&[("x-forwarded-for", "10.0.0.1, 10.0.0.2")]), is("10.0.0.1"));
        assert_eq!(told(&[("x-forwarded-for", "rubbish, 198.51.100.7"), ("x-real-ip", "203.0.113.9")]), is("198.51.100.7"));
        assert_eq!(told(&[("x-real-ip", "::ffff:203.0.113.9")]), is("203.0.113.9"));
        for nothing in ["rubbish", "198.51.100.7, rubbish", "198.51.100.7, rubbish, 10.0.0.2", "198.51.100.7:80", ""] {
            assert_eq!(told(&[("x-forwarded-for", nothing), ("x-real-ip", "203.0.113.9")]), None, "{nothing}");
        }
        assert_eq!(told(&[]), None);
    }
}
