//! What the operator says: flags, each also an environment variable.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use anyhow::{Context, ensure};
use clap::Args;
use ipnet::IpNet;
use secrecy::SecretString;
use url::{Host, Url};

/// Where the data is and what opens it: for `serve` and for the admin commands.
#[derive(Debug, Clone, Args)]
pub struct DataOptions {
    /// The data folder: the database, its master key and the lock
    #[arg(long, env = "LATCHKEY_DATA", default_value = "./data", global = true)]
    pub data: PathBuf,
    /// Another database: `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME` [default: latchkey.db in the data folder]
    #[arg(long = "database", env = "LATCHKEY_DATABASE_URL", value_name = "URL", hide_env_values = true, global = true)]
    pub database: Option<String>,
    /// The key over all other keys, 32 bytes in base64 [default: master.key in the data folder]
    // From the environment only: an argument would be seen by everybody on the machine.
    #[arg(skip = master_key_from_environment())]
    pub master_key: Option<SecretString>,
}

fn master_key_from_environment() -> Option<SecretString> {
    std::env::var("LATCHKEY_MASTER_KEY").ok().filter(|key| !key.trim().is_empty()).map(SecretString::from)
}

/// How to serve.
#[derive(Debug, Clone, Args)]
pub struct ServeOptions {
    /// The address to listen on
    #[arg(long, env = "LATCHKEY_LISTEN", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,
    /// Where people reach this server, such as <https://keys.example.com> [default: <http://LISTEN>]
    #[arg(long, env = "LATCHKEY_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Proxies whose X-Forwarded-For is believed, as networks: `10.0.0.0/8,::1/128`
    #[arg(long, env = "LATCHKEY_TRUSTED_PROXIES", value_name = "CIDR,…", value_delimiter = ',')]
    pub trusted_proxies: Vec<IpNet>,
    /// The data.
    #[command(flatten)]
    pub data: DataOptions,
}

/// The address by which people know this server, and the origins from which its page may call.
#[derive(Debug, Clone)]
pub struct PublicUrl {
    url: Url,
    origins: Vec<String>,
}

impl PublicUrl {
    /// Reads the operator's URL, or takes the address that is listened on.
    ///
    /// # Errors
    /// When it is no http or https URL, or has more than an origin.
    pub fn new(given: Option<&str>, listen: SocketAddr) -> anyhow::Result<Self> {
        let text = given.map_or_else(|| format!("http://{}", reachable(listen)), ToOwned::to_owned);
        let url = Url::parse(&text).with_context(|| format!("the public URL {text} can't be read"))?;
        let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
        ensure!(
            plain && matches!(url.scheme(), "http" | "https") && url.host().is_some(),
            "the public URL must be like https://keys.example.com, without a path"
        );
        ensure!(
            url.scheme() == "https" || is_loopback(&url),
            "over http anybody on the way can take a session: give --public-url https://…, or listen on this machine alone"
        );
        let mut origins = vec![url.origin().ascii_serialization()];
        if given.is_none() {
            // Whoever listens on their own machine may call it by any of its names.
            let names =
                ["127.0.0.1", "localhost", "[::1]"].into_iter().filter_map(|host| Url::parse(&format!("http://{host}:{}", listen.port())).ok());
            origins.extend(names.map(|url| url.origin().ascii_serialization()));
        }
        Ok(Self { url, origins })
    }

    /// Whether cookies can be kept to https.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether the page at this origin is ours.
    pub fn is_own_origin(&self, origin: &str) -> bool {
        self.origins.iter().any(|own| own == origin)
    }

    /// The address of a path: `link("setup")`.
    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

/// Where a server that listens on every address can be reached from this machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() { SocketAddr::new(Ipv4Addr::LOCALHOST.into(), listen.port()) } else { listen }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(given: Option<&str>) -> anyhow::Result<PublicUrl> {
        PublicUrl::new(given, "127.0.0.1:3000".parse().unwrap())
    }

    #[test]
    fn only_the_own_origin_may_call() {
        let own = url(Some("https://keys.example.com")).unwrap();
        assert!(own.is_https() && own.is_own_origin("https://keys.example.com"));
        for foreign in ["http://keys.example.com", "https://keys.example.com:8443", "https://keys.example.com.evil.test", "null", ""] {
            assert!(!own.is_own_origin(foreign), "{foreign}");
        }
        assert!(url(None).unwrap().is_own_origin("http://localhost:3000"));
        assert!(!url(Some("http://127.0.0.1:3000")).unwrap().is_own_origin("http://localhost:3000"));
    }

    #[test]
    fn a_public_url_is_an_origin_and_no_more() {
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
