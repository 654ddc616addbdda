//! The rules for samples: listing, reading and deleting them.

use std::ops::Range;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};

use super::{imports, source::own_keys, store::internal};
use crate::{Core, actor::Actor, projects};
use latchkey_store::{self as store, samples::SampleRecord};
use latchkey_types::{
    error::Error,
    id::{ProjectId, SampleId},
    permission::Permission,
    sample::{SAMPLES_DELETE_MAX, SAMPLES_PAGE, SampleList, SampleRow},
    time::{DAY_MS, Timestamp},
    validate,
};

/// Maximum number of import jobs in the list, and for how long ended ones with failed files are listed.
const JOBS_SHOWN: i64 = 20;
const JOBS_SHOWN_MS: i64 = 7 * DAY_MS;

/// The content of a sample, or a part of it.
pub struct SampleContent {
    /// The name of the file, which is not safe as a path.
    pub name: String,
    /// Size of the whole sample, in bytes.
    pub size: i64,
    /// SHA-256 of the whole sample, in hexadecimal.
    pub sha256: String,
    pub stream: BoxStream<'static, Result<Bytes, Error>>,
}

/// A page of a project's samples whose name or batch contains a text, after the sample `after`. Needs *View Project*, in the organization and in
/// the project.
pub async fn list(core: &Core, actor: &Actor, project: ProjectId, search: &str, after: Option<SampleId>) -> Result<SampleList, Error> {
    let mut db = core.store.connection().await?;
    projects::find_visible(&mut db, actor, project).await?;
    let search = validate::search("search", search)?;
    let since = Timestamp::now().plus_ms(-JOBS_SHOWN_MS);
    let jobs = store::imports::of_interest(&mut db, project, since, JOBS_SHOWN).await?;
    let imports = imports::rows(&mut db, actor, jobs).await?;
    // Released, because the following queries use other connections.
    drop(db);
    let page = i64::try_from(SAMPLES_PAGE).unwrap_or(i64::MAX);
    // One more than is shown, to detect a next page.
    let mut samples = store::samples::page(&core.store, project, &search, after, page + 1).await?;
    let has_more = samples.len() > SAMPLES_PAGE;
    samples.truncate(SAMPLES_PAGE);
    Ok(SampleList {
        next: samples.last().map(|sample| sample.id).filter(|_| has_more),
        samples: samples.into_iter().map(SampleRecord::row).collect(),
        total: store::samples::count(&core.store, project, &search).await?,
        imports,
        used: store::samples::used(&core.store, actor.organization).await?,
        quota: core.samples.limits.quota,
        own_keys: own_keys(core, actor).await?,
    })
}

/// One sample. Needs *View Project*, in the organization and in the project.
pub async fn get(core: &Core, actor: &Actor, project: ProjectId, id: SampleId) -> Result<SampleRow, Error> {
    let mut db = core.store.connection().await?;
    projects::find_visible(&mut db, actor, project).await?;
    Ok(store::samples::find(&mut db, project, id).await?.ok_or(Error::NotFound)?.row())
}

/// Deletes samples permanently. Those that do not exist are skipped. Returns how many were deleted. Needs *Manage Projects*, in the organization
/// and in the project.
///
/// # Errors
/// `Invalid` at `ids` for more than [`SAMPLES_DELETE_MAX`].
pub async fn delete(core: &Core, actor: &Actor, project: ProjectId, ids: &[SampleId]) -> Result<usize, Error> {
    let mut change = core.begin(actor, &[Permission::ManageProjects]).await?;
    projects::find_managed(&mut change.tx, &change.actor, project).await?;
    if ids.len() > SAMPLES_DELETE_MAX {
        return Err(Error::invalid("ids", format!("Send at most {SAMPLES_DELETE_MAX} ids.")));
    }
    let samples = store::samples::find_many(&mut change.tx, project, ids).await?;
    store::samples::delete(&mut change.tx, change.actor.organization, &samples).await?;
    let event = |sample: &SampleRecord| {
        let event = change.event("sample.deleted", "sample", sample.id, &sample.name);
        event.with("project", project.to_string()).with("batch", sample.batch.as_str())
    };
    let events: Vec<_> = samples.iter().map(event).collect();
    change.commit(events).await?;
    core.samples.notify_discarded();
    Ok(samples.len())
}

/// The content of a sample, or the bytes of it in `range`. Each call is recorded in the audit log before the content is returned. Needs *View
/// Project*, in the organization and in the project.
///
/// # Errors
/// `Invalid` at `range` if it is not within the sample.
pub async fn content(core: &Core, actor: &Actor, project: ProjectId, id: SampleId, range: Option<Range<u64>>) -> Result<SampleContent, Error> {
    let mut change = core.begin(actor, &[Permission::ViewProject]).await?;
    projects::find_visible(&mut change.tx, &change.actor, project).await?;
    let sample = store::samples::find(&mut change.tx, project, id).await?.ok_or(Error::NotFound)?;
    let range = bytes_of(&sample, range)?;
    let event = change.event("sample.downloaded", "sample", id, &sample.name).with("project", project.to_string());
    let organization = change.actor.organization;
    change.commit([event]).await?;
    let pieces = core.samples.read(organization, id, range).map_err(internal);
    Ok(SampleContent { name: sample.name, size: sample.size, sha256: sample.sha256, stream: pieces.boxed() })
}

fn bytes_of(sample: &SampleRecord, range: Option<Range<u64>>) -> Result<Range<i64>, Error> {
    let Some(range) = range else { return Ok(0..sample.size) };
    let outside = || Error::invalid("range", format!("The sample has {} bytes.", sample.size));
    let start = i64::try_from(range.start).map_err(|_| outside())?;
    let end = i64::try_from(range.end).map_err(|_| outside())?;
    if start < end && end <= sample.size { Ok(start..end) } else { Err(outside()) }
}
