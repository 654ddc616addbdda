//! Changes that affect verdicts. A transaction collects them, and its commit publishes them to all instances on the database.

use std::{fmt, str::FromStr};

use super::{Connection, Store, StoreError};
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
    /// The signing keys of project keys.
    SigningKeys,
}

/// The stored form: the affected object's type and its id.
impl fmt::Display for VerdictChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(digest) => {
                f.write_str("key ")?;
                digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::Creator(user) => write!(f, "creator {user}"),
            Self::Role(role) => write!(f, "role {role}"),
            Self::Project(project) => write!(f, "project {project}"),
            Self::Corpus(organization, number) => write!(f, "corpus {organization} {number}"),
            Self::SigningKeys => f.write_str("signing-keys"),
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
            "key" => bytes(id).map(Self::Key),
            "creator" => id.parse().ok().map(Self::Creator),
            "role" => id.parse().ok().map(Self::Role),
            "project" => id.parse().ok().map(Self::Project),
            "corpus" => id.split_once(' ').and_then(|(organization, number)| Some(Self::Corpus(organization.parse().ok()?, number.parse().ok()?))),
            "signing-keys" => Some(Self::SigningKeys),
            _ => None,
        };
        change.ok_or(UnknownChange)
    }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()));
    pairs.collect()
}

#[derive(Debug, sqlx::FromRow)]
pub struct PublishedChange {
    /// Sequence number, without gaps.
    pub seq: i64,
    change: String,
}

impl PublishedChange {
    /// `None` if a newer version published it: it can affect anything.
    pub fn change(&self) -> Option<VerdictChange> {
        self.change.parse().ok()
    }
}

/// Stores changes in the transaction that makes them.
pub(crate) async fn insert(tx: &mut Connection, changes: &[VerdictChange]) -> Result<(), StoreError> {
    let now = Timestamp::now();
    for change in changes {
        // Write transactions are serialized, so the next number is free.
        let sql = "insert into verdict_changes (seq, created_at, change) select coalesce(max(seq), 0) + 1, $1, $2 from verdict_changes";
        sqlx::query(sql).bind(now).bind(change.to_string()).execute(&mut *tx).await?;
    }
    if !changes.is_empty() {
        // The newest one stays: it carries the sequence on.
        let sql = "delete from verdict_changes where created_at < $1 and seq < (select max(seq) from verdict_changes)";
        sqlx::query(sql).bind(now.plus_ms(-RETENTION_MS)).execute(tx).await?;
    }
    Ok(())
}

/// The sequence number of the newest change; 0 if there is none.
pub async fn newest(store: &Store) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("select coalesce(max(seq), 0) from verdict_changes").fetch_one(store.check_pool()?).await?)
}

/// Changes after a sequence number, in order.
pub async fn after(store: &Store, seq: i64) -> Result<Vec<PublishedChange>, StoreError> {
    Ok(sqlx::query_as("select seq, change from verdict_changes where seq > $1 order by seq").bind(seq).fetch_all(store.check_pool()?).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_form_round_trips() {
        let changes = [
            VerdictChange::Key(vec![0, 10, 255]),
            VerdictChange::Creator(UserId::new()),
            VerdictChange::Role(RoleId::new()),
            VerdictChange::Project(ProjectId::new()),
            VerdictChange::Corpus(OrganizationId::new(), 12),
            VerdictChange::SigningKeys,
        ];
        for change in changes {
            assert_eq!(change.to_string().parse(), Ok(change));
        }
        for unknown in ["", "key 0g", "creator 1", "weather", "corpus 1"] {
            assert_eq!(unknown.parse::<VerdictChange>(), Err(UnknownChange), "{unknown}");
        }
    }
}
