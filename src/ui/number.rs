//! Numbers for people.

/// A whole number with its thousands apart. The server's HTML says the same, so the browser's language stays out of it.
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

/// The same of how many there are of something.
pub fn thousands(count: usize) -> String {
    grouped(i64::try_from(count).unwrap_or(i64::MAX))
}

/// A number of things: `1 key`, `1,200 keys`.
pub fn counted(number: i64, one: &str, many: &str) -> String {
    grouped(number) + " " + if number == 1 { one } else { many }
}

/// The same of how many there are of something.
pub fn count_of(count: usize, one: &str, many: &str) -> String {
    counted(i64::try_from(count).unwrap_or(i64::MAX), one, many)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567"), (-12_345, "−12,345")] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(counted(1, "key", "keys"), "1 key");
        assert_eq!(counted(2_000, "key", "keys"), "2,000 keys");
    }
}
