//! The lines of a stream. They end in LF, CR LF or CR.

use std::mem;

use memchr::memchr2;

use super::READ_MAX;

#[derive(Default)]
pub(super) struct Lines {
    /// The beginning of the line that is being received.
    partial: Vec<u8>,
    /// Whether a CR followed, so that the line is complete. An LF may follow.
    ends_in_cr: bool,
    /// Whether the line is longer than [`READ_MAX`] and is skipped.
    is_too_long: bool,
}

impl Lines {
    /// Passes each line that ends in this chunk to `read`, without its end, and with the position after it.
    pub(super) fn push(&mut self, chunk: &[u8], mut read: impl FnMut(&[u8], usize)) {
        let mut start = 0;
        if self.ends_in_cr && !chunk.is_empty() {
            start = usize::from(chunk[0] == b'\n');
            self.complete(&[], |line| read(line, start));
        }
        while let Some(length) = memchr2(b'\n', b'\r', &chunk[start..]) {
            let end = start + length;
            let is_cr = chunk[end] == b'\r';
            if is_cr && end + 1 == chunk.len() {
                self.keep(&chunk[start..end]);
                self.ends_in_cr = true;
                return;
            }
            let next = end + 1 + usize::from(is_cr && chunk[end + 1] == b'\n');
            self.complete(&chunk[start..end], |line| read(line, next));
            start = next;
        }
        self.keep(&chunk[start..]);
    }

    /// Passes the last line to `read`, if it has no end.
    pub(super) fn finish(&mut self, read: impl FnOnce(&[u8])) {
        if self.ends_in_cr || !self.partial.is_empty() {
            self.complete(&[], read);
        }
    }

    fn complete(&mut self, rest: &[u8], read: impl FnOnce(&[u8])) {
        self.ends_in_cr = false;
        self.keep_if_begun(rest);
        let partial = mem::take(&mut self.partial);
        if !mem::take(&mut self.is_too_long) {
            read(if partial.is_empty() { rest } else { &partial });
        }
    }

    /// Adds to the line that was begun in another chunk. A line within one chunk is not copied.
    fn keep_if_begun(&mut self, rest: &[u8]) {
        if !self.partial.is_empty() {
            self.keep(rest);
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.is_too_long |= self.partial.len() + bytes.len() > READ_MAX;
        if self.is_too_long {
            self.partial = Vec::new();
        } else {
            self.partial.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of these chunks, with the positions after them in their chunks.
    fn lines(chunks: &[&str]) -> Vec<(String, usize)> {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        for chunk in chunks {
            lines.push(chunk.as_bytes(), |line, end| found.push((str::from_utf8(line).unwrap().to_owned(), end)));
        }
        lines.finish(|line| found.push((str::from_utf8(line).unwrap().to_owned(), 0)));
        found
    }

    fn expected(lines: &[(&str, usize)]) -> Vec<(String, usize)> {
        lines.iter().map(|(line, end)| ((*line).to_owned(), *end)).collect()
    }

    #[test]
    fn lines_end_in_lf_cr_lf_or_cr() {
        assert_eq!(lines(&["a\nb\r\nc\rd"]), expected(&[("a", 2), ("b", 5), ("c", 7), ("d", 0)]));
        assert_eq!(lines(&["\n\r\n\r\r"]), expected(&[("", 1), ("", 3), ("", 4), ("", 0)]));
    }

    #[test]
    fn lines_are_joined_across_chunks() {
        assert_eq!(lines(&["ab", "", "c\nd", "\n"]), expected(&[("abc", 2), ("d", 1)]));
        assert_eq!(lines(&["ab\r", "\nc\n"]), expected(&[("ab", 1), ("c", 3)]));
        assert_eq!(lines(&["ab\r", "c\n"]), expected(&[("ab", 0), ("c", 2)]));
        assert_eq!(lines(&["ab\r", "\r\n"]), expected(&[("ab", 0), ("", 2)]));
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped() {
        let long = "x".repeat(READ_MAX);
        assert_eq!(lines(&["x", &long, "y\nz\n"]), expected(&[("z", 4)]));
        assert_eq!(lines(&["x", &long, "y", &long, "\n\n"]), expected(&[("", 2)]));
    }
}
