//! Uploads local files in parts.

use bytes::Bytes;
use sha2::Digest;

use super::{find, finish};
use crate::{
    Core,
    actor::Actor,
    claims::sample_claim,
    projects,
    samples::{
        FULL_DISK,
        store::{hashed, internal, stored_hash},
    },
};
use latchkey_store::{
    self as store, Connection,
    imports::{FileRecord, ImportRecord},
};
use latchkey_types::{
    error::Error,
    id::{ImportId, ProjectId, SampleId},
    permission::Permission,
    sample::{CHUNK_BYTES, FileState, ImportState, SampleSource},
};

/// While another part of the file is stored, by any instance.
const BUSY: Error = Error::Throttled { seconds: 1 };

/// Stores a part of a local file: the [`CHUNK_BYTES`] bytes at `offset`, or those up to the end of the file. Returns the number of bytes of the
/// file that are stored. Only the user who started the import job can upload. Needs *Manage Projects*, in the organization and in the project.
/// Call it in a task of its own: the work is lost if the future is dropped.
///
/// # Errors
/// `Conflict` at `offset` if other bytes are expected: the message is `Continue at byte N.`, where `N` is the size of the file if it is complete,
/// and 0 if what is stored has been lost. `Conflict` at `import` if the import job has ended or the file has failed, at `content` if the disk is
/// too full. `Invalid` at `content` if the part has another length. `Throttled` while another part of the file is stored.
pub async fn upload_part(
    core: &Core,
    actor: &Actor,
    project: ProjectId,
    import: ImportId,
    position: i64,
    offset: i64,
    content: Bytes,
) -> Result<i64, Error> {
    let mut db = core.store.connection().await?;
    projects::find_managed(&mut db, actor, project).await?;
    let sample = find_file(&mut db, actor, project, import, position).await?.1.sample_id;
    drop(db);
    let Some(_writing) = core.samples.begin_writing(sample) else { return Err(BUSY) };
    let claim = core.claims.take(sample_claim(sample)).await?.ok_or(BUSY)?;
    let part = Part { project, import, position, offset, content };
    let stored = store_part(core, actor, sample, part).await;
    claim.release().await;
    stored
}

/// A part of a local file.
struct Part {
    project: ProjectId,
    import: ImportId,
    position: i64,
    offset: i64,
    content: Bytes,
}

/// Stores a part of a file that no other task writes.
async fn store_part(core: &Core, actor: &Actor, sample: SampleId, part: Part) -> Result<i64, Error> {
    let Part { project, import, position, offset, content } = part;
    // Again, because another part may have been stored, or the import retried, before this one was allowed to write.
    let (job, file) = find_file(&mut *core.store.connection().await?, actor, project, import, position).await?;
    if file.sample_id != sample {
        return Err(BUSY);
    }
    let end = end_of(&job, &file, offset, content.len())?;
    if !core.samples.has_room() {
        return Err(Error::conflict("content", FULL_DISK));
    }
    let hash = match core.samples.hash_of_file(job.organization_id, &file).await {
        Ok(hash) => hashed(hash, &content).await,
        Err(error) if core.samples.is_lost(&error) => {
            tracing::warn!(%error, import = %job.id, "a file must be uploaded again from its beginning");
            return Err(reset(core, actor, project, &file).await?);
        }
        Err(error) => return Err(internal(error)),
    };
    core.samples.put_chunk(job.organization_id, file.sample_id, offset / CHUNK_BYTES, content).await.map_err(internal)?;
    let is_complete = end == file.size;
    if is_complete {
        core.samples.remove_unfinished(job.organization_id, file.sample_id).await;
    }
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    projects::find_managed(&mut change.tx, &change.actor, project).await?;
    if !core.claims.confirm(&mut change.tx, &sample_claim(sample)).await? {
        return Err(BUSY);
    }
    let is_stored = if is_complete {
        let sha256 = hex::encode(hash.clone().finalize());
        store::imports::complete(&mut change.tx, &job, &file, &sha256).await?
    } else {
        store::imports::set_copied(&mut change.tx, &file, end, stored_hash(&core.store, &hash).as_deref()).await?
    };
    if !is_stored {
        return Err(ended());
    }
    store::imports::set_used(&mut change.tx, job.id).await?;
    let finished = if is_complete { finish(&mut change.tx, &job).await? } else { None };
    change.commit(finished).await?;
    if is_complete {
        core.samples.forget_hash(file.sample_id);
    } else {
        core.samples.keep_hash(file.sample_id, end, hash);
    }
    Ok(end)
}

/// Records that nothing of a file is stored. Returns the error for the caller.
async fn reset(core: &Core, actor: &Actor, project: ProjectId, file: &FileRecord) -> Result<Error, Error> {
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    projects::find_managed(&mut change.tx, &change.actor, project).await?;
    if !store::imports::set_copied(&mut change.tx, file, 0, None).await? {
        return Err(ended());
    }
    change.commit([]).await?;
    Ok(continue_at(0))
}

/// A file of an import job that the actor started.
async fn find_file(
    db: &mut Connection,
    actor: &Actor,
    project: ProjectId,
    import: ImportId,
    position: i64,
) -> Result<(ImportRecord, FileRecord), Error> {
    let job = find(db, project, import).await?;
    if job.source != SampleSource::Local {
        return Err(Error::conflict("import", "This import has no local files."));
    }
    if job.created_by != actor.user {
        return Err(Error::conflict("import", "Only the user who started an import can upload its files."));
    }
    let file = store::imports::file(db, import, position).await?.ok_or(Error::NotFound)?;
    Ok((job, file))
}

/// The number of bytes of the file after a part, if it is the one that is expected.
fn end_of(job: &ImportRecord, file: &FileRecord, offset: i64, length: usize) -> Result<i64, Error> {
    let is_open = job.state == ImportState::Running && file.state != FileState::Failed;
    if !is_open && file.state != FileState::Complete {
        return Err(ended());
    }
    if offset != file.copied || file.state == FileState::Complete {
        return Err(continue_at(file.copied));
    }
    let expected = CHUNK_BYTES.min(file.size - offset);
    if i64::try_from(length) != Ok(expected) {
        return Err(Error::invalid("content", format!("Send the next {expected} bytes of the file.")));
    }
    Ok(offset + expected)
}

fn continue_at(offset: i64) -> Error {
    Error::conflict("offset", format!("Continue at byte {offset}."))
}

fn ended() -> Error {
    Error::conflict("import", "This file is no longer being imported. Retry the import.")
}
