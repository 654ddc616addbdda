//! The sample store: the content of samples, in a folder or in a bucket. Each chunk of a sample is an object, so that a chunk is stored as a
//! whole or not at all, and an interrupted import continues at the next chunk. Names of files are never part of an object's name.

use std::{
    collections::HashSet,
    convert::Infallible,
    env,
    fs::DirBuilder,
    future,
    io::{self, ErrorKind},
    ops::Range,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, ensure};
use bytes::Bytes;
use futures_util::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use moka::sync::Cache;
use object_store::{
    GetOptions, GetRange, ObjectStore, PutOptions, RetryConfig, aws::AmazonS3Builder, local::LocalFileSystem, memory::InMemory, path,
    prefix::PrefixStore,
};
use rustix::fs::statvfs;
use sha2::{Digest, Sha256, digest::common::hazmat::SerializableState};
use tokio::{fs, sync::Notify, task::yield_now};
use url::Url;

use crate::http_client::{Connector, HttpClient};
use latchkey_store::{Store, imports::FileRecord};
use latchkey_types::{
    error::Error,
    id::{OrganizationId, SampleId},
    sample::CHUNK_BYTES,
};

/// Bytes that are read from the store or hashed at a time.
const PIECE: usize = 1024 * 1024;
const PIECE_BYTES: i64 = 1024 * 1024;
/// Maximum number of incomplete files whose hash is kept. The hash of others is computed again from the stored content.
const HASHES_MAX: u64 = 10_000;
/// Maximum number of retries of a request to a bucket, and the time after which there are no more.
const RETRIES_MAX: usize = 4;
const RETRY_LIMIT: Duration = Duration::from_mins(1);
/// Bytes of a GiB.
pub const GIB: i64 = 1 << 30;

/// Where content is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SampleStoreSpec {
    Folder(PathBuf),
    /// A bucket, with the credentials in the environment.
    Bucket {
        name: String,
        /// The prefix of all object names, without the slash after it; can be empty.
        prefix: String,
    },
}

/// `s3://BUCKET/PREFIX`, or the path of a folder.
impl FromStr for SampleStoreSpec {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let Some(bucket) = text.strip_prefix("s3://") else { return Ok(Self::Folder(text.into())) };
        let (name, prefix) = bucket.split_once('/').unwrap_or((bucket, ""));
        Ok(Self::Bucket { name: name.to_owned(), prefix: prefix.trim_matches('/').to_owned() })
    }
}

/// Limits of the stored content.
#[derive(Debug, Clone, Copy)]
pub struct SampleLimits {
    /// Bytes that the samples of one organization may take; 0 for no limit.
    pub quota: i64,
    /// The part of the disk that must be free for more content, in percent. A full disk would block revocations.
    pub free_min_percent: u64,
}

impl SampleLimits {
    /// The default quota, in GiB.
    pub const QUOTA_GIB: u32 = 100;
    pub const FREE_MIN_PERCENT: u64 = 5;
}

impl Default for SampleLimits {
    fn default() -> Self {
        Self { quota: i64::from(Self::QUOTA_GIB) * GIB, free_min_percent: Self::FREE_MIN_PERCENT }
    }
}

/// The sample store; cheap to clone.
#[derive(Clone)]
pub struct SampleStore {
    objects: Arc<dyn ObjectStore>,
    /// The folder with the content; `None` for a bucket.
    folder: Option<PathBuf>,
    pub limits: SampleLimits,
    shared: Arc<Shared>,
}

struct Shared {
    /// Samples whose content is being written.
    writing: Mutex<HashSet<SampleId>>,
    /// The number of stored bytes of incomplete files, and their hash.
    hashes: Cache<SampleId, (i64, Sha256)>,
    has_imports: Notify,
    has_discarded: Notify,
}

/// The right to write the content of a sample, until dropped. No other task writes or removes the content until then.
pub(crate) struct Writing {
    shared: Arc<Shared>,
    sample: SampleId,
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.shared.writing.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.sample);
        self.shared.has_discarded.notify_one();
    }
}

impl SampleStore {
    /// Opens the store. `s3_url` is the endpoint of a bucket, unless the environment sets another one.
    ///
    /// # Errors
    /// If the folder cannot be created, or the environment is invalid. A message for the operator.
    pub fn open(spec: &SampleStoreSpec, limits: SampleLimits, client: &HttpClient, s3_url: Option<&Url>) -> anyhow::Result<Self> {
        match spec {
            SampleStoreSpec::Folder(folder) => {
                let unusable = || format!("samples cannot be stored in {}: check that it is a folder and belongs to this user", folder.display());
                DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(unusable)?;
                // With the data flushed to disk, because the database records a chunk only after it is stored.
                let objects = LocalFileSystem::new_with_prefix(folder).with_context(unusable)?.with_fsync(true);
                Ok(Self::new(Arc::new(objects), Some(folder.clone()), limits))
            }
            SampleStoreSpec::Bucket { name, prefix } => {
                ensure!(!name.is_empty(), "the name of the sample bucket is missing: use s3://BUCKET/PREFIX");
                let retry = RetryConfig { max_retries: RETRIES_MAX, retry_timeout: RETRY_LIMIT, ..RetryConfig::default() };
                let mut builder = AmazonS3Builder::from_env().with_bucket_name(name).with_retry(retry).with_http_connector(Connector(client.clone()));
                if let Some(url) = s3_url.filter(|_| env::var_os("AWS_ENDPOINT_URL").is_none()) {
                    builder = builder.with_endpoint(url.as_str().trim_end_matches('/')).with_allow_http(true);
                }
                let bucket = builder.build().context("the sample bucket cannot be used: check AWS_ACCESS_KEY_ID and the other AWS variables")?;
                Ok(Self::new(Arc::new(PrefixStore::new(bucket, prefix.as_str())), None, limits))
            }
        }
    }

    /// An empty store in memory, for commands and tests that import nothing.
    pub fn in_memory() -> Self {
        Self::new(Arc::new(InMemory::new()), None, SampleLimits::default())
    }

    fn new(objects: Arc<dyn ObjectStore>, folder: Option<PathBuf>, limits: SampleLimits) -> Self {
        let shared = Shared { writing: Mutex::default(), hashes: Cache::new(HASHES_MAX), has_imports: Notify::new(), has_discarded: Notify::new() };
        Self { objects, folder, limits, shared: Arc::new(shared) }
    }

    /// Stores a chunk, or replaces it.
    pub(crate) async fn put_chunk(&self, organization: OrganizationId, sample: SampleId, number: i64, content: Bytes) -> object_store::Result<()> {
        self.objects.put_opts(&location(organization, sample, number), content.into(), PutOptions::default()).await?;
        Ok(())
    }

    /// The bytes of a sample in a range, which must be stored.
    pub(crate) fn read(&self, organization: OrganizationId, sample: SampleId, range: Range<i64>) -> BoxStream<'static, object_store::Result<Bytes>> {
        let objects = Arc::clone(&self.objects);
        stream::try_unfold((objects, range), move |(objects, range)| async move {
            if range.is_empty() {
                return Ok(None);
            }
            let (number, piece) = first_piece(&range);
            let options = GetOptions { range: Some(GetRange::Bounded(piece.clone())), ..GetOptions::default() };
            let content = objects.get_opts(&location(organization, sample, number), options).await?.bytes().await?;
            let length = i64::try_from(content.len()).unwrap_or(i64::MAX);
            if content.len() as u64 != piece.end - piece.start {
                return Err(object_store::Error::Generic { store: "sample store", source: "a chunk is too short".into() });
            }
            Ok(Some((content, (objects, range.start + length..range.end))))
        })
        .boxed()
    }

    /// Removes the chunks of a sample; some may not exist.
    pub(crate) async fn remove(&self, organization: OrganizationId, sample: SampleId, chunks: i64) -> object_store::Result<()> {
        match &self.folder {
            Some(folder) => remove_folder(&folder.join(organization.to_string()), sample).await,
            None => self.remove_objects(organization, sample, chunks).await,
        }
    }

    /// Removes partially written chunks of a killed process. Call when all chunks of the sample are stored.
    pub(crate) async fn remove_unfinished(&self, organization: OrganizationId, sample: SampleId) {
        let Some(folder) = &self.folder else { return };
        if let Err(error) = remove_staged(&folder.join(organization.to_string()).join(sample.to_string())).await {
            tracing::warn!(%error, %sample, "cannot remove unfinished content from the sample store");
        }
    }

    async fn remove_objects(&self, organization: OrganizationId, sample: SampleId, chunks: i64) -> object_store::Result<()> {
        let locations = stream::iter((0..chunks).map(move |number| Ok(location(organization, sample, number)))).boxed();
        let mut removed = self.objects.delete_stream(locations);
        let mut outcome = Ok(());
        while let Some(result) = removed.next().await {
            match result {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    }

    /// The hash of the first bytes of a sample, which are stored. If it was not kept, the stored content is read.
    pub(crate) async fn hash_of(&self, organization: OrganizationId, sample: SampleId, stored: i64) -> object_store::Result<Sha256> {
        match self.shared.hashes.get(&sample) {
            Some((hashed, hash)) if hashed == stored => Ok(hash),
            _ if stored == 0 => Ok(Sha256::new()),
            _ => {
                let pieces = self.read(organization, sample, 0..stored);
                let hash = pieces.try_fold(Sha256::new(), |hash, piece| async move { Ok(hash.chain_update(&piece)) }).await?;
                // Reading can take minutes, and must not be repeated if the next chunk can't be stored.
                self.keep_hash(sample, stored, hash.clone());
                Ok(hash)
            }
        }
    }

    /// Whether content can't be read because it is missing or damaged. A bucket can also be unavailable for a while.
    pub(crate) fn is_lost(&self, error: &object_store::Error) -> bool {
        self.folder.is_some() || matches!(error, object_store::Error::NotFound { .. })
    }

    /// The hash of the bytes of a file that are stored. If it was not kept, it is the one that another instance recorded.
    pub(crate) async fn hash_of_file(&self, organization: OrganizationId, file: &FileRecord) -> object_store::Result<Sha256> {
        let (sample, stored) = (file.sample_id, file.copied);
        let is_kept = self.shared.hashes.get(&sample).is_some_and(|(hashed, _)| hashed == stored);
        if let Some(hash) = file.hash_state.as_deref().and_then(deserialize_hash).filter(|_| stored > 0 && !is_kept) {
            // Fails if the content is lost, or in the folder of another machine.
            self.read(organization, sample, stored - 1..stored).try_for_each(|_| future::ready(Ok(()))).await?;
            self.keep_hash(sample, stored, hash);
        }
        self.hash_of(organization, sample, stored).await
    }

    /// Keeps the hash of the stored bytes until the file is continued.
    pub(crate) fn keep_hash(&self, sample: SampleId, stored: i64, hash: Sha256) {
        self.shared.hashes.insert(sample, (stored, hash));
    }

    /// Drops the hash of a complete file.
    pub(crate) fn forget_hash(&self, sample: SampleId) {
        self.shared.hashes.invalidate(&sample);
    }

    /// Whether enough of the disk is free for more content; always true for a bucket.
    pub(crate) fn has_room(&self) -> bool {
        let Some(folder) = &self.folder else { return true };
        is_free(folder, self.limits.free_min_percent)
    }

    /// Begins to write the content of a sample; `None` while another task does.
    pub(crate) fn begin_writing(&self, sample: SampleId) -> Option<Writing> {
        let is_new = self.shared.writing.lock().unwrap_or_else(PoisonError::into_inner).insert(sample);
        is_new.then(|| Writing { shared: Arc::clone(&self.shared), sample })
    }

    pub(crate) fn is_writing(&self, sample: SampleId) -> bool {
        self.shared.writing.lock().unwrap_or_else(PoisonError::into_inner).contains(&sample)
    }

    /// Reports files to be imported.
    pub(crate) fn notify_imports(&self) {
        self.shared.has_imports.notify_one();
    }

    /// Waits until there may be files to be imported.
    pub(crate) async fn imports_changed(&self) {
        self.shared.has_imports.notified().await;
    }

    /// Reports content to be removed.
    pub(crate) fn notify_discarded(&self) {
        self.shared.has_discarded.notify_one();
    }

    /// Waits until there may be content to be removed.
    pub(crate) async fn discarded_changed(&self) {
        self.shared.has_discarded.notified().await;
    }
}

/// The name of a chunk's object.
fn location(organization: OrganizationId, sample: SampleId, number: i64) -> path::Path {
    path::Path::from(format!("{organization}/{sample}/{number:08}"))
}

/// The chunk in which a range begins, and the part of it that is read first.
fn first_piece(range: &Range<i64>) -> (i64, Range<u64>) {
    let (number, from) = (range.start / CHUNK_BYTES, range.start % CHUNK_BYTES);
    let length = (range.end - range.start).min(CHUNK_BYTES - from).min(PIECE_BYTES);
    (number, from.unsigned_abs()..(from + length).unsigned_abs())
}

/// Removes the folder of a sample, including partially written chunks, and that of its organization if it is then empty.
async fn remove_folder(of_organization: &Path, sample: SampleId) -> object_store::Result<()> {
    match fs::remove_dir_all(of_organization.join(sample.to_string())).await {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(object_store::Error::Generic { store: "sample store", source: error.into() }),
        _ => {
            // Fails if it has other samples.
            let _ = fs::remove_dir(of_organization).await;
            Ok(())
        }
    }
}

/// Removes the files to which `LocalFileSystem` writes before it renames them: `<name>#<number>`.
async fn remove_staged(folder: &Path) -> io::Result<()> {
    let mut entries = match fs::read_dir(folder).await {
        // A sample without bytes has no folder.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    while let Some(entry) = entries.next_entry().await? {
        if entry.file_name().to_string_lossy().contains('#') {
            fs::remove_file(entry.path()).await?;
        }
    }
    Ok(())
}

/// Adds content to a hash. Yields to other tasks in between, because hashing a chunk takes milliseconds.
pub(crate) async fn hashed(mut hash: Sha256, content: &Bytes) -> Sha256 {
    for piece in content.chunks(PIECE) {
        hash.update(piece);
        yield_now().await;
    }
    hash
}

/// The state of a hash as it is recorded for other instances; `None` if there are none.
pub(crate) fn stored_hash(database: &Store, hash: &Sha256) -> Option<Vec<u8>> {
    database.is_shared().then(|| hash.serialize().to_vec())
}

/// `None` if the state is of another version of the library.
fn deserialize_hash(state: &[u8]) -> Option<Sha256> {
    Sha256::deserialize(state.try_into().ok()?).ok()
}

/// Whether at least this percentage of the folder's disk is free. If that cannot be determined, true: writing then reports the error.
fn is_free(folder: &Path, percent: u64) -> bool {
    match statvfs(folder) {
        Ok(disk) => u128::from(disk.f_bavail) * 100 >= u128::from(disk.f_blocks) * u128::from(percent),
        Err(error) => {
            tracing::warn!(%error, "cannot determine the free space of the sample store");
            true
        }
    }
}

/// The application error of a failed store, whose cause is logged.
pub(crate) fn internal(error: object_store::Error) -> Error {
    tracing::error!(%error, "the sample store failed");
    Error::Internal
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http_client::OutgoingNetworks;

    fn client() -> HttpClient {
        HttpClient::new(OutgoingNetworks::default()).unwrap()
    }

    fn folder_store(folder: &Path, free_min_percent: u64) -> SampleStore {
        let limits = SampleLimits { free_min_percent, ..SampleLimits::default() };
        SampleStore::open(&SampleStoreSpec::Folder(folder.join("samples")), limits, &client(), None).unwrap()
    }

    async fn content(store: &SampleStore, organization: OrganizationId, sample: SampleId, range: Range<i64>) -> Option<Vec<u8>> {
        let pieces: Vec<Bytes> = store.read(organization, sample, range).try_collect().await.ok()?;
        Some(pieces.concat())
    }

    #[test]
    fn a_store_is_a_bucket_or_a_folder() {
        let bucket = |name: &str, prefix: &str| SampleStoreSpec::Bucket { name: name.to_owned(), prefix: prefix.to_owned() };
        for (text, spec) in [
            ("s3://genomes", bucket("genomes", "")),
            ("s3://genomes/a/b/", bucket("genomes", "a/b")),
            ("/srv/samples", SampleStoreSpec::Folder("/srv/samples".into())),
            ("s3", SampleStoreSpec::Folder("s3".into())),
        ] {
            assert_eq!(text.parse(), Ok(spec), "{text}");
        }
    }

    #[tokio::test]
    async fn ranges_across_chunks_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder_store(folder.path(), 0);
        let (organization, sample) = (OrganizationId::new(), SampleId::new());
        let whole: Vec<u8> = (0..CHUNK_BYTES + 10).map(|index| index.to_le_bytes()[1]).collect();
        let border = usize::try_from(CHUNK_BYTES).unwrap();
        store.put_chunk(organization, sample, 0, Bytes::copy_from_slice(&whole[..border])).await.unwrap();
        store.put_chunk(organization, sample, 1, Bytes::copy_from_slice(&whole[border..])).await.unwrap();
        for range in [0..0, 0..1, 5..CHUNK_BYTES + 3, CHUNK_BYTES..CHUNK_BYTES + 10, 0..CHUNK_BYTES + 10] {
            let expected = &whole[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
            assert!(content(&store, organization, sample, range.clone()).await.as_deref() == Some(expected), "{range:?}");
        }
        assert_eq!(content(&store, organization, sample, 0..CHUNK_BYTES + 11).await, None, "more than is stored");
        assert_eq!(content(&store, OrganizationId::new(), sample, 0..1).await, None, "of another organization");
        let hash = store.hash_of(organization, sample, CHUNK_BYTES + 10).await.unwrap();
        assert_eq!(hash.finalize(), Sha256::digest(&whole));
    }

    #[tokio::test]
    async fn removed_content_leaves_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder_store(folder.path(), 0);
        let (organization, sample) = (OrganizationId::new(), SampleId::new());
        store.put_chunk(organization, sample, 0, Bytes::from_static(b"a")).await.unwrap();
        store.put_chunk(organization, sample, 2, Bytes::from_static(b"b")).await.unwrap();
        let of_sample = folder.path().join("samples").join(organization.to_string()).join(sample.to_string());
        std::fs::write(of_sample.join("00000001#1"), "interrupted").unwrap();
        store.remove(organization, sample, 4).await.unwrap();
        assert_eq!(folder.path().join("samples").read_dir().unwrap().count(), 0);
        store.remove(organization, sample, 4).await.unwrap();
    }

    #[tokio::test]
    async fn a_hash_is_kept_for_the_bytes_it_covers() {
        let store = SampleStore::in_memory();
        let (organization, sample) = (OrganizationId::new(), SampleId::new());
        store.put_chunk(organization, sample, 0, Bytes::from_static(b"abc")).await.unwrap();
        let kept = hashed(Sha256::new(), &Bytes::from_static(b"something else")).await;
        store.keep_hash(sample, 3, kept.clone());
        assert_eq!(store.hash_of(organization, sample, 3).await.unwrap().finalize(), kept.finalize());
        assert_eq!(store.hash_of(organization, sample, 2).await.unwrap().finalize(), Sha256::digest(b"ab"));
        store.forget_hash(sample);
        assert_eq!(store.hash_of(organization, sample, 3).await.unwrap().finalize(), Sha256::digest(b"abc"));
        store.remove(organization, sample, 1).await.unwrap();
        assert!(store.hash_of(organization, sample, 3).await.is_ok(), "a hash that was computed is kept too");
        assert!(store.hash_of(organization, sample, 2).await.is_err());
    }

    #[test]
    fn a_recorded_hash_is_continued() {
        let hash = Sha256::new_with_prefix(vec![1; PIECE]);
        let continued = deserialize_hash(&hash.serialize()).unwrap().chain_update([2]);
        assert_eq!(continued.finalize(), hash.chain_update([2]).finalize());
        assert!(deserialize_hash(&[1; 32]).is_none());
    }

    #[test]
    fn content_of_an_unavailable_bucket_is_not_lost() {
        let missing = || object_store::Error::NotFound { path: String::new(), source: "missing".into() };
        let failed = || object_store::Error::Generic { store: "S3", source: "the connection was interrupted".into() };
        let bucket = SampleStore::in_memory();
        assert!(bucket.is_lost(&missing()) && !bucket.is_lost(&failed()));
        let folder = tempfile::tempdir().unwrap();
        let store = folder_store(folder.path(), 0);
        assert!(store.is_lost(&missing()) && store.is_lost(&failed()));
    }

    #[test]
    fn a_sample_is_written_by_one_task() {
        let (store, sample) = (SampleStore::in_memory(), SampleId::new());
        let writing = store.begin_writing(sample).unwrap();
        assert!(store.begin_writing(sample).is_none() && store.is_writing(sample));
        assert!(store.begin_writing(SampleId::new()).is_some());
        drop(writing);
        assert!(!store.is_writing(sample) && store.begin_writing(sample).is_some());
    }

    #[tokio::test]
    async fn a_disk_that_is_too_full_has_no_room() {
        let folder = tempfile::tempdir().unwrap();
        assert!(folder_store(folder.path(), 0).has_room());
        assert!(!folder_store(folder.path(), 101).has_room());
        assert!(SampleStore::in_memory().has_room());
    }
}
