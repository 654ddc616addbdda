//! Output to standard output and standard error.

use std::{
    io::{self, ErrorKind, Write},
    process::ExitCode,
};

use super::{error::Trouble, table::plain};

/// Prints a line to standard output.
///
/// # Errors
/// [`Trouble::Unread`] if the reader has closed the pipe, as `head` does; [`Trouble::Away`] for other errors, such as a full disk.
pub fn line(text: &str) -> Result<(), Trouble> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Trouble::Unread,
        _ => Trouble::Away(format!("can't write to standard output: {error}")),
    })
}

/// Prints a message for the user to standard error.
pub fn note(text: &str) {
    // Standard error can be closed.
    let _ = writeln!(io::stderr(), "{}", plain(text));
}

/// Prints the error, if any, and returns the exit code.
pub fn end(result: Result<(), Trouble>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    if error.is_told() {
        note(&format!("latchkey: {error}"));
    }
    error.exit_code().into()
}
