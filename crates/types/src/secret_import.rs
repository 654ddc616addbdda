//! Names for importing a project key as secrets of another project. Page and server compute them with the same code.

use serde::{Deserialize, Serialize};

use super::{error::Error, validate::NAME_MAX};

/// Maximum length of a prefix, in characters.
pub const PREFIX_MAX: usize = 30;
/// Field names are cut to this many characters, so that prefix, field and number fit into [`NAME_MAX`].
const FIELD_MAX: usize = 60;
const _: () = assert!(PREFIX_MAX + FIELD_MAX + "__99".len() <= NAME_MAX);
/// Maximum length of a secret's value, in bytes.
pub const VALUE_MAX: usize = 8 * 1024;

/// Name of a secret that an import creates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretNamePreview {
    pub name: String,
    /// Whether the project already has a secret of this name.
    pub is_taken: bool,
}

/// Trims a name and checks that it is usable as a variable name: ASCII letters, digits and `_`, no digit first, at most [`NAME_MAX`].
pub fn identifier(field: &str, typed: &str) -> Result<String, Error> {
    let name = typed.trim();
    let starts_valid = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    if !starts_valid || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(Error::invalid(field, "Use letters without accents, digits and “_”, starting with a letter or “_”, e.g. api_token."));
    }
    if name.len() > NAME_MAX {
        return Err(Error::invalid(field, format!("Use at most {NAME_MAX} characters; this has {}.", name.len())));
    }
    Ok(name.to_owned())
}

/// Validates the prefix of secret names: an [`identifier`] of at most [`PREFIX_MAX`] characters.
pub fn prefix(field: &str, typed: &str) -> Result<String, Error> {
    let prefix = identifier(field, typed)?;
    if prefix.len() > PREFIX_MAX {
        return Err(Error::invalid(field, format!("Use at most {PREFIX_MAX} characters; this has {}.", prefix.len())));
    }
    Ok(prefix)
}

/// Trims the value of a secret and validates it: not empty, at most [`VALUE_MAX`] bytes, no NUL.
pub fn value<'a>(field: &str, typed: &'a str) -> Result<&'a str, Error> {
    let value = typed.trim();
    if value.is_empty() {
        return Err(Error::invalid(field, "Enter a value."));
    }
    if value.len() > VALUE_MAX {
        return Err(Error::invalid(field, format!("Use at most {} KB.", VALUE_MAX / 1024)));
    }
    if value.contains('\0') {
        return Err(Error::invalid(field, "Remove the NUL characters."));
    }
    Ok(value)
}

/// Names of the secrets of a key: its token first, then its fields in order. Duplicates get a numeric suffix.
pub fn names<'a>(prefix: &str, fields: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut names = vec![format!("{prefix}_token")];
    for field in fields {
        let name = format!("{prefix}_{}", as_identifier(field));
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        let unused = std::iter::once(name.clone()).chain(numbered).find(|name| !names.contains(name));
        names.extend(unused);
    }
    names
}

/// Converts a field name to lowercase letters, digits and `_`.
fn as_identifier(field: &str) -> String {
    let replace = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    field.trim().chars().take(FIELD_MAX).map(replace).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_valid_identifier() {
        for good in ["a", "_", "API_TOKEN", " x9 ", &"a".repeat(NAME_MAX)] {
            assert_eq!(identifier("name", good).as_deref(), Ok(good.trim()));
        }
        for bad in ["", " ", "9a", "a b", "a-b", "a.b", "ä", "٣", "a\0", "a$(b)", &"a".repeat(NAME_MAX + 1)] {
            assert_eq!(identifier("name", bad).unwrap_err().field_error().map(|(field, _)| field), Some("name"), "{bad}");
        }
        assert!(prefix("prefix", &"a".repeat(PREFIX_MAX)).is_ok());
        assert!(prefix("prefix", &"a".repeat(PREFIX_MAX + 1)).is_err());
    }

    #[test]
    fn a_value_is_trimmed_and_bounded() {
        assert_eq!(value("value", " -----BEGIN KEY-----\nabc \n"), Ok("-----BEGIN KEY-----\nabc"));
        assert!(value("value", &"ä".repeat(VALUE_MAX / 2)).is_ok());
        for bad in ["", " \n", "a\0b", &"ä".repeat(VALUE_MAX / 2 + 1)] {
            assert!(value("value", bad).is_err());
        }
    }

    #[test]
    fn field_names_become_secret_names() {
        let fields = ["Project ID", "Input Node-ID", "Größe", "  URL  "];
        assert_eq!(names("acme", fields), ["acme_token", "acme_project_id", "acme_input_node_id", "acme_gr__e", "acme_url"]);
        assert_eq!(names("A", []), ["A_token"]);
    }

    #[test]
    fn duplicate_names_get_a_number() {
        assert_eq!(names("p", ["Token", "a b", "A-B", "a.b", "a_b_2"]), ["p_token", "p_token_2", "p_a_b", "p_a_b_2", "p_a_b_3", "p_a_b_2_2"]);
    }

    #[test]
    fn long_field_names_still_give_identifiers() {
        let (long, wide) = ("x".repeat(NAME_MAX), "ß".repeat(NAME_MAX));
        for name in names(&"p".repeat(PREFIX_MAX), [&*long, &long, &wide, &wide, "", "9"]) {
            assert_eq!(identifier("name", &name).as_deref(), Ok(&*name));
        }
    }
}
