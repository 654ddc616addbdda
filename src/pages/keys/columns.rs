//! What can stand in a column of a list of keys, and what each sorts by. Which columns a list has is said in `tabs`.

use crate::{
    grid::view::{Column, Order, Sortable},
    model::listing::{KeySort, SortBy},
};

/// What stands in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// What it is called.
    Name,
    /// Whose it is, in the words of the API that it is for.
    ExternalId,
    /// What may be shown of its secret; a new one whole, where its row is the place to show it.
    Mask,
    /// What it is now.
    Status,
    /// What it may be used for.
    Scopes,
    /// The same of a corpus key, in the words of its page.
    Access,
    /// What limits it.
    Limits,
    /// Which corpora it opens.
    Corpora,
    /// Who keeps the files that it opens.
    Provider,
    /// And where.
    Region,
    /// What uses it.
    LinkedTo,
    /// When it was made.
    CreatedAt,
    /// When it was last used.
    LastUsedAt,
    /// When it ends.
    ExpiresAt,
    /// Who made it.
    CreatedBy,
    /// What can be done with it.
    Action,
}

impl Field {
    const SORTED: [Self; 7] = [Self::Name, Self::Status, Self::Mask, Self::CreatedAt, Self::LastUsedAt, Self::CreatedBy, Self::ExpiresAt];

    /// Its word, in the address and as a class of its cells.
    pub const fn word(self) -> &'static str {
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

    /// The column with this heading.
    pub const fn column(self, title: &'static str) -> Column {
        let sortable = match (self.sort(), self) {
            (None, _) => Sortable::No,
            // The latest first.
            (Some(_), Self::CreatedAt | Self::LastUsedAt) => Sortable::Descending,
            (Some(_), _) => Sortable::Ascending,
        };
        Column { title, word: self.word(), sortable }
    }
}

/// The order as the grid shows it.
pub fn order_of(sort: SortBy) -> Order {
    let column = Field::SORTED.into_iter().find(|field| field.sort() == Some(sort.column)).map_or("", Field::word);
    Order { column, descending: sort.descending }
}

/// The order that a column's word and a direction mean.
pub fn sort_by(word: &str, descending: bool) -> Option<SortBy> {
    let column = Field::SORTED.into_iter().find(|field| field.word() == word)?.sort()?;
    Some(SortBy { column, descending })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sort_reads_back() {
        for field in Field::SORTED {
            let sort = sort_by(field.word(), true).unwrap();
            assert_eq!(Some(sort.column), field.sort());
            assert_eq!(order_of(sort).column, field.word());
        }
        assert_eq!(sort_by("scopes", false), None);
    }

    #[test]
    fn a_word_that_the_api_knows_means_the_same_there() {
        for word in ["name", "created_at", "last_used_at", "expires_at"] {
            assert_eq!(word.parse().ok(), sort_by(word, false));
        }
    }
}
