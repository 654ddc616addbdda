//! Hexadecimal digits.

use std::fmt::Write;

/// Two lower-case digits per byte.
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut digits, byte| {
        // Writing to a string never fails.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// The bytes of an even number of digits, in either case; `None` for any other text.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().map(|byte| u8::try_from(char::from(byte).to_digit(16)?).ok()).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| (high << 4) | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_round_trip_and_other_texts_are_refused() {
        let bytes = [0, 10, 0x9f, 255];
        assert_eq!(encode(&bytes), "000a9fff");
        assert_eq!(decode("000A9fFF").as_deref(), Some(&bytes[..]));
        assert_eq!(decode("").as_deref(), Some(&[][..]));
        for bad in ["0", "0g", "é0", " 00", "+1"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
