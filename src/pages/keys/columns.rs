//! The columns of lists of keys, and what each sorts by.

use leptos::prelude::AnyView;

use super::row::{self, RowActions};
use crate::{
    grid::view::{Column, Order, Sortable},
    model::{
        key::KeyRow,
        listing::{KeySort, SortBy},
    },
};

/// A column of a list of keys.
#[derive(Debug)]
pub struct KeyColumn {
    /// Its heading.
    pub head: Column,
    /// What it sorts by.
    pub sort: Option<KeySort>,
    /// What stands in it.
    pub cell: fn(&KeyRow, RowActions) -> AnyView,
}

/// What the key is called.
pub const NAME: KeyColumn =
    KeyColumn { head: Column { title: "Key Name", word: "name", sortable: Sortable::Ascending }, sort: Some(KeySort::Name), cell: row::name };
/// What it is now.
pub const STATUS: KeyColumn =
    KeyColumn { head: Column { title: "Status", word: "status", sortable: Sortable::Ascending }, sort: Some(KeySort::Status), cell: row::status };
/// What may be shown of its secret.
pub const SECRET: KeyColumn =
    KeyColumn { head: Column { title: "Secret Key", word: "mask", sortable: Sortable::Ascending }, sort: Some(KeySort::Mask), cell: row::mask };
/// When it was made.
pub const CREATED: KeyColumn = KeyColumn {
    head: Column { title: "Created", word: "created_at", sortable: Sortable::Descending },
    sort: Some(KeySort::CreatedAt),
    cell: row::created_at,
};
/// When it was last presented.
pub const LAST_USED: KeyColumn = KeyColumn {
    head: Column { title: "Last Used", word: "last_used_at", sortable: Sortable::Descending },
    sort: Some(KeySort::LastUsedAt),
    cell: row::last_used_at,
};
/// Who made it.
pub const CREATED_BY: KeyColumn = KeyColumn {
    head: Column { title: "Created by", word: "created_by", sortable: Sortable::Ascending },
    sort: Some(KeySort::CreatedBy),
    cell: row::created_by,
};
/// When it ends.
pub const EXPIRES: KeyColumn = KeyColumn {
    head: Column { title: "Expired Date", word: "expires_at", sortable: Sortable::Ascending },
    sort: Some(KeySort::ExpiresAt),
    cell: row::expires_at,
};
/// What can be done with it.
pub const ACTION: KeyColumn = KeyColumn { head: Column { title: "Action", word: "action", sortable: Sortable::No }, sort: None, cell: row::action };

const ALL: [&KeyColumn; 8] = [&NAME, &STATUS, &SECRET, &CREATED, &LAST_USED, &CREATED_BY, &EXPIRES, &ACTION];

/// The order as the grid shows it.
pub fn order_of(sort: SortBy) -> Order {
    let column = ALL.iter().find(|column| column.sort == Some(sort.column)).map_or("", |column| column.head.word);
    Order { column, descending: sort.descending }
}

/// The order that a column's word and a direction mean.
pub fn sort_by(word: &str, descending: bool) -> Option<SortBy> {
    let column = ALL.iter().find(|column| column.head.word == word)?.sort?;
    Some(SortBy { column, descending })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sort_reads_back() {
        for column in ALL {
            let sort = sort_by(column.head.word, true);
            assert_eq!(sort.map(|sort| sort.column), column.sort);
            assert_eq!(sort.map_or(column.head.word, |sort| order_of(sort).column), column.head.word);
        }
    }

    #[test]
    fn a_word_that_the_api_knows_means_the_same_there() {
        for word in ["name", "created_at", "last_used_at", "expires_at"] {
            assert_eq!(word.parse().ok(), sort_by(word, false));
        }
    }
}
