//! Output to standard output and standard error.

use std::{
    io::{self, ErrorKind, Write},
    process::ExitCode,
};

use super::{error::CliError, table::plain};

/// Prints a line to standard output.
///
/// # Errors
/// [`CliError::BrokenPipe`] if the reader has closed the pipe, as `head` does; [`CliError::Unavailable`] for other errors, such as a full disk.
pub fn line(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => CliError::BrokenPipe,
        _ => CliError::Unavailable(format!("can't write to standard output: {error}")),
    })
}

/// Prints a message for the user to standard error.
pub fn status(text: &str) {
    // Standard error can be closed.
    let _ = writeln!(io::stderr(), "{}", plain(text));
}

/// Prints the error, if any, and returns the exit code.
pub fn finish(result: Result<(), CliError>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    if error.is_printed() {
        status(&format!("latchkey: {error}"));
    }
    error.exit_code().into()
}
