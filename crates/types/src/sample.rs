//! Samples of a project, and import jobs.

use serde::{Deserialize, Serialize};

use super::{
    id::{ImportId, ProjectId, SampleId},
    key::StorageProvider,
    names::parse_by_name,
    time::Timestamp,
};

/// Maximum length of a batch id, in characters.
pub const BATCH_MAX: usize = 100;
/// Maximum length of a pattern, in bytes.
pub const PATTERN_MAX: usize = 500;
/// Maximum number of files of one import.
pub const IMPORT_FILES_MAX: usize = 10_000;
/// Maximum size of a file, in bytes.
pub const FILE_BYTES_MAX: i64 = 1 << 46;
/// Maximum length of the name or location of a file, in bytes, as for keys of S3 objects.
pub const FILE_NAME_MAX: usize = 1024;
/// Maximum number of samples that are deleted at once.
pub const SAMPLES_DELETE_MAX: usize = 1000;
/// Content is stored in chunks of this many bytes; the last chunk of a file can be shorter.
pub const CHUNK_BYTES: i64 = 8 * 1024 * 1024;
/// Largest part of a local file in one request, in bytes: one chunk.
pub const UPLOAD_PART_MAX: usize = 8 * 1024 * 1024;
/// Number of samples on a page of the list.
pub const SAMPLES_PAGE: usize = 100;

/// Whether each file is a sample of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum FileMode {
    /// Each file is one sample.
    #[default]
    Single,
    /// One file holds all samples; it is stored unsplit.
    Combined,
}

impl FileMode {
    pub const ALL: [Self; 2] = [Self::Single, Self::Combined];

    /// Name in the API and in the database, and label on the page.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Combined => "combined",
        }
    }
}

parse_by_name!(FileMode, FileMode::ALL);

/// Where files are imported from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum SampleSource {
    #[default]
    Local,
    Aws,
    Dnanexus,
}

impl SampleSource {
    pub const ALL: [Self; 3] = [Self::Local, Self::Aws, Self::Dnanexus];

    /// Name in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Aws => "aws",
            Self::Dnanexus => "dnanexus",
        }
    }

    /// Label on the page.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Local => "Local disk",
            Self::Aws => "AWS S3",
            Self::Dnanexus => "DNAnexus",
        }
    }

    /// The provider of the external key with which it is read.
    pub const fn provider(self) -> Option<StorageProvider> {
        match self {
            Self::Local => None,
            Self::Aws => Some(StorageProvider::Aws),
            Self::Dnanexus => Some(StorageProvider::Dnanexus),
        }
    }
}

parse_by_name!(SampleSource, SampleSource::ALL);

/// Selects files at a storage provider, which is read with the user's own external key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SourceQuery {
    pub source: SampleSource,
    /// The bucket, or the DNAnexus project.
    pub container: String,
    /// The beginning of the object keys; only for S3.
    #[serde(default)]
    pub prefix: String,
    /// A Rust regular expression, unanchored, matched against the name after the prefix. Empty matches every name.
    #[serde(default)]
    pub pattern: String,
}

/// A file at a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    /// The name after the prefix.
    pub name: String,
    /// The object's key in the bucket, or the id of the DNAnexus file; empty for local files.
    pub location: String,
    /// In bytes.
    pub size: i64,
    /// Changes with the content; empty if the source has none. For a local file of the page, the time of its last change.
    pub etag: String,
    pub modified_at: Option<Timestamp>,
}

/// The files that match a query.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SourceListing {
    /// Sorted by name, at most [`IMPORT_FILES_MAX`].
    pub files: Vec<SourceFile>,
    /// Whether more files match.
    pub is_truncated: bool,
    /// Names of matching files that can't be imported yet, such as open DNAnexus files; at most 100.
    pub not_ready: Vec<String>,
}

/// Request to import files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRequest {
    pub mode: FileMode,
    pub query: SourceQuery,
    /// The batch id; empty for a generated one.
    #[serde(default)]
    pub batch: String,
    /// For local files: names, sizes and etags. For other sources: the files to import as they were listed; a file that changed since is not
    /// imported. Empty imports all that match.
    #[serde(default)]
    pub files: Vec<SourceFile>,
}

/// State of an import job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ImportState {
    Running,
    /// Stopped by a user. Complete files are kept.
    Stopped,
    /// All files are complete or failed.
    Finished,
}

impl ImportState {
    pub const ALL: [Self; 3] = [Self::Running, Self::Stopped, Self::Finished];

    /// Name in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Finished => "finished",
        }
    }
}

parse_by_name!(ImportState, ImportState::ALL);

/// State of a file of an import job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum FileState {
    Waiting,
    Copying,
    Complete,
    Failed,
}

impl FileState {
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Copying, Self::Complete, Self::Failed];

    /// Name in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Copying => "copying",
            Self::Complete => "complete",
            Self::Failed => "failed",
        }
    }
}

parse_by_name!(FileState, FileState::ALL);

/// A file of an import job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportFile {
    /// Position in the import job, from 0.
    pub position: i64,
    pub name: String,
    /// In bytes.
    pub size: i64,
    /// Changes with the content; empty if the source has none.
    pub etag: String,
    /// Bytes that are stored.
    pub copied: i64,
    pub state: FileState,
    /// Why it failed; a sentence. Empty otherwise.
    pub error: String,
}

/// An import job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRow {
    pub id: ImportId,
    pub project: ProjectId,
    pub source: SampleSource,
    /// The bucket and prefix, or the DNAnexus project; empty for local files.
    pub location: String,
    pub mode: FileMode,
    pub batch: String,
    pub state: ImportState,
    /// Name of the user who started it.
    pub created_by: String,
    pub created_at: Timestamp,
    pub files: i64,
    pub complete: i64,
    pub failed: i64,
    /// Sizes of all files, in bytes.
    pub bytes: i64,
    /// Bytes that are stored.
    pub copied: i64,
    /// Whether the viewer started it, and can therefore upload its local files.
    pub is_own: bool,
}

/// An import job with its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportDetails {
    pub import: ImportRow,
    /// Failed files first, then those being copied, then the others; at most 100.
    pub files: Vec<ImportFile>,
}

/// A sample, as listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleRow {
    pub id: SampleId,
    pub name: String,
    pub batch: String,
    pub source: SampleSource,
    /// In bytes.
    pub size: i64,
    /// SHA-256 of the content, in hexadecimal.
    pub sha256: String,
    pub imported_at: Timestamp,
    /// Name of the user who imported it.
    pub imported_by: String,
}

/// A page of samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleList {
    /// Newest first.
    pub samples: Vec<SampleRow>,
    /// The id after which the next page begins; `None` on the last page.
    pub next: Option<SampleId>,
    /// Number of samples that match the search.
    pub total: i64,
    /// Import jobs that run, then those with failed files; each newest first.
    pub imports: Vec<ImportRow>,
    /// Bytes that the organization's samples take.
    pub used: i64,
    /// Bytes that they may take; 0 for no limit.
    pub quota: i64,
    /// The providers for which the viewer has a usable external key.
    pub own_keys: Vec<StorageProvider>,
}
