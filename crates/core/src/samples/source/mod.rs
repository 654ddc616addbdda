//! Where files are imported from: a bucket of Amazon S3 or a `DNAnexus` project, read with the user's external key.

mod dnanexus;
mod failure;
mod matches;
mod s3;

use std::ops::Range;

use bytes::Bytes;
use regex::Regex;
use reqwest::{
    Response,
    header::{CONTENT_RANGE, HeaderValue},
};
use tokio::sync::Semaphore;

use crate::{
    Core,
    actor::Actor,
    credential_check::ProviderEndpoints,
    credentials::{self, OpenCredential, OpenError, Secrets, external_unique_name},
    http_client::{HttpClient, HttpError, read_body},
    projects,
};
use latchkey_store::{self as store, credentials::CredentialRecord};
use latchkey_types::{
    error::Error,
    id::ProjectId,
    key::{KeyRow, StorageProvider},
    key_kind::{CredentialKind, Status},
    sample::{FILE_NAME_MAX, SampleSource, SourceListing, SourceQuery},
};

use dnanexus::Dnanexus;
pub(crate) use dnanexus::Link;
pub(crate) use failure::SourceError;
use matches::Matches;
pub(crate) use matches::is_storable_name;
use s3::S3;
pub(crate) use s3::name_of;

/// Largest page of a listing, in bytes.
const LISTING_MAX: usize = 8 * 1024 * 1024;
/// Listings that are made at the same time: each can take some 30 MB.
static LISTINGS: Semaphore = Semaphore::const_new(2);
/// Length of an id of `DNAnexus`, in bytes.
const DNANEXUS_ID_MAX: usize = 64;

/// A source with the key that reads it.
pub(crate) enum Source {
    S3(S3),
    Dnanexus(Dnanexus),
}

/// A file as it was listed.
pub(crate) struct RemoteFile<'a> {
    /// The bucket or the `DNAnexus` project.
    pub(crate) container: &'a str,
    /// The object's key or the id of the `DNAnexus` file.
    pub(crate) location: &'a str,
    pub(crate) etag: &'a str,
    pub(crate) size: i64,
}

impl Source {
    /// `None` for a key of another kind.
    pub(crate) fn new(client: &HttpClient, endpoints: &ProviderEndpoints, secrets: Secrets) -> Option<Self> {
        match secrets {
            Secrets::Aws { key, secret, region } => Some(Self::S3(S3::new(client.clone(), endpoints.aws_s3.as_ref(), key, secret, region))),
            Secrets::Dnanexus { token } => Some(Self::Dnanexus(Dnanexus::new(client.clone(), endpoints.dnanexus.as_ref(), token))),
            Secrets::General { .. } => None,
        }
    }

    async fn list(&self, query: &SourceQuery, pattern: &Regex) -> Result<SourceListing, SourceError> {
        let matches = Matches::new(pattern);
        match self {
            Self::S3(s3) => s3.list(&query.container, &query.prefix, matches).await,
            Self::Dnanexus(dnanexus) => dnanexus.list(&query.container, matches).await,
        }
    }

    /// Reads a range of a file. The caller passes the same `link` for all reads of a file.
    pub(crate) async fn read(&self, file: &RemoteFile<'_>, range: &Range<i64>, link: &mut Option<Link>) -> Result<Bytes, SourceError> {
        match self {
            Self::S3(s3) => s3.read(file, range).await,
            Self::Dnanexus(dnanexus) => dnanexus.read(file, range, link).await,
        }
    }
}

/// The value of the header `Range`.
fn range_header(range: &Range<i64>) -> HeaderValue {
    HeaderValue::from_str(&format!("bytes={}-{}", range.start, range.end - 1)).expect("digits are valid in a header")
}

/// The content in a response to a request for a range of a file of this size.
async fn content_of(response: Response, size: i64, range: &Range<i64>) -> Result<Bytes, SourceError> {
    let content_range = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match response.status().as_u16() {
        206 if content_range == format!("bytes {}-{}/{size}", range.start, range.end - 1) => {}
        206 if !content_range.ends_with(&format!("/{size}")) => return Err(SourceError::Changed),
        // Sources without support for ranges send the whole file.
        200 if *range == (0..size) => {}
        _ => return Err(HttpError::InvalidResponse.into()),
    }
    let length = usize::try_from(range.end - range.start).unwrap_or_default();
    let content = read_body(response, length).await?;
    if content.len() == length { Ok(content) } else { Err(HttpError::InvalidResponse.into()) }
}

/// Lists the files that match a query, with the actor's own external key of the provider. Needs *Manage Projects*, in the organization and in
/// the project, and *Manage API Keys*.
///
/// # Errors
/// `Invalid` at `query.source`, `query.container`, `query.prefix` or `query.pattern`.
pub async fn list_source(core: &Core, actor: &Actor, project: ProjectId, query: SourceQuery) -> Result<SourceListing, Error> {
    actor.require(CredentialKind::External.spec().manage)?;
    projects::find_managed(&mut *core.store.connection().await?, actor, project).await?;
    let pattern = validate(&query)?;
    Ok(list_matching(core, actor, &query, &pattern).await?.1)
}

/// The files that match a valid query, and the external key with which they were listed.
pub(super) async fn list_matching(
    core: &Core,
    actor: &Actor,
    query: &SourceQuery,
    pattern: &Regex,
) -> Result<(CredentialRecord, SourceListing), Error> {
    let _permit = LISTINGS.acquire().await.map_err(|_| Error::Internal)?;
    let OpenCredential { record, secrets } = own_key(core, actor, query.source).await?;
    let source = Source::new(&core.http_client, core.credential_checks.endpoints(), secrets).ok_or(Error::Internal)?;
    let listing = source.list(query, pattern).await.map_err(|error| error.into_listing_error(query.source))?;
    Ok((record, listing))
}

/// Validates a query for a storage provider, and compiles its pattern.
pub(super) fn validate(query: &SourceQuery) -> Result<Regex, Error> {
    let is_valid = match query.source {
        SampleSource::Local => return Err(Error::invalid("query.source", "Choose AWS S3 or DNAnexus.")),
        SampleSource::Aws => is_bucket_name(&query.container),
        SampleSource::Dnanexus => is_dnanexus_id(&query.container, "project-"),
    };
    if !is_valid {
        let message = match query.source {
            SampleSource::Dnanexus => "Enter the ID of a project, which begins with “project-”.",
            SampleSource::Aws | SampleSource::Local => "Enter the name of a bucket: 3 to 63 lowercase letters, digits, hyphens and dots.",
        };
        return Err(Error::invalid("query.container", message));
    }
    if query.source == SampleSource::Dnanexus && !query.prefix.is_empty() {
        return Err(Error::invalid("query.prefix", "Files of DNAnexus have no prefix. Leave it empty."));
    }
    if query.prefix.len() > FILE_NAME_MAX || query.prefix.contains('\0') {
        return Err(Error::invalid("query.prefix", format!("Use at most {FILE_NAME_MAX} bytes.")));
    }
    matches::compile(&query.pattern)
}

/// Whether a text can be the name of a bucket, and is unchanged as a segment of a URL.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
fn is_bucket_name(name: &str) -> bool {
    let is_alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|byte| is_alphanumeric(byte) || matches!(byte, b'-' | b'.'))
        && bytes.first().is_some_and(is_alphanumeric)
        && bytes.last().is_some_and(is_alphanumeric)
}

/// Whether a text can be a `DNAnexus` id with this prefix.
pub(super) fn is_dnanexus_id(text: &str, prefix: &str) -> bool {
    let is_id = |id: &str| (1..=DNANEXUS_ID_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    text.strip_prefix(prefix).is_some_and(is_id)
}

/// The actor's own external key for a source. Needs *Manage API Keys*.
///
/// # Errors
/// `Invalid` at `query.source` if there is none that can be used.
pub(super) async fn own_key(core: &Core, actor: &Actor, source: SampleSource) -> Result<OpenCredential, Error> {
    actor.require(CredentialKind::External.spec().manage)?;
    let invalid = |message: String| Error::invalid("query.source", message);
    let provider = source.provider().ok_or(Error::Internal)?;
    let name = match provider {
        StorageProvider::Aws => "AWS",
        StorageProvider::Dnanexus => "DNAnexus",
    };
    let unique_name = external_unique_name(provider, actor.user);
    let found = store::credentials::find_by_unique_names(&core.store, actor.organization, CredentialKind::External, &[unique_name]).await?.pop();
    let missing = || invalid(format!("Add an external key for {name} first."));
    let record = found.ok_or_else(missing)?;
    credentials::open(core, actor.organization, record.id).await.map_err(|error| match error {
        OpenError::Deleted => missing(),
        OpenError::Expired => invalid(format!("Your external key for {name} has expired. Replace it.")),
        OpenError::Unreadable => invalid(format!("Your external key for {name} can't be decrypted. Replace it.")),
        OpenError::Internal(error) => error,
    })
}

/// The providers for which the actor has a usable external key.
pub(super) async fn own_keys(core: &Core, actor: &Actor) -> Result<Vec<StorageProvider>, Error> {
    if !actor.permissions.has(CredentialKind::External.spec().manage) {
        return Ok(Vec::new());
    }
    let keys = credentials::own_external(core, actor).await?;
    let is_usable = |key: &KeyRow| key.status == Status::Active && !key.is_unreadable;
    Ok(keys.into_iter().filter(is_usable).filter_map(|key| key.provider).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(source: SampleSource, container: &str) -> SourceQuery {
        SourceQuery { source, container: container.to_owned(), ..SourceQuery::default() }
    }

    fn field(query: &SourceQuery) -> Option<String> {
        validate(query).err().and_then(|error| error.field_error().map(|(field, _)| field.to_owned()))
    }

    #[test]
    fn a_container_is_a_valid_part_of_a_url() {
        for name in ["genomes", "a.b-c", "0ab", &"a".repeat(63)] {
            assert_eq!(field(&query(SampleSource::Aws, name)), None, "{name}");
        }
        for name in ["", "ab", "...", "a/b", "Genomes", "-ab", "ab.", "a?b", "a b", &"a".repeat(64)] {
            assert_eq!(field(&query(SampleSource::Aws, name)).as_deref(), Some("query.container"), "{name}");
        }
        assert_eq!(field(&query(SampleSource::Dnanexus, "project-FJq288Q0Ff9bBGJ4G7ZyG5zz")), None);
        for id in ["", "project-", "project-a/b", "project-..", "file-1"] {
            assert_eq!(field(&query(SampleSource::Dnanexus, id)).as_deref(), Some("query.container"), "{id}");
        }
    }

    #[test]
    fn a_query_has_the_fields_of_its_source() {
        assert_eq!(field(&query(SampleSource::Local, "")).as_deref(), Some("query.source"));
        let with_prefix = |source, container| SourceQuery { prefix: "runs/".to_owned(), ..query(source, container) };
        assert_eq!(field(&with_prefix(SampleSource::Aws, "genomes")), None);
        assert_eq!(field(&with_prefix(SampleSource::Dnanexus, "project-1")).as_deref(), Some("query.prefix"));
        let broken = SourceQuery { pattern: "(".to_owned(), ..query(SampleSource::Aws, "genomes") };
        assert_eq!(field(&broken).as_deref(), Some("query.pattern"));
    }
}
