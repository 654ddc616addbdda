//! Configuration: command-line flags, each also available as an environment variable.

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

/// Location of the data and its keys, for `serve` and the admin commands.
#[derive(Debug, Clone, Args)]
pub struct DataOptions {
    /// Data folder with the database, the master key and the lock
    #[arg(long, env = "LATCHKEY_DATA", default_value = "./data", global = true)]
    pub data: PathBuf,
    /// Database URL: `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME` [default: latchkey.db in the data folder]
    #[arg(long = "database", env = "LATCHKEY_DATABASE_URL", value_name = "URL", hide_env_values = true, global = true)]
    pub database: Option<String>,
    /// Master key that encrypts all other keys, 32 bytes in base64 [default: master.key in the data folder]
    // From the environment only: arguments are visible to all users of the machine.
    #[arg(skip = secret_from_environment("LATCHKEY_MASTER_KEY"))]
    pub master_key: Option<SecretString>,
    /// Master key to rotate to, in the same format
    #[arg(skip = secret_from_environment("LATCHKEY_NEW_MASTER_KEY"))]
    pub new_master_key: Option<SecretString>,
}

fn secret_from_environment(name: &str) -> Option<SecretString> {
    std::env::var(name).ok().filter(|key| !key.trim().is_empty()).map(SecretString::from)
}

impl DataOptions {
    pub fn key_place(&self) -> KeyPlace {
        match &self.master_key {
            Some(current) => KeyPlace::Environment { current: current.clone(), next: self.new_master_key.clone() },
            None => KeyPlace::Folder(self.data.clone()),
        }
    }
}

/// Outgoing requests to other services.
#[derive(Debug, Clone, Default, Args)]
pub struct OutgoingOptions {
    /// Private networks that outgoing requests may reach, for providers inside them: `10.1.0.0/16,::1/128`
    #[arg(long, env = "LATCHKEY_ALLOW_OUTGOING", value_name = "CIDR,…", value_delimiter = ',')]
    pub allow_outgoing: Vec<IpNet>,
    /// URL of the AWS Security Token Service [default: the endpoint of each key's region]
    #[arg(long, env = "LATCHKEY_AWS_STS_URL", value_name = "URL")]
    pub aws_sts_url: Option<Url>,
    /// URL of the `DNAnexus` API [default: <https://api.dnanexus.com>]
    #[arg(long, env = "LATCHKEY_DNANEXUS_URL", value_name = "URL")]
    pub dnanexus_url: Option<Url>,
}

/// Mail server and sender of notifications by email.
#[derive(Debug, Clone, Default, Args)]
pub struct MailOptions {
    /// Mail server for notifications: `smtp://USER:PASSWORD@HOST:587` (STARTTLS) or `smtps://USER:PASSWORD@HOST:465` [default: none]
    #[arg(long, env = "LATCHKEY_SMTP", value_name = "URL", hide_env_values = true)]
    pub smtp: Option<SecretString>,
    /// Sender of notifications, e.g. `Latchkey <keys@example.com>`
    #[arg(long, env = "LATCHKEY_MAIL_FROM", value_name = "ADDRESS")]
    pub mail_from: Option<String>,
}

/// Options of `latchkey serve`.
#[derive(Debug, Clone, Args)]
pub struct ServeOptions {
    /// Address to listen on
    #[arg(long, env = "LATCHKEY_LISTEN", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,
    /// URL under which users reach this server, e.g. <https://keys.example.com> [default: <http://LISTEN>]
    #[arg(long, env = "LATCHKEY_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Networks of proxies whose X-Forwarded-For is trusted: `10.0.0.0/8,::1/128`
    #[arg(long, env = "LATCHKEY_TRUSTED_PROXIES", value_name = "CIDR,…", value_delimiter = ',')]
    pub trusted_proxies: Vec<IpNet>,
    /// Log format: plain text, or one JSON object per line
    #[arg(long, env = "LATCHKEY_LOG_FORMAT", value_name = "text|json", default_value = "text", hide_possible_values = true)]
    pub log_format: LogFormat,
    /// Seconds for which cached keys are still verified while the database is unreachable, at most 3600 [default: 0, off]
    #[arg(long, env = "LATCHKEY_SERVE_STALE", value_name = "SECONDS", default_value_t = 0, hide_default_value = true, value_parser = clap::value_parser!(u64).range(..=3600))]
    pub serve_stale: u64,
    #[command(flatten)]
    pub outgoing: OutgoingOptions,
    #[command(flatten)]
    pub mail: MailOptions,
    #[command(flatten)]
    pub data: DataOptions,
}

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
            url.scheme() == "https" || is_loopback(&url),
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
