//! Entity tags (RFC 9110, section 8.8.3): whether something is still what whoever wants to change it has seen.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::model::{fault::Fault, key::KeyRow};

/// The tag of these bytes, in its quotes.
pub fn of(bytes: &[u8]) -> String {
    format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(bytes)[..16]))
}

/// The tag of a key or a credential. It covers what can be edited: not when it was last used, nor how many credits are left, which change
/// with every call.
pub fn of_row(row: &KeyRow) -> String {
    let credits = row.limits.credits.map(|credits| (credits.refill, credits.amount));
    let corpora: Vec<i64> = row.corpora.iter().map(|corpus| corpus.id).collect();
    let limits = (&row.limits.rate_limits, credits, &row.limits.allowed_ips);
    let secret = (&row.mask, row.retiring.as_ref().map(|old| old.until), row.secret_since);
    let place = (row.provider, &row.region);
    let facts = (row.id, &row.name, row.status, row.creator, row.expires_at, &row.scopes, corpora, &row.external_id, &row.metadata);
    // Neither a map without text for its keys nor anything else that JSON could refuse is in it.
    of(&serde_json::to_vec(&(facts, limits, secret, place)).unwrap_or_default())
}

/// What must still be so for a change to be made: the header `If-Match`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum IfMatch {
    /// Nothing.
    #[default]
    Anything,
    /// That it is there: `*`.
    There,
    /// That it has one of these tags.
    OneOf(Vec<String>),
}

impl IfMatch {
    /// Goes on only where this is so of what is there. To be asked in the transaction that makes the change.
    ///
    /// # Errors
    /// `Outdated`.
    pub fn check(&self, row: impl FnOnce() -> Result<KeyRow, Fault>) -> Result<(), Fault> {
        match self {
            Self::Anything | Self::There => Ok(()),
            Self::OneOf(tags) if tags.contains(&of_row(&row()?)) => Ok(()),
            Self::OneOf(_) => Err(Fault::Outdated),
        }
    }
}

/// One tag of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed<'a> {
    /// In its quotes.
    pub tag: &'a str,
    /// Whether it was marked as weak.
    pub is_weak: bool,
}

/// The tags of a list such as `"a", W/"b"`; a comma may stand inside the quotes. `None` for what is no list of them.
pub fn listed(text: &str) -> Option<Vec<Listed<'_>>> {
    let mut tags = Vec::new();
    let mut rest = text.trim_matches([' ', '\t', ',']);
    while !rest.is_empty() {
        let (is_weak, quoted) = rest.strip_prefix("W/").map_or((false, rest), |quoted| (true, quoted));
        let end = quoted.strip_prefix('"')?.find('"')? + 2;
        let (tag, after) = quoted.split_at(end);
        // A blank is none of a tag's characters.
        if tag.contains(|c: char| c.is_ascii_whitespace() || c.is_control()) {
            return None;
        }
        tags.push(Listed { tag, is_weak });
        let next = after.trim_start_matches([' ', '\t']);
        rest = match next.strip_prefix(',') {
            Some(next) => next.trim_start_matches([' ', '\t', ',']),
            None if next.is_empty() => next,
            None => return None,
        };
    }
    Some(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Option<Vec<(String, bool)>> {
        listed(text).map(|tags| tags.into_iter().map(|listed| (listed.tag.to_owned(), listed.is_weak)).collect())
    }

    #[test]
    fn a_list_of_tags_is_read_as_the_rfc_has_it() {
        let tag = |tag: &str, is_weak| (tag.to_owned(), is_weak);
        assert_eq!(told("\"a\""), Some(vec![tag("\"a\"", false)]));
        assert_eq!(told(" \"a\" , W/\"b\",\"\" "), Some(vec![tag("\"a\"", false), tag("\"b\"", true), tag("\"\"", false)]));
        assert_eq!(told("\"a,b\", ,\"c\","), Some(vec![tag("\"a,b\"", false), tag("\"c\"", false)]));
        for empty in ["", " ", ","] {
            assert_eq!(told(empty), Some(vec![]), "{empty}");
        }
        for bad in ["a", "\"a", "\"a\" \"b\"", "w/\"a\"", "W/", "\"a b\"", "*", "\"a\", *", "\"a\"b"] {
            assert_eq!(told(bad), None, "{bad}");
        }
    }
}
