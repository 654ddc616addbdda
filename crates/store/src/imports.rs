//! Import jobs and their files.

use std::collections::HashMap;

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{Connection, Store, StoreError, Tx, columns::Columns, placeholders, samples};
use latchkey_types::{
    id::{CredentialId, ImportId, OrganizationId, ProjectId, SampleId, UserId},
    sample::{CHUNK_BYTES, FileMode, FileState, ImportFile, ImportState, SampleSource},
    time::Timestamp,
};

/// An import job without its files.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ImportRecord {
    pub id: ImportId,
    pub organization_id: OrganizationId,
    pub project_id: ProjectId,
    pub source: SampleSource,
    /// The bucket or the `DNAnexus` project; empty for local files.
    pub container: String,
    pub prefix: String,
    pub mode: FileMode,
    pub batch: String,
    /// The external key that reads the files; `None` for local files.
    pub credential_id: Option<CredentialId>,
    pub state: ImportState,
    pub created_by: UserId,
    /// The name of the user who started it.
    pub creator: String,
    pub created_at: Timestamp,
}

const JOB: &str = "select j.id, j.organization_id, j.project_id, j.source, j.container, j.prefix, j.mode, j.batch, j.credential_id, j.state, \
     j.created_by, u.name as creator, j.created_at from import_jobs j join users u on u.id = j.created_by";

/// A file of an import job.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct FileRecord {
    pub job_id: ImportId,
    pub position: i64,
    pub name: String,
    /// The object's key or the id of the `DNAnexus` file; empty for local files.
    pub location: String,
    /// Changes with the content; empty if the source has none.
    pub etag: String,
    pub size: i64,
    /// Bytes that are stored, in whole chunks.
    pub copied: i64,
    pub state: FileState,
    /// Why it failed; otherwise empty.
    pub error: String,
    /// The id under which its content is stored. It is replaced after each failure, because the content is then removed.
    pub sample_id: SampleId,
    /// The state of SHA-256 after the bytes that are stored, if several instances use the database.
    pub hash_state: Option<Vec<u8>>,
}

const FILE: &str = "select f.job_id, f.position, f.name, f.location, f.etag, f.size, f.copied, f.state, f.error, f.sample_id, f.hash_state \
     from import_files f";

/// A file that is neither complete nor failed. The redundant last term lets both databases use the index of incomplete files.
const IS_OPEN: &str = "state in ('waiting', 'copying') and state <> 'complete'";

pub struct NewImport {
    pub id: ImportId,
    pub organization: OrganizationId,
    pub project: ProjectId,
    pub source: SampleSource,
    pub container: String,
    pub prefix: String,
    pub pattern: String,
    pub mode: FileMode,
    pub batch: String,
    pub credential: Option<CredentialId>,
    pub created_by: UserId,
}

/// A file of a new import job.
pub struct NewFile {
    pub name: String,
    pub location: String,
    pub etag: String,
    pub size: i64,
}

/// Creates a running import job with waiting files, whose positions are their order.
pub async fn insert(tx: &mut Tx, job: &NewImport, files: &[NewFile]) -> Result<(), StoreError> {
    let now = Timestamp::now();
    Columns::new()
        .set("id", job.id)
        .set("organization_id", job.organization)
        .set("project_id", job.project)
        .set("source", job.source)
        .set("container", &job.container)
        .set("prefix", &job.prefix)
        .set("pattern", &job.pattern)
        .set("mode", job.mode)
        .set("batch", &job.batch)
        .set("credential_id", job.credential)
        .set("state", ImportState::Running)
        .set("created_by", job.created_by)
        .set("created_at", now)
        .set("used_at", now)
        .insert(tx, "import_jobs")
        .await?;
    // In one statement, because there are up to ten thousand files.
    let sql = AssertSqlSafe(format!(
        "insert into import_files (job_id, position, name, location, etag, size, sample_id, copied, state, error) \
         select $2, cast(value ->> 0 as bigint), value ->> 1, value ->> 2, value ->> 3, cast(value ->> 4 as bigint), value ->> 5, 0, $3, '' from {}",
        tx.json_rows()
    ));
    let to_json = |(position, file): (usize, &NewFile)| json!([position, file.name, file.location, file.etag, file.size, SampleId::new()]);
    let rows = files.iter().enumerate().map(to_json).collect::<Value>().to_string();
    sqlx::query(sql).bind(rows).bind(job.id).bind(FileState::Waiting).execute(tx).await?;
    Ok(())
}

/// The project's import job with this id.
pub async fn find(db: &mut Connection, project: ProjectId, id: ImportId) -> Result<Option<ImportRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{JOB} where j.project_id = $1 and j.id = $2"));
    Ok(sqlx::query_as(sql).bind(project).bind(id).fetch_optional(db).await?)
}

/// At most `limit` import jobs of a project: first those that run, then those that ended with failed files after this time; each newest first.
pub async fn of_interest(db: &mut Connection, project: ProjectId, since: Timestamp, limit: i64) -> Result<Vec<ImportRecord>, StoreError> {
    let has_failed = "exists (select 1 from import_files f where f.job_id = j.id and f.state = 'failed' and f.state <> 'complete')";
    let sql = AssertSqlSafe(format!(
        "{JOB} where j.project_id = $1 and (j.state = 'running' or (j.state = 'finished' and j.finished_at > $2 and {has_failed})) \
         order by case j.state when 'running' then 0 else 1 end, j.id desc limit $3"
    ));
    Ok(sqlx::query_as(sql).bind(project).bind(since).bind(limit).fetch_all(db).await?)
}

/// The running import jobs that read a storage provider, oldest first.
pub async fn running_remote(store: &Store) -> Result<Vec<ImportRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{JOB} where j.state = 'running' and j.source <> 'local' order by j.id"));
    Ok(sqlx::query_as(sql).fetch_all(store.read()?).await?)
}

/// The oldest running import job of local files that was not used since `before`.
pub async fn find_unused_local(db: &mut Connection, before: Timestamp) -> Result<Option<ImportRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{JOB} where j.state = 'running' and j.source = 'local' and j.used_at < $1 order by j.id limit 1"));
    Ok(sqlx::query_as(sql).bind(before).fetch_optional(db).await?)
}

/// Records that a part of a local file was stored.
pub async fn set_used(tx: &mut Tx, job: ImportId) -> Result<(), StoreError> {
    sqlx::query("update import_jobs set used_at = $1 where id = $2").bind(Timestamp::now()).bind(job).execute(tx).await?;
    Ok(())
}

/// The numbers of files and bytes of an import job.
#[derive(Debug, Clone, Copy, Default, sqlx::FromRow)]
pub struct Progress {
    pub files: i64,
    pub complete: i64,
    pub failed: i64,
    pub bytes: i64,
    pub copied: i64,
}

#[derive(sqlx::FromRow)]
struct JobProgress {
    job_id: ImportId,
    #[sqlx(flatten)]
    progress: Progress,
}

/// The progress of these import jobs, by id.
pub async fn progress(db: &mut Connection, jobs: &[ImportId]) -> Result<HashMap<ImportId, Progress>, StoreError> {
    if jobs.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = AssertSqlSafe(format!(
        "select job_id, count(*) as files, cast(sum(case when state = 'complete' then 1 else 0 end) as bigint) as complete, \
         cast(sum(case when state = 'failed' then 1 else 0 end) as bigint) as failed, cast(sum(size) as bigint) as bytes, \
         cast(sum(copied) as bigint) as copied from import_files where job_id in ({}) group by job_id",
        placeholders(1, jobs.len())
    ));
    let rows: Vec<JobProgress> = jobs.iter().fold(sqlx::query_as(sql), |query, id| query.bind(*id)).fetch_all(db).await?;
    Ok(rows.into_iter().map(|row| (row.job_id, row.progress)).collect())
}

/// At most `limit` files of an import job: failed ones first, then those that are being copied, then the others.
pub async fn files(db: &mut Connection, job: ImportId, limit: i64) -> Result<Vec<FileRecord>, StoreError> {
    let rank = "case f.state when 'failed' then 0 when 'copying' then 1 when 'waiting' then 2 else 3 end";
    let sql = AssertSqlSafe(format!("{FILE} where f.job_id = $1 order by {rank}, f.position limit $2"));
    Ok(sqlx::query_as(sql).bind(job).bind(limit).fetch_all(db).await?)
}

/// The file of an import job at a position.
pub async fn file(db: &mut Connection, job: ImportId, position: i64) -> Result<Option<FileRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{FILE} where f.job_id = $1 and f.position = $2"));
    Ok(sqlx::query_as(sql).bind(job).bind(position).fetch_optional(db).await?)
}

/// At most `limit` files of an import job that are neither complete nor failed, in their order.
pub async fn open_files(db: &mut Connection, job: ImportId, limit: i64) -> Result<Vec<FileRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{FILE} where f.job_id = $1 and {IS_OPEN} order by f.position limit $2"));
    Ok(sqlx::query_as(sql).bind(job).bind(limit).fetch_all(db).await?)
}

/// Records that these bytes of a file are stored, and the state of their hash. Returns `false` if the file is no longer being imported.
pub async fn set_copied(tx: &mut Tx, file: &FileRecord, copied: i64, hash_state: Option<&[u8]>) -> Result<bool, StoreError> {
    let sql = AssertSqlSafe(format!("update import_files set state = $1, copied = $2, hash_state = $4 where sample_id = $3 and {IS_OPEN}"));
    let updated = sqlx::query(sql).bind(FileState::Copying).bind(copied).bind(file.sample_id).bind(hash_state).execute(tx).await?;
    Ok(updated.rows_affected() == 1)
}

/// Records that a file is stored, and creates its sample. Returns `false` if the file is no longer being imported. `sha256` is hexadecimal.
pub async fn complete(tx: &mut Tx, job: &ImportRecord, file: &FileRecord, sha256: &str) -> Result<bool, StoreError> {
    let sql = AssertSqlSafe(format!("update import_files set state = $1, copied = size, hash_state = null where sample_id = $2 and {IS_OPEN}"));
    let updated = sqlx::query(sql).bind(FileState::Complete).bind(file.sample_id).execute(&mut *tx).await?;
    if updated.rows_affected() == 0 {
        return Ok(false);
    }
    samples::insert(tx, &[new_sample(job, file.sample_id, &file.name, file.size, sha256)]).await?;
    Ok(true)
}

/// Records that the empty files of a new import job are stored, and creates their samples. `sha256` is that of empty content.
pub async fn complete_empty(tx: &mut Tx, job: &ImportRecord, sha256: &str) -> Result<(), StoreError> {
    let sql = AssertSqlSafe(format!("select sample_id, name from import_files where job_id = $1 and {IS_OPEN} and size = 0 order by position"));
    let files: Vec<(SampleId, String)> = sqlx::query_as(sql).bind(job.id).fetch_all(&mut *tx).await?;
    let empty: Vec<_> = files.iter().map(|(id, name)| new_sample(job, *id, name, 0, sha256)).collect();
    samples::insert(tx, &empty).await?;
    let sql = AssertSqlSafe(format!("update import_files set state = $2 where job_id = $1 and {IS_OPEN} and size = 0"));
    sqlx::query(sql).bind(job.id).bind(FileState::Complete).execute(tx).await?;
    Ok(())
}

fn new_sample<'a>(job: &'a ImportRecord, id: SampleId, name: &'a str, size: i64, sha256: &'a str) -> samples::NewSample<'a> {
    samples::NewSample {
        id,
        organization: job.organization_id,
        project: job.project_id,
        name,
        batch: &job.batch,
        source: job.source,
        size,
        sha256,
        imported_by: job.created_by,
    }
}

/// Fails a file that is being imported.
pub async fn fail_file(tx: &mut Tx, job: &ImportRecord, file: &FileRecord, error: &str) -> Result<(), StoreError> {
    fail(tx, job.organization_id, "sample_id = $1", &file.sample_id.to_string(), error).await
}

/// Fails all files of an import job that are neither complete nor failed.
pub async fn fail_open_files(tx: &mut Tx, job: &ImportRecord, error: &str) -> Result<(), StoreError> {
    fail(tx, job.organization_id, "job_id = $1", &job.id.to_string(), error).await
}

/// Fails the open files that match a condition on `$1`. Marks their content for removal, and releases their bytes.
async fn fail(tx: &mut Tx, organization: OrganizationId, condition: &str, first: &str, error: &str) -> Result<(), StoreError> {
    let sql = AssertSqlSafe(format!("select cast(coalesce(sum(size), 0) as bigint) from import_files where {condition} and {IS_OPEN}"));
    let bytes: i64 = sqlx::query_scalar(sql).bind(first).fetch_one(&mut *tx).await?;
    samples::release(tx, organization, bytes).await?;
    let sql = AssertSqlSafe(format!(
        "insert into discarded_samples (sample_id, organization_id, chunks, discarded_at) \
         select sample_id, $2, (size + {CHUNK_BYTES} - 1) / {CHUNK_BYTES}, $3 from import_files where {condition} and {IS_OPEN} and size > 0"
    ));
    sqlx::query(sql).bind(first).bind(organization).bind(Timestamp::now()).execute(&mut *tx).await?;
    let sql = AssertSqlSafe(format!("update import_files set state = $2, error = $3, copied = 0, hash_state = null where {condition} and {IS_OPEN}"));
    sqlx::query(sql).bind(first).bind(FileState::Failed).bind(error).execute(tx).await?;
    Ok(())
}

/// Number and size of the failed files of an import job.
pub async fn failed(tx: &mut Tx, job: ImportId) -> Result<(i64, i64), StoreError> {
    let sql = "select count(*), cast(coalesce(sum(size), 0) as bigint) from import_files \
         where job_id = $1 and state = 'failed' and state <> 'complete'";
    Ok(sqlx::query_as(sql).bind(job).fetch_one(tx).await?)
}

/// Sets the failed files of an import job to waiting, and runs it again with this external key. The caller reserves their bytes.
pub async fn retry_failed(tx: &mut Tx, job: ImportId, credential: Option<CredentialId>) -> Result<(), StoreError> {
    let sql = "select position from import_files where job_id = $1 and state = 'failed' and state <> 'complete'";
    let positions: Vec<i64> = sqlx::query_scalar(sql).bind(job).fetch_all(&mut *tx).await?;
    let sql = AssertSqlSafe(format!(
        "update import_files set state = $3, error = '', copied = 0, sample_id = renewed.sample_id from \
         (select cast(value ->> 0 as bigint) as position, value ->> 1 as sample_id from {}) as renewed \
         where import_files.job_id = $2 and import_files.position = renewed.position",
        tx.json_rows()
    ));
    let rows = positions.into_iter().map(|position| json!([position, SampleId::new()])).collect::<Value>().to_string();
    sqlx::query(sql).bind(rows).bind(job).bind(FileState::Waiting).execute(&mut *tx).await?;
    sqlx::query("update import_jobs set state = $1, finished_at = null, credential_id = $2, used_at = $3 where id = $4")
        .bind(ImportState::Running)
        .bind(credential)
        .bind(Timestamp::now())
        .bind(job)
        .execute(tx)
        .await?;
    Ok(())
}

/// Stops a running import job: its open files fail.
pub async fn stop(tx: &mut Tx, job: &ImportRecord) -> Result<(), StoreError> {
    fail_open_files(tx, job, "The import was stopped.").await?;
    sqlx::query("update import_jobs set state = $1, finished_at = $2 where id = $3")
        .bind(ImportState::Stopped)
        .bind(Timestamp::now())
        .bind(job.id)
        .execute(tx)
        .await?;
    Ok(())
}

/// Stops the running import jobs of a project.
pub async fn stop_in_project(tx: &mut Tx, project: ProjectId) -> Result<(), StoreError> {
    let sql = AssertSqlSafe(format!("{JOB} where j.project_id = $1 and j.state = 'running' order by j.id"));
    let jobs: Vec<ImportRecord> = sqlx::query_as(sql).bind(project).fetch_all(&mut *tx).await?;
    for job in &jobs {
        stop(tx, job).await?;
    }
    Ok(())
}

/// Ends a running import job if all its files are complete or failed. Returns whether it did.
pub async fn finish(tx: &mut Tx, job: ImportId) -> Result<bool, StoreError> {
    let sql = AssertSqlSafe(format!(
        "update import_jobs set state = $1, finished_at = $2 where id = $3 and state = 'running' \
         and not exists (select 1 from import_files where job_id = $3 and {IS_OPEN})"
    ));
    let finished = sqlx::query(sql).bind(ImportState::Finished).bind(Timestamp::now()).bind(job).execute(tx).await?;
    Ok(finished.rows_affected() == 1)
}

impl FileRecord {
    pub fn row(self) -> ImportFile {
        ImportFile {
            position: self.position,
            name: self.name,
            size: self.size,
            etag: self.etag,
            copied: self.copied,
            state: self.state,
            error: self.error,
        }
    }
}
