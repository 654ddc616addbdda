//! Paging of long lists.
//!
//! Opening a list makes the server store a snapshot of the row ids and their order. Pages are read from this snapshot, so rows
//! that are changed, moved or added in the meantime are neither skipped nor repeated.

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
    /// A part of the name, ignoring case; or the beginning of the external id, the whole id, or the last four characters of an API key.
    /// Empty matches all.
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

/// An opened list with its first rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenedListing<Row> {
    /// Id of the snapshot, for further rows. Expires half an hour after its last use.
    pub listing: String,
    /// Number of rows in the list.
    pub total: usize,
    pub rows: Vec<ListedRow<Row>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedRow<Row> {
    /// Position in the list, from 0.
    pub index: usize,
    /// Current state; `None` if the row was deleted after the list was opened.
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
