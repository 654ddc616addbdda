//! Indexes that PostgreSQL creates while the instances run. Until they exist, some statements read whole tables.

use std::{future::pending, time::Duration};

use sqlx::{Any, AnyConnection, AssertSqlSafe, Connection, Executor};
use tokio::time::sleep;

use super::{
    Store, StoreError, WriteLock,
    engine::{BY_USE, SORT_USES, UNSORTED_USES, VALID_INDEXES},
};

const RETRY_AFTER: Duration = Duration::from_secs(30);

/// The keys of one transaction, which locks them for about a tenth of a second.
const KEYS_PER_TRANSACTION: i64 = 1000;

/// Background task of each instance on PostgreSQL. Creates the indexes that are missing after an upgrade, one instance at a time.
pub async fn run_creation(store: Store) {
    loop {
        match create_missing(&store).await {
            Ok(true) => pending().await,
            // Another instance creates them, and may be stopped before it has finished.
            Ok(false) => {}
            Err(error) => tracing::warn!("an index can't be created now: {error:#}"),
        }
        sleep(RETRY_AFTER).await;
    }
}

/// Returns whether all indexes exist.
pub(crate) async fn create_missing(store: &Store) -> anyhow::Result<bool> {
    // On SQLite they exist before the server starts.
    if !store.is_shared() || missing(store, store.read()?).await?.is_empty() {
        return Ok(true);
    }
    let Some(mut db) = store.engine.connect_for_indexes().await? else { return Ok(false) };
    for (name, definition) in missing(store, &mut db).await? {
        tracing::info!(index = name, "creating an index: until it exists, lists of many keys are slow");
        if name == BY_USE {
            sort_uses(store, &mut db).await?;
        }
        // An incomplete one is left of an attempt that failed.
        for sql in [format!("drop index concurrently if exists {name}"), format!("create index concurrently {name} on {definition}")] {
            Executor::execute(&mut db, AssertSqlSafe(sql)).await?;
        }
    }
    // Ends the lock too.
    db.close().await?;
    Ok(true)
}

/// Names and definitions of the indexes that do not exist, or are incomplete.
async fn missing<'c>(store: &Store, db: impl Executor<'c, Database = Any>) -> Result<Vec<(&'static str, String)>, StoreError> {
    let valid: Vec<String> = sqlx::query_scalar(VALID_INDEXES).fetch_all(db).await?;
    Ok(store.engine.indexes().into_iter().filter(|(name, _)| !valid.iter().any(|valid| valid == name)).collect())
}

/// Sorts keys that were used before version 10 of the schema by that use. Until then lists have them among the keys that were never used. For a list
/// that is open, each of them counts as one that is used now.
async fn sort_uses(store: &Store, db: &mut AnyConnection) -> anyhow::Result<()> {
    loop {
        let (first, last): (Option<i64>, Option<i64>) = sqlx::query_as(UNSORTED_USES).fetch_one(&mut *db).await?;
        let (Some(mut first), Some(last)) = (first, last) else { return Ok(()) };
        let mut is_any_sorted = false;
        while first <= last {
            let next = first + KEYS_PER_TRANSACTION;
            let mut tx = store.begin_locked(WriteLock::Nothing).await?;
            let sorted = sqlx::query(SORT_USES).bind(first).bind(next - 1).execute(&mut tx).await.map_err(StoreError::from)?;
            tx.commit().await?;
            is_any_sorted |= sorted.rows_affected() > 0;
            first = next;
        }
        if !is_any_sorted {
            // The rest is locked.
            sleep(Duration::from_secs(1)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use latchkey_test_db::TestData;
    use sqlx::migrate::Migrator;
    use tokio::time::timeout;

    use super::*;
    use crate::{
        MIGRATIONS, StoreOptions,
        keys::lists::{self, Position, RowKey, Selection, Slice},
    };
    use latchkey_types::{
        id::OrganizationId,
        key_kind::{KeyKind, Kind},
        listing::{KeySort, SortBy},
    };

    /// When the keys 1 to 4 were used.
    const USES: [Option<i64>; 4] = [Some(3_000_000_000), Some(1_000_000_000), None, Some(2_000_000_000)];
    const BY_LAST_USE: [i64; 4] = [1, 4, 2, 3];

    /// The database of a version without migration 10, with keys.
    async fn earlier_version() -> (Store, TestData, OrganizationId) {
        let data = TestData::create().await;
        let store = Store::open(data.database_url(), data.path(), StoreOptions::default()).await.unwrap();
        if store.is_shared() {
            // It has all migrations.
            for sql in ["drop schema public cascade", "create schema public"] {
                sqlx::query(sql).execute(&store.pool()).await.unwrap();
            }
        }
        let earlier = MIGRATIONS.iter().filter(|migration| migration.version < 10).cloned().collect();
        Migrator::with_migrations(earlier).run(&store.pool()).await.unwrap();
        let organization = OrganizationId::new();
        for sql in [
            "insert into organizations (id, customer_id, name, name_folded, created_at) values ($1, 1, 'a', 'a', 0)",
            "insert into roles (id, organization_id, name, name_folded, permissions, created_at) values ('r', $1, 'a', 'a', '', 0)",
            "insert into users (id, organization_id, role_id, name, name_folded, email, email_folded, password_hash, created_at) \
             values ('u', $1, 'r', 'a', 'a', 'a', 'a', '', 0)",
        ] {
            sqlx::query(sql).bind(organization).execute(&store.pool()).await.unwrap();
        }
        let sql = "insert into api_keys (id, number, organization_id, kind, name, name_folded, digest, mask, scopes, created_by, created_at, last_used_at) \
                   values ($1, $2, $3, 'agent', $1, $1, $4, '', '', 'u', 0, $5)";
        for (number, used_at) in (1_i64..).zip(USES) {
            let query = sqlx::query(sql).bind(format!("key {number}")).bind(number).bind(organization).bind(number.to_be_bytes().to_vec());
            query.bind(used_at).execute(&store.pool()).await.unwrap();
        }
        (store, data, organization)
    }

    fn numbers(rows: &[RowKey]) -> Vec<i64> {
        rows.iter().map(RowKey::number).collect()
    }

    #[tokio::test]
    async fn used_keys_are_sorted_after_an_upgrade() {
        let (store, _data, organization) = earlier_version().await;
        store.migrate().await.unwrap();
        let selection = Selection {
            organization,
            kinds: &[Kind::Key(KeyKind::Agent)],
            personal_of: None,
            search: "",
            status: None,
            expiring: false,
            external_id: None,
            scope: None,
            match_prefixes: false,
            sort: SortBy { column: KeySort::LastUsedAt, descending: true },
        };
        let (mark, page, _) = lists::open(&store, &selection, 10).await.unwrap();
        let first = numbers(&page.rows);
        if store.is_shared() {
            assert_eq!(first, [4, 3, 2, 1], "lists are read without indexes");
            assert_eq!(missing(&store, store.read().unwrap()).await.unwrap().len(), store.engine.indexes().len());
            // What is left of an attempt that was interrupted.
            for sql in [
                "create index api_keys_by_mask on api_keys (mask)",
                "update pg_index set indisvalid = false where indexrelid = cast('api_keys_by_mask' as regclass)",
            ] {
                sqlx::query(sql).execute(&store.pool()).await.unwrap();
            }
        } else {
            assert_eq!(first, BY_LAST_USE);
        }
        for _ in 0..2 {
            assert!(create_missing(&store).await.unwrap());
        }
        assert!(!store.is_shared() || missing(&store, store.read().unwrap()).await.unwrap().is_empty());
        assert_eq!(numbers(&lists::open(&store, &selection, 10).await.unwrap().1.rows), BY_LAST_USE);
        let slice = Slice { from: &Position::Start, backwards: false, skip: 0, limit: 10 };
        assert_eq!(numbers(&lists::page(&store, &selection, &mark, slice).await.unwrap().rows), first, "an open list keeps its order");
        sqlx::query("update api_keys set last_used_at = last_used_at + 1000").execute(&store.pool()).await.unwrap();
        store.migrate().await.unwrap();
        let sql = "select sorted_use_at from api_keys order by number";
        let sorted: Vec<i64> = sqlx::query_scalar(sql).fetch_all(&store.pool()).await.unwrap();
        assert_eq!(sorted, USES.map(Option::unwrap_or_default), "only the first start sorts them");
    }

    #[tokio::test]
    async fn one_instance_creates_indexes_and_migrations_wait_for_it() {
        let (store, _data, _) = earlier_version().await;
        if !store.is_shared() {
            return;
        }
        let creating = store.engine.connect_for_indexes().await.unwrap().unwrap();
        assert!(timeout(Duration::from_millis(500), store.migrate()).await.is_err());
        assert!(!create_missing(&store).await.unwrap());
        creating.close().await.unwrap();
        store.migrate().await.unwrap();
        let creating = store.engine.connect_for_indexes().await.unwrap().unwrap();
        store.migrate().await.unwrap();
        assert!(!create_missing(&store).await.unwrap(), "a start without migrations waits for nothing");
        creating.close().await.unwrap();
        assert!(create_missing(&store).await.unwrap());
    }
}
