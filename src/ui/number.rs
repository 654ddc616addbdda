//! Numbers, as people read them.

/// A whole number with its thousands apart: `10,000`. The server's HTML says the same, so the browser's language stays out of it.
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of something: `1 key`, `10,000 keys`.
pub fn count_of(number: usize, one: &str, many: &str) -> String {
    thousands(number) + " " + if number == 1 { one } else { many }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (10_000, "10,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(count_of(0, "key", "keys"), "0 keys");
        assert_eq!(count_of(1, "key", "keys"), "1 key");
        assert_eq!(count_of(1_000, "key", "keys"), "1,000 keys");
    }
}
