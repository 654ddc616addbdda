//! Locks of keys in concurrent write transactions on PostgreSQL. On SQLite, whose write transactions are not concurrent, there are none.

use std::collections::HashSet;

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::super::{Store, StoreError, Tx, WriteLock, sql_kinds};
use latchkey_types::{
    id::{KeyId, OrganizationId, UserId},
    key_kind::{KIND_SPECS, ScopeRule},
};

/// The lock of a transaction that changes these keys of an organization, with [`lock`]. A key that can itself make changes is changed alone in the
/// organization: changes by it hold its row, and under a flood of them a lock of the row alone would not be granted for seconds.
pub async fn lock_to_change(store: &Store, organization: OrganizationId, keys: &[KeyId]) -> Result<WriteLock, StoreError> {
    if !store.is_shared() || keys.is_empty() {
        return Ok(WriteLock::Rows(organization));
    }
    let acting = sql_kinds(KIND_SPECS.iter().filter(|spec| spec.scope_rule == ScopeRule::Api));
    let sql = format!("select count(*) from api_keys where id in (select value ->> 0 from {}) and kind in ({acting})", store.json_rows());
    let can_act: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).bind(json_of(keys)).fetch_one(store.read()?).await?;
    Ok(if can_act > 0 { WriteLock::Organization(organization) } else { WriteLock::Rows(organization) })
}

/// Locks those of these keys that belong to the organization, until the end of the transaction. In the order of their ids, as everywhere, so that no two
/// transactions wait for each other.
pub async fn lock(tx: &mut Tx, organization: OrganizationId, keys: &[KeyId]) -> Result<(), StoreError> {
    if !tx.is_shared() || keys.is_empty() {
        return Ok(());
    }
    // Not the weaker lock of most updates, which that of a unique column would have to raise.
    let sql = format!(
        "select id from api_keys where id in (select value ->> 0 from {}) and organization_id = $2 order by id{} for update",
        tx.json_rows(),
        tx.bytewise_collation()
    );
    sqlx::query(AssertSqlSafe(sql)).bind(json_of(keys)).bind(organization).execute(tx).await?;
    Ok(())
}

/// Locks the keys of a creator, in the same order, before an update of all of them, which would lock them in any order.
pub(crate) async fn lock_of_creator(tx: &mut Tx, creator: UserId) -> Result<(), StoreError> {
    if tx.is_shared() {
        let (collation, for_update) = (tx.bytewise_collation(), tx.for_update());
        let sql = format!("select id from api_keys where created_by = $1 and deleted_at is null order by id{collation}{for_update}");
        sqlx::query(AssertSqlSafe(sql)).bind(creator).execute(tx).await?;
    }
    Ok(())
}

/// Prevents changes of a key until the end of the transaction: the transaction relies on what it reads of it.
pub async fn lock_unchanged(tx: &mut Tx, key: KeyId) -> Result<(), StoreError> {
    if tx.is_shared() {
        sqlx::query("select id from api_keys where id = $1 for share").bind(key).execute(tx).await?;
    }
    Ok(())
}

/// Prevents changes of keys, but not the use of their credits, until the end of the transaction. Returns those that another transaction is changing,
/// which are not locked; if it `waits`, it locks all of them, and returns none.
pub async fn lock_unchanging(tx: &mut Tx, keys: &[KeyId], waits: bool) -> Result<HashSet<KeyId>, StoreError> {
    if !tx.is_shared() {
        return Ok(HashSet::new());
    }
    let listed = format!("select id from api_keys where id in (select value ->> 0 from {})", tx.json_rows());
    let (collation, skip) = (tx.bytewise_collation(), if waits { "" } else { " skip locked" });
    let sql = AssertSqlSafe(format!("{listed} order by id{collation} for key share{skip}"));
    let locked: HashSet<KeyId> = sqlx::query_scalar::<_, KeyId>(sql).bind(json_of(keys)).fetch_all(&mut *tx).await?.into_iter().collect();
    let others: Vec<KeyId> = keys.iter().copied().filter(|key| !locked.contains(key)).collect();
    if others.is_empty() {
        return Ok(HashSet::new());
    }
    // Without those that do not exist.
    Ok(sqlx::query_scalar::<_, KeyId>(AssertSqlSafe(listed)).bind(json_of(&others)).fetch_all(tx).await?.into_iter().collect())
}

/// Locks those of these keys that no other transaction has locked, without waiting. Returns them.
pub async fn lock_unlocked(tx: &mut Tx, keys: &[KeyId]) -> Result<Vec<KeyId>, StoreError> {
    if !tx.is_shared() {
        return Ok(keys.to_vec());
    }
    let sql = format!("select id from api_keys where id in (select value ->> 0 from {}) for no key update skip locked", tx.json_rows());
    Ok(sqlx::query_scalar(AssertSqlSafe(sql)).bind(json_of(keys)).fetch_all(tx).await?)
}

/// A JSON array for [`Store::json_rows`].
fn json_of(keys: &[KeyId]) -> String {
    keys.iter().map(|key| json!([key])).collect::<Value>().to_string()
}
