//! Imports of local files and their content.

use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use latchkey_test_db::TestData;
use sha2::{Digest, Sha256};
use tokio::time::sleep;

use super::{
    content, delete, get, imports, list,
    store::{SampleLimits, SampleStore, SampleStoreSpec},
    worker::ImportWorker,
};
use crate::{
    Core,
    actor::Actor,
    projects,
    testing::{beside_another_change, new_core, new_owner},
};
use latchkey_store as store;
use latchkey_types::{
    error::Error,
    id::{ImportId, OrganizationId, ProjectId, SampleId, UserId},
    permission::{Permission, Permissions},
    project::{ProjectRequest, Visibility},
    sample::{CHUNK_BYTES, FileMode, FileState, ImportDetails, ImportRequest, ImportState, SourceFile, SourceQuery},
    time::Timestamp,
};

/// A project of an owner.
struct Fixture {
    core: Core,
    owner: Actor,
    project: ProjectId,
    data: TestData,
}

impl Fixture {
    async fn new() -> Self {
        let (core, data) = new_core().await;
        let owner = new_owner(&core).await;
        let request = ProjectRequest { name: "Genomes".to_owned(), description: String::new(), visibility: Visibility::Organization };
        let project = projects::create(&core, &owner, request).await.unwrap().id;
        Self { core, owner, project, data }
    }

    async fn begin(&self, files: &[(&str, i64)]) -> Result<ImportDetails, Error> {
        let file = |(name, size): &(&str, i64)| SourceFile {
            name: (*name).to_owned(),
            location: String::new(),
            size: *size,
            etag: "etag".to_owned(),
            modified_at: None,
        };
        let request = ImportRequest {
            mode: FileMode::Single,
            query: SourceQuery::default(),
            batch: "first".to_owned(),
            files: files.iter().map(file).collect(),
        };
        imports::begin(&self.core, &self.owner, self.project, request).await
    }

    async fn upload(&self, import: ImportId, position: i64, offset: i64, content: &Bytes) -> Result<i64, Error> {
        imports::upload_part(&self.core, &self.owner, self.project, import, position, offset, content.clone()).await
    }

    /// The id under which the content of a file is stored.
    async fn sample(&self, import: ImportId, position: i64) -> SampleId {
        store::imports::file(&mut self.core.store.connection().await.unwrap(), import, position).await.unwrap().unwrap().sample_id
    }

    async fn used(&self) -> i64 {
        store::samples::used(&self.core.store, self.owner.organization).await.unwrap()
    }

    async fn content(&self, sample: SampleId) -> Vec<u8> {
        let content = content(&self.core, &self.owner, self.project, sample, None).await.unwrap();
        content.stream.try_collect::<Vec<Bytes>>().await.unwrap().concat()
    }

    async fn discarded(&self) -> Vec<SampleId> {
        let discarded = store::samples::discarded(&self.core.store, None, 100).await.unwrap();
        discarded.into_iter().map(|sample| sample.sample_id).collect()
    }
}

/// Content of several chunks: each byte differs from its neighbours, and the chunks from each other.
fn long_content() -> Bytes {
    (0..CHUNK_BYTES + 3).map(|index| u8::try_from(index % 251).unwrap()).collect()
}

#[tokio::test]
async fn local_files_are_uploaded_in_parts() {
    let fixture = Fixture::new().await;
    let whole = long_content();
    let size = CHUNK_BYTES + 3;
    let import = fixture.begin(&[("empty.txt", 0), ("../a.bam", size)]).await.unwrap().import;
    assert_eq!((import.state, import.files, import.complete, import.bytes), (ImportState::Running, 2, 1, size));
    let (first, last) = (whole.slice(..whole.len() - 3), whole.slice(whole.len() - 3..));
    assert_eq!(fixture.upload(import.id, 1, CHUNK_BYTES, &last).await, Err(Error::conflict("offset", "Continue at byte 0.")));
    assert_eq!(fixture.upload(import.id, 1, 0, &last).await, Err(Error::invalid("content", "Send the next 8388608 bytes of the file.")));
    assert_eq!(fixture.upload(import.id, 1, 0, &first).await, Ok(CHUNK_BYTES));
    // As after a restart: the hash of the first part is computed from what is stored.
    let sample = fixture.sample(import.id, 1).await;
    fixture.core.samples.forget_hash(sample);
    assert_eq!(fixture.upload(import.id, 1, 0, &first).await, Err(Error::conflict("offset", "Continue at byte 8388608.")));
    assert_eq!(fixture.upload(import.id, 1, CHUNK_BYTES, &last).await, Ok(size));
    assert_eq!(fixture.upload(import.id, 1, CHUNK_BYTES, &last).await, Err(Error::conflict("offset", format!("Continue at byte {size}."))));
    let details = imports::get(&fixture.core, &fixture.owner, fixture.project, import.id).await.unwrap();
    assert_eq!((details.import.state, details.import.complete, details.import.copied), (ImportState::Finished, 2, size));
    let row = get(&fixture.core, &fixture.owner, fixture.project, sample).await.unwrap();
    assert_eq!((row.name.as_str(), row.batch.as_str(), row.size, row.imported_by.as_str()), ("../a.bam", "first", size, "Ada"));
    assert_eq!(row.sha256, hex::encode(Sha256::digest(&whole)));
    assert!(fixture.content(sample).await == whole);
    let found = list(&fixture.core, &fixture.owner, fixture.project, "A.BAM", None).await.unwrap();
    assert_eq!((found.samples, found.total, found.used, found.imports), (vec![row], 1, size, Vec::new()));
}

#[tokio::test]
async fn an_upload_whose_content_is_lost_begins_again() {
    let fixture = Fixture::new().await;
    let whole = long_content();
    let import = fixture.begin(&[("a", CHUNK_BYTES + 3)]).await.unwrap().import;
    let (first, last) = (whole.slice(..whole.len() - 3), whole.slice(whole.len() - 3..));
    fixture.upload(import.id, 0, 0, &first).await.unwrap();
    let sample = fixture.sample(import.id, 0).await;
    fixture.core.samples.forget_hash(sample);
    fixture.core.samples.remove(fixture.owner.organization, sample, 2).await.unwrap();
    assert_eq!(fixture.upload(import.id, 0, CHUNK_BYTES, &last).await, Err(Error::conflict("offset", "Continue at byte 0.")));
    let details = imports::get(&fixture.core, &fixture.owner, fixture.project, import.id).await.unwrap();
    assert_eq!((details.import.state, details.import.copied), (ImportState::Running, 0));
    assert_eq!(fixture.upload(import.id, 0, 0, &first).await, Ok(CHUNK_BYTES));
    assert_eq!(fixture.upload(import.id, 0, CHUNK_BYTES, &last).await, Ok(CHUNK_BYTES + 3));
    assert!(fixture.content(sample).await == whole);
}

#[tokio::test]
async fn a_local_file_keeps_its_etag() {
    let fixture = Fixture::new().await;
    let begun = fixture.begin(&[("a", CHUNK_BYTES + 3)]).await.unwrap();
    assert_eq!(begun.files[0].etag, "etag");
    imports::stop(&fixture.core, &fixture.owner, fixture.project, begun.import.id).await.unwrap();
    let retried = imports::retry(&fixture.core, &fixture.owner, fixture.project, begun.import.id).await.unwrap();
    assert_eq!(retried.files[0].etag, "etag");
}

#[tokio::test]
async fn empty_files_are_complete_at_once() {
    let fixture = Fixture::new().await;
    let import = fixture.begin(&[("a", 0), ("b\"\u{2028}", 0), ("c", 0)]).await.unwrap().import;
    assert_eq!((import.state, import.files, import.complete, import.bytes), (ImportState::Finished, 3, 3, 0));
    let samples = list(&fixture.core, &fixture.owner, fixture.project, "", None).await.unwrap().samples;
    let names: Vec<_> = samples.iter().map(|sample| (sample.name.as_str(), sample.size)).collect();
    assert_eq!(names, [("c", 0), ("b\"\u{2028}", 0), ("a", 0)]);
    assert!(samples.iter().all(|sample| sample.sha256 == hex::encode(Sha256::digest(b"")) && sample.batch == "first"));
    assert!(fixture.content(samples[0].id).await.is_empty());
}

#[tokio::test]
async fn a_part_of_a_sample_is_read() {
    let fixture = Fixture::new().await;
    let import = fixture.begin(&[("a", 5)]).await.unwrap().import;
    fixture.upload(import.id, 0, 0, &Bytes::from_static(b"ACGTN")).await.unwrap();
    let all = list(&fixture.core, &fixture.owner, fixture.project, "", None).await.unwrap();
    let part = async |range| content(&fixture.core, &fixture.owner, fixture.project, all.samples[0].id, Some(range)).await;
    let middle = part(1..3).await.unwrap();
    assert_eq!((middle.size, middle.name.as_str()), (5, "a"));
    assert_eq!(middle.stream.try_collect::<Vec<Bytes>>().await.unwrap().concat(), b"CG");
    for outside in [4..6, 5..5, 0..0] {
        assert!(part(outside).await.is_err());
    }
}

#[tokio::test]
async fn a_stopped_import_frees_its_bytes_until_it_is_retried() {
    let fixture = Fixture::new().await;
    let whole = long_content();
    let import = fixture.begin(&[("a", CHUNK_BYTES + 3), ("b", 2)]).await.unwrap().import;
    fixture.upload(import.id, 0, 0, &whole.slice(..whole.len() - 3)).await.unwrap();
    fixture.upload(import.id, 1, 0, &Bytes::from_static(b"ok")).await.unwrap();
    let stopped = imports::stop(&fixture.core, &fixture.owner, fixture.project, import.id).await.unwrap();
    assert_eq!((stopped.import.state, stopped.import.failed, stopped.import.complete), (ImportState::Stopped, 1, 1));
    assert_eq!((stopped.files[0].state, stopped.files[0].copied, stopped.files[0].error.as_str()), (FileState::Failed, 0, "The import was stopped."));
    assert_eq!((fixture.used().await, fixture.discarded().await.len()), (2, 1));
    let again = imports::stop(&fixture.core, &fixture.owner, fixture.project, import.id).await.unwrap();
    assert_eq!(again, stopped, "stopping twice changes nothing");
    assert!(matches!(fixture.upload(import.id, 0, 0, &whole).await, Err(Error::Conflict { .. })));
    let retried = imports::retry(&fixture.core, &fixture.owner, fixture.project, import.id).await.unwrap();
    assert_eq!((retried.import.state, retried.import.failed, retried.import.copied), (ImportState::Running, 0, 2));
    assert_eq!(fixture.used().await, CHUNK_BYTES + 5);
    let sample = fixture.sample(import.id, 0).await;
    assert!(!fixture.discarded().await.contains(&sample), "the new content is not removed with the old one");
    let nothing = fixture.begin(&[("c", 1)]).await.unwrap().import;
    let refused = imports::retry(&fixture.core, &fixture.owner, fixture.project, nothing.id).await;
    assert_eq!(refused, Err(Error::conflict("import", "No file of this import has failed.")));
}

#[tokio::test]
async fn an_upload_that_is_not_continued_frees_its_bytes() {
    let fixture = Fixture::new().await;
    let whole = long_content();
    let import = fixture.begin(&[("a", CHUNK_BYTES + 3), ("b", 5)]).await.unwrap().import;
    sleep(Duration::from_millis(5)).await;
    fixture.upload(import.id, 0, 0, &whole.slice(..whole.len() - 3)).await.unwrap();
    let worker = ImportWorker::new(&fixture.core);
    worker.end_unused_uploads(import.created_at.plus_ms(1)).await.unwrap();
    assert_eq!(fixture.used().await, CHUNK_BYTES + 8, "a part was stored since");
    let sample = fixture.sample(import.id, 0).await;
    let ending = Box::pin(worker.end_unused_uploads(Timestamp::now().plus_ms(1)));
    beside_another_change(&fixture.core.store, ending).await.unwrap();
    let ended = imports::get(&fixture.core, &fixture.owner, fixture.project, import.id).await.unwrap();
    assert_eq!((ended.import.state, ended.import.failed, fixture.used().await), (ImportState::Finished, 2, 0));
    assert!(ended.files[0].error.starts_with("The upload was not continued for 7 days."), "{}", ended.files[0].error);
    assert!(fixture.discarded().await.contains(&sample));
    let retried = imports::retry(&fixture.core, &fixture.owner, fixture.project, import.id).await.unwrap().import;
    worker.end_unused_uploads(import.created_at.plus_ms(1)).await.unwrap();
    assert_eq!((retried.state, fixture.used().await), (ImportState::Running, CHUNK_BYTES + 8));
}

#[tokio::test]
async fn the_quota_counts_what_is_being_imported() {
    let mut fixture = Fixture::new().await;
    fixture.core.samples.limits.quota = 100;
    let first = fixture.begin(&[("a", 60)]).await.unwrap().import;
    let error = fixture.begin(&[("b", 41)]).await.unwrap_err();
    assert_eq!(error.field_error().map(|(field, _)| field), Some("files"));
    fixture.begin(&[("b", 40)]).await.unwrap();
    imports::stop(&fixture.core, &fixture.owner, fixture.project, first.id).await.unwrap();
    fixture.begin(&[("c", 60)]).await.unwrap();
    assert_eq!(fixture.used().await, 100);
}

#[tokio::test]
async fn reserved_bytes_do_not_overflow_without_a_quota() {
    let fixture = Fixture::new().await;
    let mut tx = fixture.core.store.begin().await.unwrap();
    for (bytes, expected) in [(i64::MAX - 5, true), (6, false), (5, true)] {
        assert_eq!(store::samples::reserve(&mut tx, fixture.owner.organization, bytes, 0).await.unwrap(), expected, "{bytes}");
    }
}

#[tokio::test]
async fn deleted_samples_leave_nothing() {
    let fixture = Fixture::new().await;
    let import = fixture.begin(&[("a", 1), ("b", 1)]).await.unwrap().import;
    for position in 0..2 {
        fixture.upload(import.id, position, 0, &Bytes::from_static(b"x")).await.unwrap();
    }
    let samples = list(&fixture.core, &fixture.owner, fixture.project, "", None).await.unwrap().samples;
    let deleted = delete(&fixture.core, &fixture.owner, fixture.project, &[samples[0].id, SampleId::new()]).await;
    assert_eq!((deleted, fixture.used().await), (Ok(1), 1));
    assert_eq!(fixture.discarded().await, [samples[0].id]);
    projects::delete(&fixture.core, &fixture.owner, fixture.project).await.unwrap();
    assert_eq!((fixture.used().await, fixture.discarded().await.len()), (0, 2));
    let worker = ImportWorker::new(&fixture.core);
    let writing = fixture.core.samples.begin_writing(samples[0].id).unwrap();
    worker.remove_all_discarded().await.unwrap();
    assert_eq!(fixture.discarded().await, [samples[0].id], "content is not removed while it is written");
    drop(writing);
    worker.remove_all_discarded().await.unwrap();
    assert!(fixture.discarded().await.is_empty());
    let left = fixture.core.samples.read(fixture.owner.organization, samples[0].id, 0..1).try_collect::<Vec<Bytes>>().await;
    assert!(left.is_err());
}

#[tokio::test]
async fn only_the_user_who_began_an_import_uploads() {
    let fixture = Fixture::new().await;
    let import = fixture.begin(&[("a", 1)]).await.unwrap().import;
    let other = Actor { user: UserId::new(), ..fixture.owner.clone() };
    let content = Bytes::from_static(b"x");
    let refused = imports::upload_part(&fixture.core, &other, fixture.project, import.id, 0, 0, content.clone()).await;
    assert!(matches!(refused, Err(Error::Conflict { .. })));
    let foreign = Actor { organization: OrganizationId::new(), ..fixture.owner.clone() };
    let refused = imports::upload_part(&fixture.core, &foreign, fixture.project, import.id, 0, 0, content).await;
    assert_eq!(refused, Err(Error::NotFound));
    let viewer = Actor { permissions: Permissions::of(&[Permission::ViewProject]), ..fixture.owner.clone() };
    let refused = imports::stop(&fixture.core, &viewer, fixture.project, import.id).await;
    assert_eq!(refused, Err(Error::forbidden(Permission::ManageProjects)));
}

#[tokio::test]
async fn nothing_is_stored_on_a_disk_that_is_too_full() {
    let mut fixture = Fixture::new().await;
    let limits = SampleLimits { free_min_percent: 101, ..fixture.core.samples.limits };
    let folder = SampleStoreSpec::Folder(fixture.data.path().join("samples"));
    fixture.core.samples = SampleStore::open(&folder, limits, &fixture.core.http_client, None).unwrap();
    let import = fixture.begin(&[("a", 1)]).await.unwrap().import;
    let refused = fixture.upload(import.id, 0, 0, &Bytes::from_static(b"x")).await;
    assert_eq!(refused, Err(Error::conflict("content", "Less than 5 % of the server's disk is free. Contact its operator.")));
}
