//! Sealed bodies of calls of language models.

use super::{Connection, Store, StoreError, Tx};
use latchkey_types::{
    id::{OrganizationId, RequestId},
    time::Timestamp,
};

/// The bodies of a call as stored.
#[derive(Debug, Clone)]
pub struct SealedBodies {
    pub organization: OrganizationId,
    pub call: RequestId,
    /// When the call began.
    pub at: Timestamp,
    pub sealed: Vec<u8>,
}

/// Adds bodies. Those that are stored already are not changed.
pub async fn insert(tx: &mut Tx, bodies: &[SealedBodies]) -> Result<(), StoreError> {
    for SealedBodies { organization, call, at, sealed } in bodies {
        let sql = "insert into call_bodies (organization_id, call_id, at, sealed) values ($1, $2, $3, $4) \
             on conflict (organization_id, call_id) do nothing";
        sqlx::query(sql).bind(*organization).bind(*call).bind(*at).bind(sealed).execute(&mut *tx).await?;
    }
    Ok(())
}

/// The sealed bodies of a call.
pub async fn find(db: &mut Connection, organization: OrganizationId, call: RequestId) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "select sealed from call_bodies where organization_id = $1 and call_id = $2";
    Ok(sqlx::query_scalar(sql).bind(organization).bind(call).fetch_optional(db).await?)
}

/// Whether there are bodies of an organization's calls that began before this time.
pub async fn has_before(store: &Store, organization: OrganizationId, time: Timestamp) -> Result<bool, StoreError> {
    let sql = "select at from call_bodies where organization_id = $1 and at < $2 limit 1";
    let found: Option<i64> = sqlx::query_scalar(sql).bind(organization).bind(time).fetch_optional(store.read()?).await?;
    Ok(found.is_some())
}

/// Deletes bodies of calls that began before this time: those of about 100 calls, to keep the write lock short.
pub async fn delete_before(tx: &mut Tx, organization: OrganizationId, time: Timestamp) -> Result<(), StoreError> {
    let sql = "delete from call_bodies where organization_id = $1 and at <= \
               (select max(at) from (select at from call_bodies where organization_id = $1 and at < $2 order by at limit 100) as oldest)";
    sqlx::query(sql).bind(organization).bind(time).execute(tx).await?;
    Ok(())
}
