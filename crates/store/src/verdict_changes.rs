//! Changes that affect verdicts, and new notifications. A transaction collects them, and its commit publishes them to all instances on the
//! database.

use std::{fmt, str::FromStr};

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use super::{
    Connection, Store, StoreError,
    engine::{Engine, change_feed},
};
use latchkey_types::{
    id::{OrganizationId, ProjectId, RoleId, UserId},
    time::Timestamp,
};

/// How long a change stays readable. An instance that misses more than this reloads its cache.
const RETENTION_MS: i64 = 60 * 60 * 1000;

/// What a change affects.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum VerdictChange {
    /// One key, by digest.
    Key(Vec<u8>),
    /// All keys that a user created.
    Creator(UserId),
    /// All keys whose creator, or whose project access, has this role.
    Role(RoleId),
    /// All keys of a project.
    Project(ProjectId),
    /// All keys with access to the organization's corpus of this number.
    Corpus(OrganizationId, i64),
    /// The services, upstreams and credentials that the gateway uses for an organization.
    Gateway(OrganizationId),
    /// The signing keys of project keys.
    SigningKeys,
    /// No verdict: a notification was stored, with this sequence number.
    Notification(i64),
}

/// The stored form: the affected object's type and its id.
impl fmt::Display for VerdictChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(digest) => write!(f, "key {}", hex::encode(digest)),
            Self::Creator(user) => write!(f, "creator {user}"),
            Self::Role(role) => write!(f, "role {role}"),
            Self::Project(project) => write!(f, "project {project}"),
            Self::Corpus(organization, number) => write!(f, "corpus {organization} {number}"),
            Self::Gateway(organization) => write!(f, "gateway {organization}"),
            Self::SigningKeys => f.write_str("signing-keys"),
            Self::Notification(seq) => write!(f, "notification {seq}"),
        }
    }
}

/// The text is no change of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownChange;

impl FromStr for VerdictChange {
    type Err = UnknownChange;

    fn from_str(text: &str) -> Result<Self, UnknownChange> {
        let (object, id) = text.split_once(' ').unwrap_or((text, ""));
        let change = match object {
            "key" => hex::decode(id).ok().map(Self::Key),
            "creator" => id.parse().ok().map(Self::Creator),
            "role" => id.parse().ok().map(Self::Role),
            "project" => id.parse().ok().map(Self::Project),
            "corpus" => id.split_once(' ').and_then(|(organization, number)| Some(Self::Corpus(organization.parse().ok()?, number.parse().ok()?))),
            "gateway" => id.parse().ok().map(Self::Gateway),
            "signing-keys" => Some(Self::SigningKeys),
            "notification" => id.parse().ok().map(Self::Notification),
            _ => None,
        };
        change.ok_or(UnknownChange)
    }
}

#[derive(Debug, sqlx::FromRow)]
pub struct PublishedChange {
    /// Sequence number, without gaps on SQLite. On PostgreSQL, see [`super::ChangeFeed`].
    pub seq: i64,
    change: String,
}

impl PublishedChange {
    /// `None` if a newer version published it: it can affect anything.
    pub fn change(&self) -> Option<VerdictChange> {
        self.change.parse().ok()
    }
}

/// Stores changes in the transaction that makes them. Returns the number of the transaction; `None` on SQLite and without changes.
pub(crate) async fn insert(tx: &mut Connection, engine: &Engine, changes: &[VerdictChange]) -> Result<Option<i64>, StoreError> {
    if changes.is_empty() {
        return Ok(None);
    }
    if engine.is_shared() {
        let rows: Value = changes.iter().map(|change| json!([change.to_string()])).collect();
        return change_feed::insert_changes(tx, engine, &rows.to_string()).await;
    }
    let json_rows = engine.json_rows();
    let now = Timestamp::now();
    // Two subqueries, because only a lone `min` or `max` is read from the end of the index.
    let sql = "select (select coalesce(min(seq), 0) from verdict_changes), (select coalesce(max(seq), 0) from verdict_changes)";
    let (oldest, newest): (i64, i64) = sqlx::query_as(sql).fetch_one(&mut *tx).await?;
    // Write transactions are serialized, so the next numbers are free.
    let rows: Value = (newest + 1..).zip(changes).map(|(seq, change)| json!([seq, change.to_string()])).collect();
    let sql = format!("insert into verdict_changes (seq, created_at, change) select cast(value ->> 0 as bigint), $2, value ->> 1 from {json_rows}");
    sqlx::query(AssertSqlSafe(sql)).bind(rows.to_string()).bind(now).execute(&mut *tx).await?;
    let added = i64::try_from(changes.len()).unwrap_or(i64::MAX);
    // Looks at no more than twice as many of the oldest rows as were added: the number of all rows must not slow down a write. The newest row
    // stays, because the next number follows it. A row from the future was written before the clock was set back.
    let end = oldest.saturating_add(added.saturating_mul(2)).min(newest.saturating_add(added));
    let sql = "delete from verdict_changes where seq < $1 and (created_at < $2 or created_at > $3)";
    sqlx::query(sql).bind(end).bind(now.plus_ms(-RETENTION_MS)).bind(now.plus_ms(RETENTION_MS)).execute(tx).await?;
    Ok(None)
}

/// The sequence number of the newest change; 0 if there is none.
pub async fn newest(store: &Store) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("select coalesce(max(seq), 0) from verdict_changes").fetch_one(store.check_pool()?).await?)
}

/// The change with a sequence number and those after it, in order.
pub async fn from(store: &Store, seq: i64) -> Result<Vec<PublishedChange>, StoreError> {
    Ok(sqlx::query_as("select seq, change from verdict_changes where seq >= $1 order by seq").bind(seq).fetch_all(store.check_pool()?).await?)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::testing::open_store;

    #[tokio::test]
    async fn each_write_removes_some_of_the_outdated_changes() {
        if latchkey_test_db::is_skipped_on_postgresql("a background task removes them there") {
            return;
        }
        let (store, _folder) = open_store().await;
        let insert = async |count: usize| {
            let mut tx = store.begin().await.unwrap();
            (0..count).for_each(|_| tx.touch(VerdictChange::Role(RoleId::new())));
            tx.commit().await.unwrap();
        };
        let stored = async || from(&store, 0).await.unwrap().iter().map(|change| change.seq).collect::<Vec<_>>();
        insert(10).await;
        sqlx::query("update verdict_changes set created_at = 0").execute(store.read().unwrap()).await.unwrap();
        insert(2).await;
        assert_eq!(stored().await, (5..=12).collect::<Vec<_>>(), "twice as many as were added");
        insert(50).await;
        assert_eq!(stored().await, (11..=62).collect::<Vec<_>>(), "those that are not outdated stay");
        sqlx::query("update verdict_changes set created_at = 0").execute(store.read().unwrap()).await.unwrap();
        insert(100).await;
        assert_eq!(newest(&store).await.unwrap(), 162);
        assert_eq!(stored().await, (63..=162).collect::<Vec<_>>());
        let future = Timestamp::now().plus_ms(2 * RETENTION_MS);
        sqlx::query("update verdict_changes set created_at = $1").bind(future).execute(store.read().unwrap()).await.unwrap();
        insert(50).await;
        assert_eq!(stored().await, (163..=212).collect::<Vec<_>>(), "the clock was set back");
        store.close().await;
    }

    /// All functions whose changes the other instances need not have applied when the call returns.
    const ONLY_GIVE: [&str; 13] = [
        "keys/mod.rs insert",
        "keys/mod.rs set_disabled",
        "keys/secrets.rs replace",
        "keys/secrets.rs replace",
        "keys/secrets.rs touch_added",
        "members.rs set_disabled",
        "model_aliases.rs insert",
        "models.rs insert",
        "notifications.rs insert",
        "project_keys.rs set_revealed",
        "providers.rs insert",
        "services.rs insert",
        "signing_keys.rs insert",
    ];

    /// The functions of this crate that call `touch_added`.
    fn sites(folder: &Path, prefix: &str, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
            if path.is_dir() {
                sites(&path, &format!("{prefix}{name}/"), found);
                continue;
            }
            let mut function = String::new();
            // Not the definition, nor tests.
            for line in fs::read_to_string(&path).unwrap().lines().take_while(|line| *line != "mod tests {") {
                if let Some((_, rest)) = line.split_once("fn ") {
                    rest.split(['(', '<']).next().unwrap().clone_into(&mut function);
                } else if line.contains("touch_added(") {
                    found.push(format!("{prefix}{name} {function}"));
                }
            }
        }
    }

    #[test]
    fn every_change_that_only_gives_is_listed() {
        let mut found = Vec::new();
        sites(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut found);
        found.sort_unstable();
        assert_eq!(found, ONLY_GIVE, "a change that may take access away must be published with `touch`");
    }

    #[test]
    fn the_stored_form_round_trips() {
        let changes = [
            VerdictChange::Key(vec![0, 10, 255]),
            VerdictChange::Creator(UserId::new()),
            VerdictChange::Role(RoleId::new()),
            VerdictChange::Project(ProjectId::new()),
            VerdictChange::Corpus(OrganizationId::new(), 12),
            VerdictChange::Gateway(OrganizationId::new()),
            VerdictChange::SigningKeys,
            VerdictChange::Notification(7),
        ];
        for change in changes {
            assert_eq!(change.to_string().parse(), Ok(change));
        }
        for unknown in ["", "key 0g", "creator 1", "weather", "corpus 1", "notification a"] {
            assert_eq!(unknown.parse::<VerdictChange>(), Err(UnknownChange), "{unknown}");
        }
    }
}
