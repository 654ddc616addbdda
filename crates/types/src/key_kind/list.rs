//! What the list page of a kind shows.

/// Texts and columns.
#[derive(Debug)]
pub struct ListSpec {
    /// What keys of this kind are for, in one line.
    pub purpose: &'static str,
    /// Shown while there are no keys.
    pub empty_text: &'static str,
    /// Of the create dialog.
    pub title: &'static str,
    /// Of the name field.
    pub name_label: &'static str,
    /// Of the name field.
    pub name_hint: &'static str,
    /// Label of the create dialog's submit button.
    pub submit: &'static str,
    /// Headings and fields. Some labels are required to differ per kind.
    pub columns: &'static [(&'static str, KeyField)],
    /// Whether a row has edit and delete buttons besides its menu.
    pub has_buttons: bool,
}

/// Content of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyField {
    Name,
    /// Id of the owner in the API that the key is for.
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

impl KeyField {
    /// Its key in the page's URL and in the class of its cells.
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
}
