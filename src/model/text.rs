//! What people may type. The page asks before it sends, the rule asks again.

use super::{fault::Fault, project::DESCRIPTION_MAX};

/// The longest name of anything, in characters.
pub const NAME_MAX: usize = 100;
/// The longest e-mail address, in characters (RFC 5321, section 4.5.3.1.3, less the angle brackets).
pub const EMAIL_MAX: usize = 254;
/// The shortest and the longest password, in characters. The upper bound keeps the hashing cheap to refuse.
pub const PASSWORD_LENGTH: std::ops::RangeInclusive<usize> = 12..=256;

/// A name without the blanks around it, or what is wrong with it.
///
/// # Errors
/// `Invalid` for a name that is blank, longer than [`NAME_MAX`], or holds characters that can't be seen.
pub fn name(field: &str, typed: &str) -> Result<String, Fault> {
    let name = typed.trim();
    if name.is_empty() {
        return Err(Fault::invalid(field, "Enter a name."));
    }
    let length = name.chars().count();
    if length > NAME_MAX {
        return Err(Fault::invalid(field, format!("Use at most {NAME_MAX} characters; this has {length}.")));
    }
    if name.chars().any(is_unprintable) {
        return Err(Fault::invalid(field, "Remove the invisible characters (control or text-direction marks)."));
    }
    Ok(name.to_owned())
}

/// A description without the blanks around it: lines of text, or none.
///
/// # Errors
/// `Invalid` for one that is longer than [`DESCRIPTION_MAX`] or holds characters that can't be seen.
pub fn description(field: &str, typed: &str) -> Result<String, Fault> {
    let description = typed.trim();
    let length = description.chars().count();
    if length > DESCRIPTION_MAX {
        return Err(Fault::invalid(field, format!("Use at most {DESCRIPTION_MAX} characters; this has {length}.")));
    }
    if description.chars().any(|c| is_unprintable(c) && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(Fault::invalid(field, "Remove the invisible characters (control or text-direction marks)."));
    }
    Ok(description.to_owned())
}

/// What is looked for in names, without the blanks around it. No name that holds more could be found.
///
/// # Errors
/// `Invalid` for what is longer than [`NAME_MAX`] or holds control characters.
pub fn search(field: &str, typed: &str) -> Result<String, Fault> {
    let search = typed.trim();
    if search.chars().count() > NAME_MAX || search.chars().any(char::is_control) {
        return Err(Fault::invalid(field, format!("Search for at most {NAME_MAX} characters, without control characters.")));
    }
    Ok(search.to_owned())
}

/// An e-mail address without the blanks around it. What can't be delivered is for the mail server to say.
///
/// # Errors
/// `Invalid` for what has no part before and after one `@`, is too long or holds blanks or invisible characters.
pub fn email(field: &str, typed: &str) -> Result<String, Fault> {
    let email = typed.trim();
    if email.is_empty() {
        return Err(Fault::invalid(field, "Enter an email address."));
    }
    let shaped = email.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    let clean = !email.chars().any(|c| c.is_whitespace() || is_unprintable(c)) && email.chars().count() <= EMAIL_MAX;
    if shaped && clean { Ok(email.to_owned()) } else { Err(Fault::invalid(field, "Enter an email address like name@example.com.")) }
}

/// Whether a new password is long enough to take.
///
/// # Errors
/// `Invalid` for a length outside [`PASSWORD_LENGTH`].
pub fn password(field: &str, typed: &str) -> Result<(), Fault> {
    let length = typed.chars().count();
    if length < *PASSWORD_LENGTH.start() {
        return Err(Fault::invalid(field, format!("Use at least {} characters.", PASSWORD_LENGTH.start())));
    }
    if length > *PASSWORD_LENGTH.end() {
        return Err(Fault::invalid(field, format!("Use at most {} characters.", PASSWORD_LENGTH.end())));
    }
    Ok(())
}

/// Characters that can't be seen, or that turn what stands around them: they make one name pass for another.
/// The second group is Unicode's `Bidi_Control` (UAX #9) with what is zero-width or blank by `Default_Ignorable_Code_Point`; not the
/// joiners and the two variation selectors that scripts and emoji need.
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
    fn a_name_is_trimmed_and_counted_in_characters() {
        assert_eq!(name("name", "  Nightly build  ").unwrap(), "Nightly build");
        assert!(name("name", &"ä".repeat(NAME_MAX)).is_ok());
        assert!(name("name", &"a".repeat(NAME_MAX + 1)).is_err());
        assert!(name("name", " \t ").is_err());
    }

    #[test]
    fn markup_is_a_name_and_invisible_characters_are_not() {
        assert!(name("name", "<script>alert(1)</script>").is_ok());
        assert!(name("name", "👩‍🔧 ❤\u{FE0F} می‌خواهم").is_ok());
        for bad in ["a\u{0}b", "a\nb", "a\u{202E}b", "a\u{2066}b", "a\u{200F}b", "\u{FEFF}a\u{200B}", "\u{3164}", "\u{2800}", "ad\u{AD}min"] {
            assert!(name("name", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_email_has_two_parts_and_no_blanks() {
        assert_eq!(email("email", " a@b ").unwrap(), "a@b");
        for bad in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\u{202E}"] {
            assert!(email("email", bad).is_err(), "{bad:?}");
        }
    }
}
