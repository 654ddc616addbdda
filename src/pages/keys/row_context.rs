//! What the cells of all rows share.

use leptos::prelude::*;

use super::{revealed_secrets::RevealedSecrets, selection::RowSelection, view_options::ViewOptions};
use latchkey_types::{
    key::{BulkAction, ItemId, KeyRow},
    key_kind::KindSpec,
};
use latchkey_ui::menu::SharedMenu;

/// An action on a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowAction {
    Edit,
    Delete,
    /// Copy its id to the clipboard.
    CopyId,
    /// Create a new secret.
    Rotate,
    /// Replace the secrets of a credential.
    Replace,
    /// Disable or enable it.
    Act(BulkAction),
    /// Test a credential with its provider.
    Test,
}

/// The state that all rows of a list share.
#[derive(Clone, Copy)]
pub(super) struct RowContext {
    pub spec: &'static KindSpec,
    /// Whether the user can create, edit and delete keys of this kind.
    pub may_manage: bool,
    pub view_options: ViewOptions,
    pub selection: RowSelection,
    /// New secrets shown in rows.
    pub shown: RevealedSecrets,
    /// Credentials that are being tested.
    pub testing: RwSignal<Vec<ItemId>>,
    pub menu: SharedMenu,
    /// Called with the requested action.
    pub on_action: Callback<(RowAction, KeyRow)>,
}
