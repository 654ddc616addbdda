//! The key field of the provider and model dialogs.

use latchkey_types::{error::Error, id::CredentialId, provider::GeneralKey};
use latchkey_ui::select::Choice;

/// Options for a key: `none` first, then the keys.
pub(super) fn key_choices(none: &str, keys: Vec<GeneralKey>) -> Vec<Choice> {
    let choices = keys.into_iter().map(|key| (key.id.to_string(), format!("{} ({})", key.name, key.mask)));
    std::iter::once((String::new(), none.to_owned())).chain(choices).collect()
}

/// Parses the selected key; an empty value means none.
pub(super) fn check_key(field: &str, chosen: &str) -> Result<Option<CredentialId>, Error> {
    if chosen.is_empty() {
        return Ok(None);
    }
    chosen.parse().map(Some).map_err(|_| Error::invalid(field, "Choose a key."))
}
