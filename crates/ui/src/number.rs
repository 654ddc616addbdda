//! Formatted numbers and counts.

/// An integer with thousands separators. Independent of the browser's locale, so that the server renders the same.
pub fn format_integer(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "−" } else { "" });
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

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

/// The rows on a page, counted from 1: `11–20 of 42`.
pub fn page_range(page: i64, rows: i64, count: i64) -> String {
    let first = (page - 1) * rows + 1;
    format!("{}–{} of {}", format_integer(first), format_integer((page * rows).min(count)), format_integer(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_thousands_separators() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567"), (-12_345, "−12,345")] {
            assert_eq!(format_integer(number), text);
        }
        assert_eq!(pluralize(1, "key", "keys"), "1 key");
        assert_eq!(pluralize(2_000, "key", "keys"), "2,000 keys");
    }

    #[test]
    fn page_range_counts_from_one() {
        assert_eq!(page_range(2, 10, 42), "11–20 of 42");
        assert_eq!(page_range(5, 10, 42), "41–42 of 42");
        assert_eq!(page_range(1, 100, 1), "1–1 of 1");
    }
}
