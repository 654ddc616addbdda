//! The address by which this server is reached.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, ensure};
use latchkey_types::net::is_loopback_host;
use url::Url;

/// The public address of the server, and the origins that its page may have.
#[derive(Debug, Clone)]
pub struct PublicUrl {
    url: Url,
    origins: Vec<String>,
}

impl PublicUrl {
    /// Parses the configured URL; defaults to the listening address.
    ///
    /// # Errors
    /// If the URL is not an http or https origin, or uses http for a host other than this machine.
    pub fn new(given: Option<&str>, listen: SocketAddr) -> anyhow::Result<Self> {
        let text = given.map_or_else(|| format!("http://{}", reachable(listen)), ToOwned::to_owned);
        let url = Url::parse(&text).with_context(|| format!("the public URL {text} is invalid"))?;
        let is_origin =
            url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
        ensure!(
            is_origin && matches!(url.scheme(), "http" | "https") && url.host().is_some(),
            "the public URL must be an origin such as https://keys.example.com, without a path"
        );
        ensure!(
            url.scheme() == "https" || url.host_str().is_some_and(is_loopback_host),
            "sessions can be intercepted over http: use an https URL for --public-url, or listen on a loopback address only"
        );
        let mut origins = vec![url.origin().ascii_serialization()];
        if given.is_none() {
            // By default the server listens locally, where the page can be opened under any of these names.
            let names =
                ["127.0.0.1", "localhost", "[::1]"].into_iter().filter_map(|host| Url::parse(&format!("http://{host}:{}", listen.port())).ok());
            origins.extend(names.map(|url| url.origin().ascii_serialization()));
        }
        Ok(Self { url, origins })
    }

    /// Whether cookies can be restricted to https.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    pub fn is_own_origin(&self, origin: &str) -> bool {
        self.origins.iter().any(|own| own == origin)
    }

    /// The issuer claim of tokens: the URL as an origin without a trailing slash, `https://keys.example.com`.
    pub fn issuer(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Absolute URL of a path without a leading slash: `link("setup")`.
    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

/// Replaces the unspecified address, which listens on all interfaces, with the loopback address.
fn reachable(listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() { SocketAddr::new(Ipv4Addr::LOCALHOST.into(), listen.port()) } else { listen }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(given: Option<&str>) -> anyhow::Result<PublicUrl> {
        PublicUrl::new(given, "127.0.0.1:3000".parse().unwrap())
    }

    #[test]
    fn accepts_only_its_own_origin() {
        let own = url(Some("https://keys.example.com")).unwrap();
        assert!(own.is_https() && own.is_own_origin("https://keys.example.com"));
        for given in ["https://keys.example.com", "https://keys.example.com/", "https://KEYS.example.com:443"] {
            assert_eq!(url(Some(given)).unwrap().issuer(), "https://keys.example.com", "{given}");
        }
        for foreign in ["http://keys.example.com", "https://keys.example.com:8443", "https://keys.example.com.evil.test", "null", ""] {
            assert!(!own.is_own_origin(foreign), "{foreign}");
        }
        assert!(url(None).unwrap().is_own_origin("http://localhost:3000"));
        assert!(!url(Some("http://127.0.0.1:3000")).unwrap().is_own_origin("http://localhost:3000"));
    }

    #[test]
    fn a_public_url_must_be_an_origin() {
        for bad in [
            "keys.example.com",
            "ftp://a",
            "https://a/path",
            "https://a?b",
            "https://u:p@a",
            "https://",
            "http://keys.example.com",
            "http://192.0.2.1",
        ] {
            assert!(url(Some(bad)).is_err(), "{bad}");
        }
    }
}
