//! PostgreSQL, strace and ip, for the fault tests and benchmarks.

use std::fs;

use anyhow::Result;

use super::apt;
use crate::process;

/// Debian's folder of the PostgreSQL versions. A user's PATH contains none of them.
const DEBIAN_VERSIONS: &str = "/usr/lib/postgresql";

/// Installs PostgreSQL if missing. Tests and benchmarks start their own server, so no service has to run.
pub(crate) fn postgres() -> Result<()> {
    let versions = fs::read_dir(DEBIAN_VERSIONS).into_iter().flatten().flatten();
    let has_debians = versions.map(|version| version.path().join("bin/initdb")).any(|initdb| initdb.is_file());
    if has_debians || process::find_program(&["initdb"]).is_some() {
        return Ok(());
    }
    apt::ensure(&["postgresql"], "the tests and benchmarks on PostgreSQL")
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
