//! What goes to standard output, and what to standard error.

use std::{
    io::{self, ErrorKind, Write},
    process::ExitCode,
};

use super::{table::plain, trouble::Trouble};

/// Prints to standard output, and ends the line.
///
/// # Errors
/// [`Trouble::Unread`] when its reader has gone, as `head` does; [`Trouble::Away`] when it can't be written, as on a full disk.
pub fn line(text: &str) -> Result<(), Trouble> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Trouble::Unread,
        _ => Trouble::Away(format!("standard output can't be written: {error}")),
    })
}

/// Tells the person at the terminal something that is no result.
pub fn note(text: &str) {
    // Nobody may be there to read it.
    let _ = writeln!(io::stderr(), "{}", plain(text));
}

/// Says what went wrong, if anything did, and how to exit.
pub fn end(done: Result<(), Trouble>) -> ExitCode {
    let Err(trouble) = done else { return ExitCode::SUCCESS };
    if trouble.is_told() {
        note(&format!("latchkey: {trouble}"));
    }
    trouble.exit_code().into()
}
