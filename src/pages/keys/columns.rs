//! The columns of lists of keys, and what each sorts by.

use crate::{
    grid::view::{Column, Order, Sortable},
    model::listing::{KeySort, SortBy},
};

/// What the key is called.
pub const NAME: Column = Column { title: "Key Name", word: "name", sortable: Sortable::Ascending };
/// What it is now.
pub const STATUS: Column = Column { title: "Status", word: "status", sortable: Sortable::Ascending };
/// What may be shown of its secret.
pub const SECRET: Column = Column { title: "Secret Key", word: "mask", sortable: Sortable::Ascending };
/// When it was made.
pub const CREATED: Column = Column { title: "Created", word: "created_at", sortable: Sortable::Descending };
/// When it was last presented.
pub const LAST_USED: Column = Column { title: "Last Used", word: "last_used_at", sortable: Sortable::Descending };
/// Who made it.
pub const CREATED_BY: Column = Column { title: "Created by", word: "created_by", sortable: Sortable::Ascending };
/// When it ends.
pub const EXPIRES: Column = Column { title: "Expired Date", word: "expires_at", sortable: Sortable::Ascending };
/// What can be done with it.
pub const ACTION: Column = Column { title: "Action", word: "action", sortable: Sortable::No };

const SORTS: [(KeySort, &str); 7] = [
    (KeySort::Name, NAME.word),
    (KeySort::Status, STATUS.word),
    (KeySort::Mask, SECRET.word),
    (KeySort::CreatedAt, CREATED.word),
    (KeySort::LastUsedAt, LAST_USED.word),
    (KeySort::CreatedBy, CREATED_BY.word),
    (KeySort::ExpiresAt, EXPIRES.word),
];

/// The order as the grid shows it.
pub fn order_of(sort: SortBy) -> Order {
    let column = SORTS.iter().find(|(column, _)| *column == sort.column).map_or("", |(_, word)| word);
    Order { column, descending: sort.descending }
}

/// The order that a column's word and a direction mean.
pub fn sort_by(word: &str, descending: bool) -> Option<SortBy> {
    SORTS.iter().find(|(_, other)| *other == word).map(|(column, _)| SortBy { column: *column, descending })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sort_has_a_column_and_reads_back() {
        for (column, word) in SORTS {
            let sort = SortBy { column, descending: true };
            assert_eq!(order_of(sort).column, word);
            assert_eq!(sort_by(word, true), Some(sort));
        }
        assert_eq!(sort_by(ACTION.word, false), None);
    }

    #[test]
    fn a_word_that_the_api_knows_means_the_same_there() {
        for word in ["name", "created_at", "last_used_at", "expires_at"] {
            assert_eq!(word.parse().ok(), sort_by(word, false));
        }
    }
}
