//! The key field of the dialogs for providers, models, services and upstreams.

use latchkey_types::{error::Error, id::CredentialId, provider::GeneralKey};
use latchkey_ui::select::Choice;

/// Options for a general key: `none` first, then the keys.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_can_be_parsed() {
        let id = "crd_0193456789ab7cdef0123456789abcde";
        let key = GeneralKey { id: id.parse().unwrap(), name: "Team key".to_owned(), mask: "sk-…def".to_owned() };
        let choices = [(String::new(), "No key".to_owned()), (id.to_owned(), "Team key (sk-…def)".to_owned())];
        assert_eq!(key_choices("No key", vec![key.clone()]), choices);
        assert_eq!(check_key("key", ""), Ok(None));
        assert_eq!(check_key("key", id), Ok(Some(key.id)));
        assert!(check_key("key", "1").is_err());
    }
}
