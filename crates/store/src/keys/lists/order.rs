//! Where a row is in a list: by what it had when the list was opened.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::{
    super::super::{Snapshot, StoreError},
    Reader, Table,
};
use latchkey_types::{error::Error, key_kind::Status, listing::KeySort, time::Timestamp};

/// Of more moves than this, a list cannot be read any more.
const MOVES_MAX: usize = 10_000;

/// The value of a row that never expires.
const NEVER: i64 = i64::MAX;

/// The position of a row in ascending order. Fields are compared in this order, texts by bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RowKey {
    /// The rank of the status, or name and id of the creator, if the list is sorted by that.
    pub(super) group: String,
    pub(super) value: SortValue,
    pub(super) number: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum SortValue {
    Number(i64),
    Text(String),
}

/// The columns of a row that determine its position, which depend on what the list is sorted by: see [`columns`].
#[derive(Debug, Clone, Deserialize)]
pub(super) struct SortColumns {
    number: i64,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    first: Option<i64>,
    #[serde(default)]
    second: Option<i64>,
    #[serde(default)]
    third: Option<i64>,
    #[serde(default)]
    fourth: Option<i64>,
}

impl SortColumns {
    pub(super) const fn number(&self) -> i64 {
        self.number
    }
}

/// The columns of [`SortColumns`], of the row `k`.
pub(super) const fn columns(sort: KeySort) -> &'static str {
    match sort {
        KeySort::CreatedAt => "k.number, null, k.created_at",
        KeySort::Name => "k.number, k.name_folded",
        KeySort::Mask => "k.number, k.mask",
        KeySort::ExpiresAt => "k.number, null, k.expires_at",
        KeySort::LastUsedAt => "k.number, null, k.sorted_use_at, k.earlier_use_at, k.use_moved_in, k.earlier_use_moved_in",
        KeySort::Status => "k.number, k.created_by, k.expires_at, k.disabled_at, k.revoked_at",
        KeySort::CreatedBy => "k.number, k.created_by",
    }
}

/// A user as keys are sorted by them.
pub(super) struct Creator {
    pub(super) id: String,
    /// Name and id.
    pub(super) group: String,
    pub(super) is_disabled: bool,
    pub(super) has_keys: bool,
}

/// What the positions of rows depend on.
pub(super) struct RowOrder {
    sort: KeySort,
    table: Table,
    opened_at: Timestamp,
    snapshot: Snapshot,
    /// By their group. Only if the list is sorted by status or creator.
    pub(super) creators: Vec<Creator>,
    groups: HashMap<String, String>,
    pub(super) disabled: BTreeSet<String>,
    /// What rows had that have moved since the list was opened.
    moved: HashMap<i64, SortColumns>,
}

impl RowOrder {
    pub(super) async fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let sort = reader.selection.sort.column;
        let depends_on_creators = matches!(sort, KeySort::Status | KeySort::CreatedBy);
        let creators = if depends_on_creators { reader.creators().await? } else { Vec::new() };
        let moved = if matches!(sort, KeySort::CreatedAt | KeySort::LastUsedAt) { HashMap::new() } else { reader.moved(sort).await? };
        Ok(Self {
            sort,
            table: reader.table,
            opened_at: reader.mark.opened_at,
            snapshot: reader.snapshot.clone(),
            groups: creators.iter().map(|creator| (creator.id.clone(), creator.group.clone())).collect(),
            disabled: creators.iter().filter(|creator| creator.is_disabled).map(|creator| creator.id.clone()).collect(),
            creators,
            moved,
        })
    }

    /// The position that a row had, given what it has now.
    ///
    /// # Errors
    /// `ListingGone` if it is no longer known.
    pub(super) fn key(&self, current: &SortColumns) -> Result<RowKey, Error> {
        let columns = self.moved.get(&current.number).unwrap_or(current);
        let text = || columns.text.clone().unwrap_or_default();
        let (group, value) = match self.sort {
            KeySort::CreatedAt => (String::new(), SortValue::Number(columns.first.unwrap_or_default())),
            KeySort::Name | KeySort::Mask => (String::new(), SortValue::Text(text())),
            KeySort::ExpiresAt => (String::new(), SortValue::Number(columns.first.unwrap_or(NEVER))),
            KeySort::LastUsedAt => (String::new(), SortValue::Number(self.last_use(columns)?)),
            KeySort::CreatedBy => (self.groups.get(&text()).cloned().unwrap_or_default(), SortValue::Number(0)),
            KeySort::Status => {
                let status = self.status(columns);
                let has_expiry = matches!(status, Status::Active | Status::Expired);
                (group_of(status), SortValue::Number(if has_expiry { columns.first.unwrap_or(NEVER) } else { 0 }))
            }
        };
        Ok(RowKey { group, value, number: current.number })
    }

    /// The last use as it was sorted, if it has moved once at most.
    fn last_use(&self, columns: &SortColumns) -> Result<i64, Error> {
        let was_known = |moved_in: Option<i64>| self.snapshot.contains(moved_in.unwrap_or_default());
        if was_known(columns.third) {
            return Ok(columns.first.unwrap_or_default());
        }
        if was_known(columns.fourth) { Ok(columns.second.unwrap_or_default()) } else { Err(Error::ListingGone) }
    }

    fn status(&self, columns: &SortColumns) -> Status {
        let is_disabled = || columns.second.is_some() || columns.text.as_ref().is_some_and(|creator| self.disabled.contains(creator));
        if columns.third.is_some() {
            Status::Revoked
        } else if columns.first.is_some_and(|expiry| expiry <= self.opened_at.0) {
            Status::Expired
        } else if self.table == Table::Keys && is_disabled() {
            Status::Disabled
        } else {
            Status::Active
        }
    }

    /// The numbers of the rows that have moved.
    pub(super) fn moved_numbers(&self) -> Vec<i64> {
        self.moved.keys().copied().collect()
    }

    /// The position that a row had that has moved.
    pub(super) fn key_of_moved(&self, number: i64) -> Option<RowKey> {
        self.moved.get(&number).and_then(|columns| self.key(columns).ok())
    }
}

/// The group of the keys of a status.
pub(super) fn group_of(status: Status) -> String {
    (status as u8).to_string()
}

impl Reader<'_> {
    /// What rows had that have moved since the list was opened.
    async fn moved(&mut self, sort: KeySort) -> Result<HashMap<i64, SortColumns>, Error> {
        let kinds = self.kinds();
        let rows = self.moves(&kinds, &columns(sort).replace("k.", "m.")).await?;
        let mut moved = HashMap::new();
        for row in rows {
            let columns: SortColumns = parse(&row)?;
            // The first of several moves of a row has what it had when the list was opened.
            moved.entry(columns.number).or_insert(columns);
        }
        Ok(moved)
    }

    /// Columns of the moves of these kinds since the list was opened, in their order, as JSON arrays.
    async fn moves(&mut self, kinds: &str, columns: &str) -> Result<Vec<String>, Error> {
        let mut statement = self.statement();
        let organization = statement.bind(self.selection.organization);
        let (oldest, snapshot) = (statement.bind(self.snapshot.oldest()), statement.bind(self.mark.snapshot.clone()));
        let engine = &self.store.engine;
        let sql = format!(
            "select {} from list_moves m where m.organization_id = {organization} and m.kind in ({kinds}) and {} order by m.at, m.moved_in limit {}",
            engine.json_array(columns),
            engine.moved_after("m.moved_in", &oldest, &snapshot),
            MOVES_MAX + 1
        );
        let rows: Vec<(String,)> = statement.fetch_all(&mut self.db, sql).await?;
        if rows.len() > MOVES_MAX {
            return Err(Error::ListingGone);
        }
        Ok(rows.into_iter().map(|(row,)| row).collect())
    }

    /// The users of the organization as they were when the list was opened, by name.
    async fn creators(&mut self) -> Result<Vec<Creator>, Error> {
        let mut earlier = HashMap::new();
        for row in self.moves("'user'", "m.created_by, m.name_folded, m.disabled_at").await? {
            let (id, name, disabled_at): (String, String, Option<i64>) = parse(&row)?;
            earlier.entry(id).or_insert((name, disabled_at));
        }
        let kinds = self.kinds();
        let mut statement = self.statement();
        let organization = statement.bind(self.selection.organization);
        let table = self.table.name();
        let sql = format!(
            "select u.id, u.name_folded, u.disabled_at, cast(case when exists \
             (select 1 from {table} k where k.created_by = u.id and k.kind in ({kinds}) and k.deleted_at is null) then 1 else 0 end as bigint) \
             from users u where u.organization_id = {organization}"
        );
        let users: Vec<(String, String, Option<i64>, i64)> = statement.fetch_all(&mut self.db, sql).await?;
        let mut creators: Vec<Creator> = users
            .into_iter()
            .map(|(id, name, disabled_at, has_keys)| {
                let (name, disabled_at) = earlier.remove(&id).unwrap_or((name, disabled_at));
                // Sorts before every letter, so that a name sorts before the longer ones that begin with it.
                Creator { group: format!("{name}\u{1}{id}"), is_disabled: disabled_at.is_some(), has_keys: has_keys != 0, id }
            })
            .collect();
        creators.sort_by(|one, other| one.group.cmp(&other.group));
        Ok(creators)
    }
}

/// Reads JSON that the database has built.
pub(super) fn parse<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, Error> {
    let parsed = serde_json::from_str(json).map_err(|error| StoreError::from(sqlx::Error::Decode(error.into())));
    Ok(parsed?)
}
