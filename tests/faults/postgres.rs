//! A PostgreSQL server of this test, with its data in a temporary folder.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use sqlx::Connection;
use tempfile::TempDir;

use crate::support::eventually;

/// Debian's folder of the versions, of which none may be in PATH.
const DEBIAN_VERSIONS: &str = "/usr/lib/postgresql";

pub struct Postgres {
    /// URL of the server, without a database.
    url: String,
    server: Child,
    _folder: TempDir,
}

impl Postgres {
    /// Starts a server that accepts only connections of this machine.
    pub async fn start() -> Self {
        let binaries = binaries();
        let folder = TempDir::new().unwrap();
        let data = folder.path().join("data");
        let owner = unprivileged_user();
        if let Some(user) = owner {
            assert!(Command::new("chown").arg(user).arg(folder.path()).status().unwrap().success());
        }
        let mut create = command(owner, &binaries.join("initdb"));
        create.arg("--pgdata").arg(&data).args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]);
        let created = create.current_dir(folder.path()).output().unwrap();
        assert!(created.status.success(), "{created:?}");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = command(owner, &binaries.join("postgres"))
            .arg("-D")
            .arg(&data)
            .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k"])
            .arg(folder.path())
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let postgres = Self { url: format!("postgres://postgres@127.0.0.1:{port}"), server, _folder: folder };
        let database = format!("{}/postgres", postgres.url);
        eventually("PostgreSQL accepts connections", async || sqlx::PgConnection::connect(&database).await.is_ok()).await;
        postgres
    }

    /// Creates a database. Returns its URL.
    pub async fn create_database(&self, name: &'static str) -> String {
        let mut connection = sqlx::PgConnection::connect(&format!("{}/postgres", self.url)).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(format!("create database {name}"))).execute(&mut connection).await.unwrap();
        format!("{}/{name}", self.url)
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
fn binaries() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let versions = fs::read_dir(DEBIAN_VERSIONS).into_iter().flatten().flatten().map(|version| version.path().join("bin"));
    let mut folders = in_path.into_iter().chain(versions);
    let has_all = |folder: &PathBuf| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    folders.find(has_all).expect("PostgreSQL is not installed: run `cargo xtask setup`")
}

/// The user to run as: PostgreSQL refuses to run as root. `None` if this process is not root.
fn unprivileged_user() -> Option<&'static str> {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    let exists = |user: &&str| Command::new("id").arg(user).output().is_ok_and(|id| id.status.success());
    is_root.then(|| ["postgres", "nobody"].into_iter().find(exists).expect("a user without privileges"))
}

fn command(user: Option<&str>, program: &Path) -> Command {
    let Some(user) = user else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    let group = Command::new("id").args(["-g", user]).output().unwrap().stdout;
    command.args(["--reuid", user, "--clear-groups", "--regid", String::from_utf8(group).unwrap().trim()]).arg(program);
    command
}
