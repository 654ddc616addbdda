//! A project key as secrets of another project: what those are called. Both sides reckon it.

use serde::{Deserialize, Serialize};

use super::{fault::Fault, text::NAME_MAX};

/// The longest prefix, in characters.
pub const PREFIX_MAX: usize = 30;
/// How much of a field's name is kept, so that prefix, field and a number together are no longer than a name may be.
const FIELD_MAX: usize = 60;
const _: () = assert!(PREFIX_MAX + FIELD_MAX + "__99".len() <= NAME_MAX);
/// The longest value of a secret, in bytes.
pub const VALUE_MAX: usize = 8 * 1024;

/// A secret that an import would store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedName {
    /// Its name.
    pub name: String,
    /// Whether the project has a secret of that name already.
    pub is_taken: bool,
}

/// A name that programs can use for a variable, or what is wrong with it.
///
/// # Errors
/// `Invalid` for one that is blank, longer than [`NAME_MAX`], begins with a digit, or has more than letters, digits and `_`.
pub fn identifier(field: &str, typed: &str) -> Result<String, Fault> {
    let name = typed.trim();
    let begins_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    if !begins_well || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(Fault::invalid(field, "Use letters without accents, digits and “_”, and no digit at first: such as api_token."));
    }
    if name.len() > NAME_MAX {
        return Err(Fault::invalid(field, format!("Use at most {NAME_MAX} characters; this has {}.", name.len())));
    }
    Ok(name.to_owned())
}

/// What stands before the names of a key's secrets, or what is wrong with it.
///
/// # Errors
/// `Invalid` for one that is no identifier or longer than [`PREFIX_MAX`].
pub fn prefix(field: &str, typed: &str) -> Result<String, Fault> {
    let prefix = identifier(field, typed)?;
    if prefix.len() > PREFIX_MAX {
        return Err(Fault::invalid(field, format!("Use at most {PREFIX_MAX} characters; this has {}.", prefix.len())));
    }
    Ok(prefix)
}

/// The value of a secret without the blanks around it, or what is wrong with it.
///
/// # Errors
/// `Invalid` for one that is blank, longer than [`VALUE_MAX`], or holds the character 0.
pub fn value<'a>(field: &str, typed: &'a str) -> Result<&'a str, Fault> {
    let value = typed.trim();
    if value.is_empty() {
        return Err(Fault::invalid(field, "Enter the value."));
    }
    if value.len() > VALUE_MAX {
        return Err(Fault::invalid(field, format!("This is longer than {} KB.", VALUE_MAX / 1024)));
    }
    if value.contains('\0') {
        return Err(Fault::invalid(field, "Remove the character 0 inside."));
    }
    Ok(value)
}

/// The names of a key's secrets: of its token, then of its fields in their order. Two that would be equal are told apart by a number.
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

/// A field's name in small letters, digits and `_`.
fn as_identifier(field: &str) -> String {
    let part = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    field.trim().chars().take(FIELD_MAX).map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_programs_can_use() {
        for good in ["a", "_", "API_TOKEN", " x9 ", &"a".repeat(NAME_MAX)] {
            assert_eq!(identifier("name", good).as_deref(), Ok(good.trim()));
        }
        for bad in ["", " ", "9a", "a b", "a-b", "a.b", "ä", "٣", "a\0", "a$(b)", &"a".repeat(NAME_MAX + 1)] {
            assert_eq!(identifier("name", bad).unwrap_err().about_field().map(|(field, _)| field), Some("name"), "{bad}");
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
    fn the_names_of_fields_become_names_of_secrets() {
        let fields = ["Project ID", "Input Node-ID", "Größe", "  URL  "];
        assert_eq!(names("acme", fields), ["acme_token", "acme_project_id", "acme_input_node_id", "acme_gr__e", "acme_url"]);
        assert_eq!(names("A", []), ["A_token"]);
    }

    #[test]
    fn equal_names_are_told_apart() {
        assert_eq!(names("p", ["Token", "a b", "A-B", "a.b", "a_b_2"]), ["p_token", "p_token_2", "p_a_b", "p_a_b_2", "p_a_b_3", "p_a_b_2_2"]);
    }

    #[test]
    fn every_name_is_an_identifier_however_long_the_field() {
        let (long, wide) = ("x".repeat(NAME_MAX), "ß".repeat(NAME_MAX));
        for name in names(&"p".repeat(PREFIX_MAX), [&*long, &long, &wide, &wide, "", "9"]) {
            assert_eq!(identifier("name", &name).as_deref(), Ok(&*name));
        }
    }
}
