//! Copies one file, chunk by chunk.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::time::sleep;

use super::{ImportWorker, POLL, outage::Unreachable};
use crate::{
    actor::{Actor, AuthMethod},
    claims::{import_claim, sample_claim},
    credentials::{self, OpenError},
    projects,
    samples::{
        FULL_DISK, imports,
        source::{Link, RemoteFile, Source, SourceError},
        store::{hashed, stored_hash},
    },
};
use latchkey_store::{
    self as store, Connection, StoreError, Tx, WriteLock,
    imports::{FileRecord, ImportRecord},
};
use latchkey_types::{
    error::Error,
    id::ProjectId,
    key_kind::CredentialKind,
    sample::{CHUNK_BYTES, FileState},
};

/// Pauses before the attempts to repeat an interrupted request.
const PAUSES: [Duration; 5] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];

/// Why a file is not copied.
#[derive(Debug)]
enum CopyError {
    /// A reason that concerns only this file, as a sentence.
    File(String),
    /// A reason that concerns all files of the import job, as a sentence.
    Job(String),
    /// The file is no longer being imported, or another instance imports it.
    Ended,
    /// The source does not respond. The file is continued later.
    Paused,
    /// The database failed. The file is copied later.
    Database(Error),
}

impl From<Error> for CopyError {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl From<StoreError> for CopyError {
    fn from(error: StoreError) -> Self {
        Self::Database(error.into())
    }
}

impl ImportWorker {
    /// Copies a file, and records the outcome.
    pub(super) async fn copy(&self, job: ImportRecord, file: FileRecord) {
        let Some(_writing) = self.samples.begin_writing(file.sample_id) else { return };
        let outcome = match self.claims.take(sample_claim(file.sample_id)).await {
            Ok(Some(claim)) => {
                let outcome = self.copy_claimed(&job, &file).await;
                claim.release().await;
                outcome
            }
            // An instance that had claimed the import job still writes the content.
            Ok(None) => {
                sleep(POLL).await;
                Ok(())
            }
            Err(error) => Err(error.into()),
        };
        if let Err(error) = outcome {
            tracing::warn!(%error, import = %job.id, "the state of an import could not be read or stored");
            // A pause, because the file is still open and would be copied again immediately.
            sleep(POLL).await;
        }
    }

    async fn copy_claimed(&self, job: &ImportRecord, file: &FileRecord) -> Result<(), Error> {
        match self.copy_current(job, file).await {
            Err(CopyError::File(reason)) => self.fail(job, Some(file), &reason).await,
            Err(CopyError::Job(reason)) => self.fail(job, None, &reason).await,
            Err(CopyError::Database(error)) => Err(error),
            Ok(()) | Err(CopyError::Ended | CopyError::Paused) => Ok(()),
        }
    }

    /// Copies a file if it is still open: it may have been stopped, and its content removed, before this task was allowed to write.
    async fn copy_current(&self, job: &ImportRecord, file: &FileRecord) -> Result<(), CopyError> {
        let current = store::imports::file(&mut *self.store.connection().await?, job.id, file.position).await?;
        let is_open = |current: &FileRecord| current.sample_id == file.sample_id && matches!(current.state, FileState::Waiting | FileState::Copying);
        match current.filter(is_open) {
            Some(current) => self.copy_chunks(job, &current).await,
            None => Err(CopyError::Ended),
        }
    }

    async fn copy_chunks(&self, job: &ImportRecord, file: &FileRecord) -> Result<(), CopyError> {
        let mut source = self.open_source(job).await?;
        let (mut hash, mut copied) = self.resume(job, file).await;
        if copied == 0 && file.size > CHUNK_BYTES {
            self.record(job, file, 0, &hash).await?;
        }
        let mut link = None;
        while copied < file.size {
            let end = file.size.min(copied + CHUNK_BYTES);
            let content = self.read(&source, job, file, copied..end, &mut link).await?;
            hash = hashed(hash, &content).await;
            self.write(job, file, copied / CHUNK_BYTES, content).await?;
            copied = end;
            if copied < file.size {
                self.record(job, file, copied, &hash).await?;
                // For the next attempt, if the source does not respond.
                self.samples.keep_hash(file.sample_id, copied, hash.clone());
                // Since the last chunk, the key may have expired, and the user may have lost the permission.
                source = self.open_source(job).await?;
            }
        }
        self.samples.remove_unfinished(job.organization_id, file.sample_id).await;
        self.complete(job, file, hash).await?;
        self.samples.forget_hash(file.sample_id);
        Ok(())
    }

    /// The hash of the chunks that are stored, and their bytes; none if they cannot be read.
    async fn resume(&self, job: &ImportRecord, file: &FileRecord) -> (Sha256, i64) {
        match self.samples.hash_of_file(job.organization_id, file).await {
            Ok(hash) => (hash, file.copied),
            Err(error) => {
                tracing::warn!(%error, import = %job.id, "a file is imported again from its beginning");
                (Sha256::new(), 0)
            }
        }
    }

    /// Reads a chunk, with several attempts.
    async fn read(
        &self,
        source: &Source,
        job: &ImportRecord,
        file: &FileRecord,
        range: Range<i64>,
        link: &mut Option<Link>,
    ) -> Result<Bytes, CopyError> {
        let remote = RemoteFile { container: &job.container, location: &file.location, etag: &file.etag, size: file.size };
        let (began, mut pauses) = (Instant::now(), PAUSES.into_iter());
        loop {
            match (source.read(&remote, &range, link).await, pauses.next()) {
                (Ok(content), _) => {
                    self.outages.record_read(job.id, Instant::now());
                    return Ok(content);
                }
                (Err(error), Some(pause)) if error.is_temporary() => sleep(pause).await,
                (Err(error), None) if error.is_temporary() => return Err(self.unreachable(&error, job, began)),
                (Err(error), _) => return Err(failure(&error, job)),
            }
        }
    }

    /// What follows from a source that has not responded since `began`.
    fn unreachable(&self, error: &SourceError, job: &ImportRecord, began: Instant) -> CopyError {
        match self.outages.record_failure(job.id, began, Instant::now()) {
            Unreachable::Pause => {
                tracing::info!(import = %job.id, ?error, "the source of an import does not respond");
                CopyError::Paused
            }
            Unreachable::FailFile => CopyError::File(error.sentence(job.source)),
            Unreachable::FailJob => CopyError::Job(error.sentence(job.source)),
        }
    }

    /// Stores a chunk.
    async fn write(&self, job: &ImportRecord, file: &FileRecord, number: i64, content: Bytes) -> Result<(), CopyError> {
        if !self.samples.has_room() {
            return Err(CopyError::Job(FULL_DISK.to_owned()));
        }
        self.samples.put_chunk(job.organization_id, file.sample_id, number, content).await.map_err(|error| {
            tracing::error!(%error, import = %job.id, "the sample store failed");
            CopyError::File("The file could not be stored. Contact the operator of this server, then retry.".to_owned())
        })
    }

    /// Opens the import job's source with the external key of the user who started it, who must still be allowed to import.
    async fn open_source(&self, job: &ImportRecord) -> Result<Source, CopyError> {
        self.authorize(job).await?;
        let id = job.credential_id.ok_or_else(|| CopyError::Job("The import has no external key.".to_owned()))?;
        let opened = credentials::open_in(&self.store, &self.vault, job.organization_id, id).await.map_err(|error| match error {
            OpenError::Deleted => CopyError::Job("The external key was deleted. Add another one, then retry.".to_owned()),
            OpenError::Expired => CopyError::Job("The external key has expired. Replace it, then retry.".to_owned()),
            OpenError::Unreadable => CopyError::Job("The external key can't be decrypted. Replace it, then retry.".to_owned()),
            OpenError::Internal(error) => CopyError::Database(error),
        })?;
        if opened.record.created_by != job.created_by {
            return Err(CopyError::Job("The external key belongs to another user now.".to_owned()));
        }
        Source::new(&self.http_client, &self.endpoints, opened.secrets).ok_or(CopyError::Database(Error::Internal))
    }

    async fn authorize(&self, job: &ImportRecord) -> Result<(), CopyError> {
        let mut db = self.store.connection().await?;
        let user = store::users::find_user(&mut db, job.created_by).await?;
        let Some(user) = user.filter(|user| user.disabled_at.is_none() && user.organization_id == job.organization_id) else {
            return Err(CopyError::Job("The user who started the import was disabled.".to_owned()));
        };
        let actor = Actor {
            organization: user.organization_id,
            user: user.id,
            name: user.name,
            // A background task has no session.
            auth_method: AuthMethod::Password,
            permissions: user.permissions,
            scopes: None,
            address: None,
        };
        match require_allowed(&mut db, &actor, job.project_id).await {
            Ok(()) => Ok(()),
            Err(Error::Forbidden { .. } | Error::NotFound) => {
                Err(CopyError::Job("The user who started the import may no longer import samples into this project.".to_owned()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Begins a transaction that records the state of an import job; `None` if another instance has taken it over.
    async fn begin(&self, job: &ImportRecord) -> Result<Option<Tx>, Error> {
        let mut tx = self.store.begin_locked(WriteLock::Organization(job.organization_id)).await?;
        Ok(if self.claims.confirm(&mut tx, &import_claim(job.id)).await? { Some(tx) } else { None })
    }

    /// Records how much of a file is stored, and its hash.
    async fn record(&self, job: &ImportRecord, file: &FileRecord, copied: i64, hash: &Sha256) -> Result<(), CopyError> {
        let mut tx = self.begin(job).await?.ok_or(CopyError::Ended)?;
        if !store::imports::set_copied(&mut tx, file, copied, stored_hash(&self.store, hash).as_deref()).await? {
            return Err(CopyError::Ended);
        }
        Ok(tx.commit().await?)
    }

    async fn complete(&self, job: &ImportRecord, file: &FileRecord, hash: Sha256) -> Result<(), CopyError> {
        let mut tx = self.begin(job).await?.ok_or(CopyError::Ended)?;
        if !store::imports::complete(&mut tx, job, file, &hex::encode(hash.finalize())).await? {
            return Err(CopyError::Ended);
        }
        Ok(self.commit(tx, job).await?)
    }

    /// Fails a file, or all open files of an import job.
    async fn fail(&self, job: &ImportRecord, file: Option<&FileRecord>, reason: &str) -> Result<(), Error> {
        let Some(mut tx) = self.begin(job).await? else { return Ok(()) };
        match file {
            Some(file) => store::imports::fail_file(&mut tx, job, file, reason).await?,
            None => store::imports::fail_open_files(&mut tx, job, reason).await?,
        }
        self.commit(tx, job).await
    }

    /// Commits; if that was the last file of an import job, ends the job.
    pub(super) async fn commit(&self, mut tx: Tx, job: &ImportRecord) -> Result<(), Error> {
        let finished = imports::finish(&mut tx, job).await?;
        self.auditor.commit(tx, finished).await?;
        Ok(())
    }
}

/// Requires the permissions to start an import, and to see its samples.
async fn require_allowed(db: &mut Connection, actor: &Actor, project: ProjectId) -> Result<(), Error> {
    projects::find_visible(db, actor, project).await?;
    projects::find_managed(db, actor, project).await?;
    actor.require(CredentialKind::External.spec().manage)
}

fn failure(error: &SourceError, job: &ImportRecord) -> CopyError {
    let sentence = error.sentence(job.source);
    if error.concerns_all_files() { CopyError::Job(sentence) } else { CopyError::File(sentence) }
}
