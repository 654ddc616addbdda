//! Receipts of revocations, and the public keys that verify them.

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{Connection, Store, StoreError, Tx, signing_keys::PublicKeyRow};
use latchkey_types::{
    id::{OrganizationId, ReceiptId},
    time::Timestamp,
};

/// A receipt to be stored.
#[derive(Debug, Clone)]
pub struct NewReceipt {
    pub id: ReceiptId,
    pub organization: OrganizationId,
    pub committed_at: Timestamp,
    pub effective_at: Timestamp,
    pub took_ms: i64,
    /// JSON: the change.
    pub change: String,
    /// JSON: the instances.
    pub instances: String,
    pub jws: String,
    /// The id of the key that signed `jws`.
    pub kid: String,
}

/// A receipt as it was stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ReceiptRecord {
    pub id: ReceiptId,
    pub committed_at: Timestamp,
    pub effective_at: Timestamp,
    pub took_ms: i64,
    /// JSON: the change.
    pub change: String,
    /// JSON: the instances.
    pub instances: String,
    pub jws: String,
}

/// Stores receipts.
pub async fn insert(tx: &mut Tx, receipts: &[NewReceipt]) -> Result<(), StoreError> {
    let sql = AssertSqlSafe(format!(
        "insert into receipts (id, organization_id, committed_at, effective_at, took_ms, change, instances, jws, kid) \
         select value ->> 0, value ->> 1, cast(value ->> 2 as bigint), cast(value ->> 3 as bigint), cast(value ->> 4 as bigint), value ->> 5, \
         value ->> 6, value ->> 7, value ->> 8 from {}",
        tx.json_rows()
    ));
    let row = |receipt: &NewReceipt| {
        let NewReceipt { id, organization, committed_at, effective_at, took_ms, change, instances, jws, kid } = receipt;
        json!([id, organization, committed_at, effective_at, took_ms, change, instances, jws, kid])
    };
    sqlx::query(sql).bind(receipts.iter().map(row).collect::<Value>().to_string()).execute(tx).await?;
    Ok(())
}

/// A receipt of an organization.
pub async fn find(store: &Store, organization: OrganizationId, id: ReceiptId) -> Result<Option<ReceiptRecord>, StoreError> {
    let sql = "select id, committed_at, effective_at, took_ms, change, instances, jws from receipts where id = $1 and organization_id = $2";
    Ok(sqlx::query_as(sql).bind(id).bind(organization).fetch_optional(store.read()?).await?)
}

/// Deletes the receipts of changes before this time.
pub async fn delete_before(tx: &mut Tx, moment: Timestamp) -> Result<(), StoreError> {
    sqlx::query("delete from receipts where committed_at < $1").bind(moment).execute(tx).await?;
    Ok(())
}

/// The key that signs receipts.
pub async fn current_key(db: &mut Connection) -> Result<Option<PublicKeyRow>, StoreError> {
    let sql = "select kid, public_key, created_at from receipt_keys where retired_at is null order by created_at desc, kid limit 1";
    Ok(sqlx::query_as(sql).fetch_optional(db).await?)
}

/// The public keys of all receipts that are kept, newest first.
pub async fn public_keys(store: &Store) -> Result<Vec<PublicKeyRow>, StoreError> {
    let sql = "select kid, public_key, created_at from receipt_keys order by created_at desc, kid";
    Ok(sqlx::query_as(sql).fetch_all(store.read()?).await?)
}

/// Adds a key, which becomes the current one.
pub async fn insert_key(tx: &mut Tx, kid: &str, public_key: &[u8], now: Timestamp) -> Result<(), StoreError> {
    let sql = "insert into receipt_keys (kid, public_key, created_at) values ($1, $2, $3)";
    sqlx::query(sql).bind(kid).bind(public_key).bind(now).execute(tx).await?;
    Ok(())
}

/// Retires the current key. Returns the ids of the retired keys.
pub async fn retire_keys(tx: &mut Tx, now: Timestamp) -> Result<Vec<String>, StoreError> {
    let sql = "update receipt_keys set retired_at = $1 where retired_at is null returning kid";
    Ok(sqlx::query_scalar(sql).bind(now).fetch_all(tx).await?)
}

/// Deletes the keys that were retired before this time.
pub async fn delete_keys_retired_before(tx: &mut Tx, moment: Timestamp) -> Result<(), StoreError> {
    sqlx::query("delete from receipt_keys where retired_at < $1").bind(moment).execute(tx).await?;
    Ok(())
}
