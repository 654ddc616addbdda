//! PostgreSQL and strace, for the fault tests and benchmarks.

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

/// Installs strace if missing.
pub(crate) fn strace() -> Result<()> {
    if process::find_program(&["strace"]).is_some() {
        return Ok(());
    }
    apt::ensure(&["strace"], "the tests of failing disks")
}
