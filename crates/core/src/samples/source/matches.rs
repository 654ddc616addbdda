//! The files of a listing that match a query.

use std::time::{Duration, Instant};

use regex::{Error as PatternError, Regex, RegexBuilder};
use tokio::task::yield_now;

use latchkey_types::{
    error::Error,
    sample::{FILE_BYTES_MAX, FILE_NAME_MAX, IMPORT_FILES_MAX, PATTERN_MAX, SourceFile, SourceListing},
};

/// Memory of a compiled pattern, in bytes. The time to match a name grows with it.
const PATTERN_BYTES: usize = 64 * 1024;
/// Time for a listing; less than that of a request to this server.
const LIST_LIMIT: Duration = Duration::from_secs(20);
/// Maximum number of files that are named although they cannot be imported yet.
const NOT_READY_MAX: usize = 100;

/// Compiles a pattern. An empty one matches every name.
pub(super) fn compile(pattern: &str) -> Result<Regex, Error> {
    let invalid = |message: String| Error::invalid("query.pattern", message);
    if pattern.len() > PATTERN_MAX {
        return Err(invalid(format!("Use at most {PATTERN_MAX} bytes.")));
    }
    let compiled = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES).build();
    compiled.map_err(|error| match error {
        PatternError::CompiledTooBig(_) => invalid("The pattern is too complex. Use fewer or smaller repetitions.".to_owned()),
        // The lines before the last one show the position below the pattern, which needs a monospaced font.
        error => {
            let message = error.to_string();
            let last = message.lines().last().unwrap_or_default();
            invalid(format!("The pattern is invalid: {}.", last.trim_start_matches("error: ")))
        }
    })
}

/// Collects the files that match, up to the limits of their number and of time.
pub(super) struct Matches<'a> {
    pattern: &'a Regex,
    end: Instant,
    listing: SourceListing,
}

impl<'a> Matches<'a> {
    pub(super) fn new(pattern: &'a Regex) -> Self {
        Self { pattern, end: Instant::now() + LIST_LIMIT, listing: SourceListing::default() }
    }

    /// Adds the files of a page, and whether they can be imported yet, if they match and their names can be stored. Other tasks run in between: a
    /// pattern can take milliseconds for a name.
    pub(super) async fn add_page(&mut self, files: impl Iterator<Item = (SourceFile, bool)>) {
        for (file, is_ready) in files {
            if self.is_full() {
                return;
            }
            self.add(file, is_ready);
            yield_now().await;
        }
    }

    fn add(&mut self, file: SourceFile, is_ready: bool) {
        let is_storable = (0..=FILE_BYTES_MAX).contains(&file.size) && is_storable_name(&file.name) && is_storable_name(&file.location);
        if !is_storable || !self.pattern.is_match(&file.name) {
            return;
        }
        if !is_ready {
            if self.listing.not_ready.len() < NOT_READY_MAX {
                self.listing.not_ready.push(file.name);
            }
        } else if self.listing.files.len() < IMPORT_FILES_MAX {
            self.listing.files.push(file);
        } else {
            self.listing.is_truncated = true;
        }
    }

    /// Whether to stop: the next page is not needed, or the time is up.
    pub(super) fn is_full(&mut self) -> bool {
        if Instant::now() >= self.end {
            self.listing.is_truncated = true;
        }
        self.listing.is_truncated
    }

    pub(super) fn finish(mut self) -> SourceListing {
        self.listing.files.sort_by(|one, other| one.name.cmp(&other.name).then_with(|| one.location.cmp(&other.location)));
        self.listing.not_ready.sort();
        self.listing
    }
}

/// Whether a name has a length that can be stored, and no NUL, which PostgreSQL cannot store.
pub(crate) fn is_storable_name(name: &str) -> bool {
    (1..=FILE_NAME_MAX).contains(&name.len()) && !name.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> SourceFile {
        SourceFile { name: name.to_owned(), location: format!("runs/{name}"), size: 1, etag: String::new(), modified_at: None }
    }

    #[test]
    fn a_pattern_is_limited_and_explained() {
        assert!(compile("").unwrap().is_match("anything"));
        assert!(compile(r"_R[12]\.fastq(\.gz)?$").unwrap().is_match("a/b_R1.fastq.gz"));
        let message = |pattern: &str| compile(pattern).unwrap_err().field_error().map(|(field, message)| format!("{field}: {message}")).unwrap();
        assert_eq!(message("(a"), "query.pattern: The pattern is invalid: unclosed group.");
        assert_eq!(message(&"a".repeat(PATTERN_MAX + 1)), "query.pattern: Use at most 500 bytes.");
        assert_eq!(message(r"\w{1000}{1000}"), "query.pattern: The pattern is too complex. Use fewer or smaller repetitions.");
    }

    #[test]
    fn matching_files_are_sorted() {
        let pattern = compile("fastq").unwrap();
        let mut matches = Matches::new(&pattern);
        for name in ["b.fastq", "a.fastq", "a.bam", "c\0.fastq"] {
            matches.add(file(name), true);
        }
        matches.add(file("open.fastq"), false);
        matches.add(file("open.bam"), false);
        assert!(!matches.is_full());
        let listing = matches.finish();
        assert_eq!(listing.files, [file("a.fastq"), file("b.fastq")]);
        assert_eq!((listing.not_ready, listing.is_truncated), (vec!["open.fastq".to_owned()], false));
    }

    #[test]
    fn a_listing_with_too_many_files_is_truncated() {
        let pattern = compile("").unwrap();
        let mut matches = Matches::new(&pattern);
        for number in 0..IMPORT_FILES_MAX {
            matches.add(file(&number.to_string()), true);
        }
        assert!(!matches.is_full());
        matches.add(file("one more"), true);
        assert!(matches.is_full());
        assert_eq!(matches.finish().files.len(), IMPORT_FILES_MAX);
    }
}
