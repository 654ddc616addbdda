//! The open dialog of the providers page.

use super::delete::DeleteTarget;
use latchkey_types::provider::{AliasRow, ModelRow, ProviderRow};

#[derive(Clone)]
pub(super) enum OpenDialog {
    /// With the name of the known provider that is filled in at first; empty for none.
    AddProvider(&'static str),
    EditProvider(ProviderRow),
    AddModels(ProviderRow),
    EditModel(ModelRow),
    AddAlias,
    EditAlias(AliasRow),
    Delete(DeleteTarget),
    /// With the name of the model or alias that is selected at first; empty for the first one.
    Try(String),
}
