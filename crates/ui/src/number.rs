//! Formatted numbers and counts.

/// An integer with thousands separators. Independent of the browser's locale, so that the server renders the same.
pub fn grouped(number: i64) -> String {
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
pub fn thousands(count: usize) -> String {
    grouped(i64::try_from(count).unwrap_or(i64::MAX))
}

/// A count with its noun: `1 key`, `1,200 keys`.
pub fn counted(number: i64, one: &str, many: &str) -> String {
    grouped(number) + " " + if number == 1 { one } else { many }
}

/// A `usize` count with its noun.
pub fn count_of(count: usize, one: &str, many: &str) -> String {
    counted(i64::try_from(count).unwrap_or(i64::MAX), one, many)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_thousands_separators() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567"), (-12_345, "−12,345")] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(counted(1, "key", "keys"), "1 key");
        assert_eq!(counted(2_000, "key", "keys"), "2,000 keys");
    }
}
