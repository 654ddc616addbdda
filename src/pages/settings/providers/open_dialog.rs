//! The open dialog of the providers page.

use super::{delete::DeleteTarget, presets::Preset};
use latchkey_types::provider::{ModelRow, ProviderRow};

#[derive(Clone)]
pub(super) enum OpenDialog {
    /// With what its fields contain at first.
    AddProvider(&'static Preset),
    EditProvider(ProviderRow),
    AddModel(ProviderRow),
    EditModel(ModelRow),
    Delete(DeleteTarget),
}
