//! The open dialog of the providers page.

use super::delete::DeleteTarget;
use latchkey_types::provider::{ModelRow, ProviderRow};

#[derive(Clone)]
pub(super) enum OpenDialog {
    AddProvider,
    EditProvider(ProviderRow),
    AddModel(ProviderRow),
    EditModel(ModelRow),
    Delete(DeleteTarget),
}
