//! PostgreSQL, for tests and benchmarks on it, and strace and ip, for the fault tests.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use super::apt;
use crate::process;

/// Debian's folder of the PostgreSQL versions. A user's PATH contains none of them.
const DEBIAN_VERSIONS: &str = "/usr/lib/postgresql";

/// Installs PostgreSQL if missing. Tests and benchmarks start their own server, so no service has to run.
pub(crate) fn postgres() -> Result<()> {
    if postgres_binaries().is_some() {
        return Ok(());
    }
    apt::ensure(&["postgresql"], "the tests and benchmarks on PostgreSQL")
}

/// The folder with PostgreSQL's `initdb` and `postgres`.
pub(crate) fn postgres_binaries() -> Option<PathBuf> {
    let of_debian = fs::read_dir(DEBIAN_VERSIONS).into_iter().flatten().flatten().map(|version| version.path().join("bin"));
    let in_path = process::find_program(&["initdb"]).and_then(|initdb| initdb.parent().map(PathBuf::from));
    let has_all = |folder: &PathBuf| ["initdb", "postgres"].iter().all(|program| folder.join(program).is_file());
    in_path.into_iter().chain(of_debian).find(has_all)
}

/// Installs strace if missing, and ip for root, who alone can create network namespaces.
pub(crate) fn strace() -> Result<()> {
    let mut missing = Vec::new();
    if process::find_program(&["strace"]).is_none() {
        missing.push("strace");
    }
    let has_ip = process::find_program(&["ip"]).is_some() || ["/usr/sbin/ip", "/sbin/ip"].iter().any(|ip| std::path::Path::new(ip).is_file());
    if !has_ip && apt::is_root() {
        missing.push("iproute2");
    }
    apt::ensure(&missing, "the tests of failing disks and networks")
}
