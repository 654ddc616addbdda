//! The rules for import jobs: starting, stopping and retrying them, and uploading local files.

mod begin;
mod upload;

pub use begin::begin;
pub use upload::upload_part;

use super::{source, store::GIB};
use crate::{
    Core,
    actor::{Actor, AuthMethod},
    audit::Event,
    change::Change,
    projects,
};
use latchkey_store::{
    self as store, Connection, Tx,
    imports::{FileRecord, ImportRecord},
};
use latchkey_types::{
    error::Error,
    id::{ImportId, OrganizationId, ProjectId},
    key_kind::CredentialKind,
    permission::{Permission, Permissions},
    sample::{ImportDetails, ImportRow, ImportState, SampleSource},
};

/// Number of files in the details of an import job.
const FILES_SHOWN: i64 = 100;
const MIB: i64 = 1 << 20;

/// An import job with its files. Needs *View Project*, in the organization and in the project.
pub async fn get(core: &Core, actor: &Actor, project: ProjectId, id: ImportId) -> Result<ImportDetails, Error> {
    let mut db = core.store.connection().await?;
    projects::find_visible(&mut db, actor, project).await?;
    details(&mut db, actor, project, id).await
}

/// Stops an import job. The samples of its complete files are kept; its other files fail, and can be retried. One that has ended is returned
/// unchanged. Needs *Manage Projects*, in the organization and in the project.
pub async fn stop(core: &Core, actor: &Actor, project: ProjectId, id: ImportId) -> Result<ImportDetails, Error> {
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    projects::find_managed(&mut change.tx, &change.actor, project).await?;
    let job = find(&mut change.tx, project, id).await?;
    if job.state != ImportState::Running {
        return details(&mut change.tx, &change.actor, project, id).await;
    }
    store::imports::stop(&mut change.tx, &job).await?;
    let stopped = details(&mut change.tx, &change.actor, project, id).await?;
    let event = event(&change, "import.stopped", &job);
    change.commit([event]).await?;
    core.samples.notify_discarded();
    Ok(stopped)
}

/// Imports the failed files of an import job again, from their beginning, with the key that the user has now. Needs *Manage Projects*, in the
/// organization and in the project.
///
/// # Errors
/// `Conflict` at `import` if no file failed, at `files` if they exceed the quota; `Invalid` at `query.source` if the user who started the import
/// job has no usable key.
pub async fn retry(core: &Core, actor: &Actor, project: ProjectId, id: ImportId) -> Result<ImportDetails, Error> {
    let job = {
        let mut db = core.store.connection().await?;
        projects::find_managed(&mut db, actor, project).await?;
        find(&mut db, project, id).await?
    };
    let credential = match job.source {
        SampleSource::Aws | SampleSource::Dnanexus if job.created_by == actor.user => Some(source::own_key(core, actor, job.source).await?.record.id),
        _ => job.credential_id,
    };
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    projects::find_managed(&mut change.tx, &change.actor, project).await?;
    if job.source.provider().is_some() {
        change.actor.require(CredentialKind::External.spec().manage)?;
    }
    let (files, bytes) = store::imports::failed(&mut change.tx, id).await?;
    if files == 0 {
        return Err(Error::conflict("import", "No file of this import has failed."));
    }
    reserve(core, &mut change.tx, job.organization_id, bytes).await?;
    store::imports::retry_failed(&mut change.tx, id, credential).await?;
    let retried = details(&mut change.tx, &change.actor, project, id).await?;
    let event = event(&change, "import.retried", &job).with("files", files);
    change.commit([event]).await?;
    core.samples.notify_imports();
    Ok(retried)
}

/// The project's import job with this id.
async fn find(db: &mut Connection, project: ProjectId, id: ImportId) -> Result<ImportRecord, Error> {
    store::imports::find(db, project, id).await?.ok_or(Error::NotFound)
}

async fn details(db: &mut Connection, actor: &Actor, project: ProjectId, id: ImportId) -> Result<ImportDetails, Error> {
    let job = find(db, project, id).await?;
    let import = rows(db, actor, vec![job]).await?.pop().ok_or(Error::Internal)?;
    let files = store::imports::files(db, id, FILES_SHOWN).await?;
    Ok(ImportDetails { import, files: files.into_iter().map(FileRecord::row).collect() })
}

/// Import jobs as the page shows them, in the same order.
pub(super) async fn rows(db: &mut Connection, actor: &Actor, jobs: Vec<ImportRecord>) -> Result<Vec<ImportRow>, Error> {
    let ids: Vec<ImportId> = jobs.iter().map(|job| job.id).collect();
    let mut progress = store::imports::progress(db, &ids).await?;
    let row = |job: ImportRecord| {
        let progress = progress.remove(&job.id).unwrap_or_default();
        ImportRow {
            id: job.id,
            project: job.project_id,
            source: job.source,
            location: if job.prefix.is_empty() { job.container } else { format!("{}/{}", job.container, job.prefix) },
            mode: job.mode,
            batch: job.batch,
            state: job.state,
            created_by: job.creator,
            created_at: job.created_at,
            files: progress.files,
            complete: progress.complete,
            failed: progress.failed,
            bytes: progress.bytes,
            copied: progress.copied,
            is_own: job.created_by == actor.user,
        }
    };
    Ok(jobs.into_iter().map(row).collect())
}

/// Reserves bytes of the organization's quota.
///
/// # Errors
/// `Conflict` at `files` if the quota would be exceeded.
async fn reserve(core: &Core, tx: &mut Tx, organization: OrganizationId, bytes: i64) -> Result<(), Error> {
    let quota = core.samples.limits.quota;
    if store::samples::reserve(tx, organization, bytes, quota).await? {
        return Ok(());
    }
    let message = format!(
        "With these {}, the samples of the organization would exceed its quota of {}. Import fewer files, or delete samples first.",
        size_text(bytes),
        size_text(quota)
    );
    Err(Error::conflict("files", message))
}

fn size_text(bytes: i64) -> String {
    if bytes >= GIB { format!("{}.{} GiB", bytes / GIB, bytes % GIB * 10 / GIB) } else { format!("{} MiB", (bytes + MIB - 1) / MIB) }
}

/// Ends an import job if all its files are complete or failed. Returns the event to be recorded.
pub(super) async fn finish(tx: &mut Tx, job: &ImportRecord) -> Result<Option<Event>, Error> {
    if !store::imports::finish(tx, job.id).await? {
        return Ok(None);
    }
    let progress = store::imports::progress(tx, &[job.id]).await?.remove(&job.id).unwrap_or_default();
    let event = Event::new(&creator(job), "import.finished", "import", job.id, &job.batch);
    Ok(Some(event.with("project", job.project_id.to_string()).with("complete", progress.complete).with("failed", progress.failed)))
}

/// The user who started an import job, for events: without permissions, because there is no session.
fn creator(job: &ImportRecord) -> Actor {
    Actor {
        organization: job.organization_id,
        user: job.created_by,
        name: job.creator.clone(),
        auth_method: AuthMethod::Password,
        permissions: Permissions::default(),
        scopes: None,
        address: None,
    }
}

fn event(change: &Change, action: &'static str, job: &ImportRecord) -> Event {
    change.event(action, "import", job.id, &job.batch).with("project", job.project_id.to_string())
}
