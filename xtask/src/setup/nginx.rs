//! nginx, for the tests of forward-auth.

use std::path::Path;

use anyhow::Result;

use super::apt;
use crate::process;

/// Where Debian puts it; an ordinary user's PATH may lack the folder.
const DEBIANS: &str = "/usr/sbin/nginx";

/// Installs nginx, unless there is one. The tests start their own: none has to run.
pub fn ensure() -> Result<()> {
    if process::find_program(&["nginx"]).is_some() || Path::new(DEBIANS).is_file() {
        return Ok(());
    }
    apt::ensure(&["nginx"], "the tests of forward-auth")
}
