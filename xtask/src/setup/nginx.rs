//! nginx, for the forward-auth tests.

use std::path::Path;

use anyhow::Result;

use super::apt;
use crate::process;

/// Debian's path. A user's PATH may not contain the folder.
const DEBIAN_PATH: &str = "/usr/sbin/nginx";

/// Installs nginx if missing. The tests start their own process, so no service has to run.
pub(crate) fn ensure() -> Result<()> {
    if process::find_program(&["nginx"]).is_some() || Path::new(DEBIAN_PATH).is_file() {
        return Ok(());
    }
    apt::ensure(&["nginx"], "the tests of forward-auth")
}
