//! Corpora of an organization.

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{Connection, StoreError, Tx, fold, upstreams, verdict_changes::VerdictChange};
use latchkey_types::{
    corpus::CorpusDetails,
    id::{OrganizationId, UserId},
    time::Timestamp,
};

#[derive(Debug, Clone, sqlx::FromRow)]
pub struct CorpusRecord {
    /// Number within the organization.
    pub id: i64,
    pub name: String,
    /// The creator's name.
    pub creator: String,
    pub created_at: Timestamp,
    /// Number of keys with access to it.
    pub keys: i64,
    /// Number of documents in the built-in index.
    pub documents: i64,
    /// Number of upstreams: 0 or 1. The two databases have no common boolean.
    upstreams: i64,
}

impl CorpusRecord {
    /// Whether its queries are answered by an upstream.
    pub const fn has_upstream(&self) -> bool {
        self.upstreams > 0
    }
}

const CORPUS: &str = "select c.id, c.name, u.name as creator, c.created_at, (select count(*) from key_corpora o join api_keys k on k.id = o.key_id \
     where o.organization_id = c.organization_id and o.corpus_id = c.id and k.deleted_at is null) as keys, \
     (select count(*) from documents d where d.organization_id = c.organization_id and d.corpus_id = c.id) as documents, \
     (select count(*) from corpus_upstreams s where s.organization_id = c.organization_id and s.corpus_id = c.id) as upstreams \
     from corpora c join users u on u.id = c.created_by where c.organization_id = $1 and c.deleted_at is null";

/// The organization's corpora, oldest first.
pub async fn all(db: &mut Connection, organization: OrganizationId) -> Result<Vec<CorpusRecord>, StoreError> {
    Ok(sqlx::query_as(AssertSqlSafe(format!("{CORPUS} order by c.id"))).bind(organization).fetch_all(db).await?)
}

/// The organization's corpus with this number.
pub async fn find(db: &mut Connection, organization: OrganizationId, id: i64) -> Result<Option<CorpusRecord>, StoreError> {
    Ok(sqlx::query_as(AssertSqlSafe(format!("{CORPUS} and c.id = $2"))).bind(organization).bind(id).fetch_optional(db).await?)
}

/// Filters `ids` down to existing corpora of the organization.
pub async fn existing(tx: &mut Tx, organization: OrganizationId, ids: &[i64]) -> Result<Vec<i64>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = AssertSqlSafe(format!(
        "select id from corpora where organization_id = $2 and deleted_at is null and id in (select cast(value ->> 0 as bigint) from {})",
        tx.json_rows()
    ));
    let rows = ids.iter().map(|id| json!([id])).collect::<Value>().to_string();
    Ok(sqlx::query_scalar(sql).bind(rows).bind(organization).fetch_all(tx).await?)
}

/// Creates a corpus. Returns its number, which is never reused in the organization.
///
/// # Errors
/// [`StoreError::Duplicate`] when its name is taken.
pub async fn insert(tx: &mut Tx, organization: OrganizationId, name: &str, created_by: UserId) -> Result<i64, StoreError> {
    let id = sqlx::query_scalar(
        "insert into corpora (organization_id, id, name, name_folded, unique_name, created_by, created_at) \
         select $1, coalesce(max(id), 0) + 1, $2, $3, $3, $4, $5 from corpora where organization_id = $1 returning id",
    )
    .bind(organization)
    .bind(name)
    .bind(fold(name))
    .bind(created_by)
    .bind(Timestamp::now())
    .fetch_one(tx)
    .await?;
    Ok(id)
}

/// Deletes a corpus and its upstream; its number is never reused. Its documents are no longer found, and must be removed with
/// [`super::documents::remove_some`]. Returns its name, or `None` if there is no such corpus.
pub async fn delete(tx: &mut Tx, organization: OrganizationId, id: i64) -> Result<Option<String>, StoreError> {
    let sql = "update corpora set deleted_at = $1, unique_name = null where organization_id = $2 and id = $3 and deleted_at is null returning name";
    let name: Option<String> = sqlx::query_scalar(sql).bind(Timestamp::now()).bind(organization).bind(id).fetch_optional(&mut *tx).await?;
    if name.is_some() {
        tx.touch(VerdictChange::Corpus(organization, id));
        tx.touch(VerdictChange::Gateway(organization));
        upstreams::remove(tx, organization, id).await?;
    }
    Ok(name)
}

impl From<CorpusRecord> for CorpusDetails {
    fn from(corpus: CorpusRecord) -> Self {
        let has_upstream = corpus.has_upstream();
        let CorpusRecord { id, name, creator, created_at, keys, documents, .. } = corpus;
        Self { id, name, created_at, created_by: creator, keys, documents, has_upstream }
    }
}
