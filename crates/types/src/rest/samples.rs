//! `/api/v1/projects/{id}/samples`.

use serde::{Deserialize, Serialize};

use super::{is_default, values::Rfc3339};
use crate::{
    id::{ImportId, ProjectId, SampleId},
    sample::{FileMode, FileState, ImportDetails, ImportFile, ImportRequest, ImportState, SampleRow, SampleSource, SourceFile, SourceQuery},
};

/// A sample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sample {
    pub id: SampleId,
    /// The name of the file.
    pub name: String,
    /// The batch id.
    pub batch: String,
    pub source: SampleSource,
    /// In bytes.
    pub size: i64,
    /// SHA-256 of the content, in hexadecimal.
    pub sha256: String,
    pub imported_at: Rfc3339,
    /// The name of the user who imported it.
    pub imported_by: String,
}

impl From<SampleRow> for Sample {
    fn from(sample: SampleRow) -> Self {
        Self {
            id: sample.id,
            name: sample.name,
            batch: sample.batch,
            source: sample.source,
            size: sample.size,
            sha256: sample.sha256,
            imported_at: sample.imported_at.into(),
            imported_by: sample.imported_by,
        }
    }
}

/// Query parameters of the list of samples.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct SamplesQuery {
    /// Text that the name or the batch id contains, ignoring case.
    #[serde(default, skip_serializing_if = "is_default")]
    pub q: String,
    /// The `next_cursor` of the previous page.
    pub cursor: Option<SampleId>,
}

/// Files to import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateImport {
    #[serde(default)]
    pub mode: FileMode,
    pub query: ImportQuery,
    /// The batch id of the samples; without it, one is generated.
    #[serde(default, skip_serializing_if = "is_default")]
    pub batch: String,
    /// The local files that will be uploaded. For other sources the files to import; without them, all files that match are imported.
    #[serde(default, skip_serializing_if = "is_default")]
    pub files: Vec<FileToImport>,
}

impl From<CreateImport> for ImportRequest {
    fn from(request: CreateImport) -> Self {
        let CreateImport { mode, query, batch, files } = request;
        Self { mode, query: query.into(), batch, files: files.into_iter().map(SourceFile::from).collect() }
    }
}

/// Where to look for files. Only `source` is used for local files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportQuery {
    pub source: SampleSource,
    /// The name of the bucket, or the id of the DNAnexus project.
    #[serde(default, skip_serializing_if = "is_default")]
    pub container: String,
    /// The beginning of the object keys; only for S3.
    #[serde(default, skip_serializing_if = "is_default")]
    pub prefix: String,
    /// A Rust regular expression, unanchored, matched against the name after the prefix. Without it, every name matches.
    #[serde(default, skip_serializing_if = "is_default")]
    pub pattern: String,
}

impl From<ImportQuery> for SourceQuery {
    fn from(query: ImportQuery) -> Self {
        let ImportQuery { source, container, prefix, pattern } = query;
        Self { source, container, prefix, pattern }
    }
}

/// A file to import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FileToImport {
    pub name: String,
    /// In bytes.
    pub size: i64,
    /// The key of the object, or the id of the DNAnexus file; empty for local files.
    #[serde(default, skip_serializing_if = "is_default")]
    pub location: String,
    /// The ETag of the object, or the time at which the DNAnexus file was modified. Optional for local files: a text that changes with the content,
    /// such as the time of the last change.
    #[serde(default, skip_serializing_if = "is_default")]
    pub etag: String,
}

impl From<FileToImport> for SourceFile {
    fn from(file: FileToImport) -> Self {
        let FileToImport { name, size, location, etag } = file;
        Self { name, location, size, etag, modified_at: None }
    }
}

/// An import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Import {
    pub id: ImportId,
    pub project_id: ProjectId,
    pub source: SampleSource,
    /// The bucket and the prefix, or the DNAnexus project; empty for local files.
    pub location: String,
    pub mode: FileMode,
    /// The batch id of the samples.
    pub batch: String,
    pub state: ImportState,
    /// The name of the user who started it.
    pub created_by: String,
    pub created_at: Rfc3339,
    /// The number of files.
    pub total: i64,
    /// The number of files that were imported.
    pub complete: i64,
    /// The number of files that failed.
    pub failed: i64,
    /// The size of all files, in bytes.
    pub bytes: i64,
    /// The bytes that were imported.
    pub copied: i64,
    /// Failed files first, then those that are being copied, then the others; at most 100.
    pub files: Vec<ImportedFile>,
}

impl From<ImportDetails> for Import {
    fn from(ImportDetails { import, files }: ImportDetails) -> Self {
        Self {
            id: import.id,
            project_id: import.project,
            source: import.source,
            location: import.location,
            mode: import.mode,
            batch: import.batch,
            state: import.state,
            created_by: import.created_by,
            created_at: import.created_at.into(),
            total: import.files,
            complete: import.complete,
            failed: import.failed,
            bytes: import.bytes,
            copied: import.copied,
            files: files.into_iter().map(ImportedFile::from).collect(),
        }
    }
}

/// A file of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportedFile {
    /// The position in the import, from 0.
    pub position: i64,
    pub name: String,
    /// In bytes.
    pub size: i64,
    /// As in the listing or in the request; empty for a local file without one.
    pub etag: String,
    /// The bytes that were imported.
    pub copied: i64,
    pub state: FileState,
    /// Why it failed; empty otherwise.
    pub error: String,
}

impl From<ImportFile> for ImportedFile {
    fn from(file: ImportFile) -> Self {
        let ImportFile { position, name, size, etag, copied, state, error } = file;
        Self { position, name, size, etag, copied, state, error }
    }
}

/// Query parameters of an uploaded part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct UploadQuery {
    /// The position of the part's first byte in the file: the number of bytes that are already stored.
    pub offset: i64,
}

/// The response to an uploaded part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Uploaded {
    /// The bytes of the file that are stored: the offset of the next part.
    pub stored: i64,
}
