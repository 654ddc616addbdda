//! Starts import jobs.

use super::{details, event, find, finish, reserve};
use crate::{
    Core,
    actor::Actor,
    projects,
    samples::source::{self, is_dnanexus_id, is_storable_name, name_of},
};
use latchkey_store::{
    self as store,
    imports::{NewFile, NewImport},
};
use latchkey_types::{
    error::Error,
    id::{CredentialId, ImportId, ProjectId},
    permission::Permission,
    sample::{FILE_BYTES_MAX, FILE_NAME_MAX, FileMode, IMPORT_FILES_MAX, ImportDetails, ImportRequest, SampleSource, SourceFile, SourceQuery},
    time::Timestamp,
    validate,
};

/// SHA-256 of empty content.
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Starts an import job that copies files of a storage provider, or that waits for the upload of local files. Needs *Manage Projects*, in the
/// organization and in the project; for a storage provider also *Manage API Keys*.
///
/// # Errors
/// `Invalid` or `Conflict` at `batch`, `files`, `files[i].…`, `query.source`, `query.container`, `query.prefix` or `query.pattern`.
pub async fn begin(core: &Core, actor: &Actor, project: ProjectId, request: ImportRequest) -> Result<ImportDetails, Error> {
    projects::find_managed(&mut *core.store.connection().await?, actor, project).await?;
    let id = ImportId::new();
    let ImportRequest { mode, query, batch, files } = request;
    let batch = if batch.trim().is_empty() { generated_batch(id) } else { validate::name("batch", &batch)? };
    let is_local = query.source == SampleSource::Local;
    let (query, credential, files) = if is_local {
        (SourceQuery::default(), None, local_files(files)?)
    } else {
        let (credential, files) = remote_files(core, actor, &query, files).await?;
        (query, Some(credential), files)
    };
    if mode == FileMode::Combined && files.len() != 1 {
        return Err(Error::invalid("files", "In the mode “combined”, one file holds all samples. Choose exactly one file."));
    }
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    projects::find_managed(&mut change.tx, &change.actor, project).await?;
    let job = NewImport {
        id,
        organization: change.actor.organization,
        project,
        source: query.source,
        container: query.container,
        prefix: query.prefix,
        pattern: query.pattern,
        mode,
        batch,
        credential,
        created_by: change.actor.user,
    };
    let bytes: i64 = files.iter().map(|file| file.size).sum();
    reserve(core, &mut change.tx, job.organization, bytes).await?;
    store::imports::insert(&mut change.tx, &job, &files).await?;
    let job = find(&mut change.tx, project, id).await?;
    let begun = event(&change, "import.begun", &job).with("source", job.source.as_str()).with("files", files.len()).with("bytes", bytes);
    let mut events = vec![begun];
    if is_local && files.iter().any(|file| file.size == 0) {
        // They need no upload.
        store::imports::complete_empty(&mut change.tx, &job, EMPTY_SHA256).await?;
        events.extend(finish(&mut change.tx, &job).await?);
    }
    let begun = details(&mut change.tx, &change.actor, project, id).await?;
    change.commit(events).await?;
    core.samples.notify_imports();
    Ok(begun)
}

/// A batch id of the day and the end of the import job's id: `2026-11-30-4f2a9c`.
fn generated_batch(id: ImportId) -> String {
    let (now, id) = (Timestamp::now().rfc3339(), id.to_string());
    format!("{}-{}", now.split('T').next().unwrap_or_default(), &id[id.len() - 6..])
}

fn local_files(files: Vec<SourceFile>) -> Result<Vec<NewFile>, Error> {
    require_number(files.len())?;
    files.into_iter().enumerate().map(|(index, file)| local_file(file).map_err(|error| error.with_index("files", index))).collect()
}

/// A local file, of which name, size and etag are used.
fn local_file(file: SourceFile) -> Result<NewFile, Error> {
    validate_file(&file)?;
    if file.name.chars().any(char::is_control) {
        return Err(Error::invalid("name", "Remove the control characters."));
    }
    if !file.etag.is_empty() && !is_etag(&file.etag) {
        return Err(Error::invalid("etag", format!("Use at most {FILE_NAME_MAX} visible ASCII characters.")));
    }
    Ok(NewFile { name: file.name, location: String::new(), etag: file.etag, size: file.size })
}

/// The requested files, or all that match, with the key that reads them.
async fn remote_files(core: &Core, actor: &Actor, query: &SourceQuery, files: Vec<SourceFile>) -> Result<(CredentialId, Vec<NewFile>), Error> {
    let pattern = source::validate(query)?;
    let (credential, files) = if files.is_empty() {
        let (key, listing) = source::list_matching(core, actor, query, &pattern).await?;
        if listing.is_truncated {
            let message = format!("More than {IMPORT_FILES_MAX} files match, or they can't be listed in time. Narrow the prefix or the pattern.");
            return Err(Error::invalid("query.pattern", message));
        }
        if listing.files.is_empty() {
            return Err(Error::invalid("query.pattern", "No file that can be imported matches."));
        }
        (key.id, listing.files)
    } else {
        require_number(files.len())?;
        for (index, file) in files.iter().enumerate() {
            validate_remote_file(query, file).map_err(|error| error.with_index("files", index))?;
        }
        (source::own_key(core, actor, query.source).await?.record.id, files)
    };
    let files = files.into_iter().map(|file| NewFile { name: file.name, location: file.location, etag: file.etag, size: file.size });
    Ok((credential, files.collect()))
}

fn require_number(files: usize) -> Result<(), Error> {
    match files {
        0 => Err(Error::invalid("files", "Choose at least one file.")),
        1..=IMPORT_FILES_MAX => Ok(()),
        _ => Err(Error::invalid("files", format!("Import at most {IMPORT_FILES_MAX} files at once."))),
    }
}

fn validate_file(file: &SourceFile) -> Result<(), Error> {
    if !is_storable_name(&file.name) {
        return Err(Error::invalid("name", format!("Use 1 to {FILE_NAME_MAX} bytes.")));
    }
    if !(0..=FILE_BYTES_MAX).contains(&file.size) {
        return Err(Error::invalid("size", format!("A file may have at most {FILE_BYTES_MAX} bytes.")));
    }
    Ok(())
}

/// Checks that a file can have been listed for the query.
fn validate_remote_file(query: &SourceQuery, file: &SourceFile) -> Result<(), Error> {
    validate_file(file)?;
    let is_listed = match query.source {
        SampleSource::Aws => file.location.starts_with(&query.prefix) && file.name == name_of(&file.location, &query.prefix),
        SampleSource::Dnanexus => is_dnanexus_id(&file.location, "file-"),
        SampleSource::Local => false,
    };
    if !is_listed || !is_storable_name(&file.location) {
        return Err(Error::invalid("location", "Send the file as it was listed."));
    }
    if is_etag(&file.etag) { Ok(()) } else { Err(Error::invalid("etag", "Send the file as it was listed.")) }
}

/// Whether a text can be stored as an etag, and sent in a header.
fn is_etag(text: &str) -> bool {
    (1..=FILE_NAME_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, size: i64) -> SourceFile {
        SourceFile { name: name.to_owned(), location: String::new(), size, etag: String::new(), modified_at: None }
    }

    fn field<T>(result: Result<T, Error>) -> Option<String> {
        result.err().and_then(|error| error.field_error().map(|(field, _)| field.to_owned()))
    }

    #[test]
    fn local_files_have_a_name_and_a_size() {
        let named = local_files(vec![file("a.fastq", 0), file("../../ä b.fastq", 7)]).unwrap();
        assert_eq!(named.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["a.fastq", "../../ä b.fastq"], "names are data, not paths");
        let tagged = |etag: &str| SourceFile { etag: etag.to_owned(), ..file("a", 1) };
        assert_eq!(local_files(vec![tagged("1795255200000")]).unwrap()[0].etag, "1795255200000");
        for (files, wrong) in [
            (vec![], "files"),
            (vec![file("a", 1), file("", 1)], "files[1].name"),
            (vec![file("a\nb", 1)], "files[0].name"),
            (vec![file(&"a".repeat(FILE_NAME_MAX + 1), 1)], "files[0].name"),
            (vec![file("a", -1)], "files[0].size"),
            (vec![file("a", FILE_BYTES_MAX + 1)], "files[0].size"),
            (vec![file("a", 1); IMPORT_FILES_MAX + 1], "files"),
            (vec![tagged("a\nb")], "files[0].etag"),
            (vec![tagged(&"a".repeat(FILE_NAME_MAX + 1))], "files[0].etag"),
        ] {
            assert_eq!(field(local_files(files)).as_deref(), Some(wrong));
        }
    }

    #[test]
    fn a_remote_file_is_sent_as_it_was_listed() {
        let query = SourceQuery { source: SampleSource::Aws, container: "genomes".to_owned(), prefix: "runs/".to_owned(), pattern: String::new() };
        let listed = SourceFile { location: "runs/1/a.bam".to_owned(), etag: "\"abc\"".to_owned(), ..file("1/a.bam", 5) };
        assert_eq!(validate_remote_file(&query, &listed), Ok(()));
        for (changed, wrong) in [
            (SourceFile { location: "secret/1/a.bam".to_owned(), ..listed.clone() }, "location"),
            (SourceFile { name: "b.bam".to_owned(), ..listed.clone() }, "location"),
            (SourceFile { etag: String::new(), ..listed.clone() }, "etag"),
            (SourceFile { etag: "a\r\nb".to_owned(), ..listed.clone() }, "etag"),
        ] {
            assert_eq!(field(validate_remote_file(&query, &changed)).as_deref(), Some(wrong));
        }
        let query = SourceQuery { source: SampleSource::Dnanexus, container: "project-1".to_owned(), ..SourceQuery::default() };
        let listed = SourceFile { location: "file-1".to_owned(), etag: "1795255200000".to_owned(), ..file("a.bam", 5) };
        assert_eq!(validate_remote_file(&query, &listed), Ok(()));
        for location in ["file-1/../../system/whoami", "applet-1", ""] {
            let changed = SourceFile { location: location.to_owned(), ..listed.clone() };
            assert_eq!(field(validate_remote_file(&query, &changed)).as_deref(), Some("location"), "{location}");
        }
    }

    #[test]
    fn a_generated_batch_has_the_day() {
        let batch = generated_batch(ImportId::new());
        assert!(batch.len() == 17 && batch.starts_with("20") && validate::name("batch", &batch).is_ok(), "{batch}");
    }
}
