//! Encoding of values for headers.

use std::fmt::Write;

use axum::http::HeaderValue;

/// Text as visible ASCII. Everything else is percent-encoded, and so are `%` and `,`, so that the text and a list of texts can be decoded.
pub(super) fn encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_graphic() && !matches!(byte, b'%' | b',') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

/// Encoded texts, separated by commas.
pub(super) fn list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().map(encoded).collect::<Vec<_>>().join(",")
}

/// JSON in ASCII. Other characters occur only within strings, where they are escaped; line breaks and tabs occur only between values, where
/// they are dropped.
pub(super) fn json(text: &str) -> String {
    let mut units = [0; 2];
    text.chars().filter(|character| !matches!(character, '\t' | '\r' | '\n')).fold(String::with_capacity(text.len()), |mut ascii, character| {
        if matches!(character, ' '..='~') {
            ascii.push(character);
        } else {
            for unit in character.encode_utf16(&mut units) {
                let _ = write!(ascii, "\\u{unit:04x}");
            }
        }
        ascii
    })
}

/// A header value. The text that the functions above return is always valid.
pub(super) fn value(ascii: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(ascii).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use url::form_urlencoded;

    use super::*;

    #[test]
    fn visible_ascii_is_kept() {
        assert_eq!(encoded("cus_1:a/b"), "cus_1:a/b");
        assert_eq!(encoded("Ä 100%\r\n"), "%C3%84%20100%25%0D%0A");
        assert_eq!(list(["read", "a,b"]), "read,a%2Cb");
        assert_eq!(json(&json!({ "plan": "größer 😀\u{7f}" }).to_string()), r#"{"plan":"gr\u00f6\u00dfer \ud83d\ude00\u007f"}"#);
    }

    proptest! {
        #[test]
        fn text_round_trips(text in any::<String>()) {
            let encoded = encoded(&text);
            prop_assert!(value(&encoded).is_some() && encoded.bytes().all(|byte| byte.is_ascii_graphic()));
            // `+`, `&` and `=` have a meaning in a query.
            let query = format!("={}", encoded.replace('+', "%2B").replace('&', "%26"));
            prop_assert_eq!(&form_urlencoded::parse(query.as_bytes()).next().unwrap().1, &text);
        }

        #[test]
        fn json_round_trips(name in any::<String>(), text in any::<String>()) {
            let original = json!({ name: text });
            for text in [original.to_string(), serde_json::to_string_pretty(&original).unwrap()] {
                let ascii = json(&text);
                prop_assert!(value(&ascii).is_some());
                prop_assert_eq!(&serde_json::from_str::<Value>(&ascii).unwrap(), &original);
            }
        }
    }
}
