//! Samples of projects, the storage that an organization's samples use, and content to be removed from the sample store.

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{Connection, Store, StoreError, Tx, fold, like_pattern};
use latchkey_types::{
    id::{OrganizationId, ProjectId, SampleId, UserId},
    sample::{CHUNK_BYTES, SampleRow, SampleSource},
    time::Timestamp,
};

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SampleRecord {
    pub id: SampleId,
    pub name: String,
    pub batch: String,
    pub source: SampleSource,
    pub size: i64,
    pub sha256: String,
    pub imported_at: Timestamp,
    /// The name of the user who imported it.
    pub importer: String,
}

const SAMPLE: &str = "select s.id, s.name, s.batch, s.source, s.size, s.sha256, s.imported_at, u.name as importer \
     from samples s join users u on u.id = s.imported_by";

/// A condition on the text bound to `$2`. Only part of a statement if there is a text to find.
fn search_condition(search: &str) -> &'static str {
    if search.is_empty() { "$2 <> ''" } else { "(s.name_folded like $2 escape '\\' or s.batch_folded like $2 escape '\\')" }
}

/// At most `limit` samples of a project whose name or batch contains the text, newest first, after the sample `after`.
pub async fn page(store: &Store, project: ProjectId, search: &str, after: Option<SampleId>, limit: i64) -> Result<Vec<SampleRecord>, StoreError> {
    let position = if after.is_some() { "s.id < $3" } else { "coalesce($3, '') = ''" };
    let sql = AssertSqlSafe(format!("{SAMPLE} where s.project_id = $1 and {} and {position} order by s.id desc limit $4", search_condition(search)));
    // A search with few matches scans all samples of the project.
    let _permit = store.list_permit().await?;
    let query = sqlx::query_as(sql).bind(project).bind(like_pattern(&fold(search))).bind(after).bind(limit);
    Ok(query.fetch_all(store.read()?).await?)
}

/// The number of samples of a project whose name or batch contains the text.
pub async fn count(store: &Store, project: ProjectId, search: &str) -> Result<i64, StoreError> {
    let sql = AssertSqlSafe(format!("select count(*) from samples s where s.project_id = $1 and {}", search_condition(search)));
    let _permit = store.list_permit().await?;
    Ok(sqlx::query_scalar(sql).bind(project).bind(like_pattern(&fold(search))).fetch_one(store.read()?).await?)
}

pub async fn find(db: &mut Connection, project: ProjectId, id: SampleId) -> Result<Option<SampleRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{SAMPLE} where s.project_id = $1 and s.id = $2"));
    Ok(sqlx::query_as(sql).bind(project).bind(id).fetch_optional(db).await?)
}

pub struct NewSample<'a> {
    pub id: SampleId,
    pub organization: OrganizationId,
    pub project: ProjectId,
    pub name: &'a str,
    pub batch: &'a str,
    pub source: SampleSource,
    pub size: i64,
    /// Hexadecimal.
    pub sha256: &'a str,
    pub imported_by: UserId,
}

/// Inserts samples in one statement, because there are up to ten thousand empty files in an import.
pub async fn insert(tx: &mut Tx, samples: &[NewSample<'_>]) -> Result<(), StoreError> {
    let sql = AssertSqlSafe(format!(
        "insert into samples (id, organization_id, project_id, name, name_folded, batch, batch_folded, source, size, sha256, imported_by, \
         imported_at) select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, \
         cast(value ->> 8 as bigint), value ->> 9, value ->> 10, $2 from {}",
        tx.json_rows()
    ));
    let to_json = |sample: &NewSample<'_>| {
        json!([
            sample.id,
            sample.organization,
            sample.project,
            sample.name,
            fold(sample.name),
            sample.batch,
            fold(sample.batch),
            sample.source,
            sample.size,
            sample.sha256,
            sample.imported_by
        ])
    };
    sqlx::query(sql).bind(samples.iter().map(to_json).collect::<Value>().to_string()).bind(Timestamp::now()).execute(tx).await?;
    Ok(())
}

/// The project's samples with these ids.
pub async fn find_many(tx: &mut Tx, project: ProjectId, ids: &[SampleId]) -> Result<Vec<SampleRecord>, StoreError> {
    let listed = tx.json_rows();
    let sql = AssertSqlSafe(format!("{SAMPLE} where s.project_id = $2 and s.id in (select value ->> 0 from {listed}) order by s.id"));
    Ok(sqlx::query_as(sql).bind(json_of(ids)).bind(project).fetch_all(tx).await?)
}

/// Deletes these samples, which belong to the organization. Marks their content for removal, and releases their bytes.
pub async fn delete(tx: &mut Tx, organization: OrganizationId, samples: &[SampleRecord]) -> Result<(), StoreError> {
    let ids: Vec<SampleId> = samples.iter().map(|sample| sample.id).collect();
    let listed = format!("id in (select value ->> 0 from {})", tx.json_rows());
    discard(tx, &format!("{listed} and organization_id = $2"), &json_of(&ids), organization).await?;
    let sql = AssertSqlSafe(format!("delete from samples where {listed} and organization_id = $2"));
    sqlx::query(sql).bind(json_of(&ids)).bind(organization).execute(&mut *tx).await?;
    release(tx, organization, samples.iter().map(|sample| sample.size).sum()).await
}

/// Deletes the samples of a project. Returns how many there were.
pub async fn delete_of_project(tx: &mut Tx, organization: OrganizationId, project: ProjectId) -> Result<u64, StoreError> {
    let id = project.to_string();
    let of_project = "project_id = $1 and organization_id = $2";
    discard(tx, of_project, &id, organization).await?;
    let sql = "select cast(coalesce(sum(size), 0) as bigint) from samples where project_id = $1";
    let bytes: i64 = sqlx::query_scalar(sql).bind(project).fetch_one(&mut *tx).await?;
    let deleted = sqlx::query("delete from samples where project_id = $1").bind(project).execute(&mut *tx).await?.rows_affected();
    release(tx, organization, bytes).await?;
    Ok(deleted)
}

/// Marks for removal the content of the samples that match a condition on `$1` and the organization `$2`.
async fn discard(tx: &mut Tx, condition: &str, first: &str, organization: OrganizationId) -> Result<(), StoreError> {
    let sql = AssertSqlSafe(format!(
        "insert into discarded_samples (sample_id, organization_id, chunks, discarded_at) \
         select id, organization_id, (size + {CHUNK_BYTES} - 1) / {CHUNK_BYTES}, $3 from samples where {condition} and size > 0"
    ));
    sqlx::query(sql).bind(first).bind(organization).bind(Timestamp::now()).execute(tx).await?;
    Ok(())
}

fn json_of(ids: &[SampleId]) -> String {
    ids.iter().map(|id| json!([id])).collect::<Value>().to_string()
}

/// The bytes that the organization's samples use, including those that are being imported.
pub async fn used(store: &Store, organization: OrganizationId) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("select sample_bytes from organizations where id = $1").bind(organization).fetch_one(store.read()?).await?)
}

/// Reserves bytes for samples, unless the organization's samples would then use more than `quota`; 0 is no limit, except that of the column.
/// Returns whether they were reserved.
pub async fn reserve(tx: &mut Tx, organization: OrganizationId, bytes: i64, quota: i64) -> Result<bool, StoreError> {
    let quota = if quota > 0 { quota } else { i64::MAX };
    let sql = "update organizations set sample_bytes = sample_bytes + $1 where id = $2 and sample_bytes <= $3 - $1";
    Ok(sqlx::query(sql).bind(bytes).bind(organization).bind(quota).execute(tx).await?.rows_affected() == 1)
}

/// Releases reserved bytes.
pub async fn release(tx: &mut Tx, organization: OrganizationId, bytes: i64) -> Result<(), StoreError> {
    sqlx::query("update organizations set sample_bytes = sample_bytes - $1 where id = $2").bind(bytes).bind(organization).execute(tx).await?;
    Ok(())
}

/// Content that must be removed from the sample store.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct DiscardedSample {
    pub sample_id: SampleId,
    pub organization_id: OrganizationId,
    /// The highest number of chunks that can exist.
    pub chunks: i64,
}

/// At most `limit` samples whose content must be removed, in the order of ids, after the sample `after`.
pub async fn discarded(store: &Store, after: Option<SampleId>, limit: i64) -> Result<Vec<DiscardedSample>, StoreError> {
    let sql = "select sample_id, organization_id, chunks from discarded_samples where sample_id > coalesce($1, '') order by sample_id limit $2";
    Ok(sqlx::query_as(sql).bind(after).bind(limit).fetch_all(store.read()?).await?)
}

/// Records that the content of these samples was removed.
pub async fn forget_discarded(tx: &mut Tx, ids: &[SampleId]) -> Result<(), StoreError> {
    let sql = AssertSqlSafe(format!("delete from discarded_samples where sample_id in (select value ->> 0 from {})", tx.json_rows()));
    sqlx::query(sql).bind(json_of(ids)).execute(tx).await?;
    Ok(())
}

impl SampleRecord {
    pub fn row(self) -> SampleRow {
        SampleRow {
            id: self.id,
            name: self.name,
            batch: self.batch,
            source: self.source,
            size: self.size,
            sha256: self.sha256,
            imported_at: self.imported_at,
            imported_by: self.importer,
        }
    }
}
