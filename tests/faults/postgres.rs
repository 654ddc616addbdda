//! A PostgreSQL server that is started for a test or benchmark, with its data in a temporary folder.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

/// Debian's folder of the versions, of which none may be in PATH.
const DEBIAN_VERSIONS: &str = "/usr/lib/postgresql";
/// Time limit from the start of the server to its first connection.
const START_TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) struct Postgres {
    /// URL of the server, without a database.
    url: String,
    server: Child,
    _folder: TempDir,
}

impl Postgres {
    /// Starts a server that accepts only connections of this machine, with its data in this folder.
    pub(crate) async fn start(folder: TempDir) -> Result<Self> {
        let binaries = binaries()?;
        let data = folder.path().join("data");
        let owner = unprivileged_user()?;
        if let Some(user) = owner {
            let status = Command::new("chown").arg(user).arg(folder.path()).status()?;
            ensure!(status.success(), "the folder of PostgreSQL cannot be given to the user {user}");
        }
        let mut create = command(owner, &binaries.join("initdb"))?;
        create.arg("--pgdata").arg(&data).args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]);
        let created = create.current_dir(folder.path()).output()?;
        ensure!(created.status.success(), "initdb failed: {}", String::from_utf8_lossy(&created.stderr));
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let server = command(owner, &binaries.join("postgres"))?
            .arg("-D")
            .arg(&data)
            .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k"])
            .arg(folder.path())
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let postgres = Self { url: format!("postgres://postgres@127.0.0.1:{port}"), server, _folder: folder };
        let started = Instant::now();
        while let Err(error) = postgres.connect().await {
            ensure!(started.elapsed() < START_TIMEOUT, "PostgreSQL does not accept connections: {error}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(postgres)
    }

    /// Creates a database. Returns its URL.
    pub(crate) async fn create_database(&self, name: &str) -> Result<String> {
        sqlx::query(AssertSqlSafe(format!("create database {name}"))).execute(&mut self.connect().await?).await?;
        Ok(format!("{}/{name}", self.url))
    }

    async fn connect(&self) -> sqlx::Result<PgConnection> {
        PgConnection::connect(&format!("{}/postgres", self.url)).await
    }
}

impl Drop for Postgres {
    /// SIGINT is the fast shutdown: the server ends its own child processes first.
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-INT", &self.server.id().to_string()]).status();
        let _ = self.server.wait();
    }
}

/// The folder with `initdb` and `postgres`.
pub(crate) fn binaries() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let versions = fs::read_dir(DEBIAN_VERSIONS).into_iter().flatten().flatten().map(|version| version.path().join("bin"));
    let mut folders = in_path.into_iter().chain(versions);
    let has_all = |folder: &PathBuf| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    folders.find(has_all).context("PostgreSQL is not installed: run `cargo xtask setup`")
}

/// The user to run as: PostgreSQL refuses to run as root. `None` if this process is not root.
fn unprivileged_user() -> Result<Option<&'static str>> {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    let exists = |user: &&str| Command::new("id").arg(user).output().is_ok_and(|id| id.status.success());
    let user = || ["postgres", "nobody"].into_iter().find(exists).context("there is no user without privileges to run PostgreSQL");
    is_root.then(user).transpose()
}

fn command(user: Option<&str>, program: &Path) -> Result<Command> {
    let Some(user) = user else { return Ok(Command::new(program)) };
    let mut command = Command::new("setpriv");
    let group = String::from_utf8(Command::new("id").args(["-g", user]).output()?.stdout)?;
    command.args(["--reuid", user, "--clear-groups", "--regid", group.trim()]).arg(program);
    Ok(command)
}
