//! Checks and conversions between the steps.

use leptos::prelude::*;

use super::Entries;
use crate::pages::projects::samples::{context::SamplesContext, uploads::etag_of};
use latchkey_types::{
    error::Error,
    sample::{FileMode, PATTERN_MAX, SampleSource, SourceFile, SourceListing, SourceQuery},
    validate,
};
use latchkey_ui::{local_file::LocalFile, number::format_count};

/// Largest list of files in a request, in bytes of JSON. Without a list, the server lists the files again.
const LIST_MAX: usize = 7 * 1024 * 1024;
/// Size of a file in the list without its texts, in bytes of JSON.
const FILE_OVERHEAD: usize = 100;

/// Checks the entries of the first step. Errors are shown at their fields.
pub(super) fn check_query(entries: Entries, context: SamplesContext) -> Option<SourceQuery> {
    let (form, source) = (entries.form, entries.source());
    let Some(provider) = source.provider() else {
        let is_empty = entries.chosen.with(Vec::is_empty);
        let query = SourceQuery { source, ..SourceQuery::default() };
        return form.record(if is_empty { Err(Error::invalid("files", "Choose files.")) } else { Ok(query) });
    };
    if !context.list.with(|list| list.own_keys.contains(&provider)) {
        form.add_error(Error::invalid("query.source", format!("Add an external key for {} first.", provider.label())));
        return None;
    }
    let missing = if source == SampleSource::Aws { "Enter the name of the bucket." } else { "Enter the ID of the project." };
    let container = form.check("query.container", |field, typed| match typed.trim() {
        "" => Err(Error::invalid(field, missing)),
        typed => Ok(typed.to_owned()),
    });
    let pattern = form.check("query.pattern", pattern);
    Some(SourceQuery { source, container: container?, prefix: form.value("query.prefix"), pattern: pattern? })
}

/// The server checks the expression itself: the WebAssembly build contains no regular expressions.
fn pattern(field: &str, typed: &str) -> Result<String, Error> {
    if typed.len() > PATTERN_MAX {
        return Err(Error::invalid(field, format!("Use at most {PATTERN_MAX} bytes; this has {}.", typed.len())));
    }
    Ok(typed.to_owned())
}

/// If empty, the server generates one.
pub(super) fn batch(field: &str, typed: &str) -> Result<String, Error> {
    if typed.trim().is_empty() { Ok(String::new()) } else { validate::name(field, typed) }
}

/// Checks that there are files, and in the combined mode exactly one. The error is at the field that selects them.
pub(super) fn check_files(mode: FileMode, source: SampleSource, listing: &SourceListing) -> Result<(), Error> {
    let field = if source == SampleSource::Local { "files" } else { "query.pattern" };
    let count = listing.files.len();
    match mode {
        _ if count == 0 && !listing.not_ready.is_empty() => Err(Error::invalid(field, "The matching files are not closed yet. Try again later.")),
        _ if count == 0 => Err(Error::invalid(field, "No file matches.")),
        FileMode::Combined if count > 1 => {
            Err(Error::invalid(field, format!("In the combined mode one file holds all samples, but {} files match.", format_count(count))))
        }
        FileMode::Single | FileMode::Combined => Ok(()),
    }
}

/// The chosen files in the form of a listing.
pub(super) fn local_listing(chosen: &[LocalFile]) -> SourceListing {
    let file =
        |file: &LocalFile| SourceFile { name: file.name.clone(), location: String::new(), size: file.size, etag: etag_of(file), modified_at: None };
    SourceListing { files: chosen.iter().map(file).collect(), ..SourceListing::default() }
}

pub(super) fn total_size(files: &[SourceFile]) -> i64 {
    files.iter().map(|file| file.size).sum()
}

/// The files for the request, so that the server rejects files that changed since they were listed. Empty if they are too many for a request.
pub(super) fn pinned_files(files: Vec<SourceFile>) -> Vec<SourceFile> {
    let length: usize = files.iter().map(|file| file.name.len() + file.location.len() + file.etag.len() + FILE_OVERHEAD).sum();
    let is_local = files.iter().all(|file| file.location.is_empty());
    if length <= LIST_MAX || is_local { files } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use latchkey_types::sample::BATCH_MAX;

    fn listing(names: &[&str]) -> SourceListing {
        let file = |name: &&str| SourceFile {
            name: (*name).to_owned(),
            location: format!("run-7/{name}"),
            size: 1024,
            etag: "1".to_owned(),
            modified_at: None,
        };
        SourceListing { files: names.iter().map(file).collect(), ..SourceListing::default() }
    }

    #[test]
    fn the_combined_mode_needs_one_file() {
        let field = |error: Error| error.field_error().unwrap().0.to_owned();
        let check = |mode, source, names: &[&str]| check_files(mode, source, &listing(names)).map_err(field);
        assert_eq!(check(FileMode::Single, SampleSource::Aws, &["a", "b"]), Ok(()));
        assert_eq!(check(FileMode::Combined, SampleSource::Aws, &["a"]), Ok(()));
        assert_eq!(check(FileMode::Combined, SampleSource::Aws, &["a", "b"]), Err("query.pattern".to_owned()));
        assert_eq!(check(FileMode::Combined, SampleSource::Local, &["a", "b"]), Err("files".to_owned()));
        assert_eq!(check(FileMode::Single, SampleSource::Dnanexus, &[]), Err("query.pattern".to_owned()));
    }

    #[test]
    fn files_that_are_not_ready_are_no_match() {
        let open = SourceListing { not_ready: vec!["a".to_owned()], ..SourceListing::default() };
        let error = check_files(FileMode::Single, SampleSource::Dnanexus, &open).unwrap_err();
        assert!(error.to_string().contains("not closed yet"), "{error}");
    }

    #[test]
    fn only_a_list_that_fits_is_sent() {
        let few = listing(&["a", "b"]).files;
        assert_eq!(total_size(&few), 2048);
        assert_eq!(pinned_files(few.clone()), few);
        let name = "x".repeat(1000);
        assert!(pinned_files(listing(&vec![name.as_str(); 10_000]).files).is_empty());
    }

    #[test]
    fn a_batch_is_trimmed_and_limited() {
        assert_eq!(batch("batch", " run-7 ").as_deref(), Ok("run-7"));
        assert_eq!(batch("batch", "").as_deref(), Ok(""));
        assert!(batch("batch", &"x".repeat(BATCH_MAX + 1)).is_err());
        assert!(pattern("query.pattern", &"x".repeat(PATTERN_MAX + 1)).is_err());
    }
}
