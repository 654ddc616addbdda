//! The log.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use tracing_subscriber::{EnvFilter, fmt};

/// What others' libraries may say at most: below that some print what they carry.
const QUIET: &[&str] = &["hyper=info", "h2=info", "rustls=info", "sqlx=warn", "tower=info"];

/// How lines of the log are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON object a line.
    Json,
}

impl LogFormat {
    /// What `LATCHKEY_LOG_FORMAT` says, for commands without the flag.
    pub fn from_environment() -> Self {
        std::env::var("LATCHKEY_LOG_FORMAT").ok().and_then(|word| Self::from_str(&word, true).ok()).unwrap_or_default()
    }
}

/// Begins the log on standard error. `LATCHKEY_LOG` says how much: `info` unless set, `latchkey=debug`, `trace`.
pub fn begin(format: LogFormat) {
    let wanted = std::env::var("LATCHKEY_LOG").unwrap_or_else(|_| "info".to_owned());
    let directives = QUIET.iter().filter_map(|directive| directive.parse().ok());
    let filter = directives.fold(EnvFilter::new(wanted), EnvFilter::add_directive);
    let log = fmt().with_env_filter(filter).with_writer(io::stderr).with_target(false);
    // A second start in the same process, as in tests, keeps the first.
    let _ = match format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => log.json().flatten_event(true).with_span_list(false).try_init(),
    };
}
