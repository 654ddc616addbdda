//! Long lists: what is asked for and what comes back.
//!
//! A list is opened once: the server notes which rows it holds and in which order, and answers any part of that list
//! afterwards. So rows that change, move or come while somebody pages are neither lost nor doubled.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{
    permission::UnknownWord,
    policy::{Kind, Status},
};

/// The most rows of one answer.
pub const ROWS_MAX: usize = 100;

/// How long before their end keys are warned of, in days.
pub const EXPIRING_DAYS: i64 = 14;

/// What a list of keys can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeySort {
    /// By name, whatever the case.
    Name,
    /// By what it is now.
    Status,
    /// By what is shown of its secret.
    Mask,
    /// By when it was made.
    CreatedAt,
    /// By when it was last used.
    LastUsedAt,
    /// By who made it.
    CreatedBy,
    /// By when it ends.
    ExpiresAt,
}

/// A sort column and its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SortBy {
    /// The column.
    pub column: KeySort,
    /// Last first.
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
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let (descending, column) = word.strip_prefix('-').map_or((false, word), |rest| (true, rest));
        let column = match column {
            "name" => KeySort::Name,
            "created_at" => KeySort::CreatedAt,
            "last_used_at" => KeySort::LastUsedAt,
            "expires_at" => KeySort::ExpiresAt,
            _ => return Err(UnknownWord),
        };
        Ok(Self { column, descending })
    }
}

/// Which keys, in which order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyQuery {
    /// Only this kind; `None` for every inbound kind that the caller may see.
    pub kind: Option<Kind>,
    /// Only names that hold this, whatever the case. Blank for all.
    pub search: String,
    /// Only keys that are this now.
    #[serde(default)]
    pub status: Option<Status>,
    /// Only keys that end within [`EXPIRING_DAYS`] and have not ended yet.
    #[serde(default)]
    pub expiring: bool,
    /// Only keys of this external id.
    #[serde(default)]
    pub external_id: Option<String>,
    /// Only keys with this scope.
    #[serde(default)]
    pub scope: Option<String>,
    /// The order.
    pub sort: SortBy,
}

/// A list that was opened, and its first rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenedListing<Row> {
    /// The list's name for further rows; good for half an hour after its last use.
    pub listing: String,
    /// How many rows it holds.
    pub total: usize,
    /// The first rows.
    pub rows: Vec<ListedRow<Row>>,
}

/// A row of an opened list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedRow<Row> {
    /// Its place in the list, from 0.
    pub index: usize,
    /// What it is now; `None` when it was deleted since the list was opened.
    pub row: Option<Row>,
}
