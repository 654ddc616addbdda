//! Upstreams: the servers that answer for corpora instead of the built-in index.

use super::{Connection, StoreError, Tx, providers::CredentialLink, verdict_changes::VerdictChange};
use latchkey_types::{
    corpus::UpstreamRow,
    id::{CredentialId, OrganizationId},
    provider::GeneralKey,
    service::UnlinkReason,
};

/// An upstream with the credential that it is linked to.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct UpstreamRecord {
    pub base_url: String,
    /// The customer id that it expects.
    pub customer_id: String,
    /// The corpus id that it expects.
    pub upstream_corpus_id: String,
    #[sqlx(flatten)]
    pub link: CredentialLink,
}

/// The upstream of a corpus.
pub async fn find(db: &mut Connection, organization: OrganizationId, corpus: i64) -> Result<Option<UpstreamRecord>, StoreError> {
    let sql = "select u.base_url, u.customer_id, u.upstream_corpus_id, u.credential_id, c.name as credential_name, c.mask as credential_mask, \
         u.unlink_reason from corpus_upstreams u left join credentials c on c.id = u.credential_id \
         where u.organization_id = $1 and u.corpus_id = $2";
    Ok(sqlx::query_as(sql).bind(organization).bind(corpus).fetch_optional(db).await?)
}

/// The values of an upstream.
pub struct UpstreamValues {
    pub base_url: String,
    pub customer_id: String,
    pub corpus_id: String,
    pub credential: Option<CredentialId>,
    /// Why it lost its credential; `None` if it has one, or never had.
    pub unlink_reason: Option<UnlinkReason>,
}

/// Sets the upstream of a corpus.
pub async fn set(tx: &mut Tx, organization: OrganizationId, corpus: i64, values: &UpstreamValues) -> Result<(), StoreError> {
    let sql = "insert into corpus_upstreams (organization_id, corpus_id, base_url, customer_id, upstream_corpus_id, credential_id, unlink_reason) \
         values ($1, $2, $3, $4, $5, $6, $7) on conflict (organization_id, corpus_id) do update set base_url = excluded.base_url, \
         customer_id = excluded.customer_id, upstream_corpus_id = excluded.upstream_corpus_id, credential_id = excluded.credential_id, \
         unlink_reason = excluded.unlink_reason";
    sqlx::query(sql)
        .bind(organization)
        .bind(corpus)
        .bind(&values.base_url)
        .bind(&values.customer_id)
        .bind(&values.corpus_id)
        .bind(values.credential)
        .bind(values.unlink_reason)
        .execute(&mut *tx)
        .await?;
    tx.touch(VerdictChange::Gateway(organization));
    Ok(())
}

/// Removes the upstream of a corpus. Returns whether there was one.
pub async fn remove(tx: &mut Tx, organization: OrganizationId, corpus: i64) -> Result<bool, StoreError> {
    let sql = "delete from corpus_upstreams where organization_id = $1 and corpus_id = $2";
    let removed = sqlx::query(sql).bind(organization).bind(corpus).execute(&mut *tx).await?.rows_affected() > 0;
    if removed {
        tx.touch(VerdictChange::Gateway(organization));
    }
    Ok(removed)
}

impl From<UpstreamRecord> for UpstreamRow {
    fn from(upstream: UpstreamRecord) -> Self {
        let UpstreamRecord { base_url, customer_id, upstream_corpus_id: corpus_id, link } = upstream;
        let is_unlinked = link.credential_id.is_none() && link.unlink_reason.is_some();
        let credential = match (link.credential_id, link.credential_name, link.credential_mask) {
            (Some(id), Some(name), Some(mask)) => Some(GeneralKey { id, name, mask }),
            _ => None,
        };
        Self { base_url, customer_id, corpus_id, credential, is_unlinked }
    }
}
