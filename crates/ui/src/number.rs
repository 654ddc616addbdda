//! Formatted numbers and counts, and parsing of typed integers.

use std::ops::RangeInclusive;

use latchkey_types::error::Error;

pub use latchkey_types::number::format_integer;

/// Formats a `usize` with thousands separators.
pub fn format_count(count: usize) -> String {
    format_integer(i64::try_from(count).unwrap_or(i64::MAX))
}

/// A count with its noun: `1 key`, `1,200 keys`.
pub fn pluralize(number: i64, one: &str, many: &str) -> String {
    format_integer(number) + " " + if number == 1 { one } else { many }
}

/// A `usize` count with its noun.
pub fn pluralize_count(count: usize, one: &str, many: &str) -> String {
    pluralize(i64::try_from(count).unwrap_or(i64::MAX), one, many)
}

/// Parses an integer with optional thousands separators: `1000`, `1,000`, `1 000`. Not `1,5`, which may be a fraction.
pub fn parse_integer(typed: &str) -> Option<i64> {
    let mut groups = typed.trim().split(|c: char| c == ',' || c.is_whitespace());
    let first = groups.next()?;
    let mut digits = first.to_owned();
    let is_group = |group: &str| group.len() == 3 && group.bytes().all(|byte| byte.is_ascii_digit());
    for group in groups {
        if first.is_empty() || !is_group(group) {
            return None;
        }
        digits += group;
    }
    digits.parse().ok()
}

/// Parses the integer in a field.
///
/// # Errors
/// `Invalid` at the field.
pub fn check_integer(field: &str, typed: &str) -> Result<i64, Error> {
    parse_integer(typed).ok_or_else(|| Error::invalid(field, "Enter a number."))
}

/// Parses the integer in a field, which must be in a range.
///
/// # Errors
/// `Invalid` at the field.
pub fn check_integer_in(field: &str, typed: &str, range: RangeInclusive<i64>) -> Result<i64, Error> {
    let number = parse_integer(typed).filter(|number| range.contains(number));
    number.ok_or_else(|| {
        let (first, last) = (format_integer(*range.start()), format_integer(*range.end()));
        Error::invalid(field, format!("Enter a number from {first} to {last}."))
    })
}

/// Parses a field that can be empty.
///
/// # Errors
/// Those of `check`.
pub fn check_optional<T>(field: &str, typed: &str, check: impl FnOnce(&str, &str) -> Result<T, Error>) -> Result<Option<T>, Error> {
    if typed.trim().is_empty() { Ok(None) } else { check(field, typed).map(Some) }
}

/// The rows on a page, counted from 1: `11–20 of 42`.
pub fn page_range(page: i64, rows: i64, count: i64) -> String {
    let first = (page - 1) * rows + 1;
    format!("{}–{} of {}", format_integer(first), format_integer((page * rows).min(count)), format_integer(count))
}

/// A size in bytes, rounded down: `512 B`, `1.5 KiB`, `64 MiB`.
pub fn format_bytes(bytes: i64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    // In tenths of the unit.
    let mut tenths = u128::from(bytes.max(0).unsigned_abs()) * 10;
    let mut unit = 0;
    while tenths >= 10 * 1024 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    let whole = format_integer(i64::try_from(tenths / 10).unwrap_or(i64::MAX));
    let tenth = tenths % 10;
    if tenth == 0 || tenths >= 1000 { format!("{whole} {}", UNITS[unit]) } else { format!("{whole}.{tenth} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_has_the_form_of_its_noun() {
        assert_eq!(pluralize(1, "key", "keys"), "1 key");
        assert_eq!(pluralize(2_000, "key", "keys"), "2,000 keys");
    }

    #[test]
    fn parses_thousands_separators() {
        assert_eq!((parse_integer("1,000"), parse_integer(" 1 000 "), parse_integer("-5")), (Some(1000), Some(1000), Some(-5)));
        assert_eq!((parse_integer("1,000,000"), parse_integer("1,5"), parse_integer("1,0000")), (Some(1_000_000), None, None));
        for bad in ["", "1.5", "ten", ",500"] {
            assert_eq!(parse_integer(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_error_names_the_range() {
        let check = |typed| check_integer_in("days", typed, 1..=3_650);
        assert_eq!((check("1"), check("3,650")), (Ok(1), Ok(3_650)));
        assert_eq!(check("0"), Err(Error::invalid("days", "Enter a number from 1 to 3,650.")));
        assert_eq!(check(""), check("many"));
        assert_eq!(check_optional("days", " ", check_integer), Ok(None));
        assert_eq!(check_optional("days", "7", check_integer), Ok(Some(7)));
        assert_eq!(check_optional("days", "x", check_integer), Err(Error::invalid("days", "Enter a number.")));
    }

    #[test]
    fn sizes_have_the_largest_unit_that_fits() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1,023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (150 * 1024 + 700, "150 KiB"),
            (64 << 20, "64 MiB"),
            ((1 << 30) - 1, "1,023 MiB"),
            (100 << 30, "100 GiB"),
            (i64::MAX, "8,191 PiB"),
        ] {
            assert_eq!(format_bytes(bytes), text);
        }
    }

    #[test]
    fn page_range_counts_from_one() {
        assert_eq!(page_range(2, 10, 42), "11–20 of 42");
        assert_eq!(page_range(5, 10, 42), "41–42 of 42");
        assert_eq!(page_range(1, 100, 1), "1–1 of 1");
    }
}
