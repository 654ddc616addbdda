//! The proxies of the forward-auth tests.

use std::path::Path;

use anyhow::Result;

use super::{apt, python};
use crate::process;

/// A program, and where Debian installs it. A user's PATH may not contain the folder.
const NGINX: (&str, &str) = ("nginx", "/usr/sbin/nginx");
const HAPROXY: (&str, &str) = ("haproxy", "/usr/sbin/haproxy");

/// The tests run exactly this Caddy: it is older than the one from pip.
const DEBIAN_CADDY: &str = "/usr/bin/caddy";

/// Installs the proxies that are missing. The tests start their own processes, so no service has to run.
pub(crate) fn ensure() -> Result<()> {
    let mut missing: Vec<&str> = [NGINX, HAPROXY].into_iter().filter(|program| !is_installed(*program)).map(|(name, _)| name).collect();
    if !Path::new(DEBIAN_CADDY).is_file() {
        missing.push("caddy");
    }
    apt::ensure(&missing, "the tests of forward-auth")?;
    python::caddy()
}

fn is_installed((name, path): (&str, &str)) -> bool {
    process::find_program(&[name]).is_some() || Path::new(path).is_file()
}
