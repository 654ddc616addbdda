//! The log.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, fmt};

/// What others' libraries may say at most: below that some print what they carry.
const QUIET: &[&str] = &["hyper=info", "h2=info", "rustls=info", "sqlx=warn", "tower=info"];

/// Begins the log on standard error. `LATCHKEY_LOG` says how much: `info` unless set, `latchkey=debug`, `trace`.
pub fn begin() {
    let wanted = std::env::var("LATCHKEY_LOG").unwrap_or_else(|_| "info".to_owned());
    let directives = QUIET.iter().filter_map(|directive| directive.parse().ok());
    let filter = directives.fold(EnvFilter::new(wanted), EnvFilter::add_directive);
    let log = fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(io::stderr().is_terminal()).with_target(false);
    // A second start in the same process, as in tests, keeps the first.
    let _ = log.try_init();
}
