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

use super::{master_key::KeyPlace, telemetry::LogFormat};

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
    #[arg(skip = secret_from_environment("LATCHKEY_MASTER_KEY"))]
    pub master_key: Option<SecretString>,
    /// The one that takes over from it
    #[arg(skip = secret_from_environment("LATCHKEY_NEW_MASTER_KEY"))]
    pub new_master_key: Option<SecretString>,
}

fn secret_from_environment(name: &str) -> Option<SecretString> {
    std::env::var(name).ok().filter(|key| !key.trim().is_empty()).map(SecretString::from)
}

impl DataOptions {
    /// Where the master key is kept.
    pub fn key_place(&self) -> KeyPlace {
        match &self.master_key {
            Some(current) => KeyPlace::Environment { current: current.clone(), next: self.new_master_key.clone() },
            None => KeyPlace::Folder(self.data.clone()),
        }
    }
}

/// Which other services are called, and where they are.
#[derive(Debug, Clone, Default, Args)]
pub struct OutgoingOptions {
    /// Private networks that may be called too, where providers stand in them: `10.1.0.0/16,::1/128`
    #[arg(long, env = "LATCHKEY_ALLOW_OUTGOING", value_name = "CIDR,…", value_delimiter = ',')]
    pub allow_outgoing: Vec<IpNet>,
    /// AWS's Security Token Service [default: the one of each key's region]
    #[arg(long, env = "LATCHKEY_AWS_STS_URL", value_name = "URL")]
    pub aws_sts_url: Option<Url>,
    /// `DNAnexus`'s API [default: <https://api.dnanexus.com>]
    #[arg(long, env = "LATCHKEY_DNANEXUS_URL", value_name = "URL")]
    pub dnanexus_url: Option<Url>,
}

/// By which server notices are sent by mail, and from whom.
#[derive(Debug, Clone, Default, Args)]
pub struct MailOptions {
    /// The mail server that sends notices: `smtp://USER:PASSWORD@HOST:587` (STARTTLS) or `smtps://USER:PASSWORD@HOST:465` [default: none]
    #[arg(long, env = "LATCHKEY_SMTP", value_name = "URL", hide_env_values = true)]
    pub smtp: Option<SecretString>,
    /// From whom they come, such as `Latchkey <keys@example.com>`
    #[arg(long, env = "LATCHKEY_MAIL_FROM", value_name = "ADDRESS")]
    pub mail_from: Option<String>,
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
    /// How lines of the log are written: for people, or as one JSON object a line
    #[arg(long, env = "LATCHKEY_LOG_FORMAT", value_name = "text|json", default_value = "text", hide_possible_values = true)]
    pub log_format: LogFormat,
    /// For how many seconds keys that are in memory are still judged once the database is lost, at most an hour [default: not at all]
    #[arg(long, env = "LATCHKEY_SERVE_STALE", value_name = "SECONDS", default_value_t = 0, hide_default_value = true, value_parser = clap::value_parser!(u64).range(..=3600))]
    pub serve_stale: u64,
    /// Other services.
    #[command(flatten)]
    pub outgoing: OutgoingOptions,
    /// Mail.
    #[command(flatten)]
    pub mail: MailOptions,
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

    /// What tokens name as their issuer: the URL as an origin, `https://keys.example.com`, without a slash at its end.
    pub fn issuer(&self) -> String {
        self.url.origin().ascii_serialization()
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

/// Whether what is sent there stays on this machine.
pub fn is_loopback(url: &Url) -> bool {
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
