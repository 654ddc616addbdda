//! Logging.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use tracing_subscriber::{EnvFilter, fmt};

use super::log_buffer::{self, BufferedStderr};

/// Maximum log levels of libraries: at lower levels some log request contents.
const QUIET: &[&str] = &["hyper=info", "h2=info", "rustls=info", "sqlx=warn", "tower=info"];

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Plain text
    #[default]
    Text,
    /// One JSON object per line
    Json,
}

impl LogFormat {
    /// Reads `LATCHKEY_LOG_FORMAT`, for commands without the flag.
    pub fn from_environment() -> Self {
        std::env::var("LATCHKEY_LOG_FORMAT").ok().and_then(|format| Self::from_str(&format, true).ok()).unwrap_or_default()
    }
}

/// Initializes logging to standard error. `LATCHKEY_LOG` sets the filter, e.g. `latchkey=debug` or `trace`; default `info`. Lines are buffered:
/// call [`flush`] before the process ends.
pub fn begin(format: LogFormat) {
    log_buffer::start();
    let filter = std::env::var("LATCHKEY_LOG").unwrap_or_else(|_| "info".to_owned());
    let directives = QUIET.iter().filter_map(|directive| directive.parse().ok());
    let filter = directives.fold(EnvFilter::new(filter), EnvFilter::add_directive);
    let log = fmt().with_env_filter(filter).with_writer(BufferedStderr).with_target(false);
    // Fails if already initialized, as in tests with several servers; the first one is kept.
    let _ = match format {
        LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => log.json().flatten_event(true).with_span_list(false).try_init(),
    };
}

/// Writes the log lines that are still in memory.
pub fn flush() {
    log_buffer::flush();
}
