//! The possible columns of a key list and their sort order. `tabs` selects the columns per kind.

use latchkey_types::listing::{KeySort, SortBy};
use latchkey_ui::grid::view::{Column, Order, Sortable};

/// The content of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Name,
    /// The owner's id in the API that the key is for.
    ExternalId,
    /// The masked secret, or a new secret that is revealed in its row.
    Mask,
    Status,
    Scopes,
    /// The scopes of a corpus key as a label.
    Access,
    Limits,
    /// The corpora that it gives access to.
    Corpora,
    /// The storage provider.
    Provider,
    /// The storage region.
    Region,
    /// The providers and models that use it.
    LinkedTo,
    CreatedAt,
    LastUsedAt,
    ExpiresAt,
    CreatedBy,
    /// The row's buttons and menu.
    Action,
}

impl Field {
    const SORTED: [Self; 7] = [Self::Name, Self::Status, Self::Mask, Self::CreatedAt, Self::LastUsedAt, Self::CreatedBy, Self::ExpiresAt];

    /// Its key in the URL and in the class of its cells.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::ExternalId => "external_id",
            Self::Mask => "mask",
            Self::Status => "status",
            Self::Scopes => "scopes",
            Self::Access => "access",
            Self::Limits => "limits",
            Self::Corpora => "corpora",
            Self::Provider => "provider",
            Self::Region => "region",
            Self::LinkedTo => "linked_to",
            Self::CreatedAt => "created_at",
            Self::LastUsedAt => "last_used_at",
            Self::ExpiresAt => "expires_at",
            Self::CreatedBy => "created_by",
            Self::Action => "action",
        }
    }

    const fn sort(self) -> Option<KeySort> {
        match self {
            Self::Name => Some(KeySort::Name),
            Self::Status => Some(KeySort::Status),
            Self::Mask => Some(KeySort::Mask),
            Self::CreatedAt => Some(KeySort::CreatedAt),
            Self::LastUsedAt => Some(KeySort::LastUsedAt),
            Self::CreatedBy => Some(KeySort::CreatedBy),
            Self::ExpiresAt => Some(KeySort::ExpiresAt),
            _ => None,
        }
    }

    /// The column with this field and a title.
    pub const fn column(self, title: &'static str) -> Column {
        let sortable = match (self.sort(), self) {
            (None, _) => Sortable::No,
            // Latest first.
            (Some(_), Self::CreatedAt | Self::LastUsedAt) => Sortable::Descending,
            (Some(_), _) => Sortable::Ascending,
        };
        Column { title, key: self.as_str(), sortable }
    }
}

/// Converts a sort order for the grid.
pub(super) fn order_of(sort: SortBy) -> Order {
    let column = Field::SORTED.into_iter().find(|field| field.sort() == Some(sort.column)).map_or("", Field::as_str);
    Order { column, descending: sort.descending }
}

/// The sort order for a column key and direction.
pub(super) fn sort_by(word: &str, descending: bool) -> Option<SortBy> {
    let column = Field::SORTED.into_iter().find(|field| field.as_str() == word)?.sort()?;
    Some(SortBy { column, descending })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sort_orders_round_trip() {
        for field in Field::SORTED {
            let sort = sort_by(field.as_str(), true).unwrap();
            assert_eq!(Some(sort.column), field.sort());
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
