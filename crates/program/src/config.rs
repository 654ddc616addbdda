//! Configuration: command-line flags, each also available as an environment variable.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, builder::FalseyValueParser};
use ipnet::IpNet;
use rustix::system::uname;
use secrecy::SecretString;
use url::Url;

use super::telemetry::LogFormat;
use latchkey_core::samples::store::{GIB, SampleLimits, SampleStoreSpec};
use latchkey_crypto::master_key::MasterKeySource;
use latchkey_http::ModelLimits;
use latchkey_store::StoreOptions;

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
    #[command(flatten)]
    pub postgres: PostgresOptions,
}

fn secret_from_environment(name: &str) -> Option<SecretString> {
    std::env::var(name).ok().filter(|key| !key.trim().is_empty()).map(SecretString::from)
}

impl DataOptions {
    /// The defaults for a data folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self { data: folder.to_owned(), database: None, master_key: None, new_master_key: None, postgres: PostgresOptions::default() }
    }

    pub fn master_key_source(&self) -> MasterKeySource {
        match &self.master_key {
            Some(current) => MasterKeySource::Environment { current: current.clone(), next: self.new_master_key.clone() },
            None => MasterKeySource::Folder(self.data.clone()),
        }
    }
}

/// How PostgreSQL is used.
#[derive(Debug, Clone, Args)]
pub struct PostgresOptions {
    /// Maximum number of connections to PostgreSQL, besides those that watch for changes
    #[arg(long, env = "LATCHKEY_DATABASE_CONNECTIONS", value_name = "N", default_value_t = PostgresOptions::default().database_connections, value_parser = clap::value_parser!(u32).range(4..=1000), global = true)]
    pub database_connections: u32,
    /// Allow an unencrypted connection to PostgreSQL on another machine
    #[arg(long, env = "LATCHKEY_ALLOW_PLAINTEXT_DATABASE", value_parser = FalseyValueParser::new(), global = true)]
    pub allow_plaintext_database: bool,
}

impl PostgresOptions {
    pub fn store_options(&self) -> StoreOptions {
        StoreOptions { connections: self.database_connections, allow_plaintext: self.allow_plaintext_database }
    }
}

impl Default for PostgresOptions {
    fn default() -> Self {
        let StoreOptions { connections, allow_plaintext } = StoreOptions::default();
        Self { database_connections: connections, allow_plaintext_database: allow_plaintext }
    }
}

/// Outgoing requests to other services.
#[derive(Debug, Clone, Default, Args)]
pub struct OutgoingOptions {
    /// Private networks that outgoing requests may reach: `10.1.0.0/16,::1/128`
    #[arg(long, env = "LATCHKEY_ALLOW_OUTGOING", value_name = "CIDR,…", value_delimiter = ',')]
    pub allow_outgoing: Vec<IpNet>,
    /// Networks that outgoing requests never reach, even if allowed: `198.51.100.0/24`
    #[arg(long, env = "LATCHKEY_DENY_OUTGOING", value_name = "CIDR,…", value_delimiter = ',')]
    pub deny_outgoing: Vec<IpNet>,
    /// URL of the AWS Security Token Service [default: the endpoint of each key's region]
    #[arg(long, env = "LATCHKEY_AWS_STS_URL", value_name = "URL")]
    pub aws_sts_url: Option<Url>,
    /// URL of Amazon S3, with the bucket in the path [default: the endpoint of each key's region]
    #[arg(long, env = "LATCHKEY_AWS_S3_URL", value_name = "URL")]
    pub aws_s3_url: Option<Url>,
    /// URL of the `DNAnexus` API [default: <https://api.dnanexus.com>]
    #[arg(long, env = "LATCHKEY_DNANEXUS_URL", value_name = "URL")]
    pub dnanexus_url: Option<Url>,
}

/// Where samples are stored, and how much.
#[derive(Debug, Clone, Args)]
pub struct SampleOptions {
    /// Folder for the content of samples, or a bucket with credentials in the environment: `s3://BUCKET/PREFIX` [default: samples in the data folder]
    #[arg(long, env = "LATCHKEY_SAMPLES", value_name = "PATH|URL")]
    pub samples: Option<SampleStoreSpec>,
    /// Maximum size of the samples of one organization in GiB, 0 for no limit
    #[arg(long, env = "LATCHKEY_SAMPLE_QUOTA", value_name = "GIB", default_value_t = SampleLimits::QUOTA_GIB)]
    pub sample_quota: u32,
    /// Percentage of the disk that must be free to store more samples.
    #[arg(skip = SampleLimits::FREE_MIN_PERCENT)]
    pub free_min_percent: u64,
}

impl SampleOptions {
    pub fn limits(&self) -> SampleLimits {
        SampleLimits { quota: i64::from(self.sample_quota) * GIB, free_min_percent: self.free_min_percent }
    }
}

impl Default for SampleOptions {
    fn default() -> Self {
        Self { samples: None, sample_quota: SampleLimits::QUOTA_GIB, free_min_percent: SampleLimits::FREE_MIN_PERCENT }
    }
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

/// Limits of the clients' connections.
#[derive(Debug, Clone, Args)]
pub struct ConnectionLimits {
    /// Open connections of one IPv4 address or one IPv6 /64 network, 0 for any number; trusted proxies and this machine are not limited
    #[arg(long, env = "LATCHKEY_CONNECTIONS_PER_CLIENT", value_name = "N", default_value_t = ConnectionLimits::DEFAULT.connections_per_client)]
    pub connections_per_client: usize,
    /// Whether the limit of a client does not apply to this machine.
    #[arg(skip = ConnectionLimits::DEFAULT.exempt_loopback)]
    pub exempt_loopback: bool,
    /// Open connections of all clients, if the limit on file handles permits as many.
    #[arg(skip = ConnectionLimits::DEFAULT.total)]
    pub total: usize,
    /// Time within which a client must send the head of its first or next request.
    #[arg(skip = ConnectionLimits::DEFAULT.header)]
    pub header: Duration,
    /// Longest time for which a client may read nothing of a response.
    #[arg(skip = ConnectionLimits::DEFAULT.write)]
    pub write: Duration,
    /// Time after which an unread response or an incomplete request body no longer protects its connection from being closed to make room.
    #[arg(skip = ConnectionLimits::DEFAULT.stall)]
    pub stall: Duration,
}

impl ConnectionLimits {
    const DEFAULT: Self = Self {
        connections_per_client: 256,
        exempt_loopback: true,
        total: 8192,
        header: Duration::from_secs(10),
        write: Duration::from_secs(20),
        stall: Duration::from_millis(500),
    };
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
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
    /// Name of this instance among those that share a PostgreSQL database [default: the name of the host, and the port]
    #[arg(long, env = "LATCHKEY_INSTANCE_NAME", value_name = "NAME")]
    pub instance_name: Option<String>,
    #[command(flatten)]
    pub connections: ConnectionLimits,
    #[command(flatten)]
    pub outgoing: OutgoingOptions,
    #[command(flatten)]
    pub samples: SampleOptions,
    #[command(flatten)]
    pub mail: MailOptions,
    #[command(flatten)]
    pub data: DataOptions,
    /// Not an option: tests have shorter ones.
    #[arg(skip)]
    pub model_limits: ModelLimits,
}

impl ServeOptions {
    /// The name of an instance that listens on a port.
    pub(super) fn instance_name(&self, port: u16) -> String {
        let given = self.instance_name.as_deref().map(str::trim).filter(|name| !name.is_empty());
        given.map_or_else(|| format!("{}:{port}", uname().nodename().to_string_lossy()), ToOwned::to_owned)
    }
}
