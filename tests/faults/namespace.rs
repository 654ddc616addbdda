//! A network namespace, in which a server is reached on one link and reaches the database on another, which can be cut.

use std::process::{self, Command, Output};

use rustix::process::geteuid;

use super::{process::start_by, report::is_long};

/// The port of the server, which no other process of the namespace uses.
const PORT: u16 = 3000;

pub struct Namespace {
    name: String,
    /// This machine's end of the link to the database.
    database_link: String,
    /// The first three bytes of the addresses, in the range for tests of networks (RFC 2544).
    network: String,
}

impl Namespace {
    /// `None` if it cannot be created, which needs root; the long form fails then.
    pub fn create() -> Option<Self> {
        let id = process::id();
        let namespace =
            Self { name: format!("latchkey-{id}"), database_link: format!("lkd{id}"), network: format!("198.{}.{}", 18 + id / 256 % 2, id % 256) };
        let created = if geteuid().is_root() { namespace.set_up() } else { Err("it needs root".to_owned()) };
        match created {
            Ok(()) => Some(namespace),
            Err(reason) => {
                assert!(!is_long(), "this test creates a network namespace: {reason}");
                println!("skipped the instance that is cut off from the database, which is in a network namespace: {reason}");
                None
            }
        }
    }

    fn set_up(&self) -> Result<(), String> {
        let Self { name, database_link, network } = self;
        let client_link = database_link.replace("lkd", "lkc");
        ip(&format!("netns add {name}"))?;
        for (link, peer, first) in [(database_link, "database", 1), (&client_link, "clients", 5)] {
            ip(&format!("link add {link} type veth peer name {peer} netns {name}"))?;
            ip(&format!("address add {network}.{first}/30 dev {link}"))?;
            ip(&format!("-n {name} address add {network}.{}/30 dev {peer}", first + 1))?;
            ip(&format!("link set {link} up"))?;
            ip(&format!("-n {name} link set {peer} up"))?;
        }
        ip(&format!("-n {name} link set lo up"))
    }

    /// This machine's address, for the server in the namespace.
    pub fn machine(&self) -> String {
        format!("{}.1", self.network)
    }

    /// The URL of the server in the namespace.
    pub fn server(&self) -> String {
        format!("http://{}.6:{PORT}", self.network)
    }

    /// Lets a server run in the namespace.
    pub fn enter(&self, command: &mut Command) {
        command.env("LATCHKEY_LISTEN", format!("0.0.0.0:{PORT}")).env("LATCHKEY_PUBLIC_URL", format!("http://localhost:{PORT}"));
        // The network consists of this machine only.
        command.env("LATCHKEY_ALLOW_PLAINTEXT_DATABASE", "true").env("PATH", path());
        start_by(command, "ip", &["netns", "exec", &self.name]);
    }

    /// Drops every packet to and from the database.
    pub fn cut(&self) {
        ip(&format!("link set {} down", self.database_link)).unwrap();
    }

    pub fn mend(&self) {
        ip(&format!("link set {} up", self.database_link)).unwrap();
    }
}

impl Drop for Namespace {
    /// The links end with the namespace.
    fn drop(&mut self) {
        let _ = ip(&format!("netns delete {}", self.name));
    }
}

fn ip(arguments: &str) -> Result<(), String> {
    let output: Output = Command::new("ip").env("PATH", path()).args(arguments.split(' ')).output().map_err(|error| format!("ip: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(format!("ip {arguments}: {}", String::from_utf8_lossy(&output.stderr).trim())) }
}

/// With the folder in which Debian installs `ip`.
fn path() -> String {
    std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin"
}
