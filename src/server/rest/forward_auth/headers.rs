//! Values that can stand in a header.

use std::fmt::Write;

use axum::http::HeaderValue;

/// Text as visible ASCII: all else is percent-encoded, and `%` and `,` with it, so that the text and a list of texts can be told from it.
pub fn encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        if byte.is_ascii_graphic() && !matches!(byte, b'%' | b',') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

/// A list of texts, with commas between them.
pub fn list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().map(encoded).collect::<Vec<_>>().join(",")
}

/// JSON in ASCII: what is none stands within strings, where it can be escaped; line breaks stand between values alone.
pub fn json(text: &str) -> String {
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

/// What was made by one of these is a header's value.
pub fn value(ascii: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(ascii).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use url::form_urlencoded;

    use super::*;

    #[test]
    fn what_is_plain_stays_plain() {
        assert_eq!(encoded("cus_1:a/b"), "cus_1:a/b");
        assert_eq!(encoded("Ä 100%\r\n"), "%C3%84%20100%25%0D%0A");
        assert_eq!(list(["read", "a,b"]), "read,a%2Cb");
        assert_eq!(json(&json!({ "plan": "größer 😀\u{7f}" }).to_string()), r#"{"plan":"gr\u00f6\u00dfer \ud83d\ude00\u007f"}"#);
    }

    proptest! {
        #[test]
        fn text_comes_back(text in any::<String>()) {
            let encoded = encoded(&text);
            prop_assert!(value(&encoded).is_some() && encoded.bytes().all(|byte| byte.is_ascii_graphic()));
            // In a query `+` would be a space, and `&` and `=` its own signs.
            let query = format!("={}", encoded.replace('+', "%2B").replace('&', "%26"));
            prop_assert_eq!(&form_urlencoded::parse(query.as_bytes()).next().unwrap().1, &text);
        }

        #[test]
        fn json_comes_back(name in any::<String>(), text in any::<String>()) {
            let said = json!({ name: text });
            for text in [said.to_string(), serde_json::to_string_pretty(&said).unwrap()] {
                let ascii = json(&text);
                prop_assert!(value(&ascii).is_some());
                prop_assert_eq!(&serde_json::from_str::<Value>(&ascii).unwrap(), &said);
            }
        }
    }
}
