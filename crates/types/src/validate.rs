//! Validation of user input. The page validates before it sends; the server validates again.

use super::{error::Error, limits::SCOPES_MAX, project::DESCRIPTION_MAX};

/// Maximum length of any name, in characters.
pub const NAME_MAX: usize = 100;
/// Maximum length of an email address, in characters (RFC 5321, section 4.5.3.1.3, without the angle brackets).
pub const EMAIL_MAX: usize = 254;
/// Length of a password, in characters. The upper bound limits the cost of hashing.
pub const PASSWORD_LENGTH: std::ops::RangeInclusive<usize> = 12..=256;

/// Trims a name and validates it: not empty, at most [`NAME_MAX`] characters, none of them invisible.
pub fn name(field: &str, typed: &str) -> Result<String, Error> {
    let name = typed.trim();
    if name.is_empty() {
        return Err(Error::invalid(field, "Enter a name."));
    }
    let length = name.chars().count();
    if length > NAME_MAX {
        return Err(Error::invalid(field, format!("Use at most {NAME_MAX} characters; this has {length}.")));
    }
    if name.chars().any(is_unprintable) {
        return Err(Error::invalid(field, "Remove the invisible characters (control characters or text-direction marks)."));
    }
    Ok(name.to_owned())
}

/// Trims a description and validates it: at most [`DESCRIPTION_MAX`] characters, none of them invisible. Can be empty or have several lines.
pub fn description(field: &str, typed: &str) -> Result<String, Error> {
    let description = typed.trim();
    let length = description.chars().count();
    if length > DESCRIPTION_MAX {
        return Err(Error::invalid(field, format!("Use at most {DESCRIPTION_MAX} characters; this has {length}.")));
    }
    if description.chars().any(|c| is_unprintable(c) && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(Error::invalid(field, "Remove the invisible characters (control characters or text-direction marks)."));
    }
    Ok(description.to_owned())
}

/// Trims a search term and validates it: at most [`NAME_MAX`] characters, since no longer name exists, and no control characters.
pub fn search(field: &str, typed: &str) -> Result<String, Error> {
    let search = typed.trim();
    if search.chars().count() > NAME_MAX || search.chars().any(char::is_control) {
        return Err(Error::invalid(field, format!("Use at most {NAME_MAX} characters and no control characters.")));
    }
    Ok(search.to_owned())
}

/// Trims an email address and validates its form: text before and after a single `@`, no spaces or invisible characters. Whether it is
/// deliverable is not checked.
pub fn email(field: &str, typed: &str) -> Result<String, Error> {
    let email = typed.trim();
    if email.is_empty() {
        return Err(Error::invalid(field, "Enter an email address."));
    }
    let has_two_parts = email.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    let is_clean = !email.chars().any(|c| c.is_whitespace() || is_unprintable(c)) && email.chars().count() <= EMAIL_MAX;
    if has_two_parts && is_clean { Ok(email.to_owned()) } else { Err(Error::invalid(field, "Enter an email address like name@example.com.")) }
}

/// Validates the length of a new password.
pub fn password(field: &str, typed: &str) -> Result<(), Error> {
    let length = typed.chars().count();
    if length < *PASSWORD_LENGTH.start() {
        return Err(Error::invalid(field, format!("Use at least {} characters.", PASSWORD_LENGTH.start())));
    }
    if length > *PASSWORD_LENGTH.end() {
        return Err(Error::invalid(field, format!("Use at most {} characters.", PASSWORD_LENGTH.end())));
    }
    Ok(())
}

/// Whether a text can be a scope that the customer defines.
pub fn is_custom_scope(text: &str) -> bool {
    (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Validates scopes that the customer defines. Returns them distinct, in the given order.
pub fn custom_scopes<'a>(field: &str, words: &'a [String]) -> Result<Vec<&'a str>, Error> {
    let mut scopes: Vec<&str> = Vec::new();
    for word in words {
        if !is_custom_scope(word) {
            return Err(Error::invalid(field, format!("A scope is 1 to {NAME_MAX} letters, digits or symbols, without spaces.")));
        }
        if !scopes.contains(&word.as_str()) {
            scopes.push(word);
        }
    }
    if scopes.len() > SCOPES_MAX {
        return Err(Error::invalid(field, format!("Use at most {SCOPES_MAX} scopes.")));
    }
    Ok(scopes)
}

/// Whether a character is invisible or changes the direction of the text around it: such characters make two different names look equal.
/// Apart from control characters, these are `Bidi_Control` (UAX #9) and the zero-width or blank characters of
/// `Default_Ignorable_Code_Point`, except the joiners and the two variation selectors that scripts and emoji need.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}' | '\u{200B}'
            | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}'
            | '\u{FE00}'..='\u{FE0D}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_trimmed_and_limited_in_characters() {
        assert_eq!(name("name", "  Nightly build  ").unwrap(), "Nightly build");
        assert!(name("name", &"ä".repeat(NAME_MAX)).is_ok());
        assert!(name("name", &"a".repeat(NAME_MAX + 1)).is_err());
        assert!(name("name", " \t ").is_err());
    }

    #[test]
    fn markup_is_accepted_and_invisible_characters_are_not() {
        assert!(name("name", "<script>alert(1)</script>").is_ok());
        assert!(name("name", "👩‍🔧 ❤\u{FE0F} می‌خواهم").is_ok());
        for bad in ["a\u{0}b", "a\nb", "a\u{202E}b", "a\u{2066}b", "a\u{200F}b", "\u{FEFF}a\u{200B}", "\u{3164}", "\u{2800}", "ad\u{AD}min"] {
            assert!(name("name", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn custom_scopes_have_no_spaces() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(custom_scopes("scopes", &words(&["read:all", "write", "read:all"])).unwrap(), ["read:all", "write"]);
        for bad in ["", "a b", "a\tb", "ä", &"a".repeat(NAME_MAX + 1)] {
            assert!(custom_scopes("scopes", &words(&[bad])).is_err(), "{bad}");
        }
        let many: Vec<_> = (0..=SCOPES_MAX).map(|number| number.to_string()).collect();
        assert!(custom_scopes("scopes", &many[1..]).is_ok() && custom_scopes("scopes", &many).is_err());
    }

    #[test]
    fn an_email_has_two_parts_and_no_spaces() {
        assert_eq!(email("email", " a@b ").unwrap(), "a@b");
        for bad in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\u{202E}"] {
            assert!(email("email", bad).is_err(), "{bad:?}");
        }
    }
}
