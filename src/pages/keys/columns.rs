//! Sort order of the columns of a key list. The table of key kinds selects the columns.

use latchkey_types::{
    key_kind::KeyField,
    listing::{KeySort, SortBy},
};
use latchkey_ui::grid::view::{Column, Order, Sortable};

const SORTED: [KeyField; 7] =
    [KeyField::Name, KeyField::Status, KeyField::Mask, KeyField::CreatedAt, KeyField::LastUsedAt, KeyField::CreatedBy, KeyField::ExpiresAt];

const fn sort_of(field: KeyField) -> Option<KeySort> {
    match field {
        KeyField::Name => Some(KeySort::Name),
        KeyField::Status => Some(KeySort::Status),
        KeyField::Mask => Some(KeySort::Mask),
        KeyField::CreatedAt => Some(KeySort::CreatedAt),
        KeyField::LastUsedAt => Some(KeySort::LastUsedAt),
        KeyField::CreatedBy => Some(KeySort::CreatedBy),
        KeyField::ExpiresAt => Some(KeySort::ExpiresAt),
        _ => None,
    }
}

/// Converts a field for the grid.
pub(super) const fn column(field: KeyField, title: &'static str) -> Column {
    let sortable = match (sort_of(field), field) {
        (None, _) => Sortable::No,
        // Latest first.
        (Some(_), KeyField::CreatedAt | KeyField::LastUsedAt) => Sortable::Descending,
        (Some(_), _) => Sortable::Ascending,
    };
    Column { title, key: field.as_str(), sortable }
}

/// Converts a sort order for the grid.
pub(super) fn order_of(sort: SortBy) -> Order {
    let column = SORTED.into_iter().find(|field| sort_of(*field) == Some(sort.column)).map_or("", KeyField::as_str);
    Order { column, descending: sort.descending }
}

/// The sort order for a column key and direction.
pub(super) fn sort_by(word: &str, descending: bool) -> Option<SortBy> {
    let column = SORTED.into_iter().find(|field| field.as_str() == word).and_then(sort_of)?;
    Some(SortBy { column, descending })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sort_orders_round_trip() {
        for field in SORTED {
            let sort = sort_by(field.as_str(), true).unwrap();
            assert_eq!(Some(sort.column), sort_of(field));
            assert_eq!(order_of(sort).column, field.as_str());
        }
        assert_eq!(sort_by("scopes", false), None);
    }

    #[test]
    fn column_keys_match_the_api() {
        for word in ["name", "created_at", "last_used_at", "expires_at"] {
            assert_eq!(word.parse().ok(), sort_by(word, false));
        }
    }
}
