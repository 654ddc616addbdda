//! Sessions. Only the digest of a session's token is stored.

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{Connection, Store, StoreError, Tx};
use latchkey_types::{
    id::{SessionId, UserId},
    time::Timestamp,
};

#[derive(Debug, sqlx::FromRow)]
pub struct SessionRecord {
    pub id: SessionId,
    pub user_id: UserId,
    pub created_at: Timestamp,
    /// At most one minute behind.
    pub last_seen_at: Timestamp,
    /// The IP address from which it was started; empty if unknown.
    pub address: String,
    /// The browser's `User-Agent`.
    pub user_agent: String,
}

const SESSION: &str = "select id, user_id, created_at, last_seen_at, address, user_agent from sessions";

/// Starts a session unless the user is disabled or has another password hash. Returns whether it was started.
pub async fn insert(tx: &mut Tx, digest: &[u8], user: UserId, password_hash: &str, address: &str, user_agent: &str) -> Result<bool, StoreError> {
    let now = Timestamp::now();
    let inserted = sqlx::query(
        "insert into sessions (id, digest, user_id, created_at, last_seen_at, address, user_agent) \
         select $1, $2, id, $3, $4, $5, $6 from users where id = $7 and disabled_at is null and password_hash = $8",
    )
    .bind(SessionId::new())
    .bind(digest)
    .bind(now)
    .bind(now)
    .bind(address)
    .bind(user_agent)
    .bind(user)
    .bind(password_hash)
    .execute(&mut *tx)
    .await?;
    set_last_seen(tx, user, now).await?;
    Ok(inserted.rows_affected() == 1)
}

/// The session with this digest, if it was created and last seen after these times.
pub async fn find(db: &mut Connection, digest: &[u8], began_after: Timestamp, seen_after: Timestamp) -> Result<Option<SessionRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{SESSION} where digest = $1 and created_at > $2 and last_seen_at > $3"));
    Ok(sqlx::query_as(sql).bind(digest).bind(began_after).bind(seen_after).fetch_optional(db).await?)
}

/// A user's sessions that were created and last seen after these times, most recently used first.
pub async fn list_of_user(store: &Store, user: UserId, began_after: Timestamp, seen_after: Timestamp) -> Result<Vec<SessionRecord>, StoreError> {
    let sql = AssertSqlSafe(format!("{SESSION} where user_id = $1 and created_at > $2 and last_seen_at > $3 order by last_seen_at desc, id desc"));
    Ok(sqlx::query_as(sql).bind(user).bind(began_after).bind(seen_after).fetch_all(store.read()?).await?)
}

/// Prevents that a session ends until the end of the transaction, which relies on it.
pub async fn lock_unchanged(tx: &mut Tx, digest: &[u8]) -> Result<(), StoreError> {
    if tx.is_shared() {
        sqlx::query("select id from sessions where digest = $1 for share").bind(digest).execute(tx).await?;
    }
    Ok(())
}

/// Records the use of a session, and of its user. What another transaction has locked is left out rather than waited for: a later use records it.
pub async fn touch(tx: &mut Tx, digest: &[u8], user: UserId) -> Result<(), StoreError> {
    let now = Timestamp::now();
    let unlocked = tx.for_update_of_unlocked();
    let sql = AssertSqlSafe(format!("update sessions set last_seen_at = $1 where id in (select id from sessions where digest = $2{unlocked})"));
    sqlx::query(sql).bind(now).bind(digest).execute(&mut *tx).await?;
    // Not locked against the insertion of what refers to the user.
    let unlocked = if tx.is_shared() { " for no key update skip locked" } else { "" };
    let sql = AssertSqlSafe(format!("update users set last_seen_at = $1 where id in (select id from users where id = $2{unlocked})"));
    sqlx::query(sql).bind(now).bind(user).execute(tx).await?;
    Ok(())
}

/// Stored with the user too, so that it survives the deletion of sessions.
async fn set_last_seen(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("update users set last_seen_at = $1 where id = $2").bind(now).bind(user).execute(tx).await?;
    Ok(())
}

/// Ends the user's session with this id. Returns whether there was one.
pub async fn delete_one_of_user(tx: &mut Tx, user: UserId, id: SessionId) -> Result<bool, StoreError> {
    let sql = "delete from sessions where user_id = $1 and id = $2";
    Ok(sqlx::query(sql).bind(user).bind(id).execute(tx).await?.rows_affected() == 1)
}

pub async fn delete(tx: &mut Tx, digest: &[u8]) -> Result<(), StoreError> {
    sqlx::query("delete from sessions where digest = $1").bind(digest).execute(tx).await?;
    Ok(())
}

/// Ends all sessions of a user. Returns how many there were.
pub async fn delete_of_user(tx: &mut Tx, user: UserId) -> Result<u64, StoreError> {
    Ok(sqlx::query("delete from sessions where user_id = $1").bind(user).execute(tx).await?.rows_affected())
}

/// Ends all sessions of a user except the one with this digest and the `keep` newest others. Returns how many it ended. The session that has
/// just begun is not the newest one if the clock was set back.
pub async fn delete_oldest_of_user(tx: &mut Tx, user: UserId, digest: &[u8], keep: i64) -> Result<u64, StoreError> {
    let sql = "delete from sessions where user_id = $1 and digest <> $2 and id not in \
         (select id from sessions where user_id = $3 and digest <> $4 order by created_at desc, id desc limit $5)";
    Ok(sqlx::query(sql).bind(user).bind(digest).bind(user).bind(digest).bind(keep).execute(tx).await?.rows_affected())
}

/// Those of `sessions` that were created and last seen after these times, and whose user is not disabled.
pub async fn valid_among(store: &Store, sessions: &[SessionId], began_after: Timestamp, seen_after: Timestamp) -> Result<Vec<SessionId>, StoreError> {
    let sql = AssertSqlSafe(format!(
        "select s.id from sessions s join users u on u.id = s.user_id where s.id in (select value ->> 0 from {}) \
         and s.created_at > $2 and s.last_seen_at > $3 and u.disabled_at is null",
        store.json_rows()
    ));
    let rows = sessions.iter().map(|id| json!([id])).collect::<Value>().to_string();
    Ok(sqlx::query_scalar(sql).bind(rows).bind(began_after).bind(seen_after).fetch_all(store.read()?).await?)
}

/// Deletes expired sessions of all organizations, without those that another transaction deletes at this moment.
pub async fn delete_ended(tx: &mut Tx, began_before: Timestamp, seen_before: Timestamp) -> Result<(), StoreError> {
    let unlocked = tx.for_update_of_unlocked();
    let sql =
        AssertSqlSafe(format!("delete from sessions where id in (select id from sessions where (created_at <= $1 or last_seen_at <= $2){unlocked})"));
    sqlx::query(sql).bind(began_before).bind(seen_before).execute(tx).await?;
    Ok(())
}

/// Number of a user's sessions that were created and last seen after these times.
pub async fn count_of_user(store: &Store, user: UserId, began_after: Timestamp, seen_after: Timestamp) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar("select count(*) from sessions where user_id = $1 and created_at > $2 and last_seen_at > $3")
        .bind(user)
        .bind(began_after)
        .bind(seen_after)
        .fetch_one(store.read()?)
        .await?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        testing::open_store,
        users::{self, NewUser},
    };
    use latchkey_types::id::OrganizationId;

    #[tokio::test]
    async fn the_session_that_has_just_begun_is_kept() {
        let (store, _folder) = open_store().await;
        let (organization, user) = (OrganizationId::new(), UserId::new());
        let mut tx = store.begin().await.unwrap();
        users::insert_organization(&mut tx, organization, "Acme", 1_000_000_000).await.unwrap();
        let owner = NewUser {
            id: user,
            organization,
            role: "owner".to_owned(),
            name: "Ada".to_owned(),
            email: "ada@example.com".to_owned(),
            password_hash: String::new(),
        };
        users::insert_user(&mut tx, &owner).await.unwrap();
        // As if the clock had been set back since the first two began.
        let later = Timestamp::now().plus_ms(3_600_000);
        for (digest, created_at) in [([1_u8], later), ([2], later.plus_ms(1)), ([3], Timestamp::now())] {
            assert!(insert(&mut tx, &digest, user, "", "", "").await.unwrap());
            let sql = "update sessions set created_at = $1 where digest = $2";
            sqlx::query(sql).bind(created_at).bind(&digest[..]).execute(&mut *tx).await.unwrap();
        }
        assert_eq!(delete_oldest_of_user(&mut tx, user, &[3], 1).await.unwrap(), 1);
        for (digest, is_kept) in [([1_u8], false), ([2], true), ([3], true)] {
            assert_eq!(find(&mut tx, &digest, Timestamp(0), Timestamp(0)).await.unwrap().is_some(), is_kept, "{digest:?}");
        }
    }
}
