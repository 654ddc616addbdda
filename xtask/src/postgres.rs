//! A PostgreSQL server for tests, with its data in a temporary folder.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::{process, setup};

/// The variable with the URL of the server, which the tests read.
pub(crate) const VARIABLE: &str = "LATCHKEY_TEST_POSTGRES";

/// Settings of a server whose data is not kept: nothing waits for the disk. Tests of crashes start a server of their own without them.
const SETTINGS: [&str; 8] = [
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "autovacuum=off",
    // Each server under test keeps some, and so do the tests.
    "max_connections=500",
    "unix_socket_directories=",
];

/// For how long the start may take on a loaded machine.
const START_LIMIT: Duration = Duration::from_mins(1);

/// A running server, which is stopped and removed with this value.
pub(crate) struct Postgres {
    url: String,
    folder: PathBuf,
    server: Child,
}

impl Postgres {
    /// Starts a server that accepts only connections of this machine.
    pub(crate) fn start() -> Result<Self> {
        let Some(binaries) = setup::postgres_binaries() else { bail!("PostgreSQL is not installed") };
        // Not inside the repository, which the server's user may not be able to reach.
        let folder = std::env::temp_dir().join(format!("latchkey-postgres-{}", std::process::id()));
        fs::create_dir(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let user = unprivileged_user()?;
        if let Some(user) = user {
            process::run(Command::new("chown").arg(user).arg(&folder))?;
        }
        let data = folder.join("data");
        let mut create = command(user, &binaries.join("initdb"))?;
        create.arg("--pgdata").arg(&data).args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]);
        process::output(create.current_dir(&folder))?;
        // The port may be taken by another process until the server listens, which then fails.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let log = File::create(folder.join("log"))?;
        let mut serve = command(user, &binaries.join("postgres"))?;
        serve.arg("-D").arg(&data).args(["-h", "127.0.0.1", "-p", &port.to_string()]);
        serve.args(SETTINGS.iter().flat_map(|setting| ["-c", *setting]));
        let server = serve.current_dir(&folder).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        let mut postgres = Self { url: format!("postgres://postgres@127.0.0.1:{port}"), folder, server };
        postgres.wait_until_ready()?;
        Ok(postgres)
    }

    /// The URL, without a database.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let started = Instant::now();
        while !is_ready(&self.folder.join("data/postmaster.pid")) {
            if self.server.try_wait()?.is_some() || started.elapsed() > START_LIMIT {
                bail!("PostgreSQL does not start:\n{}", fs::read_to_string(self.folder.join("log")).unwrap_or_default());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Drop for Postgres {
    /// SIGINT is the fast shutdown: the server ends its own processes first.
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-INT", &self.server.id().to_string()]).status();
        let _ = self.server.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Whether the server accepts connections, by the file in which it keeps its state; `pg_ctl` reads it too.
fn is_ready(state: &Path) -> bool {
    fs::read_to_string(state).is_ok_and(|state| state.lines().nth(7).is_some_and(|status| status.trim_end() == "ready"))
}

/// The user to run as: PostgreSQL refuses to run as root. `None` if this process is not root.
fn unprivileged_user() -> Result<Option<&'static str>> {
    if process::output(Command::new("id").arg("-u"))? != "0" {
        return Ok(None);
    }
    let exists = |user: &&str| Command::new("id").arg(user).output().is_ok_and(|id| id.status.success());
    let user = ["postgres", "nobody"].into_iter().find(exists);
    Ok(Some(user.context("there is neither a user `postgres` nor `nobody`")?))
}

/// A command as this user, or as the current one. With `setpriv` it also ends if this process is killed.
fn command(user: Option<&str>, program: &Path) -> Result<Command> {
    if user.is_none() && process::find_program(&["setpriv"]).is_none() {
        return Ok(Command::new(program));
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "INT"]);
    if let Some(user) = user {
        let group = process::output(Command::new("id").args(["-g", user]))?;
        command.args(["--reuid", user, "--regid", &group, "--clear-groups"]);
    }
    command.arg(program);
    Ok(command)
}
