//! Paging of long lists.
//!
//! A cursor names a position between two rows, in the order that the list had when it was opened. So rows that are changed, moved or added in the
//! meantime are neither skipped nor repeated. The server stores nothing for a list: every instance can read a cursor.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{
    key_kind::{Kind, Status},
    permission::UnknownValue,
};

/// Maximum number of rows in one response.
pub const ROWS_MAX: usize = 100;

/// A key counts as expiring soon this many days before its expiry.
pub const EXPIRING_DAYS: i64 = 14;

/// Number of characters from which on a search finds them anywhere in a name.
pub const SUBSTRING_MIN: usize = 3;

/// Totals are exact up to this number.
pub const EXACT_TOTAL_MAX: usize = 10_000;

/// Number of the last page of a list with this many rows, from 1.
pub const fn last_page(count: i64, rows_per_page: i64) -> i64 {
    if count <= rows_per_page { 1 } else { (count - 1) / rows_per_page + 1 }
}

/// Sort columns of a list of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeySort {
    /// Ignores case.
    Name,
    Status,
    Mask,
    CreatedAt,
    LastUsedAt,
    CreatedBy,
    ExpiresAt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SortBy {
    pub column: KeySort,
    pub descending: bool,
}

impl Default for SortBy {
    /// Newest first.
    fn default() -> Self {
        Self { column: KeySort::CreatedAt, descending: true }
    }
}

/// `name|created_at|last_used_at|expires_at`, with `-` before it for descending.
impl FromStr for SortBy {
    type Err = UnknownValue;

    fn from_str(text: &str) -> Result<Self, UnknownValue> {
        let (descending, column) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let column = match column {
            "name" => KeySort::Name,
            "created_at" => KeySort::CreatedAt,
            "last_used_at" => KeySort::LastUsedAt,
            "expires_at" => KeySort::ExpiresAt,
            _ => return Err(UnknownValue),
        };
        Ok(Self { column, descending })
    }
}

/// Filters and sort order of a list of keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyQuery {
    /// `None` selects all inbound kinds that the caller can see.
    pub kind: Option<Kind>,
    /// A part of the name, ignoring case, or its beginning if there are fewer than [`SUBSTRING_MIN`] characters; or the beginning of the external
    /// id, the whole id, or the last four characters of an API key. Empty matches all.
    pub search: String,
    #[serde(default)]
    pub status: Option<Status>,
    /// Only keys that expire within [`EXPIRING_DAYS`] and have not expired yet.
    #[serde(default)]
    pub expiring: bool,
    #[serde(default)]
    pub external_id: Option<String>,
    #[serde(default)]
    pub scope: Option<String>,
    /// Whether `external_id` and `scope` are the beginnings of values, as while they are typed, instead of whole values.
    #[serde(default)]
    pub match_prefixes: bool,
    pub sort: SortBy,
}

/// The number of rows of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    pub count: usize,
    /// Whether there are no more than these.
    pub is_exact: bool,
}

impl Total {
    /// The total of a list of which up to one row more than [`EXACT_TOTAL_MAX`] was counted.
    pub const fn of(counted: usize) -> Self {
        if counted > EXACT_TOTAL_MAX { Self { count: EXACT_TOTAL_MAX, is_exact: false } } else { Self { count: counted, is_exact: true } }
    }
}

/// The number of keys of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindTotal {
    pub kind: Kind,
    pub total: Total,
}

/// A position in a list, between two rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// The index of the row after it.
    pub index: usize,
    /// Names it to the server, with the list.
    pub cursor: String,
}

/// An opened list with its first rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenedListing<Row> {
    /// The cursor of the beginning of the list, which names the list. Expires after an hour.
    pub listing: String,
    pub total: Total,
    pub rows: Vec<ListedRow<Row>>,
    /// The position after these rows.
    pub end: Anchor,
}

/// Which rows of an opened list to return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsRequest {
    /// Any known position, best a near one: the rows in between are skipped one by one.
    pub anchor: Anchor,
    /// The index of the first row.
    pub first: usize,
    pub limit: usize,
    /// The cursor of the position `limit` rows later, if that is known. The list has expired if there are more rows before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// Rows of an opened list. Fewer than requested if some were deleted, or at the end of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsPage<Row> {
    pub rows: Vec<ListedRow<Row>>,
    /// The position before these rows.
    pub start: Anchor,
    /// The position after these rows.
    pub end: Anchor,
}

/// Ids of successive rows of an opened list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdsPage<Id> {
    pub ids: Vec<Id>,
    /// The position after these rows; `None` at the end of the list.
    pub end: Option<Anchor>,
}

/// The exact number of rows of an opened list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListCount {
    /// The position after the last row. Its index is their number.
    pub end: Anchor,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedRow<Row> {
    /// Position in the list, from 0.
    pub index: usize,
    /// Current state; `None` if the row was deleted in the meantime.
    pub row: Option<Row>,
}

/// How many rows of an opened list were used lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RecentUse {
    /// In the last 24 hours.
    pub within_day: usize,
    /// In the last 7 days, including the last 24 hours.
    pub within_week: usize,
}
