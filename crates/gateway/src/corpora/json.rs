//! JSON objects with every occurrence of every field. Of two fields with the same name, or with the spellings `corpus_key` and `corpusKey`,
//! another parser may use the one that was not checked here.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::refusal::Refusal;

/// The members of an object, in order. Names are folded: lower case without underscores. Values are parsed by [`value`] only: here their end is found
/// without recursion, so that a body of an unknown caller needs little memory however deeply it is nested.
pub(super) struct Members<'a>(pub(super) Vec<(String, &'a RawValue)>);

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
            members.push((folded(&name), value));
        }
        Ok(Members(members))
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

/// Folds a name, so that both spellings are equal.
fn folded(name: &str) -> String {
    name.chars().filter(|character| *character != '_').map(|character| character.to_ascii_lowercase()).collect()
}

/// An id or number: an integer, or text with its digits, as in the JSON form of Protocol Buffers. `None` if it is not an integer of 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Integer(pub(super) Option<i64>);

struct IntegerVisitor;

impl Visitor<'_> for IntegerVisitor {
    type Value = Integer;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an integer, or text with its digits")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Integer, E> {
        Ok(Integer(Some(value)))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Integer, E> {
        Ok(Integer(i64::try_from(value).ok()))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Integer, E> {
        Ok(Integer::of_digits(value))
    }
}

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IntegerVisitor)
    }
}

impl Integer {
    pub(super) fn of_digits(text: &str) -> Self {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        Self(is_number.then(|| text.parse().ok()).flatten())
    }
}

/// Parses a body: one object.
///
/// # Errors
/// `MALFORMED`.
pub(super) fn object(body: &[u8]) -> Result<Members<'_>, Refusal> {
    serde_json::from_slice(body).map_err(|_| Refusal::malformed("The request body is not a JSON object."))
}

/// Parses the value of a field; `None` for `null`, which is treated like a missing field.
///
/// # Errors
/// `MALFORMED`, with the field's name.
pub(super) fn value<'a, T: Deserialize<'a>>(field: &str, value: &'a RawValue) -> Result<Option<T>, Refusal> {
    serde_json::from_str(value.get()).map_err(|_| Refusal::malformed(format!("The field “{field}” has a wrong type.")))
}

/// Parses a list of objects, which are passed to `parse`.
pub(super) fn objects<'a, T>(field: &str, list: &'a RawValue, parse: impl Fn(Members<'a>) -> Result<T, Refusal>) -> Result<Vec<T>, Refusal> {
    value::<Vec<Members<'a>>>(field, list)?.unwrap_or_default().into_iter().map(parse).collect()
}

/// The only value of a field that must not be repeated with another value.
///
/// # Errors
/// `MALFORMED`, with the field's name.
pub(super) fn single<T: PartialEq>(field: &str, values: Vec<T>) -> Result<Option<T>, Refusal> {
    let mut values = values.into_iter();
    let first = values.next();
    if values.all(|other| first.as_ref() == Some(&other)) {
        Ok(first)
    } else {
        Err(Refusal::malformed(format!("The field “{field}” occurs twice with different values.")))
    }
}

/// The ids of a corpus, with every occurrence.
#[derive(Debug, Default)]
pub(super) struct CorpusIds {
    pub(super) customers: Vec<Integer>,
    pub(super) corpora: Vec<Integer>,
}

impl CorpusIds {
    /// Takes the value if the field is one of the ids.
    pub(super) fn read(&mut self, field: &str, raw: &RawValue) -> Result<bool, Refusal> {
        let (ids, name) = match field {
            "customerid" => (&mut self.customers, "customer_id"),
            "corpusid" => (&mut self.corpora, "corpus_id"),
            _ => return Ok(false),
        };
        ids.extend(value::<Integer>(name, raw)?);
        Ok(true)
    }

    /// The corpus. Call it after checking the ids.
    ///
    /// # Errors
    /// `MALFORMED` if there are two, `INVALID_CORPUS_ID` if there is none.
    pub(super) fn into_corpus(self) -> Result<i64, Refusal> {
        single("corpus_id", self.corpora)?.and_then(|id| id.0).ok_or_else(Refusal::wrong_corpus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(body: &str) -> Option<Vec<String>> {
        object(body.as_bytes()).ok().map(|members| members.0.into_iter().map(|(name, _)| name).collect())
    }

    #[test]
    fn every_occurrence_and_spelling_of_a_field_is_kept() {
        let body = r#"{"corpus_key": 1, "corpusKey": 2, "corpus\u005fkey": 3, "CORPUS_KEY": {"a": [4]}}"#;
        assert_eq!(names(body).unwrap(), ["corpuskey"; 4]);
        for malformed in ["", "[]", "1", "null", "{", "{} {}", r#"{"a": 01}"#, r#"{"\ud800": 1}"#, "\u{FEFF}{}"] {
            assert_eq!(names(malformed), None, "{malformed}");
        }
    }

    #[test]
    fn integers_may_be_text() {
        let integer = |json: &str| serde_json::from_str::<Integer>(json).ok().map(|integer| integer.0);
        for (json, expected) in [
            ("7", Some(Some(7))),
            (r#""7""#, Some(Some(7))),
            (r#""007""#, Some(Some(7))),
            ("-7", Some(Some(-7))),
            ("9223372036854775808", Some(None)),
            (r#""9223372036854775808""#, Some(None)),
            (r#""-7""#, Some(None)),
            (r#"" 7""#, Some(None)),
            (r#""""#, Some(None)),
            ("7.0", None),
            ("true", None),
            ("[7]", None),
        ] {
            assert_eq!(integer(json), expected, "{json}");
        }
    }

    #[test]
    fn a_repeated_value_must_be_the_same() {
        assert_eq!(single::<i64>("a", vec![]).unwrap(), None);
        assert_eq!(single("a", vec![1, 1]).unwrap(), Some(1));
        assert_eq!(single("a", vec![1, 2]).unwrap_err().code(), "MALFORMED");
    }
}
