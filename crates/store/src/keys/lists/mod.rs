//! Lists of keys and credentials, read in the order that they had when they were opened.
//!
//! What moved a row since then is recorded by triggers: `list_moves` has earlier values of what lists sort by, and each key the previous time of its
//! last use. A [`ListMark`] says which moves had happened when a list was opened. The later ones are undone, so that the rows between two positions
//! are the same whenever they are read; only deleted rows, and rows that no longer match the filter, are missing.
//!
//! Rows are found in one of two ways. If a condition selects few, those are read with an index and sorted here (`candidates`). Otherwise the index
//! of the order is walked, and each row is checked (`walk`): with many rows that match, a few steps find a page of them.

mod candidates;
mod filter;
mod order;
mod walk;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use tokio::sync::SemaphorePermit;

use super::super::{Connection, Snapshot, Store, StoreError, Tx, has_number_condition};
use filter::{Access, Statement};
use latchkey_types::{
    error::Error,
    id::{OrganizationId, UserId},
    key::ItemId,
    key_kind::{Kind, Status},
    listing::{EXACT_TOTAL_MAX, KeySort, RecentUse, SortBy, Total},
    time::{DAY_MS, Timestamp},
};
pub use order::RowKey;
use order::RowOrder;

/// The expression of the index. Never expiring sorts after all others.
pub(super) const EXPIRY: &str = "coalesce(k.expires_at, 9223372036854775807)";

/// For how long a list that can move can be read. Its moves are kept for longer.
const LIFETIME_MS: i64 = 60 * 60 * 1000;
/// For how long moves are kept.
const MOVES_KEPT_MS: i64 = 2 * LIFETIME_MS;

/// How far the numbers of a transaction that has not ended may be below the highest one when a list is opened: as many as two imports have. Rows with
/// lower numbers that are committed later would appear in the list.
const LATE_NUMBERS: i64 = 2000;

/// The bits of a word of [`ListMark::absent`].
const BITS: usize = 64;

/// The sorted time of the last use is this much before the real one, at most.
const USE_STEP_MS: i64 = 5 * 60 * 1000;

/// Filter and order of a list.
pub struct Selection<'a> {
    pub organization: OrganizationId,
    /// Either only inbound or only outbound kinds.
    pub kinds: &'a [Kind],
    /// Restricts personal kinds to this user's; `None` for all.
    pub personal_of: Option<UserId>,
    /// See [`KeyQuery::search`](latchkey_types::listing::KeyQuery::search).
    pub search: &'a str,
    pub status: Option<Status>,
    /// Only those that expire within [`EXPIRING_DAYS`](latchkey_types::listing::EXPIRING_DAYS).
    pub expiring: bool,
    pub external_id: Option<&'a str>,
    pub scope: Option<&'a str>,
    /// Whether `external_id` and `scope` are the beginnings of values instead of whole values.
    pub match_prefixes: bool,
    /// Keys of a status are sorted by expiry or creation, and other ties are broken by creation order.
    pub sort: SortBy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Keys,
    Credentials,
}

impl Table {
    pub(super) fn of(kinds: &[Kind]) -> Self {
        if kinds.iter().all(|kind| matches!(kind, Kind::Key(_))) { Self::Keys } else { Self::Credentials }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Keys => "api_keys",
            Self::Credentials => "credentials",
        }
    }
}

/// The moment at which a list was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListMark {
    /// The moves that had happened, as the text of a [`Snapshot`].
    snapshot: String,
    /// Rows with higher numbers were created later, and are not in the list.
    max_number: i64,
    /// Which of the numbers below are not in it either, because their transactions had not ended: bits of the [`LATE_NUMBERS`] before the highest one.
    /// Numbers that no row has are among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    absent: Vec<u64>,
    /// On the database's clock.
    opened_at: Timestamp,
}

impl ListMark {
    /// A mark with the missing numbers of these ranges.
    fn new(snapshot: String, max_number: i64, opened_at: Timestamp, missing: &[(i64, i64)]) -> Self {
        let mut absent = Vec::new();
        for number in missing.iter().flat_map(|(first, last)| *first..=*last) {
            let Ok(bit) = usize::try_from(max_number - number) else { continue };
            let word = bit / BITS;
            absent.resize(absent.len().max(word + 1), 0);
            absent[word] |= 1 << (bit % BITS);
        }
        Self { snapshot, max_number, absent, opened_at }
    }

    /// The numbers below the highest one that are not in the list.
    fn absent_numbers(&self) -> Vec<i64> {
        let is_set = |bit: &usize| (self.absent[bit / BITS] >> (bit % BITS)) & 1 == 1;
        let bits = (0..self.absent.len() * BITS).filter(is_set);
        bits.filter_map(|bit| Some(self.max_number - i64::try_from(bit).ok()?)).collect()
    }
}

/// A position in a list, between two rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Position {
    Start,
    End,
    Before(RowKey),
    After(RowKey),
}

/// Which rows of a list to read.
#[derive(Debug, Clone, Copy)]
pub struct Slice<'a> {
    pub from: &'a Position,
    /// Whether the rows before the position are read, instead of those after it.
    pub backwards: bool,
    /// The number of rows next to the position that are left out.
    pub skip: usize,
    pub limit: usize,
}

/// Rows of a list.
#[derive(Debug)]
pub struct Page {
    /// In the order of the list.
    pub rows: Vec<RowKey>,
    /// The number of rows of the list, if reading them showed it.
    pub total: Option<Total>,
}

/// Opens a list. Returns the mark, the first rows and the number of all of them.
///
/// # Errors
/// `Unavailable`.
pub async fn open(store: &Store, selection: &Selection<'_>, limit: usize) -> Result<(ListMark, Page, Total), Error> {
    let mark = mark(store, selection.kinds).await?;
    let (page, total) = Reader::begin(store, selection, &mark).await?.first_page(limit).await?;
    Ok((mark, page, total))
}

/// Reads rows of a list.
///
/// # Errors
/// `ListingGone` if it is no longer known where the rows were when it was opened; `Unavailable`.
pub async fn page(store: &Store, selection: &Selection<'_>, mark: &ListMark, slice: Slice<'_>) -> Result<Page, Error> {
    Reader::begin(store, selection, mark).await?.page(slice).await
}

/// The number of rows of a list.
///
/// # Errors
/// `Unavailable`.
pub async fn count(store: &Store, selection: &Selection<'_>, mark: &ListMark) -> Result<usize, Error> {
    Reader::begin(store, selection, mark).await?.count(None).await
}

/// How many rows of a list were used lately.
///
/// # Errors
/// `Unavailable`.
pub async fn recent_use(store: &Store, selection: &Selection<'_>, mark: &ListMark) -> Result<RecentUse, Error> {
    Reader::begin(store, selection, mark).await?.recent_use().await
}

/// Deletes the moves of which no list needs to know any more.
pub async fn delete_old_moves(tx: &mut Tx) -> Result<(), StoreError> {
    let sql = AssertSqlSafe(format!("delete from list_moves where at < ({} - $1) * 1000", tx.now_ms()));
    sqlx::query(sql).bind(MOVES_KEPT_MS).execute(tx).await?;
    Ok(())
}

async fn mark(store: &Store, kinds: &[Kind]) -> Result<ListMark, Error> {
    let table = Table::of(kinds).name();
    let missing = store.engine.missing_numbers(table, LATE_NUMBERS);
    let sql = AssertSqlSafe(format!(
        "select {}, (select coalesce(max(number), 0) from {table}), {}, {missing}",
        store.engine.list_snapshot(),
        store.now_ms()
    ));
    let query = sqlx::query_as(sql).fetch_one(store.read()?);
    let (snapshot, max_number, opened_at, missing): (String, i64, Timestamp, String) = query.await.map_err(StoreError::from)?;
    Ok(ListMark::new(snapshot, max_number, opened_at, &order::parse::<Vec<(i64, i64)>>(&missing)?))
}

/// A transaction in which rows of a list are read. All statements see the same state, so that a row cannot move between them.
struct Reader<'a> {
    db: Connection,
    store: &'a Store,
    selection: &'a Selection<'a>,
    mark: &'a ListMark,
    snapshot: Snapshot,
    table: Table,
    _permit: SemaphorePermit<'a>,
}

impl<'a> Reader<'a> {
    async fn begin(store: &'a Store, selection: &'a Selection<'a>, mark: &'a ListMark) -> Result<Self, Error> {
        let permit = store.list_permit().await?;
        let mut db = store.begin_read().await?;
        let (_, _, _, now): (String, String, String, i64) =
            sqlx::query_as(store.engine.begin_list()).fetch_one(&mut db).await.map_err(StoreError::from)?;
        // Keys do not change the time at which they were created.
        if selection.sort.column != KeySort::CreatedAt && now > mark.opened_at.0.saturating_add(LIFETIME_MS) {
            return Err(Error::ListingGone);
        }
        let snapshot: Snapshot = mark.snapshot.parse().map_err(|_| Error::ListingGone)?;
        Ok(Self { db, store, selection, mark, snapshot, table: Table::of(selection.kinds), _permit: permit })
    }

    fn statement(&self) -> Statement<'a> {
        Statement::new(self.store)
    }

    async fn first_page(mut self, limit: usize) -> Result<(Page, Total), Error> {
        let page = self.page(Slice { from: &Position::Start, backwards: false, skip: 0, limit }).await?;
        let total = match page.total {
            Some(total) => total,
            None if page.rows.len() < limit => Total { count: page.rows.len(), is_exact: true },
            None => Total::of(self.count(Some(EXACT_TOTAL_MAX + 1)).await?),
        };
        Ok((page, total))
    }

    async fn page(&mut self, slice: Slice<'_>) -> Result<Page, Error> {
        let order = RowOrder::read(self).await?;
        let mut total = None;
        for lookup in self.lookups() {
            match self.find_candidates(&lookup, &order).await? {
                candidates::Found::All(rows) => return Ok(self.slice(rows, slice)),
                candidates::Found::Many(at_least) => total = total.or_else(|| (at_least >= EXACT_TOTAL_MAX).then(|| Total::of(EXACT_TOTAL_MAX + 1))),
            }
        }
        let mut rows = self.walk(&order, slice).await?;
        if slice.backwards {
            rows.reverse();
        }
        Ok(Page { rows, total })
    }

    /// The number of rows; of more than `limit` only that many are counted.
    async fn count(&mut self, limit: Option<usize>) -> Result<usize, Error> {
        let mut statement = self.statement();
        let access = self.walk_access(true).await?;
        let conditions = self.conditions(&mut statement, access);
        let kinds = self.kinds();
        let limit = limit.map(|limit| format!(" limit {limit}")).unwrap_or_default();
        let table = self.table.name();
        let sql = format!("select count(*) from (select 1 from {table} k where {conditions} and k.kind in ({kinds}){limit}) as counted");
        let (count,): (i64,) = statement.fetch_one(&mut self.db, sql).await?;
        Ok(usize::try_from(count).unwrap_or_default())
    }

    async fn recent_use(&mut self) -> Result<RecentUse, Error> {
        let now = Timestamp::now();
        let mut statement = self.statement();
        let access = self.walk_access(true).await?;
        let conditions = self.conditions(&mut statement, access);
        let kinds = self.kinds();
        let (day, week) = (statement.bind(now.0 - DAY_MS), statement.bind(now.0 - 7 * DAY_MS));
        let sorted = match self.table {
            Table::Keys => format!(" and k.sorted_use_at > {}", statement.bind(now.0 - 7 * DAY_MS - USE_STEP_MS)),
            Table::Credentials => String::new(),
        };
        let table = self.table.name();
        let sql = format!(
            "select count(case when k.last_used_at >= {day} then 1 end), count(*) from {table} k \
             where {conditions} and k.kind in ({kinds}){sorted} and k.last_used_at >= {week}"
        );
        let (within_day, within_week): (i64, i64) = statement.fetch_one(&mut self.db, sql).await?;
        Ok(RecentUse { within_day: usize::try_from(within_day).unwrap_or_default(), within_week: usize::try_from(within_week).unwrap_or_default() })
    }

    /// The part of all rows, which are sorted in ascending order.
    fn slice(&self, mut rows: Vec<RowKey>, slice: Slice<'_>) -> Page {
        let total = Some(Total { count: rows.len(), is_exact: true });
        if self.selection.sort.descending {
            rows.reverse();
        }
        let is_earlier = |row: &RowKey, than: &RowKey| if self.selection.sort.descending { row > than } else { row < than };
        let boundary = match slice.from {
            Position::Start => 0,
            Position::End => rows.len(),
            Position::Before(key) => rows.partition_point(|row| is_earlier(row, key)),
            Position::After(key) => rows.partition_point(|row| row == key || is_earlier(row, key)),
        };
        let range = if slice.backwards {
            let end = boundary.saturating_sub(slice.skip);
            end.saturating_sub(slice.limit)..end
        } else {
            let start = boundary.saturating_add(slice.skip).min(rows.len());
            start..start.saturating_add(slice.limit).min(rows.len())
        };
        Page { rows: rows.drain(range).collect(), total }
    }

    /// How the conditions are checked when all rows may be read.
    async fn walk_access(&mut self, uses_names: bool) -> Result<Access, Error> {
        Ok(Access::Walk { uses_names, is_of_creator: false, others: self.count_other_matches().await? })
    }
}

/// The ids of rows of a list, in order, including deleted ones.
pub async fn ids_of(store: &Store, organization: OrganizationId, kinds: &[Kind], numbers: &[i64]) -> Result<Vec<ItemId>, StoreError> {
    let table = Table::of(kinds).name();
    let mut ids = HashMap::new();
    for chunk in numbers.chunks(500) {
        let sql = AssertSqlSafe(format!("select k.number, k.id from {table} k where {}", has_number_condition(chunk.len())));
        let query = chunk.iter().fold(sqlx::query_as::<_, (i64, String)>(sql).bind(organization), |query, number| query.bind(*number));
        for (number, id) in query.fetch_all(store.read()?).await? {
            ids.insert(number, id.parse::<ItemId>().map_err(|error| sqlx::Error::Decode(error.into()))?);
        }
    }
    Ok(numbers.iter().filter_map(|number| ids.remove(number)).collect())
}

impl RowKey {
    /// The number of the key or credential.
    pub const fn number(&self) -> i64 {
        self.number
    }
}

#[cfg(test)]
mod tests;
