//! Logging.

use std::{
    fmt,
    io::{self, IsTerminal},
};

use clap::ValueEnum;
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    EnvFilter,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use super::log_buffer::{self, BufferedStderr};
use latchkey_http::request_context;

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
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(BufferedStderr).with_target(false);
    // Fails if already initialized, as in tests with several servers; the first one is kept.
    let _ = match format {
        LogFormat::Text => {
            let is_terminal = io::stderr().is_terminal();
            log.with_ansi(is_terminal).map_event_format(|events| WithRequestId { events: events.with_ansi(is_terminal), format }).try_init()
        }
        LogFormat::Json => {
            let log = log.json().flatten_event(true).with_current_span(false).with_span_list(false);
            log.map_event_format(|events| WithRequestId { events, format }).try_init()
        }
    };
}

/// Writes the log lines that are still in memory.
pub fn flush() {
    log_buffer::flush();
}

/// Adds the id of the current request to each line. A span for each request would cost more than the line of the request itself.
struct WithRequestId<F> {
    /// Formats the rest of the line.
    events: F,
    format: LogFormat,
}

impl<S, N, F> FormatEvent<S, N> for WithRequestId<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let Some(id) = request_context::current_id() else {
            return self.events.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.events.format_event(context, Writer::new(&mut line), event)?;
        add_request_id(&mut line, self.format, &id.text());
        writer.write_str(&line)
    }
}

/// Adds the id to a line, unless it has one.
fn add_request_id(line: &mut String, format: LogFormat, id: &str) {
    let (before, after) = match format {
        LogFormat::Text => (" request_id=", "\n"),
        LogFormat::Json => (",\"request_id\":\"", "\"}\n"),
    };
    let end = after.trim_start_matches('"');
    if line.ends_with(end) && !line.contains("request_id") {
        line.truncate(line.len() - end.len());
        line.extend([before, id, after]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(line: &str, format: LogFormat) -> String {
        let mut line = line.to_owned();
        add_request_id(&mut line, format, "req_1");
        line
    }

    #[test]
    fn a_line_has_one_request_id() {
        for (line, expected) in [
            ("INFO echo count=1\n", "INFO echo count=1 request_id=req_1\n"),
            ("WARN two\nlines\n", "WARN two\nlines request_id=req_1\n"),
            ("WARN usage request_id=req_2 tokens=1\n", "WARN usage request_id=req_2 tokens=1\n"),
        ] {
            assert_eq!(added(line, LogFormat::Text), expected);
        }
        for (line, expected) in [
            ("{\"level\":\"WARN\",\"message\":\"echo\"}\n", "{\"level\":\"WARN\",\"message\":\"echo\",\"request_id\":\"req_1\"}\n"),
            ("{\"request_id\":\"req_2\"}\n", "{\"request_id\":\"req_2\"}\n"),
        ] {
            assert_eq!(added(line, LogFormat::Json), expected);
        }
    }
}
