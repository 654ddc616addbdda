//! Buffers log lines in memory and writes them in batches, so that the line of a call costs no system call.
//!
//! A thread writes the lines below WARN, at the latest [`FLUSH_EVERY`] after the first of them. A line of WARN or above is written at once, with
//! those before it. An orderly end of the process and a panic write everything. What kills the process without that loses the lines in memory.

use std::{
    io::{self, Stderr, Write},
    mem, panic,
    sync::{Condvar, LazyLock, Mutex, MutexGuard, Once, PoisonError},
    thread,
    time::Duration,
};

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// Longest time for which a line stays in memory.
const FLUSH_EVERY: Duration = Duration::from_millis(100);
/// Size of the buffered lines from which they are written without waiting, in bytes.
const BUFFER_MAX: usize = 64 * 1024;

static STDERR: LazyLock<LogBuffer<Stderr>> = LazyLock::new(|| LogBuffer::new(io::stderr()));

/// Starts the thread that writes the lines, and makes a panic write them before its message.
pub(crate) fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        thread::spawn(|| STDERR.write_periodically());
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            flush();
            hook(info);
        }));
    });
}

/// Writes all lines so far to standard error.
pub(crate) fn flush() {
    STDERR.flush();
}

/// Gives each log line to the buffer.
pub(crate) struct BufferedStderr;

impl<'a> MakeWriter<'a> for BufferedStderr {
    type Writer = LineWriter;

    fn make_writer(&'a self) -> LineWriter {
        LineWriter { is_urgent: true }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> LineWriter {
        LineWriter { is_urgent: is_urgent(*metadata.level()) }
    }
}

/// Whether a line of this level is written at once.
fn is_urgent(level: Level) -> bool {
    level <= Level::WARN
}

/// Receives a whole line.
pub(crate) struct LineWriter {
    is_urgent: bool,
}

impl Write for LineWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        STDERR.append(line, self.is_urgent);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct LogBuffer<W> {
    pending: Mutex<Vec<u8>>,
    /// Notified when `pending` is no longer empty.
    filled: Condvar,
    /// Locked before `pending`, so that batches are written in order.
    output: Mutex<Output<W>>,
}

struct Output<W> {
    target: W,
    /// The batch that is being written; empty otherwise.
    batch: Vec<u8>,
}

impl<W: Write> LogBuffer<W> {
    const fn new(target: W) -> Self {
        Self { pending: Mutex::new(Vec::new()), filled: Condvar::new(), output: Mutex::new(Output { target, batch: Vec::new() }) }
    }

    /// If the output is slower than the log, this waits for it, so that the buffer does not grow.
    fn append(&self, line: &[u8], is_urgent: bool) {
        let mut pending = lock(&self.pending);
        let was_empty = pending.is_empty();
        pending.extend_from_slice(line);
        let is_due = is_urgent || pending.len() >= BUFFER_MAX;
        drop(pending);
        if is_due {
            self.flush();
        } else if was_empty {
            self.filled.notify_one();
        }
    }

    fn flush(&self) {
        let mut output = lock(&self.output);
        let Output { target, batch } = &mut *output;
        mem::swap(&mut *lock(&self.pending), batch);
        // An error of the log cannot be logged.
        let _ = target.write_all(batch);
        batch.clear();
    }

    fn write_periodically(&self) {
        loop {
            let pending = lock(&self.pending);
            drop(self.filled.wait_while(pending, |pending| pending.is_empty()));
            thread::sleep(FLUSH_EVERY);
            self.flush();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn written(buffer: &LogBuffer<Vec<u8>>) -> String {
        String::from_utf8(lock(&buffer.output).target.clone()).unwrap()
    }

    #[test]
    fn an_urgent_line_follows_those_before_it() {
        let buffer = LogBuffer::new(Vec::new());
        buffer.append(b"a\n", false);
        assert_eq!(written(&buffer), "");
        buffer.append(b"b\n", true);
        buffer.append(b"c\n", false);
        assert_eq!(written(&buffer), "a\nb\n");
        buffer.flush();
        buffer.flush();
        assert_eq!(written(&buffer), "a\nb\nc\n");
    }

    #[test]
    fn a_full_buffer_is_written() {
        let (buffer, line) = (LogBuffer::new(Vec::new()), "x".repeat(BUFFER_MAX / 2));
        buffer.append(line.as_bytes(), false);
        assert_eq!(written(&buffer), "");
        buffer.append(line.as_bytes(), false);
        assert_eq!(written(&buffer).len(), BUFFER_MAX);
    }

    #[test]
    fn lines_are_written_after_a_while() {
        let buffer: &LogBuffer<Vec<u8>> = Box::leak(Box::new(LogBuffer::new(Vec::new())));
        thread::spawn(move || buffer.write_periodically());
        for expected in ["a\n", "a\na\n"] {
            buffer.append(b"a\n", false);
            let started = Instant::now();
            while written(buffer) != expected {
                assert!(started.elapsed() < Duration::from_secs(20), "{:?}", written(buffer));
                thread::sleep(Duration::from_millis(5));
            }
        }
    }

    #[test]
    fn only_warnings_and_errors_are_urgent() {
        for (level, expected) in [(Level::ERROR, true), (Level::WARN, true), (Level::INFO, false), (Level::TRACE, false)] {
            assert_eq!(is_urgent(level), expected, "{level}");
        }
    }
}
